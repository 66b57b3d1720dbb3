"""The capture file: exact bytes, readable text, and one clear sentence for what is none; what scrubbing takes out."""

import json
import os
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensechain_hooks import Endpoint, HookRequest, Hooks, Receiver
from licensechain_hooks._request import Headers
from licensechain_hooks.diagnosis._scrubbing import scrub_capture
from licensechain_hooks.diagnosis.captures import Capture, CaptureError, headers_of, read_capture
from licensechain_hooks.diagnosis.findings import Settings, diagnose
from licensechain_hooks.testing import event_body, make_event, sign_request

SECRET = "an-ordinary-signing-secret"
ARRIVED = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def captured(body, headers=(), **settings):
    """A capture of these bytes."""
    return Capture(body=body, headers=tuple(headers), body_bytes=len(body), received_at=ARRIVED, **settings)


@given(body=st.binary(max_size=200) | st.text(max_size=50).map(str.encode))
def test_the_bytes_come_back(body):
    """Whatever the bytes are, writing and reading gives them back; the file's text is harmless on a terminal."""
    capture = captured(body, [("x-a", "1"), ("x-b", "\x9b2J é")], path="/hook", outcome={"name": "rejected"})
    text = capture.to_json()
    assert Capture.from_json(text) == capture
    assert all(line.isprintable() for line in text.splitlines())


def test_it_is_readable():
    """A UTF-8 body is text, headers are lines, the time is RFC 3339."""
    fields = json.loads(captured("café".encode(), [("x-a", "1: 2")]).to_json())
    assert (fields["body"], fields["headers"], fields["received_at"]) == (
        "café",
        ["x-a: 1: 2"],
        "2026-03-01T12:00:00.123456Z",
    )
    assert "café" in captured("café".encode()).to_json()
    assert json.loads(captured(b"\xff").to_json())["body_base64"] == "/w=="
    assert Capture.from_json(Capture(body=None, headers=()).to_json()).body is None


def test_a_capture_can_be_written_by_hand():
    """Headers and a body are enough; names of headers are in any letter case."""
    capture = Capture.from_json('{"headers": ["X-Webhook-Signature:  abc "], "body": "{}"}')
    assert capture.headers == (("x-webhook-signature", "abc"),)
    assert (capture.body, capture.method, capture.received_at, capture.scrubbed) == (b"{}", "POST", None, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not an object"),
        ("[" * 100_000, "nested too deeply|not JSON"),
        ("{}", "no body"),
        ('{"body": 1, "headers": []}', "body: of the wrong type"),
        ('{"body": "\\ud800", "headers": []}', "body: half of a character"),
        ('{"body_base64": "%", "headers": []}', "body_base64: not base64"),
        ('{"body_base64": 1, "headers": []}', "body_base64: of the wrong type"),
        ('{"body": "{}"}', "headers: missing"),
        ('{"body": "{}", "headers": {}}', "headers: of the wrong type"),
        ('{"body": "{}", "headers": [1]}', "headers: not a list of texts"),
        ('{"body": "{}", "headers": ["no colon"]}', "headers: not a list of texts"),
        ('{"body": "{}", "headers": [], "received_at": "today"}', "received_at: no time"),
        ('{"body": "{}", "headers": [], "received_at": 1}', "received_at: of the wrong type"),
        ('{"body": "{}", "headers": [], "received_at": "0001-01-01T00:00:00+23:00"}', "received_at: no time"),
        ('{"body": "{}", "headers": [], "body_bytes": true}', "body_bytes: of the wrong type"),
        ('{"body": "{}", "headers": [], "scrubbed": "no"}', "scrubbed: of the wrong type"),
        ('{"body": "{}", "headers": [], "findings": [1]}', "findings: not a list of objects"),
        ('{"body": "{}", "headers": [], "outcome": []}', "outcome: of the wrong type"),
    ],
)
def test_what_is_no_capture(text, said, tmp_path):
    """Each way not to be a capture is one sentence."""
    path = tmp_path / "capture.json"
    path.write_text(text)
    with pytest.raises(CaptureError, match=said):
        read_capture(path)


