"""The hypothesis strategies: whatever they draw is what they promise."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from licensechain_hooks import ALIASES, EVENT_CLASSES, Endpoint, Event, Hooks, Receiver, UnknownEvent, VerificationError
from licensechain_hooks.testing import Delivery, event_body, sign_request
from licensechain_hooks.testing.strategies import deliveries, events, tampered

SECRET = "a-signing-secret-of-these-tests"
ENDPOINT = Endpoint(secrets=[SECRET])
SEARCH = settings(max_examples=2000, database=None, phases=[Phase.generate])  # the first one found is good enough


@given(deliveries(SECRET))
def test_good_deliveries_are_taken(delivery: Delivery) -> None:
    """Every delivery verifies and brings an event, which a receiver answers with 200."""
    event = ENDPOINT.open(delivery.headers, delivery.body)
    assert isinstance(event, Event)
    assert Receiver(ENDPOINT, Hooks()).receive(delivery.request()).status == 200


@given(tampered(deliveries(SECRET)))
def test_tampered_deliveries_are_refused(delivery: Delivery) -> None:
    """Every tampered delivery is answered with 401: nothing that is changed about it can be left out."""
    with pytest.raises(VerificationError):
        ENDPOINT.open(delivery.headers, delivery.body)
    assert Receiver(ENDPOINT, Hooks()).receive(delivery.request()).status == 401


@given(events())
def test_events_survive_their_body(event: Event) -> None:
    """An event can be written down and delivered again: it is the same event."""
    body = event_body(event)
    assert ENDPOINT.open(sign_request(body, SECRET), body) == event


@given(events("license.revoked", "payment.completed"))
def test_events_of_some_types(event: Event) -> None:
    """Only the types that are asked for, in the spelling that is asked for."""
    assert event.raw_type in {"license.revoked", "payment.completed"}


@pytest.mark.parametrize(
    ("what", "condition"),
    [
        ("an alias", lambda event: event.raw_type in ALIASES),
        ("a type that nobody knows", lambda event: type(event) is UnknownEvent and not event.is_known),
        ("a field that is missing", lambda event: event.is_known and not event.data.model_fields_set - {"id"}),
        ("a field that nobody knows", lambda event: event.is_known and bool(event.data.model_extra)),
    ],
)
def test_what_events_can_be(what: str, condition: Callable[[Event], bool]) -> None:
    """The strategy reaches what tests of handlers are for."""
    assert find(events(), condition, settings=SEARCH)


@pytest.mark.parametrize("event_type", EVENT_CLASSES)
def test_events_of_every_type(event_type: str) -> None:
    """Each type can be asked for, and has its own model."""
    assert type(find(events(event_type), lambda _event: True, settings=SEARCH)) is EVENT_CLASSES[event_type]


@pytest.mark.parametrize("part", [b'"license_key"', b'"licenseKey"', b'"ACTIVE"', b'"active"'])
def test_spellings_on_the_wire(part: bytes) -> None:
    """Deliveries have names in both spellings, and statuses in any case: events no longer show it."""
    assert find(deliveries(SECRET, "license.created"), lambda delivery: part in delivery.body, settings=SEARCH)


@given(st.data())
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
def test_the_clock_is_a_parameter(data: st.DataObject) -> None:
    """Deliveries for an endpoint whose clock stands elsewhere."""
    endpoint = Endpoint(secrets=[SECRET], clock=lambda: 4_000_000_000.0)
    delivery = data.draw(deliveries(SECRET, clock=endpoint.clock))
    assert endpoint.open(delivery.headers, delivery.body)


def test_without_hypothesis() -> None:
    """Only this module needs hypothesis, and says where to get it; the rest of the kit goes without."""
    program = """
import sys
sys.modules["hypothesis"] = None
import licensechain_hooks.testing
try:
    import licensechain_hooks.testing.strategies
except ImportError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "this module needs hypothesis: pip install hypothesis"
