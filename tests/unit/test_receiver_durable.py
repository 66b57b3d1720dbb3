"""What a delivery becomes with an inbox: stored before it is acknowledged, and run by a worker (durable mode)."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from licensechain_hooks import (
    ConfigurationError,
    Envelope,
    HookRequest,
    Hooks,
    Inbox,
    MemoryDeduplicator,
    Outcome,
    Receiver,
    StoreUnavailableError,
    WorkerSettings,
)
from licensechain_hooks._entries import EntryFilter, Recorded
from licensechain_hooks.inbox.memory import MemoryInbox

ALL = EntryFilter()
IDLE = WorkerSettings(embedded=False)


@pytest.fixture
def inbox(clock) -> MemoryInbox:
    """An inbox whose time is the test's."""
    return MemoryInbox(clock=clock)


@pytest.fixture
def runs(hooks) -> list[str]:
    """The ids that a handler saw."""
    seen = []
    hooks.on("license.*")(lambda event: seen.append(event.id))
    return seen


@pytest.fixture
def make_receiver(endpoint, hooks, inbox):
    """A receiver that stores, and whose worker runs when it is told to."""
    return lambda **settings: Receiver(endpoint, hooks, **{"inbox": inbox, "worker": IDLE, **settings})


def answer(outcome: Outcome) -> tuple[str, int, str | None]:
    reply = outcome.reply
    assert json.loads(reply.body) == {"status": outcome.name}
    return outcome.name, reply.status, dict(reply.headers).get("retry-after")


def test_new(make_receiver, inbox, delivery, receive, runs):
    """A new event is stored and answered 200 accepted; its handlers run later, once."""
    receiver = make_receiver()
    outcome = receive(receiver, delivery())
    assert answer(outcome) == ("accepted", 200, None)
    assert (outcome.event, outcome.runs) == (Envelope(json.loads(delivery().body)), ())
    assert runs == []
    assert receiver.worker.drain() == 1
    assert runs == ["evt_1"]
    assert [entry.state for entry in inbox.entries(ALL)] == ["processed"]


def test_what_is_stored(make_receiver, inbox, make_body, signed, receive, runs):
    """The entry tells all that a worker and an operator need: the body as it was signed, and no signature."""
    body = make_body()
    headers = signed(
        body, User_Agent="LicenseChain/1.0\x1b[31m \xe9", Content_Type="application/json", Cookie="session=1"
    )
    receive(make_receiver(), HookRequest(body, headers))
    (entry,) = inbox.entries(ALL)
    assert (entry.endpoint, entry.event_id, entry.event_type) == ("default", "evt_1", "license.revoked")
    assert entry.event_timestamp == datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)
    assert (entry.state, entry.license_id, entry.ordering_key) == ("received", "lic_1", None)
    assert entry.raw_body == body
    assert entry.headers == {
        "content-type": "application/json",
        "user-agent": "LicenseChain/1.0[31m \xe9",
        "x-webhook-timestamp": headers["X-Webhook-Timestamp"],
    }


def test_headers_are_cut(make_receiver, inbox, make_body, signed, receive, runs):
    """No header fills the store."""
    body = make_body()
    receive(make_receiver(), HookRequest(body, signed(body, User_Agent="x" * 5000)))
    assert [len(entry.headers["user-agent"]) for entry in inbox.entries(ALL)] == [500]


