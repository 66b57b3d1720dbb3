"""What the emulator does wrong when it is asked to, as a receiver and as a client of the API see it."""

import json
import time
from datetime import timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise

import pytest
from emulated import Emulated

from licensechain_hooks import Endpoint
from licensechain_hooks.diagnosis.dialects import DIALECTS
from licensechain_hooks.exceptions import LicenseChainHooksError, PayloadError, VerificationError

HOUR = 3600


def stamps_of(receiving):
    """The times in the headers of what came."""
    return [int(request.headers["X-Webhook-Timestamp"]) for request in receiving.requests]


def opened(webhook, request, profile="guide", tolerance=None):
    """The event of a request, if an endpoint takes it."""
    settings = {} if tolerance is None else {"tolerance": tolerance}
    endpoint = Endpoint(secrets=[webhook["secret"]], profile=profile, **settings)
    return endpoint.open(request.headers, request.body)


def test_none_by_default(shared):
    """At the start nothing is wrong, and a PUT puts right what it does not name."""
    sound = shared.call("GET", "/emulator/faults")
    assert shared.faults(duplicate=2, tamper="body") == sound | {"duplicate": 2, "tamper": "body"}
    assert shared.call("PUT", "/emulator/faults", {"slowMs": 5}) == sound | {"slowMs": 5}
    assert shared.call("PUT", "/emulator/faults", {}) == sound
    expected = {"duplicate": 0, "reorder": False, "delayMs": 0, "dropConnection": False, "tamper": None}
    expected |= {"clockSkewSeconds": 0, "restamp": True, "slowMs": 0, "dialect": "guide", "envelope": "guide"}
    expected |= {"errorShape": "nested", "updateMethod": "put", "failRequests": 0, "rateLimitRequests": 0}
    assert sound == expected


@pytest.mark.parametrize(
    "body",
    [
        {"duplicate": -1},
        {"duplicate": 101},
        {"tamper": "everything"},
        {"dialect": "klingon"},
        {"slow": 1},
        {"delayMs": "x"},
    ],
)
def test_faults_that_are_none(body, shared):
    """What is no fault is answered with 400 and changes nothing."""
    assert shared.request("PUT", "/emulator/faults", body).status_code == 400
    assert shared.call("GET", "/emulator/faults")["duplicate"] == 0


def test_duplicate(emulator, receiving):
    """So many extra copies of the event come, in the same bytes; the copies are not delivered again."""
    receiving.answers = lambda _number: 500
    emulator.faults(duplicate=2)
    emulator.webhook(receiving.url)
    emulator.license()
    deliveries = emulator.settled(4)
    assert len({request.body for request in receiving.requests}) == 1
    assert sorted((delivery["attempt"], delivery["fault"] or "") for delivery in deliveries) == [
        (1, ""),
        (1, "duplicate"),
        (1, "duplicate"),
        (2, ""),
    ]


def test_reorder(emulator, receiving):
    """Every other event is overtaken by the next."""
    emulator.faults(reorder=True)
    emulator.webhook(receiving.url)
    created = [emulator.license()["id"] for _ in range(4)]
    deliveries = emulator.settled(4)
    came = [json.loads(request.body)["data"]["id"] for request in receiving.requests]
    assert came == [created[1], created[0], created[3], created[2]]
    assert [delivery["fault"] for delivery in deliveries] == ["reorder", None, "reorder", None]


def test_in_order_without_it(emulator, receiving):
    """Otherwise events come in the order in which they happened, in their times as well."""
    emulator.webhook(receiving.url)
    created = [emulator.license()["id"] for _ in range(10)]
    emulator.settled(10)
    events = [json.loads(request.body) for request in receiving.requests]
    assert [event["data"]["id"] for event in events] == created
    assert all(one["timestamp"] <= two["timestamp"] for one, two in pairwise(events))


def test_one_that_nothing_overtakes(emulator, receiving):
    """An event that no other follows is delivered all the same."""
    emulator.faults(reorder=True)
    emulator.webhook(receiving.url)
    emulator.license()
    assert emulator.settled(1)[0]["state"] == "delivered"


def test_delay(emulator, receiving):
    """A delivery waits before it is sent."""
    emulator.faults(delayMs=60_000)
    webhook = emulator.webhook(receiving.url)
    emulator.license()
    emulator.faults(delayMs=0)
    emulator.license()
    emulator.wait_for("the second", lambda: receiving.requests)
    states = [(delivery["state"], delivery["fault"]) for delivery in emulator.deliveries()]
    assert states[1] == ("pending", "delay")
    emulator.request("DELETE", f"/v1/webhooks/{webhook['id']}")


