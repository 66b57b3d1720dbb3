"""What is found about a delivery: its dialect, or the one change that would make it hold; never a secret."""

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from licensechain_hooks import sign
from licensechain_hooks.diagnosis.captures import Capture
from licensechain_hooks.diagnosis.dialects import DIALECTS
from licensechain_hooks.diagnosis.findings import Settings, diagnose

SECRET, APP_SECRET = "an-ordinary-signing-secret", "the-secret-of-an-application"
SENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATA = {"id": "lic_1", "licenseKey": "LC-1", "note": "café </b> & 1/2", "z": 1, "a": 2}
EVENT = {"id": "evt_1", "type": "license.revoked", "data": DATA, "timestamp": "2026-03-01T11:59:58Z"}
BODY = json.dumps(EVENT, separators=(",", ":"), ensure_ascii=False).encode()


def captured(body=BODY, *, signature=None, secret=SECRET, **changed):
    """A capture of the guide's delivery; the signature is of BODY unless one is given."""
    headers = {
        "content-type": "application/json",
        "x-webhook-signature": sign(secret, BODY) if signature is None else signature,
        "x-webhook-timestamp": str(int(SENT.timestamp())),
    }
    headers |= changed.pop("headers", {})
    given = tuple((name, value) for name, value in headers.items() if value is not None)
    settings = {"received_at": SENT + timedelta(seconds=1), "body_bytes": len(body)} | changed
    return Capture(body=body, headers=given, **settings)


def in_dialect(name, **settings):
    """A capture of a delivery in a dialect."""
    delivery = DIALECTS[name].deliver(EVENT, secret=SECRET, app_secret=APP_SECRET, sent_at=SENT)
    headers = tuple((name.lower(), value) for name, value in delivery.headers.items())
    return Capture(body=delivery.body, headers=headers, received_at=SENT, body_bytes=len(delivery.body), **settings)


def found(capture, secrets=(SECRET,), **settings):
    """Verdicts by code; checks on the way that no finding gives away what it must not."""
    settings = {"secrets": secrets, "app_secret": APP_SECRET} | settings
    findings = diagnose(capture, Settings(**settings))
    text = " ".join(f"{finding.what} {finding.why} {finding.todo}" for finding in findings)
    for secret in (*secrets, APP_SECRET):
        assert secret.strip("'\" \n") not in text
    assert re.search(r"[0-9a-fA-F]{32}|lic_1|LC-1|evt_1", text) is None
    return {finding.code: finding.verdict for finding in findings}


def failing(capture, *given, **settings):
    """The codes of what fails."""
    return [code for code, verdict in found(capture, *given, **settings).items() if verdict == "fail"]


@pytest.mark.parametrize("name", DIALECTS)
def test_each_dialect_is_named(name):
    """A delivery of each dialect is told by its name, and as good where a profile takes it."""
    for profile in ("guide", "compat"):
        (dialect,) = (
            finding
            for finding in diagnose(
                in_dialect(name), Settings(secrets=[SECRET], app_secret=APP_SECRET, profile=profile)
            )
            if finding.code == "dialect"
        )
        assert dialect.dialects == (name,)
        assert dialect.what == f"dialect {name}: {DIALECTS[name].source}"
        assert dialect.verdict == ("ok" if profile in DIALECTS[name].accepted_by else "fail")
        takes = "compat" if DIALECTS[name].accepted_by else "no profile"
        assert (takes in dialect.why) == (profile not in DIALECTS[name].accepted_by)


@pytest.mark.parametrize("profile", ["guide", "compat"])
@pytest.mark.parametrize("name", DIALECTS)
def test_nothing_fails_exactly_where_an_endpoint_accepts(name, profile):
    """The findings and the endpoint agree for every dialect and profile."""
    codes = failing(in_dialect(name), profile=profile)
    assert (codes == []) == (profile in DIALECTS[name].accepted_by)
    assert not {"wrong-secret", "timestamp-missing", "event-invalid", "event-compat"} & set(codes)


def test_serialisers_that_write_the_same_are_all_named():
    """Where data alone does not tell two languages apart, both are named."""
    event = EVENT | {"data": {"id": "lic_1"}}
    delivery = DIALECTS["data-only-go"].deliver(event, secret=SECRET, sent_at=SENT)
    capture = Capture(body=delivery.body, headers=(), received_at=SENT, body_bytes=len(delivery.body))
    (dialect,) = (one for one in diagnose(capture, Settings(secrets=[SECRET])) if one.code == "dialect")
    assert dialect.dialects == ("data-only-node", "data-only-go", "data-only-rust", "data-only-php")


