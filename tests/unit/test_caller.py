"""Calls that may hang: in a thread of their own, waited for no longer than is told."""

import os
import threading

import pytest

from licensechain_hooks._caller import Caller


@pytest.fixture
def caller():
    """A caller."""
    return Caller()


def test_one_thread_makes_all_calls(caller):
    """What is called gives its result, always in the same thread: clients keep connections in it."""
    threads = {caller.call(threading.get_ident, seconds=60) for _ in range(3)}
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_errors_come_through(caller):
    """Whatever a call raises is raised where it is waited for, and the next call is made."""
    for error in (ValueError("no"), SystemExit(2)):

        def fail(error=error):
            raise error

        with pytest.raises(type(error)):
            caller.call(fail, seconds=60)
    assert caller.call(lambda: 1, seconds=60) == 1


def test_a_call_that_hangs(caller):
    """Nobody waits for it, nor behind it; what was given up before it began is not made, what comes after it is."""
    release = threading.Event()
    made = []
    for call in (release.wait, lambda: made.append("given up")):
        with pytest.raises(TimeoutError):
            caller.call(call, seconds=0.01)
    release.set()
    caller.call(lambda: made.append("after"), seconds=60)
    assert made == ["after"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_after_a_fork(caller):
    """A child process has a thread of its own, though its parent's is busy."""
    release = threading.Event()
    with pytest.raises(TimeoutError):
        caller.call(release.wait, seconds=0.01)
    child = os.fork()
    if child == 0:
        os._exit(0 if caller.call(lambda: 7, seconds=30) == 7 else 1)
    _, status = os.waitpid(child, 0)
    release.set()
    assert os.waitstatus_to_exitcode(status) == 0
