"""The application that the scenarios serve: an inbox, a transactional and a plain handler, under any framework.

Servers import it as ``inbox_app:app``, the worker's command as ``inbox_app:receiver``. What it is to be is in the
environment variable SCENARIO, as JSON: see `serving.Plan`.
"""

import json
import logging
import os
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from licensechain_hooks import Endpoint, Event, HandlerContext, HookRequest, Hooks, Outcome, Receiver
from licensechain_hooks.worker import WorkerSettings

PATH = "/webhooks/licensechain"
MAX_BODY = 512 * 1024
plan: dict[str, Any] = json.loads(os.environ["SCENARIO"])
hooks = Hooks()
logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")


def append(name: str, line: str) -> None:
    """Add a line to a file of the scenario's folder, whole also where several processes do."""
    file = os.open(Path(plan["folder"]) / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, f"{line}\n".encode())
    finally:
        os.close(file)


@hooks.on("*")
def tell_others(event: Event, context: HandlerContext) -> None:
    """Have an effect outside of the database."""
    append("effects", f"{event.id} {sha256(context.raw_body).hexdigest()}")


def book(event: Event, context: HandlerContext) -> None:
    """Have an effect in the database; nothing there keeps it from being written twice."""
    statement = "INSERT INTO effect (event_id, digest) VALUES ('{}', '{}')"
    statement = statement.format(event.id, sha256(context.raw_body).hexdigest())
    if plan["framework"].startswith("django"):
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(statement)
    else:
        context.connection.exec_driver_sql(statement)


if plan["inbox"]:
    hooks.on("*", transactional=True)(book)


@hooks.on("license.suspended")
def stumble(_event: Event, context: HandlerContext) -> None:
    """Fail at first."""
    if context.attempt == 1:
        msg = "the first attempt fails"
        raise RuntimeError(msg)


def leak(_event: Event, *, kept: list[Any] = []) -> None:  # noqa: B006 - it is there to be kept
    """Keep some memory and a descriptor."""
    kept.append((os.urandom(20_000), os.dup(1)))


if plan["leaking"]:
    hooks.on("license.created")(leak)


@hooks.on_conflict
def alert(event: Event) -> None:
    """Be told of an event with other content than before."""
    append("conflicts", event.id)


def note(outcome: Outcome, _request: HookRequest, _seconds: float) -> None:
    """Write down which process answered, and what."""
    append("outcomes", f"{os.getpid()} {outcome.name}")


def make_settings() -> WorkerSettings:
    """Those of the worker: what fails is run again soon."""
    return WorkerSettings(
        embedded=plan["embedded"],
        lease=timedelta(seconds=plan["lease"]),
        poll=timedelta(seconds=0.2),
        backoff=lambda _attempt: timedelta(seconds=0.2),
        max_attempts=1000,
    )


def make_receiver() -> Receiver:
    """A receiver in durable mode, or in inline mode where several processes remember events together."""
    endpoint = Endpoint.from_env(max_body=MAX_BODY)
    if plan["redis"]:
        from licensechain_hooks.dedupe.redis import RedisDeduplicator

        return Receiver(endpoint, hooks, deduplicator=RedisDeduplicator(plan["redis"]), on_outcome=note)
    from licensechain_hooks.inbox.sql import SqlInbox

    return Receiver(endpoint, hooks, inbox=SqlInbox(plan["inbox"]), worker=make_settings(), on_outcome=note)


def make_flask() -> Any:
    """Flask's WSGI application."""
    from flask import Flask

    from licensechain_hooks.contrib.flask import webhook_blueprint

    flask_app = Flask("inbox_app")
    flask_app.register_blueprint(webhook_blueprint(receiver, path=PATH))
    return flask_app


def make_starlette() -> Any:
    """Starlette's ASGI application."""
    from starlette.applications import Starlette

    from licensechain_hooks.contrib.starlette import hooks_lifespan, webhook_route

    return Starlette(routes=[webhook_route(PATH, receiver)], lifespan=hooks_lifespan(receiver))


def set_up_django() -> None:
    """A project with little but the inbox; its database has the settings that Django gives it by default."""
    import django
    from django.conf import settings
    from django.urls import path
    from sqlalchemy import make_url

    url = make_url(plan["inbox"])
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": url.database}
    postgresql = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.database,
        "USER": url.username,
        "PASSWORD": url.password,
        "HOST": url.host,
        "PORT": url.port,
        "CONN_MAX_AGE": 60,  # as in production
    }
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        INSTALLED_APPS=["licensechain_hooks.contrib.django"],
        DATABASES={"default": sqlite if url.get_backend_name() == "sqlite" else postgresql},
        LICENSECHAIN_HOOKS={
            "HOOKS": hooks,
            "MAX_BODY": MAX_BODY,
            "ON_OUTCOME": note,
            "WORKER": make_settings(),
            "PROCESSING": "thread" if plan["embedded"] else "worker",
        },
    )
    django.setup()
    from licensechain_hooks.contrib.django import views

    view = views.async_webhook if plan["framework"] == "django-asgi" else views.webhook
    urlpatterns.append(path(PATH.removeprefix("/"), view))


def make_django() -> Any:
    """Django's WSGI or ASGI application."""
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler

    return ASGIHandler() if plan["framework"] == "django-asgi" else WSGIHandler()


urlpatterns: list[Any] = []
if plan["framework"].startswith("django"):
    set_up_django()
    app = make_django()
else:
    receiver = make_receiver()
    app = make_flask() if plan["framework"] == "flask" else make_starlette()
