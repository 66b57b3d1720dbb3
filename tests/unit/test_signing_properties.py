"""Signing for any bytes: total, right, and broken by one flipped bit."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from licensechain_hooks import VerificationError, sign
from licensechain_hooks._signing import read_signature, signing_key, verify_signature, verify_timestamp

NOW = 1_700_000_000.0
secrets = st.text(st.characters(codec="utf-8"), min_size=1, max_size=100)
bodies = st.binary(max_size=300)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
# Not only noise: digits, prefixes and separators in wrong places and numbers.
signature_headers = st.one_of(
    st.binary(max_size=80),
    st.lists(
        st.one_of(
            digests.map(str.encode),
            st.sampled_from([b"sha256=", b",", b" ", b"\t", b"0", b"0x", b"\xff", b"sha1=", b"="]),
        ),
        max_size=6,
    ).map(b"".join),
)
time_headers = st.one_of(
    st.binary(max_size=40),
    st.integers(-(10**14), 10**14).map(lambda number: str(number).encode()),
    st.datetimes().map(lambda moment: moment.isoformat().encode()),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat().encode()),
    st.lists(st.sampled_from([b"1700000000", b"1700000000000", b",", b" ", b"Z", b"T", b"-", b"2023-11-14"])).map(
        b"".join
    ),
)


def flip(data: bytes, bit: int) -> bytes:
    """The same bytes with one bit changed."""
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


@given(secret=secrets, body=bodies)
def test_what_is_signed_verifies(secret, body):
    """verify(sign(body)) holds for any body and any secret."""
    assert verify_signature([signing_key(secret)], body, read_signature(sign(secret, body).encode())) is None


@given(secret=secrets, body=bodies)
def test_the_standard_library_agrees(secret, body):
    """The prepared hash states give what ``hmac`` gives."""
    assert sign(secret, body) == hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@given(secret=secrets, payload=st.text(st.characters(codec="utf-8"), max_size=200))
def test_another_implementation_agrees(secret, payload):
    """The reference library of Standard Webhooks signs the same bytes with the same key alike, but for its base64."""
    theirs = Webhook(base64.b64encode(secret.encode()).decode()).sign(
        "msg_1", datetime.fromtimestamp(NOW, UTC), payload
    )
    ours = sign(secret, f"msg_1.{int(NOW)}.{payload}".encode())
    assert theirs == "v1," + base64.b64encode(bytes.fromhex(ours)).decode()


@given(secret=secrets, body=bodies.filter(bool), bit=st.integers(0, 10_000))
def test_one_flipped_bit_of_the_body(secret, body, bit):
    """Whoever changes a bit of the body is refused."""
    mac = read_signature(sign(secret, body).encode())
    with pytest.raises(VerificationError, match="no secret"):
        verify_signature([signing_key(secret)], flip(body, bit), mac)


@given(secret=secrets, body=bodies, bit=st.integers(0, 255))
def test_one_flipped_bit_of_the_signature(secret, body, bit):
    """All 256 bits of the tag are compared."""
    mac = flip(bytes.fromhex(sign(secret, body)), bit)
    with pytest.raises(VerificationError, match="no secret"):
        verify_signature([signing_key(secret)], body, mac)


@given(secret=secrets, body=bodies, bit=st.integers(0, 1023))
def test_one_flipped_bit_of_the_header(secret, body, bit):
    """A flipped bit of the header's hex is another tag or none, unless it only changes a letter's case."""
    header = sign(secret, body).encode()
    changed = flip(header, bit)
    assume(changed.lower() != header)
    with pytest.raises(VerificationError):
        verify_signature([signing_key(secret)], body, read_signature(changed))


@given(secret=secrets, body=bodies, bit=st.integers(0, 10_000))
def test_one_flipped_bit_of_the_secret(secret, body, bit):
    """Another secret, however close, is another secret."""
    other = flip(secret.encode(), bit)
    assume(other.rstrip(b"\0") != secret.encode().rstrip(b"\0"))  # RFC 2104 pads short keys with zeros
    try:
        text = other.decode()
    except UnicodeDecodeError:
        assume(False)
    with pytest.raises(VerificationError, match="no secret"):
        verify_signature([signing_key(text)], body, read_signature(sign(secret, body).encode()))


@given(header=st.none() | signature_headers)
def test_reading_a_signature_is_total(header):
    """Any bytes are 32 bytes of MAC, or refused with a reason."""
    mac, reason = b"", ""
    try:
        mac = read_signature(header)
    except VerificationError as error:
        reason = error.reason
    assert reason in {"signature_missing", "signature_malformed", "signature_conflict"} or (
        len(mac) == 32 and mac.hex() in header.decode("ascii").lower()
    )


@given(header=signature_headers, body=bodies)
def test_no_header_but_the_digest_verifies(header, body):
    """Whatever a header holds, it verifies only where it spells the digest."""
    try:
        verify_signature([signing_key("a-secret")], body, read_signature(header))
    except VerificationError:
        return
    assert sign("a-secret", body).encode() in header.lower()


@given(header=st.none() | time_headers, lenient=st.booleans(), now=st.floats(0, 4e9), tolerance=st.floats(1e-3, 1e6))
@example(header=b"0001-01-01T00:00:00+23:59", lenient=True, now=0.0, tolerance=1.0)
@example(header=b"9999-12-31T23:59:60.9-23:59", lenient=True, now=0.0, tolerance=1.0)
def test_reading_a_timestamp_is_total(header, lenient, now, tolerance):
    """Any bytes are a time near the clock, or refused with a reason."""
    reason = ""
    try:
        verify_timestamp(header, now, tolerance, lenient=lenient)
    except VerificationError as error:
        reason = error.reason
    assert reason.startswith("timestamp_") or lenient or header.split(b",")[0].strip(b" \t").isdigit()


@given(digits=st.from_regex(rb"\A[0-9]{1,12}\Z"))
def test_up_to_twelve_digits_are_seconds(digits):
    """Row 11: [0-9]{1,12} is a time, read as seconds."""
    assert verify_timestamp(digits, float(int(digits)), 0.5) is None
