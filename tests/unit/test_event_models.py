"""The vocabulary: every type has its class, every class its types, and nothing private shows."""

import pickle
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import get_args

import pytest
from pydantic import ValidationError

import licensechain_hooks
from licensechain_hooks import ALIASES, EVENT_CLASSES, Event, EventData, KnownEvent, UnknownEvent, canonical_type
from licensechain_hooks.events import parse_event, spellings, warm
from licensechain_hooks.testing import event_body, make_event

DOCUMENTED = [
    "license.created",
    "license.updated",
    "license.expired",
    "license.revoked",
    "license.deleted",
    "license.transferred",
    "payment.succeeded",
    "payment.failed",
    "subscription.created",
    "subscription.updated",
    "subscription.canceled",
    "invoice.paid",
    "license.validated",
    "license.suspended",
    "license.extended",
    "user.created",
    "user.updated",
    "user.deleted",
    "user.registered",
    "user.login",
    "user.logout",
    "app.created",
    "app.updated",
    "app.deleted",
    "application.created",
    "application.updated",
    "application.deleted",
    "product.created",
    "product.updated",
    "product.deleted",
    "payment.completed",
    "payment.refunded",
    "subscription.cancelled",
    "hardware.bound",
    "hardware.unbound",
    "system.maintenance",
    "system.update",
    "webhook.created",
    "webhook.updated",
    "webhook.deleted",
]


def literals(event_class: type[Event]) -> tuple[str, ...]:
    return get_args(event_class.__annotations__["raw_type"])


def class_name(event_type: str) -> str:
    return "".join(word.title() for word in event_type.split("."))


def test_the_vocabulary_is_complete():
    """Section 4: each type of the documents and SDKs is known, and no other."""
    assert sorted(DOCUMENTED) == sorted([*EVENT_CLASSES, *ALIASES])


@pytest.mark.parametrize("event_type", DOCUMENTED)
def test_each_type_has_its_class(event_type):
    """An event of a known type, in any spelling, is of the class named after it."""
    event = make_event(event_type)
    assert type(event) is EVENT_CLASSES[canonical_type(event_type)]
    assert type(event).__name__ == class_name(canonical_type(event_type))
    assert (event.raw_type, event.type, event.is_known) == (event_type, canonical_type(event_type), True)
    assert isinstance(event.data, EventData)
    assert event.data.model_extra == {}


def test_the_table_of_classes_is_the_union():
    """`EVENT_CLASSES` and `KnownEvent` list the same classes, each once."""
    assert list(get_args(KnownEvent)) == list(EVENT_CLASSES.values())
    assert len(set(EVENT_CLASSES.values())) == len(EVENT_CLASSES)


def test_aliases_are_what_the_classes_say():
    """The table of aliases and the Literals of the classes are one fact, written twice for type checkers."""
    written = {alias: names[0] for names in map(literals, EVENT_CLASSES.values()) for alias in names[1:]}
    assert written == dict(ALIASES)
    assert [literals(event_class)[0] for event_class in EVENT_CLASSES.values()] == list(EVENT_CLASSES)


def test_spellings():
    """Each spelling leads to all of them, the canonical one first."""
    assert spellings("user.registered") == spellings("user.created") == ("user.created", "user.registered")
    assert spellings("license.revoked") == ("license.revoked",)
    assert spellings("not.known") == ("not.known",)
    with pytest.raises(TypeError):
        ALIASES["a.b"] = "c.d"


def test_families():
    """Each class belongs to the family of the first word, and families share their data."""
    for event_type, event_class in EVENT_CLASSES.items():
        family = getattr(licensechain_hooks, f"{event_type.partition('.')[0].title()}Event")
        assert issubclass(event_class, family)
        assert event_class.__annotations__.keys() == {"raw_type"}


CAMEL = {
    "id": "lic_1",
    "licenseKey": "K",
    "userId": "u",
    "productId": "p",
    "status": "ACTIVE",
    "expiresAt": "2027-01-01T00:00:00Z",
}
SNAKE = {
    "id": "lic_1",
    "license_key": "K",
    "user_id": "u",
    "product_id": "p",
    "status": "Active",
    "expires_at": "2027-01-01T00:00:00Z",
}


@pytest.mark.parametrize("data", [CAMEL, SNAKE])
def test_camel_case_and_snake_case(make_body, data):
    """Section 4: documents write camelCase, some SDKs snake_case; attributes are snake_case, status lower case."""
    event = parse_event(make_body(data=data))
    assert (event.data.license_key, event.data.user_id, event.data.product_id) == ("K", "u", "p")
    assert (event.data.status, event.data.expires_at) == ("active", datetime(2027, 1, 1, tzinfo=UTC))
    assert event.data.model_extra == {}


def test_everything_but_the_id_may_be_missing(make_body):
    """Section 4: a field that is absent or null is None."""
    assert parse_event(make_body(data={"id": "lic_1"})).data.license_key is None
    assert parse_event(make_body(data={"id": "lic_1", "licenseKey": None, "status": None})).data.status is None


