"""A receiver says how it does: always, in time, and to strangers no more than a probe needs."""

import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest

from licensechain_hooks import ConfigurationError, Receiver, StoreUnavailableError, WorkerSettings
from licensechain_hooks.inbox.memory import MemoryInbox

pytestmark = pytest.mark.usefixtures("patient_health")
IDLE = WorkerSettings(embedded=False)


class FaultyInbox(MemoryInbox):
    """An inbox whose figures can be made to fail or to hang."""

    error: Exception | None = None
    asked = 0

    def __init__(self, **settings):
        super().__init__(**settings)
        self.answering = threading.Event()
        self.answering.set()

    def stats(self):
        self.asked += 1
        self.answering.wait(60)
        if self.error is not None:
            raise self.error
        return super().stats()


@pytest.fixture
def inbox(clock) -> FaultyInbox:
    """An inbox whose time is the test's."""
    return FaultyInbox(clock=clock)


@pytest.fixture
def durable(endpoint, hooks, inbox) -> Receiver:
    """A receiver that stores; another process would run the handlers."""
    hooks.on("*")(lambda _event: None)
    return Receiver(endpoint, hooks, inbox=inbox, worker=IDLE)


@pytest.fixture
def health(host):
    """How this host asks a receiver."""
    if host == "sync":
        return lambda receiver, **how: receiver.health(**how)
    return lambda receiver, **how: asyncio.run(receiver.ahealth(**how))


@pytest.fixture
def probe(host):
    """How this host answers a probe: its status and what it tells."""

    def ask(receiver, *kind, **how):
        reply = receiver.probe(*kind, **how) if host == "sync" else asyncio.run(receiver.aprobe(*kind, **how))
        assert dict(reply.headers)["content-length"] == str(len(reply.body))
        assert dict(reply.headers)["cache-control"] == "no-store"
        return reply.status, json.loads(reply.body)

    return ask


def test_nothing_waits(durable, health):
    """Where nothing waits, the receiver is ready and the age is zero."""
    found = health(durable)
    assert (found.live, found.ready, found.inbox) == (True, True, "ok")
    assert (found.backlog, found.oldest_age, found.dead) == (0, timedelta(0), 0)


def test_what_waits(durable, health, delivery, clock):
    """The backlog is what waits for a worker, and its age that of the oldest."""
    durable.receive(delivery(id="evt_1"))
    clock.advance(timedelta(seconds=40))
    durable.receive(delivery(id="evt_2"))
    found = health(durable)
    assert (found.backlog, found.oldest_age, found.entries["received"]) == (2, timedelta(seconds=40), 2)


def test_dead_letters_are_counted(endpoint, hooks, inbox, health, delivery):
    """Dead letters are told, and do not make a receiver unready."""
    hooks.on("*")(lambda _event: 1 / 0)
    receiver = Receiver(endpoint, hooks, inbox=inbox, worker=WorkerSettings(embedded=False, max_attempts=1))
    receiver.receive(delivery())
    receiver.worker.drain()
    found = health(receiver)
    assert (found.ready, found.dead, found.backlog) == (True, 1, 0)


def test_inline_mode(receiver, health):
    """Without an inbox there is nothing to ask."""
    found = health(receiver)
    assert (found.ready, found.inbox, found.backlog, found.oldest_age, found.dead) == (True, "none", None, None, None)


