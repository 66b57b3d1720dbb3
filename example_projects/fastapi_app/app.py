"""A shop in FastAPI: coroutines as handlers, and one PostgreSQL for the inbox and the seats."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from database import Seat, create_tables, engine, upsert_seat
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from licensechain_hooks import Endpoint, Hooks, LicenseCreated, LicenseRevoked, Receiver
from licensechain_hooks.contrib.fastapi import event_webhooks, health_router, webhook_router
from licensechain_hooks.inbox.sql import SqlInbox

hooks = Hooks()


@hooks.on("license.created")
async def add_seat(event: LicenseCreated) -> None:
    """A license has a seat."""
    await upsert_seat(event.data.id, is_locked=False, changed_at=event.timestamp)


@hooks.on("license.revoked")
async def lock_seat(event: LicenseRevoked) -> None:
    """Nobody works at the seat of a license that is taken back."""
    await upsert_seat(event.data.id, is_locked=True, changed_at=event.timestamp)


receiver = Receiver(Endpoint.from_env(), hooks, inbox=SqlInbox(os.environ["LICENSECHAIN_INBOX_URL"]))


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Have the tables; the webhook's router starts and stops the receiver by itself, inside of this."""
    await asyncio.to_thread(receiver.inbox.create_schema)
    await create_tables()
    yield
    await engine.dispose()


app = FastAPI(title="A shop", lifespan=lifespan)
app.include_router(webhook_router(receiver, path="/webhooks/licensechain"))
app.include_router(health_router(receiver, path="/healthz"))
app.webhooks.include_router(event_webhooks(*hooks.event_types()))


class SeatReply(BaseModel):
    """Whether a license's seat may be used."""

    license: str
    locked: bool


@app.get("/seats/{license_id}")
async def seat(license_id: str) -> SeatReply:
    """Whether a license's seat may be used."""
    async with AsyncSession(engine) as session:
        found = await session.get(Seat, license_id)
    if found is None:
        raise HTTPException(404, "no such seat")
    return SeatReply(license=found.license_id, locked=found.is_locked)
