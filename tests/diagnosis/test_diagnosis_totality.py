"""Whatever a capture holds, there are findings, they can be written down, and they give nothing away."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from licensechain_hooks import sign
from licensechain_hooks.diagnosis._scrubbing import scrub_capture
from licensechain_hooks.diagnosis.captures import Capture, CaptureError
from licensechain_hooks.diagnosis.findings import Finding, Settings, diagnose

SECRET = "an-ordinary-signing-secret"
NAMES = st.sampled_from(
    [
        *("x-webhook-signature", "x-licensechain-signature", "x-webhook-timestamp", "x-licensechain-timestamp"),
        *("content-length", "content-encoding", "x-signature", "x-timestamp", "authorization"),
    ]
)
VALUES = (
    st.text(max_size=80)
    | st.from_regex(r"(sha256=|v1,|SHA1:)?[0-9a-fA-F]{0,130}", fullmatch=True)
    | st.from_regex(r"[0-9]{1,20}", fullmatch=True)
    | st.from_regex(r"[A-Za-z0-9+/_-]{20,90}={0,3}", fullmatch=True)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["id", "type", "event", "data", "timestamp", "signature", "email"]), inner)
    ),
    max_leaves=12,
)
BODIES = st.binary(max_size=100) | JSON.map(json.dumps).map(str.encode)
TIMES = st.none() | st.datetimes(timezones=st.just(UTC))


@given(headers=st.dictionaries(NAMES, VALUES), body=st.none() | BODIES, received_at=TIMES, is_signed=st.booleans())
def test_there_are_always_findings(headers, body, received_at, is_signed):
    """No header, body or time makes the diagnosis fail; what it finds survives being written and read."""
    if is_signed:
        headers["x-webhook-signature"] = sign(SECRET, body or b"")
    capture = Capture(
        body=body, headers=tuple(headers.items()), received_at=received_at, body_bytes=len(body or b""), method="POST"
    )
    for profile in ("guide", "compat"):
        findings = diagnose(capture, Settings(secrets=[SECRET], app_secret="another", profile=profile))
        assert findings
        assert all(Finding.from_facts(json.loads(json.dumps(finding.facts()))) == finding for finding in findings)
        assert all(SECRET not in f"{finding.what}{finding.why}{finding.todo}" for finding in findings)
    scrubbed = scrub_capture(capture, [SECRET])
    assert Capture.from_json(scrubbed.to_json()).body == scrubbed.body


@given(text=st.text(max_size=100) | JSON.map(json.dumps))
def test_reading_gives_a_capture_or_a_sentence(text):
    """Any text is a capture, or `CaptureError` says why not."""
    try:
        capture = Capture.from_json(text)
    except CaptureError:
        return
    assert diagnose(capture, Settings(secrets=[SECRET]))


@given(
    fields=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            (
                "headers",
                "body",
                "body_base64",
                "received_at",
                "body_bytes",
                "scrubbed",
                "outcome",
                "findings",
                "method",
                "path",
            ),
            JSON,
        ),
    )
)
def test_fields_of_any_type(fields):
    """The same for objects whose fields are of any type."""
    try:
        capture = Capture.from_json(json.dumps(fields))
    except CaptureError:
        return
    assert diagnose(capture, Settings(secrets=[SECRET]))


def test_the_moment_of_a_capture_may_be_the_first_there_is():
    """Times at the ends of the calendar are times."""
    for received_at in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        capture = Capture(body=b"{}", headers=(("x-webhook-timestamp", "1"),), received_at=received_at, body_bytes=2)
        assert Capture.from_json(capture.to_json()) == capture
        assert diagnose(capture, Settings(secrets=[SECRET]))
