"""Huey, through the suite that anyone's queue can go through, and what is its own."""

import pytest

from licensechain_hooks.testing.queue_conformance import QueueConformance


class TestHuey(QueueConformance):
    """A consumer with threads."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, on_valkey):
        return on_valkey("huey_app", "huey_consumer", "huey_app.huey", "--workers", "2")

    def test_the_consumer_sweeps(self, site):
        """Its scheduler enqueues what is due, as soon as it starts and every minute."""
        site.deliver("evt_swept", id="lic_swept", fails=1)
        site.until(lambda: site.entry("evt_swept").state == "failed")
        site.kill_worker(site.runs("evt_swept")[0])
        site.start_worker()
        site.until(lambda: site.are_processed("evt_swept"))
        assert [run.attempt for run in site.runs("evt_swept")] == [1, 2]
