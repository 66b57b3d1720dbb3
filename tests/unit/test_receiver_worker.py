"""The embedded worker: it starts by itself or with its host, runs coroutines on the host's loop, and stops in time."""

import asyncio
import os
import subprocess
import sys
import threading
from contextlib import nullcontext
from datetime import timedelta

import pytest

from licensechain_hooks import ConfigurationError, Endpoint, HookRequest, Receiver, Worker, WorkerSettings
from licensechain_hooks._entries import EntryFilter
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.testing import event_body, make_event, sign_request

QUICK = WorkerSettings(concurrency=2, poll=timedelta(milliseconds=50), grace=timedelta(seconds=5))


@pytest.fixture
def make_receiver(endpoint, hooks):
    """A receiver in durable mode; its worker ends with the test."""
    made = []

    def make(**settings):
        made.append(Receiver(endpoint, hooks, **{"inbox": MemoryInbox(), "worker": QUICK, **settings}))
        return made[-1]

    yield make
    for receiver in made:
        receiver.stop()


@pytest.fixture
def ran(hooks):
    """Is set when a handler has run; where, is in its ``thread``."""
    event = threading.Event()

    @hooks.on("*")
    def handler(_event):
        event.thread = threading.current_thread()
        event.set()

    return event


def test_it_starts_at_the_first_delivery(make_receiver, delivery, receive, ran):
    """Nothing has to be set up: who receives a delivery runs its handlers, in a thread of the same process."""
    receiver = make_receiver()
    assert not receiver.worker.is_running
    assert receive(receiver, delivery()).name == "accepted"
    assert ran.wait(10)
    assert ran.thread is not threading.current_thread()
    assert receiver.worker.is_running


def test_an_event_without_handlers_starts_nothing(make_receiver, hooks, delivery, receive):
    """What nobody waits for needs no worker."""
    receiver = make_receiver()
    assert receive(receiver, delivery()).name == "ignored"
    assert not receiver.worker.is_running


def test_another_process_may_run_it(make_receiver, delivery, receive, ran):
    """``embedded=False``: the web process only stores."""
    receiver = make_receiver(worker=WorkerSettings(embedded=False))
    receive(receiver, delivery())
    receiver.start()
    assert not receiver.worker.is_running
    assert not ran.is_set()


def test_start_and_stop(make_receiver, delivery, ran, caplog):
    """A host that has hooks for it starts and stops the worker; what arrives after that is stored for another one."""
    receiver = make_receiver()
    with caplog.at_level("INFO", "licensechain_hooks"):
        receiver.start()
    assert "receiver.ready endpoint=default profile=guide handlers=1" in caplog.messages
    assert receiver.worker.is_running
    receiver.stop()
    assert not receiver.worker.is_running
    assert receiver.receive(delivery()).name == "accepted"
    assert not receiver.worker.is_running
    receiver.start()
    assert ran.wait(10)


def test_inline_mode_has_nothing_to_start(receiver, caplog):
    """`start` and `stop` may be called in any mode."""
    receiver.start()
    receiver.stop()
    assert [record.message.partition(" ")[0] for record in caplog.records] == ["receiver.ready"]


@pytest.mark.parametrize("under_lifespan", [True, False])
def test_coroutines_run_on_the_hosts_loop(make_receiver, hooks, delivery, under_lifespan):
    """Under a lifespan async handlers run on the host's loop; without one on a private loop.

    Some hosts have a loop for each request, so that of a delivery may end before the handler does.
    """
    done, loops = threading.Event(), []

    @hooks.on("*")
    async def handler(_event):
        loops.append(asyncio.get_running_loop())
        done.set()

    async def main():
        async with receiver.lifespan() if under_lifespan else nullcontext():
            await receiver.areceive(delivery())
            await asyncio.to_thread(done.wait, 10)
        return asyncio.get_running_loop()

    receiver = make_receiver()
    loop = asyncio.run(main())
    assert [one is loop for one in loops] == [under_lifespan]


def test_a_loop_that_has_ended(make_receiver, hooks, delivery):
    """Hosts that use a loop for a moment only, as test clients do, leave the worker running: it has a loop of its own."""
    done = threading.Event()

    @hooks.on("*")
    async def handler(event):
        if event.id == "evt_2":
            done.set()

    receiver = make_receiver()
    for number in (1, 2):
        assert asyncio.run(receiver.areceive(delivery(id=f"evt_{number}"))).name == "accepted"
    assert done.wait(10)


