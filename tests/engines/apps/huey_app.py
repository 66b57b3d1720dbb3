"""Huey in the processes of its conformance tests."""

import os

from huey import RedisHuey

from licensechain_hooks.contrib.huey import HueyQueue
from licensechain_hooks.testing.queue_conformance import conformance_receiver

huey = RedisHuey("conformance", url=os.environ["TEST_BROKER"])
queue = HueyQueue(huey)
receiver = conformance_receiver(queue)
