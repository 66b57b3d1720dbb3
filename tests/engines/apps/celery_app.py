"""Celery in the processes of its conformance tests."""

import os
from datetime import timedelta

from celery import Celery

from licensechain_hooks.contrib.celery import CeleryQueue
from licensechain_hooks.testing.queue_conformance import conformance_receiver

app = Celery("celery_app", broker=os.environ["TEST_BROKER"])
app.conf.worker_hijack_root_logger = False
queue = CeleryQueue(app, sweep_every=timedelta(seconds=1))
receiver = conformance_receiver(queue)
