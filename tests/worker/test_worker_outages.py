"""A store that is down for a while, or that cannot write one thing."""

import logging
import time
from datetime import timedelta

import pytest

from licensechain_hooks._entries import EntryFilter
from licensechain_hooks.exceptions import StoreUnavailableError
from licensechain_hooks.worker import Counters, _outage

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Outages are asked about again within milliseconds."""
    monkeypatch.setattr(_outage, "_FIRST_WAIT", 0.002)
    monkeypatch.setattr(_outage, "_LONGEST_WAIT", 0.01)


@pytest.fixture
def names(caplog):
    """The names of what is logged."""
    caplog.set_level(logging.INFO, "licensechain_hooks")
    return lambda: [record.message.partition(" ")[0] for record in caplog.records]


def asked_again(site, name, wait_until):
    """Wait until the store was asked in vain some times more."""
    before = site.inbox.asked.count(name)
    wait_until(lambda: site.inbox.asked.count(name) > before + 3)


def test_settlements_are_kept(site, wait_until, names):
    """What has run while the store was down is settled when it is back, and does not run again."""
    site.inbox.down = {"settle"}
    pks = [site.record(f"evt_{number}") for number in range(5)]
    site.on("lock")
    worker = site.worker()
    worker.start()
    asked_again(site, "settle", wait_until)
    site.inbox.down.clear()
    wait_until(lambda: {site.state(pk) for pk in pks} == {"processed"})
    wait_until(lambda: worker.counters.processed == 5)
    assert (len(site.ran), names().count("worker.store_unavailable")) == (5, 1)
    wait_until(lambda: "worker.store_available" in names())


def test_claims_are_asked_for_again(site, wait_until, names):
    """A worker that starts while the store is down begins when it is there, and says once a minute that it is not."""
    site.inbox.down = {"claim"}
    pk = site.record()
    site.on("lock")
    site.worker(poll=HOUR).start()
    asked_again(site, "claim", wait_until)
    site.inbox.down.clear()
    wait_until(lambda: site.state(pk) == "processed")
    assert names().count("worker.store_unavailable") == 1


def test_leases_are_extended_again(site, wait_until):
    """A heartbeat that failed is made up for when the store is back: nobody else has the entry, so it stays."""
    gate = site.gate()
    pk = site.record()
    site.on("lock", lambda event: gate.wait())
    worker = site.worker(lease=timedelta(milliseconds=60))
    worker.start()
    wait_until(lambda: worker.counters.running == 1)
    site.inbox.down = {"extend"}
    asked_again(site, "extend", wait_until)
    site.advance(timedelta(milliseconds=30))
    site.inbox.down.clear()
    wait_until(lambda: site.entry(pk).next_attempt_at - site.clock.now == timedelta(milliseconds=60))
    gate.set()
    wait_until(lambda: site.state(pk) == "processed")
    assert site.entry(pk).attempts == 1


def test_what_may_be_lost_is_not_begun(site, wait_until):
    """Entries that wait for a thread while leases end unextended are given back, and not run on the off chance."""
    for number in range(300):
        site.record(f"evt_{number}")
    gate = site.gate()
    begun = []

    def act(event):
        time.sleep(0.001)
        begun.append(event.id)
        if len(begun) == 100:
            gate.wait()

    site.hooks.on("license.revoked")(act)
    worker = site.worker(concurrency=1, lease=timedelta(milliseconds=300))
    worker.start()
    wait_until(lambda: len(begun) == 100 and site.counted("processing") > 1)
    site.inbox.down = {"extend", "settle", "claim"}
    (claim, *_) = worker._shift._holdings._held.values()
    wait_until(lambda: not worker._shift._holdings.may_begin(claim))
    gate.set()
    wait_until(lambda: worker.counters.running == 0 and worker._shift._backlog.empty())
    assert len(begun) == 100
    site.inbox.down.clear()
    wait_until(lambda: site.counted("processed") == 300)
    assert (len(begun), len(set(begun))) == (300, 300)


def test_a_row_that_cannot_be_written(site, wait_until):
    """Where it cannot be made durable that one handler has run, the next one does not: the entry is run again."""
    pk = site.record()
    site.on("first")
    site.on("second")
    site.inbox.down = {"ledger"}
    worker = site.worker(backoff=lambda attempt: HOUR)
    worker.start()
    wait_until(lambda: site.state(pk) == "failed")
    assert (site.ran, site.states(pk)) == (["first"], {"first": "done"})
    assert site.entry(pk).error_code == "StoreUnavailableError"
    site.inbox.down.clear()
    site.advance(HOUR)
    wait_until(lambda: site.state(pk) == "processed")
    assert site.ran == ["first", "second"]


@pytest.mark.parametrize(
    ("asked", "given"), [("stale", {"latest_only": True}), ("transaction", {"transactional": True})]
)
def test_what_a_handler_needs_of_the_store(site, wait_until, names, asked, given):
    """A store that is down is no failure of the handler that it keeps from running: no attempt is lost, nobody is told."""
    told = []
    site.hooks.on_error(lambda error, event: told.append(error))
    site.on("mail")
    site.on("book", **given)
    pk = site.record()
    site.inbox.down = {asked}
    site.worker(max_attempts=1).start()
    asked_again(site, asked, wait_until)
    site.inbox.down.clear()
    wait_until(lambda: site.state(pk) == "processed")
    assert (site.ran, told, site.entry(pk).attempts) == (["mail", "book"], [], 1)
    assert "handler.failed" not in names()


def test_draining_while_the_store_is_down(site):
    """Who drains is told, and the entry is due as it was."""
    site.on("book", transactional=True)
    pk = site.record()
    site.inbox.down = {"transaction"}
    with pytest.raises(StoreUnavailableError):
        site.worker().drain()
    assert (site.state(pk), site.entry(pk).attempts) == ("received", 0)


def test_one_bad_settlement(site, wait_until, names):
    """A settlement that the store cannot write does not keep the others, and its entry is left to its lease."""
    site.inbox.bad_ids = {"evt_2"}
    for number in range(5):
        site.record(f"evt_{number}")
    site.on("lock")
    worker = site.worker()
    worker.start()
    wait_until(lambda: site.counted("processed") == 4)
    assert worker.stop()
    (left,) = site.inbox.entries(EntryFilter(states=("processing",)))
    assert (left.event_id, worker.counters.processed) == ("evt_2", 4)
    assert "worker.not_settled" in names()


def test_an_outage_after_a_bad_settlement(site, wait_until):
    """Where the store goes down while settlements are written one by one, they are written once it is back."""
    faults = [
        RuntimeError("this driver cannot write that"),
        StoreUnavailableError("away"),
        StoreUnavailableError("away"),
    ]
    settle_many = site.inbox.settle_many

    def faulty(settlements):
        if faults:
            raise faults.pop(0)
        return settle_many(settlements)

    site.inbox.settle_many = faulty
    pk = site.record()
    site.on("lock")
    worker = site.worker()
    worker.start()
    wait_until(lambda: worker.counters.processed == 1)
    assert (site.state(pk), site.ran, faults) == ("processed", ["lock"], [])


def test_an_error_that_cannot_be_written(site, raising, wait_until):
    """An entry whose error text the store refuses is settled without it."""
    pk = site.record()
    site.on("lock", raising(ValueError("odd")))
    site.inbox.refuses_errors = True
    site.worker().start()
    wait_until(lambda: site.state(pk) == "failed")
    assert (site.entry(pk).error, site.states(pk)) == ("", {"lock": "failed"})


def test_a_fault_of_the_inbox(site, wait_until, names):
    """Whatever an inbox raises, the worker goes on, and says what it was."""
    faults = [ZeroDivisionError("a"), ValueError("b"), RuntimeError("c")]
    claim_many = site.inbox.claim_many

    def faulty(*args, **given):
        if faults:
            raise faults.pop()
        return claim_many(*args, **given)

    site.inbox.claim_many = faulty
    pk = site.record()
    site.on("lock")
    site.worker().start()
    wait_until(lambda: site.state(pk) == "processed")
    assert names().count("worker.failed") == 1


def test_a_fault_around_a_handler(site, wait_until, names):
    """What the inbox raises around the work of a thread fails the entry, and not the thread."""
    from contextlib import nullcontext

    faults = [ValueError("a")]
    site.inbox.handling = lambda: nullcontext() if not faults else faults.pop() and 1 / 0
    pk = site.record()
    site.on("lock")
    worker = site.worker(concurrency=1, backoff=lambda attempt: HOUR)
    worker.start()
    wait_until(lambda: site.state(pk) == "failed")
    assert (site.entry(pk).error_code, names().count("entry.not_run")) == ("ZeroDivisionError", 1)
    site.advance(HOUR)
    wait_until(lambda: site.state(pk) == "processed")


def test_whatever_comes_out_of_an_entry(site, wait_until, raising):
    """Not even an exception that ends threads ends those of a worker: the entry fails, and the next one runs."""
    site.on("lock", lambda event: raising(KeyboardInterrupt)(event) if event.id == "evt_1" else None)
    first = site.record("evt_1")
    worker = site.worker(concurrency=1)
    worker.start()
    wait_until(lambda: site.state(first) == "failed")
    second = site.record("evt_2")
    wait_until(lambda: site.state(second) == "processed")
    assert site.entry(first).error_code == "KeyboardInterrupt"


def test_a_stop_while_the_store_is_down(site, wait_until):
    """A stop waits for a store that is down no longer than its grace."""
    site.inbox.down = {"settle"}
    pk = site.record()
    site.on("lock")
    worker = site.worker()
    worker.start()
    asked_again(site, "settle", wait_until)
    assert worker.stop(timedelta(milliseconds=50))
    assert (site.state(pk), worker.counters) == ("processing", Counters())


def test_a_purge_that_fails(site, wait_until):
    """A purge that breaks off is nothing a worker ends of."""

    def purge():
        raise ValueError("no purge")
        yield

    site.inbox.purge = purge
    site.on("lock")
    worker = site.worker()
    worker.start()
    worker._shift._purge_at = 0
    worker.wake()
    wait_until(lambda: worker._shift._purge_at > 0)
    pk = site.record()
    worker.wake()
    wait_until(lambda: site.state(pk) == "processed")