def test_the_headers_of_wsgi(make_receiver, inbox, make_body, signed, runs):
    """A WSGI server spells headers its own way; the same ones are kept."""
    import io

    body = make_body()
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed(body).items()}
    environ |= {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), "HTTP_USER_AGENT": "x/1"}
    environ |= {"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(body)}
    assert list(make_receiver().wsgi(environ, lambda status, _headers: None)) == [b'{"status": "accepted"}']
    (entry,) = inbox.entries(ALL)
    assert sorted(entry.headers) == ["content-type", "user-agent", "x-webhook-timestamp"]


@pytest.mark.parametrize("is_finished", [False, True])
@pytest.mark.parametrize("changed", [{}, {"timestamp": "2026-03-01T11:00:00Z"}, {"signature": "another"}])
def test_duplicate(make_receiver, delivery, receive, runs, changed, is_finished):
    """Rows 33 and 38: the same id with the same content is answered 200 duplicate, in flight or done, and runs once."""
    receiver = make_receiver()
    receive(receiver, delivery())
    if is_finished:
        receiver.worker.drain()
    assert answer(receive(receiver, delivery(**changed))) == ("duplicate", 200, None)
    receiver.worker.drain()
    assert runs == ["evt_1"]


def test_conflict(make_receiver, inbox, hooks, delivery, receive, runs):
    """Row 32: the same id with other content never runs; its listeners are told at once, with the whole event."""
    told = []

    @hooks.on_conflict
    def plain(event, context):
        told.append((event.data.id, context.raw_body))

    @hooks.on_conflict
    async def later(event):
        told.append(event.data.id)

    receiver = make_receiver()
    receive(receiver, delivery())
    other = delivery(data={"id": "lic_2"})
    outcome = receive(receiver, other)
    assert answer(outcome) == ("conflict", 200, None)
    assert told == [("lic_2", other.raw_body), "lic_2"]
    receiver.worker.drain()
    assert runs == ["evt_1"]
    assert sorted(entry.state for entry in inbox.entries(ALL)) == ["conflict", "processed"]


def test_nobody_listens(make_receiver, inbox, hooks, delivery, receive, runs):
    """An event without a handler is stored as ignored, and answered 200 ignored."""
    assert answer(receive(make_receiver(), delivery(type="user.created"))) == ("ignored", 200, None)
    hooks.on("license.*", endpoint="eu")(print)
    (entry,) = inbox.entries(ALL)
    assert entry.state == "ignored"
    hooks.fallback(lambda _event: None)
    assert receive(make_receiver(), delivery(type="user.created", id="evt_2")).name == "accepted"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"signature": "0" * 64}, ("rejected", 401)),
        ({"timestamp": "1"}, ("rejected", 401)),
        ({"body": b"{}"}, ("rejected", 400)),
        ({"body": b'{"id":"e","type":"a.b","data":{"x":NaN},"timestamp":"2026-03-01T12:00:00Z"}'}, ("rejected", 400)),
        ({"body": b'{"id":"e","type":"a.b","data":{},"timestamp":"2026-02-30T12:00:00Z"}'}, ("rejected", 400)),
        ({"body": b'{"id":"e","type":"a.b","data":{},"timestamp":"2026-01-01T12:00:00Z"}'}, ("rejected", 401)),
        ({"method": "GET"}, ("rejected", 405)),
    ],
    ids=["signature", "header time", "shape", "NaN", "no such day", "age", "method"],
)
def test_what_is_refused_is_not_stored(make_receiver, inbox, make_body, signed, receive, runs, changed, expected):
    """The same checks as in inline mode, in the same order; nothing that fails one reaches the store."""
    body = changed.get("body", make_body())
    headers = signed(body)
    headers["X-Webhook-Signature"] = changed.get("signature", headers["X-Webhook-Signature"])
    headers["X-Webhook-Timestamp"] = changed.get("timestamp", headers["X-Webhook-Timestamp"])
    outcome = receive(make_receiver(), HookRequest(body, headers, method=changed.get("method", "POST")))
    assert (outcome.name, outcome.status, outcome.event) == (*expected, None)
    assert inbox.entries(ALL) == []


def test_the_compat_profile(make_endpoint, hooks, inbox, make_body, signed, receive, runs):
    """What the profile accepts can be stored and run: here a body with ``event``, without an id."""
    receiver = Receiver(make_endpoint(profile="compat"), hooks, inbox=inbox, worker=IDLE)
    body = make_body(id=..., type=..., event="license.revoked")
    outcome = receive(receiver, HookRequest(body, signed(body)))
    assert (outcome.name, outcome.event.id[:7]) == ("accepted", "sha256:")
    assert receiver.worker.drain() == 1
    assert runs == [outcome.event.id]


