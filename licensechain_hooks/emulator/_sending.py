"""One delivery: made as its dialect says, spoiled as the faults say, and sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import perf_counter
from urllib.parse import urlsplit

import httpx2

from licensechain_hooks._outcome import OUTCOMES
from licensechain_hooks.diagnosis.dialects import DIALECTS, SignedDelivery
from licensechain_hooks.emulator._faults import Faults

__all__ = ["Parcel", "Reply", "make_parcel", "send"]

_STALE = timedelta(hours=1)
_MAX_REPLY = 64 * 1024  # bytes that are read
_LOGGED = 4 * 1024  # characters that are kept
_PIECES = 10  # of a body that is sent slowly


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A delivery, ready to be sent.

    Attributes:
        body: as it goes out.
        headers: likewise.
        stamp: Unix time that its header tells, before anything was spoiled.
        slow: how many seconds the body takes.
        is_dropped: whether the connection is closed before the reply is read.
        faults: the names of what is wrong with it.
    """

    body: bytes
    headers: dict[str, str]
    stamp: float
    slow: float
    is_dropped: bool
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back.

    Attributes:
        status: the HTTP status; ``None`` where there was no answer, and ``error`` says why.
        text: the body, as far as it is kept.
        milliseconds: from connecting to the last byte.
    """

    status: int | None = None
    text: str | None = None
    error: str | None = None
    milliseconds: float = 0.0

    @property
    def is_success(self) -> bool:
        """Whether the event counts as delivered."""
        return self.error is None and self.status is not None and 200 <= self.status < 300

    @property
    def outcome(self) -> str | None:
        """The outcome that the reply names, if it is one of a receiver's."""
        try:
            status = json.loads(self.text or "")["status"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return status if isinstance(status, str) and status in OUTCOMES else None


class _DroppedError(Exception):
    """The connection is closed on purpose."""


def make_parcel(event: str, *, secret: str, app_secret: str, faults: Faults, stamp: float | None) -> Parcel:
    """Sign an event and spoil the delivery.

    Args:
        event: its JSON text.
        secret: the webhook's.
        app_secret: the application's.
        faults: what is wrong at the moment.
        stamp: Unix time that the event's first delivery told, if this is a redelivery.
    """
    now = datetime.now(UTC) + timedelta(seconds=faults.clock_skew_seconds)
    sent_at = now if stamp is None or faults.restamp else datetime.fromtimestamp(stamp, UTC)
    told = sent_at - _STALE if faults.tamper == "timestamp" else sent_at
    dialect = DIALECTS[faults.dialect]
    signed = dialect.deliver(json.loads(event), secret=secret, app_secret=app_secret, sent_at=told)
    signed = _tampered(signed, faults)
    names = {
        "tamper": faults.tamper is not None,
        "dialect": faults.dialect != "guide",
        "clockSkew": faults.clock_skew_seconds != 0,
        "restamp": stamp is not None and not faults.restamp,
        "slow": faults.slow_ms > 0,
        "dropConnection": faults.drop_connection,
    }
    return Parcel(
        body=signed.body,
        headers=signed.headers | {"User-Agent": "LicenseChain-Emulator"},
        stamp=sent_at.timestamp(),
        slow=faults.slow_ms / 1000,
        is_dropped=faults.drop_connection,
        faults=tuple(name for name, is_so in names.items() if is_so),
    )


async def send(client: httpx2.AsyncClient, url: str, parcel: Parcel, *, within: timedelta) -> Reply:
    """POST a delivery and wait for the reply, ``within`` that time for all of it."""
    started = perf_counter()
    try:
        async with asyncio.timeout(within.total_seconds()):
            reply = await _post(client, url, parcel)
    except (httpx2.HTTPError, httpx2.InvalidURL, _DroppedError, OSError, ValueError) as exc:
        reply = Reply(error=_describe(exc, _address(url), within))
    return replace(reply, milliseconds=round((perf_counter() - started) * 1000, 3))


async def _post(client: httpx2.AsyncClient, url: str, parcel: Parcel) -> Reply:
    headers = parcel.headers | {"Accept-Encoding": "identity", "Content-Length": str(len(parcel.body))}
    async with client.stream("POST", url, content=_pieces(parcel), headers=headers) as response:
        received = bytearray()
        async for piece in response.aiter_raw():
            received += piece
            if len(received) >= _MAX_REPLY:
                break
        text = bytes(received).decode("utf-8", "replace")[:_LOGGED]
        error = f"answered {response.status_code}, a redirect; none is followed" if response.is_redirect else None
        return Reply(status=response.status_code, text=text, error=error)


async def _pieces(parcel: Parcel) -> AsyncIterator[bytes]:
    if not parcel.slow:
        yield parcel.body
    else:
        size = max(1, -(-len(parcel.body) // _PIECES))
        for start in range(0, len(parcel.body), size):
            if parcel.is_dropped and start > len(parcel.body) // 2:
                break
            await asyncio.sleep(parcel.slow / _PIECES)
            yield parcel.body[start : start + size]
    if parcel.is_dropped:
        raise _DroppedError


def _tampered(signed: SignedDelivery, faults: Faults) -> SignedDelivery:
    if faults.tamper == "body":
        return replace(signed, body=signed.body[:-1] + b',"tampered":true}')
    if faults.tamper == "signature":
        headers = {name: _reversed(name, value) for name, value in signed.headers.items()}
        return replace(signed, headers=headers)
    return signed


def _reversed(name: str, value: str) -> str:
    prefix, equals, digest = value.rpartition("=")
    return f"{prefix}{equals}{digest[::-1]}" if name.lower().endswith("-signature") else value


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "the URL"
    host = parts.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _describe(error: Exception, address: str, within: timedelta) -> str:
    told: dict[type[Exception], str] = {
        _DroppedError: "the connection was closed before the reply, on purpose (dropConnection)",
        TimeoutError: f"{address} did not answer within {within.total_seconds():g} seconds",
        httpx2.TimeoutException: f"{address} did not answer within {within.total_seconds():g} seconds",
        httpx2.ConnectError: f"nothing answers at {address}: no connection",
        httpx2.RemoteProtocolError: f"{address} closed the connection without a whole answer, or does not speak HTTP",
        httpx2.TransportError: f"the connection to {address} broke",
    }
    fallback = f"cannot deliver to {address}: {type(error).__name__}"
    return next((text for kind, text in told.items() if isinstance(error, kind)), fallback)
