"""A worker process, to be killed and stopped: ``python -m tests.scenarios.crash.worker``.

The first line of stdin is its `Plan`; where stdin ends, so does the process.
"""

import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from licensechain_hooks.worker import Worker, WorkerSettings
from tests.scenarios.crash._databases import open_inbox, take_fence_down
from tests.scenarios.crash._effects import Effects
from tests.scenarios.crash._engines import work
from tests.scenarios.crash._handlers import Moment, make_hooks
from tests.scenarios.crash._plan import Plan


def main() -> None:
    """Work until SIGTERM."""
    plan = Plan.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    inbox = open_inbox(plan.kind, plan.url)
    if not plan.is_fenced:
        take_fence_down(inbox)
    inbox.claim_many = _told(inbox.claim_many, os.open(plan.claims, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    moment = Moment(plan.seed, longest=plan.longest, failing=plan.failing)
    settings = WorkerSettings(
        concurrency=4,
        batch=4,  # so that all have something to do
        lease=timedelta(seconds=plan.lease),
        poll=timedelta(seconds=0.02),
        # A crash counts as an attempt, and here an entry may see any number of them.
        max_attempts=1_000_000,
        backoff=lambda _attempt: timedelta(seconds=random.uniform(0.02, 0.2)),
        grace=timedelta(seconds=10),
    )
    hooks = make_hooks(Effects(plan.url), moment)
    if plan.engine:
        work(plan, inbox, hooks, settings, partial(_begin, moment, plan.claims))
        return
    moment.listen()
    worker = Worker(inbox, hooks, settings)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()


def _begin(moment: Moment, claims: str) -> None:
    """Say that it is at work: an engine looks for nothing to claim before it has a message."""
    moment.listen()
    with Path(claims).open("a") as file:
        file.write("none\n")


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _told(claim_many: Callable[..., Any], file: int) -> Callable[..., Any]:
    """The same, but the claims' tokens are written down: whose an entry is, shall be known when its owner is dead."""

    asked = count()

    def claim(*arguments: Any, **settings: Any) -> Any:
        claims = claim_many(*arguments, **settings)
        tokens = {claim.token for claim in claims}
        if tokens or next(asked) == 0:  # the first line says that it is at work
            os.write(file, "".join(f"{token}\n" for token in tokens or {"none"}).encode())
        return claims

    return claim


if __name__ == "__main__":
    main()
