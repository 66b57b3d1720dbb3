"""The standard library's threaded server, which those of the WSGI frameworks are made of."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from socketserver import BaseServer, ThreadingMixIn
from typing import Any

from licensechain_hooks import Receiver

__all__ = ["GracefulThreads", "ThreadedServer"]

_POLL = 0.05  # seconds between two looks at whether to stop


class GracefulThreads(ThreadingMixIn):
    """Lets a closing server answer what it has begun to, and not wait for connections on which nothing more comes."""

    daemon_threads = False  # so they are waited for

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(*arguments, **settings)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin with a connection."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Be done with a connection."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)  # type: ignore[misc]

    def server_close(self) -> None:
        """Close, after the last reply."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
        super().server_close()


class ThreadedServer:
    """Serves with a thread for each connection.

    Args:
        server: what serves.
        receiver: is started and stopped with it, where the framework does not do so.
    """

    def __init__(self, server: BaseServer, receiver: Receiver | None = None) -> None:
        self._server = server
        self._receiver = receiver

    def serve(self, ready: Callable[[], None]) -> None:
        """See `Server.serve`."""
        if self._receiver is not None:
            self._receiver.start()
        ready()  # connections wait in the listening socket
        try:
            self._server.serve_forever(_POLL)
        finally:
            self._server.server_close()
            if self._receiver is not None:
                self._receiver.stop()

    def stop(self) -> None:
        """See `Server.stop`."""
        self._server.shutdown()
