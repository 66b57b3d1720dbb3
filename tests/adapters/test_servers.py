"""Every adapter behind the servers people run it with: the same bytes, the same answers, over real sockets."""

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from licensechain_hooks.testing.server_conformance import Forge, Served, ServerConformance

MODULES = {
    "starlette": "starlette",
    "fastapi": "fastapi",
    "flask": "flask",
    "django-wsgi": "django",
    "django-asgi": "django",
}


@pytest.fixture(scope="class")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server in a process of its own, on a port that nobody else can get."""
    server, framework = request.cls.server, request.cls.framework
    for module in (server.partition("-")[0], MODULES.get(framework), "httptools" if "httptools" in server else None):
        if module is not None and find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    folder = tmp_path_factory.mktemp("served")
    runs, log = folder / "runs", folder / "log"
    runs.touch()
    secret = secrets.token_hex(32)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening, log.open("wb") as output:
        listening.set_inheritable(True)
        process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("served.py"), server, framework, str(listening.fileno()), runs],
            pass_fds=[listening.fileno()],
            env=os.environ | {"LICENSECHAIN_WEBHOOK_SECRET": secret},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Served(
                address=listening.getsockname(),
                path="/webhooks/licensechain",
                forge=Forge(secret=secret, max_body=64 * 1024),
                runs=lambda: runs.read_text().splitlines(),
                log=log.read_text,
                reads_slowly=server.startswith("uvicorn") and framework != "django-asgi",
            )
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


class _Server(ServerConformance):
    server: str
    framework: str


class TestStarletteUnderUvicornH11(_Server):
    server, framework = "uvicorn-h11", "starlette"


class TestStarletteUnderUvicornHttptools(_Server):
    server, framework = "uvicorn-httptools", "starlette"


class TestFastAPIUnderUvicorn(_Server):
    server, framework = "uvicorn-httptools", "fastapi"


class TestBareASGIUnderUvicorn(_Server):
    server, framework = "uvicorn-h11", "asgi"


class TestDjangoASGIUnderUvicorn(_Server):
    server, framework = "uvicorn-h11", "django-asgi"


class TestDjangoWSGIUnderGunicorn(_Server):
    server, framework = "gunicorn", "django-wsgi"


class TestFlaskUnderGunicorn(_Server):
    server, framework = "gunicorn", "flask"


class TestFlaskUnderWaitress(_Server):
    server, framework = "waitress", "flask"


class TestBareWSGIUnderWaitress(_Server):
    server, framework = "waitress", "wsgi"
