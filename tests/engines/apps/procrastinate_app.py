"""Procrastinate in the processes of its conformance tests."""

import os

from procrastinate import App, PsycopgConnector

from licensechain_hooks.contrib.procrastinate import ProcrastinateQueue
from licensechain_hooks.testing.queue_conformance import conformance_receiver

app = App(connector=PsycopgConnector(conninfo=os.environ["TEST_BROKER"]))
queue = ProcrastinateQueue(app, cron="* * * * * */2")  # the last are seconds
receiver = conformance_receiver(queue)
