"""Taskiq, with a task of its own that does nothing."""

from common import BROKER, count_one, make_receiver
from taskiq_redis import ListQueueBroker

from licensechain_hooks.contrib.taskiq import TaskiqQueue

broker = ListQueueBroker(BROKER)
queue = TaskiqQueue(broker)
receiver = make_receiver(queue)


@broker.task
async def nothing(_number: int) -> None:
    """Do nothing."""
    count_one()


send = nothing.kiq
