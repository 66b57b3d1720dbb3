"""The management API: webhooks as LicenseChain's guide has them, and licenses and payments, of which events tell."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.responses import Response

from licensechain_hooks.emulator import _models as models
from licensechain_hooks.emulator._documents import ERROR
from licensechain_hooks.emulator._emulation import Emulation
from licensechain_hooks.emulator._errors import JSONReply
from licensechain_hooks.emulator._shapes import many, one

__all__ = ["api_router", "errors"]

_MEANINGS = {
    400: "The request is not valid.",
    401: "The API key is missing or wrong.",
    403: "The Host or the Origin is not this server's.",
    404: "There is nothing of this id.",
    405: "Another method updates webhooks at the moment, as the faults say.",
    409: "It does not fit the state of things.",
    413: "The body is too large.",
    429: "Too many requests, as the faults say.",
    503: "Not available, as the faults say; or the state cannot be written.",
}
_WEBHOOK_METHODS = "GET, PUT, DELETE"

_Id = Annotated[str, Path(description="An opaque id.", examples=["c" + "0" * 24])]
_Page = Annotated[int, Query(ge=1, le=1_000_000)]
_Limit = Annotated[int, Query(ge=1, le=100)]


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documents of errors; without a model, which FastAPI would build anew for each status of each route."""
    content = {"application/json": {"schema": ERROR}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


def api_router(emulation: Emulation) -> APIRouter:
    """The routes under ``/v1``."""
    router = APIRouter(
        prefix="/v1",
        dependencies=[Depends(HTTPBearer(auto_error=False, description="The API key."))],  # `Gate` checks it
        responses=errors(400, 401, 403, 413, 429, 503),
    )
    router.include_router(_webhook_router(emulation))
    router.include_router(_license_router(emulation))
    return router


def _webhook_router(emulation: Emulation) -> APIRouter:
    router = APIRouter(tags=["webhooks"])
    reply = _replier(emulation)

    @router.post("/webhooks", status_code=201, response_model=models.WebhookCreated)
    async def create_webhook(new: models.NewWebhook) -> Response:
        """Register a webhook. Its secret, generated when omitted, is in no other reply."""
        webhook = emulation.create_webhook(url=new.url, events=new.events, secret=new.secret)
        return reply({**webhook.fields(), "secret": webhook.secret}, 201)

    @router.get("/webhooks", response_model=models.WebhookPage)
    async def list_webhooks(page: _Page = 1, limit: _Limit = 10) -> Response:
        """Webhooks, in the order in which they were registered."""
        items = [webhook.fields() for webhook in emulation.store.webhooks(limit=limit, offset=(page - 1) * limit)]
        total = emulation.store.count_webhooks()
        return JSONReply(many("webhooks", items, emulation.faults.envelope, page=page, limit=limit, total=total))

    @router.get("/webhooks/{webhook_id}", response_model=models.WebhookReply, responses=errors(404))
    async def get_webhook(webhook_id: _Id) -> Response:
        """One webhook."""
        return reply(emulation.webhook(webhook_id).fields())

    @router.delete("/webhooks/{webhook_id}", status_code=204, responses=errors(404))
    async def delete_webhook(webhook_id: _Id) -> Response:
        """Delete a webhook."""
        emulation.delete_webhook(webhook_id)
        return Response(status_code=204)

    _add_updates(router, emulation)
    _add_deliveries(router, emulation)
    return router


def _add_updates(router: APIRouter, emulation: Emulation) -> None:
    reply = _replier(emulation)

    def update(method: str, webhook_id: str, change: models.WebhookChange) -> JSONReply:
        wanted = emulation.faults.update_method
        if method != wanted:
            allowed = _WEBHOOK_METHODS.replace("PUT", wanted.upper())
            raise HTTPException(405, f"webhooks are updated with {wanted.upper()}", {"Allow": allowed})
        return reply(emulation.update_webhook(webhook_id, **change.changes()).fields())

    @router.put("/webhooks/{webhook_id}", response_model=models.WebhookReply, responses=errors(404, 405))
    async def update_webhook(webhook_id: _Id, change: models.WebhookChange) -> Response:
        """Change a webhook, as the guide has it."""
        return update("put", webhook_id, change)

    @router.patch("/webhooks/{webhook_id}", response_model=models.WebhookReply, responses=errors(404, 405))
    async def patch_webhook(webhook_id: _Id, change: models.WebhookChange) -> Response:
        """Change a webhook, as some SDKs have it; only where the faults say so."""
        return update("patch", webhook_id, change)


def _add_deliveries(router: APIRouter, emulation: Emulation) -> None:
    reply = _replier(emulation)

    @router.post("/webhooks/{webhook_id}/test", response_model=models.TestReply, responses=errors(404))
    async def test_webhook(webhook_id: _Id) -> Response:
        """Deliver a sample event, of the first type that the webhook asks for."""
        return reply({"success": True, "eventId": emulation.test_webhook(webhook_id)})

    @router.get("/webhooks/{webhook_id}/logs", response_model=models.LogPage, responses=errors(404))
    async def list_logs(webhook_id: _Id, page: _Page = 1, limit: _Limit = 10) -> Response:
        """What was delivered and what came back, newest first."""
        emulation.webhook(webhook_id)
        logged = emulation.store.log(webhook_id, limit=limit, offset=(page - 1) * limit)
        items, total = [delivery.log() for delivery in logged], emulation.store.count_log(webhook_id)
        return JSONReply(many("logs", items, emulation.faults.envelope, page=page, limit=limit, total=total))


def _license_router(emulation: Emulation) -> APIRouter:
    router = APIRouter(tags=["licenses"])
    reply = _replier(emulation)

    @router.post("/licenses", status_code=201, response_model=models.LicenseReply, responses=errors(409))
    async def create_license(new: models.NewLicense) -> Response:
        """Create a license: license.created."""
        return reply(emulation.create_license(**new.changes()).fields(), 201)

    @router.get("/licenses", response_model=models.LicensePage)
    async def list_licenses(page: _Page = 1, limit: _Limit = 10) -> Response:
        """Licenses, in the order in which they were created."""
        items = [found.fields() for found in emulation.store.licenses(limit=limit, offset=(page - 1) * limit)]
        total = emulation.store.count_licenses()
        return JSONReply(many("licenses", items, emulation.faults.envelope, page=page, limit=limit, total=total))

    @router.get("/licenses/{license_id}", response_model=models.LicenseReply, responses=errors(404))
    async def get_license(license_id: _Id) -> Response:
        """One license."""
        return reply(emulation.license(license_id).fields())

    @router.patch("/licenses/{license_id}", response_model=models.LicenseReply, responses=errors(404))
    async def update_license(license_id: _Id, change: models.LicenseChange) -> Response:
        """Change a license: license.updated."""
        return reply(emulation.update_license(license_id, **change.changes()).fields())

    @router.delete("/licenses/{license_id}", status_code=204, responses=errors(404))
    async def delete_license(license_id: _Id) -> Response:
        """Delete a license: license.deleted."""
        emulation.delete_license(license_id)
        return Response(status_code=204)

    @router.post("/payments", status_code=201, response_model=models.PaymentReply, responses=errors(404))
    async def create_payment(new: models.NewPayment) -> Response:
        """Let a payment for a license succeed or fail: payment.succeeded, payment.failed."""
        return reply(emulation.pay(**new.changes()), 201)

    _add_transitions(router, emulation)
    return router


def _add_transitions(router: APIRouter, emulation: Emulation) -> None:
    reply = _replier(emulation)

    @router.post("/licenses/{license_id}/revoke", response_model=models.LicenseReply, responses=errors(404, 409))
    async def revoke_license(license_id: _Id) -> Response:
        """Take a license back, for good: license.revoked."""
        return reply(emulation.revoke_license(license_id).fields())

    @router.post("/licenses/{license_id}/expire", response_model=models.LicenseReply, responses=errors(404, 409))
    async def expire_license(license_id: _Id) -> Response:
        """Let a license reach its end: license.expired. By itself it never does."""
        return reply(emulation.expire_license(license_id).fields())

    @router.post("/licenses/{license_id}/extend", response_model=models.LicenseReply, responses=errors(404, 409))
    async def extend_license(license_id: _Id, extension: models.Extension | None = None) -> Response:
        """Give a license a later end, by 30 days where nothing is said: license.extended."""
        changes = (extension or models.Extension()).changes()
        return reply(emulation.extend_license(license_id, **changes).fields())


def _replier(emulation: Emulation) -> Callable[..., JSONReply]:
    def reply(fields: dict[str, Any], status: int = 200) -> JSONReply:
        return JSONReply(one(fields, emulation.faults.envelope), status)

    return reply
