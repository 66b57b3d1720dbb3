"""What a delivery becomes and what its sender is told, in both hosts (inline mode)."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from licensechain_hooks import (
    OUTCOMES,
    ConfigurationError,
    Discard,
    HandlerContext,
    HookRequest,
    Hooks,
    LicenseRevoked,
    MemoryDeduplicator,
    Outcome,
    Receiver,
    Retry,
    default_hooks,
)

pytestmark = pytest.mark.usefixtures("host")


def answer(outcome: Outcome) -> tuple[str, int, str | None]:
    """Name, status and Retry-After; the body always says the name, and nothing else."""
    reply = outcome.reply
    headers = dict(reply.headers)
    assert json.loads(reply.body) == {"status": outcome.name}
    assert (outcome.status, str(len(reply.body))) == (reply.status, headers["content-length"])
    assert headers["content-type"] == "application/json"
    return outcome.name, outcome.status, headers.get("retry-after")


@pytest.fixture
def events(hooks):
    """The events that a handler of everything saw."""
    seen = []
    hooks.on("*")(seen.append)
    return seen


def test_new(receiver, delivery, receive, events):
    """A new event runs its handlers and is answered 200 processed."""
    outcome = receive(receiver, delivery())
    assert answer(outcome) == ("processed", 200, None)
    assert events == [outcome.event]
    assert type(outcome.event) is LicenseRevoked
    assert [(run.error, run.handler.endswith("append")) for run in outcome.runs] == [(None, True)]
    assert (outcome.error, outcome.reason) == (None, "")


@pytest.mark.parametrize("changed", [{}, {"timestamp": "2026-03-01T11:00:00Z"}, {"signature": "another"}])
def test_duplicate(receiver, delivery, receive, events, changed):
    """Rows 33 and 38: the same id with the same content runs once and is answered 200 duplicate."""
    receive(receiver, delivery())
    outcome = receive(receiver, delivery(**changed))
    assert answer(outcome) == ("duplicate", 200, None)
    assert (len(events), outcome.runs, outcome.event.id) == (1, (), "evt_1")


def test_a_duplicate_under_another_spelling(receiver, delivery, receive, events):
    """One event sent under both names of its type runs once."""
    receive(receiver, delivery(type="payment.completed", data={"id": "pay_1"}))
    outcome = receive(receiver, delivery(type="payment.succeeded", data={"id": "pay_1"}))
    assert answer(outcome) == ("duplicate", 200, None)
    assert len(events) == 1


@pytest.mark.parametrize("changed", [{"data": {"id": "lic_2"}}, {"type": "license.created"}])
def test_conflict(receiver, delivery, receive, hooks, events, changed):
    """Row 32: the same id with other content never runs and never overwrites; somebody is told."""
    told = []
    hooks.on_conflict(lambda event, context: told.append((event, context)))
    receive(receiver, delivery())
    outcome = receive(receiver, delivery(**changed))
    assert answer(outcome) == ("conflict", 200, None)
    assert len(events) == 1
    ((event, context),) = told
    assert (event, context.raw_body) == (outcome.event, delivery(**changed).body)
    assert answer(receive(receiver, delivery())) == ("duplicate", 200, None)


def test_a_conflict_listener_that_fails(receiver, delivery, receive, hooks, events):
    """Row 32: the answer does not depend on who was told."""
    hooks.on_conflict(lambda _event: 1 / 0)
    receive(receiver, delivery())
    assert answer(receive(receiver, delivery(data={"id": "lic_2"}))) == ("conflict", 200, None)


def test_ignored(receiver, delivery, receive, hooks):
    """No handler: 200 ignored, and the event is not remembered, so that a handler of tomorrow may run."""
    hooks.on("license.created")(print)
    outcome = receive(receiver, delivery())
    assert answer(outcome) == ("ignored", 200, None)
    assert outcome.event.type == "license.revoked"
    assert answer(receive(receiver, delivery(type="never.heard_of"))) == ("ignored", 200, None)
    assert len(receiver.deduplicator) == 0


def test_an_unknown_type_with_a_fallback(receiver, delivery, receive, hooks):
    """Row 30: the fallback sees it and can tell unknown from unhandled."""
    seen = []
    hooks.fallback(lambda event: seen.append(event.is_known))
    assert answer(receive(receiver, delivery(type="never.heard_of", id="1"))) == ("processed", 200, None)
    assert answer(receive(receiver, delivery(id="2"))) == ("processed", 200, None)
    assert seen == [False, True]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"X_Webhook_Signature": None}, "signature_missing"),
        ({"X_Webhook_Signature": "0" * 63}, "signature_malformed"),
        ({"X_Webhook_Signature": "0" * 64}, "signature_mismatch"),
        ({"X_Webhook_Signature": "0" * 64 + ", " + "1" * 64}, "signature_conflict"),
        ({"X_Webhook_Timestamp": None}, "timestamp_missing"),
        ({"X_Webhook_Timestamp": "nan"}, "timestamp_malformed"),
        ({"X_Webhook_Timestamp": "1772366400,1"}, "timestamp_conflict"),
        ({"X_Webhook_Timestamp": "1772366000"}, "timestamp_outside_tolerance"),
    ],
)
def test_not_verified(receiver, make_body, signed, receive, events, headers, reason):
    """A 401 does not say which check failed: the outcome does, for the log."""
    body = make_body()
    outcome = receive(receiver, HookRequest(body, signed(body, **headers)))
    assert answer(outcome) == ("rejected", 401, None)
    assert (outcome.reason, outcome.event, events) == (reason, None, [])


def test_stale(receiver, delivery, receive, events):
    """Row 12: an old event with a fresh header is 401."""
    outcome = receive(receiver, delivery(timestamp="2025-01-01T00:00:00Z"))
    assert answer(outcome) == ("rejected", 401, None)
    assert (outcome.reason, events) == ("event_too_old", [])


def test_a_replay_attack_with_a_fresh_header(receiver, clock, make_body, signed, receive, events):
    """Row 12: the header is not signed; a captured body with a fresh one is a duplicate, and one day too old."""
    body = make_body()
    receive(receiver, HookRequest(body, signed(body)))
    for days, expected in ((1, ("duplicate", 200, None)), (28, ("duplicate", 200, None)), (2, ("rejected", 401, None))):
        clock.advance(timedelta(days=days))
        fresh = signed(body, X_Webhook_Timestamp=str(int(clock())))
        assert expected == answer(receive(receiver, HookRequest(body, fresh)))
    assert len(events) == 1


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff"])
def test_malformed(receiver, signed, receive, events, body):
    """Signed but no event: 400."""
    outcome = receive(receiver, HookRequest(body, signed(body)))
    assert answer(outcome) == ("rejected", 400, None)
    assert events == []


def test_refused_requests(make_endpoint, make_body, signed, hooks, receive):
    """405 with Allow, 413, 415 and 400, before the signature is looked at."""
    body = make_body()
    small = Receiver(make_endpoint(max_body=100), hooks)
    cases = [
        (HookRequest(body, {}, method="GET"), 405, "method"),
        (HookRequest(body, {}), 413, "too_large"),
        (HookRequest(b"{}", {"Content-Length": "101"}), 413, "too_large"),
        (HookRequest(b"{}", {"Content-Encoding": "gzip"}), 415, "content_encoding"),
        (HookRequest(b"{}", {"Content-Length": "3"}), 400, "incomplete"),
    ]
    for request, status, reason in cases:
        outcome = receive(small, request)
        assert answer(outcome) == ("rejected", status, None)
        assert reason == outcome.reason
        assert (status == 405) is (("allow", "POST") in outcome.reply.headers)


def test_retry(receiver, delivery, receive, hooks):
    """A handler that asks for another run: 503 and Retry-After, released, and run again."""
    waits = [timedelta(seconds=7.2)]

    @hooks.on("*")
    def handler(event):
        if waits:
            raise Retry(waits.pop())

    outcome = receive(receiver, delivery())
    assert answer(outcome) == ("failed", 503, "8")
    assert isinstance(outcome.runs[0].error, Retry)
    assert answer(receive(receiver, delivery())) == ("processed", 200, None)


def test_the_longest_wait_counts(receiver, delivery, receive, hooks):
    """Of several waits the longest is told; where another handler failed for good, the answer is a plain 500."""
    for wait in (3, 60, 10):
        hooks.on("*")(lambda _event, seconds=wait: (_ for _ in ()).throw(Retry(timedelta(seconds=seconds))))
    assert answer(receive(receiver, delivery(id="1"))) == ("failed", 503, "60")
    hooks.on("*")(lambda _event: 1 / 0)
    assert answer(receive(receiver, delivery(id="2"))) == ("failed", 500, None)


def test_discard(receiver, delivery, receive, hooks, events):
    """A handler that gives the event up: it counts as done, the others run, and it never runs again."""

    @hooks.on("*")
    def handler(event):
        raise Discard("no such seat")

    outcome = receive(receiver, delivery())
    assert answer(outcome) == ("processed", 200, None)
    assert [type(run.error) for run in outcome.runs] == [type(None), Discard]
    assert answer(receive(receiver, delivery())) == ("duplicate", 200, None)
    assert len(events) == 1


def test_before(receiver, delivery, receive, hooks, events):
    """``before`` runs first; where it raises, the handlers do not run and the event is released."""
    order, broken = [], [True]

    @hooks.before
    def check(event, context):
        order.append(context.handler.rpartition(".")[2])
        if broken:
            broken.pop()
            raise LookupError

    outcome = receive(receiver, delivery())
    assert answer(outcome) == ("failed", 500, None)
    assert ([type(run.error) for run in outcome.runs], events) == ([LookupError], [])
    assert answer(receive(receiver, delivery())) == ("processed", 200, None)
    assert (order, len(events)) == (["check", "check"], 1)


def test_what_a_handler_is_told(receiver, delivery, receive, hooks):
    """The context holds endpoint, name, a stable key, the attempt, the signed bytes and the time of arrival."""
    seen = []

    @hooks.on("license.revoked")
    def lock(event, context):
        seen.append(context)

    request = delivery()
    receive(receiver, request)
    name = f"{__name__}.test_what_a_handler_is_told.<locals>.lock"
    assert seen == [
        HandlerContext(
            endpoint="default",
            handler=name,
            idempotency_key=f"evt_1:{name}",
            attempt=1,
            raw_body=request.body,
            received_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        )
    ]


def test_endpoints_do_not_share_events(make_endpoint, delivery, receive, hooks, events):
    """Two receivers may share hooks and a deduplicator: an id is one event per endpoint."""
    deduplicator = MemoryDeduplicator()
    receivers = [Receiver(make_endpoint(name=name), hooks, deduplicator=deduplicator) for name in ("eu", "us")]
    here = []
    hooks.on("*", endpoint="eu")(here.append)
    assert [answer(receive(each, delivery()))[0] for each in (*receivers, *receivers)] == ["processed"] * 2 + [
        "duplicate"
    ] * 2
    assert (len(events), len(here)) == (2, 1)


def test_the_default_hooks(make_endpoint, delivery, receive, clean_default_hooks):
    """A receiver without hooks of its own listens to the default ones."""
    seen = []
    default_hooks.on("license.revoked")(seen.append)
    assert answer(receive(Receiver(make_endpoint()), delivery()))[0] == "processed"
    assert len(seen) == 1


def test_retention_is_guarded(make_endpoint):
    """Row 12: a deduplicator that forgets before a captured delivery is too old is refused when it is wired."""

    class Forgetful(MemoryDeduplicator):
        retention = timedelta(days=30)

    with pytest.raises(ConfigurationError, match="max_event_age"):
        Receiver(make_endpoint(), Hooks(), deduplicator=Forgetful())
    with pytest.raises(ConfigurationError, match="max_event_age"):
        Receiver(make_endpoint(max_event_age=None), Hooks(), deduplicator=Forgetful())
    Receiver(
        make_endpoint(max_event_age=timedelta(days=30) - timedelta(seconds=300)), Hooks(), deduplicator=Forgetful()
    )


def test_the_vocabulary_of_outcomes():
    """The fixed vocabulary of logs and metrics."""
    assert (
        *(
            "accepted",
            "processed",
            "duplicate",
            "in_flight",
            "conflict",
            "ignored",
            "rejected",
            "failed",
            "unavailable",
        ),
    ) == OUTCOMES
    assert [Outcome(name=name).status for name in OUTCOMES] == [200, 200, 200, 409, 200, 200, 200, 500, 503]


def test_an_error_without_frames(receiver, make_body, signed, receive):
    """The error of an outcome has no frames: those who report errors would show the body among their locals."""
    outcome = receive(receiver, HookRequest(make_body(), signed(b"another body")))
    error = outcome.error
    assert (outcome.status, error.__traceback__, error.__cause__, error.__context__) == (401, None, None, None)
