"""What the processes of every engine share: a receiver with a handler that does nothing, and where that is counted."""

import os

from licensechain_hooks import Endpoint, Enqueuer, Event, Hooks, Receiver
from licensechain_hooks.inbox.sql import SqlInbox

SECRET = "the-signing-secret-of-the-benchmarks"
BROKER = os.environ["BENCHMARK_BROKER"]
_DONE = os.open(os.environ["BENCHMARK_DONE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def count_one() -> None:
    """One more has run: a byte more in a file, which costs the same for all."""
    os.write(_DONE, b".")


def make_receiver(queue: Enqueuer) -> Receiver:
    """A receiver whose handlers the engine runs."""
    hooks = Hooks()

    @hooks.on("*")
    def handle(_event: Event) -> None:
        count_one()

    inbox = SqlInbox(os.environ["BENCHMARK_INBOX"])
    return Receiver(Endpoint(secrets=[SECRET]), hooks, inbox=inbox, queue=queue)
