"""The smallest one: seats that are locked when a license is revoked, in one file and one SQLite database."""

import os

from sqlalchemy import create_engine, text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from licensechain_hooks import Endpoint, HandlerContext, Hooks, LicenseCreated, LicenseRevoked, Receiver
from licensechain_hooks.contrib.starlette import health_routes, hooks_lifespan, webhook_route
from licensechain_hooks.inbox.sql import SqlInbox

hooks = Hooks()
engine = create_engine(os.environ.get("SHOP_DATABASE", "sqlite:///shop.db"))
with engine.begin() as setting_up:
    setting_up.execute(text("CREATE TABLE IF NOT EXISTS seat (license TEXT PRIMARY KEY, locked BOOLEAN NOT NULL)"))


@hooks.on("license.created", transactional=True)
def add_seat(event: LicenseCreated, context: HandlerContext) -> None:
    """A license has a seat; where "revoked" came first, that stays as it is."""
    insert = text("INSERT INTO seat VALUES (:id, FALSE) ON CONFLICT DO NOTHING")
    context.connection.execute(insert, {"id": event.data.id})


@hooks.on("license.revoked", transactional=True)
def lock_seat(event: LicenseRevoked, context: HandlerContext) -> None:
    """Nobody works at the seat of a license that is taken back."""
    upsert = text("INSERT INTO seat VALUES (:id, TRUE) ON CONFLICT (license) DO UPDATE SET locked = TRUE")
    context.connection.execute(upsert, {"id": event.data.id})


def show_seat(request: Request) -> JSONResponse:
    """Whether a license's seat may be used."""
    with engine.connect() as connection:
        select = text("SELECT license, locked FROM seat WHERE license = :id")
        found = connection.execute(select, request.path_params).one_or_none()
    if found is None:
        return JSONResponse({"detail": "no such seat"}, 404)
    return JSONResponse({"license": found.license, "locked": bool(found.locked)})


receiver = Receiver(Endpoint.from_env(), hooks, inbox=SqlInbox(engine))
app = Starlette(
    routes=[
        webhook_route("/webhooks/licensechain", receiver),
        *health_routes("/healthz", receiver),
        Route("/seats/{id}", show_seat),
    ],
    lifespan=hooks_lifespan(receiver),
)
