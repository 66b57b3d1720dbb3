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


@hooks.on("*", transactional=True)
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


@hooks.on_conflict
def alert(event: Event) -> None:
    """Be told of an event with other content than before."""
    append("conflicts", event.id)


def note(outcome: Outcome, _request: HookRequest, _seconds: float) -> None:
    """Write down which process answered, and what."""
    append("outcomes", f"{os.getpid()} {outcome.name}")


def make_receiver() -> Receiver:
    """A receiver in durable mode."""
    from licensechain_hooks.inbox.sql import SqlInbox

    return Receiver(
        Endpoint.from_env(max_body=512 * 1024),
        hooks,
        inbox=SqlInbox(plan["inbox"]),
        worker=make_settings(),
        on_outcome=note,
    )


def make_settings() -> WorkerSettings:
    """Those of the worker: what fails is run again soon."""
    return WorkerSettings(
        embedded=plan["embedded"],
        lease=timedelta(seconds=plan["lease"]),
        poll=timedelta(seconds=0.2),
        backoff=lambda _attempt: timedelta(seconds=0.2),
        max_attempts=1000,
    )


def make_app(framework: str, receiver: Receiver) -> Any:
    """The application of a framework."""
    if framework == "flask":
        from flask import Flask

        from licensechain_hooks.contrib.flask import webhook_blueprint

        app = Flask("inbox_app")
        app.register_blueprint(webhook_blueprint(receiver, path=PATH))
        return app
    from starlette.applications import Starlette

    from licensechain_hooks.contrib.starlette import hooks_lifespan, webhook_route

    return Starlette(routes=[webhook_route(PATH, receiver)], lifespan=hooks_lifespan(receiver))


receiver = make_receiver()
app = make_app(plan["framework"], receiver)
