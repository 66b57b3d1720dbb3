"""Taskiq in the processes of its conformance tests: an asynchronous host."""

import os
from contextlib import asynccontextmanager

from taskiq import TaskiqScheduler
from taskiq.schedule_sources import LabelScheduleSource
from taskiq_redis import ListQueueBroker

from licensechain_hooks.contrib.taskiq import TaskiqQueue
from licensechain_hooks.testing.queue_conformance import conformance_receiver

broker = ListQueueBroker(os.environ["TEST_BROKER"])
queue = TaskiqQueue(broker, cron=os.environ.get("TEST_CRON", "* * * * *"))
receiver = conformance_receiver(queue)
scheduler = TaskiqScheduler(broker, [LabelScheduleSource(broker)])


@asynccontextmanager
async def lifespan():
    await broker.startup()
    async with receiver.lifespan():
        yield
    await broker.shutdown()
