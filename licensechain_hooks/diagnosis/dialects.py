"""The dialects of LicenseChain's own code: who signs which bytes, how, and where the signature stands.

A receiver takes the guide's, and with the profile "compat" a few more. The others are here to be recognised, so that an
integrator learns at once what their sender does; and to be sent, so that this can be tried.
"""

import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any, Literal

from licensechain_hooks._endpoint import Profile
from licensechain_hooks.diagnosis._serialisers import SERIALISERS
from licensechain_hooks.exceptions import ConfigurationError

__all__ = ["DIALECTS", "Dialect", "SignedDelivery"]

Digest = Callable[[bytes, bytes], str]
"""``digest(key, message)``: lower-case hex."""

_BLOCK_SIZE = 64  # of SHA-256, bytes (RFC 2104)
_LICENSECHAIN = ("X-LicenseChain-Signature", "X-LicenseChain-Timestamp")
_GUIDE = ("X-Webhook-Signature", "X-Webhook-Timestamp")
_BOTH: frozenset[Profile] = frozenset({"guide", "compat"})
_COMPAT: frozenset[Profile] = frozenset({"compat"})
_NEITHER: frozenset[Profile] = frozenset()


@dataclass(frozen=True, slots=True)
class SignedDelivery:
    """One delivery as a sender of a dialect would make it."""

    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way to sign a delivery.

    Attributes:
        name: its key in `DIALECTS`.
        source: whose it is, in words.
        accepted_by: the profiles whose endpoints take it.
        signs: what is signed, in words.
        digest: how.
        serialiser: how ``data`` is written where that alone is signed; else the body is, as it is sent.
        key: which secret is the key.
        signature_header: where the signature stands; ``None``: in the body's ``signature``.
        timestamp_header: where the time of sending stands, in Unix seconds; ``None``: nowhere.
        is_prefixed: whether ``sha256=`` precedes the signature.
        is_upper_case: whether the signature's hex digits are.
        type_key: what the body calls the event's type.
        has_id: whether the body has the event's id.
    """

    name: str
    source: str
    accepted_by: frozenset[Profile]
    signs: str = "the raw body"
    digest: Digest
    serialiser: str | None = None
    key: Literal["secret", "app-secret"] = "secret"
    signature_header: str | None = _GUIDE[0]
    timestamp_header: str | None = None
    is_prefixed: bool = False
    is_upper_case: bool = False
    type_key: Literal["type", "event"] = "type"
    has_id: bool = True

    def deliver(
        self, event: Mapping[str, Any], *, secret: str, app_secret: str | None = None, sent_at: datetime
    ) -> SignedDelivery:
        """A delivery of an event.

        Args:
            event: the guide's JSON object: ``id``, ``type``, ``data``, ``timestamp``.
            secret: the webhook's signing secret.
            app_secret: the application's secret, which one dialect signs with.
            sent_at: aware; for the timestamp header, where there is one.

        Raises:
            ConfigurationError: the secret that is needed is not given.
        """
        fields = self._fields(event)
        key = self._key(secret, app_secret)
        if self.signature_header is None:
            signature = self._spell(self.digest(key, self.message(b"", fields)))
            return SignedDelivery(_json(fields | {"signature": signature}), {"Content-Type": "application/json"})
        body = _json(fields)
        headers = {
            "Content-Type": "application/json",
            self.signature_header: self._spell(self.digest(key, self.message(body, fields))),
        }
        if self.timestamp_header is not None:
            headers[self.timestamp_header] = str(int(sent_at.timestamp()))
        return SignedDelivery(body, headers)

    def message(self, body: bytes, fields: Mapping[str, Any]) -> bytes:
        """The bytes that are signed.

        Args:
            body: the body as it is sent.
            fields: the same, parsed.

        Raises:
            ValueError: ``data`` holds what no JSON text can.
        """
        if self.serialiser is None:
            return body
        return SERIALISERS[self.serialiser](fields.get("data", {})).encode()

    def _fields(self, event: Mapping[str, Any]) -> dict[str, Any]:
        fields = {self.type_key if name == "type" else name: value for name, value in event.items()}
        fields.pop("signature", None)
        if not self.has_id:
            fields.pop("id", None)
        return fields

    def _key(self, secret: str, app_secret: str | None) -> bytes:
        key = app_secret if self.key == "app-secret" else secret
        if not key:
            msg = f"the dialect {self.name} signs with the {self.key.replace('-', ' ')}, which is not given"
            raise ConfigurationError(msg)
        return key.encode()

    def _spell(self, digest: str) -> str:
        return ("sha256=" if self.is_prefixed else "") + (digest.upper() if self.is_upper_case else digest)


def hmac_sha256(key: bytes, message: bytes) -> str:
    """HMAC-SHA256 (RFC 2104)."""
    return hmac.new(key, message, sha256).hexdigest()


def sha256_of_payload_and_secret(key: bytes, message: bytes) -> str:
    """SHA-256(payload + secret): not an HMAC; who knows one signature can sign longer payloads."""
    return sha256(message + key).hexdigest()


def hmac_over_hex(key: bytes, message: bytes) -> str:
    """An HMAC that hashes the hex text of the inner hash, and of a long key, where RFC 2104 wants the bytes."""
    if len(key) > _BLOCK_SIZE:
        key = sha256(key).hexdigest().encode()
    key = key.ljust(_BLOCK_SIZE, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in key) for pad in (0x36, 0x5C))
    return sha256(outer + sha256(inner + message).hexdigest().encode()).hexdigest()


def _json(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


_hmac_dialect = partial(Dialect, digest=hmac_sha256)


def _all() -> Iterable[Dialect]:
    yield _hmac_dialect(
        name="guide",
        source="LicenseChain's webhooks guide",
        accepted_by=_BOTH,
        timestamp_header=_GUIDE[1],
    )
    yield _hmac_dialect(
        name="seller-middleware",
        source="the middleware of LicenseChain's Seller API",
        accepted_by=_COMPAT,
        signs="the body as JSON.stringify writes it",
        signature_header=_LICENSECHAIN[0],
        timestamp_header=_LICENSECHAIN[1],
    )
    yield _hmac_dialect(
        name="seller-route",
        source="the webhook route of LicenseChain's Seller API",
        accepted_by=_COMPAT,
        signs="the body as JSON.stringify writes it",
        signature_header=_LICENSECHAIN[0],
        is_prefixed=True,
        type_key="event",
        has_id=False,
    )
    yield _hmac_dialect(
        name="node-verifier",
        source="WebhookVerifier of the Node SDK",
        accepted_by=_COMPAT,
        signature_header=_LICENSECHAIN[0],
        is_prefixed=True,
        type_key="event",
    )
    yield _hmac_dialect(
        name="sdk-verifier",
        source="WebhookVerifier of the Python, JavaScript, PHP and Ruby SDKs",
        accepted_by=_COMPAT,
        signature_header=_LICENSECHAIN[0],
        is_prefixed=True,
    )
    for serialiser, source in (
        ("python", "the webhook handler of the Python SDK"),
        ("node", "the webhook handlers of the Node and iOS SDKs"),
        ("go", "the webhook handler of the Go SDK"),
        ("rust", "the webhook handler of the Rust SDK"),
        ("php", "the webhook handlers of the PHP and Ruby SDKs"),
    ):
        yield _hmac_dialect(
            name=f"data-only-{serialiser}",
            source=source,
            accepted_by=_NEITHER,
            signs="data alone, written anew as JSON",
            serialiser=serialiser,
            signature_header=None,
        )
    yield _hmac_dialect(
        name="mixed-case",
        source="the C#, Unity, VB and Android SDKs",
        accepted_by=_BOTH,
        timestamp_header=_GUIDE[1],
        is_upper_case=True,
    )
    yield _hmac_dialect(
        name="bot-prefixed",
        source="the C++ SDK and the Discord and Telegram bots",
        accepted_by=_COMPAT,
        is_prefixed=True,
    )
    yield _hmac_dialect(
        name="app-secret",
        source="EnhancedClient of the Python, JavaScript and C# SDKs",
        accepted_by=_NEITHER,
        key="app-secret",
        is_prefixed=True,
    )
    yield Dialect(
        name="payload-secret-sha256",
        source="the Java and Perl SDKs",
        accepted_by=_NEITHER,
        signs="the raw body with the secret behind it, hashed without a key",
        digest=sha256_of_payload_and_secret,
        timestamp_header=_GUIDE[1],
    )
    yield Dialect(
        name="luau",
        source="the Luau SDK",
        accepted_by=_NEITHER,
        signs="the raw body, with an HMAC that is not RFC 2104's",
        digest=hmac_over_hex,
        is_prefixed=True,
        type_key="event",
    )


DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in _all()}
"""By name, the guide's first."""
