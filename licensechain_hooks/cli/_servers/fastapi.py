"""FastAPI, served by uvicorn."""

import socket

from licensechain_hooks.cli._servers import Server, Site
from licensechain_hooks.cli._servers._asgi import ASGIServer
from licensechain_hooks.contrib.fastapi import webhook_router

__all__ = ["make_server"]


def make_server(site: Site, listening: socket.socket) -> Server:
    """A FastAPI application with the router of the adapter."""
    from fastapi import FastAPI  # noqa: PLC0415 - after the adapter, which explains its absence

    app = FastAPI()
    app.include_router(webhook_router(site.receiver, path=site.path))
    return ASGIServer(app, listening)
