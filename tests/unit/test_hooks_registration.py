"""What is found out about a function when it is registered."""

import functools
import inspect
import warnings

import pytest

from licensechain_hooks import ConfigurationError, HandlerContext, Hooks, UnknownEventTypeWarning, default_hooks, on
from licensechain_hooks.testing import make_event


class Seats:
    """Handlers in many shapes."""

    def lock(self, event):
        """A method."""

    def lock_with(self, event, context):
        """A method that wants the context."""

    async def lock_later(self, event): ...

    @staticmethod
    def lock_static(event, context): ...

    @classmethod
    def lock_class(cls, event): ...

    def __call__(self, event, context): ...


class AsyncSeats:
    async def __call__(self, event): ...


def plain(event): ...


def anything(*given): ...


def with_context(event, context): ...


def by_position(event, anything, /): ...


def with_settings(event, retries=3): ...


def with_optional_context(event, context=None): ...


def with_star(*args): ...


def with_event_and_star(event, *args, **more): ...


def with_extra_keyword(event, *, retries=3): ...


async def later(event): ...


async def later_with_context(event, context): ...


def only(hooks: Hooks):
    """The one handler of the hooks."""
    (handler,) = hooks.handlers()
    return handler


@pytest.mark.parametrize(
    ("function", "wants_context"),
    [
        (plain, False),
        (with_context, True),
        (by_position, True),
        (with_settings, False),
        (with_optional_context, True),
        (with_star, False),
        (with_event_and_star, False),
        (with_extra_keyword, False),
        (later, False),
        (later_with_context, True),
        (lambda event: event, False),
        (lambda event, context: context, True),
        (Seats().lock, False),
        (Seats().lock_with, True),
        (Seats.lock_static, True),
        (Seats.lock_class, False),
        (Seats(), True),
        (AsyncSeats(), False),
        (functools.partial(with_context), True),
        (functools.partial(with_context, context=None), False),
        (functools.partial(lambda seats, event: seats, "seats"), False),
        (functools.partial(lambda seats, event, context: seats, "seats"), True),
        (print, False),
        (dict, False),
        ([].append, False),
    ],
)
def test_who_wants_the_context(hooks, function, wants_context):
    """A second positional argument without a default, or one called context, is the context."""
    assert function is hooks.on("license.revoked")(function)
    assert wants_context is only(hooks).wants_context


def test_the_function_is_called_as_it_wants(hooks):
    """`Handler.bind` gives event or event and context, to be called later and without arguments."""
    context = HandlerContext(
        endpoint="default",
        handler="x",
        idempotency_key="k",
        attempt=1,
        raw_body=b"",
        received_at=make_event().timestamp,
    )
    event = make_event()
    hooks.on("*")(lambda event: ("plain", event))
    hooks.on("*")(lambda event, context: ("context", event, context))
    calls = [handler.bind(event, context) for handler in hooks.handlers()]
    assert [call() for call in calls] == [("plain", event), ("context", event, context)]


@pytest.mark.parametrize(
    ("function", "is_async"),
    [
        (plain, False),
        (later, True),
        (Seats().lock_later, True),
        (AsyncSeats(), True),
        (Seats(), False),
        (functools.partial(later_with_context, context=None), True),
        (functools.partial(plain), False),
    ],
)
def test_who_is_async(hooks, function, is_async):
    """Coroutine functions, their methods, partials and objects are recognised."""
    hooks.on("license.revoked")(function)
    assert is_async is only(hooks).is_async


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (plain, f"{__name__}.plain"),
        (Seats().lock, f"{__name__}.Seats.lock"),
        (Seats(), f"{__name__}.Seats"),
        (functools.partial(plain), f"{__name__}.plain"),
        (functools.partial(functools.partial(with_context), context=1), f"{__name__}.with_context"),
        (print, "builtins.print"),
    ],
)
def test_names(hooks, function, name):
    """A handler is called after module and function: in logs, ledgers and idempotency keys."""
    hooks.on("license.revoked")(function)
    assert name == only(hooks).name


@pytest.mark.parametrize("given", [None, "license.revoked", 7, [plain]])
@pytest.mark.parametrize("register", ["fallback", "before", "on_error", "on_conflict", "on"])
def test_what_is_no_handler(hooks, register, given):
    """What cannot be called is refused when it is registered."""
    decorate = hooks.on("license.revoked") if register == "on" else getattr(hooks, register)
    with pytest.raises(ConfigurationError, match=f"must be callable, not {type(given).__name__}"):
        decorate(given)


@pytest.mark.parametrize("register", ["fallback", "on"])
def test_a_name_that_the_ledger_cannot_take(hooks, register):
    """A name that is too long for the inbox's ledger is refused when it is registered, and not at the first event."""

    def lock(event): ...

    decorate = hooks.on("license.revoked") if register == "on" else hooks.fallback
    room = 250 - len(f"{__name__}.")
    lock.__qualname__ = "é" * (room + 1)
    with pytest.raises(ConfigurationError, match="module and name are at most 250 characters, not 251"):
        decorate(lock)
    lock.__qualname__ = "é" * room
    decorate(lock)


