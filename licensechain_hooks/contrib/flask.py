"""Flask: an extension, and the blueprint it is made of."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

try:
    from flask import Blueprint, Flask, Request, Response, current_app, request
except ImportError as exc:
    msg = "this module needs Flask: pip install 'licensechain-hooks[flask]'"
    raise ImportError(msg) from exc

import click
from flask.cli import AppGroup

from licensechain_hooks import (
    ConfigurationError,
    Endpoint,
    Hooks,
    HookRequest,
    Outcome,
    Receiver,
    consumed_body,
    default_hooks,
)

__all__ = ["LicenseChainHooks", "to_flask_response", "to_hook_request", "webhook_blueprint"]

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]


def webhook_blueprint(receiver: Receiver, *, path: str = "/", name: str = "licensechain_webhook") -> Blueprint:
    """A blueprint that answers deliveries at ``path``, below the ``url_prefix`` it is registered with."""
    blueprint = Blueprint(name, __name__)

    def receive() -> Response:
        return to_flask_response(receiver.receive(to_hook_request(request)))

    # Every method reaches the receiver, so that it answers 405 in its own words; Flask would answer OPTIONS with 200.
    blueprint.add_url_rule(
        path, "receive", receive, methods=_METHODS, provide_automatic_options=False, strict_slashes=False
    )
    return blueprint


def to_hook_request(flask_request: Request) -> HookRequest:
    """The `HookRequest` of a Flask request, for a view of your own."""
    kept = getattr(flask_request, "_cached_data", None)  # what Request.get_data() keeps
    if kept is None and "form" in flask_request.__dict__:
        kept = consumed_body
    return HookRequest.from_wsgi(flask_request.environ, kept)


def to_flask_response(outcome: Outcome) -> Response:
    """The response that tells the sender of an outcome."""
    reply = outcome.reply
    return Response(reply.body, reply.status, dict(reply.headers))
