"""Procrastinate, with a task of its own that does nothing, in the database of the inbox."""

import os

from common import count_one, make_receiver
from procrastinate import App, PsycopgConnector

from licensechain_hooks.contrib.procrastinate import ProcrastinateQueue

app = App(connector=PsycopgConnector(conninfo=os.environ["BENCHMARK_INBOX"].replace("+psycopg", "", 1)))
queue = ProcrastinateQueue(app)
receiver = make_receiver(queue)


@app.task(name="nothing")
def nothing(number: int) -> None:  # noqa: ARG001
    """Do nothing."""
    count_one()


sender = app.with_connector(app.connector.get_sync_connector())


def send(number: int) -> None:
    """Send it."""
    sender.open()  # at the first time
    sender.configure_task("nothing").defer(number=number)
