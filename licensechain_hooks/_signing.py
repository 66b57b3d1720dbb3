"""HMAC-SHA256 over the raw body, and the reading of the two headers: pure and total.

For any bytes each function returns a value or raises `VerificationError`. Source: LicenseChain's webhooks guide, with
the digest spelled as its own SDKs spell it: bare hex in any letter case, or after exactly one ``sha256=``.
"""

from binascii import unhexlify
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest

from licensechain_hooks._rfc3339 import parse_rfc3339
from licensechain_hooks.exceptions import ConfigurationError, VerificationError

__all__ = ["SigningKey", "read_signature", "sign", "signing_key", "verify_signature", "verify_timestamp"]

_BLOCK_SIZE = 64  # of SHA-256, bytes (RFC 2104)
_DIGEST_SIZE = 32
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class SigningKey:
    """A secret made ready: RFC 2104's two padded hash states, so that a delivery pays for hashing its body only."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: bytes) -> None:
        if not secret:
            msg = "a signing secret may not be empty: everyone can sign with an empty key"
            raise ConfigurationError(msg)
        key = sha256(secret).digest() if len(secret) > _BLOCK_SIZE else secret
        key = key.ljust(_BLOCK_SIZE, b"\0")
        self._inner = sha256(key.translate(_INNER))
        self._outer = sha256(key.translate(_OUTER))

    def mac(self, body: bytes) -> bytes:
        """The 32 bytes of HMAC-SHA256(secret, body)."""
        inner = self._inner.copy()
        inner.update(body)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def __repr__(self) -> str:
        return "<SigningKey>"


@lru_cache(maxsize=1024)
def signing_key(secret: str) -> SigningKey:
    """The `SigningKey` of a secret; kept, because secrets may come from a callable for every delivery."""
    try:
        return SigningKey(secret.encode())
    except UnicodeEncodeError:
        msg = "a signing secret is not valid text; was it read from the environment with another encoding?"
        raise ConfigurationError(msg) from None


def sign(secret: str, body: bytes) -> str:
    """The value of ``X-Webhook-Signature``: lower-case hex of HMAC-SHA256(key = secret as UTF-8, message = body).

    Raises:
        ConfigurationError: the secret is empty.
    """
    return signing_key(secret).mac(body).hex()


def read_signature(header: bytes | None) -> bytes:
    """The 32 bytes a signature header stands for.

    Args:
        header: its value, repeated ones joined by commas.

    Raises:
        VerificationError: missing, malformed, or several different ones.
    """
    if header is None:
        raise VerificationError("signature_missing")
    try:
        mac = unhexlify(header)  # unlike bytes.fromhex it takes no spaces
    except ValueError:
        mac = _one_mac(header)
    if len(mac) != _DIGEST_SIZE:
        raise VerificationError("signature_malformed" if mac else "signature_missing")
    return mac


def verify_signature(keys: Iterable[SigningKey], body: bytes, mac: bytes) -> None:
    """Check that one of the keys signed ``body``.

    Args:
        keys: newest first.
        body: as it arrived.
        mac: see `read_signature`.

    Raises:
        VerificationError: made with another key, or of another body.
    """
    for key in keys:
        if compare_digest(key.mac(body), mac):
            return
    raise VerificationError("signature_mismatch")


def verify_timestamp(timestamp: bytes | None, now: float, tolerance: float, *, lenient: bool = False) -> None:
    """Check the header's time against ``now``.

    The header is not signed: this is a check of clocks, not a defence against a replay attack.

    Args:
        timestamp: the timestamp header, repeated ones joined by commas.
        now: Unix time in seconds.
        tolerance: the greatest distance in either direction, in seconds.
        lenient: also take RFC 3339 and milliseconds, and do without the header (profile "compat").

    Raises:
        VerificationError: missing, malformed, several different ones, or too far away.
    """
    if timestamp is None:
        if lenient:
            return
        raise VerificationError("timestamp_missing")
    if timestamp.isdigit() and len(timestamp) <= 12:  # bytes.isdigit knows ASCII only
        sent_at = float(timestamp)
    else:
        sent_at = _one_time(timestamp, lenient=lenient)
    if not -tolerance <= now - sent_at <= tolerance:
        raise VerificationError("timestamp_outside_tolerance")


def _one_mac(signatures: bytes) -> bytes:
    try:
        macs = {unhexlify(value.removeprefix(b"sha256=")) for value in _split(signatures)}
    except ValueError:
        raise VerificationError("signature_malformed") from None
    if len(macs) > 1:
        raise VerificationError("signature_conflict")
    return macs.pop()


def _one_time(timestamps: bytes, *, lenient: bool) -> float:
    times = {_time(value, lenient=lenient) for value in _split(timestamps)}
    if len(times) > 1:
        raise VerificationError("timestamp_conflict")
    return times.pop()


def _time(value: bytes, *, lenient: bool) -> float:
    if value.isdigit() and len(value) <= 12:
        return float(value)
    if not lenient:
        raise VerificationError("timestamp_malformed")
    if value.isdigit() and len(value) == 13:
        return float(value) / 1000
    try:
        return parse_rfc3339(value.decode("ascii")).timestamp()
    except ValueError:
        raise VerificationError("timestamp_malformed") from None


def _split(values: bytes) -> list[bytes]:
    return [value.strip(b" \t") for value in values.split(b",")]
