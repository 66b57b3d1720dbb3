"""A recipe for AWS Lambda behind a function URL or an API Gateway (events of version 1 and 2).

Copy this file, then::

    settings = WorkerSettings(embedded=False)
    receiver = Receiver(Endpoint.from_env(), hooks, inbox=SqlInbox("postgresql+psycopg://…"), worker=settings)
    handler = lambda_handler(receiver)

A function is frozen between two requests, and its threads with it: store deliveries in a database, and run the handlers
by ``licensechain-hooks worker`` elsewhere, or by a second function that calls ``receiver.worker.drain()`` every minute.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from licensechain_hooks import HookRequest, Outcome, Receiver


def lambda_handler(receiver: Receiver) -> Callable[[Mapping[str, Any], object], dict[str, Any]]:
    """The function that Lambda calls."""

    def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
        return to_response(receiver.receive(to_hook_request(event)))

    return handler


def to_hook_request(event: Mapping[str, Any]) -> HookRequest:
    """The `HookRequest` of an event; of its body the bytes that were sent, which Lambda may have put into base64."""
    text = event.get("body") or ""
    body = b64decode(text) if event.get("isBase64Encoded") else text.encode()
    http = event["requestContext"].get("http")  # of version 2
    method, path = (event["httpMethod"], event["path"]) if http is None else (http["method"], http["path"])
    return HookRequest(body, [*headers(event)], method=method, path=path)


def headers(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The headers, repeated ones included; version 2 joins them by commas."""
    repeated = event.get("multiValueHeaders")
    if repeated is None:
        yield from (event.get("headers") or {}).items()
        return
    for name, values in repeated.items():
        yield from ((name, value) for value in values)


def to_response(outcome: Outcome) -> dict[str, Any]:
    """The response that tells the sender of an outcome."""
    reply = outcome.reply
    return {"statusCode": reply.status, "headers": dict(reply.headers), "body": reply.body.decode()}