def test_an_asgi_server_starts_and_stops_it(make_receiver, delivery, ran):
    """The lifespan of a server: running between its two messages, stopped when it is told that all is over."""
    receiver = make_receiver()
    states = []

    async def main():
        messages = asyncio.Queue()

        async def send(message):
            states.append(
                (message["type"].rpartition(".")[2], message["type"].split(".")[1], receiver.worker.is_running)
            )
            if message["type"] == "lifespan.startup.complete":
                await receiver.areceive(delivery())
                await asyncio.to_thread(ran.wait, 10)
                messages.put_nowait({"type": "lifespan.shutdown"})

        messages.put_nowait({"type": "lifespan.startup"})
        await receiver.asgi({"type": "lifespan"}, messages.get, send)

    asyncio.run(main())
    assert states == [("complete", "startup", True), ("complete", "shutdown", False)]


def test_a_host_that_fails_stops_it_too(make_receiver):
    """Whatever ends a lifespan ends the worker."""
    receiver = make_receiver()

    async def main():
        async with receiver.lifespan():
            assert receiver.worker.is_running
            raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(main())
    assert not receiver.worker.is_running


def test_what_runs_may_end(make_receiver, hooks, delivery):
    """A stop waits for a coroutine that still runs on the host's loop, and that loop goes on meanwhile."""
    receiver = make_receiver()
    begun, ended = threading.Event(), []

    @hooks.on("*")
    async def handler(_event):
        begun.set()
        await asyncio.sleep(0.2)
        ended.append(True)

    async def main():
        async with receiver.lifespan():
            await receiver.areceive(delivery())
            await asyncio.to_thread(begun.wait, 10)

    asyncio.run(main())
    assert ended == [True]
    assert [entry.state for entry in receiver.inbox.entries(EntryFilter())] == ["processed"]


def test_no_thread_to_be_had(make_receiver, delivery, receive, ran, monkeypatch, caplog):
    """What is stored is acknowledged, even where the system has no thread left to run it."""
    receiver = make_receiver()

    def refuse(_loop=None):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    monkeypatch.setattr(receiver.worker, "start", refuse)
    assert receive(receiver, delivery()).name == "accepted"
    assert "worker.not_woken" in caplog.messages


PROGRAM = """
import os, sys, warnings
warnings.simplefilter("ignore")
from licensechain_hooks import Endpoint, HookRequest, Hooks, Receiver, WorkerSettings
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.testing import event_body, make_event, sign_request
from licensechain_hooks.testing import event_body, make_event, sign_request
import threading

hooks, ran = Hooks(), threading.Event()
hooks.on("*")(lambda event: ran.set())
receiver = Receiver(Endpoint(secrets="the-key-of-this-test"), hooks, inbox=MemoryInbox())

def deliver():
    ran.clear()
    event = make_event()
    name = receiver.receive(HookRequest(event_body(event), sign_request(event, "the-key-of-this-test"))).name
    print(name, ran.wait(10), flush=True)

deliver()
child = os.fork()
deliver()
if child == 0:
    os._exit(0)
_, status = os.waitpid(child, 0)
print(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_each_process_has_its_own():
    """A server that loads the application and then forks: a child's first delivery starts a worker there."""
    finished = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split() == ["accepted", "True"] * 3 + ["0"]


def test_without_an_inbox_no_worker_is_loaded():
    """Inline mode pays for no part of durable mode."""
    program = """
import sys
from licensechain_hooks import Endpoint, Hooks, Receiver
Receiver(Endpoint(secrets="the-key-of-this-test"), Hooks())
print([name for name in sys.modules if name.startswith(("licensechain_hooks.worker", "licensechain_hooks.inbox"))])
print("ctypes" in sys.modules, "asyncio" in sys.modules)
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert finished.stdout.split("\n")[:2] == ["[]", "False False"]


def test_receivers_may_share_one(hooks, delivery, receive):
    """A worker of several endpoints is theirs: it runs the entries of each, whichever it came to."""
    ran, inbox = [], MemoryInbox()
    hooks.on("*")(lambda _event, context: ran.append(context.endpoint))
    settings = WorkerSettings(embedded=False)
    worker = Worker(inbox, hooks, settings, endpoints=("eu", "us"))
    secret = "the-signing-secret-of-these-tests"
    for name in worker.endpoints:
        receiver = Receiver(Endpoint(name=name, secrets=[secret]), hooks, inbox=inbox, worker=worker)
        body = event_body(make_event())
        assert receive(receiver, HookRequest(body, sign_request(body, secret))).name == "accepted"
        assert receiver.worker is worker
    assert (worker.drain(), ran) == (2, ["eu", "us"])


@pytest.mark.parametrize("fault", ["endpoint", "inbox"])
def test_a_worker_of_something_else_is_refused(endpoint, hooks, fault):
    """One that would leave the receiver's entries lying is refused where it is given."""
    inbox = MemoryInbox()
    others = ("another",) if fault == "endpoint" else (endpoint.name,)
    worker = Worker(inbox if fault == "endpoint" else MemoryInbox(), hooks, endpoints=others)
    with pytest.raises(ConfigurationError, match="must run the entries of this inbox"):
        Receiver(endpoint, hooks, inbox=inbox, worker=worker)
