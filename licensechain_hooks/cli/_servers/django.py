"""Django, served by the server of its ``runserver``, without the reloader."""

import socket
from secrets import token_urlsafe
from types import ModuleType
from typing import Any

from licensechain_hooks.cli._servers import Server, Site
from licensechain_hooks.cli._servers._threads import GracefulThreads, ThreadedServer

try:
    import django
    from django.conf import settings
except ImportError as exc:
    msg = "this framework needs Django: pip install 'licensechain-hooks[django]'"
    raise ImportError(msg) from exc

__all__ = ["make_server"]


def make_server(site: Site, listening: socket.socket) -> Server:
    """A Django project of one app, the adapter's."""
    urls = ModuleType("licensechain_hooks_listen_urls")
    _configure(site, urls)
    urls.urlpatterns = _patterns(site.path)  # type: ignore[attr-defined]
    return ThreadedServer(_server(listening))


def _configure(site: Site, urls: ModuleType) -> None:
    settings.configure(
        ALLOWED_HOSTS=["*"],  # which interface listens decides who gets in
        INSTALLED_APPS=["licensechain_hooks.contrib.django"],
        LICENSECHAIN_HOOKS={
            "SECRETS": site.endpoint.secrets,
            "PROFILE": site.endpoint.profile,
            "HOOKS": site.hooks,
            "ON_OUTCOME": site.on_outcome,
        },
        LOGGING_CONFIG=None,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
        ROOT_URLCONF=urls,
        SECRET_KEY=token_urlsafe(),  # nothing is signed with it, but Django wants one
        USE_TZ=True,
    )
    django.setup()


def _patterns(url_path: str) -> list[Any]:
    from django.urls import include, path  # noqa: PLC0415 - of a project that is set up

    return [path(url_path.removeprefix("/"), include("licensechain_hooks.contrib.django.urls"))]


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
