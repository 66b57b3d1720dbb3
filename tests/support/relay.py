"""A relay before a server of the loopback interface: TLS for a server that has none, and connections that break."""

import socket
import ssl
import threading
from contextlib import suppress
from typing import Self

__all__ = ["Relay"]


class Relay:
    """Passes on what comes to a port of its own; a context manager.

    Args:
        port: of the server.
        tls: what the relay is with to its clients; ``None``: no TLS.

    Attributes:
        port: of the relay.
        asked: how many pieces it has passed on to the server.
    """

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._server = port
        self._tls = tls
        self._losing = False
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.asked = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        with suppress(OSError):  # wakes who waits for the next connection
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def lose_the_next_answer(self) -> None:
        """Pass on the next question, and hang up instead of its answer."""
        self._losing = True

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", self._server)) as server:
            outside = self._tls.wrap_socket(client, server_side=True) if self._tls is not None else client
            with outside:
                threading.Thread(target=self._answer, args=(server, outside), daemon=True).start()
                while question := outside.recv(65536):
                    self.asked += 1
                    server.sendall(question)

    def _answer(self, server: socket.socket, outside: socket.socket) -> None:
        with suppress(OSError):
            while answer := server.recv(65536):
                if self._losing:
                    self._losing = False
                    break
                outside.sendall(answer)
            outside.shutdown(socket.SHUT_RDWR)
