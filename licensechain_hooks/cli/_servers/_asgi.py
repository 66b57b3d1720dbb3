"""uvicorn, for the ASGI frameworks."""

import socket
from typing import Any

try:
    import uvicorn
except ImportError as exc:
    msg = "this framework is served by uvicorn: pip install 'licensechain-hooks[cli]'"
    raise ImportError(msg) from exc

__all__ = ["ASGIServer"]


class ASGIServer:
    """Serves an ASGI application."""

    def __init__(self, app: Any, listening: socket.socket) -> None:
        config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=5)
        self._server = uvicorn.Server(config)
        self._listening = listening

    def serve(self) -> None:
        """See `Server.serve`."""
        self._server.run(sockets=[self._listening])

    def stop(self) -> None:
        """See `Server.stop`."""
        self._server.should_exit = True
