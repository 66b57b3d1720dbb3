"""RQ in the processes of its conformance tests."""

import os

from redis import Redis
from rq import Queue
from rq.serializers import resolve_serializer

from licensechain_hooks.contrib.rq import RQQueue
from licensechain_hooks.testing.queue_conformance import conformance_receiver

connection = Redis.from_url(os.environ["TEST_BROKER"])
serializer = resolve_serializer(os.environ.get("TEST_SERIALIZER"))
queue = RQQueue(Queue(connection=connection, serializer=serializer), module=__name__)
receiver = conformance_receiver(queue)
