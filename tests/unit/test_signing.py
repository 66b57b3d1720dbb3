"""HMAC-SHA256 over the raw body, and what counts as a signature or a timestamp."""

import base64
import hashlib
import hmac

import pytest

from licensechain_hooks import ConfigurationError, VerificationError, _signing, sign
from licensechain_hooks._signing import SigningKey, read_signature, signing_key, verify_signature, verify_timestamp

BODY = b'{"id":"evt_1"}'
NOW = 1_700_000_000.0


@pytest.fixture
def digest(secret: str) -> str:
    """The right signature of ``BODY``."""
    return hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()


def refusal(header: bytes | None) -> str:
    with pytest.raises(VerificationError) as caught:
        read_signature(header)
    return caught.value.reason


def time_refusal(header: bytes | None, *, lenient: bool = False, tolerance: float = 300) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_timestamp(header, NOW, tolerance, lenient=lenient)
    return caught.value.reason


def test_digests_meet_in_constant_time(monkeypatch, secret, digest):
    """A digest that was sent meets ours in `hmac.compare_digest` alone: an early exit would tell how much was right."""
    compared = []

    def compare(ours, theirs):
        compared.append((ours.hex(), theirs.hex()))
        return hmac.compare_digest(ours, theirs)

    monkeypatch.setattr(_signing, "compare_digest", compare)
    keys = [signing_key("another-secret"), signing_key(secret)]
    verify_signature(keys, BODY, bytes.fromhex(digest))
    assert compared == [(sign("another-secret", BODY), digest), (digest, digest)]


def test_sign_is_lower_case_hex_of_hmac_sha256(secret, digest):
    """`sign` gives what the guide asks for."""
    assert sign(secret, BODY) == digest


@pytest.mark.parametrize("length", [1, 63, 64, 65, 200])
def test_keys_of_any_length_agree_with_the_standard_library(length):
    """RFC 2104 pads short keys and hashes long ones; the block size is the seam."""
    secret = "k" * length
    assert sign(secret, BODY) == hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()


def test_a_key_can_be_used_again_and_again(secret):
    """A `SigningKey` keeps its two hash states unchanged."""
    key = SigningKey(secret.encode())
    assert key.mac(b"one") == SigningKey(secret.encode()).mac(b"one")
    key.mac(b"two")
    assert key.mac(b"one").hex() == sign(secret, b"one")


def test_an_empty_secret_signs_nothing():
    """Row 8: there is no HMAC with an empty key."""
    with pytest.raises(ConfigurationError, match="empty"):
        sign("", BODY)
    with pytest.raises(ConfigurationError, match="empty"):
        SigningKey(b"")


def test_a_secret_that_is_not_text_is_a_configuration_error():
    """A secret read from the environment in another encoding holds lone surrogates."""
    with pytest.raises(ConfigurationError, match="not valid text") as caught:
        signing_key("sécret-\udce9")
    assert "sécret" not in str(caught.value)


def test_a_key_does_not_show_itself(secret):
    """Row 43: the repr of a key holds nothing of it."""
    assert repr(SigningKey(secret.encode())) == "<SigningKey>"


@pytest.mark.parametrize("spelling", ["{}", "sha256={}", " {}", "{}\t", "{0},{0}", "sha256={0}, {0}"])
def test_spellings_of_the_same_mac(secret, digest, spelling):
    """Bare hex, or after one sha256=, once or repeated: the same MAC."""
    mac = read_signature(spelling.format(digest).encode())
    verify_signature([signing_key(secret)], BODY, mac)
    assert bytes.fromhex(digest) == mac


@pytest.mark.parametrize("change", [str.upper, str.title, lambda text: text[:32].upper() + text[32:]])
def test_letter_case_of_hex_does_not_matter(digest, change):
    """Row 3: upper and mixed case are accepted."""
    assert bytes.fromhex(digest) == read_signature(change(digest).encode())


@pytest.mark.parametrize("header", [None, b"", b" ", b",", b"sha256="])
def test_no_signature(header):
    """Row 1: a missing and an empty header are one thing."""
    assert refusal(header) == "signature_missing"


@pytest.mark.parametrize("byte", [b"\xff", b"\xe9", b"\x00", b"\x80"])
def test_bytes_outside_ascii_are_refused(digest, byte):
    """Row 2: a byte that no hex digit has is a refusal, not a TypeError."""
    assert refusal(digest[:-1].encode() + byte) == "signature_malformed"
    assert refusal(digest.encode() + byte) == "signature_malformed"


@pytest.mark.parametrize(
    "header",
    ["{63}", "{64}0", "{64}00", "{62}", "{64}zz", "{64};v=1", "{10} {54}", "0x{64}", "{62} 0", "'{64}'", "{64}\n"],
)
def test_hex_that_is_not_64_digits(digest, header):
    """Row 4: 63 or 65 digits, junk behind them, spaces inside, 0x."""
    text = header
    for length in (10, 54, 62, 63, 64):
        text = text.replace(f"{{{length}}}", digest[:length])
    assert refusal(text.encode()) == "signature_malformed"


