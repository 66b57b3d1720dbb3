"""What a dead worker leaves, and what the next one makes of it.

A KeyboardInterrupt in the main thread ends drain() wherever it is, as the death of its process would.
"""

from datetime import timedelta

import pytest

from licensechain_hooks.exceptions import StoreUnavailableError
from licensechain_hooks.worker import Counters

LEASE = timedelta(seconds=60)


class Death:
    """Kills, so many times."""

    def __init__(self, times: int = 1) -> None:
        self.left = times

    def __call__(self, event: object) -> None:
        if self.left:
            self.left -= 1
            raise KeyboardInterrupt


def die(worker):
    with pytest.raises(KeyboardInterrupt):
        worker.drain()


def test_after_the_commit(site):
    """What was recorded before the process died is run by the next one, and a redelivery is a duplicate."""
    site.on("lock")
    pk = site.record()
    assert site.record() == pk
    assert (site.worker().drain(), site.ran, site.state(pk)) == (1, ["lock"], "processed")


def test_after_the_claim(site):
    """A claim that nobody runs is due again after its lease, and was an attempt."""
    pk = site.record()
    site.on("lock")
    site.inbox.claim_many(["default"], limit=1, lease=LEASE)
    site.advance(LEASE - timedelta(seconds=1))
    assert site.worker().drain() == 0
    site.advance(timedelta(seconds=1))
    assert (site.worker().drain(), site.entry(pk).attempts, site.ran) == (1, 2, ["lock"])


def test_inside_a_transactional_handler(site):
    """A transaction that did not commit leaves no row, and its handler runs again."""
    pk = site.record()
    site.on("lock", Death(), transactional=True)
    die(site.worker())
    assert site.ledger(pk) == {}
    site.advance(LEASE)
    site.worker().drain()
    assert (site.ran, site.state(pk)) == (["lock", "lock"], "processed")


def test_inside_a_plain_handler(site):
    """A plain handler that had its effect before the death runs again, with the same idempotency key."""
    pk = site.record()
    death = Death()
    effects = []

    @site.hooks.on("license.revoked")
    def charge(event, context):
        effects.append(context.idempotency_key)
        death(event)

    die(site.worker())
    assert site.ledger(pk) == {}
    site.advance(LEASE)
    site.worker().drain()
    assert (len(effects), len(set(effects)), site.state(pk)) == (2, 1, "processed")


@pytest.mark.parametrize("transactional", [False, True])
def test_between_two_handlers(site, transactional):
    """A handler that has finished before the death does not run again; the one after it does."""
    pk = site.record()
    site.on("first", transactional=transactional)
    site.on("second", Death())
    die(site.worker())
    assert site.states(pk) == {"first": "done"}
    site.advance(LEASE)
    site.worker().drain()
    assert (site.ran, site.state(pk)) == (["first", "second", "second"], "processed")


def test_before_the_last_update(site):
    """Where all handlers have finished before the death none runs again, and the entry is processed."""
    pk = site.record()
    site.on("first")
    site.on("second", transactional=True)
    site.inbox.down = {"settle"}
    with pytest.raises(StoreUnavailableError):
        site.worker().drain()
    site.inbox.down.clear()
    assert (site.states(pk), site.state(pk)) == ({"first": "done", "second": "done"}, "processing")
    site.advance(LEASE)
    site.worker().drain()
    assert (site.ran, site.state(pk)) == (["first", "second"], "processed")


def test_an_event_that_kills(site):
    """An event that kills each worker is dead after max_attempts, and kills no more."""
    pk = site.record()
    site.on("lock", Death(times=99))
    for _ in range(3):
        die(site.worker(max_attempts=3))
        site.advance(LEASE)
    assert (site.worker(max_attempts=3).drain(), site.state(pk), len(site.ran)) == (1, "dead", 3)


@pytest.mark.parametrize("transactional", [False, True])
def test_a_worker_that_wakes_too_late(site, transactional):
    """A worker that comes to after its lease, when another has the entry, changes nothing and runs no more of it."""
    pk = site.record()
    other = site.worker()
    ran_by = []

    @site.hooks.on("license.revoked", transactional=transactional)
    def lock(event):
        ran_by.append("late" if not ran_by else "other")
        if len(ran_by) == 1:
            site.advance(LEASE)
            assert other.drain() == 1

    site.on("mail")
    late = site.worker()
    late.drain()
    assert (ran_by, site.ran, site.state(pk), site.entry(pk).attempts) == (["late", "other"], ["mail"], "processed", 2)
    assert (other.counters.processed, late.counters.processed) == (1, 0)


def test_a_worker_that_settles_too_late(site):
    """Who has run the last handler when another worker has the entry by then says so, and does not settle it."""
    site.on("lock", lambda event: site.advance(LEASE) or site.inbox.claim_many(["default"], limit=1, lease=LEASE))
    pk = site.record()
    worker = site.worker()
    assert (worker.drain(), worker.counters) == (1, Counters(lost=1))
    assert (site.state(pk), site.ledger(pk)) == ("processing", {})


def test_a_redelivery_while_it_runs(site):
    """A redelivery of an event that is being run is a duplicate, and does not run."""
    site.on("lock", lambda event: site.record() and None)
    pk = site.record()
    assert (site.worker().drain(), site.ran, site.state(pk)) == (1, ["lock"], "processed")
