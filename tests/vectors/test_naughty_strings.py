"""The big list of naughty strings, in every place a string can stand."""

import json
from pathlib import Path
from typing import Any

import pytest

from licensechain_hooks import ConfigurationError, Endpoint, HookRequest, Hooks, Receiver, sign
from licensechain_hooks.testing import FrozenClock

SECRET = "a-signing-secret-of-these-tests"
CLOCK = FrozenClock()
WORD = set("abcdefghijklmnopqrstuvwxyz0123456789_")


@pytest.fixture(scope="session")
def naughty(corpora: Path) -> list[str]:
    """The strings."""
    strings = json.loads((corpora / "naughty" / "blns.json").read_text(encoding="utf-8"))
    assert len(strings) > 400
    return list(strings)


def receiver() -> Receiver:
    hooks = Hooks()
    hooks.fallback(lambda _event: None)
    return Receiver(Endpoint(secrets=SECRET, clock=CLOCK), hooks)


def deliver(to: Receiver, fields: dict[str, Any], **headers: str) -> tuple[str, int]:
    body = json.dumps(fields).encode()
    outcome = to.receive(
        HookRequest(
            body,
            {"X-Webhook-Signature": sign(SECRET, body), "X-Webhook-Timestamp": str(int(CLOCK())), **headers},
        )
    )
    return outcome.name, outcome.status


def fields(number: int, **changed: Any) -> dict[str, Any]:
    moment = CLOCK.now.isoformat()
    return {"id": f"evt_{number}", "type": "license.created", "data": {"id": "lic_1"}, "timestamp": moment, **changed}


def test_in_data(naughty):
    """Any text may be a value or a name inside ``data``."""
    to = receiver()
    for number, text in enumerate(naughty):
        data = {"id": "lic_1", "licenseKey": text, "note": {text: [text]}}
        assert deliver(to, fields(number, data=data)) == ("processed", 200), text


def test_as_id(naughty):
    """An id is printable ASCII; all else is refused as malformed, and nothing breaks."""
    to = receiver()
    for text in set(naughty):
        fine = 1 <= len(text) <= 255 and all("!" <= letter <= "~" for letter in text)
        expected = ("processed", 200) if fine else ("rejected", 400)
        assert expected == deliver(to, fields(0, id=text)), text


def test_as_type(naughty):
    """A type is dotted lower-case words, as an address of IPv4 happens to be; all else is refused as malformed."""
    to = receiver()
    for number, text in enumerate(naughty):
        words = text.split(".")
        fine = len(words) > 1 and all(word and set(word) <= WORD for word in words) and len(text) <= 100
        expected = ("processed", 200) if fine else ("rejected", 400)
        assert expected == deliver(to, fields(number, type=text)), text


def test_as_timestamp(naughty):
    """No naughty string is a time."""
    to = receiver()
    assert {("rejected", 400)} == {deliver(to, fields(0, timestamp=text)) for text in naughty}


def test_in_headers(naughty):
    """In a header no naughty string verifies, and none breaks the check."""
    to = receiver()
    for name in ("X-Webhook-Signature", "X-Webhook-Timestamp"):
        assert {("rejected", 401)} == {deliver(to, fields(0), **{name: text}) for text in naughty}


def test_as_secret(naughty):
    """A secret may be any text that is not blank: what it signs verifies."""
    for text in naughty:
        try:
            endpoint = Endpoint(secrets=[text], clock=CLOCK)
        except ConfigurationError:
            assert not text.strip() or text != text.strip(), text
            continue
        body = json.dumps(fields(1)).encode()
        headers = {"X-Webhook-Signature": sign(text, body), "X-Webhook-Timestamp": str(int(CLOCK()))}
        assert endpoint.open(headers, body).id == "evt_1"