def test_the_guides_delivery_is_good():
    """Dialect, secret and clocks are told as good, and nothing else."""
    assert found(captured()) == {"dialect": "ok", "secret": "ok", "clock-distance": "ok"}


@pytest.mark.parametrize("secrets", [("another-secret-of-someone",), ("another-secret", "and-one-more-secret")])
def test_a_wrong_secret_is_said_plainly(secrets):
    """Where no dialect, no secret and no single change explains the signature, it is a wrong secret."""
    (finding,) = (one for one in diagnose(captured(), Settings(secrets=secrets)) if one.verdict == "fail")
    assert (finding.code, finding.what.startswith("wrong secret: ")) == ("wrong-secret", True)
    assert failing(captured(BODY.replace(b"lic_1", b"lic_2"))) == ["wrong-secret"]


def test_which_secret_of_the_list():
    """A delivery signed with an older secret says which by its position."""
    findings = diagnose(captured(), Settings(secrets=["the-newest-secret", "a-newer-secret", SECRET]))
    (finding,) = (one for one in findings if one.verdict == "warn")
    assert (finding.code, "secret 3 of 3" in finding.what) == ("older-secret", True)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (json.dumps(EVENT).encode(), "reserialised"),
        (json.dumps(EVENT, ensure_ascii=False).encode(), "reserialised"),
        (json.dumps(EVENT, indent=4).encode(), "reserialised"),
        (json.dumps(EVENT, separators=(",", ":")).encode(), "reserialised"),
        (BODY + b"\n", "line-end-added"),
        (BODY + b"\r\n", "line-end-added"),
        (b" " + BODY, "white-space-added"),
        (b"\xef\xbb\xbf" + BODY, "bom-added"),
    ],
)
def test_a_body_that_was_changed_on_the_way(body, code):
    """The change that was made to the body after it was signed is named."""
    assert code in failing(captured(body))
    assert found(captured(body))["dialect"] == "ok"


@pytest.mark.parametrize(
    ("signed", "body", "code"),
    [
        (BODY + b"\n", BODY, "line-end-missing"),
        (BODY + b"\r\n", BODY, "line-end-missing"),
        (b"\xef\xbb\xbf" + BODY, BODY, "bom-missing"),
        (b'{\n"a": 1\n}', b'{\r\n"a": 1\r\n}', "line-ends-changed"),
        (b'{\r\n"a": 1\r\n}', b'{\n"a": 1\n}', "line-ends-changed"),
        (json.dumps(EVENT).encode(), BODY, "reserialised"),
        (json.dumps(EVENT, ensure_ascii=False).encode(), BODY, "reserialised"),
        (json.dumps(EVENT, indent=2, ensure_ascii=False).encode(), BODY, "reserialised"),
        (json.dumps(EVENT, sort_keys=True).encode(), BODY, "reserialised"),
        (json.dumps(EVENT, sort_keys=True, separators=(",", ":")).encode(), BODY, "reserialised"),
        (b"1772366400." + BODY, BODY, "timestamped"),
        (json.dumps(DATA, sort_keys=True).encode(), BODY, "data-only"),
    ],
)
def test_a_sender_that_signs_other_bytes(signed, body, code):
    """What the sender signed in place of what it sent is named."""
    assert code in failing(captured(body, signature=sign(SECRET, signed)))


def test_a_signature_of_the_body_without_its_field_signature():
    """A sender that adds the signature to the body afterwards is told so."""
    with_field = json.dumps(EVENT | {"signature": "x"}, separators=(",", ":"), ensure_ascii=False).encode()
    assert failing(captured(with_field)) == ["without-signature"]


@pytest.mark.parametrize(
    ("spell", "code"),
    [
        (lambda mac: f"sha256=sha256={mac}", "prefix-doubled"),
        (lambda mac: f"SHA256={mac}", "prefix-spelled"),
        (lambda mac: f"sha256:{mac}", "prefix-spelled"),
        (lambda mac: f"v1={mac}", "prefix-spelled"),
        (lambda mac: base64.b64encode(bytes.fromhex(mac)).decode(), "signature-base64"),
        (lambda mac: f"v1,{base64.b64encode(bytes.fromhex(mac)).decode()}", "signature-base64"),
        (lambda mac: f'"{mac}"', "signature-quoted"),
        (lambda mac: mac[:40], "signature-cut"),
    ],
)
def test_a_signature_that_is_spelled_wrongly(spell, code):
    """A right signature in a wrong spelling is told by what is wrong with the spelling."""
    codes = failing(captured(signature=spell(sign(SECRET, BODY))))
    assert code in codes
    assert "wrong-secret" not in codes


