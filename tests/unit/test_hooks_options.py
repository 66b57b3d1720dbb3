"""What a handler can ask for beside its types, and who is told of a dead letter."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import pytest

from licensechain_hooks import ConfigurationError, HandlerContext, Hooks
from licensechain_hooks.events import parse_envelope
from licensechain_hooks.testing import event_body, make_event


@dataclass
class OpenTransaction:
    """What an inbox gives a transactional handler."""

    connection: str = "the connection"
    session: str = "the session"
    is_stale: bool = False


def context(**given) -> HandlerContext:
    return HandlerContext(
        endpoint="default",
        handler="shop.lock",
        idempotency_key="evt_1:shop.lock",
        attempt=1,
        raw_body=b"{}",
        received_at=datetime(2026, 3, 1, tzinfo=UTC),
        **given,
    )


def test_options_are_kept(hooks):
    """A handler is plain unless it asks for more, under each of its types."""
    hooks.on("license.revoked")(print)
    hooks.on("license.*", "payment.refunded", transactional=True)(repr)
    hooks.on("license.*", latest_only=True, transactional=True, endpoint="eu")(ascii)
    found = hooks.handlers_for(make_event("license.revoked"), endpoint="eu")
    assert [(handler.transactional, handler.latest_only) for handler in found] == [
        (False, False),
        (True, False),
        (True, True),
    ]
    assert [handler.transactional for handler in hooks.handlers_for(make_event("payment.refunded"))] == [True]


def test_options_survive_composition(hooks):
    """Hooks that are included bring their options along."""
    other = Hooks()
    other.on("*", transactional=True)(print)
    hooks.include(other)
    assert [handler.transactional for handler in hooks.handlers_for(make_event())] == [True]


class Later:
    async def __call__(self, event): ...


async def later(event): ...


@pytest.mark.parametrize("function", [later, partial(later), Later()], ids=["function", "partial", "object"])
def test_a_transactional_coroutine_is_refused(hooks, function):
    """A database transaction belongs to one thread: a coroutine cannot have it, and is told so at registration."""
    with pytest.raises(ConfigurationError, match=r"[lL]ater cannot be transactional: .* make it def"):
        hooks.on("*", transactional=True)(function)
    assert hooks.handlers_for(make_event()) == ()
    hooks.on("*", latest_only=True)(function)
    assert len(hooks.handlers_for(make_event())) == 1


def test_a_transactional_handler_has_connection_and_session():
    """The context hands through what the inbox opened."""
    given = context(_transaction=OpenTransaction())
    assert (given.connection, given.session) == ("the connection", "the session")


@pytest.mark.parametrize("name", ["connection", "session"])
def test_other_handlers_have_neither(name):
    """Who asks without being transactional is told what to change."""
    with pytest.raises(ConfigurationError, match="transactional=True"):
        getattr(context(), name)


def test_a_context_shows_no_connection():
    """What holds a database open is in no repr, and two contexts of one run are equal."""
    assert "transaction" not in repr(context(_transaction=OpenTransaction()))
    assert context(_transaction=OpenTransaction()) == context()


def test_dead_listeners(hooks):
    """Functions under ``on_dead``, in order, each once, those of included hooks too."""
    other = Hooks()
    hooks.include(other)
    assert hooks.dead_listeners() == ()
    assert hooks.on_dead(print) is print
    other.on_dead(repr)
    other.on_dead(print)
    assert [listener.function for listener in hooks.dead_listeners()] == [print, repr]


def test_a_dead_listener_may_want_the_context(hooks):
    """It is called as a handler would be; what cannot be is refused at once."""

    @hooks.on_dead
    def with_context(event, context): ...

    assert [listener.wants_context for listener in hooks.dead_listeners()] == [True]
    with pytest.raises(ConfigurationError, match="cannot be called"):
        hooks.on_dead(lambda: None)


@pytest.mark.parametrize("event_type", ["license.revoked", "payment.completed", "a.b"])
def test_an_envelope_has_the_handlers_of_its_event(hooks, event_type):
    """Whether anybody listens is known before ``data`` is."""
    hooks.on("license.*")(print)
    hooks.on("payment.succeeded", endpoint="eu")(repr)
    event = make_event(event_type)
    envelope = parse_envelope(event_body(event))
    for endpoint in ("default", "eu"):
        assert hooks.handlers_for(envelope, endpoint=endpoint) == hooks.handlers_for(event, endpoint=endpoint)


def test_an_envelope_is_taken_to_validate(hooks):
    """A handler of a type may get an event whose ``data`` turns out otherwise: then it is not called after all."""
    hooks.on("license.revoked")(print)
    hooks.fallback(repr)
    body = event_body(make_event("license.revoked")).replace(b'"lic_1"', b"1")
    (handler,) = hooks.handlers_for(parse_envelope(body))
    assert handler.function is print
