"""A real HTTP server for each framework, with this package's adapter for it: one module per framework.

They are named after the frameworks, and each is imported only when its framework is asked for.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from licensechain_hooks import Endpoint, HookRequest, Hooks, Outcome, Receiver
from licensechain_hooks.cli._watched import Attempt, WatchedInbox
from licensechain_hooks.worker import WorkerSettings

if TYPE_CHECKING:
    from licensechain_hooks.inbox.sql import SqlInbox

__all__ = ["FRAMEWORKS", "Server", "Site", "listening_socket", "make_server"]

FRAMEWORKS = ("starlette", "fastapi", "flask", "django")


@dataclass(frozen=True, kw_only=True)
class Site:
    """What a server serves: one endpoint at one path, told in a framework's own terms.

    Attributes:
        inbox: where deliveries are stored; a framework that reaches the same database in a way of its own does so.
        on_attempt: is told what comes of each run of an entry.
        worker: how the worker of this process works.
    """

    endpoint: Endpoint
    hooks: Hooks
    path: str
    on_outcome: Callable[[Outcome, HookRequest, float], object]
    inbox: "SqlInbox"
    on_attempt: Callable[[Attempt], object]
    worker: WorkerSettings

    @cached_property
    def receiver(self) -> Receiver:
        """The receiver of this site."""
        inbox = WatchedInbox(self.inbox, self.on_attempt).itself
        return Receiver(self.endpoint, self.hooks, inbox=inbox, worker=self.worker, on_outcome=self.on_outcome)


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
