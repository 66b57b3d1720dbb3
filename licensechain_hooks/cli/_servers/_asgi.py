"""uvicorn, for the ASGI frameworks."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

try:
    import uvicorn
except ImportError as exc:
    msg = "this framework is served by uvicorn: pip install 'licensechain-hooks[cli]'"
    raise ImportError(msg) from exc

__all__ = ["ASGIServer"]


class _Server(uvicorn.Server):
    """uvicorn, which tells when it is ready."""

    ready: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start; be ready a moment later, for uvicorn before 0.31 is untidy when it has to stop at its start."""
        await super().startup(sockets=sockets)
        asyncio.get_running_loop().call_soon(self.ready)


class ASGIServer:
    """Serves an ASGI application."""

    def __init__(self, app: Any, listening: socket.socket) -> None:
        config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=5)
        self._server = _Server(config)
        self._listening = listening

    def serve(self, ready: Callable[[], None]) -> None:
        """See `Server.serve`."""
        self._server.ready = ready
        self._server.run(sockets=[self._listening])

    def stop(self) -> None:
        """See `Server.stop`."""
        self._server.should_exit = True
