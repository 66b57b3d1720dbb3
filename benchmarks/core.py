"""Verifying and parsing: against the floor, against itself, against peers; and the import of the package."""

import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from benchmarks import _imports, _peers
from benchmarks._deliveries import LARGE, MEDIUM, OTHER_SECRET, SECRET, SMALL, Delivery, delivery
from benchmarks._floors import PlainEvent, own_floor, plain_floor
from benchmarks._measure import Contender, Row, Samples, at_most, quartiles, race
from benchmarks._progress import Progress
from licensechain_hooks import Endpoint, Headers, VerificationError
from licensechain_hooks._signing import read_signature, signing_key, verify_signature, verify_timestamp
from licensechain_hooks.events import parse_envelope, parse_event

_TOLERANCE = 300.0  # seconds


@dataclass(frozen=True, slots=True)
class _Size:
    label: str
    body: int
    calls: int  # a round
    target: float  # of verify + parse against the floor
    acknowledgement: float  # of verify + envelope against verify + parse


_SIZES = (
    _Size("325 B", SMALL, 200, 1.20, 0.65),
    _Size("16 KB", MEDIUM, 20, 1.05, 0.45),
    _Size("256 KB", LARGE, 3, 1.05, 0.40),
)


def rows(*, rounds: int | None, quick: bool) -> list[Row]:
    """Every row."""
    rounds = rounds or (2 if quick else 60)
    divisor = 10 if quick else 1
    table: list[Row] = []
    for size in _SIZES:
        calls = max(size.calls // divisor, 1)
        table += _against_the_floor(size, calls=calls, rounds=rounds)
    calls = max(_SIZES[0].calls // divisor, 1)
    table += _against_itself(calls=calls, rounds=rounds)
    table += _peers.rows(calls=calls, rounds=rounds)
    table += _imports.rows(rounds=2 if quick else max(15, rounds // 2))
    return table


def _against_the_floor(size: _Size, *, calls: int, rounds: int) -> list[Row]:
    contenders = {
        "own floor": Contender(own_floor(), _cases(calls, size.body, lambda one: (one.body, one.mac))),
        "plain floor": Contender(plain_floor(), _cases(calls, size.body, lambda one: (one.body, one.mac))),
        "verify + parse": _verify_and_parse(calls, size.body),
        "verify + envelope": _verify_and_parse(calls, size.body, parse=parse_envelope),
        "Endpoint.open": _open_asgi(calls, size.body, Endpoint(secrets=[SECRET])),
    }
    with Progress(f"verify and parse, {size.label}", steps=rounds + 1) as progress:
        samples = race(contenders, rounds=rounds, progress=progress)
    return [
        _row(f"verify + parse, {size.label}", "verify + parse", "own floor", samples, target=size.target),
        _row(f"verify + parse, {size.label}", "verify + parse", "plain floor", samples),
        _row(
            f"acknowledgement, {size.label}",
            "verify + envelope",
            "verify + parse",
            samples,
            target=size.acknowledgement,
        ),
        _row(f"open, {size.label}", "Endpoint.open", "own floor", samples),
        _row(f"open, {size.label}", "Endpoint.open", "plain floor", samples),
    ]


def _against_itself(*, calls: int, rounds: int) -> list[Row]:
    endpoint = Endpoint(secrets=[SECRET])
    contenders = {
        "verify + parse": _verify_and_parse(calls, SMALL),
        "second secret": _verify_and_parse(calls, SMALL, OTHER_SECRET, SECRET),
        "own floor": Contender(own_floor(), _cases(calls, SMALL, lambda one: (one.body, one.mac))),
        "good": _open_asgi(calls, SMALL, endpoint),
        "forged": Contender(_refusing(endpoint), _cases(calls, SMALL, _forged)),
        "naive": Contender(_naive, _cases(calls, SMALL, lambda one: (one.body, one.signature.decode()))),
    }
    with Progress("second secret, forged, naive", steps=rounds + 1) as progress:
        samples = race(contenders, rounds=rounds, progress=progress)
    naive = quartiles(samples["naive"], samples["verify + parse"])
    return [
        _row("match on the second secret, 325 B", "second secret", "own floor", samples, target=1.40),
        _row("a forged delivery, 325 B", "forged", "good", samples, target=0.40),
        Row(row="naive, 325 B", ours="verify + parse", reference="naive", measure="times faster", ratio=naive),
    ]


def _verify_and_parse(
    calls: int, size: int, *secrets: str, parse: Callable[[bytes], object] = parse_event
) -> Contender:
    """The header values in hand: everything but finding them and the age of the event."""
    keys = tuple(signing_key(secret) for secret in secrets or (SECRET,))
    now = time.time()

    def run(body: bytes, signature: bytes, timestamp: bytes) -> object:
        verify_signature(keys, body, read_signature(signature))
        verify_timestamp(timestamp, now, _TOLERANCE)
        return parse(body)

    return Contender(run, _cases(calls, size, lambda one: (one.body, one.signature, one.timestamp)))


def _open_asgi(calls: int, size: int, endpoint: Endpoint) -> Contender:
    """A delivery as an ASGI server hands it over."""

    def run(body: bytes, headers: list[tuple[bytes, bytes]]) -> object:
        return endpoint.open(Headers.from_asgi(headers), body)

    return Contender(run, _cases(calls, size, lambda one: (one.body, one.asgi_headers())))


def _cases(calls: int, size: int, arguments: Callable[[Delivery], tuple[Any, ...]]) -> Callable[[], list[tuple]]:
    return lambda: [arguments(delivery(size)) for _ in range(calls)]


def _forged(one: Delivery) -> tuple[Any, ...]:
    other = delivery(len(one.body))
    return other.body, one.asgi_headers()


def _refusing(endpoint: Endpoint) -> Callable[..., None]:
    def run(body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        try:
            endpoint.open(Headers.from_asgi(headers), body)
        except VerificationError:
            return
        msg = "a forged delivery was accepted"
        raise RuntimeError(msg)

    return run


def _naive(body: bytes, signature: str) -> object:
    if not hmac.compare_digest(hmac.new(SECRET.encode(), body, sha256).hexdigest(), signature):
        msg = "the benchmark signed wrongly"
        raise RuntimeError(msg)
    return PlainEvent.model_validate(json.loads(body))


def _row(row: str, ours: str, reference: str, samples: Samples, *, target: float | None = None) -> Row:
    return Row(
        row=row,
        ours=ours,
        reference=reference,
        measure="time",
        ratio=quartiles(samples[ours], samples[reference]),
        target=None if target is None else at_most(target),
    )
