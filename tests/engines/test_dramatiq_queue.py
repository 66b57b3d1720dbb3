"""Dramatiq, through the suite that anyone's queue can go through."""

import pytest

from licensechain_hooks.testing.queue_conformance import QueueConformance

WORKER = ("dramatiq", "dramatiq_app:broker", "--processes", "1", "--threads", "4")


class TestDramatiq(QueueConformance):
    """On Valkey."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, on_valkey):
        return on_valkey("dramatiq_app", *WORKER)


class TestDramatiqOnRabbitMQ(QueueConformance):
    """On RabbitMQ."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, on_rabbitmq):
        return on_rabbitmq("dramatiq_app", *WORKER)
