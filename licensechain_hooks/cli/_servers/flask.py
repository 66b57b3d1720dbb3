"""Flask, served by Werkzeug with a thread for each connection."""

import socket

from licensechain_hooks.cli._servers import Server, Site
from licensechain_hooks.cli._servers._threads import GracefulThreads, ThreadedServer
from licensechain_hooks.contrib.flask import webhook_blueprint

__all__ = ["make_server"]


def make_server(site: Site, listening: socket.socket) -> Server:
    """A Flask application with the blueprint of the adapter."""
    from flask import Flask  # noqa: PLC0415 - after the adapter, which explains its absence
    from werkzeug import serving  # noqa: PLC0415

    class Handler(serving.WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing: `listen` prints a line for each delivery."""

    class GracefulServer(GracefulThreads, serving.ThreadedWSGIServer):
        """Werkzeug's threaded server."""

    app = Flask("licensechain_hooks.listen")
    app.register_blueprint(webhook_blueprint(site.receiver, path=site.path))
    host, port = listening.getsockname()[:2]
    return ThreadedServer(GracefulServer(host, port, app, Handler, fd=listening.fileno()), site.receiver)
