"""Celery, through the suite that anyone's queue can go through, and what is its own."""

import pytest

from licensechain_hooks.testing.queue_conformance import QueueConformance

WORKER = ("celery", "-A", "celery_app", "worker", "--concurrency", "2", "--pool", "prefork", "--loglevel", "INFO")


class TestCelery(QueueConformance):
    """On Valkey, with processes."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, on_valkey):
        return on_valkey("celery_app", *WORKER)


class TestCeleryOnRabbitMQ(QueueConformance):
    """On RabbitMQ, with processes."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, on_rabbitmq):
        return on_rabbitmq("celery_app", *WORKER)


class TestBeat:
    """The schedule, for which ``celery beat`` is all that is needed."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, on_valkey, tmp_path_factory):
        schedule = str(tmp_path_factory.mktemp("beat") / "schedule")
        return on_valkey("celery_app", *WORKER, "--beat", "--schedule", schedule)

    site = QueueConformance.site
    inbox_url = QueueConformance.inbox_url

    def test_what_is_due_is_enqueued(self, site):
        """A failed entry runs again at its time, and nobody has to do anything for it."""
        site.deliver("evt_fails", fails=1)
        site.until(lambda: site.are_processed("evt_fails"))
        assert [run.attempt for run in site.runs("evt_fails")] == [1, 2]
