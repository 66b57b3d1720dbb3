"""Huey, with a task of its own that does nothing."""

from common import BROKER, count_one, make_receiver
from huey import RedisHuey

from licensechain_hooks.contrib.huey import HueyQueue

huey = RedisHuey("benchmark", url=BROKER)
queue = HueyQueue(huey)
receiver = make_receiver(queue)


@huey.task()
def nothing(_number: int) -> None:
    """Do nothing."""
    count_one()


send = nothing
