"""A call in a thread that an event loop may stop waiting for."""

import threading

import pytest

from licensechain_hooks._job import Job


@pytest.fixture
def told():
    """What was passed on afterwards."""
    return []


def test_a_call_that_ends():
    """Result and error come out as they are."""
    job = Job(lambda: "result")
    assert (job(), job.result) == ("result", "result")
    with pytest.raises(ZeroDivisionError):
        Job(lambda: 1 / 0)()


def test_left_before_it_begins(told):
    """What is left while it waits for a thread never runs."""
    job = Job(lambda: told.append("ran"))
    assert job.leave(told.append) is False
    assert (job(), told) == (None, [])


@pytest.mark.parametrize("fails", [False, True])
def test_left_while_it_runs(told, fails):
    """What is left while it runs passes its result on when it ends; None, where it raised."""
    started, go_on, raised = threading.Event(), threading.Event(), []

    def call():
        started.set()
        assert go_on.wait(10)
        if fails:
            raise LookupError
        return "result"

    job = Job(call)

    def run():
        try:
            job()
        except LookupError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    assert job.leave(told.append) is True
    assert told == []
    go_on.set()
    thread.join(10)
    assert (told, len(raised)) == ([None] if fails else ["result"], int(fails))


def test_left_when_it_has_ended(told):
    """What has ended passes nothing on: its result is there."""
    job = Job(lambda: "result")
    job()
    assert (job.leave(told.append), job.result, told) == (False, "result", [])
