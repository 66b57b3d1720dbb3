"""Which handlers run for which events."""

import pytest

from licensechain_hooks import (
    ALIASES,
    EVENT_CLASSES,
    ConfigurationError,
    Event,
    Handler,
    Hooks,
    LicenseEvent,
    LicenseRevoked,
    PaymentSucceeded,
    UnknownEvent,
    UserCreated,
)
from licensechain_hooks.events import parse_event
from licensechain_hooks.testing import make_event


def listen(hooks: Hooks, *types, name: str = "listener", **options):
    """Register a function of this name."""

    def function(event): ...

    function.__qualname__ = name
    return hooks.on(*types, **options)(function)


def names(hooks: Hooks, event: Event | str, **options) -> list[str]:
    """The names of the functions that would run."""
    wanted = make_event(event) if isinstance(event, str) else event
    return [handler.function.__qualname__ for handler in hooks.handlers_for(wanted, **options)]


def strange(event_type: str = "license.revoked") -> UnknownEvent:
    """An event of a known type whose data is of another shape."""
    body = b'{"id":"1","type":"%b","data":{"id":7},"timestamp":"2026-03-01T12:00:00Z"}' % event_type.encode()
    event = parse_event(body)
    assert isinstance(event, UnknownEvent)
    return event


def test_one_type(hooks):
    """A handler hears the type it was registered for, and no other."""
    listen(hooks, "license.revoked")
    assert names(hooks, "license.revoked") == ["listener"]
    assert names(hooks, "license.created") == []
    assert names(hooks, "license.revoked_again") == []


def test_several_types(hooks):
    """One handler may hear several types."""
    listen(hooks, "license.revoked", "payment.refunded")
    assert names(hooks, "license.revoked") == names(hooks, "payment.refunded") == ["listener"]
    assert names(hooks, "payment.failed") == []


@pytest.mark.parametrize(
    "types", [("license.revoked", "license.*"), ("*", "license.*"), (LicenseRevoked, "license.revoked")]
)
def test_types_that_overlap(hooks, types):
    """A handler that matches twice runs once."""
    listen(hooks, *types)
    assert names(hooks, "license.revoked") == ["listener"]


@pytest.mark.parametrize(("alias", "canonical"), sorted(ALIASES.items()))
def test_either_spelling_hears_both(hooks, alias, canonical):
    """``on`` with either spelling gets both."""
    listen(hooks, alias, name="by_alias")
    listen(hooks, canonical, name="by_name")
    assert names(hooks, alias) == names(hooks, canonical) == ["by_alias", "by_name"]


@pytest.mark.parametrize(
    ("alias", "canonical"), [("application.created", "app.created"), ("user.registered", "user.created")]
)
def test_wildcards_know_the_spellings(hooks, alias, canonical):
    """A family's wildcard hears the family's events under any of their names."""
    listen(hooks, f"{alias.partition('.')[0]}.*", name="alias_family")
    listen(hooks, f"{canonical.partition('.')[0]}.*", name="family")
    assert names(hooks, alias) == names(hooks, canonical) == ["alias_family", "family"]


def test_wildcards(hooks):
    """``family.*`` is a family, ``*`` is everything, unknown types included; a prefix of a word is nothing."""
    listen(hooks, "license.*", name="family")
    listen(hooks, "*", name="all")
    listen(hooks, "license.seat_changes.*", name="deep")
    assert names(hooks, "license.revoked") == ["family", "all"]
    assert names(hooks, "license.moved") == ["family", "all"]
    assert names(hooks, "license.seat_changes.b") == ["family", "all", "deep"]
    assert names(hooks, "licenses.revoked") == ["all"]


def test_classes(hooks):
    """An event class hears its type in every spelling."""
    listen(hooks, LicenseRevoked, name="revoked")
    listen(hooks, PaymentSucceeded, UserCreated, name="two")
    assert names(hooks, "license.revoked") == ["revoked"]
    assert names(hooks, "payment.completed") == names(hooks, "user.registered") == ["two"]


@pytest.mark.parametrize("event_type", sorted(EVENT_CLASSES))
def test_families_and_the_base(hooks, event_type):
    """A family's class hears its members; `Event` hears every known type."""
    listen(hooks, LicenseEvent, name="licenses")
    listen(hooks, Event, name="known")
    expected = ["licenses", "known"] if event_type.startswith("license.") else ["known"]
    assert expected == names(hooks, event_type)
    assert names(hooks, "license.moved") == []


def test_data_of_another_shape(hooks):
    """Row 30: a handler that was promised a model is not given another; wildcards are."""
    listen(hooks, "license.revoked", name="typed")
    listen(hooks, LicenseRevoked, name="class")
    listen(hooks, "license.*", name="wild")
    assert names(hooks, strange()) == ["wild"]
    assert names(hooks, "license.revoked") == ["typed", "class", "wild"]