def test_files_that_cannot_be_read(tmp_path):
    """A missing file, a folder, a pipe, a huge file, bytes and a name no system takes are one sentence each."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe{")
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(17 * 1024 * 1024)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    for name, said in {
        "missing": "no such file",
        ".": "a folder",
        "pipe": "no such file",
        "huge": "larger than 16 MiB",
        "bytes": "not text",
        "\0": "no such file|cannot be read",
        "n" * 5000: "no such file|cannot be read",
    }.items():
        with pytest.raises(CaptureError, match=said):
            read_capture(tmp_path / name)


def test_the_headers_of_every_kind_of_request():
    """All headers are listed, from ASGI, from WSGI and from pairs; repeated ones joined, as the receiver sees them."""
    asgi = Headers.from_asgi([(b"content-type", b"text/plain"), (b"x-a", b"1"), (b"x-a", b"\xe9")])
    assert headers_of(asgi) == (("content-type", "text/plain"), ("x-a", "1,é"))
    assert headers_of(Headers.from_asgi([(b"x-a", b"1")])) == (("x-a", "1"),)
    assert headers_of(Headers({"X-A": "1", "X-B": "2"})) == (("x-a", "1"), ("x-b", "2"))
    environ = {
        "HTTP_X_A": "1",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "",
        "REQUEST_METHOD": "POST",
        "wsgi.input": None,
    }
    assert headers_of(Headers.from_environ(environ)) == (("x-a", "1"), ("content-type", "text/plain"))


def capture_of(body, headers, **settings):
    """What a receiver of the secret leaves behind."""
    seen = []

    def see(outcome, request, _seconds):
        seen.append(Capture.of(request, outcome, ARRIVED))

    receiver = Receiver(Endpoint(secrets=[SECRET], clock=ARRIVED.timestamp), Hooks(), on_outcome=see)
    receiver.receive(HookRequest(body, headers, path="/hook", **settings))
    return seen[0]


def test_the_capture_of_a_delivery():
    """It holds what came and what the receiver said; one that was refused unread has no body."""
    body = event_body(make_event(timestamp=ARRIVED))
    headers = sign_request(body, SECRET, timestamp=ARRIVED.timestamp())
    capture = capture_of(body, headers)
    assert (capture.body, capture.path, capture.body_bytes, capture.received_at) == (body, "/hook", len(body), ARRIVED)
    assert capture.outcome == {"name": "ignored", "status": 200, "reason": ""}
    assert {finding.verdict for finding in diagnose(capture, Settings(secrets=[SECRET]))} == {"ok"}
    unread = capture_of(lambda _size: body, {**headers, "Content-Encoding": "gzip"})
    assert (unread.body, unread.outcome["reason"]) == (None, "content_encoding")


PRIVATE = {
    "id": "evt_1",
    "type": "license.created",
    "timestamp": "2026-03-01T12:00:00Z",
    "data": {
        "id": "cjld2cjxh0000qzrmn831i7rn",
        "licenseKey": "weird key of theirs",
        "license_key": "LC-7F3K-9QWX-2MDA-H5TB",
        "note": "mail ada@example.com about weird key of theirs and ABCDEFGHIJKLMNOPQRSTUVWXYZ012345",
        "customer": {"email": "b@c", "Access-Token": "tok123", "credentials": {"a": ["deep"]}},
        "ada@example.com": "LC-7F3K-9QWX-2MDA-H5TB",
        "webhook": f"signed with {SECRET}",
        "uuid": "550e8400-e29b-41d4-a716-446655440000",
        "seats": 3,
    },
}


def test_what_scrubbing_takes_out():
    """License keys, addresses, tokens and secrets go, wherever they stand; ids, types, times and shape stay."""
    headers = [
        ("x-webhook-signature", f"sha256={'ab' * 32}"),
        ("x-webhook-timestamp", "1772366400"),
        ("authorization", "Bearer abc"),
        ("cookie", "session=1"),
        ("user-agent", "Sender (ada@example.com)"),
    ]
    capture = captured(json.dumps(PRIVATE).encode(), headers, path=f"/hook/{SECRET}")
    scrubbed = scrub_capture(capture, [SECRET])
    text = scrubbed.to_json()
    for gone in (
        "weird key",
        "7F3K",
        "ada@",
        "example.com",
        "ABCDEF",
        "b@c",
        "tok123",
        "deep",
        SECRET,
        "abab",
        "Bearer",
        "session",
    ):
        assert gone not in text
    fields = json.loads(scrubbed.body)
    assert list(fields["data"])[:5] == ["id", "licenseKey", "license_key", "note", "customer"]
    assert {name: fields[name] for name in ("id", "type", "timestamp")} == {
        name: PRIVATE[name] for name in ("id", "type", "timestamp")
    }
    assert (fields["data"]["id"], fields["data"]["uuid"], fields["data"]["seats"]) == (
        *("cjld2cjxh0000qzrmn831i7rn", "550e8400-e29b-41d4-a716-446655440000"),
        3,
    )
    assert dict(scrubbed.headers)["x-webhook-signature"] == "sha256=[64 hex digits]"
    assert dict(scrubbed.headers)["x-webhook-timestamp"] == "1772366400"
    assert (scrubbed.scrubbed, scrubbed.body_bytes, scrubbed.path) == (True, len(capture.body), "/hook/[…]")


@pytest.mark.parametrize("body", [b"", b'{"email": "ada@example.com"', b"\xff", b"[" * 100_000, b"ada@example.com"])
def test_a_body_that_is_not_json_is_not_kept(body):
    """Of what cannot be read nobody can say what is harmless."""
    scrubbed = scrub_capture(captured(body), [])
    assert (scrubbed.body, scrubbed.body_bytes) == (None, len(body))


def test_a_body_made_to_take_long_is_not_kept():
    """Tens of thousands of values to hide would be looked for in each other; the body goes instead."""
    body = json.dumps({"keys": {str(number): f"value{number}" for number in range(40_000)}}).encode()
    scrubbed = scrub_capture(captured(body, [("x-a", f"of {SECRET}")]), [SECRET])
    assert (scrubbed.body, scrubbed.headers, scrubbed.body_bytes) == (None, (("x-a", "of […]"),), len(body))


def test_escapes_hide_nothing():
    """A value that JSON spells in escapes goes as well."""
    scrubbed = scrub_capture(captured(rb'{"n": "ada\u0040example.com", "li\u0063enseKey": "abcdefgh"}'), [])
    assert json.loads(scrubbed.body) == {"n": "[…]", "licenseKey": "[…]"}


def test_a_scrubbed_capture_tells_what_was_found_then():
    """Its findings are those of the raw bytes, and it says how it could be looked at again."""
    body = event_body(make_event(timestamp=ARRIVED))
    capture = capture_of(body, sign_request(body, SECRET, timestamp=ARRIVED.timestamp()))
    then = diagnose(capture, Settings(secrets=[SECRET]))
    facts = tuple(finding.facts() for finding in then)
    read = Capture.from_json(
        scrub_capture(
            Capture(**{name: getattr(capture, name) for name in Capture.__slots__} | {"findings": facts}), [SECRET]
        ).to_json()
    )
    now = diagnose(read, Settings(secrets=["another-secret-of-someone"]))
    assert now[:-1] == then
    assert (now[-1].code, now[-1].verdict, "--raw" in now[-1].todo) == ("scrubbed", "skipped", True)


@pytest.mark.parametrize("facts", [{}, {"code": 1}, {"code": "a", "verdict": "good"}, {"verdict": "ok", "dialects": 1}])
def test_damaged_findings_are_said(facts):
    """A finding that somebody has edited is no finding, and that is said; so is a capture without any."""
    capture = captured(b"{}", scrubbed=True, findings=(facts,))
    assert [finding.code for finding in diagnose(capture, Settings(secrets=[]))] == ["unreadable", "scrubbed"]
    capture = captured(b"{}", scrubbed=True)
    assert [finding.code for finding in diagnose(capture, Settings(secrets=[]))] == ["unknown", "scrubbed"]
