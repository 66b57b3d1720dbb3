"""The control of the emulator: what it has sent, what it is to do wrong. Without an API key."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response, StreamingResponse

from licensechain_hooks.emulator import _models as models
from licensechain_hooks.emulator._api import errors
from licensechain_hooks.emulator._emulation import Emulation
from licensechain_hooks.emulator._errors import JSONReply
from licensechain_hooks.emulator._faults import Faults

__all__ = ["control_router"]

_Id = Annotated[str, Path(description="An opaque id.")]
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events named delivery, license, webhook and fault; `data` is the JSON object as the other "
        "calls show it, with `deleted: true` where it is gone.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


def control_router(emulation: Emulation) -> APIRouter:
    """The routes under ``/emulator``."""
    router = APIRouter(prefix="/emulator", tags=["emulator"], responses=errors(400, 403, 413, 503))
    _add_deliveries(router, emulation)
    _add_licenses(router, emulation)

    @router.get("/webhooks", response_model=models.WebhookList)
    async def all_webhooks() -> Response:
        """Webhooks, newest first."""
        return JSONReply({"webhooks": [webhook.fields() for webhook in reversed(emulation.store.webhooks())]})

    @router.get("/faults", response_model=Faults)
    async def get_faults() -> Response:
        """What is done wrong."""
        return JSONReply(emulation.faults.fields())

    @router.put("/faults", response_model=Faults)
    async def set_faults(faults: Faults) -> Response:
        """Do these things wrong from now on, and nothing else: what is missing is as it should be."""
        emulation.set_faults(faults)
        return JSONReply(faults.fields())

    @router.get("/events", response_class=Response, responses=_STREAM)
    async def stream_events() -> Response:
        """Every change as it happens, for an EventSource."""
        return StreamingResponse(
            emulation.bus.stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    return router


def _add_deliveries(router: APIRouter, emulation: Emulation) -> None:
    @router.get("/deliveries", response_model=models.DeliveryList)
    async def list_deliveries(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        """Deliveries, newest first."""
        return JSONReply({"deliveries": [delivery.fields() for delivery in emulation.store.deliveries(limit=limit)]})

    @router.get("/deliveries/{delivery_id}", response_model=models.DeliveryDetails, responses=errors(404))
    async def get_delivery(delivery_id: _Id) -> Response:
        """One delivery, with what was sent and what came back."""
        return JSONReply(emulation.delivery(delivery_id).details())

    @router.post(
        "/deliveries/{delivery_id}/redeliver",
        status_code=202,
        response_model=models.DeliveryReply,
        responses=errors(404, 409),
    )
    async def redeliver(delivery_id: _Id) -> Response:
        """Deliver the same event again; the new delivery."""
        return JSONReply(emulation.redeliver(delivery_id).fields(), 202)


def _add_licenses(router: APIRouter, emulation: Emulation) -> None:
    @router.get("/licenses", response_model=models.LicenseList)
    async def all_licenses() -> Response:
        """Licenses, newest first."""
        return JSONReply({"licenses": [found.fields() for found in reversed(emulation.store.licenses())]})

    @router.post("/licenses", status_code=201, response_model=models.LicenseReply, responses=errors(409))
    async def add_license(new: models.NewLicense) -> Response:
        """Create a license: license.created."""
        return JSONReply(emulation.create_license(**new.changes()).fields(), 201)

    @router.post("/licenses/{license_id}/revoke", response_model=models.LicenseReply, responses=errors(404, 409))
    async def revoke(license_id: _Id) -> Response:
        """Take a license back, for good: license.revoked."""
        return JSONReply(emulation.revoke_license(license_id).fields())

    @router.post("/licenses/{license_id}/expire", response_model=models.LicenseReply, responses=errors(404, 409))
    async def expire(license_id: _Id) -> Response:
        """Let a license reach its end: license.expired."""
        return JSONReply(emulation.expire_license(license_id).fields())

    @router.post("/licenses/{license_id}/extend", response_model=models.LicenseReply, responses=errors(404, 409))
    async def extend(license_id: _Id, extension: models.Extension | None = None) -> Response:
        """Give a license a later end, by 30 days where nothing is said: license.extended."""
        changes = (extension or models.Extension()).changes()
        return JSONReply(emulation.extend_license(license_id, **changes).fields())
