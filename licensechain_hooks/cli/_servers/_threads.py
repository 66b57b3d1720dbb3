"""The standard library's threaded server, which those of the WSGI frameworks are made of."""

from socketserver import BaseServer

__all__ = ["ThreadedServer"]

_POLL = 0.05  # seconds between two looks at whether to stop


class ThreadedServer:
    """Serves with a thread for each connection."""

    def __init__(self, server: BaseServer) -> None:
        self._server = server

    def serve(self) -> None:
        """See `Server.serve`."""
        try:
            self._server.serve_forever(_POLL)
        finally:
            self._server.server_close()

    def stop(self) -> None:
        """See `Server.stop`."""
        self._server.shutdown()
