"""The process that receives deliveries, and sends an engine's own tasks: it is given the name of the engine's module.

For each line on stdin, ``deliver`` or ``send`` and how many, it does so from a few threads, as a web server has them.
"""

import json
import sys
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from itertools import count
from typing import Any

from licensechain_hooks import HookRequest
from licensechain_hooks._loop import run_awaitable
from licensechain_hooks.testing import event_body, make_event, sign_request

_THREADS = 8


def main(name: str) -> None:
    """Do what stdin says."""
    module = import_module(name)
    secret = import_module("common").SECRET
    numbers = count()
    print("ready", flush=True)
    with ThreadPoolExecutor(_THREADS) as pool:
        for line in sys.stdin:
            what, _, number = line.partition(" ")
            works = [next(numbers) for _ in range(int(number))]
            if what == "deliver":
                requests = [_request(secret) for _ in works]
                print("begins", flush=True)
                names = {outcome.name for outcome in pool.map(module.receiver.receive, requests)}
            else:
                print("begins", flush=True)
                names = {"sent" for _ in pool.map(partial(_send, module.send), works)}
            print(json.dumps(sorted(names)), flush=True)


def _request(secret: str) -> HookRequest:
    body = event_body(make_event("license.updated"))
    return HookRequest(body, sign_request(body, secret))


def _send(send: Any, number: int) -> None:
    sent = send(number)
    if isinstance(sent, Awaitable):
        run_awaitable(sent)


if __name__ == "__main__":
    main(sys.argv[1])