def test_data_of_another_shape_without_a_wildcard(hooks):
    """Row 30: it goes to the fallback then."""
    listen(hooks, "license.revoked", name="typed")
    fell = []
    hooks.fallback(fell.append)
    assert [handler.function for handler in hooks.handlers_for(strange())] == [fell.append]


def test_an_unknown_type_may_be_named(hooks):
    """A type that LicenseChain adds tomorrow can be handled today."""
    listen(hooks, "license.moved")
    assert names(hooks, "license.moved") == ["listener"]


def test_the_order_of_registration(hooks):
    """All that match run, in the order they were registered, not by how exactly they match."""
    for name, pattern in [
        ("first", "*"),
        ("second", "license.revoked"),
        ("third", "license.*"),
        ("fourth", "license.revoked"),
    ]:
        listen(hooks, pattern, name=name)
    assert names(hooks, "license.revoked") == ["first", "second", "third", "fourth"]


def test_endpoints(hooks):
    """A handler may be for one endpoint's deliveries."""
    listen(hooks, "license.revoked", name="everywhere")
    listen(hooks, "license.revoked", name="in_europe", endpoint="eu")
    assert names(hooks, "license.revoked", endpoint="eu") == ["everywhere", "in_europe"]
    assert names(hooks, "license.revoked", endpoint="us") == ["everywhere"]
    assert names(hooks, "license.revoked") == ["everywhere"]


def test_the_fallback(hooks):
    """A fallback runs only where nothing else matches."""
    listen(hooks, "license.revoked")

    @hooks.fallback
    def other(event): ...

    assert [handler.function for handler in hooks.handlers_for(make_event("license.created"))] == [other]
    assert [handler.function for handler in hooks.handlers_for(make_event("never.heard_of"))] == [other]
    assert names(hooks, "license.revoked") == ["listener"]


def test_no_handler_at_all(hooks):
    """Nothing matches nothing."""
    assert hooks.handlers_for(make_event()) == ()


def test_registration_after_the_first_event(hooks):
    """What was found for a type is forgotten when a handler is added."""
    assert names(hooks, "license.revoked") == []
    listen(hooks, "license.*", name="late")
    assert names(hooks, "license.revoked") == ["late"]
    hooks.on("license.revoked")(print)
    assert len(hooks.handlers_for(make_event("license.revoked"))) == 2


def test_many_unknown_types_take_bounded_memory(hooks):
    """Types are open strings: a sender of ever new ones does not fill the memory."""
    listen(hooks, "*")
    for number in range(2500):
        event = parse_event(b'{"id":"1","type":"license.t%d","data":{},"timestamp":"2026-03-01T12:00:00Z"}' % number)
        assert names(hooks, event) == ["listener"]
    assert len(hooks._found) <= 1001


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["license.revoked"], ("license.revoked",)),
        (["payment.completed", "user.registered"], ("payment.succeeded", "user.created")),
        (["application.*"], ("app.created", "app.deleted", "app.updated")),
        (["license.revoked", "hardware.*"], ("hardware.bound", "hardware.unbound", "license.revoked")),
        (["license.moved", "license.revoked"], ("license.moved", "license.revoked")),
        ([LicenseRevoked, "license.revoked"], ("license.revoked",)),
        (["*"], tuple(sorted(EVENT_CLASSES))),
        ([Event], tuple(sorted(EVENT_CLASSES))),
    ],
)
def test_event_types(hooks, types, expected):
    """What to subscribe to: canonical and sorted; a wildcard stands for the known types it matches."""
    for one in types:
        listen(hooks, one)
    assert expected == hooks.event_types()


def test_event_types_of_nothing(hooks):
    """Without handlers there is nothing to subscribe to; a fallback listens for nothing by itself."""
    hooks.fallback(print)
    assert hooks.event_types() == ()


@pytest.mark.parametrize(
    "given",
    [
        "",
        "license",
        "License.revoked",
        "license.",
        "*.revoked",
        "license.*.x",
        "lic*",
        "license.rev*",
        "**",
        "license revoked",
        None,
        7,
        b"license.revoked",
        str,
        object,
        Handler,
        ["license.revoked"],
    ],
)
def test_what_is_no_event_type(hooks, given):
    """A type that no event can have is refused when it is registered."""
    with pytest.raises(ConfigurationError, match="is no event type"):
        hooks.on(given)


def test_classes_without_types(hooks):
    """UnknownEvent and foreign subclasses match nothing; the message says what to use."""

    class Mine(Event):
        """A class that no type leads to."""

    for event_class in (UnknownEvent, Mine):
        with pytest.raises(ConfigurationError, match=rf"on\({event_class.__name__}\) matches no event type.*fallback"):
            hooks.on(event_class)


def test_no_type_at_all(hooks):
    """``on()`` says how to say everything."""
    with pytest.raises(ConfigurationError, match=r"@on\(\"\*\"\) is for all"):
        hooks.on()
