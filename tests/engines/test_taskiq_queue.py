"""Taskiq, through the suite that anyone's queue can go through, and what is its own."""

import os
import subprocess

import pytest

from licensechain_hooks.testing.queue_conformance import QueueConformance

WORKER = ("taskiq", "worker", "taskiq_app:broker", "--workers", "1")


class TestTaskiq(QueueConformance):
    """On Valkey, under an asynchronous host."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, on_valkey):
        return on_valkey("taskiq_app", *WORKER)

    def test_the_scheduler_sweeps(self, site, engine):
        """For which ``taskiq scheduler`` is all that is needed: a failed entry runs again."""
        command = [engine.worker[0], "scheduler", "taskiq_app:scheduler"]
        scheduler = subprocess.Popen(command, env={**os.environ, **engine.environment, **site.plan.environment()})
        try:
            site.deliver("evt_swept", id="lic_swept", fails=1)
            site.until(lambda: site.are_processed("evt_swept"))
        finally:
            scheduler.terminate()
            scheduler.wait(60)
        assert [run.attempt for run in site.runs("evt_swept")] == [1, 2]
