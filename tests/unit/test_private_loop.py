"""The private event loop of a synchronous host."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from licensechain_hooks._loop import run_awaitable


async def where():
    return asyncio.get_running_loop(), threading.current_thread()


def test_coroutines_share_one_loop():
    """All coroutines run on one loop and thread, so that they may share asynchronous clients."""
    first, second = run_awaitable(where()), run_awaitable(where())
    assert first == second
    assert first[1] is not threading.current_thread()
    assert first[1].daemon


def test_what_is_returned_and_raised():
    """Result and error come back to the caller."""

    async def fails():
        raise LookupError("x")

    async def gives():
        return 7

    assert run_awaitable(gives()) == 7
    with pytest.raises(LookupError, match="x"):
        run_awaitable(fails())


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, GeneratorExit])
def test_nothing_ends_the_loop(error):
    """A coroutine that would end a program ends itself only: the loop goes on for all others."""

    async def ends():
        raise error

    before = run_awaitable(where())
    with pytest.raises(error):
        run_awaitable(ends())
    assert before == run_awaitable(where())


def test_any_awaitable():
    """Not only coroutines can be awaited."""

    class Later:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return "done"

    assert run_awaitable(Later()) == "done"


def test_it_works_within_another_loop():
    """A synchronous host may run inside a thread that has a loop of its own."""

    async def main():
        return run_awaitable(where())[0] is not asyncio.get_running_loop()

    assert asyncio.run(main())


PROGRAM = """
import os, sys, threading, warnings
warnings.simplefilter("ignore")
{before}
from licensechain_hooks import Endpoint, HookRequest, Hooks, Receiver, _loop
from licensechain_hooks.testing import event_body, make_event, sign_request

hooks = Hooks()

@hooks.on("*")
async def handler(event):
    pass

receiver = Receiver(Endpoint(secrets="the-key-of-this-test"), hooks)

def deliver():
    event = make_event()
    return receiver.receive(HookRequest(event_body(event), sign_request(event, "the-key-of-this-test"))).name

print(deliver(), flush=True)
{after}
"""
FORK = """
held, let_go = threading.Event(), threading.Event()

def hold():
    with _loop._lock:
        held.set()
        let_go.wait(10)

threading.Thread(target=hold).start()
held.wait(10)
child = os.fork()  # while another thread holds the lock
if child == 0:
    print(deliver(), flush=True)
    sys.exit(0)
_, status = os.waitpid(child, 0)
let_go.set()
print(status, deliver(), flush=True)
"""


def output(*, before: str = "", after: str = "") -> list[str]:
    """The words that a program prints."""
    program = PROGRAM.format(before=before, after=after)
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_it_survives_a_fork():
    """A server that loads the application and then forks: each child gets a loop of its own, and so does the parent."""
    assert output(after=FORK) == ["processed", "processed", "0", "processed"]


def test_it_works_where_there_is_no_fork():
    """On systems without fork there is nothing to survive."""
    assert output(before="[vars(os).pop(name, None) for name in ('fork', 'register_at_fork')]") == ["processed"]
