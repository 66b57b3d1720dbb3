"""What Dramatiq's workers import: an actor that does nothing. As a program it sends as many messages as it is told."""

import os
import sys

BROKER_VARIABLE = "BENCHMARK_BROKER"

if BROKER_VARIABLE in os.environ:
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker

    dramatiq.set_broker(RedisBroker(url=os.environ[BROKER_VARIABLE]))

    @dramatiq.actor
    def handle(_entry: str) -> None:
        """Do nothing."""


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        handle.send(f"{number:036}")
