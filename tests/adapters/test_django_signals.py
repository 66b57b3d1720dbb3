"""Django's signals: what is sent when, and that receivers never change an answer."""

import logging
import sys
import warnings
from pathlib import Path

import pytest

from licensechain_hooks import (
    ConfigurationError,
    HandlerContext,
    LicenseCreated,
    LicenseRevoked,
    UnknownEvent,
    UnknownEventTypeWarning,
)
from licensechain_hooks.contrib.django import signals
from licensechain_hooks.contrib.django.signals import event_signal, webhook_received
from licensechain_hooks.testing import make_event

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]


def test_a_project_of_signals_alone(site, connect):
    """Where a receiver is connected the event is processed, though there is no handler."""
    received = []
    connect(event_signal("license.revoked"), lambda **sent: received.append(sent))
    event = make_event("license.revoked")
    assert site.deliver(event).json() == {"status": "processed"}
    (sent,) = received
    assert (sent["sender"], sent["event"]) == (LicenseRevoked, event)
    assert isinstance(sent["context"], HandlerContext)
    assert sent["context"].endpoint == "default"


def test_an_event_that_nobody_listens_for(site, connect):
    """A receiver of another type makes no difference: the event is ignored."""
    received = []
    connect(event_signal("license.revoked"), lambda event, **_: received.append(event))
    assert site.deliver(make_event("license.created")).json() == {"status": "ignored"}
    assert received == []


def test_every_event_is_sent_once(site, django_hooks, connect):
    """`webhook_received` is sent for any type, handled or not, known or not; never for a duplicate."""
    received = []
    connect(webhook_received, lambda event, **_: received.append(event.type))
    django_hooks.on("license.revoked")(lambda _event: None)
    for event_type in ("license.revoked", "license.created", "shop.opened"):
        event = make_event(event_type)
        assert [site.deliver(event).json()["status"] for _ in range(2)] == ["processed", "duplicate"]
    assert received == ["license.revoked", "license.created", "shop.opened"]


def test_what_is_refused_is_not_sent(site, connect):
    """A forged delivery and a conflict reach no receiver."""
    received = []
    connect(webhook_received, lambda event, **_: received.append(event))
    site.deliver(make_event(), secret="another-secret")
    event = make_event(event_id="evt_1")
    site.deliver(event)
    assert site.deliver(make_event(event_id="evt_1", data={"id": "lic_2"})).json() == {"status": "conflict"}
    assert received == [event]


def test_signals_come_before_handlers_and_again_with_a_redelivery(site, django_hooks, connect):
    """The general signal, the signal of the type, the handlers; all of it again, once a handler has failed."""
    order = []
    connect(event_signal("license.revoked"), lambda **_: order.append("license.revoked"))
    connect(webhook_received, lambda **_: order.append("received"))

    @django_hooks.on("license.revoked")
    def fail_once(event):
        order.append("handler")
        if len(order) == 3:
            raise LookupError

    event = make_event("license.revoked")
    assert [site.deliver(event).status_code for _ in range(2)] == [500, 200]
    assert order == ["received", "license.revoked", "handler"] * 2


def test_fallbacks_run_beside_signals(site, django_hooks, connect):
    """A receiver that only watches takes no event away from a fallback."""
    order = []
    connect(webhook_received, lambda **_: order.append("received"))
    django_hooks.fallback(lambda _event: order.append("fallback"))
    site.deliver(make_event())
    assert order == ["received", "fallback"]


def test_a_failing_receiver_changes_nothing(site, django_hooks, connect, caplog):
    """What a receiver raises is logged; the other receivers and the handlers run, and the answer is 200."""
    ran = []

    def fail(**_):
        msg = "the receiver is broken"
        raise RuntimeError(msg)

    async def fail_async(**_):
        raise LookupError

    connect(webhook_received, fail)
    connect(webhook_received, fail_async)
    connect(webhook_received, lambda **_: ran.append("receiver"))
    django_hooks.on("*")(lambda _event: ran.append("handler"))
    with caplog.at_level(logging.ERROR):
        assert site.deliver(make_event()).json() == {"status": "processed"}
    assert ran == ["receiver", "handler"]
    assert "the receiver is broken" in caplog.text
    assert "LookupError" in caplog.text


def test_receivers_of_both_kinds(site, connect):
    """Receivers may be ``def`` and ``async def`` under either view."""
    ran = []

    def receive(event, **_):
        ran.append("def")

    async def areceive(event, **_):
        ran.append("async def")

    connect(event_signal("license.revoked"), areceive)
    connect(event_signal("license.revoked"), receive)
    assert site.deliver(make_event("license.revoked")).json() == {"status": "processed"}
    assert sorted(ran) == ["async def", "def"]


@pytest.mark.django_db
def test_async_receivers_share_the_connection_of_the_request(sync_site, connect):
    """Under WSGI the ORM calls of an async receiver see the request's own transaction."""
    from django_project.shop.models import Lock

    async def lock(event, **_):
        await Lock.objects.acreate(license=event.data.id)

    connect(event_signal("license.revoked"), lock)
    sync_site.deliver(make_event("license.revoked", data={"id": "lic_1"}))
    assert [row.license for row in Lock.objects.all()] == ["lic_1"]


def test_the_sender_is_the_class_of_the_event(site, connect):
    """A receiver connected for one class is sent the events of that class alone."""
    received = []

    def receive(event, **_):
        received.append(event.type)

    connect(webhook_received, receive, sender=LicenseCreated)
    connect(webhook_received, receive, sender=UnknownEvent)
    statuses = [
        site.deliver(make_event(name)).json()["status"] for name in ("license.created", "shop.opened", "user.login")
    ]
    assert statuses == ["processed", "processed", "ignored"]
    assert received == ["license.created", "shop.opened"]


def test_both_spellings_have_one_signal(site, connect):
    """A type's aliases give the same signal, and events of either spelling are sent by it."""
    received = []
    assert event_signal("payment.completed") is event_signal("payment.succeeded")
    connect(event_signal("payment.completed"), lambda event, **_: received.append(event.raw_type))
    for spelling in ("payment.completed", "payment.succeeded"):
        assert site.deliver(make_event(spelling)).json() == {"status": "processed"}
    assert received == ["payment.completed", "payment.succeeded"]


@pytest.mark.parametrize(
    "name", ["", "license", "license.", "License.revoked", "license.*", "*", "a b.c", "a." + "b" * 99]
)
def test_no_event_type(name):
    """What no event can be called has no signal; a wildcard neither, for that is `webhook_received`."""
    with pytest.raises(ConfigurationError, match="is no event type"):
        event_signal(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("licence.revoked", "license.revoked"), ("subscription.canceld", "subscription.canceled")],
)
def test_a_misspelled_type_warns(name, meant, monkeypatch):
    """A type close to a known one warns with it, at the line that asked."""
    monkeypatch.setattr(signals, "_by_type", {})  # the project's checks would tell of it in every later test
    with pytest.warns(UnknownEventTypeWarning, match=f"did you mean '{meant}'") as caught:
        event_signal(name)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", ["license.revoked", "application.deleted", "shop.opened"])
def test_other_types_do_not_warn(name):
    """Known types, aliases and types like no other are taken in silence."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert event_signal(name) is event_signal(name)