def test_other_digests_and_encodings(digest):
    """Row 5: truncated tags, base64, other algorithms' names and doubled prefixes."""
    raw = bytes.fromhex(digest)
    forged = [digest[:32], base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
    forged += [prefix + digest for prefix in ("sha1=", "md5=", "sha512=", "SHA256=", "Sha256=", "sha256=sha256=")]
    forged += [f"v1,{digest}", f"t=1700000000,v1={digest}", hashlib.sha512(BODY).hexdigest()]
    assert {refusal(text.encode()) for text in forged} == {"signature_malformed"}


@pytest.mark.parametrize("separator", [",", ", ", " ,\t"])
def test_two_different_signatures(digest, separator):
    """Row 6: of two values none is chosen, however the server joined them."""
    other = "0" * 64
    assert refusal(f"{digest}{separator}{other}".encode()) == "signature_conflict"
    assert refusal(f"{other}{separator}{digest}".encode()) == "signature_conflict"
    assert refusal(f"{digest}{separator}".encode()) == "signature_conflict"


def test_every_secret_is_tried(secret, digest):
    """During a rotation deliveries of both secrets verify; with neither they do not."""
    mac = bytes.fromhex(digest)
    keys = [signing_key("another-secret"), signing_key(secret)]
    verify_signature(keys, BODY, mac)
    verify_signature(reversed(keys), BODY, mac)
    for none_fits in ([], keys[:1]):
        with pytest.raises(VerificationError) as caught:
            verify_signature(none_fits, BODY, mac)
        assert caught.value.reason == "signature_mismatch"


@pytest.mark.parametrize("distance", [-300, -299, 0, 299, 300])
def test_times_within_the_tolerance(distance):
    """The tolerance is inclusive, in both directions."""
    assert verify_timestamp(str(int(NOW) + distance).encode(), NOW, 300) is None


@pytest.mark.parametrize("distance", [-1_000_000, -301, 301, 1_000_000])
def test_times_outside_the_tolerance(distance):
    """Row 10: older and newer than the tolerance, both."""
    assert time_refusal(str(int(NOW) + distance).encode()) == "timestamp_outside_tolerance"


def test_no_timestamp():
    """Row 9: the guide's header is not optional."""
    assert time_refusal(None) == "timestamp_missing"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "nan",
        "inf",
        "-inf",
        "1e9",
        "0x10",
        "1_700_000_000",
        "+1700000000",
        "-1",
        "1700000000.0",
        "17 00000000",
        "1700000000\n",
        "1700000000;",
        "True",
        "9" * 13,
        "9" * 5000,
        "2023-11-14T22:13:20Z",
    ],
)
def test_only_ascii_digits_are_a_time(text):
    """Row 11: what float() and int() would take is refused before they see it."""
    assert time_refusal(text.encode()) == "timestamp_malformed"


@pytest.mark.parametrize("zero", [0x0660, 0xFF10, 0x0966], ids=["arabic", "fullwidth", "devanagari"])
@pytest.mark.parametrize("lenient", [False, True])
def test_other_scripts_digits_are_no_time(zero, lenient):
    """Row 11: str.isdigit is true of Arabic digits; a header is bytes."""
    text = "".join(chr(zero + int(digit)) for digit in "1700000000")
    assert text.isdigit()
    assert time_refusal(text.encode(), lenient=lenient) == "timestamp_malformed"


def test_repeated_timestamps():
    """Row 6 for the other header: equal ones are one, different ones are refused."""
    assert verify_timestamp(b"1700000000, 1700000000", NOW, 300) is None
    assert time_refusal(b"1700000000,1700000001") == "timestamp_conflict"
    assert time_refusal(b"1700000000,") == "timestamp_malformed"


@pytest.mark.parametrize(
    "text", ["1700000000123", "2023-11-14T22:13:20Z", "2023-11-14T23:13:20.5+01:00", "1700000000,2023-11-14T22:13:20Z"]
)
def test_lenient_times(text):
    """Profile compat takes milliseconds and RFC 3339."""
    assert verify_timestamp(text.encode(), NOW, 300, lenient=True) is None


def test_lenient_does_without_the_header():
    """Profile compat leaves freshness to the signed body time, where the header is missing."""
    assert verify_timestamp(None, NOW, 300, lenient=True) is None


@pytest.mark.parametrize("text", ["", "nan", "2023-11-14", "2023-11-14T22:13:20", "9" * 14, "1e9", "\xff", "yesterday"])
def test_lenient_is_not_credulous(text):
    """Row 11 holds in profile compat too."""
    assert time_refusal(text.encode("latin-1"), lenient=True) == "timestamp_malformed"


def test_lenient_times_keep_the_tolerance():
    """Row 10 holds for every spelling of a time."""
    for text in (b"1700000301000", b"2023-11-14T22:00:00Z"):
        assert time_refusal(text, lenient=True) == "timestamp_outside_tolerance"
