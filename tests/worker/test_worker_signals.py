"""Signals that stop a worker, and what is said of it at the end."""

import os
import signal
import threading

import pytest

from licensechain_hooks.worker import Counters


def come(monkeypatch, *numbers):
    """Let these signals come as soon as SIGTERM is listened to."""
    install = signal.signal

    def install_and_raise(number, handler):
        previous = install(number, handler)
        if number == signal.SIGTERM and not isinstance(handler, signal.Handlers):
            for came in numbers:
                signal.raise_signal(came)
        return previous

    monkeypatch.setattr(signal, "signal", install_and_raise)


@pytest.mark.parametrize("method", ["run", "drain"])
def test_a_signal_before_the_first_claim(site, monkeypatch, method):
    """A signal that comes as soon as it is listened to stops a worker, which has claimed nothing; it is told."""
    come(monkeypatch, signal.SIGTERM)
    told = []
    before = signal.getsignal(signal.SIGTERM)
    pk = site.record()
    getattr(site.worker(), method)(stop_on=[signal.SIGTERM], on_signal=told.append)
    assert (told, site.state(pk), site.entry(pk).attempts) == ([signal.SIGTERM], "received", 0)
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_second_signal(site, wait_until):
    """After the first signal a worker waits for what runs, after the second it does not."""
    gate = site.gate()
    pk = site.record()
    site.on("lock", lambda event: gate.wait())
    worker = site.worker()

    def send_two():
        wait_until(lambda: worker.counters.running == 1)
        os.kill(os.getpid(), signal.SIGTERM)
        wait_until(lambda: not worker.is_running)
        os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Thread(target=send_two)
    sender.start()
    assert worker.run(stop_on=[signal.SIGINT, signal.SIGTERM]) == Counters(running=1)
    sender.join()
    assert site.state(pk) == "processing"


def test_signals_while_it_drains(site):
    """A drain ends after the entry that runs when a signal comes, and at the second signal at once."""
    pks = [site.record(f"evt_{number}") for number in range(3)]
    signals = [1, 2]
    site.on("lock", lambda event: [signal.raise_signal(signal.SIGTERM) for _ in range(signals.pop(0))])
    worker = site.worker()
    assert worker.drain(stop_on=[signal.SIGTERM]) == 1
    with pytest.raises(KeyboardInterrupt):
        worker.drain(stop_on=[signal.SIGTERM])
    assert [site.state(pk) for pk in pks] == ["processed", "processing", "received"]


def test_what_is_said_of_counters():
    """In words only what there is; a dictionary has all numbers."""
    counters = Counters(processed=1200, failed=3, running=1)
    assert str(counters) == "processed 1,200, failed 3, unfinished 1"
    assert str(Counters()) == "nothing was due"
    assert [*counters.ended().items()] == [
        *(("processed", 1200), ("ignored", 0), ("failed", 3), ("dead", 0), ("lost", 0), ("unfinished", 1)),
    ]
