"""RQ, with a job of its own that does nothing."""

from functools import partial

from common import BROKER, count_one, make_receiver
from redis import Redis
from rq import Queue

from licensechain_hooks.contrib.rq import RQQueue

rq_queue = Queue(connection=Redis.from_url(BROKER))
queue = RQQueue(rq_queue, module=__name__)
receiver = make_receiver(queue)


def nothing(_number: int) -> None:
    """Do nothing."""
    count_one()


send = partial(rq_queue.enqueue, "rq_app.nothing", result_ttl=0)
