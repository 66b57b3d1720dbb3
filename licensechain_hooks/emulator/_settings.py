"""How an emulator is set up."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from licensechain_hooks.exceptions import ConfigurationError

__all__ = ["DEFAULT_REDELIVER", "EmulatorSettings"]

DEFAULT_REDELIVER = (timedelta(seconds=1), timedelta(seconds=5), timedelta(seconds=30))
_KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSettings:
    """The settings of one emulator.

    Attributes:
        api_key: what the management API wants as ``Authorization: Bearer``; printable ASCII.
        app_secret: what the dialect ``app-secret`` signs with; by default the API key.
        state: the SQLite file that holds webhooks, licenses and deliveries; by default a temporary one.
        redeliver: how long after each failure an event is delivered again; empty for never.
        allow_remote: whether deliveries go to other hosts than this machine.
        timeout: of a delivery, from connecting to the last byte of the reply.
        on_delivery: is told of each delivery that has ended, as ``GET /emulator/deliveries`` shows it.

    Raises:
        ConfigurationError: they cannot work.
    """

    api_key: str = field(repr=False)
    app_secret: str | None = field(default=None, repr=False)
    state: Path | None = None
    redeliver: tuple[timedelta, ...] = DEFAULT_REDELIVER
    allow_remote: bool = False
    timeout: timedelta = timedelta(seconds=5)
    on_delivery: Callable[[Mapping[str, Any]], object] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if _KEY.fullmatch(self.api_key) is None:
            msg = "an API key is printable ASCII without spaces, 1 to 255 characters"
            raise ConfigurationError(msg)
        if self.timeout <= timedelta(0):
            msg = "the time-out of deliveries must be longer than nothing"
            raise ConfigurationError(msg)
        if any(delay < timedelta(0) for delay in self.redeliver):
            msg = "a redelivery cannot come before its failure"
            raise ConfigurationError(msg)
