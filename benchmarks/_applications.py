"""The applications that are compared: ours with one handler, and bare ones, which read the body and answer the same.

The same reply, for a server needs several µs to write a body and a header more: that is not the receiver's doing.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from benchmarks._deliveries import PATH, SECRET
from licensechain_hooks import Endpoint, Event, Hooks, Receiver, WorkerSettings
from licensechain_hooks._entries import NewEntry, Recorded

INBOX_VARIABLE = "BENCHMARK_INBOX"
REPLY = b'{"status": "processed"}'
_JSON = "application/json"


def receiver(*, handler: bool = True) -> Receiver:
    """A receiver with an async handler that does nothing, and a memory of its own."""
    hooks = Hooks()
    if handler:

        @hooks.on("license.*")
        async def handle(_event: Event) -> None:
            pass

    return Receiver(Endpoint(secrets=[SECRET]), hooks)


def sync_receiver() -> Receiver:
    """The same with a plain function."""
    hooks = Hooks()

    @hooks.on("license.*")
    def handle(_event: Event) -> None:
        pass

    return Receiver(Endpoint(secrets=[SECRET]), hooks)


def durable_receiver() -> Receiver:
    """A receiver that stores deliveries in the inbox of the environment; nothing runs their handlers."""
    from licensechain_hooks.inbox.sql import SqlInbox

    hooks = Hooks()

    @hooks.on("license.*")
    def handle(_event: Event) -> None:
        pass

    inbox = SqlInbox(os.environ[INBOX_VARIABLE])
    return Receiver(Endpoint(secrets=[SECRET]), hooks, inbox=inbox, worker=WorkerSettings(embedded=False))


class _OneByOne:
    """In the place of a group commit: a transaction for each delivery, in a thread of a pool."""

    def __init__(self, inbox: Any) -> None:
        self._record_many = inbox.record_many
        self._pool = ThreadPoolExecutor(8)

    async def asubmit(self, entry: NewEntry) -> Recorded:
        (recorded,) = await asyncio.get_running_loop().run_in_executor(self._pool, self._record_many, [entry])
        return recorded


async def asgi_bare(scope: Any, receive: Any, send: Any) -> None:
    """No framework at all."""
    if scope["type"] != "http":
        return
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    headers = [(b"content-type", _JSON.encode()), (b"content-length", b"%d" % len(REPLY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": REPLY})


def starlette_bare() -> Any:
    """Starlette with an endpoint that reads the body."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def endpoint(request: Request) -> Response:
        await request.body()
        return Response(REPLY, media_type=_JSON)

    return Starlette(routes=[Route(PATH, endpoint, methods=["POST"])])


def starlette_ours(own: Receiver | None = None, *, handler: bool = True) -> Any:
    """Starlette with our route; by default with a receiver in inline mode."""
    from starlette.applications import Starlette

    from licensechain_hooks.contrib.starlette import webhook_route

    return Starlette(routes=[webhook_route(PATH, receiver(handler=handler) if own is None else own)])


def starlette_durable() -> Any:
    """The same, and deliveries are stored."""
    return starlette_ours(durable_receiver())


def starlette_naive() -> Any:
    """The same, and each is stored by itself."""
    own: Any = durable_receiver()
    own._durable._records = _OneByOne(own.inbox)
    return starlette_ours(own)


def starlette_procrastinate() -> Any:
    """Starlette with our route, whose handler only defers a task."""
    from benchmarks.inbox._databases import dsn_of
    from benchmarks.inbox._queues import procrastinate_app

    queue, task = procrastinate_app(dsn_of(os.environ[INBOX_VARIABLE]), connections=8)
    hooks = Hooks()

    @hooks.on("license.*")
    async def handle(event: Event) -> None:
        await task.defer_async(entry=event.id)

    @asynccontextmanager
    async def opened(_app: Any) -> AsyncIterator[None]:
        async with queue.open_async():
            yield

    app = starlette_ours(Receiver(Endpoint(secrets=[SECRET]), hooks))
    app.router.lifespan_context = opened
    return app


def fastapi_bare() -> Any:
    """FastAPI with a path operation that reads the body."""
    from fastapi import FastAPI, Request, Response

    app = FastAPI()

    @app.post(PATH)
    async def endpoint(request: Request) -> Response:
        await request.body()
        return Response(REPLY, media_type=_JSON)

    return app


def fastapi_ours() -> Any:
    """FastAPI with our router."""
    from fastapi import FastAPI

    from licensechain_hooks.contrib.fastapi import webhook_router

    app = FastAPI()
    app.include_router(webhook_router(receiver(), path=PATH))
    return app


def flask_bare() -> Any:
    """Flask with a view that reads the body."""
    from flask import Flask, Response, request

    app = Flask("bare")

    @app.post(PATH)
    def view() -> Response:
        request.get_data()
        return Response(REPLY, content_type=_JSON)

    return app


def flask_ours(own: Receiver | None = None) -> Any:
    """Flask with our blueprint; by default with a receiver in inline mode."""
    from flask import Flask

    from licensechain_hooks.contrib.flask import webhook_blueprint

    app = Flask("ours")
    app.register_blueprint(webhook_blueprint(own or sync_receiver(), path=PATH))
    return app


def flask_durable() -> Any:
    """The same, and deliveries are stored."""
    return flask_ours(durable_receiver())


def django_bare() -> Any:
    """Django with a view that reads the body."""
    _set_up_django()
    from django.http import HttpRequest, HttpResponse
    from django.views.decorators.csrf import csrf_exempt

    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse:
        _ = request.body
        return HttpResponse(REPLY, content_type=_JSON)

    return _django_serving(view)


def django_ours() -> Any:
    """Django with our view."""
    _set_up_django()
    from licensechain_hooks.contrib.django.views import webhook_view

    return _django_serving(webhook_view(sync_receiver()))


def _set_up_django() -> None:
    import django
    from django.conf import settings

    settings.configure(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["licensechain_hooks.contrib.django"],
        LICENSECHAIN_HOOKS={"SECRETS": [SECRET]},
        MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
        ROOT_URLCONF=__name__,
    )
    django.setup()


def _django_serving(view: Any) -> Any:
    from django.core.wsgi import get_wsgi_application
    from django.urls import path

    urlpatterns.append(path(PATH.removeprefix("/"), view))
    return get_wsgi_application()


urlpatterns: list[Any] = []  # Django looks for them here
