"""Who is told how an attempt has ended: ``on_processed``, ``on_failed`` and ``on_dead``, in both modes."""

from datetime import timedelta

import pytest

from licensechain_hooks import ConfigurationError, Discard, Hooks, Receiver, Retry, WorkerSettings, closest_event_type
from licensechain_hooks.inbox.memory import MemoryInbox


@pytest.fixture
def told(hooks):
    """What each kind of listener was told."""
    told = []
    hooks.on_processed(lambda event, context: told.append(("processed", event.id, context.attempt)))
    hooks.on_failed(lambda error, event, context: told.append((type(error).__name__, event.id, context.attempt)))
    hooks.on_dead(lambda event, context: told.append(("dead", event.id, context.attempt)))
    return told


@pytest.fixture
def worked(endpoint, hooks):
    """A receiver in durable mode, whose worker tries twice, at once."""
    settings = WorkerSettings(embedded=False, max_attempts=2, backoff=lambda _attempt: timedelta(0))
    return Receiver(endpoint, hooks, inbox=MemoryInbox(clock=endpoint.clock), worker=settings)


def _raising(*errors):
    """A handler that raises these one after the other, then returns."""
    left = list(errors)

    def handler(_event):
        if left:
            raise left.pop(0)

    return handler


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([], "processed"),
        ([LookupError()], "LookupError"),
        ([Retry(after=timedelta(0))], "Retry"),
        ([Discard()], "dead"),
        ([Discard(), LookupError()], "LookupError"),
        ([SystemExit()], "SystemExit"),
    ],
)
def test_each_end_in_inline_mode(receiver, hooks, told, delivery, receive, errors, expected):
    """An attempt ends processed, failed or given up, and one kind of listener is told of it."""
    for error in errors or [None]:
        hooks.on("*")(_raising(*filter(None, [error])))
    receive(receiver, delivery())
    assert [(name, attempt) for name, _, attempt in told] == [(expected, 1)]


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([], [("processed", 1)]),
        ([LookupError()], [("LookupError", 1), ("processed", 2)]),
        ([Retry(after=timedelta(0))], [("Retry", 1), ("processed", 2)]),
        ([Discard()], [("dead", 1)]),
        ([LookupError(), ValueError()], [("LookupError", 1), ("dead", 2)]),
        ([SystemExit()], [("SystemExit", 1), ("processed", 2)]),
    ],
)
def test_each_end_in_durable_mode(worked, hooks, told, delivery, receive, errors, expected):
    """An attempt is told of once, by its number: it is processed, has failed, or was the last one."""
    hooks.on("*")(_raising(*errors))
    assert receive(worked, delivery()).name == "accepted"
    assert told == []
    worked.worker.drain()
    assert [(name, attempt) for name, _, attempt in told] == expected


def test_the_first_error_that_can_be_mended_is_told(worked, hooks, told, delivery, receive):
    """Of several errors the first counts, and one that gave the event up only where there is no other."""
    for error in (Discard(), LookupError(), ValueError()):
        hooks.on("*")(_raising(error))
    receive(worked, delivery())
    worked.worker.drain()
    assert [name for name, _, _ in told] == ["LookupError", "dead"]


def test_nobody_is_told_of_what_did_not_run(receiver, hooks, told, delivery, receive):
    """A duplicate and an event that nobody listens for have no end."""
    receive(receiver, delivery())
    hooks.on("*")(lambda _event: None)
    for _ in range(2):
        receive(receiver, delivery())
    assert [name for name, _, _ in told] == ["processed"]


@pytest.mark.parametrize("error", [LookupError, SystemExit])
def test_a_listener_that_fails_changes_nothing(receiver, worked, hooks, delivery, receive, caplog, error):
    """What a listener raises is logged, the others are told, and the answer and the entry are what they were."""
    told = []

    def fail(_event):
        raise error

    hooks.on_processed(fail)
    hooks.on_processed(told.append)
    hooks.on("*")(lambda _event: None)
    assert receive(receiver, delivery()).name == "processed"
    assert receive(worked, delivery()).name == "accepted"
    assert (worked.worker.drain(), len(told)) == (1, 2)
    assert worked.inbox.stats().states["processed"] == 1
    assert caplog.text.count("listener.failed") == 2


def test_listeners_may_be_async(receiver, worked, hooks, delivery, receive):
    """Coroutines are awaited, in either mode and under either host."""
    told = []

    @hooks.on_processed
    async def note(event):
        told.append(event.id)

    @hooks.on_failed
    async def note_failure(error, event):
        told.append(type(error))

    hooks.on("*")(_raising(LookupError()))
    receive(receiver, delivery())
    receive(receiver, delivery())
    receive(worked, delivery())
    worked.worker.drain()
    assert [kind if kind is LookupError else "processed" for kind in told] == [LookupError, "processed", "processed"]


def test_of_included_hooks_and_once():
    """Functions in order, each once, those of included hooks too; what cannot be called so is refused."""
    hooks, other = Hooks(), Hooks()
    hooks.include(other)
    assert (hooks.processed_listeners(), hooks.failed_listeners()) == ((), ())
    for part in (hooks, other):
        assert part.on_processed(print) is print
        assert part.on_failed(print) is print
    assert [listener.function for listener in hooks.processed_listeners()] == [print]
    assert [listener.function for listener in hooks.failed_listeners()] == [print]
    with pytest.raises(ConfigurationError, match="cannot be called"):
        hooks.on_failed(lambda error: None)


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("licence.revoked", "license.revoked"),
        ("licence.*", "license.*"),
        ("subscription.cancelld", "subscription.cancelled"),
        ("license.revoked", None),
        ("application.deleted", None),
        ("license.*", None),
        ("*", None),
        ("shop.opened", None),
    ],
)
def test_the_closest_event_type(pattern, meant):
    """A misspelling leads to the known type or family; what is known, or like nothing, to none."""
    assert closest_event_type(pattern) == meant
