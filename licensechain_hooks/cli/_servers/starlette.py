"""Starlette, served by uvicorn."""

import socket

from licensechain_hooks.cli._servers import Server, Site
from licensechain_hooks.cli._servers._asgi import ASGIServer
from licensechain_hooks.contrib.starlette import hooks_lifespan, webhook_route

__all__ = ["make_server"]


def make_server(site: Site, listening: socket.socket) -> Server:
    """A Starlette application with the route of the adapter."""
    from starlette.applications import Starlette  # noqa: PLC0415 - after the adapter, which explains its absence

    receiver = site.receiver
    app = Starlette(routes=[webhook_route(site.path, receiver)], lifespan=hooks_lifespan(receiver))
    return ASGIServer(app, listening)
