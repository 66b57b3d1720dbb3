"""The dialects: a receiver takes exactly those its profile says, and each signs what the table says it signs."""

import hmac
import json
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from licensechain_hooks import ConfigurationError, Endpoint, HookRequest, Hooks, Receiver
from licensechain_hooks.diagnosis.dialects import DIALECTS

SECRET, APP_SECRET = "an-ordinary-signing-secret", "the-secret-of-an-application"
SENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATA = {"id": "lic_1", "licenseKey": "LC-1", "note": "café </b> & 1/2", "seats": 2.0}
EVENT = {"id": "evt_1", "type": "license.revoked", "data": DATA, "timestamp": "2026-03-01T11:59:58Z"}


def deliver(name, event=EVENT, secret=SECRET):
    """A delivery of a dialect."""
    return DIALECTS[name].deliver(event, secret=secret, app_secret=APP_SECRET, sent_at=SENT)


def outcome_of(delivery, profile, secrets=(SECRET,)):
    """What a receiver makes of it."""
    endpoint = Endpoint(secrets=secrets, profile=profile, clock=lambda: SENT.timestamp() + 1)
    return Receiver(endpoint, Hooks()).receive(HookRequest(delivery.body, delivery.headers))


def test_every_row_of_the_table_is_there():
    """The names are those that others use."""
    assert list(DIALECTS) == [
        *("guide", "seller-middleware", "seller-route", "node-verifier", "sdk-verifier"),
        *(f"data-only-{name}" for name in ("python", "node", "go", "rust", "php")),
        *("mixed-case", "bot-prefixed", "app-secret", "payload-secret-sha256", "luau"),
    ]
    assert all(dialect.source and dialect.name == name for name, dialect in DIALECTS.items())


@pytest.mark.parametrize("profile", ["guide", "compat"])
@pytest.mark.parametrize("name", DIALECTS)
def test_a_receiver_takes_what_its_profile_says(name, profile):
    """A dialect is processed by the profiles in ``accepted_by`` and rejected with 401 by the others."""
    outcome = outcome_of(deliver(name), profile)
    if profile in DIALECTS[name].accepted_by:
        assert (outcome.name, outcome.event.type) == ("ignored", "license.revoked")
        assert outcome.event.id == (
            "evt_1" if DIALECTS[name].has_id else f"sha256:{sha256(deliver(name).body).hexdigest()}"
        )
    else:
        assert (outcome.name, outcome.status) == ("rejected", 401)


@pytest.mark.parametrize("name", DIALECTS)
def test_none_is_taken_with_another_secret(name):
    """Whatever the dialect, another secret is rejected with 401."""
    assert outcome_of(deliver(name), "compat", ["another-signing-secret"]).status == 401


def test_the_guide_signs_the_raw_body():
    """Bare lower-case hex of HMAC-SHA256 over the body as it is sent, Unix seconds beside it."""
    delivery = deliver("guide")
    assert json.loads(delivery.body) == EVENT
    assert delivery.headers == {
        "Content-Type": "application/json",
        "X-Webhook-Signature": hmac.new(SECRET.encode(), delivery.body, sha256).hexdigest(),
        "X-Webhook-Timestamp": "1772366400",
    }


@pytest.mark.parametrize(
    ("name", "signed"),
    [
        ("python", r'{"id": "lic_1", "licenseKey": "LC-1", "note": "caf\u00e9 </b> & 1/2", "seats": 2.0}'),
        ("node", '{"id":"lic_1","licenseKey":"LC-1","note":"café </b> & 1/2","seats":2}'),
        ("go", r'{"id":"lic_1","licenseKey":"LC-1","note":"café \u003c/b\u003e \u0026 1/2","seats":2}'),
        ("rust", '{"id":"lic_1","licenseKey":"LC-1","note":"café </b> & 1/2","seats":2.0}'),
        ("php", r'{"id":"lic_1","licenseKey":"LC-1","note":"café <\/b> & 1\/2","seats":2}'),
    ],
)
def test_data_only_signs_what_the_serialiser_of_its_language_writes(name, signed):
    """Five serialisers write five byte strings; the signature is in the body and no header holds one."""
    delivery = deliver(f"data-only-{name}")
    assert json.loads(delivery.body) == EVENT | {
        "signature": hmac.new(SECRET.encode(), signed.encode(), sha256).hexdigest()
    }
    assert delivery.headers == {"Content-Type": "application/json"}


def test_go_and_rust_sort_the_keys():
    """Maps have no order in Go and in serde_json: keys are written sorted, at every depth."""
    event = EVENT | {"data": {"b": [{"d": 1, "c": 2}], "a": None}}
    signed = b'{"a":null,"b":[{"c":2,"d":1}]}'
    signature = hmac.new(SECRET.encode(), signed, sha256).hexdigest()
    for name in ("data-only-go", "data-only-rust"):
        assert json.loads(deliver(name, event).body)["signature"] == signature


def test_digests_that_are_no_hmac():
    """SHA-256(payload + secret) for Java and Perl; for Luau the outer hash takes the inner one's hex text."""
    delivery = deliver("payload-secret-sha256")
    assert delivery.headers["X-Webhook-Signature"] == sha256(delivery.body + SECRET.encode()).hexdigest()
    for secret in (SECRET, "long" * 40):
        delivery = deliver("luau", secret=secret)
        key = secret if len(secret) <= 64 else sha256(secret.encode()).hexdigest()
        padded = key.encode().ljust(64, b"\0")
        inner = sha256(bytes(byte ^ 0x36 for byte in padded) + delivery.body).hexdigest()
        outer = sha256(bytes(byte ^ 0x5C for byte in padded) + inner.encode()).hexdigest()
        assert delivery.headers["X-Webhook-Signature"] == f"sha256={outer}"


def test_the_app_secret_signs_only_where_it_is_said():
    """EnhancedClient signs with the application's secret, so an endpoint that had it would accept; it must be given."""
    delivery = deliver("app-secret")
    assert outcome_of(delivery, "compat", [APP_SECRET]).name == "ignored"
    with pytest.raises(ConfigurationError, match="signs with the app secret, which is not given"):
        DIALECTS["app-secret"].deliver(EVENT, secret=SECRET, sent_at=SENT)
    with pytest.raises(ConfigurationError, match="signs with the secret, which is not given"):
        DIALECTS["guide"].deliver(EVENT, secret="", sent_at=SENT)


def test_a_signature_of_another_dialect_does_not_stay():
    """An event that was delivered in a dialect with the signature in its body can be delivered in any."""
    event = json.loads(deliver("data-only-node").body)
    assert json.loads(deliver("guide", event).body) == EVENT
    assert deliver("data-only-node", event) == deliver("data-only-node")
