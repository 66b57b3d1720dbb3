"""Dramatiq in the processes of its conformance tests."""

import os

from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker

from licensechain_hooks.contrib.dramatiq import DramatiqQueue
from licensechain_hooks.testing.queue_conformance import conformance_receiver

url = os.environ["TEST_BROKER"]
broker = RabbitmqBroker(url=url) if url.startswith("amqp") else RedisBroker(url=url)
queue = DramatiqQueue(broker)
receiver = conformance_receiver(queue)