@pytest.mark.parametrize(
    ("error", "inbox_health"),
    [
        (StoreUnavailableError("down"), "unavailable"),
        (ConfigurationError("no tables"), "misconfigured"),
        (OSError("a driver's own"), "unavailable"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_inbox_is_down(durable, inbox, health, error, inbox_health):
    """Whatever the inbox raises is told, and the next question finds that it is back."""
    inbox.error = error
    found = health(durable)
    assert (found.live, found.ready, found.inbox, found.backlog) == (True, False, inbox_health, None)
    inbox.error = None
    assert health(durable).ready


def test_the_inbox_hangs(durable, inbox, health):
    """An inbox that does not answer is waited for no longer than one wants, and asked once however many wait."""
    inbox.answering.clear()
    found = [health(durable, within=timedelta(milliseconds=20)) for _ in range(3)]
    assert {(each.live, each.ready, each.inbox) for each in found} == {(True, False, "slow")}
    assert inbox.asked == 1
    inbox.answering.set()
    assert health(durable).ready


def test_a_question_that_hangs_for_good_is_given_up(durable, inbox, health, monkeypatch):
    """Should the inbox never answer one question, another one is asked, so that health comes back with the inbox."""
    monkeypatch.setattr("licensechain_hooks._health._GIVEN_UP", 0.0)
    stuck, inbox.answering = inbox.answering, threading.Event()
    stuck.clear()
    inbox.answering, free = stuck, inbox.answering
    assert health(durable, within=timedelta(milliseconds=20)).inbox == "slow"
    inbox.answering = free
    free.set()
    assert health(durable).ready
    stuck.set()


def test_those_who_ask_often_get_the_last_answer(durable, inbox, health):
    """An answer that is young enough is given again; by default it is asked for anew."""
    for _ in range(3):
        health(durable, max_age=timedelta(minutes=1))
    assert inbox.asked == 1
    health(durable)
    assert inbox.asked == 2


def test_many_at_once(durable, inbox):
    """Any number of threads may ask, and each gets an answer."""
    found = []
    threads = [threading.Thread(target=lambda: found.append(durable.health().ready)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 20


def test_probes_ask_the_inbox_once_a_second(durable, inbox, probe):
    """A flood of probes is no flood of questions."""
    started = time.monotonic()
    for _ in range(50):
        assert probe(durable)[0] == 200
    assert inbox.asked <= 1 + (time.monotonic() - started)


def test_probes(durable, inbox, probe, delivery):
    """A probe is told yes or no; only with details what the inbox holds."""
    durable.receive(delivery())
    assert probe(durable) == (200, {"status": "ready"})
    status, told = probe(durable, details=True)
    assert (status, {**told, "oldest_seconds": ...}) == (
        200,
        {"status": "ready", "inbox": "ok", "backlog": 1, "oldest_seconds": ..., "dead": 0},
    )


def test_probes_of_an_inbox_that_is_down(durable, inbox, probe):
    """Without its inbox a receiver is not ready, but live: a restart would not help."""
    inbox.error = StoreUnavailableError("host=db.internal password=secret")
    assert probe(durable) == (503, {"status": "not ready"})
    assert probe(durable, details=True) == (
        503,
        {"status": "not ready", "inbox": "unavailable", "backlog": None, "oldest_seconds": None, "dead": None},
    )
    assert probe(durable, "live") == (200, {"status": "live"})


def test_liveness_asks_nobody(durable, inbox, probe):
    """Whether the process works is no question for the inbox."""
    inbox.answering.clear()
    assert probe(durable, "live") == (200, {"status": "live"})
    assert inbox.asked == 0
    inbox.answering.set()


def test_a_worker_that_has_died(endpoint, hooks, inbox, probe, monkeypatch):
    """Where the embedded worker has died, the process is to be restarted; where it was stopped, not."""
    receiver = Receiver(endpoint, hooks, inbox=inbox)
    assert receiver.is_live  # nobody has started it yet
    receiver.start()
    assert receiver.is_live
    receiver.stop()
    assert receiver.is_live

    def die(_shift):
        raise RuntimeError

    monkeypatch.setattr("licensechain_hooks.worker._shift.Shift._hire_all", die)
    monkeypatch.setattr(threading, "excepthook", lambda _given: None)
    receiver.start()
    wait_until(lambda: not receiver.is_live)
    assert probe(receiver, "live") == (503, {"status": "not live"})
    receiver.stop()


PROGRAM = """
import os, sys
from datetime import timedelta
{before}
from licensechain_hooks import Endpoint, Hooks, Receiver, WorkerSettings
from licensechain_hooks.inbox.memory import MemoryInbox

receiver = Receiver(
    Endpoint(secrets="a-secret-of-this-test"), Hooks(), inbox=MemoryInbox(), worker=WorkerSettings(embedded=False)
)
patience = timedelta(seconds=60)
print(receiver.health(within=patience).ready, flush=True)
{after}
"""
FORK = """
child = os.fork()  # what asks the inbox is a thread, and threads stay behind
print(receiver.health(within=patience).ready, flush=True)
if child == 0:
    sys.exit(0)
print(os.waitpid(child, 0)[1])
"""


def output(*, before: str = "", after: str = "") -> list[str]:
    """The words that a program prints."""
    program = PROGRAM.format(before=before, after=after)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=110, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_after_a_fork():
    """A server that loads the application and then forks: each process asks in a thread of its own."""
    assert output(after=FORK) == ["True", "True", "True", "0"]


def test_where_there_is_no_fork():
    """On systems without fork there is nothing to forget."""
    assert output(before="[vars(os).pop(name, None) for name in ('fork', 'register_at_fork')]") == ["True"]


def test_the_thread_ends_with_its_receiver(endpoint, hooks, inbox):
    """A receiver that nobody needs any more leaves no thread behind."""

    def asking() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "licensechain_hooks.health"}

    before = asking()
    receiver = Receiver(endpoint, hooks, inbox=inbox, worker=IDLE)
    receiver.health()
    (own,) = asking() - before
    del receiver
    gc.collect()
    own.join(60)
    assert not own.is_alive()


def wait_until(is_so) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)
