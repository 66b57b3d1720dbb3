"""Celery, with a task of its own that does nothing, as acks_late as ours."""

from celery import Celery
from common import BROKER, count_one, make_receiver

from licensechain_hooks.contrib.celery import CeleryQueue

app = Celery("celery_app", broker=BROKER)
queue = CeleryQueue(app)
receiver = make_receiver(queue)


@app.task(name="nothing", acks_late=True, ignore_result=True)
def nothing(_number: int) -> None:
    """Do nothing."""
    count_one()


send = nothing.delay
