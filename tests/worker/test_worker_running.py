"""A worker that runs: its threads, its start and its stop, and its leases."""

import asyncio
import gc
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
from datetime import timedelta

import pytest

from licensechain_hooks import ConfigurationError, Hooks
from licensechain_hooks._entries import EntryFilter
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.worker import Counters, Worker, WorkerSettings

HOUR = timedelta(hours=1)
SHORT = timedelta(milliseconds=90)


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("licensechain_hooks.worker")]


@pytest.fixture
def before():
    """How many threads of workers there were before the test."""
    gc.collect()
    return len(threads())


def test_nothing_runs_before_the_start(site, before):
    """A worker that is only made has no threads; start() gives it some, once; stop() ends them."""
    worker = site.worker(concurrency=3)
    assert (worker.is_running, len(threads()) - before) == (False, 0)
    worker.start()
    worker.start()
    assert (worker.is_running, len(threads()) - before <= 4) == (True, True)
    assert all(thread.daemon for thread in threads())
    assert (worker.stop(), worker.is_running) == (True, False)
    assert worker.stop()


def test_its_threads_end(site, before, wait_until):
    """After a stop none of its threads is left."""
    worker = site.worker()
    worker.start()
    worker.stop()
    wait_until(lambda: len(threads()) <= before)


def test_it_starts_again(site, wait_until):
    """A worker that was stopped can be started again."""
    site.on("lock")
    worker = site.worker()
    for number in (1, 2):
        pk = site.record(f"evt_{number}")
        worker.start()
        wait_until(lambda pk=pk: site.state(pk) == "processed")
        assert worker.stop()
    assert worker.counters == Counters(processed=2)


def test_it_polls(site, wait_until):
    """What another process records is found without a word."""
    site.on("lock")
    site.worker().start()
    wait_until(lambda: "claim" in site.inbox.asked)
    pk = site.record()
    wait_until(lambda: site.state(pk) == "processed")


def test_wake(site, wait_until):
    """A worker that is woken looks at once, long before its next poll."""
    site.on("lock")
    worker = site.worker(poll=HOUR)
    worker.wake()
    worker.start()
    wait_until(lambda: site.inbox.asked)
    pk = site.record()
    worker.wake()
    wait_until(lambda: site.state(pk) == "processed")


def test_a_key_is_followed_without_a_poll(site, wait_until):
    """The next entry of an ordering key runs as soon as the one before has ended, without waiting for a poll."""
    for number in range(10):
        site.record(f"evt_{number}", ordering_key="lic_1")
    ran = []
    site.hooks.on("license.revoked")(lambda event: ran.append(event.id))
    site.worker(poll=HOUR).start()
    wait_until(lambda: site.counted("processed") == 10)
    assert ran == [f"evt_{number}" for number in range(10)]


def test_as_many_as_its_concurrency(site, wait_until):
    """So many entries run at once, each once."""
    together = threading.Barrier(3, timeout=20)
    for number in range(9):
        site.record(f"evt_{number}")
    site.on("lock", lambda event: together.wait())
    worker = site.worker(concurrency=3)
    worker.start()
    wait_until(lambda: site.counted("processed") == 9)
    assert (len(site.ran), worker.counters.processed) == (9, 9)


def test_no_more_than_its_threads_can_run(site, wait_until):
    """While handlers are slow, entries are left to other workers."""
    gate = site.gate()
    for number in range(9):
        site.record(f"evt_{number}")
    site.on("lock", lambda event: gate.wait())
    worker = site.worker(concurrency=3)
    worker.start()
    wait_until(lambda: worker.counters.running == 3)
    worker.wake()
    assert (site.counted("processing"), site.counted("received")) == (3, 6)
    gate.set()


def test_many_entries(site, wait_until):
    """Thousands of entries are run once each."""
    ran = []
    site.hooks.on("license.revoked")(lambda event: ran.append(event.id))
    for number in range(3000):
        site.record(f"evt_{number}")
    site.worker(concurrency=4).start()
    wait_until(lambda: site.counted("processed") == 3000)
    assert (len(ran), len(set(ran))) == (3000, 3000)


def test_two_workers(site, wait_until):
    """Workers that share an inbox never run an entry twice."""
    ran = []
    site.hooks.on("license.revoked")(lambda event: ran.append(event.id))
    workers = [site.worker(), site.worker()]
    for worker in workers:
        worker.start()
    for number in range(500):
        site.record(f"evt_{number}")
    wait_until(lambda: site.counted("processed") == 500)
    assert (len(ran), sum(worker.counters.processed for worker in workers)) == (500, 500)


def test_run_blocks_until_it_is_stopped(site, wait_until):
    """run() works in the calling thread, and says what has become of what it ran."""
    site.on("lock")
    pk = site.record()
    worker = site.worker()

    def stop_when_done():
        wait_until(lambda: site.state(pk) == "processed")
        worker.stop()

    stopper = threading.Thread(target=stop_when_done)
    stopper.start()
    assert worker.run() == Counters(processed=1)
    stopper.join()


