"""A deduplicator that fails: never a 200 for what nobody remembers, never a 500."""

from datetime import timedelta

import pytest

from licensechain_hooks import (
    Deduplicator,
    HookRequest,
    MemoryDeduplicator,
    Receiver,
    Reservation,
    StoreUnavailableError,
    VerificationError,
)


class Store:
    """A deduplicator of the user's own, that fails where it is told to."""

    retention = timedelta(days=35)

    def __init__(self, *, in_process, **failures):
        self.in_process = in_process
        self.failures = failures
        self.calls = []
        self.memory = MemoryDeduplicator()

    def _do(self, name, *arguments):
        self.calls.append(name)
        if name in self.failures:
            raise self.failures[name]
        return getattr(self.memory, name)(*arguments)

    def reserve(self, endpoint, event_id, body):
        return self._do("reserve", endpoint, event_id, body)

    def complete(self, reservation):
        self._do("complete", reservation)

    def release(self, reservation):
        self._do("release", reservation)


@pytest.fixture(params=[True, False], ids=["in-process", "in-thread"])
def store(request):
    """A store that may be called on a loop, and one that may not."""

    def make(**failures) -> Deduplicator:
        return Store(in_process=request.param, **failures)

    return make


@pytest.fixture
def runs(hooks):
    """The ids that a handler saw."""
    seen = []
    hooks.on("*")(lambda event: seen.append(event.id))
    return seen


def test_a_store_of_one_s_own(endpoint, hooks, delivery, receive, store, runs):
    """Anything with the protocol's methods will do."""
    own = store()
    receiver = Receiver(endpoint, hooks, deduplicator=own)
    assert [receive(receiver, delivery()).name for _ in range(2)] == ["processed", "duplicate"]
    assert (runs, own.calls) == (["evt_1"], ["reserve", "complete", "reserve"])


@pytest.mark.parametrize(
    "error", [ConnectionError("redis://user:password@host"), ValueError(), TimeoutError(), KeyError("x")]
)
def test_reserving_fails(endpoint, hooks, delivery, receive, store, runs, error):
    """Row 37: whatever a driver raises, nothing runs and the sender is asked to come back."""
    outcome = receive(Receiver(endpoint, hooks, deduplicator=store(reserve=error)), delivery())
    assert (outcome.name, outcome.status, outcome.reason) == ("unavailable", 503, "store_unavailable")
    assert dict(outcome.reply.headers)["retry-after"] == "5"
    assert runs == []
    assert str(outcome.error) == f"the deduplicator raised {type(error).__name__}"
    assert outcome.error.__cause__ is error


def test_the_store_says_so_itself(endpoint, hooks, delivery, receive, store, runs):
    """Row 37: a StoreUnavailableError is passed on as it is."""
    error = StoreUnavailableError("full")
    outcome = receive(Receiver(endpoint, hooks, deduplicator=store(reserve=error)), delivery())
    assert (outcome.name, outcome.status, outcome.error, runs) == ("unavailable", 503, error, [])


@pytest.mark.parametrize("error", [ConnectionError(), ValueError(), StoreUnavailableError("down")])
def test_completing_fails(endpoint, hooks, delivery, receive, store, runs, caplog, error):
    """The handlers ran: 200 stands, the failure is logged, and the lease keeps a redelivery from running at once."""
    receiver = Receiver(endpoint, hooks, deduplicator=store(complete=error))
    outcome = receive(receiver, delivery())
    assert (outcome.name, outcome.status, runs) == ("processed", 200, ["evt_1"])
    assert "deduplicator.failed" in [record.message for record in caplog.records]
    assert receive(receiver, delivery()).name == "in_flight"


def test_releasing_fails(endpoint, hooks, delivery, receive, store, caplog):
    """The handlers' failure is what is answered, not the store's."""
    hooks.on("*")(lambda _event: 1 / 0)
    outcome = receive(Receiver(endpoint, hooks, deduplicator=store(release=OSError())), delivery())
    assert (outcome.name, outcome.status) == ("failed", 500)
    assert "deduplicator.failed" in [record.message for record in caplog.records]


def test_interrupting_a_store(endpoint, hooks, delivery, store):
    """Ctrl-C inside the store is no store failure."""
    receiver = Receiver(endpoint, hooks, deduplicator=store(reserve=KeyboardInterrupt()))
    hooks.on("*")(print)
    with pytest.raises(KeyboardInterrupt):
        receiver.receive(delivery())


def test_the_store_is_not_asked_for_what_is_refused(endpoint, hooks, make_body, signed, receive, store, runs):
    """No rejected request reaches the store, and neither does an event that nobody handles."""
    own = store()
    body = make_body()
    assert receive(Receiver(endpoint, hooks, deduplicator=own), HookRequest(body, {})).status == 401
    assert receive(Receiver(endpoint, hooks, deduplicator=own), HookRequest(b"{}", signed(b"{}"))).status == 400
    assert own.calls == []
    assert isinstance(
        receive(Receiver(endpoint, hooks, deduplicator=own), HookRequest(body, {})).error, VerificationError
    )


def test_a_forged_redelivery(receiver, hooks, delivery, make_body, signed, receive):
    """A forged copy of an event that is known is refused like any other; what is remembered proves nothing of it."""
    hooks.on("*")(lambda _event: None)
    assert receive(receiver, delivery()).name == "processed"
    forged = make_body(), make_body(data={"id": "lic_9"})
    assert [receive(receiver, HookRequest(body, signed(b"another body"))).status for body in forged] == [401, 401]


def test_what_the_store_is_given(endpoint, hooks, delivery, receive, runs):
    """Endpoint, id and the signed bytes go in; the reservation comes back to be completed."""
    seen = []

    class Recorder(Store):
        def reserve(self, endpoint, event_id, body):
            seen.append((endpoint, event_id, body))
            return Reservation(state="new", key=(endpoint, event_id), token="t-1")

        def complete(self, reservation):
            seen.append(reservation)

    request = delivery()
    receive(Receiver(endpoint, hooks, deduplicator=Recorder(in_process=True)), request)
    expected = Reservation(state="new", key=("default", "evt_1"), token="t-1")
    assert seen == [("default", "evt_1", request.body), expected]
