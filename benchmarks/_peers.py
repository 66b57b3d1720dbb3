"""Other packages that verify webhooks, each with deliveries in its own dialect, where they are installed.

They return dicts; ours returns a typed event. Each is measured against what of ours is given the same: values of
headers, or a mapping of them.
"""

import base64
import hmac
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from benchmarks._deliveries import SECRET, SMALL, delivery, event_body
from benchmarks._measure import Contender, Row, at_least, quartiles, race
from benchmarks._progress import Progress
from licensechain_hooks import Endpoint, sign
from licensechain_hooks._signing import read_signature, signing_key, verify_signature, verify_timestamp
from licensechain_hooks.events import parse_event

_STANDARD_SECRET = "whsec_" + base64.b64encode(SECRET.encode()).decode()

Calls = int
MakeContender = Callable[[Calls], Contender]


@dataclass(frozen=True, slots=True)
class _Peer:
    name: str
    make: MakeContender
    ours: str
    target: float


def rows(*, calls: int, rounds: int) -> list[Row]:
    """One row a peer."""
    contenders = {"verify + parse": _ours_on_values(calls), "open(dict)": _ours_on_a_mapping(calls)}
    for peer in _PEERS:
        with suppress(ImportError):
            contenders[peer.name] = peer.make(calls)
    with Progress("peers", steps=rounds + 1) as progress:
        samples = race(contenders, rounds=rounds, progress=progress)
    return [
        Row(
            row=f"peer: {peer.name}, 325 B",
            ours=peer.ours,
            reference=peer.name,
            measure="times faster",
            ratio=quartiles(samples[peer.name], samples[peer.ours]) if peer.name in samples else None,
            target=at_least(peer.target),
            note="" if peer.name in samples else "not installed",
        )
        for peer in _PEERS
    ]


def _ours_on_values(calls: int) -> Contender:
    keys = (signing_key(SECRET),)

    def run(body: bytes, signature: str, timestamp: str) -> object:
        verify_signature(keys, body, read_signature(signature.encode("latin-1")))
        verify_timestamp(timestamp.encode("latin-1"), time.time(), 300.0)
        return parse_event(body)

    def case() -> tuple[Any, ...]:
        one = delivery()
        return one.body, one.signature.decode(), one.timestamp.decode()

    return _contender(calls, run, case)


def _ours_on_a_mapping(calls: int) -> Contender:
    endpoint = Endpoint(secrets=[SECRET])

    def run(body: bytes, headers: dict[str, str]) -> object:
        return endpoint.open(headers, body)

    def case() -> tuple[Any, ...]:
        one = delivery()
        signed = {"X-Webhook-Signature": one.signature.decode(), "X-Webhook-Timestamp": one.timestamp.decode()}
        return one.body, {"Content-Type": "application/json", **signed}

    return _contender(calls, run, case)


def _standardwebhooks(calls: int) -> Contender:
    from standardwebhooks.webhooks import Webhook

    return _contender(calls, Webhook(_STANDARD_SECRET).verify, _standard_case)


def _svix(calls: int) -> Contender:
    from svix.webhooks import Webhook

    verify = Webhook(_STANDARD_SECRET).verify

    def run(body: bytes, headers: dict[str, str]) -> object:
        verify(body, headers)
        return json.loads(body)

    return _contender(calls, run, _standard_case)


def _stripe(calls: int) -> Contender:
    from stripe import Webhook

    def run(body: bytes, header: str) -> object:
        return Webhook.construct_event(body, header, SECRET)

    def case() -> tuple[Any, ...]:
        body = event_body(SMALL, object="event")
        now = int(time.time())
        return body, f"t={now},v1={_mac(b'%d.%s' % (now, body))}"

    return _contender(calls, run, case)


def _slack_sdk(calls: int) -> Contender:
    from slack_sdk.signature import SignatureVerifier

    is_valid = SignatureVerifier(SECRET).is_valid

    def run(body: bytes, timestamp: str, signature: str) -> object:
        _insist(is_valid(body, timestamp, signature))
        return json.loads(body)

    def case() -> tuple[Any, ...]:
        body = event_body()
        now = int(time.time())
        return body, str(now), f"v0={_mac(b'v0:%d:%s' % (now, body))}"

    return _contender(calls, run, case)


def _gidgethub(calls: int) -> Contender:
    from gidgethub.sansio import Event

    def run(body: bytes, headers: dict[str, str]) -> object:
        return Event.from_http(headers, body, secret=SECRET)

    def case() -> tuple[Any, ...]:
        body = event_body()
        headers = {"x-hub-signature-256": f"sha256={_mac(body)}", "x-github-event": "push", "x-github-delivery": "1"}
        return body, {"content-type": "application/json", **headers}

    return _contender(calls, run, case)


def _licensechain_sdk(calls: int) -> Contender:
    from licensechain import WebhookHandler

    verify = WebhookHandler(SECRET).verify_webhook

    def run(body: bytes, signature: str, timestamp: str) -> object:
        text = body.decode()
        verify(text, signature, timestamp)
        return json.loads(text)

    def case() -> tuple[Any, ...]:
        body = event_body()
        return body, sign(SECRET, body), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    return _contender(calls, run, case)


def _standard_case() -> tuple[Any, ...]:
    body = event_body()
    now = int(time.time())
    mac = hmac.digest(SECRET.encode(), b"msg_1.%d.%s" % (now, body), sha256)
    signature = f"v1,{base64.b64encode(mac).decode()}"
    return body, {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": signature}


def _contender(calls: int, run: Callable[..., object], case: Callable[[], tuple[Any, ...]]) -> Contender:
    _insist(run(*case()) is not None)  # each has to accept what it is given
    return Contender(run, lambda: [case() for _ in range(calls)])


def _mac(message: bytes) -> str:
    return hmac.new(SECRET.encode(), message, sha256).hexdigest()


def _insist(accepted: object) -> None:
    if not accepted:
        msg = "a peer refused a delivery that is signed as it wants"
        raise RuntimeError(msg)


_PEERS = (
    _Peer("slack_sdk", _slack_sdk, "verify + parse", 1.25),
    _Peer("licensechain-sdk", _licensechain_sdk, "verify + parse", 1.7),
    _Peer("stripe", _stripe, "verify + parse", 18),
    _Peer("gidgethub", _gidgethub, "open(dict)", 2.2),
    _Peer("standardwebhooks", _standardwebhooks, "open(dict)", 2.2),
    _Peer("svix", _svix, "open(dict)", 2.2),
)