@pytest.mark.parametrize("slow", [0, 100])
def test_drop_connection(slow, emulator, receiving):
    """The reply is not read: the event counts as failed though it came, and comes again; or half the body comes."""
    emulator.faults(dropConnection=True, slowMs=slow)
    emulator.webhook(receiving.url)
    emulator.license()
    first, second = emulator.settled(2)
    assert {delivery["state"] for delivery in (first, second)} == {"failed"}
    assert first["error"] == "the connection was closed before the reply, on purpose (dropConnection)"
    emulator.wait_for("both", lambda: len(receiving.requests) == 2)
    assert [request.is_whole for request in receiving.requests] == [not slow, not slow]
    assert len({request.body for request in receiving.requests}) == 1


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [("body", "signature_mismatch"), ("signature", "signature_mismatch"), ("timestamp", "timestamp_outside_tolerance")],
)
def test_tamper(tamper, reason, emulator, receiving):
    """A delivery that was tampered with is refused for the right reason; with the fault gone it is taken."""
    webhook = emulator.webhook(receiving.url)
    emulator.faults(tamper=tamper)
    emulator.license()
    (delivery,) = emulator.settled(1)
    with pytest.raises(VerificationError) as raised:
        opened(webhook, receiving.requests[0])
    assert (raised.value.reason, delivery["fault"]) == (reason, "tamper")
    emulator.faults(tamper=None)
    emulator.call("POST", f"/emulator/deliveries/{delivery['id']}/redeliver")
    emulator.settled(2)
    assert opened(webhook, receiving.requests[1]).type == "license.created"


@pytest.mark.parametrize("skew", [2 * HOUR, -2 * HOUR])
def test_clock_skew(skew, emulator, receiving):
    """This clock is wrong everywhere: in events, in headers, in the Date of the API."""
    webhook = emulator.webhook(receiving.url)
    emulator.faults(clockSkewSeconds=skew)
    date = parsedate_to_datetime(emulator.request("GET", "/v1/webhooks").headers["date"]).timestamp()
    emulator.license()
    emulator.settled(1)
    event = opened(webhook, receiving.requests[0], tolerance=timedelta(hours=3))
    told = [date, stamps_of(receiving)[0], event.timestamp.timestamp()]
    assert [round((moment - time.time()) / HOUR) for moment in told] == [skew / HOUR] * 3
    with pytest.raises(VerificationError):
        opened(webhook, receiving.requests[0])


def test_one_date(emulator):
    """The API tells one time, not two."""
    assert len(emulator.request("GET", "/v1/webhooks").headers.get_list("date")) == 1


@pytest.mark.parametrize("restamp", [True, False])
def test_restamp(restamp, emulator, receiving):
    """A redelivery tells the time of its own sending, or that of the first."""
    emulator.webhook(receiving.url)
    emulator.faults(clockSkewSeconds=-100)  # or both would be sent within the same second
    emulator.license()
    (delivery,) = emulator.settled(1)
    emulator.faults(clockSkewSeconds=0, restamp=restamp)
    emulator.call("POST", f"/emulator/deliveries/{delivery['id']}/redeliver")
    again = emulator.settled(2)[1]
    first, second = stamps_of(receiving)
    assert (second > first, again["fault"]) == (restamp, None if restamp else "restamp")
    assert receiving.requests[0].body == receiving.requests[1].body


def test_slow(emulator, receiving):
    """The body comes in pieces over the time that is asked for, whole and valid."""
    webhook = emulator.webhook(receiving.url)
    emulator.faults(slowMs=200)
    emulator.license()
    (delivery,) = emulator.settled(1)
    assert opened(webhook, receiving.requests[0]).type == "license.created"
    assert (delivery["durationMs"] >= 200, delivery["fault"]) == (True, "slow")


def test_too_slow(receiving):
    """A body that takes longer than the time-out is a failure like any other."""
    with Emulated(redeliver=(), timeout=timedelta(seconds=0.2)) as emulator:
        emulator.faults(slowMs=10_000)
        emulator.webhook(receiving.url)
        emulator.license()
        (delivery,) = emulator.settled(1)
    assert "did not answer within 0.2 seconds" in delivery["error"]


@pytest.mark.parametrize("profile", ["guide", "compat"])
@pytest.mark.parametrize("name", DIALECTS)
def test_dialects(name, profile, shared, receiving):
    """Each dialect is sent as it is, and taken by the profiles that take it and by no other."""
    webhook = shared.webhook(receiving.url)
    shared.faults(dialect=name)
    shared.call("POST", f"/v1/webhooks/{webhook['id']}/test")
    shared.settled(1)
    shared.faults(dialect="guide")
    (request,) = receiving.requests
    body = json.loads(request.body)
    assert (body.get("type") or body["event"]) == "license.created"
    assert [header.lower() for header in request.headers if "signature" in header.lower()] == [
        header.lower() for header in [DIALECTS[name].signature_header] if header
    ]
    assert shared.deliveries()[0]["fault"] == (None if name == "guide" else "dialect")
    if profile in DIALECTS[name].accepted_by:
        assert opened(webhook, request, profile).type == "license.created"
    else:
        with pytest.raises((VerificationError, PayloadError)) as raised:
            opened(webhook, request, profile)
        assert isinstance(raised.value, LicenseChainHooksError)


