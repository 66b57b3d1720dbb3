"""Handlers that run too long."""

import asyncio
import logging
import threading
import time
from datetime import timedelta

import pytest

from licensechain_hooks.exceptions import HandlerTimeLimitError
from licensechain_hooks.worker import _shift
from licensechain_hooks.worker._limits import TimeLimit, can_interrupt

LIMIT = timedelta(milliseconds=50)


@pytest.fixture
def interrupting():
    """Only where threads can be interrupted."""
    if not can_interrupt():
        pytest.skip("this Python cannot interrupt threads while coverage is measured")


def test_a_coroutine_is_cancelled(site, wait_until):
    """A coroutine is cancelled at the time limit, which fails its attempt."""
    pk = site.record()
    seen = []

    @site.hooks.on("license.revoked")
    async def wait_for_ever(event):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    site.worker(time_limit=LIMIT).start()
    wait_until(lambda: site.state(pk) == "failed")
    assert (seen, site.entry(pk).error_code) == (["cancelled"], "HandlerTimeLimitError")


@pytest.mark.parametrize("transactional", [False, True])
def test_a_function_is_interrupted(interrupting, site, wait_until, transactional):
    """A function is interrupted at the time limit; it may clean up, and its thread goes on with other entries."""
    pk = site.record()
    seen = []

    def run_for_ever(event):
        try:
            while event.id == "evt_1":
                time.sleep(0.001)
        finally:
            seen.append(event.id)

    site.on("lock", run_for_ever, transactional=transactional)
    worker = site.worker(time_limit=LIMIT, concurrency=1)
    worker.start()
    wait_until(lambda: site.state(pk) == "failed")
    other = site.record("evt_2")
    wait_until(lambda: site.state(other) == "processed")
    assert (seen, site.entry(pk).error_code) == (["evt_1", "evt_2"], "HandlerTimeLimitError")
    assert (site.states(pk), len(worker._shift._hands)) == ({"lock": "failed"}, 1)


def test_a_handler_may_swallow_it(interrupting, site, wait_until):
    """A handler that catches the interruption and returns has done its work."""
    pk = site.record()

    def stubborn(event):
        try:
            while True:
                time.sleep(0.001)
        except TimeoutError:
            return

    site.on("lock", stubborn)
    site.worker(time_limit=LIMIT).start()
    wait_until(lambda: site.state(pk) == "processed")


def test_a_blocked_thread_is_replaced(interrupting, site, wait_until, monkeypatch, caplog):
    """A handler that cannot be interrupted keeps its entry, is told of in the log, and takes no capacity."""
    monkeypatch.setattr(_shift, "_PATIENCE", 0.05)
    gate = site.gate()
    pk = site.record()

    def block(event):
        if event.id == "evt_1":
            gate.wait()

    site.on("lock", block)
    with caplog.at_level(logging.ERROR, "licensechain_hooks"):
        worker = site.worker(time_limit=LIMIT, concurrency=1)
        worker.start()
        wait_until(lambda: "handler.overdue" in caplog.text)
        other = site.record("evt_2")
        wait_until(lambda: site.state(other) == "processed")
        assert (site.state(pk), worker.counters.running) == ("processing", 1)
        gate.set()
        wait_until(lambda: site.state(pk) == "failed")
    wait_until(lambda: sum(not hand.has_ended for hand in worker._shift._hands) == 1)
    assert site.entry(pk).error_code == "HandlerTimeLimitError"


def test_blocked_threads_have_an_end(site, wait_until, monkeypatch):
    """However many handlers are blocked, there are never more than twice as many threads as were asked for."""
    monkeypatch.setattr(_shift, "_PATIENCE", 0.01)
    gate = site.gate()
    for number in range(9):
        site.record(f"evt_{number}")
    site.on("lock", lambda event: gate.wait())
    worker = site.worker(time_limit=LIMIT, concurrency=2)
    worker.start()
    wait_until(lambda: worker.counters.running == 4)
    wait_until(lambda: all(hand.is_late for hand in worker._shift._hands))
    site.record("evt_more")
    worker.wake()
    wait_until(lambda: worker._shift._is_woken is False or worker._shift._room() == 0)
    assert (len(worker._shift._hands), worker.counters.running) == (4, 4)
    gate.set()
    wait_until(lambda: site.counted("failed") + site.counted("processed") == 10)


def test_a_listener_has_a_limit_too(interrupting, site, wait_until, raising, caplog):
    """A listener that never ends does not keep its thread."""
    pk = site.record()

    def listen(error, event):
        while True:
            time.sleep(0.001)

    site.on("lock", raising(ValueError("no")))
    site.hooks.on_error(listen)
    with caplog.at_level(logging.CRITICAL, "licensechain_hooks"):
        site.worker(time_limit=LIMIT).start()
        wait_until(lambda: site.state(pk) == "failed")
    assert site.entry(pk).error_code == "ValueError"


def test_a_worker_without_a_limit(site, wait_until):
    """A worker may run handlers for as long as they take."""
    site.on("lock")
    pk = site.record()
    site.worker(time_limit=None).start()
    wait_until(lambda: site.state(pk) == "processed")


def test_no_limit(site):
    """Without a time limit nothing is interrupted."""
    limit = TimeLimit(None)
    assert limit.run(lambda: limit.check(time.monotonic() + 10**9), interrupt=True) is None


def test_the_interruption_stays_inside(interrupting):
    """Whenever the interruption comes, it comes up in the call or not at all: never in what follows."""
    limit = TimeLimit(1000)
    ended = threading.Event()

    def interrupt_always():
        while not ended.is_set():
            limit.check(time.monotonic() + 10**6)

    interrupter = threading.Thread(target=interrupt_always)
    outcomes = set()

    def work():
        for length in range(3000):
            try:
                outcomes.add(limit.run(lambda length=length: sum(range(length % 200)) >= 0, interrupt=True))
            except HandlerTimeLimitError:
                outcomes.add("interrupted")
            sum(number for number in range(20))

    interrupter.start()
    try:
        work()
    finally:
        ended.set()
        interrupter.join()
    assert outcomes <= {True, "interrupted"}


def test_what_cannot_be_interrupted_is_known_to_be_late():
    """A call that is not to be interrupted is only said to be late."""
    limit = TimeLimit(10)
    late = limit.run(lambda: limit.check(time.monotonic() + 30), interrupt=False)
    assert (late or 0) > 19
    assert limit.check(time.monotonic() + 30) is None
