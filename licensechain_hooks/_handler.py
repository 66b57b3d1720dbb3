"""A function that handles events: what it may be given, and what was found out about it once, at registration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from inspect import Signature, iscoroutinefunction, signature
from typing import Any

from licensechain_hooks import events
from licensechain_hooks._patterns import matches
from licensechain_hooks._stores import Transaction
from licensechain_hooks.events.aliases import spellings
from licensechain_hooks.exceptions import ConfigurationError

__all__ = ["Handler", "HandlerContext", "make_handler"]

_LONGEST_NAME = 250  # the ledger takes 255, and where several have a name, "#2" and so on comes after it


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerContext:
    """What a handler may ask for beside the event, by taking a second argument.

    Attributes:
        endpoint: the name of the endpoint the delivery came to.
        handler: the handler's name.
        idempotency_key: ``<event id>:<handler>``, the same at every run: give it to services that run things once.
        attempt: which run this is, from 1.
        raw_body: the body as it was signed.
        received_at: when the delivery arrived, in UTC.
    """

    endpoint: str
    handler: str
    idempotency_key: str
    attempt: int
    raw_body: bytes = field(repr=False)
    received_at: datetime
    _transaction: Transaction | None = field(default=None, repr=False, compare=False)

    @property
    def connection(self) -> Any:
        """The database connection that holds the transaction of a transactional handler, in the inbox's own terms.

        Raises:
            ConfigurationError: the handler is not transactional.
        """
        return self._required().connection

    @property
    def session(self) -> Any:
        """An ORM session on `connection`, where the inbox knows one.

        Raises:
            ConfigurationError: the handler is not transactional.
        """
        return self._required().session

    def _required(self) -> Transaction:
        if self._transaction is None:
            msg = (
                "only a transactional handler has a connection and a session: register it by on(…, transactional=True)"
            )
            raise ConfigurationError(msg)
        return self._transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """A registered function and what was found out about it once, at registration.

    Attributes:
        name: what it is called in the ledger, in logs and in idempotency keys.
        function: what is called.
        is_async: whether that is a coroutine function.
        wants_context: whether it takes a `HandlerContext` too.
        patterns: the event types and wildcards it listens for.
        endpoint: the only endpoint it listens at; ``None``: any.
        transactional: whether it writes within the transaction that records its success.
        latest_only: whether it skips an event older than the newest it has seen of that license.
    """

    name: str
    function: Callable[..., Any]
    is_async: bool
    wants_context: bool
    patterns: tuple[str, ...] = ()
    endpoint: str | None = None
    transactional: bool = False
    latest_only: bool = False

    def matches(self, event: events.Event | events.Envelope, endpoint: str) -> bool:
        """Whether this handler listens for the event."""
        if self.endpoint is not None and self.endpoint != endpoint:
            return False
        names = spellings(event.type)
        if (
            isinstance(event, events.UnknownEvent) and event.is_known
        ):  # not the model that a handler of this type is promised
            return any("*" in pattern and matches(pattern, names) for pattern in self.patterns)
        return any(matches(pattern, names) for pattern in self.patterns)

    def bind(self, event: events.Event, context: HandlerContext | None) -> Callable[[], Any]:
        """A call of the function, ready to make."""
        return partial(self.function, event, context) if self.wants_context else partial(self.function, event)


def make_handler(function: Any, *given: str) -> Handler:
    """What there is to know of a function that will be given an event, or ``given``, and perhaps the context."""
    if not callable(function):
        msg = f"a handler must be callable, not {type(function).__name__}; is @on missing its event type?"
        raise ConfigurationError(msg)
    named = function.func if isinstance(function, partial) else function
    name = f"{named.__module__}.{getattr(named, '__qualname__', type(named).__qualname__)}"
    if len(name) > _LONGEST_NAME:
        msg = f"a handler's module and name are at most {_LONGEST_NAME} characters, not {len(name)}: {name[:50]}…"
        raise ConfigurationError(msg)
    return Handler(
        name=name,
        function=function,
        is_async=iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None)),  # noqa: B004
        wants_context=_wants_context(function, name, given or ("event",)),
    )


def _wants_context(function: Callable[..., Any], name: str, given: tuple[str, ...]) -> bool:
    try:
        taken = signature(function)
    except (TypeError, ValueError):  # some callables of C have no signature
        return False
    positional = [p for p in taken.parameters.values() if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    if _can_be_given(taken, len(given)):
        return len(positional) > len(given) and positional[len(given)].name == "context"
    if _can_be_given(taken, len(given) + 1):
        return True
    msg = f"{name} cannot be called as {name.rpartition('.')[2]}({', '.join(given)}) nor with context after that"
    raise ConfigurationError(msg)


def _can_be_given(taken: Signature, count: int) -> bool:
    try:
        taken.bind(*[None] * count)
    except TypeError:
        return False
    return True
