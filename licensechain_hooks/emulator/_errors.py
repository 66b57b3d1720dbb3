"""Errors of the API, in the shape that is asked for."""

import json
import sqlite3
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from licensechain_hooks.emulator._documents import allowed_methods
from licensechain_hooks.emulator._emulation import ConflictError, Emulation, MissingError
from licensechain_hooks.emulator._faults import ErrorShape

__all__ = ["JSONReply", "add_error_handlers", "error_reply"]

_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "payload_too_large",
    429: "rate_limited",
    503: "unavailable",
}
_SHOWN = 5  # problems of one request


class JSONReply(Response):
    """A reply of JSON in ASCII, which can hold whatever text a request brought."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return json.dumps(content, separators=(",", ":")).encode()


def error_reply(
    status: int, message: str, *, shape: ErrorShape = "nested", headers: Mapping[str, str] | None = None
) -> JSONReply:
    """The reply that tells of an error."""
    code = _CODES.get(status, HTTPStatus(status).phrase.lower().replace(" ", "_"))
    shapes: dict[ErrorShape, dict[str, Any]] = {
        "nested": {"error": {"code": code, "message": message}},
        "error": {"error": message},
        "message": {"message": message},
    }
    return JSONReply(shapes[shape], status, dict(headers or {}))


def add_error_handlers(app: FastAPI, emulation: Emulation) -> None:
    """Let an application answer its errors like this."""

    def answer(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONReply:
        return error_reply(status, message, shape=emulation.faults.error_shape, headers=headers)

    async def invalid(_request: Request, error: Exception) -> JSONReply:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return answer(400, "; ".join(_problem(problem) for problem in error.errors()[:_SHOWN]))

    async def http_error(request: Request, error: Exception) -> JSONReply:
        assert isinstance(error, HTTPException)  # noqa: S101
        headers = error.headers
        if error.status_code == 405 and error.detail == HTTPStatus(405).phrase:
            headers = {"Allow": ", ".join(allowed_methods(app, request.url.path))}
        return answer(error.status_code, str(error.detail), headers)

    async def missing(_request: Request, _error: Exception) -> JSONReply:
        return answer(404, "there is nothing of this id")

    async def conflict(_request: Request, error: Exception) -> JSONReply:
        return answer(409, str(error))

    async def taken(_request: Request, _error: Exception) -> JSONReply:
        return answer(409, "another license has this license key")

    async def stuck(_request: Request, _error: Exception) -> JSONReply:
        return answer(503, "the emulator's state cannot be read or written")

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(MissingError, missing)
    app.add_exception_handler(ConflictError, conflict)
    app.add_exception_handler(sqlite3.IntegrityError, taken)
    app.add_exception_handler(sqlite3.Error, stuck)


def _problem(problem: Mapping[str, Any]) -> str:
    """What is wrong and where, without the value."""
    if problem["type"] == "json_invalid":
        return "the body is not JSON"
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}"
