"""Every adapter behind the servers people run it with: the same bytes, the same answers, over real sockets."""

from collections.abc import Iterator

import pytest
from adapters_served import Pair, require, running

from licensechain_hooks.testing.server_conformance import Served, ServerConformance


@pytest.fixture(scope="class")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server in a process of its own."""
    pair = Pair(request.cls.server, request.cls.framework)
    require(pair)
    with running(pair, tmp_path_factory.mktemp("served")) as served:
        yield served


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
