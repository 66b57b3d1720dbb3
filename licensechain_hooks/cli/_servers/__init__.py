"""A real HTTP server for each framework, with this package's adapter for it: one module per framework.

They are named after the frameworks, and each is imported only when its framework is asked for.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from licensechain_hooks import Endpoint, HookRequest, Hooks, Outcome, Receiver

__all__ = ["FRAMEWORKS", "Server", "Site", "listening_socket", "make_server"]

FRAMEWORKS = ("starlette", "fastapi", "flask", "django")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a server serves: one endpoint at one path, told in a framework's own terms."""

    endpoint: Endpoint
    hooks: Hooks
    path: str
    on_outcome: Callable[[Outcome, HookRequest, float], object]

    @property
    def receiver(self) -> Receiver:
        """A receiver of this site."""
        return Receiver(self.endpoint, self.hooks, on_outcome=self.on_outcome)


class Server(Protocol):
    """A server that has not begun to serve."""

    def serve(self, ready: Callable[[], None]) -> None:
        """Serve until `stop`, and call ``ready`` at the start; in the main thread, for some servers handle signals."""

    def stop(self) -> None:
        """Let `serve` end, once it is ready: from any thread but the one it runs in, any number of times."""


def make_server(framework: str, site: Site, listening: socket.socket) -> Server:
    """The server of a framework, on a socket that listens.

    Raises:
        ImportError: the framework is not installed; the message says how to install it.
    """
    module: Any = import_module(f"{__name__}.{framework}")
    server: Server = module.make_server(site, listening)
    return server


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that the port is known and nobody who connects is refused.

    Raises:
        OSError: the port is taken, the address is not this machine's, …; `socket.gaierror` for no address at all.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    *_, address = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0]
    return socket.create_server(address, family=family)
