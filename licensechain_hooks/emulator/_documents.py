"""The OpenAPI document: the calls, and as ``webhooks`` the events that are delivered."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import compile_path

from licensechain_hooks.emulator._models import ErrorReply
from licensechain_hooks.events import EVENT_CLASSES, Event

__all__ = ["EMITTED", "ERROR", "add_documents", "allowed_methods"]

_REFERENCE = "#/components/schemas/{model}"
ERROR = {"$ref": _REFERENCE.format(model=ErrorReply.__name__)}
"""The schema of an error's body."""

EMITTED = (
    "license.created",
    "license.updated",
    "license.revoked",
    "license.expired",
    "license.extended",
    "license.deleted",
    "payment.succeeded",
    "payment.failed",
)
_HEADERS = {
    "X-Webhook-Signature": "Lower-case hex of HMAC-SHA256(key = the webhook's secret, message = the raw body).",
    "X-Webhook-Timestamp": "When it is sent, in Unix seconds.",
}
_DESCRIPTION = (
    "A LicenseChain for one machine: nothing of it is real but its deliveries. The shapes are those of LicenseChain's "
    "guide; /emulator/faults can ask for the ones its SDKs expect."
)


def add_documents(app: FastAPI) -> None:
    """Let an application describe itself at ``/openapi.json``."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title="LicenseChain emulator",
                version="1",
                openapi_version="3.1.0",
                description=_DESCRIPTION,
                routes=app.routes,
            )
            _without_422(document)
            schema = ErrorReply.model_json_schema(ref_template=_REFERENCE)
            document["components"]["schemas"] |= {**schema.pop("$defs"), ErrorReply.__name__: schema}
            document["webhooks"] = {
                event_type: {"post": _operation(EVENT_CLASSES[event_type])} for event_type in EMITTED
            }
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """The methods of a resource; Starlette would name those of one of its routes."""
    documented = app.openapi()["paths"].items()
    found = {method for template, calls in documented if compile_path(template)[0].match(path) for method in calls}
    return sorted(method.upper() for method in found) or ["GET"]


def _without_422(document: dict[str, Any]) -> None:
    """FastAPI's own answer to what is not valid, which is 400 here."""
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


def _operation(event_class: type[Event]) -> dict[str, Any]:
    return {
        "summary": event_class.__doc__ or "",
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _json_schema(event_class)}}},
        "responses": {"200": {"description": "Received. Any other 2xx will do; all else is delivered again."}},
    }


def _json_schema(event_class: type[Event]) -> dict[str, Any]:
    """The schema of an event with that of its data in place, so that it refers to nothing outside itself."""
    schema = event_class.model_json_schema()
    (data,) = schema.pop("$defs").values()
    schema["properties"]["data"] = data
    return schema
