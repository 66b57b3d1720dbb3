"""Flask: an extension, and the blueprint it is made of."""

import os
from typing import Any

try:
    from flask import Blueprint, Flask, Request, Response, request
except ImportError as exc:
    msg = "this module needs Flask: pip install 'licensechain-hooks[flask]'"
    raise ImportError(msg) from exc

import click
from flask.cli import AppGroup

from licensechain_hooks import (
    Deduplicator,
    Endpoint,
    HookRequest,
    Hooks,
    Inbox,
    Outcome,
    Receiver,
    Reply,
    consumed_body,
    default_hooks,
)

__all__ = ["LicenseChainHooks", "health_blueprint", "to_flask_response", "to_hook_request", "webhook_blueprint"]

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
_SETTINGS = {
    "LICENSECHAIN_PROFILE": "profile",
    "LICENSECHAIN_TOLERANCE": "tolerance",
    "LICENSECHAIN_MAX_EVENT_AGE": "max_event_age",
    "LICENSECHAIN_MAX_BODY": "max_body",
}
_DURABLE_SETTINGS = {
    "LICENSECHAIN_WORKER": "worker",
    "LICENSECHAIN_QUEUE": "queue",
    "LICENSECHAIN_ORDERING_KEY": "ordering_key",
    "LICENSECHAIN_REDACT": "redact",
}


class LicenseChainHooks:
    """The Flask extension: ``LicenseChainHooks(hooks).init_app(app)``.

    The app's config says the rest:

    ``LICENSECHAIN_WEBHOOK_SECRET``
        a comma list, a list or a callable, see `Endpoint`; without it the environment, see `Endpoint.from_env`.
    ``LICENSECHAIN_PATH``
        where deliveries arrive; ``/webhooks/licensechain`` by default.
    ``LICENSECHAIN_HEALTH_PATH``
        where probes are answered, see `health_blueprint`; without it they are not.
    ``LICENSECHAIN_PROFILE``, ``LICENSECHAIN_TOLERANCE``, ``LICENSECHAIN_MAX_EVENT_AGE``, ``LICENSECHAIN_MAX_BODY``
        see `Endpoint`.
    ``LICENSECHAIN_INBOX``
        for durable mode: the URL of a database, see `SqlInbox`, or an inbox; without it that of the environment's
        ``LICENSECHAIN_INBOX_URL``. Where neither is set, the handlers run while the sender waits.
    ``LICENSECHAIN_DEDUPLICATOR``
        without an inbox, what remembers which events ran: the URL of a Redis, see `RedisDeduplicator`, or a
        deduplicator; without it the environment's ``LICENSECHAIN_DEDUPLICATOR_URL``, else this process's memory.
    ``LICENSECHAIN_WORKER``, ``LICENSECHAIN_QUEUE``, ``LICENSECHAIN_ORDERING_KEY``, ``LICENSECHAIN_REDACT``
        see `Receiver`; they need an inbox.

    Args:
        hooks: the handlers; by default those registered by the module-level ``on``.
        app: initialised at once, where given.
    """

    def __init__(self, hooks: Hooks = default_hooks, app: Flask | None = None) -> None:
        self._hooks = hooks
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Add the blueprint and the commands ``flask licensechain …`` to an app.

        The `Receiver` is kept as ``app.extensions["licensechain_hooks"]``.

        Raises:
            ConfigurationError: says which setting and why.
        """
        durable = {name: app.config[key] for key, name in _DURABLE_SETTINGS.items() if key in app.config}
        stores: dict[str, Any] = {"inbox": _inbox(app.config), "deduplicator": _deduplicator(app.config)}
        receiver = Receiver(_endpoint(app.config), self._hooks, **stores, **durable)
        app.extensions["licensechain_hooks"] = receiver
        path = app.config.setdefault("LICENSECHAIN_PATH", "/webhooks/licensechain")
        app.register_blueprint(webhook_blueprint(receiver, path=path))
        if app.config.get("LICENSECHAIN_HEALTH_PATH"):
            app.register_blueprint(health_blueprint(receiver, path=app.config["LICENSECHAIN_HEALTH_PATH"]))
        app.cli.add_command(_commands(receiver, path))


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


def health_blueprint(
    receiver: Receiver, *, path: str = "/healthz", name: str = "licensechain_health", details: bool = False
) -> Blueprint:
    """A blueprint for probes.

    At ``path`` it answers whether deliveries can be accepted, at ``path/live`` whether this process works.

    Args:
        receiver: whose health.
        path: below the ``url_prefix`` it is registered with.
        name: of the blueprint.
        details: whether to tell everybody what the inbox holds, see `Health.reply`.
    """
    blueprint = Blueprint(name, __name__)

    @blueprint.get(path)
    def ready() -> Response:
        return _to_response(receiver.probe("ready", details=details))

    @blueprint.get(f"{path.rstrip('/')}/live")
    def live() -> Response:
        return _to_response(receiver.probe("live"))

    return blueprint


def to_hook_request(flask_request: Request) -> HookRequest:
    """The `HookRequest` of a Flask request, for a view of your own."""
    body = getattr(flask_request, "_cached_data", None)  # what Request.get_data() keeps
    if body is None and "form" in flask_request.__dict__:
        body = consumed_body
    return HookRequest.from_wsgi(flask_request.environ, body)


def to_flask_response(outcome: Outcome) -> Response:
    """The response that tells the sender of an outcome."""
    return _to_response(outcome.reply)


def _to_response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, list(reply.headers))


def _endpoint(config: Any) -> Endpoint:
    settings = {name: config[key] for key, name in _SETTINGS.items() if key in config}
    secrets = config.get("LICENSECHAIN_WEBHOOK_SECRET")
    if secrets is None:
        return Endpoint.from_env(**settings)
    if isinstance(secrets, str):
        return Endpoint.from_env({"LICENSECHAIN_WEBHOOK_SECRET": secrets}, **settings)
    return Endpoint(secrets=secrets, **settings)


def _inbox(config: Any) -> Inbox | None:
    inbox = config.get("LICENSECHAIN_INBOX") or os.environ.get("LICENSECHAIN_INBOX_URL")
    if not isinstance(inbox, str):
        return inbox or None
    from licensechain_hooks.inbox.sql import SqlInbox  # noqa: PLC0415 - nobody without an inbox needs SQLAlchemy

    return SqlInbox(inbox)


def _deduplicator(config: Any) -> Deduplicator | None:
    found = config.get("LICENSECHAIN_DEDUPLICATOR", os.environ.get("LICENSECHAIN_DEDUPLICATOR_URL") or None)
    if not isinstance(found, str):
        return found  # type: ignore[no-any-return]  # an empty one is false
    from licensechain_hooks.dedupe.redis import RedisDeduplicator  # noqa: PLC0415 - nobody else needs redis-py

    return RedisDeduplicator(found)


def _commands(receiver: Receiver, path: str) -> AppGroup:
    group = AppGroup("licensechain", help="LicenseChain's webhooks in this app.")

    @group.command("handlers")
    def list_handlers() -> None:
        """List what listens for which events, and where deliveries arrive."""
        click.echo(f"POST {path}  (profile {receiver.endpoint.profile})")
        for handler in receiver.hooks.handlers():
            click.echo(f"  {', '.join(handler.patterns):<40} {handler.name}")

    return group
