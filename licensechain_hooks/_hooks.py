"""Which functions run for which events."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeVar, cast

from licensechain_hooks import events
from licensechain_hooks._attempt import Around
from licensechain_hooks._handler import Handler, make_handler
from licensechain_hooks._patterns import closest_event_type, matches
from licensechain_hooks._typed_on import TypedOn
from licensechain_hooks.events.aliases import canonical_type, spellings
from licensechain_hooks.exceptions import ConfigurationError, UnknownEventTypeWarning

__all__ = ["Hooks", "default_hooks", "on"]

_A = TypeVar("_A", bound=Around)
_F = TypeVar("_F", bound=Callable[..., Any])
_PATTERN = re.compile(r"\*|[a-z0-9_]+(\.[a-z0-9_]+)*\.(\*|[a-z0-9_]+)")


class Hooks:
    """A collection of handlers.

    ``@hooks.on("license.revoked")`` registers a function; so do several types, a wildcard such as ``"license.*"`` or
    ``"*"``, and an event class (`LicenseRevoked`, or a family such as `LicenseEvent`). Handlers are ``def`` or ``async
    def``, take the event and, if they want it, a `HandlerContext`. All that match run, in the order of registration.
    """

    _generation = 0  # of all registrations in this process: what was looked up before the last one is stale

    def __init__(self) -> None:
        self._parts: list[Handler | Hooks] = []
        self._fallbacks: list[Handler] = []
        self._before: list[Handler] = []
        self._on_error: list[Handler] = []
        self._on_conflict: list[Handler] = []
        self._on_processed: list[Handler] = []
        self._on_failed: list[Handler] = []
        self._on_dead: list[Handler] = []
        self._around: list[Around] = []
        self._found: dict[object, tuple[Handler, ...]] = {}
        self._found_in = -1
        self._arounds: tuple[Around, ...] = ()
        self._arounds_in = -1

    @property
    def on(self) -> TypedOn:
        """Register a function: ``@hooks.on(*types, endpoint=None, transactional=False, latest_only=False)``.

        Args:
            types: event types in any of their spellings, wildcards, or event classes.
            endpoint: only for deliveries to the endpoint of this name.
            transactional: in durable mode: run the function in one database transaction with the record of its success,
                so that what it writes through ``context.connection``, ``context.session`` or Django's ORM happens
                exactly once. Not for ``async def``.
            latest_only: in durable mode: skip an event older than the newest one the function has seen of that license.

        Raises:
            ConfigurationError: no type, or one that no event can have; a transactional coroutine.

        A type that looks like a misspelling warns with `UnknownEventTypeWarning` and the closest match.
        """
        return cast("Any", self._on)  # type: ignore[no-any-return]

    def fallback(self, function: _F) -> _F:
        """Register a function for events that nothing else matches.

        ``event.is_known`` tells an event without a handler from one of an unknown type.
        """
        return self._register(self._fallbacks, function)

    def before(self, function: _F) -> _F:
        """Register a function that runs before the handlers of each event; if it raises, they do not run."""
        return self._register(self._before, function)

    def on_error(self, function: _F) -> _F:
        """Register ``function(error, event)`` to be told what a handler raised; it may take the context as well.

        What it raises itself is logged.
        """
        self._on_error.append(make_handler(function, "error", "event"))
        Hooks._generation += 1
        return function

    def on_conflict(self, function: _F) -> _F:
        """Register a function to be told of an event whose id was seen with other content; its handlers do not run."""
        return self._register(self._on_conflict, function)

    def on_processed(self, function: _F) -> _F:
        """Register a function to be told of an event whose handlers have all succeeded.

        In durable mode that is just before the inbox is told, so it is told again where that fails.
        """
        return self._register(self._on_processed, function)

    def on_failed(self, function: _F) -> _F:
        """Register ``function(error, event)`` to be told, once for each attempt, that the event has to run again.

        It is given the first error of the attempt; `on_error` is told of each, but not of `Retry`.
        """
        self._on_failed.append(make_handler(function, "error", "event"))
        Hooks._generation += 1
        return function

    def on_dead(self, function: _F) -> _F:
        """Register a function to be told of an event that is given up: it is out of attempts, or was discarded."""
        return self._register(self._on_dead, function)

    def around(self, function: _A) -> _A:
        """Register a function that is given an `Attempt` and returns a context manager around it, for measuring.

        It is entered before the handlers of an event run and left when what becomes of them is known, in the same
        thread, or in the same task in inline mode on an event loop. What it raises is logged and changes nothing.
        """
        self._around.append(function)
        Hooks._generation += 1
        return function

    def include(self, other: Hooks) -> None:
        """Let the handlers of ``other`` listen too, those registered later included.

        Raises:
            ConfigurationError: ``other`` includes these hooks already.
        """
        if self in other.walk():
            msg = "these hooks would include each other"
            raise ConfigurationError(msg)
        self._parts.append(other)
        Hooks._generation += 1

    def handlers_for(self, event: events.Event | events.Envelope, *, endpoint: str = "default") -> tuple[Handler, ...]:
        """The handlers that listen for an event, in the order of registration; else the fallbacks.

        Of an `Envelope` nobody knows yet whether its ``data`` validates; these are the handlers for when it does.
        """
        key = (event.raw_type, event.__class__ is events.UnknownEvent, endpoint)
        found = self._known(key)
        return self._remember(key, self._search(event, endpoint)) if found is None else found

    def event_types(self) -> tuple[str, ...]:
        """Every event type that a handler listens for, canonical and sorted: what to subscribe to.

        A wildcard stands for the known types it matches.
        """
        patterns = {pattern for handler in self.handlers() for pattern in handler.patterns}
        known = {
            name for name in events.EVENT_CLASSES if any(matches(pattern, spellings(name)) for pattern in patterns)
        }
        return tuple(sorted(known | {canonical_type(pattern) for pattern in patterns if "*" not in pattern}))

    def handlers(self) -> Iterator[Handler]:
        """Every handler under ``on``, in the order of registration, those of included hooks in their place."""
        for part in self._parts:
            if isinstance(part, Hooks):
                yield from part.handlers()
            else:
                yield part

    def walk(self) -> Iterator[Hooks]:
        """These hooks and all they include."""
        yield self
        for part in self._parts:
            if isinstance(part, Hooks):
                yield from part.walk()

    def befores(self) -> tuple[Handler, ...]:
        """The functions under ``before``."""
        return self._listeners("_before")

    def error_listeners(self) -> tuple[Handler, ...]:
        """The functions under ``on_error``."""
        return self._listeners("_on_error")

    def conflict_listeners(self) -> tuple[Handler, ...]:
        """The functions under ``on_conflict``."""
        return self._listeners("_on_conflict")

    def processed_listeners(self) -> tuple[Handler, ...]:
        """The functions under ``on_processed``."""
        return self._listeners("_on_processed")

    def failed_listeners(self) -> tuple[Handler, ...]:
        """The functions under ``on_failed``."""
        return self._listeners("_on_failed")

    def dead_listeners(self) -> tuple[Handler, ...]:
        """The functions under ``on_dead``."""
        return self._listeners("_on_dead")

    def arounds(self) -> tuple[Around, ...]:
        """The functions under ``around``, each once."""
        if self._arounds_in != Hooks._generation:
            found = (function for hooks in self.walk() for function in hooks._around)
            self._arounds_in, self._arounds = Hooks._generation, tuple(dict.fromkeys(found))
        return self._arounds

    def _listeners(self, name: str) -> tuple[Handler, ...]:
        found = self._known(name)
        if found is None:
            found = self._remember(name, _distinct(h for hooks in self.walk() for h in getattr(hooks, name)))
        return found

    def _known(self, key: object) -> tuple[Handler, ...] | None:
        """What was looked up before, unless something was registered since."""
        if self._found_in != Hooks._generation or len(self._found) > 1000:  # types are open: keep memory bounded
            self._found, self._found_in = {}, Hooks._generation
        return self._found.get(key)

    def _remember(self, key: object, found: tuple[Handler, ...]) -> tuple[Handler, ...]:
        self._found[key] = found
        return found

    def _on(
        self,
        *types: str | type[events.Event],
        endpoint: str | None = None,
        transactional: bool = False,
        latest_only: bool = False,
    ) -> Callable[[_F], _F]:
        patterns = tuple(pattern for given in types for pattern in _patterns(given))
        if not patterns:
            msg = 'on() needs an event type, such as @on("license.revoked"); @on("*") is for all'
            raise ConfigurationError(msg)

        def register(function: _F) -> _F:
            handler = replace(
                make_handler(function),
                patterns=patterns,
                endpoint=endpoint,
                transactional=transactional,
                latest_only=latest_only,
            )
            if transactional and handler.is_async:
                msg = f"{handler.name} cannot be transactional: a transaction belongs to a thread, so make it def"
                raise ConfigurationError(msg)
            self._parts.append(handler)
            Hooks._generation += 1
            return function

        return register

    def _register(self, handlers: list[Handler], function: _F) -> _F:
        handlers.append(make_handler(function))
        Hooks._generation += 1
        return function

    def _search(self, event: events.Event | events.Envelope, endpoint: str) -> tuple[Handler, ...]:
        matching = [handler for handler in self.handlers() if handler.matches(event, endpoint)]
        return _distinct(matching or (handler for hooks in self.walk() for handler in hooks._fallbacks))


def _distinct(handlers: Iterable[Handler]) -> tuple[Handler, ...]:
    """Each function once, each name once: names tell runs apart in the ledger and in idempotency keys."""
    functions: list[Callable[..., Any]] = []
    named: dict[str, Handler] = {}
    for handler in handlers:
        if handler.function in functions:
            continue
        functions.append(handler.function)
        name, number = handler.name, 1
        while name in named:
            number += 1
            name = f"{handler.name}#{number}"
        named[name] = replace(handler, name=name)
    return tuple(named.values())


def _patterns(given: str | type[events.Event]) -> tuple[str, ...]:
    if isinstance(given, type) and issubclass(given, events.Event):
        types = tuple(name for name, event_class in events.EVENT_CLASSES.items() if issubclass(event_class, given))
        if given is events.UnknownEvent or not types:
            msg = f"@on({given.__name__}) matches no event type; use @on('*') for all or @fallback for unknown ones"
            raise ConfigurationError(msg)
        return types
    if not isinstance(given, str) or _PATTERN.fullmatch(given) is None:
        msg = f"{given!r} is no event type; event types look like 'license.revoked' or 'license.*'"
        raise ConfigurationError(msg)
    _warn_of_misspelling(given)
    return (given,)


def _warn_of_misspelling(pattern: str) -> None:
    close = closest_event_type(pattern)
    if close is not None:
        msg = f"no event is called {pattern!r}; did you mean {close!r}?"
        warnings.warn(msg, UnknownEventTypeWarning, stacklevel=5)


default_hooks = Hooks()
"""Where the module-level `on` registers, so that reusable apps need no object of the project's."""

on = default_hooks.on
