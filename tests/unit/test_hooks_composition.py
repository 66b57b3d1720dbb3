"""Hooks that include hooks."""

import pytest

from licensechain_hooks import ConfigurationError, HandlerContext, Hooks
from licensechain_hooks.testing import make_event

REVOKED = make_event("license.revoked")


def first(*given): ...


def second(*given): ...


def third(event): ...


def found(hooks: Hooks, event=REVOKED, **options):
    return [handler.function for handler in hooks.handlers_for(event, **options)]


def test_included_handlers_run_in_their_place(hooks):
    """``include`` stands for what it includes, between what was registered before and after."""
    other = Hooks()
    hooks.on("*")(first)
    hooks.include(other)
    hooks.on("*")(third)
    other.on("license.*")(second)
    assert found(hooks) == [first, second, third]
    assert found(other) == [second]


def test_including_is_live(hooks):
    """What is registered later, on whatever level, is heard; even after the first event."""
    middle, inner = Hooks(), Hooks()
    hooks.include(middle)
    assert found(hooks) == []
    middle.include(inner)
    assert found(hooks) == []
    inner.on("license.revoked")(first)
    assert found(hooks) == [first]


def test_included_wildcards_and_fallbacks(hooks):
    """A fallback of included hooks is one for all; a handler anywhere makes it unneeded."""
    other = Hooks()
    hooks.include(other)
    other.fallback(third)
    assert found(hooks) == [third]
    hooks.on("license.created")(first)
    assert found(hooks) == [third]
    hooks.on("license.revoked")(second)
    assert found(hooks) == [second]


def test_cycles_are_refused(hooks):
    """Hooks that would include themselves, directly or through others, are refused."""
    middle, inner = Hooks(), Hooks()
    hooks.include(middle)
    middle.include(inner)
    for one, other in ((hooks, hooks), (middle, hooks), (inner, hooks), (inner, middle)):
        with pytest.raises(ConfigurationError, match="include each other"):
            one.include(other)
    assert list(hooks.walk()) == [hooks, middle, inner]


def test_a_handler_reached_twice_runs_once(hooks):
    """Two parts of a project may include the same third one."""
    left, right, shared = Hooks(), Hooks(), Hooks()
    for part in (left, right):
        part.include(shared)
        hooks.include(part)
    shared.on("license.revoked")(first)
    assert found(hooks) == [first]


@pytest.mark.parametrize(
    ("register", "listed"),
    [("before", "befores"), ("on_error", "error_listeners"), ("on_conflict", "conflict_listeners")],
)
def test_listeners_reached_twice_run_once(hooks, register, listed):
    """The same holds for ``before``, ``on_error`` and ``on_conflict``."""
    left, right, shared = Hooks(), Hooks(), Hooks()
    for part in (left, right):
        part.include(shared)
        hooks.include(part)
    getattr(shared, register)(first)
    assert [handler.function for handler in getattr(hooks, listed)()] == [first]


@pytest.mark.parametrize(
    ("register", "listed"),
    [("before", "befores"), ("on_error", "error_listeners"), ("on_conflict", "conflict_listeners")],
)
def test_included_listeners(hooks, register, listed):
    """``before``, ``on_error`` and ``on_conflict`` of included hooks are heard too, own ones first."""
    other = Hooks()
    getattr(other, register)(second)
    hooks.include(other)
    getattr(hooks, register)(first)
    assert [handler.function for handler in getattr(hooks, listed)()] == [first, second]
    assert [handler.function for handler in getattr(other, listed)()] == [second]


@pytest.mark.parametrize(
    ("register", "listed"),
    [("before", "befores"), ("on_error", "error_listeners"), ("on_conflict", "conflict_listeners")],
)
def test_listeners_are_live(hooks, register, listed):
    """A listener that is registered after the first event is heard, wherever it is included."""
    other = Hooks()
    assert getattr(hooks, listed)() == ()
    hooks.include(other)
    assert getattr(hooks, listed)() == ()
    getattr(other, register)(first)
    assert [handler.function for handler in getattr(hooks, listed)()] == [first]
    getattr(hooks, register)(second)
    assert [handler.function for handler in getattr(hooks, listed)()] == [second, first]
    assert [handler.function for handler in hooks.handlers_for(REVOKED)] == []


def test_event_types_of_included_hooks(hooks):
    """What to subscribe to includes what the included hooks hear."""
    other = Hooks()
    other.on("license.revoked")(first)
    hooks.include(other)
    hooks.on("payment.failed")(second)
    assert hooks.event_types() == ("license.revoked", "payment.failed")


def test_endpoints_of_included_handlers(hooks):
    """A handler keeps its endpoint wherever it is included."""
    other = Hooks()
    other.on("license.revoked", endpoint="eu")(first)
    hooks.include(other)
    assert found(hooks, endpoint="eu") == [first]
    assert found(hooks, endpoint="us") == []


def test_a_context_is_a_value():
    """`HandlerContext` is frozen and takes its fields by name."""
    fields = {"endpoint": "eu", "handler": "h", "idempotency_key": "k", "attempt": 1, "raw_body": b""}
    context = HandlerContext(**fields, received_at=REVOKED.timestamp)
    assert context == HandlerContext(**fields, received_at=REVOKED.timestamp)
    with pytest.raises(AttributeError):
        context.attempt = 2
