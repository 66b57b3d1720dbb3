"""Django, served by the server of its ``runserver``, without the reloader."""

import socket
from secrets import token_urlsafe
from types import ModuleType
from typing import Any

from licensechain_hooks import Receiver
from licensechain_hooks.cli._servers import Server, Site
from licensechain_hooks.cli._servers._threads import GracefulThreads, ThreadedServer
from licensechain_hooks.cli._watched import WatchedInbox

try:
    import django
    from django.conf import settings
except ImportError as exc:
    msg = "this framework needs Django: pip install 'licensechain-hooks[django]'"
    raise ImportError(msg) from exc

__all__ = ["make_server"]


_ENGINES = {"sqlite": "sqlite3", "postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}


def make_server(site: Site, listening: socket.socket) -> Server:
    """A Django project of one app, the adapter's, in the database of the site's inbox."""
    urls = ModuleType("licensechain_hooks_listen_urls")
    _configure(site, urls)
    receiver = _receiver(site)
    urls.urlpatterns = _patterns(site.path, receiver)  # type: ignore[attr-defined]
    return ThreadedServer(_server(listening), receiver)


def _configure(site: Site, urls: ModuleType) -> None:
    settings.configure(
        ALLOWED_HOSTS=["*"],  # which interface listens decides who gets in
        DATABASES={"default": _database(site.inbox.engine.url)},
        INSTALLED_APPS=["licensechain_hooks.contrib.django"],
        LOGGING_CONFIG=None,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
        ROOT_URLCONF=urls,
        SECRET_KEY=token_urlsafe(),  # nothing is signed with it, but Django wants one
        USE_TZ=True,
    )
    django.setup()


def _database(url: Any) -> dict[str, Any]:
    """The database of an inbox, as Django's settings have it; the tables are the same."""
    return {
        "ENGINE": f"django.db.backends.{_ENGINES[url.get_backend_name()]}",
        "NAME": url.database,
        "USER": url.username or "",
        "PASSWORD": url.password or "",
        "HOST": url.host or "",
        "PORT": url.port or "",
    }


def _receiver(site: Site) -> Receiver:
    from licensechain_hooks.contrib.django.conf import HookSettings, Receivers  # noqa: PLC0415 - of a project set up
    from licensechain_hooks.contrib.django.inbox import DjangoInbox  # noqa: PLC0415

    settings = HookSettings(
        secrets=site.endpoint.secrets,
        profile=site.endpoint.profile,
        hooks=site.hooks,
        on_outcome=site.on_outcome,
        worker=site.worker,
    )
    return Receivers(settings, inbox=WatchedInbox(DjangoInbox(), site.on_attempt).itself).get()


def _patterns(url_path: str, receiver: Receiver) -> list[Any]:
    from django.urls import path  # noqa: PLC0415

    from licensechain_hooks.contrib.django.views import webhook_view  # noqa: PLC0415

    return [path(url_path.removeprefix("/"), webhook_view(receiver))]


def _server(listening: socket.socket) -> Any:
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler  # noqa: PLC0415
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415

    class Handler(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing: `listen` prints a line for each delivery."""

    class GracefulServer(GracefulThreads, ThreadedWSGIServer):
        """The server of runserver."""

    host, port = listening.getsockname()[:2]
    ipv6 = listening.family == socket.AF_INET6
    server = GracefulServer((host, port), Handler, ipv6=ipv6, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    server.server_name, server.server_port = host, port
    server.setup_environ()
    server.set_app(get_wsgi_application())
    return server
