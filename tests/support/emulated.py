"""An emulator in a thread of the test process, on a free port of the loopback interface."""

import json
import secrets
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import httpx2

from licensechain_hooks.emulator import EmulatorSettings
from licensechain_hooks.emulator._server import EmulatorServer

__all__ = ["Emulated"]

_PATIENCE = 20.0  # seconds for what has to happen, on a slow machine


class Emulated:
    """A running emulator; a context manager.

    Args:
        settings: those of `EmulatorSettings`, but that redeliveries come after 50 ms, and that the key is made up.

    Attributes:
        url: where it is.
        base_url: of its management API, with ``/v1``.
        api_key: of that.
    """

    def __init__(self, **settings: Any) -> None:
        made_up = {"api_key": secrets.token_urlsafe(24), "redeliver": (timedelta(milliseconds=50),)}
        self.settings = EmulatorSettings(**made_up | settings)
        self.api_key = self.settings.api_key

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._server = EmulatorServer(self.settings, self._listening)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.base_url = f"{self.url}/v1"
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        if not ready.wait(_PATIENCE) or not self._thread.is_alive():
            self.__exit__(None, None, None)
            msg = "the emulator did not start"
            raise RuntimeError(msg)
        headers = {"Authorization": f"Bearer {self.api_key}"}
        settings = {"headers": headers, "trust_env": False, "timeout": _PATIENCE}
        self._client = httpx2.Client(base_url=self.url, verify=False, **settings)  # no TLS: certificates load slowly
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if hasattr(self, "_client"):
            self._client.close()
        self._server.stop()
        self._thread.join(_PATIENCE)
        self._listening.close()
        assert not self._thread.is_alive()

    def request(self, method: str, path: str, value: Any = None, **settings: Any) -> httpx2.Response:
        """Send a request with the API key, and a JSON body where there is a value."""
        if value is not None:
            settings |= {
                "content": json.dumps(value),
                "headers": {"Content-Type": "application/json"} | settings.get("headers", {}),
            }
        return self._client.request(method, path, **settings)

    def call(self, method: str, path: str, value: Any = None) -> Any:
        """The same; the JSON that is answered, which must be a success."""
        reply = self.request(method, path, value)
        reply.raise_for_status()
        return reply.json() if reply.content else None

    def faults(self, **changes: Any) -> dict[str, Any]:
        """Let it do these things wrong beside those it does already; all of them, by their names on the wire."""
        return self.call("PUT", "/emulator/faults", self.call("GET", "/emulator/faults") | changes)

    def webhook(self, url: str, *events: str, secret: str | None = None) -> dict[str, Any]:
        """Register a webhook, by default for ``license.created``; the guide's object, with its secret."""
        given = {"url": url, "events": list(events) or ["license.created"]}
        return self.call("POST", "/v1/webhooks", given if secret is None else {**given, "secret": secret})

    def license(self, **fields: Any) -> dict[str, Any]:
        """Create a license."""
        return self.call("POST", "/v1/licenses", fields)

    def deliveries(self) -> list[dict[str, Any]]:
        """All deliveries, newest first."""
        return self.call("GET", "/emulator/deliveries?limit=1000")["deliveries"]

    def settled(self, count: int = 1) -> list[dict[str, Any]]:
        """All deliveries, oldest first, once there are so many and none is pending."""

        def all_settled() -> list[dict[str, Any]] | None:
            found = self.deliveries()
            is_done = len(found) >= count and all(delivery["state"] != "pending" for delivery in found)
            return found[::-1] if is_done else None

        return self.wait_for(f"{count} deliveries", all_settled)

    def wait_for(self, what: str, look: Callable[[], Any]) -> Any:
        """What a function gives, once that is something.

        Raises:
            TimeoutError: that takes too long; it says what there is instead.
        """
        end = time.monotonic() + _PATIENCE
        while not (found := look()):
            if time.monotonic() > end:
                msg = f"{what} did not come within {_PATIENCE:g} s, but {self.deliveries()}"
                raise TimeoutError(msg)
            time.sleep(0.01)
        return found

    def _serve(self, ready: threading.Event) -> None:
        try:
            self._server.serve(ready.set)
        finally:
            ready.set()
