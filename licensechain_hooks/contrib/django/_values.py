"""What the settings mean, as values."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, Literal

from django.db import DEFAULT_DB_ALIAS

from licensechain_hooks import (
    ConfigurationError,
    Deduplicator,
    Endpoint,
    Event,
    HookRequest,
    Hooks,
    Outcome,
    WorkerSettings,
    default_hooks,
)
from licensechain_hooks.contrib.django._host import call_from_anywhere

__all__ = ["SETTING", "EndpointSettings", "HookSettings", "secret_variable"]

SETTING = "LICENSECHAIN_HOOKS"
_VARIABLE = "LICENSECHAIN_WEBHOOK_SECRET"
_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Endpoint)}


def secret_variable(name: str) -> str:
    """The environment variable that may hold the secrets of one of several endpoints."""
    return f"{_VARIABLE}_{re.sub('[^A-Z0-9]', '_', name.upper())}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """What is said of one endpoint; the keys are these names in capitals, but the last.

    Attributes:
        secrets: the signing secrets: a list, newest first; a comma list; a callable (see `Endpoint`), which may use the
            ORM; or the dotted path of one. Without it the environment, see ``variable``.
        name: see `Endpoint`, as for ``profile``, ``tolerance``, ``max_event_age`` and ``max_body``.
        read_timeout: see `Endpoint`. Django reads a body before it calls a view, so this is for ``get_receiver().asgi``
            mounted beside Django's own application.
        variable: the environment variable with the secrets; with ``_FILE`` after it, the one that names their file.
    """

    secrets: Any = None
    name: str = _DEFAULTS["name"]
    profile: str = _DEFAULTS["profile"]
    tolerance: timedelta = _DEFAULTS["tolerance"]
    max_event_age: timedelta | None = _DEFAULTS["max_event_age"]
    max_body: int = _DEFAULTS["max_body"]
    read_timeout: timedelta = _DEFAULTS["read_timeout"]
    variable: str = _VARIABLE

    @property
    def place(self) -> str:
        """Where in the settings it stands."""
        return SETTING if self.variable == _VARIABLE else f"{SETTING}['ENDPOINTS'][{self.name!r}]"

    def endpoint(self) -> Endpoint:
        """The endpoint.

        Raises:
            ConfigurationError: says which setting and why.
        """
        names = ("name", "profile", "tolerance", "max_event_age", "max_body", "read_timeout")
        options = {name: getattr(self, name) for name in names}
        try:
            if self.secrets is None:
                return Endpoint.from_env(self._environment(), **options)
            if isinstance(self.secrets, str):
                return Endpoint.from_env({_VARIABLE: self.secrets}, **options)
            secrets = call_from_anywhere(self.secrets) if callable(self.secrets) else self.secrets
            return Endpoint(secrets=secrets, **options)
        except ConfigurationError as exc:
            msg = f"{self.place}: {str(exc).replace(_VARIABLE, self.variable)}"
            raise ConfigurationError(msg) from exc

    def _environment(self) -> dict[str, str]:
        return {_VARIABLE + end: os.environ.get(self.variable + end, "") for end in ("", "_FILE")}


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings(EndpointSettings):
    """What ``LICENSECHAIN_HOOKS`` says; its keys are these names in capitals.

    Attributes:
        endpoints: in the place of the one endpoint that the keys of `EndpointSettings` describe: several.
        hooks: the handlers, or the dotted path of them; by default those registered by the module-level ``on``.
        on_outcome: see `Receiver`; a callable or the dotted path of one.
        processing: who runs the handlers. ``"thread"``: a delivery is stored in the database, and a thread of this
            process runs its handlers. ``"worker"``: it is stored, and ``manage.py licensechain_worker`` runs them.
            ``"inline"``: nothing is stored; the handlers run while the sender waits, and of what follows only
            ``deduplicator`` has a meaning.
            ``"celery"``, ``"tasks"`` or the dotted path of a queue: it is stored, and the workers of the project's own
            task queue run them; see `queues`.
        deduplicator: with ``"inline"``, what remembers which events ran: the URL of a Redis, see `RedisDeduplicator`,
            or a deduplicator; by default each process's memory.
        database: the alias of the database; see `DjangoInbox`, as for ``retention`` and ``payload_retention``.
        ordering_key: see `Receiver`, as for ``redact``; callables or the dotted paths of some.
        worker: `WorkerSettings`, or a dict of them such as ``{"concurrency": 4}``.
    """

    endpoints: tuple[EndpointSettings, ...] = ()
    hooks: Hooks = default_hooks
    on_outcome: Callable[[Outcome, HookRequest, float], object] | None = None
    processing: str = "thread"
    deduplicator: str | Deduplicator | None = None
    database: str = DEFAULT_DB_ALIAS
    retention: timedelta | None = timedelta(days=35)
    payload_retention: timedelta | None = timedelta(days=30)
    ordering_key: Literal["license"] | Callable[[Event], str | None] | None = None
    redact: Callable[[bytes], bytes] | None = None
    worker: WorkerSettings = field(default_factory=WorkerSettings)

    @property
    def each_endpoint(self) -> tuple[EndpointSettings, ...]:
        """The endpoints, of which there is one at least."""
        return self.endpoints or (self,)
