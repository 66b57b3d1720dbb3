"""Procrastinate, through the suite that anyone's queue can go through, and what is its own."""

import pytest
from postgres_server import NoPostgresError, PostgresServer
from procrastinate import App, PsycopgConnector

from licensechain_hooks.testing.queue_conformance import QueueConformance, TestedEngine


class TestProcrastinate(QueueConformance):
    """On a PostgreSQL of its own; the inbox is elsewhere, so that it can be killed."""

    @pytest.fixture(scope="class")
    @classmethod
    def postgres(cls):
        try:
            server = PostgresServer()
        except NoPostgresError as error:
            pytest.fail(str(error), pytrace=False)
        with server:
            with App(connector=PsycopgConnector(conninfo=server.dsn)).open() as app:
                app.schema_manager.apply_schema()
            yield server

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, postgres, program, apps):
        return TestedEngine(
            module="procrastinate_app",
            worker=[program("procrastinate"), "--app", "procrastinate_app.app", "worker", "--concurrency", "4"],
            environment={"TEST_BROKER": postgres.dsn, "PYTHONPATH": apps},
            kill_broker=lambda: postgres.stop("immediate"),
            start_broker=postgres.start,
        )

    def test_workers_sweep(self, site):
        """By themselves, at the times they are told: a failed entry runs again."""
        site.deliver("evt_swept", id="lic_swept", fails=1)
        site.until(lambda: site.are_processed("evt_swept"))
        assert [run.attempt for run in site.runs("evt_swept")] == [1, 2]