class Failing(MemoryInbox):
    """An inbox that cannot store."""

    many_writers = False

    def __init__(self, error):
        super().__init__()
        self.error = error

    def record_many(self, entries):
        raise self.error


@pytest.mark.parametrize("error", [StoreUnavailableError("down"), OSError("disk full"), LookupError("x")])
def test_a_store_that_fails(make_receiver, delivery, receive, runs, caplog, error):
    """Row 37: what is not stored is not acknowledged: 503 and Retry-After, whatever the store raises."""
    assert answer(receive(make_receiver(inbox=Failing(error)), delivery())) == ("unavailable", 503, "5")


def test_an_inbox_of_ones_own(make_receiver, delivery, receive, runs):
    """Anything with the methods is an inbox; what it says of a delivery decides."""

    class Mine(MemoryInbox):
        many_writers = False

        def record_many(self, entries):
            return [Recorded("duplicate", 7) for _ in entries]

    inbox: Inbox = Mine()
    assert receive(make_receiver(inbox=inbox), delivery()).name == "duplicate"


def test_many_at_once(make_receiver, inbox, delivery, runs):
    """A burst on one event loop is stored whole, one id once."""
    receiver = make_receiver()

    async def burst():
        deliveries = [delivery(id=f"evt_{number % 20}") for number in range(40)]
        return await asyncio.gather(*map(receiver.areceive, deliveries))

    names = [outcome.name for outcome in asyncio.run(burst())]
    assert sorted(names) == ["accepted"] * 20 + ["duplicate"] * 20
    assert receiver.worker.drain() == len(inbox.entries(ALL)) == len(set(runs)) == 20


# Ordering keys.


def test_ordering_by_license(make_receiver, inbox, delivery, receive, runs):
    """``"license"`` is the license the event is about; an event about none is in no order."""
    receiver = make_receiver(ordering_key="license")
    receive(receiver, delivery())
    receive(receiver, delivery(id="evt_2", type="license.moved", data={}))
    assert [entry.ordering_key for entry in inbox.entries(ALL)] == [None, "lic_1"]


def test_ordering_by_a_function(make_receiver, inbox, delivery, receive, runs):
    """A function is given the typed event."""
    receiver = make_receiver(ordering_key=lambda event: event.data.status)
    receive(receiver, delivery())
    assert [entry.ordering_key for entry in inbox.entries(ALL)] == ["revoked"]
    receive(make_receiver(ordering_key=lambda _event: None), delivery(id="evt_2"))
    assert inbox.entries(ALL)[0].ordering_key is None


@pytest.mark.parametrize("given", ["", "a\x00b", "x" * 256, 7, b"key", ValueError("VALUE")], ids=repr)
def test_an_ordering_key_that_is_none(make_receiver, inbox, delivery, receive, runs, given, caplog):
    """A key that cannot be stored, or none because the function failed: 503, for the order would be lost silently."""

    def key(event):
        if isinstance(given, Exception):
            raise given
        return given

    outcome = receive(make_receiver(ordering_key=key), delivery())
    assert (outcome.name, outcome.status, outcome.reason) == ("unavailable", 503, "misconfigured")
    assert "ordering_key" in str(outcome.error)
    assert "VALUE" not in caplog.text
    assert inbox.entries(ALL) == []


# Redaction.


def without_key(body: bytes) -> bytes:
    fields = json.loads(body)
    fields["data"].pop("licenseKey", None)
    return json.dumps(fields).encode()


def test_redaction(make_receiver, inbox, hooks, delivery, receive):
    """What is stored, compared and given to handlers is what the function returned; the signature held before."""
    seen, told = [], []
    hooks.on("*")(lambda event, context: seen.append((event.data.license_key, context.raw_body)))
    hooks.on_conflict(lambda event, context: told.append((event.data.license_key, context.raw_body)))
    receiver = make_receiver(redact=without_key)
    assert receive(receiver, delivery()).name == "accepted"
    assert receive(receiver, delivery()).name == "duplicate"
    other = delivery(data={"id": "lic_1", "licenseKey": "LC-OTHER", "seats": 2})
    assert receive(receiver, other).name == "conflict"
    assert told == [(None, without_key(other.raw_body))]
    receiver.worker.drain()
    assert seen == [(None, without_key(delivery().raw_body))]
    assert all(b"LC-" not in entry.raw_body for entry in inbox.entries(ALL))


