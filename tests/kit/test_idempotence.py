"""`assert_idempotent`: it tells handlers that may run twice from those that may not."""

import asyncio
from typing import Any

import pytest

from licensechain_hooks import Event, HandlerContext, Retry
from licensechain_hooks.testing import assert_idempotent, make_event


def test_a_handler_that_may_run_twice() -> None:
    """Writing the same state again is fine."""
    seats = {"lic_1": "open"}

    def lock(event: Event) -> None:
        seats[event.data.id] = "locked"

    assert_idempotent(lock, make_event("license.revoked"), snapshot=lambda: seats)
    assert seats == {"lic_1": "locked"}


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_handler_that_may_not(kind: str) -> None:
    """A second mail is noticed, even where the snapshot is the very list that grows; both states are told."""
    mails: list[str] = []

    def mail(event: Event) -> None:
        mails.append(event.data.id)

    async def amail(event: Event) -> None:
        await asyncio.sleep(0)
        mails.append(event.data.id)

    handler = mail if kind == "def" else amail
    with pytest.raises(AssertionError, match=r"mail is not idempotent: .*\['lic_1'\]; .*\['lic_1', 'lic_1'\]"):
        assert_idempotent(handler, make_event("license.revoked"), snapshot=lambda: mails)


def test_the_key_is_the_same() -> None:
    """A handler that relies on the idempotency key passes: both runs have the same one, in attempts one and two."""
    sent: dict[str, str] = {}
    attempts = []

    def charge(event: Event, context: HandlerContext) -> None:
        attempts.append(
            (context.attempt, context.raw_body.startswith(b'{"id"'), context.received_at.tzinfo is not None)
        )
        sent.setdefault(context.idempotency_key, event.id)

    event = make_event("payment.failed")
    assert_idempotent(charge, event, snapshot=lambda: sent)
    assert list(sent) == [f"{event.id}:{charge.__module__}.{charge.__qualname__}"]
    assert attempts == [(1, True, True), (2, True, True)]


def test_nothing_to_compare() -> None:
    """A snapshot in which the first run shows nothing proves nothing, and that is a failure."""
    with pytest.raises(AssertionError, match="changed nothing that snapshot"):
        assert_idempotent(lambda _event: None, make_event(), snapshot=lambda: {"seats": 1})


@pytest.mark.parametrize("shown", [object(), iter([])], ids=["object", "iterator"])
def test_what_cannot_be_compared(shown: Any) -> None:
    """What equals nothing but itself, as a lazy query does, would always differ: it is refused with the reason."""
    with pytest.raises(TypeError, match="equals nothing but itself"):
        assert_idempotent(lambda _event: None, make_event(), snapshot=lambda: shown)


def test_a_handler_that_fails() -> None:
    """What a handler raises is the test's to see."""

    def busy(_event: Event) -> None:
        raise Retry

    with pytest.raises(Retry):
        assert_idempotent(busy, make_event(), snapshot=dict)


def test_a_long_snapshot_is_cut() -> None:
    """A message stays readable."""
    rows: list[str] = []
    with pytest.raises(AssertionError) as caught:
        assert_idempotent(lambda _event: rows.append("x" * 5000), make_event(), snapshot=lambda: rows)
    assert len(str(caught.value)) < 2500
