"""uvicorn for the emulator: it ends its streams when it stops, and lets the application tell the time."""

import asyncio
import socket
from collections.abc import Callable

try:
    import uvicorn
except ImportError as exc:
    msg = "the emulator is served by uvicorn: pip install 'licensechain-hooks[emulator]'"
    raise ImportError(msg) from exc

from licensechain_hooks.emulator._app import create_app
from licensechain_hooks.emulator._bus import Bus
from licensechain_hooks.emulator._emulation import Emulation
from licensechain_hooks.emulator._settings import EmulatorSettings

__all__ = ["EmulatorServer"]


class _Server(uvicorn.Server):
    """uvicorn, which tells when it is ready."""

    ready: Callable[[], None]
    bus: Bus

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start; be ready a moment later, for uvicorn before 0.31 is untidy when it has to stop at its start."""
        await super().startup(sockets=sockets)
        asyncio.get_running_loop().call_soon(self.ready)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End; an open stream would be waited for."""
        self.bus.close()
        await super().shutdown(sockets=sockets)


class EmulatorServer:
    """An emulator on a socket that listens.

    Args:
        settings: of the emulator.
        listening: the socket.
    """

    def __init__(self, settings: EmulatorSettings, listening: socket.socket) -> None:
        app = create_app(settings)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, ws="none", date_header=False, timeout_graceful_shutdown=5
        )
        self._server = _Server(config)
        self._emulation: Emulation = app.state.emulation
        self._server.bus = self._emulation.bus
        self._listening = listening

    def serve(self, ready: Callable[[], None]) -> None:
        """Serve until `stop`, and call ``ready`` at the start.

        Raises:
            ConfigurationError: the state cannot be used.
        """
        self._server.ready = ready
        self._emulation.open()  # here, where its error has somebody to tell
        try:
            self._server.run(sockets=[self._listening])
        finally:
            self._emulation.close()

    def stop(self) -> None:
        """Let `serve` end, from any thread, any number of times."""
        self._server.should_exit = True
