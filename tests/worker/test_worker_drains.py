"""Running what is due in one's own thread."""

import logging
import threading
from datetime import timedelta

SHORT = timedelta(milliseconds=90)


def test_a_drain_is_stopped(site):
    """A stop ends a drain after the entry that runs, and not the next one."""
    for number in range(2):
        site.record(f"evt_{number}")
    worker = site.worker()
    site.on("lock", lambda event: worker.stop())
    assert [worker.drain(), worker.drain(), worker.drain()] == [1, 1, 0]


def test_leases_are_extended_in_a_drain(site, wait_until):
    """A drain, too, keeps what runs for itself, one entry after the other, and has no thread left afterwards."""
    pks = [site.record("evt_1"), site.record("evt_2")]
    others = []

    def run_long(event):
        for _ in range(3):
            asked = site.inbox.asked.count("extend")
            wait_until(lambda asked=asked: site.inbox.asked.count("extend") >= asked + 2)
            site.advance(SHORT / 2)
        others.extend(site.inbox.claim_many(["default"], limit=1, lease=SHORT) if event.id == "evt_2" else ())

    site.on("lock", run_long)
    site.worker(lease=SHORT).drain()
    assert others == []
    assert [(site.state(pk), site.entry(pk).attempts) for pk in pks] == [("processed", 1)] * 2
    assert not [thread for thread in threading.enumerate() if thread.name == "licensechain_hooks.worker-lease"]


def test_a_drain_whose_leases_cannot_be_extended(site, wait_until, caplog):
    """A heartbeat that fails is repeated, and said once to have failed."""
    site.inbox.down = {"extend"}

    def run_long(event):
        wait_until(lambda: site.inbox.asked.count("extend") > 2)
        site.inbox.down.clear()
        wait_until(lambda: "worker.store_available" in caplog.messages)

    site.on("lock", run_long)
    pk = site.record()
    with caplog.at_level(logging.INFO, "licensechain_hooks"):
        site.worker(lease=SHORT).drain()
    assert [message.partition(" ")[0] for message in caplog.messages] == [
        *("worker.store_unavailable", "worker.store_available"),
        "entry.processed",
    ]
    assert site.state(pk) == "processed"
