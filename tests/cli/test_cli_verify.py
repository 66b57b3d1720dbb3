"""``licensechain-hooks verify``: a captured delivery holds, or it is told what does not and what to look at."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from licensechain_hooks import sign
from licensechain_hooks.testing import event_body, make_event, sign_request

ARRIVED = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = ["--at", "2026-03-01T12:00:00Z"]
CHECKS = ["request", "signature", "timestamp", "event", "age"]


@pytest.fixture
def capture(tmp_path, secret):
    """A function: the arguments that describe a captured delivery."""

    def capture(body=None, *, sent=ARRIVED, headers=None, **changed):
        body = event_body(make_event(event_id="evt_1", timestamp=ARRIVED)) if body is None else body
        (tmp_path / "body").write_bytes(body)
        signed = sign_request(body, secret, timestamp=sent.timestamp()) if headers is None else headers
        names = {"signature": "X-Webhook-Signature", "timestamp": "X-Webhook-Timestamp"}
        given = signed | {names[name]: text for name, text in changed.items()}
        listed = [part for name, text in given.items() if text is not None for part in ("--header", f"{name}: {text}")]
        return ["--body-file", str(tmp_path / "body"), *listed]

    return capture


def checks(result):
    """The verdict of each check in a JSON result."""
    return {check["name"]: check["verdict"] for check in json.loads(result.stdout)["checks"]}


def test_it_verifies(invoke, capture):
    """A delivery that holds exits with 0 and shows that each check holds, and the event."""
    result = invoke("verify", *capture(), *AT)
    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split() for line in lines[:-1]] == [[name, "holds"] for name in CHECKS]
    assert lines[-1] == "verified: license.created evt_1 of 2026-03-01T12:00:00Z"


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json(form, invoke, capture):
    """As JSON: the verdicts, the time they were found at, and the event."""
    result = invoke("verify", *capture(), *AT, "--format", form)
    document = json.loads(result.stdout)
    assert (document["ok"], document["reason"], document["checked_at"]) == (True, None, "2026-03-01T12:00:00+00:00")
    assert document["event"] == {"type": "license.created", "id": "evt_1", "timestamp": "2026-03-01T12:00:00Z"}
    assert checks(result) == dict.fromkeys(CHECKS, "holds")
    assert (form == "jsonl") == (len(result.stdout.splitlines()) == 1)


@pytest.mark.parametrize(
    ("changed", "failing", "reason"),
    [
        ({"signature": None}, "signature", "signature_missing"),
        ({"signature": ""}, "signature", "signature_missing"),
        ({"signature": "abc"}, "signature", "signature_malformed"),
        ({"signature": "\x1b[2J"}, "signature", "signature_malformed"),
        ({"signature": "\N{SNOWMAN}"}, "signature", "signature_malformed"),
        ({"signature": f"{'0' * 64},{'1' * 64}"}, "signature", "signature_conflict"),
        ({"signature": "0" * 64}, "signature", "signature_mismatch"),
        ({"timestamp": None}, "timestamp", "timestamp_missing"),
        ({"timestamp": "yesterday"}, "timestamp", "timestamp_malformed"),
        ({"timestamp": "1,2"}, "timestamp", "timestamp_conflict"),
        ({"sent": ARRIVED - timedelta(minutes=6)}, "timestamp", "timestamp_outside_tolerance"),
        ({"sent": ARRIVED + timedelta(minutes=6)}, "timestamp", "timestamp_outside_tolerance"),
        (
            {"body": event_body(make_event(timestamp=ARRIVED - timedelta(days=31)))},
            "age",
            "event_too_old",
        ),
    ],
)
def test_it_does_not_verify(changed, failing, reason, invoke, capture):
    """A signature or time that does not hold exits with 3, names the check and the reason, and says where to look."""
    arguments = capture(**changed)
    result = invoke("verify", *arguments, *AT, "--format", "json")
    document = json.loads(result.stdout)
    position = CHECKS.index(failing)
    verdicts = ["holds"] * position + ["fails"] + ["not checked"] * (len(CHECKS) - position - 1)
    assert (result.exit_code, document["ok"], document["reason"]) == (3, False, reason)
    assert list(checks(result).values()) == verdicts
    text = invoke("verify", *arguments, *AT).stdout
    assert all(line.isprintable() for line in text.splitlines())
    assert (reason in text, f"look at: {document['hint']}\n" in text) == (True, True)


def test_every_reason_has_a_hint():
    """Whatever the reason a delivery does not verify for, there is something to look at."""
    from typing import get_args

    from licensechain_hooks.cli import verify
    from licensechain_hooks.exceptions import VerificationReason

    assert set(get_args(VerificationReason)) - set(verify._HINTS) == {"unknown_tenant"}


def test_a_line_end_that_an_editor_added(invoke, capture, secret):
    """A body file that ends with a line end nobody signed is the commonest fault of a capture: it is named."""
    body = event_body(make_event())
    headers = sign_request(body, secret)
    result = invoke("verify", *capture(body + b"\n", headers=headers))
    assert (result.exit_code, "ends with a line end that was not signed" in result.stdout) == (3, True)
    result = invoke("verify", *capture(body + b"\n\n ", headers=headers))
    assert (result.exit_code, "ends with a line end" in result.stdout) == (3, False)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"id": "\x1b[2J"}', b"\xff", b"[" * 1000])
def test_signed_but_no_event(body, invoke, capture):
    """A body that is signed but no event verifies; it exits with 1, for a receiver would refuse it with a 400."""
    result = invoke("verify", *capture(body), *AT)
    lines = result.stdout.splitlines()
    assert (result.exit_code, all(line.isprintable() for line in lines)) == (1, True)
    assert [line.split()[:2] for line in lines[:4]] == [
        ["request", "holds"],
        ["signature", "holds"],
        ["timestamp", "holds"],
        ["event", "fails"],
    ]


@pytest.mark.parametrize(
    ("header", "reason"),
    [("Content-Encoding: gzip", "content_encoding"), ("Content-Length: 99999", "incomplete")],
)
def test_refused_before_the_signature(header, reason, invoke, capture):
    """What a receiver refuses before it looks at the signature exits with 1 and names the reason."""
    result = invoke("verify", *capture(), *AT, "--header", header, "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)["reason"], checks(result)["request"]) == (1, reason, "fails")


def test_a_body_beyond_the_limit_is_not_read_whole(invoke, capture):
    """A body larger than a receiver would read is refused."""
    result = invoke("verify", *capture(b" " * (1024 * 1024 + 1)), "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)["reason"]) == (1, "too_large")


def test_now_is_the_default_time(invoke, capture):
    """Without ``--at`` the clock of this machine decides."""
    body = event_body(make_event())
    assert invoke("verify", *capture(body, sent=datetime.now(UTC))).exit_code == 0
    assert invoke("verify", *capture()).exit_code == 3


@pytest.mark.parametrize("at", ["2026-03-01T13:00:00+01:00", "2026-03-01T11:58:00.5Z", "2026-03-01t12:00:00z"])
def test_times_of_any_offset(at, invoke, capture):
    """``--at`` takes RFC 3339."""
    assert invoke("verify", *capture(), "--at", at).exit_code == 0


@pytest.mark.parametrize(
    "at",
    ["", "now", "1767225600", "2026-03-01", "2026-03-01T12:00:00", "2026-13-01T12:00:00Z", "9999-12-31T23:59:59-23:00"],
)
def test_bad_times(at, invoke, capture):
    """``--at`` refuses everything else in one sentence, with 2."""
    result = invoke("verify", *capture(), "--at", at)
    assert (result.exit_code, "is no time with an offset" in result.stderr) == (2, True)


@pytest.mark.parametrize("header", ["", "X-Webhook-Signature", ": value", "X Webhook: value", "\x1b: value", "a\n: b"])
def test_bad_headers(header, invoke, capture):
    """What is no header is refused in one sentence, with 2."""
    result = invoke("verify", *capture(), "--header", header)
    assert (result.exit_code, result.stderr.splitlines()[-1][:16]) == (2, "Error: --header:")


def test_compat_headers_and_times(invoke, capture, secret):
    """``--profile compat`` takes the dialects of LicenseChain's own SDKs; the guide's profile does not."""
    body = b'{"event":"license.revoked","data":{"id":"lic_1"},"timestamp":"2026-03-01T12:00:00Z"}'
    arguments = capture(body, headers={"X-LicenseChain-Signature": f"sha256={sign(secret, body)}"})
    assert invoke("verify", *arguments, *AT, "--profile", "compat").exit_code == 0
    assert invoke("verify", *arguments, *AT).exit_code == 3


def test_several_secrets(invoke, capture, tmp_path, secret):
    """Any of the secrets may have signed, as during a rotation."""
    (tmp_path / "secrets").write_text(f"the-newer-secret-of-two\n{secret}\n")
    arguments = ["verify", *capture(), *AT, "--secret-file", str(tmp_path / "secrets")]
    assert invoke(*arguments, secret=None).exit_code == 0


def test_the_body_may_come_from_stdin(run, capture, tmp_path):
    """``--body-file -`` reads stdin, byte for byte."""
    _, _, *headers = capture()
    body = (tmp_path / "body").read_text()
    ran = run("verify", "--body-file", "-", *headers, *AT, text=body)
    assert (ran.returncode, ran.stdout.splitlines()[-1].split()[:3], ran.stderr) == (
        *(0, ["verified:", "license.created", "evt_1"]),
        "",
    )
    assert run("verify", "--body-file", "-", *headers, *AT, text=body + " ").returncode == 3


def test_the_secret_may_come_from_stdin(invoke, capture, secret):
    """``--secret-file -`` reads stdin."""
    assert invoke("verify", *capture(), *AT, "--secret-file", "-", text=secret, secret=None).exit_code == 0


def test_not_both_from_stdin(invoke, capture):
    """Secret and body cannot both come from stdin."""
    _, _, *headers = capture()
    result = invoke("verify", "--body-file", "-", *headers, "--secret-file", "-", text="x")
    assert (result.exit_code, "cannot both come from stdin" in result.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [[], ["--body-file", "/nowhere/body"], ["--body-file", "/"]])
def test_bad_bodies(arguments, invoke):
    """A body that cannot be read is told in one sentence, with 2."""
    result = invoke("verify", *arguments, "--header", "a: b")
    assert (result.exit_code, result.stderr.splitlines()[-1][:6], "--body-file" in result.stderr) == (2, "Error:", True)


def test_a_header_is_needed(invoke, capture):
    """Without any header there is nothing to verify."""
    result = invoke("verify", *capture()[:2])
    assert (result.exit_code, "--header" in result.stderr) == (2, True)
