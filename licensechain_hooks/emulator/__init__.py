"""A local LicenseChain: its management API, signed deliveries with redelivery and logs, and faults on demand."""

try:
    import fastapi as _fastapi  # noqa: F401 - to say what is missing
    import httpx2 as _httpx2  # noqa: F401
except ImportError as exc:
    msg = "the emulator needs FastAPI and httpx2: pip install 'licensechain-hooks[emulator]'"
    raise ImportError(msg) from exc

from licensechain_hooks.emulator._app import create_app
from licensechain_hooks.emulator._settings import EmulatorSettings

__all__ = ["EmulatorSettings", "create_app"]
