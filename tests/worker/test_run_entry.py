"""Running one entry in one's own thread, as the task of an engine does."""

import threading
import time
from datetime import timedelta

import pytest

from licensechain_hooks.exceptions import StoreUnavailableError
from licensechain_hooks.worker import _alone
from licensechain_hooks.worker._limits import can_interrupt

SHORT = timedelta(milliseconds=90)


def test_the_entry_it_is_told_of(site):
    """It runs that entry and no other, in the thread that asks, and counts it."""
    first, second = site.record("evt_1"), site.record("evt_2")
    threads = []
    site.on("lock", lambda event: threads.append((event.id, threading.current_thread())))
    worker = site.worker()
    assert worker.run_entry(second)
    assert threads == [("evt_2", threading.current_thread())]
    assert (site.state(first), site.state(second)) == ("received", "processed")
    assert worker.counters.processed == 1
    assert not worker.is_running


def test_what_is_not_due_is_left_alone(site, raising):
    """Not there, held by another, waiting for its next attempt, finished: a message changes nothing."""
    pk = site.record()
    worker = site.worker(lease=timedelta(minutes=1), max_attempts=2)
    site.on("lock", raising(ValueError))
    assert not worker.run_entry(pk + 1)
    (claim,) = site.inbox.claim_many(["default"], limit=1, lease=timedelta(minutes=1))
    assert not worker.run_entry(pk)
    site.inbox.release_many([claim])
    assert worker.run_entry(pk)
    assert not worker.run_entry(pk)
    site.advance(timedelta(minutes=1))
    assert worker.run_entry(pk)
    site.advance(timedelta(days=1))
    assert not worker.run_entry(pk)
    assert (site.state(pk), site.entry(pk).attempts) == ("dead", 2)


def test_its_lease_is_extended(site, wait_until):
    """A long handler keeps its entry, and no thread is left afterwards."""
    pk = site.record()
    others = []

    def run_long(event):
        for _ in range(3):
            asked = site.inbox.asked.count("extend")
            wait_until(lambda asked=asked: site.inbox.asked.count("extend") >= asked + 2)
            site.advance(SHORT / 2)
        others.append(site.worker().run_entry(pk))

    site.on("lock", run_long)
    assert site.worker(lease=SHORT).run_entry(pk)
    assert (others, site.state(pk), site.entry(pk).attempts) == ([False], "processed", 1)
    assert not [thread for thread in threading.enumerate() if thread.name == "licensechain_hooks.worker-lease"]


@pytest.mark.skipif(not can_interrupt(), reason="this Python cannot interrupt threads while coverage is measured")
@pytest.mark.parametrize("call", ["run_entry", "drain"])
def test_a_handler_is_interrupted_at_its_time_limit(site, call):
    """A handler that runs too long is stopped, each in its turn, as in a worker that stays."""
    pks = [site.record("evt_1"), site.record("evt_2")]

    def run_for_ever(event):
        while True:
            time.sleep(0.001)

    site.on("lock", run_for_ever)
    worker = site.worker(time_limit=timedelta(milliseconds=50))
    assert [worker.run_entry(pk) for pk in pks] if call == "run_entry" else worker.drain() == 2
    assert [(site.state(pk), site.entry(pk).error_code) for pk in pks] == [("failed", "HandlerTimeLimitError")] * 2


def test_a_store_that_is_down_for_a_moment(site, monkeypatch):
    """What has come of an attempt is written a little later: a plain handler need not run again for that."""
    pk = site.record()
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            site.inbox.down.clear()

    monkeypatch.setattr(_alone.time, "sleep", pause)
    site.on("lock", lambda event: site.inbox.down.add("settle"))
    assert site.worker().run_entry(pk)
    assert (site.state(pk), pauses) == ("processed", [0.1, 0.5])


def test_a_store_that_stays_down(site, monkeypatch):
    """It is told; the lease ends, and the entry is run again."""
    pk = site.record()
    monkeypatch.setattr(_alone, "_PAUSES", (0.0,))
    site.on("lock", lambda event: site.inbox.down.add("settle"))
    with pytest.raises(StoreUnavailableError):
        site.worker().run_entry(pk)
    assert (site.state(pk), site.inbox.asked.count("settle")) == ("processing", 2)
    site.inbox.down = {"claim"}
    with pytest.raises(StoreUnavailableError):
        site.worker().run_entry(pk)


def test_what_a_handler_needs_is_down(site):
    """An attempt that could not begin is given back, and does not count."""
    pk = site.record()
    site.inbox.down = {"transaction"}
    site.on("lock", transactional=True)
    with pytest.raises(StoreUnavailableError):
        site.worker().run_entry(pk)
    assert (site.state(pk), site.entry(pk).attempts) == ("received", 0)
