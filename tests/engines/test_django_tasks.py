"""A Django project with ``PROCESSING = "tasks"``, through the suite that anyone's queue can go through."""

import os
import subprocess
import sys

import pytest
from postgres_server import NoPostgresError, PostgresServer

from licensechain_hooks.testing.queue_conformance import QueueConformance, TestedEngine

MANAGE = "import sys, django_tasks_app; from django.core.management import call_command; call_command(*sys.argv[1:])"


class TestDjangoTasks(QueueConformance):
    """In the database backend, whose worker is a management command; the inbox is elsewhere, so that it can be killed."""

    @pytest.fixture(scope="class")
    @classmethod
    def postgres(cls):
        try:
            server = PostgresServer()
        except NoPostgresError as error:
            pytest.fail(str(error), pytrace=False)
        with server:
            yield server

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, postgres, apps):
        return TestedEngine(
            module="django_tasks_app",
            worker=[sys.executable, "-c", MANAGE, "db_worker", "--interval", "0.1", "--no-startup-delay"],
            environment={"TEST_BROKER": postgres.dsn, "PYTHONPATH": apps},
            kill_broker=lambda: postgres.stop("immediate"),
            start_broker=postgres.start,
        )

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _tables(cls, engine, site):
        """Those of the tasks; the suite makes those of the inbox."""
        environment = {**os.environ, **engine.environment, **site.plan.environment()}
        command = [sys.executable, "-c", MANAGE, "migrate", "--database", "tasks", "--verbosity", "0"]
        subprocess.run(command, env=environment, check=True)

    def test_a_task_sweeps(self, site, engine):
        """What a scheduler has to do is to enqueue that task: a failed entry runs again."""
        site.deliver("evt_swept", id="lic_swept", fails=1)
        site.until(lambda: site.entry("evt_swept").state == "failed")
        send = "import time, django_tasks_app as app\nfor _ in range(5): app.queue.send_sweep(); time.sleep(1)"
        environment = {**os.environ, **engine.environment, **site.plan.environment()}
        subprocess.run([sys.executable, "-c", send], env=environment, check=True)
        site.until(lambda: site.are_processed("evt_swept"))
        assert [run.attempt for run in site.runs("evt_swept")] == [1, 2]
