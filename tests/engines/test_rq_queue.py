"""RQ, through the suite that anyone's queue can go through, and what is its own."""

import os
import subprocess

import pytest

from licensechain_hooks.testing.queue_conformance import QueueConformance


class TestRQ(QueueConformance):
    """A worker that forks for each job, as RQ's do, and jobs in JSON."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, on_valkey, valkey):
        json = "rq.serializers.JSONSerializer"
        options = ("--url", valkey.url, "--serializer", json, "--config", "rq_app")
        return on_valkey("rq_app", "rq", "worker", *options, TEST_SERIALIZER=json)


class TestCron:
    """The schedule, for which ``rq cron`` is all that is needed."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, on_valkey, valkey):
        return on_valkey("rq_app", "rq", "worker", "--url", valkey.url)  # which imports the module for each job

    site = QueueConformance.site
    inbox_url = QueueConformance.inbox_url

    def test_what_is_due_is_enqueued(self, site, engine, valkey):
        """A failed entry runs again at its time."""
        command = [engine.worker[0], "cron", "--url", valkey.url, "rq_cron"]
        environment = {**os.environ, **engine.environment, **site.plan.environment()}
        scheduler = subprocess.Popen(command, env=environment)
        try:
            site.deliver("evt_fails", fails=1)
            site.until(lambda: site.are_processed("evt_fails"))
        finally:
            scheduler.kill()
            scheduler.wait()
        assert [run.attempt for run in site.runs("evt_fails")] == [1, 2]
