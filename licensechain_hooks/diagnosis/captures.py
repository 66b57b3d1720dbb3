"""The capture file: one delivery as it arrived, as JSON that people can read and bytes can be got back from."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from licensechain_hooks._outcome import Outcome
from licensechain_hooks._request import Headers, HookRequest
from licensechain_hooks._rfc3339 import parse_rfc3339

__all__ = ["Capture", "CaptureError", "headers_of", "read_capture"]

_LARGEST = 16 * 1024 * 1024  # bytes; a body of a megabyte can grow sixfold in JSON
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", re.DOTALL)  # RFC 9110, section 5.1
_UNPRINTABLE = re.compile(r"[^ -~\n]")
_FORMAT = "licensechain-hooks capture, version 1"


class CaptureError(ValueError):
    """A file is no capture; the message is one sentence that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One delivery.

    Attributes:
        body: the raw body; ``None`` where it is not kept.
        headers: names in lower case, in the order they came; repeated ones are joined by a comma, as the receiver
            sees them.
        method: the HTTP method.
        path: the path of the URL.
        received_at: aware; ``None`` where nobody knows.
        body_bytes: how many bytes arrived.
        scrubbed: whether values were taken out, so that the body cannot be verified any more.
        outcome: what the receiver said: ``name``, ``status``, ``reason``.
        findings: what was found about the raw bytes when it was captured, see `findings.Finding`.
    """

    body: bytes | None
    headers: tuple[tuple[str, str], ...]
    method: str = "POST"
    path: str = ""
    received_at: datetime | None = None
    body_bytes: int = 0
    scrubbed: bool = False
    outcome: Mapping[str, Any] | None = None
    findings: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, request: HookRequest, outcome: Outcome, received_at: datetime) -> "Capture":
        """The delivery a receiver has just dealt with. Of one it refused before, the body is not known."""
        was_read = isinstance(request.body, bytes)
        return cls(
            body=request.raw_body if was_read else None,
            headers=headers_of(request.headers),
            method=request.method,
            path=request.path,
            received_at=received_at.astimezone(UTC),
            body_bytes=len(request.raw_body),
            outcome={"name": outcome.name, "status": outcome.status, "reason": outcome.reason},
        )

    @classmethod
    def from_json(cls, text: str) -> "Capture":
        """The capture a file's text stands for.

        Raises:
            CaptureError: it stands for none.
        """
        try:
            fields = json.loads(text)
        except ValueError as exc:
            msg = "it is not JSON"
            raise CaptureError(msg) from exc
        except RecursionError as exc:
            msg = "its JSON is nested too deeply"
            raise CaptureError(msg) from exc
        if not isinstance(fields, dict):
            msg = "it is JSON, but not an object"
            raise CaptureError(msg)
        body = _body(fields)
        findings = _field(fields, "findings", list, [])
        if not all(isinstance(finding, dict) for finding in findings):
            msg = "findings: not a list of objects"
            raise CaptureError(msg)
        return cls(
            body=body,
            headers=tuple(_header(line) for line in _field(fields, "headers", list)),
            method=_field(fields, "method", str, "POST"),
            path=_field(fields, "path", str, ""),
            received_at=_time(_field(fields, "received_at", str, None)),
            body_bytes=_field(fields, "body_bytes", int, len(body or b"")),
            scrubbed=_field(fields, "scrubbed", bool, False),
            outcome=_field(fields, "outcome", dict, None),
            findings=tuple(findings),
        )

    def to_json(self) -> str:
        """The text of its file; control characters are spelled out, so that no terminal obeys one."""
        fields: dict[str, Any] = {
            "format": _FORMAT,
            "received_at": None if self.received_at is None else self.received_at.isoformat().replace("+00:00", "Z"),
            "method": self.method,
            "path": self.path,
            "scrubbed": self.scrubbed,
            "outcome": None if self.outcome is None else dict(self.outcome),
            "headers": [f"{name}: {value}" for name, value in self.headers],
            "body_bytes": self.body_bytes,
            **_spelled(self.body),
            "findings": [dict(finding) for finding in self.findings],
        }
        text = json.dumps(fields, indent=2, ensure_ascii=False)
        return _UNPRINTABLE.sub(_printable, text) + "\n"

    def header(self, name: str) -> str | None:
        """The value of a header, by its name in lower case."""
        return dict(self.headers).get(name)

    def request(self) -> HookRequest:
        """The delivery as a receiver was given it."""
        return HookRequest(self.body or b"", self.headers, method=self.method, path=self.path)


def read_capture(path: Path) -> Capture:
    """The capture in a file.

    Raises:
        CaptureError: there is none; says what there is.
    """
    try:
        if not path.is_file():
            msg = "it is a folder" if path.is_dir() else "there is no such file"
            raise CaptureError(msg)
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as exc:  # ValueError: a name no system takes
        if isinstance(exc, CaptureError):
            raise
        msg = f"it cannot be read: {getattr(exc, 'strerror', None) or type(exc).__name__}"
        raise CaptureError(msg) from exc
    if len(content) > _LARGEST:
        msg = f"it is larger than {_LARGEST // 1024 // 1024} MiB, which no capture is"
        raise CaptureError(msg)
    try:
        return Capture.from_json(content.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        msg = "it is not text"
        raise CaptureError(msg) from exc


def headers_of(headers: Headers) -> tuple[tuple[str, str], ...]:
    """All headers, whose names `Headers` itself never needs to list.

    It looks into what ``headers.get`` is made of: a dictionary's own ``get``, or a WSGI environ's.
    """
    get: Any = headers.get
    if isinstance(get, partial):
        environ: Mapping[str, Any] = get.args[0]
        listed = {
            key.removeprefix("HTTP_").replace("_", "-").lower(): value
            for key, value in environ.items()
            if key.startswith("HTTP_") or (key in {"CONTENT_TYPE", "CONTENT_LENGTH"} and value)
        }
        return tuple(listed.items())
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in get.__self__.items())


def _spelled(body: bytes | None) -> dict[str, str | None]:
    if body is None:
        return {"body": None}
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def _body(fields: dict[str, Any]) -> bytes | None:
    if "body_base64" in fields:
        encoded = _field(fields, "body_base64", str)
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as exc:
            msg = "body_base64: not base64"
            raise CaptureError(msg) from exc
    text = _field(fields, "body", str, None)
    if "body" not in fields:
        msg = "it has no body"
        raise CaptureError(msg)
    try:
        return None if text is None else text.encode()
    except UnicodeEncodeError as exc:
        msg = "body: half of a character"
        raise CaptureError(msg) from exc


def _header(line: Any) -> tuple[str, str]:
    found = _HEADER.fullmatch(line) if isinstance(line, str) else None
    if found is None:
        msg = "headers: not a list of texts such as 'x-webhook-timestamp: 1767225600'"
        raise CaptureError(msg)
    return found[1].lower(), found[2]


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_rfc3339(text).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        msg = "received_at: no time with an offset, such as 2026-01-31T12:00:00Z"
        raise CaptureError(msg) from exc


def _field(fields: dict[str, Any], name: str, kind: type, *default: Any) -> Any:
    value = fields.get(name)
    if value is None and default:
        return default[0]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        msg = f"{name}: missing" if value is None else f"{name}: of the wrong type"
        raise CaptureError(msg)
    return value


def _printable(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]