def test_the_app_secret(receiving):
    """The dialect of the application's secret signs with it, which is the API key where none is given."""
    for settings in ({"app_secret": "the-secret-of-the-app"}, {}):
        with Emulated(**settings) as emulator:
            emulator.faults(dialect="app-secret")
            webhook = emulator.webhook(receiving.url)
            emulator.license()
            emulator.settled(1)
            used = {"secret": settings.get("app_secret", emulator.api_key)}
            assert opened(used, receiving.requests[-1], "compat").type == "license.created"
            with pytest.raises(VerificationError):
                opened(webhook, receiving.requests[-1], "compat")


@pytest.mark.parametrize(
    ("envelope", "single", "several"),
    [
        ("guide", lambda reply: reply, {"data", "pagination"}),
        ("data", lambda reply: reply["data"], {"data", "pagination"}),
        ("flat", lambda reply: reply, {"data", "page", "limit", "total", "totalPages"}),
        ("webhooks", lambda reply: reply, {"webhooks"}),
        ("array", lambda reply: reply, None),
    ],
)
def test_envelopes(envelope, single, several, emulator):
    """The API answers in the shape that is asked for, with the same webhook in it."""
    webhook = emulator.webhook("http://127.0.0.1:1/")
    del webhook["secret"]
    emulator.faults(envelope=envelope)
    assert single(emulator.call("GET", f"/v1/webhooks/{webhook['id']}")) == webhook
    page = emulator.call("GET", "/v1/webhooks")
    assert (set(page) if isinstance(page, dict) else None) == several
    items = page if several is None else page[min(several - {"pagination", "page", "limit", "total", "totalPages"})]
    assert items == [webhook]
    logs = emulator.call("GET", f"/v1/webhooks/{webhook['id']}/logs")
    assert logs == ({"logs": []} if envelope == "webhooks" else logs)


def test_snake_case(emulator):
    """Names in snake_case, and ``status`` for ``active``."""
    webhook = emulator.webhook("http://127.0.0.1:1/")
    emulator.faults(envelope="snake")
    found = emulator.call("GET", f"/v1/webhooks/{webhook['id']}")
    assert sorted(found) == ["created_at", "events", "id", "status", "updated_at", "url"]
    assert (found["status"], found["created_at"]) == ("active", webhook["createdAt"])
    page = emulator.call("GET", "/v1/webhooks")
    assert (page["data"], page["total"], page["total_pages"]) == ([found], 1, 1)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("nested", lambda reply: reply["error"]["message"]),
        ("error", lambda reply: reply["error"]),
        ("message", lambda reply: reply["message"]),
    ],
)
def test_error_shapes(shape, message, emulator):
    """Errors have the shape that is asked for, whoever finds them."""
    emulator.faults(errorShape=shape)
    for path, status in (("/v1/webhooks/cx", 404), ("/v1/webhooks?page=0", 400)):
        reply = emulator.request("GET", path)
        assert (reply.status_code, bool(message(reply.json()))) == (status, True)
    reply = emulator.request("GET", "/v1/webhooks", headers={"Authorization": "Bearer wrong"})
    assert (reply.status_code, "API key" in message(reply.json())) == (401, True)


def test_update_method(emulator):
    """Webhooks are updated with PUT, or with PATCH; the other is answered with 405 that names the right one."""
    path = f"/v1/webhooks/{emulator.webhook('http://127.0.0.1:1/')['id']}"
    for wanted, other in (("PUT", "PATCH"), ("PATCH", "PUT")):
        emulator.faults(updateMethod=wanted.lower())
        assert emulator.call(wanted, path, {"events": ["a.b"]})["events"] == ["a.b"]
        refused = emulator.request(other, path, {"events": ["c.d"]})
        assert (refused.status_code, refused.headers["allow"]) == (405, f"GET, {wanted}, DELETE")


@pytest.mark.parametrize(("fault", "status"), [("failRequests", 503), ("rateLimitRequests", 429)])
def test_calls_that_fail(fault, status, emulator):
    """So many next calls of the API fail, and say when to try again; the control is left alone."""
    emulator.faults(**{fault: 2})
    replies = [emulator.request("GET", "/v1/webhooks") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [status, status, 200]
    assert [reply.headers.get("retry-after") for reply in replies] == ["0", "0", None]
    assert emulator.call("GET", "/emulator/faults")[fault] == 0
