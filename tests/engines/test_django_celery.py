"""A Django project with ``PROCESSING = "celery"``, through the suite that anyone's queue can go through."""

import pytest

from licensechain_hooks.testing.queue_conformance import QueueConformance


class TestDjangoWithCelery(QueueConformance):
    """On Valkey; the inbox is Django's."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, on_valkey):
        worker = ("worker", "--concurrency", "2", "--loglevel", "INFO")
        return on_valkey("django_app", "celery", "-A", "django_app", *worker)
