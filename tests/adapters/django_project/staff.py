"""Fixtures of the admin's tests: people with permissions, and an inbox to look at."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from licensechain_hooks import Hooks
from licensechain_hooks.inbox import LedgerRow, Settlement
from licensechain_hooks.testing.inbox_conformance import new_entry

VIEW, REPLAY, DISCARD, PURGE = "view_entry", "replay_entry", "discard_entry", "purge_entry"
EVERYTHING = (VIEW, REPLAY, DISCARD, PURGE)


class Staff:
    """Somebody at the admin, who may do some things.

    Args:
        permissions: which, by their code names; of our app.
    """

    def __init__(self, *permissions: str) -> None:
        from django.contrib.auth import get_user_model
        from django.contrib.auth.models import Permission

        users: Any = get_user_model().objects
        self.user = users.create_user("ada", is_staff=True)  # no password: nobody types it, and to hash it is slow
        found = Permission.objects.filter(content_type__app_label="licensechain_hooks", codename__in=permissions)
        self.user.user_permissions.set(found)
        self.client = Client(enforce_csrf_checks=True)
        self.client.force_login(self.user)

    def get(self, name: str, *arguments: Any, **query: Any) -> Any:
        """GET a page of the entries' admin: ``changelist``, ``change``, ``replay`` …"""
        return self.client.get(reverse(f"admin:licensechain_hooks_entry_{name}", args=arguments), query)

    def page(self, name: str, *arguments: Any, **query: Any) -> str:
        """The text of a page, which there is."""
        response = self.get(name, *arguments, **query)
        assert response.status_code == 200
        return str(response.content.decode())

    def post(self, name: str, data: dict[str, Any], *, query: str = "") -> Any:
        """POST a form as its page would; the answer."""
        url = reverse(f"admin:licensechain_hooks_entry_{name}") + query
        token = {"csrfmiddlewaretoken": self.client.get(reverse("admin:password_change")).context["csrf_token"]}
        return self.client.post(url, token | data)

    def choose(self, action: str, *pks: int, query: str = "", **data: Any) -> Any:
        """Choose an action for entries of the list; the answer."""
        return self.post("changelist", {"action": action, "_selected_action": pks, "index": 0, **data}, query=query)

    def said(self) -> list[str]:
        """The messages that the next page shows."""
        page = self.page("changelist")
        return re.findall(r'<li class="(?:success|warning|error)">(.*?)</li>', page)


class Filled:
    """The project's inbox, and entries in every state."""

    def __init__(self) -> None:
        from licensechain_hooks.contrib.django.conf import get_receivers

        self.inbox: Any = get_receivers().inbox

    def record(self, event_id: str, **changes: Any) -> int:
        """An entry that was received."""
        return int(self.inbox.record_many([new_entry(event_id, **changes)])[0].pk)

    def settle(self, event_id: str, state: Any, *, runs: tuple[LedgerRow, ...] = (), **changes: Any) -> int:
        """An entry of which this has become; what fails has an error."""
        pk = self.record(event_id, **changes)
        claims = self.inbox.claim_many(["default", "eu"], limit=1000, lease=timedelta(seconds=60))
        (claim,) = (claim for claim in claims if claim.pk == pk)
        self.inbox.release_many([other for other in claims if other.pk != pk])
        error = (
            {"error_code": "ValueError", "error": "shop.lock: ValueError: no"} if state in ("failed", "dead") else {}
        )
        settlement = Settlement(claim=claim, state=state, delay=timedelta(days=1), runs=runs, **error)
        assert self.inbox.settle_many([settlement]) == [True]
        return pk

    def each(self) -> dict[str, int]:
        """An entry in every state but ``processing``."""
        pks = {state: self.settle(f"evt_{state}", state) for state in ("processed", "failed", "dead")}
        pks["ignored"] = self.record("evt_ignored", state="ignored")
        pks["conflict"] = self.record("evt_processed", raw_body=b'{"id":"evt_processed","type":"other.type","data":{}}')
        pks["received"] = self.record("evt_received")
        return pks

    def states(self, pks: dict[str, int]) -> dict[str, str]:
        """What has become of them."""
        from licensechain_hooks.contrib.django.models import Entry

        now = dict(Entry.objects.values_list("pk", "state"))
        return {name: now[pk] for name, pk in pks.items()}


@pytest.fixture
def staff(db: None) -> Callable[..., Staff]:
    """Makes somebody with permissions."""
    return Staff


@pytest.fixture
def filled(django_hooks: Hooks, settings: Any, db: None) -> Filled:
    """An inbox whose entries no worker runs."""
    settings.LICENSECHAIN_HOOKS |= {"PROCESSING": "worker"}
    return Filled()
