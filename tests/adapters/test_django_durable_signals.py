"""Signals of stored deliveries: sent by the worker."""

import logging
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from licensechain_hooks import UnknownEvent
from licensechain_hooks.testing import make_event
from licensechain_hooks.worker._limits import can_interrupt

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]


def test_signals_are_sent_by_the_worker(site, no_worker, connect, stored):
    """Receivers run before the handlers, once, though a handler has to run again."""
    from licensechain_hooks.contrib.django.signals import event_signal, webhook_received

    order = []
    connect(webhook_received, lambda event, **_: order.append("received"))
    connect(event_signal("license.revoked"), lambda event, **_: order.append("license.revoked"))

    @no_worker.on("license.revoked")
    def fail_once(event, context):
        order.append("handler")
        if context.attempt == 1:
            raise LookupError

    site.deliver(make_event("license.revoked"))
    assert order == []
    stored.drain()
    stored.let_all_be_due()
    stored.drain()
    assert order == ["received", "license.revoked", "handler", "handler"]


def test_a_project_of_signals_alone_in_durable_mode(site, no_worker, connect, stored):
    """A receiver is enough for an event not to be ignored; async receivers use the ORM in the worker's thread."""
    from django_project.shop.models import Lock

    from licensechain_hooks.contrib.django.signals import event_signal

    async def lock(event, **_):
        await Lock.objects.acreate(license=event.data.id)

    connect(event_signal("license.revoked"), lock)
    assert site.deliver(make_event("license.revoked", data={"id": "lic_1"})).json() == {"status": "accepted"}
    assert site.deliver(make_event("license.created")).json() == {"status": "ignored"}
    assert (stored.drain(), stored.locks()) == (1, ["lic_1"])


def test_a_receiver_of_what_does_not_validate(site, no_worker, connect, stored):
    """Before its data is looked at nobody knows an event's class; a receiver of unknown events is not passed over."""
    from licensechain_hooks.contrib.django.signals import webhook_received

    received = []
    connect(webhook_received, lambda event, **_: received.append(event.is_known), sender=UnknownEvent)
    odd = b'{"id":"evt_1","type":"license.revoked","timestamp":"%s","data":{"id":7}}'
    now = make_event().raw_timestamp.encode()
    assert site.deliver(odd % now).json() == {"status": "accepted"}
    assert (stored.drain(), received, stored.entries()) == (1, [True], [("evt_1", "processed")])


def test_a_receiver_that_hangs(durable_hooks, settings, sync_site, connect, wait_for, caplog, stored):
    """A receiver has the time limit of a handler: it is stopped, logged, and changes nothing."""
    if not can_interrupt():
        pytest.skip("this Python cannot interrupt threads while coverage is measured")
    from licensechain_hooks.contrib.django.signals import webhook_received

    settings.LICENSECHAIN_HOOKS = settings.LICENSECHAIN_HOOKS | {"WORKER": {"time_limit": timedelta(milliseconds=50)}}
    never = threading.Event()

    def hang(**_):
        while not never.wait(0.01):
            pass

    connect(webhook_received, hang)
    with caplog.at_level(logging.ERROR):
        sync_site.deliver(make_event(event_id="evt_1"))
        wait_for(lambda: stored.entries() == [("evt_1", "processed")])
    assert "HandlerTimeLimitError" in caplog.text