def test_a_prefix_that_is_missing_or_added():
    """How the prefix differs from the nearest dialect's is said."""
    signed = sign(SECRET, BODY)
    with_prefix = diagnose(captured(signature=f"sha256={signed}"), Settings(secrets=[SECRET]))[0]
    assert with_prefix.what.startswith("dialect guide: ")
    assert "but sha256= precedes its signature" in with_prefix.what
    capture = in_dialect("seller-route")
    bare = tuple((name, value.removeprefix("sha256=")) for name, value in capture.headers)
    without = diagnose(replace(capture, headers=bare), Settings(secrets=[SECRET], profile="compat"))[0]
    assert (without.dialects, without.verdict) == (("seller-route",), "ok")
    assert "but no sha256= precedes its signature" in without.what


@pytest.mark.parametrize("name", ["x-signature", "x-hub-signature-256", "x_webhook_signature", "authorization"])
def test_a_signature_in_another_header(name):
    """The header in which the signature stands is named."""
    headers = {"x-webhook-signature": None, name: f"sha256={sign(SECRET, BODY)}"}
    findings = diagnose(captured(headers=headers), Settings(secrets=[SECRET]))
    (finding,) = (one for one in findings if one.code == "header-name")
    assert finding.what == f"the signature stands in the header {name}"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SECRET, f"{SECRET}\n"),
        (SECRET, f"{SECRET}\r\n"),
        (SECRET, f"{SECRET} "),
        (SECRET, f" {SECRET}"),
        (SECRET, f'"{SECRET}"'),
        (SECRET, f"'{SECRET}'"),
        (f'"{SECRET}"', SECRET),
        (SECRET, SECRET.upper()),
        ("61626364" * 4, "abcd" * 4),
        (base64.b64encode(b"sixteen-bytes-ok").decode(), "sixteen-bytes-ok"),
        (base64.b64encode(b"fifteen-bytes-1").decode().rstrip("="), "fifteen-bytes-1"),
        ("whsec_c2l4dGVlbi1ieXRlcy1vaw==", "sixteen-bytes-ok"),
    ],
)
def test_a_mangled_secret(ours, theirs):
    """White space, quotes, letter case and decoding that make two secrets of one are named."""
    assert failing(captured(secret=theirs), secrets=("the-newest-secret", ours)) == ["secret-mangled"]


@pytest.mark.parametrize(("algorithm", "code"), [("sha1", "hmac-sha1"), ("sha512", "hmac-sha512"), ("md5", "hmac-md5")])
def test_other_digests(algorithm, code):
    """An HMAC of another hash is named."""
    import hmac

    mac = hmac.new(SECRET.encode(), BODY, algorithm).hexdigest()
    assert failing(captured(signature=f"{algorithm}={mac}"))[:2] == ["dialect", code]


def test_a_checksum_is_no_signature():
    """A hash without a secret is told as such."""
    from hashlib import sha256, sha512

    assert "plain-sha256" in failing(captured(signature=sha256(BODY).hexdigest()))
    assert "sha512" in failing(captured(signature=sha512(BODY + SECRET.encode()).hexdigest()))
    assert "secret-payload-sha256" in failing(captured(signature=sha256(SECRET.encode() + BODY).hexdigest()))


def test_the_app_secret():
    """A delivery signed with the application's secret is told as such where that is given, else a wrong secret."""
    assert failing(in_dialect("app-secret"))[:2] == ["dialect", "app-secret"]
    assert failing(in_dialect("app-secret"), app_secret=None) == ["wrong-secret", "timestamp-missing"]


