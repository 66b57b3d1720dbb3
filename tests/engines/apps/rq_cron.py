"""The configuration of ``rq cron``."""

from rq_app import queue

queue.register_sweep(interval=10)