def test_a_decorator_without_its_type(hooks):
    """``@hooks.on`` without parentheses is refused at once."""
    with pytest.raises(ConfigurationError, match="is no event type"):
        hooks.on(plain)


@pytest.mark.parametrize("register", ["fallback", "before", "on_error", "on_conflict"])
def test_decorators_give_the_function_back(hooks, register):
    """A decorated function can still be called and tested."""
    assert getattr(hooks, register)(anything) is anything


def test_one_function_twice_runs_once(hooks):
    """A function that matches through two registrations runs once."""
    hooks.on("license.revoked")(plain)
    hooks.on("license.*")(plain)
    hooks.fallback(plain)
    assert [handler.function for handler in hooks.handlers_for(make_event("license.revoked"))] == [plain]


def test_one_bound_method_twice_runs_once(hooks):
    """``seats.lock`` is the same handler each time it is looked up."""
    seats = Seats()
    hooks.on("license.revoked")(seats.lock)
    hooks.on("license.*")(seats.lock)
    assert [handler.function for handler in hooks.handlers_for(make_event("license.revoked"))] == [seats.lock]


def test_two_objects_methods_are_two_handlers(hooks):
    """The same method of two objects is two handlers, whose names differ."""
    for seats in (Seats(), Seats()):
        hooks.on("license.revoked")(seats.lock)
    found = hooks.handlers_for(make_event("license.revoked"))
    assert [handler.name for handler in found] == [f"{__name__}.Seats.lock", f"{__name__}.Seats.lock#2"]


def test_names_are_told_apart(hooks):
    """Functions of one name get a number: names tell runs apart in ledgers and idempotency keys."""
    for _ in range(3):
        hooks.on("license.revoked")(lambda event: event)
    base = f"{__name__}.test_names_are_told_apart.<locals>.<lambda>"
    found = hooks.handlers_for(make_event("license.revoked"))
    assert [handler.name for handler in found] == [base, f"{base}#2", f"{base}#3"]


def test_names_do_not_depend_on_who_else_matches_first(hooks):
    """Numbers follow the order of registration, so they are the same at every event of a type."""
    hooks.on("license.revoked")(lambda event: event)
    hooks.on("license.*")(lambda event: event)
    first = [handler.name for handler in hooks.handlers_for(make_event("license.revoked"))]
    assert first == [handler.name for handler in hooks.handlers_for(make_event("license.revoked"))]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("licence.revoked", "license.revoked"),
        ("license.revokd", "license.revoked"),
        ("licence.*", "license.*"),
        ("payments.failed", "payment.failed"),
        ("aplication.created", "application.created"),
        ("subscription.cancled", "subscription.canceled"),
    ],
)
def test_misspellings_warn(hooks, given, meant):
    """A type that looks like a misspelling warns with the closest match, and is registered all the same."""
    with pytest.warns(UnknownEventTypeWarning, match=f"did you mean '{meant}'".replace("*", r"\*")):
        hooks.on(given)(plain)
    assert only(hooks).patterns == (given,)


@pytest.mark.parametrize("given", ["license.*", "*", "application.*", "user.registered", "totally.different", "zzz.*"])
def test_what_does_not_warn(hooks, given):
    """Known types in any spelling, wildcards, and types that resemble nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hooks.on(given)(plain)


def test_the_warning_points_at_the_line_of_the_mistake(hooks):
    """The warning names the user's file and line, not ours; with ``on`` of the module too."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = inspect.currentframe().f_lineno + 1
        hooks.on("licence.revoked")
        on("licence.revoked")
    assert [(__file__, line), (__file__, line + 1)] == [(warning.filename, warning.lineno) for warning in caught]


def test_the_module_s_own_on(clean_default_hooks):
    """``on`` of the module registers on the default hooks, so that reusable apps need no object of the project's."""
    before = list(default_hooks.handlers())
    assert on("license.revoked")(plain) is plain
    assert [handler.function for handler in default_hooks.handlers()][len(before) :] == [plain]
    assert clean_default_hooks is default_hooks


@pytest.mark.parametrize(
    "function",
    [lambda: None, lambda a, b, c: None, lambda event, *, context: None, lambda event, context, more: None],
    ids=["none", "three", "keyword only", "one too many"],
)
def test_a_handler_that_can_never_be_called(function):
    """It is refused where it is registered, not at every delivery."""
    with pytest.raises(ConfigurationError, match="cannot be called"):
        Hooks().on("*")(function)


def test_a_listener_of_errors_takes_three():
    """`on_error` functions are given the error, the event and, if they want it, the context."""
    hooks = Hooks()
    hooks.on_error(lambda error, event: None)
    hooks.on_error(lambda error, event, context: None)
    assert [listener.wants_context for listener in hooks.error_listeners()] == [False, True]
    with pytest.raises(ConfigurationError, match="cannot be called"):
        hooks.on_error(lambda error: None)