@pytest.mark.parametrize("event_type", ["system.maintenance", "hardware.bound"])
def test_data_without_an_id(make_body, event_type):
    """What LicenseChain announces is about no one thing."""
    assert type(parse_event(make_body(type=event_type, data={}))) is EVENT_CLASSES[event_type]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2026-03-01T12:00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:00:00+02:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        (1772366400, datetime(2026, 3, 1, 12, tzinfo=UTC)),
        (1772366400000, datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("1772366400", datetime(2026, 3, 1, 12, tzinfo=UTC)),
    ],
)
def test_times_in_data_are_aware(make_body, sent, expected):
    """Times in data come in any form; one without an offset is UTC. None is naive."""
    moment = parse_event(make_body(data={"id": "lic_1", "expiresAt": sent})).data.expires_at
    assert expected == moment
    assert moment.utcoffset() is not None


@pytest.mark.parametrize(("sent", "expected"), [("49.90", "49.90"), (49.9, "49.9"), (49, "49"), ("0.1", "0.1")])
def test_amounts_are_decimals(make_body, sent, expected):
    """Money is never a float."""
    amount = parse_event(make_body(type="payment.failed", data={"id": "pay_1", "amount": sent})).data.amount
    assert type(amount) is Decimal
    assert Decimal(expected) == amount


def test_what_cannot_shadow_the_model(make_body):
    """Fields that are called like attributes are extra fields and change nothing."""
    event = parse_event(make_body(raw_type="x", is_known=False, validation_error="x", model_extra="x", event="y"))
    assert (event.raw_type, event.is_known) == ("license.revoked", True)
    assert event.model_extra["is_known"] is False
    assert event.model_extra["model_extra"] == "x"


def test_the_timestamp_keeps_its_offset(make_body):
    """``timestamp`` is aware, ``raw_timestamp`` what was sent."""
    event = parse_event(make_body(timestamp="2026-03-01T13:00:00+01:00"))
    assert event.timestamp.utcoffset() == timedelta(hours=1)
    assert event.raw_timestamp == "2026-03-01T13:00:00+01:00"


def test_the_body_s_own_signature_is_kept_apart(make_body):
    """It proves nothing and is not shown; of an unknown event it may be anything."""
    assert parse_event(make_body(signature="abc")).signature == "abc"
    assert parse_event(make_body(type="a.b", signature=[1])).signature == [1]
    assert "abc" not in repr(parse_event(make_body(signature="abc")))


@pytest.mark.parametrize("event_type", [*EVENT_CLASSES, "never.heard_of"])
def test_reprs_show_ids_and_types_only(event_type):
    """Row 43: license keys, e-mail addresses and names are in no repr and no str."""
    private = {
        "licenseKey": "PRIVATE",
        "email": "PRIVATE",
        "name": "PRIVATE",
        "hardwareId": "PRIVATE",
        "message": "PRIVATE",
    }
    event = make_event(event_type, event_id="evt_1", data={**private, "url": "PRIVATE", "extra": "PRIVATE"})
    for text in (repr(event), str(event), f"{event}", f"{event.data!s}" if isinstance(event.data, EventData) else ""):
        assert "PRIVATE" not in text
    assert repr(event) == f"{type(event).__name__}(id='evt_1', type='{event_type}')"


def test_data_shows_its_ids():
    """Row 43: which license it is about may be logged."""
    data = make_event("license.revoked").data
    assert repr(data) == str(data) == "LicenseData(id='lic_1', user_id='user_1', product_id='prod_1')"


def test_events_do_not_change():
    """An event is a fact."""
    event = make_event("license.revoked")
    with pytest.raises(ValidationError):
        event.id = "evt_2"
    with pytest.raises(ValidationError):
        event.data.status = "active"


@pytest.mark.parametrize("event_type", ["license.revoked", "never.heard_of"])
def test_events_can_be_pickled_and_copied(event_type):
    """A queue or a process pool may carry them."""
    event = make_event(event_type)
    assert event == pickle.loads(pickle.dumps(event))
    assert event == event.model_copy()


def test_a_validation_error_survives_pickling(make_body):
    """What was wrong with the data is part of the event."""
    event = parse_event(make_body(data={}))
    assert event.validation_error == pickle.loads(pickle.dumps(event)).validation_error is not None


@pytest.mark.parametrize("event_type", [*EVENT_CLASSES, *ALIASES, "never.heard_of"])
def test_a_made_event_comes_back_from_its_body(event_type):
    """`event_body` and parsing are inverse for every type, and the bytes are stable."""
    event = make_event(
        event_type, data={"extra": [1, None]}, timestamp=datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=1)))
    )
    assert event == parse_event(event_body(event))
    assert event_body(event) == event_body(parse_event(event_body(event)))
    assert event.raw_timestamp == "2026-03-01T12:00:00Z"


def test_an_unknown_event_of_our_own_making():
    """UnknownEvent is a model like the others."""
    event = UnknownEvent.model_validate({"id": "1", "type": "a.b", "data": {}, "timestamp": "2026-03-01T12:00:00Z"})
    assert (event.is_known, event.validation_error) == (False, None)


def test_an_impossible_day_shows_when_asked():
    """An event that came through no endpoint may hold a day that does not exist: then ``timestamp`` raises."""
    event = make_event().model_copy(update={"raw_timestamp": "2026-02-30T00:00:00Z"})
    with pytest.raises(ValueError, match="day"):
        _ = event.timestamp


def test_warm_is_idempotent():
    """Building the validators early changes nothing."""
    warm()
    warm()
    assert make_event("license.revoked").type == "license.revoked"
