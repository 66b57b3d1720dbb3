"""The broker takes nothing any more, because its memory is full: deliveries are accepted, and run once there is room."""

import pytest

from licensechain_hooks.testing.queue_conformance import QueueConformance

LATER = 31.0  # seconds, when a new entry is no longer left for its message


class _Full:
    site = QueueConformance.site
    inbox_url = QueueConformance.inbox_url

    def test_a_broker_that_is_full(self, site, valkey):
        """What cannot be enqueued is stored and answered with 200; a sweep enqueues it later, and it runs once."""
        names = [f"evt_full_{number}" for number in range(8)]
        assert valkey.run("CONFIG SET maxmemory 1").startswith("+OK")
        assert "OOM" in valkey.run("SET full 1")
        outcomes = [site.deliver(name, id=f"lic_{name}") for name in names]
        assert outcomes == [["accepted"]] * 8
        assert {site.entry(name).state for name in names} == {"received"}
        assert valkey.run("CONFIG SET maxmemory 0").startswith("+OK")
        site.until(lambda: site.are_processed(*names), sweep_ahead=LATER)
        assert [len(site.runs(name)) for name in names] == [1] * 8
        assert sum(site.effects(name) for name in names) == 8


class TestDramatiq(_Full):
    """Dramatiq's messages."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, on_valkey):
        return on_valkey("dramatiq_app", "dramatiq", "dramatiq_app:broker", "--processes", "1", "--threads", "4")


class TestCelery(_Full):
    """Celery's messages."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, on_valkey):
        return on_valkey(
            "celery_app", "celery", "-A", "celery_app", "worker", "--concurrency", "2", "--loglevel", "INFO"
        )