def test_the_license_may_be_redacted(make_receiver, inbox, make_body, delivery, receive, runs):
    """An id that is taken out of the body is not kept beside it."""
    receive(make_receiver(redact=lambda _body: make_body(data={})), delivery())
    assert [entry.license_id for entry in inbox.entries(ALL)] == [None]


@pytest.mark.parametrize(
    ("redact", "message"),
    [
        (lambda body: body.decode(), "must return bytes, not str"),
        (lambda _body: None, "must return bytes, not NoneType"),
        (lambda body: body[:-1], "is no event"),
        (lambda body: body.replace(b"evt_1", b"evt_2"), "changed the event's id"),
        (lambda body: body.replace(b"revoked", b"created"), "changed the event's type"),
        (lambda body: body.replace(b":30Z", b":31Z"), "changed the event's timestamp"),
        (lambda body: {}["VALUE"], "raised KeyError"),
    ],
)
def test_redaction_that_breaks_the_event(make_receiver, inbox, delivery, receive, runs, redact, message, caplog):
    """A body that is no longer this event is not stored: 503, and the log says what the function did."""
    outcome = receive(make_receiver(redact=redact), delivery())
    assert (outcome.name, outcome.reason) == ("unavailable", "misconfigured")
    assert message in str(outcome.error)
    assert message in caplog.text
    assert "VALUE" not in caplog.text
    assert inbox.entries(ALL) == []


# Settings.


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"deduplicator": MemoryDeduplicator()}, "deduplicator has no meaning beside an inbox"),
        ({"inbox": MemoryInbox(retention=timedelta(days=30), payload_retention=None)}, "MemoryInbox must remember"),
        ({"ordering_key": "customer"}, "ordering_key must be"),
        ({"ordering_key": ["license"]}, "ordering_key must be"),
        ({"redact": "data.email"}, "redact must be"),
        ({"inbox": None, "worker": IDLE}, "worker has no meaning without an inbox"),
        ({"inbox": None, "worker": None, "redact": without_key}, "redact has no meaning without an inbox"),
        ({"inbox": None, "worker": None, "ordering_key": "license"}, "ordering_key has no meaning without an inbox"),
    ],
)
def test_settings_that_cannot_work(make_receiver, settings, message):
    """A mistake is found when the receiver is built."""
    with pytest.raises(ConfigurationError, match=message):
        make_receiver(**settings)


def test_an_inbox_for_ever(make_endpoint, hooks):
    """A store that never forgets suits any endpoint, one without ``max_event_age`` too."""
    inbox = MemoryInbox(retention=None)
    assert Receiver(make_endpoint(max_event_age=None), hooks, inbox=inbox, worker=IDLE).inbox is inbox


def test_two_modes(make_receiver, receiver, inbox):
    """A receiver has an inbox and a worker, or a deduplicator."""
    durable = make_receiver()
    assert (durable.inbox, durable.deduplicator) == (inbox, None)
    assert durable.worker.endpoints == ("default",)
    assert durable.worker.inbox is inbox
    assert receiver.inbox is None
    with pytest.raises(ConfigurationError, match="has no worker"):
        receiver.worker  # noqa: B018 - a property that raises


@pytest.mark.parametrize("option", ["transactional", "latest_only"])
def test_options_that_take_an_inbox(endpoint, hooks, receiver, delivery, receive, runs, option):
    """Inline mode cannot keep such a promise: refused when it is built, or 503 where the handler came later."""
    other = Hooks()
    other.on("license.*", **{option: True})(print)
    with pytest.raises(ConfigurationError, match=f"print is {option}, which takes an inbox"):
        Receiver(endpoint, other)
    hooks.include(other)
    outcome = receive(receiver, delivery())
    assert (outcome.name, outcome.status, outcome.reason) == ("unavailable", 503, "misconfigured")
    assert runs == []
    assert receive(receiver, delivery(type="user.created")).name == "ignored"