def test_it_runs_once(site):
    """A worker that runs cannot be run a second time."""
    worker = site.worker()
    worker.start()
    with pytest.raises(ConfigurationError):
        worker.run()


def test_a_handler_may_stop_it(site):
    """A stop from the thread of run(), as from a signal handler, does not wait for itself."""
    site.record()
    stopped = []
    worker = site.worker()
    claim_many = site.inbox.claim_many

    def claim_and_stop(*args, **given):
        stopped.append(worker.stop())
        return claim_many(*args, **given)

    site.inbox.claim_many = claim_and_stop
    site.on("lock")
    worker.run()
    assert (stopped[0], site.counted("processing")) == (False, 0)


def test_a_stop_lets_what_runs_end(site, wait_until):
    """On a stop nothing more is claimed, what was not begun is given back unattempted, and what runs ends."""
    gate = site.gate()
    begun = threading.Event()
    for number in range(400):
        site.record(f"evt_{number}")

    def act(event):
        time.sleep(0.001)
        if event.id == "evt_150":
            begun.set()
            gate.wait()

    site.on("lock", act)
    worker = site.worker(concurrency=1)
    worker.start()
    assert begun.wait(20)
    wait_until(lambda: site.counted("processing") > 1)  # entries wait for the thread
    stopped = []
    stopper = threading.Thread(target=lambda: stopped.append(worker.stop()))
    stopper.start()
    wait_until(lambda: site.counted("processing") == 1)
    assert not stopped
    gate.set()
    stopper.join()
    waiting = site.inbox.entries(EntryFilter(states=("received",)), limit=1000)
    assert (stopped, len(site.ran), site.counted("processed"), len(waiting)) == ([True], 151, 151, 249)
    assert {entry.attempts for entry in waiting} == {0}


def test_a_stop_has_an_end(site, wait_until):
    """What runs longer than the grace is left to its lease, and its result changes nothing."""
    gate = site.gate()
    pk = site.record()
    site.on("lock", lambda event: gate.wait())
    worker = site.worker(concurrency=1)
    worker.start()
    wait_until(lambda: worker.counters.running == 1)
    assert worker.stop(timedelta(0)) is False
    gate.set()
    wait_until(lambda: worker.counters.running == 0)
    assert site.state(pk) == "processing"
    site.advance(worker.settings.lease)
    site.worker().drain()
    assert (site.state(pk), site.entry(pk).attempts) == ("processed", 2)


def test_a_second_stop_is_shorter(site, wait_until):
    """Who stops again may wait less than the first time."""
    gate = site.gate()
    site.record()
    site.on("lock", lambda event: gate.wait())
    worker = site.worker(concurrency=1)
    worker.start()
    wait_until(lambda: worker.counters.running == 1)
    patient = threading.Thread(target=worker.stop)
    patient.start()
    wait_until(lambda: not worker.is_running)
    worker.stop(timedelta(0))
    patient.join(20)
    assert not patient.is_alive()


def test_a_worker_nobody_wants(site, before, wait_until):
    """A worker that is dropped while it runs stops."""
    worker = Worker(MemoryInbox(), Hooks(), WorkerSettings(concurrency=1, poll=SHORT))
    worker.start()
    assert len(threads()) > before
    del worker
    gc.collect()
    wait_until(lambda: len(threads()) <= before)


def test_leases_are_extended(site, wait_until):
    """While a handler runs its entry stays with this worker, however long that takes."""
    gate = site.gate()
    pk = site.record()
    site.on("lock", lambda event: gate.wait())
    worker = site.worker(lease=SHORT, poll=HOUR)
    worker.start()
    wait_until(lambda: worker.counters.running == 1)
    ends = []
    for _ in range(3):
        asked = site.inbox.asked.count("extend")
        site.advance(SHORT / 2)
        wait_until(lambda asked=asked: site.inbox.asked.count("extend") >= asked + 2)
        ends.append(site.entry(pk).next_attempt_at - site.clock.now)
    assert (ends, site.inbox.claim_many(["default"], limit=1, lease=HOUR)) == ([SHORT] * 3, [])
    gate.set()
    wait_until(lambda: site.state(pk) == "processed")
    assert site.entry(pk).attempts == 1


