"""From a reply of the API to a model or a typed error: pure, and total for any status, headers and bytes.

The shapes are those that LicenseChain's guide and its SDKs know; see the reference of the client.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import from_json

from licensechain_hooks.client.exceptions import ApiError, AuthenticationError, NotFoundError, RateLimitedError
from licensechain_hooks.client.models import DeliveryLog, Page, Webhook

__all__ = [
    "MAX_REPLY",
    "Reply",
    "error_of",
    "parse_date",
    "parse_logs",
    "parse_nothing",
    "parse_webhook",
    "parse_webhooks",
]

MAX_REPLY = 8 * 1024 * 1024  # bytes; a page of a hundred logs, each with a reply of ours, has 1% of it
_LONGEST = 300  # characters of what the API says of an error
_GONE = "[…]"
_Record = TypeVar("_Record", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back.

    Attributes:
        status: the HTTP status.
        headers: by lower-case name.
        body: as it came, at most `MAX_REPLY` bytes.
        is_whole: whether that is all of it.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    is_whole: bool = True

    @classmethod
    def of(cls, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> "Reply":
        """A reply of what a server sent; of a header that comes twice the last is taken."""
        texts = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
        return cls(status=status, headers=texts, body=body[:MAX_REPLY], is_whole=len(body) <= MAX_REPLY)


def parse_webhook(reply: Reply) -> Webhook:
    """The one webhook of a reply: an object, or an object in ``data`` or ``webhook``."""
    fields = _json_of(reply)
    for name in ("data", "webhook"):
        if isinstance(fields, dict) and "id" not in fields and name in fields:
            fields = fields[name]
    return _record(Webhook, fields, reply)


def parse_webhooks(page: int, limit: int) -> Callable[[Reply], Page[Webhook]]:
    """How a page of webhooks is read that was asked for with this number and this limit."""
    return lambda reply: _page(Webhook, reply, page=page, limit=limit)


def parse_logs(page: int, limit: int) -> Callable[[Reply], Page[DeliveryLog]]:
    """How a page of logs is read that was asked for with this number and this limit."""
    return lambda reply: _page(DeliveryLog, reply, page=page, limit=limit)


def parse_nothing(_reply: Reply) -> None:
    """Of some calls nothing is asked but that they are done."""


def parse_date(reply: Reply) -> datetime | None:
    """When the reply was made, by the service's clock."""
    return _http_date(reply.headers.get("date", ""))


def error_of(reply: Reply, secrets: Iterable[SecretStr]) -> ApiError | None:
    """The error that a reply stands for, if it does.

    Args:
        reply: any reply.
        secrets: what may not stand in a message, though the service sends it back.
    """
    if 200 <= reply.status < 300:
        return None
    if 300 <= reply.status < 400:
        msg = f"the API answered {reply.status}, a redirect; none is followed with an API key: is base_url right?"
        return ApiError(msg, status=reply.status)
    code, said = _told(reply)
    told = _printable(_without(": ".join(filter(None, (code, said))), secrets))
    message = f"the API answered {reply.status}{f' ({told})' if told else ''}"
    kind = _KINDS.get(reply.status, ApiError)
    return kind(
        message, status=reply.status, code=_printable(_without(code, secrets)) or None, retry_after=_wait(reply)
    )


_KINDS: dict[int, type[ApiError]] = {
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFoundError,
    429: RateLimitedError,
}


def _not_understood(reply: Reply, what: str) -> ApiError:
    msg = f"the API answered {reply.status}, but {what}"
    return ApiError(msg, status=reply.status)


def _json_of(reply: Reply) -> Any:
    if not reply.is_whole:
        raise _not_understood(reply, f"with more than {MAX_REPLY} bytes")
    if reply.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise _not_understood(reply, "in an encoding that was not asked for")
    try:
        return from_json(reply.body, allow_inf_nan=False)
    except ValueError:
        raise _not_understood(reply, "not with JSON: is base_url right?") from None


def _record(kind: type[_Record], fields: Any, reply: Reply) -> _Record:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        described = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'reply'}: {problem['type']}" for problem in problems
        )
        raise _not_understood(reply, f"that is no {kind.__name__} ({_printable(described)})") from None


def _page(kind: type[_Record], reply: Reply, *, page: int, limit: int) -> Page[_Record]:
    """A list: bare, or in ``data``, ``webhooks`` or ``logs``; its numbers beside it, or in ``pagination``."""
    found = _json_of(reply)
    numbers: dict[str, Any] = {}
    while isinstance(found, dict):
        nested = found.get("pagination")
        numbers = numbers | found | (nested if isinstance(nested, dict) else {})
        found = next((found[name] for name in ("data", "webhooks", "logs") if name in found), None)
    if not isinstance(found, list):
        raise _not_understood(reply, "that is no list")
    items = tuple(_record(kind, fields, reply) for fields in found)
    page = _number(numbers, "page", least=1) or page
    limit = _number(numbers, "limit", least=1) or limit
    total = _number(numbers, "total", least=0)
    return Page(
        items=items,
        page=page,
        limit=limit,
        total=total,
        has_more=_has_more(numbers, page=page, limit=limit, total=total, items=len(items)),
    )


def _has_more(numbers: Mapping[str, Any], *, page: int, limit: int, total: int | None, items: int) -> bool:
    for name in ("hasMore", "has_more"):
        if isinstance(said := numbers.get(name), bool):
            return said
    if total is not None:
        return page * limit < total
    pages = _number(numbers, "totalPages", "total_pages", least=0)
    return page < pages if pages is not None else items >= limit


def _number(numbers: Mapping[str, Any], *names: str, least: int) -> int | None:
    for name in names:
        value = numbers.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
    return None


def _told(reply: Reply) -> tuple[str, str]:
    """The code and the message of an error: in ``error``, which is a text or an object, or in ``message``."""
    try:
        fields = from_json(reply.body, allow_inf_nan=False)
    except ValueError:
        return "", ""
    if not isinstance(fields, dict):
        return "", ""
    error = fields.get("error")
    if isinstance(error, dict):
        return _text(error, "code"), _text(error, "message")
    return _text(fields, "code"), _text(fields, "message") or _text(fields, "error")


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _without(text: str, secrets: Iterable[SecretStr]) -> str:
    for secret in secrets:
        text = text.replace(secret.get_secret_value(), _GONE)
    return text


def _printable(text: str) -> str:
    """On one line, and not for ever."""
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _wait(reply: Reply) -> timedelta | None:
    """The Retry-After header: seconds, or an HTTP date, which is compared with the service's own clock."""
    given = reply.headers.get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        return timedelta(seconds=min(int(given[:9]), 10**8))
    until = _http_date(given)
    if until is None:
        return None
    return max(timedelta(0), until - (parse_date(reply) or datetime.now(UTC)))


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, IndexError, OverflowError, TypeError):
        return None
