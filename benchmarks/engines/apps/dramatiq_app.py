"""Dramatiq, with an actor of its own that does nothing."""

import dramatiq
from common import BROKER, count_one, make_receiver
from dramatiq.brokers.redis import RedisBroker

from licensechain_hooks.contrib.dramatiq import DramatiqQueue

broker = RedisBroker(url=BROKER)
queue = DramatiqQueue(broker)
receiver = make_receiver(queue)


@dramatiq.actor(broker=broker, max_retries=0)
def nothing(_number: int) -> None:
    """Do nothing."""
    count_one()


send = nothing.send