def test_a_lost_lease(site, wait_until, caplog):
    """What another worker has by now is dropped: no state, no ledger row, no further handler; the log says so once."""
    gate = site.gate()
    pk = site.record()
    site.on("first", lambda event: gate.wait())
    site.on("second")
    worker = site.worker(lease=HOUR)
    with caplog.at_level(logging.INFO, "licensechain_hooks"):
        worker.start()
        wait_until(lambda: worker.counters.running == 1)
        site.advance(HOUR)
        assert len(site.inbox.claim_many(["default"], limit=1, lease=HOUR)) == 1
        gate.set()
        wait_until(lambda: worker.counters.running == 0)
        worker.stop()
    assert (site.ran, site.state(pk), site.ledger(pk)) == (["first"], "processing", {})
    assert worker.counters == Counters()


def test_a_lost_lease_is_noticed(site, wait_until, caplog):
    """A worker that finds at its heartbeat that a lease is lost says so once, and begins nothing of it."""
    gate = site.gate()
    pk = site.record()
    site.on("lock", lambda event: gate.wait())
    worker = site.worker(lease=SHORT)
    with caplog.at_level(logging.INFO, "licensechain_hooks"):
        worker.start()
        wait_until(lambda: worker.counters.running == 1)
        with site.inbox._lock:
            row = site.inbox._rows[pk]
            row.claim("another", row.due_at + 3600)
        wait_until(lambda: worker.counters.lost == 1)
        gate.set()
        worker.stop()
    assert [record.message.partition(" ")[0] for record in caplog.records].count("lease.lost") == 1
    assert (site.state(pk), site.ledger(pk), worker.counters) == ("processing", {}, Counters(lost=1))


async def test_coroutines_run_on_the_loop_it_is_given(site, wait_until):
    """Coroutines of an embedded worker run on the web server's loop."""
    pk = site.record()
    loops = []

    @site.hooks.on("license.revoked")
    async def lock(event):
        loops.append(asyncio.get_running_loop())

    worker = site.worker()
    worker.start(asyncio.get_running_loop())
    await asyncio.to_thread(wait_until, lambda: site.state(pk) == "processed")
    assert await asyncio.to_thread(worker.stop)
    assert loops == [asyncio.get_running_loop()]


async def test_a_loop_that_comes_later(site, wait_until):
    """A worker that runs takes a loop when there is one."""
    loops = []

    @site.hooks.on("license.revoked")
    async def lock(event):
        loops.append(asyncio.get_running_loop())

    worker = site.worker()
    worker.start()
    worker.start(asyncio.get_running_loop())
    pk = site.record()
    await asyncio.to_thread(wait_until, lambda: site.state(pk) == "processed")
    await asyncio.to_thread(worker.stop)
    assert loops == [asyncio.get_running_loop()]


def test_it_purges(site, wait_until):
    """Between other work what is past its retention is deleted."""
    pk = site.record()
    site.on("lock")
    worker = site.worker()
    worker.drain()
    site.advance(timedelta(days=36))
    worker.start()
    worker._shift._purge_at = 0
    worker.wake()
    wait_until(lambda: site.inbox.count(EntryFilter()) == 0)
    assert site.inbox.entries(EntryFilter(pks=(pk,))) == []


_FORK = """
    import os, sys, time
    from datetime import UTC, datetime
    from licensechain_hooks import Hooks
    from licensechain_hooks._entries import NewEntry
    from licensechain_hooks.inbox.memory import MemoryInbox
    from licensechain_hooks.testing import event_body, make_event
    from licensechain_hooks.worker import Worker

    def run_one(event_id):
        body = event_body(make_event("license.revoked", event_id=event_id))
        now = datetime.now(UTC)
        inbox.record_many([
            NewEntry(endpoint="default", event_id=event_id, event_type="license.revoked", event_timestamp=now,
                     raw_body=body)
        ])
        worker.start()
        worker.wake()
        end = time.monotonic() + 60
        while event_id not in ran and time.monotonic() < end:
            time.sleep(0.002)
        return event_id in ran

    inbox, hooks, ran = MemoryInbox(), Hooks(), []

    @hooks.on("license.revoked")
    async def lock(event):
        ran.append(event.id)

    worker = Worker(inbox, hooks)
    if "started" in sys.argv:
        assert run_one("evt_parent")
        assert worker.is_running
        worker._shift._bell.ring()
    child = os.fork()
    if child == 0:
        assert not worker.is_running
        os._exit(0 if run_one("evt_child") and worker.stop() else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert run_one("evt_after") and worker.stop()
    print("good")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("when", ["made", "started"])
def test_a_fork(when):
    """A worker that was made, or even started, before a fork has no threads in the child and starts there anew."""
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(_FORK), when]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.stderr) == ("good\n", "")


def test_the_end_of_a_process():
    """A process ends though its worker was never stopped, and gives back what it had not begun."""
    script = """
        from licensechain_hooks import Hooks
        from licensechain_hooks.inbox.memory import MemoryInbox
        from licensechain_hooks.worker import Worker

        Worker(MemoryInbox(), Hooks()).start()
        worker = Worker(MemoryInbox(), Hooks())
        worker.start()
        print("end")
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "end\n", "")