@pytest.mark.parametrize(
    ("headers", "code", "with_compat"),
    [
        ({"x-webhook-timestamp": None}, "timestamp-missing", "warn"),
        ({"x-webhook-timestamp": None, "x-timestamp": "1772366400"}, "timestamp-name", "warn"),
        ({"x-webhook-timestamp": "1772366400000"}, "timestamp-milliseconds", "ok"),
        ({"x-webhook-timestamp": "2026-03-01T12:00:00Z"}, "timestamp-iso", "ok"),
        ({"x-webhook-timestamp": "yesterday"}, "timestamp-malformed", "fail"),
        ({"x-webhook-timestamp": "1" * 400}, "timestamp-malformed", "fail"),
        ({"x-webhook-timestamp": ""}, "timestamp-malformed", "fail"),
    ],
)
def test_times_that_are_spelled_otherwise(headers, code, with_compat):
    """A missing, renamed, ISO, millisecond or meaningless time is named; compat takes some."""
    assert found(captured(headers=headers))[code] == "fail"
    assert found(captured(headers=headers), profile="compat")[code] == with_compat


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (timedelta(seconds=412), "412 s before it arrived: 112 s more than the tolerance of 300 s"),
        (timedelta(seconds=-310), "310 s after it arrived: 10 s more than the tolerance of 300 s"),
        (timedelta(hours=5), "5.0 h before it arrived: 4.9 h more than the tolerance of 300 s"),
    ],
)
def test_a_time_out_of_tolerance_says_by_how_much(late, words):
    """How far the clocks are apart, in which direction, and by how much too far."""
    findings = diagnose(captured(received_at=SENT + late), Settings(secrets=[SECRET]))
    (finding,) = (one for one in findings if one.verdict == "fail")
    assert (finding.code, finding.what) == ("timestamp-outside-tolerance", f"its header says it was sent {words}")


def test_a_time_without_an_arrival_is_skipped_aloud():
    """Nobody knows when it arrived: the distance is skipped, not good."""
    assert found(captured(received_at=None)) == {"dialect": "ok", "secret": "ok", "clock-distance": "skipped"}


def test_an_event_that_is_too_old():
    """The age of the event is held against ``max_event_age``."""
    sent = SENT + timedelta(days=40)
    headers = {"x-webhook-timestamp": str(int(sent.timestamp()))}
    assert failing(captured(headers=headers, received_at=sent)) == ["event-too-old"]
    assert failing(captured(headers=headers, received_at=sent), max_event_age=None) == []


def test_a_truncated_body():
    """Where Content-Length differs, that is the finding, and not a wrong secret."""
    length = {"content-length": str(len(BODY))}
    assert failing(captured(BODY[:-40], headers=length)) == ["body-truncated", "event-invalid"]
    assert failing(captured(BODY + b" " * 3 + b"x", headers=length)) == ["body-longer", "event-invalid"]
    assert failing(captured(headers=length)) == []
    refused = captured(b"", headers=length, outcome={"reason": "incomplete"})
    codes = found(replace(refused, body=None))
    assert codes == {"body-unknown": "skipped", "body-truncated": "fail", "clock-distance": "ok"}
    too_large = replace(refused, body=None, outcome={"reason": "too_large"})
    assert failing(too_large) == ["too-large"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"method": "GET"}, "method"),
        ({"headers": {"content-encoding": "gzip"}}, "content-encoding"),
        ({"headers": {"x-licensechain-signature": "0" * 64}}, "signature-conflict"),
        ({"signature": "nothing"}, "signature-malformed"),
        ({"headers": {"x-webhook-signature": None}}, "signature-missing"),
        ({"headers": {"x-webhook-signature": None, "x-request-id": "0" * 32}}, "signature-missing"),
    ],
)
def test_other_faults(changed, code):
    """Method, compression, several and missing signatures are named."""
    assert code in failing(captured(**changed))


def test_a_body_that_is_no_event():
    """A signature may hold over what is no event: that is said, with the reason a receiver has."""
    for body, reason in ((b"", "json_invalid"), (b"[]", "envelope_invalid"), (b"\xff", "json_invalid")):
        findings = diagnose(captured(body, signature=sign(SECRET, body)), Settings(secrets=[SECRET]))
        (finding,) = (one for one in findings if one.verdict == "fail")
        assert finding.what.startswith(f"its body is no event: {reason}: ")
    no_id = json.dumps({name: value for name, value in EVENT.items() if name != "id"}).encode()
    signature = sign(SECRET, no_id)
    assert failing(captured(no_id, signature=signature)) == ["event-compat"]
    assert failing(captured(no_id, signature=signature), profile="compat") == []


def test_without_a_secret_it_is_skipped_aloud():
    """No secret: the signature is not looked at, and that is said."""
    assert found(captured(), secrets=(), app_secret=None)["no-secret"] == "skipped"


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 5000, b"\xed\xa0\x80", b'"\\ud800"', b"1e999", b"NaN", b""]
)
def test_bodies_that_break_parsers(body):
    """Whatever the body is, there are findings and no exception."""
    assert "wrong-secret" in failing(captured(body))
