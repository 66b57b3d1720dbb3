"""Fixtures of the Django tests: a pytest plugin, loaded by ``pytest_plugins`` in each of them."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any, Literal

import pytest
from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import AsyncClient, Client
from django.utils import timezone

from licensechain_hooks import Event, Hooks
from licensechain_hooks.testing import event_body, sign_request

SECRET = "the-signing-secret-of-the-project"  # of 33 characters: the checks are content


@dataclass(frozen=True)
class Site:
    """The project under one kind of host, reached by Django's test client, which here insists on CSRF tokens."""

    host: Literal["sync", "async"]

    def deliver(self, event: Event | bytes, *, secret: str = SECRET, path: str = "", **extra: Any) -> Any:
        body = event_body(event) if isinstance(event, Event) else event
        headers = sign_request(body, secret)
        return self.request("POST", path or f"/{self.host}/", body, headers | extra)

    def request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
        headers = {"Content-Type": "application/json"} | (headers or {})
        content_type = headers.pop("Content-Type")
        if self.host == "sync":
            client = Client(enforce_csrf_checks=True)
            return client.generic(method, path, body, content_type=content_type, headers=headers)

        async def request() -> Any:
            client = AsyncClient(enforce_csrf_checks=True)
            return await client.generic(method, path, body, content_type=content_type, headers=headers)

        return async_to_sync(request)()


@dataclass(frozen=True)
class Answer:
    status_code: int
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


def post_to_wsgi(path: str, body: bytes, **environ: Any) -> Answer:
    """POST to the project's WSGI application with an environ that says no more of the body than ``environ`` does."""
    started: list[str] = []
    defaults = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "CONTENT_TYPE": "application/json",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
    }
    for name, value in sign_request(body, SECRET).items():
        if name != "Content-Type":
            defaults[f"HTTP_{name.upper().replace('-', '_')}"] = value
    response = WSGIHandler()(defaults | environ, lambda status, _headers: started.append(status))
    content = b"".join(response)
    response.close()
    return Answer(int(started[0].split()[0]), content)


async def post_to_asgi(path: str, body: bytes, *, application: Any = None, chunks: Sequence[bytes] = ()) -> Answer:
    """POST to the project's ASGI application, in ``chunks`` and without a Content-Length."""
    sent: list[dict[str, Any]] = []
    answered = asyncio.Event()
    incoming = list(chunks) or [body]

    async def receive() -> dict[str, Any]:
        if not incoming:
            await answered.wait()
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": incoming.pop(0), "more_body": bool(incoming)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            answered.set()

    named = sign_request(body, SECRET) | {"Host": "testserver"}
    headers = [(name.lower().encode(), value.encode()) for name, value in named.items()]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
    await (application or ASGIHandler())(scope, receive, send)
    return Answer(sent[0]["status"], b"".join(message.get("body", b"") for message in sent))


class Stored:
    """What is in a database of the project's.

    Args:
        using: its alias.
    """

    def __init__(self, using: str = "default") -> None:
        self._using = using

    def entries(self) -> list[tuple[str, str]]:
        """The event and the state of each entry."""
        from licensechain_hooks.contrib.django.models import Entry

        return list(Entry.objects.using(self._using).order_by("id").values_list("event_id", "state"))

    def locks(self) -> list[str]:
        """What handlers have written."""
        from django_project.shop.models import Lock

        return sorted(Lock.objects.using(self._using).values_list("license", flat=True))

    def let_all_be_due(self) -> None:
        """Let the time until the next attempts be over."""
        from licensechain_hooks.contrib.django.models import Entry

        due_at = timezone.now() - timedelta(minutes=1)
        Entry.objects.using(self._using).filter(state="failed").update(next_attempt_at=due_at)

    def drain(self) -> int:
        """Run the handlers of what is due."""
        from licensechain_hooks.contrib.django.conf import get_receivers

        return get_receivers().worker.drain()


@pytest.fixture
def stored() -> Stored:
    """What is in the project's database."""
    return Stored()


@pytest.fixture
def connect() -> Iterator[Callable[..., None]]:
    """Connects a receiver for the length of the test."""
    connected = []

    def connect_to(signal: Any, receiver: Callable[..., Any], **options: Any) -> None:
        signal.connect(receiver, weak=False, **options)
        connected.append((signal, receiver, options.get("sender")))

    yield connect_to
    for signal, receiver, sender in connected:
        assert signal.disconnect(receiver, sender=sender)


@pytest.fixture
def django_hooks(settings: Any) -> Hooks:
    """The project's handlers in this test, run while the sender waits; its settings know the signing secret."""
    hooks = Hooks()
    settings.LICENSECHAIN_HOOKS = {"SECRETS": [SECRET], "HOOKS": hooks, "PROCESSING": "inline"}
    return hooks


@pytest.fixture
def durable_hooks(django_hooks: Hooks, settings: Any, transactional_db: None) -> Iterator[Hooks]:
    """The project's handlers in durable mode, run by a thread of this process; it ends with the test."""
    from licensechain_hooks.contrib.django.conf import get_receivers

    worker = {"poll": timedelta(milliseconds=20), "concurrency": 2}
    settings.LICENSECHAIN_HOOKS |= {"PROCESSING": "thread", "WORKER": worker}
    yield django_hooks
    get_receivers().stop()


@pytest.fixture
def no_worker(durable_hooks: Hooks, settings: Any) -> Hooks:
    """The project's handlers in durable mode, run by another process: here, whoever drains."""
    settings.LICENSECHAIN_HOOKS |= {"PROCESSING": "worker"}
    return durable_hooks


@pytest.fixture
def wait_for() -> Callable[[Callable[[], Any]], None]:
    """Waits until something is so."""

    def wait(condition: Callable[[], Any]) -> None:
        ends = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < ends, "it has not come about"
            time.sleep(0.01)

    return wait


@pytest.fixture(params=["sync", "async"])
def site(request: pytest.FixtureRequest, django_hooks: Hooks) -> Site:
    """The project under either kind of host."""
    return Site(request.param)


@pytest.fixture
def sync_site(django_hooks: Hooks) -> Site:
    """The project under WSGI."""
    return Site("sync")


@pytest.fixture
def async_site(django_hooks: Hooks) -> Site:
    """The project under ASGI."""
    return Site("async")


@pytest.fixture
def wsgi_post(django_hooks: Hooks) -> Any:
    """`post_to_wsgi`."""
    return post_to_wsgi


@pytest.fixture
def asgi_post(django_hooks: Hooks) -> Any:
    """`post_to_asgi`."""
    return post_to_asgi
