"""How databases find what the admin lists: by an index, so that a million entries cost no more than a thousand."""

from datetime import UTC, datetime, timedelta

import pytest

pytest_plugins = ["django_project.support"]

NOW = datetime.now(UTC)


def listings(alias):
    """What pages ask for, by name."""
    from licensechain_hooks.contrib.django._admin.lists import found, in_state
    from licensechain_hooks.contrib.django.models import Entry

    entries = Entry.objects.using(alias).order_by("-received_at", "-id")
    return {
        **{
            state: in_state(entries, state)
            for state in ("received", "processing", "failed", "dead", "conflict", "ignored")
        },
        "type": entries.filter(event_type="license.revoked"),
        "type on a day": entries.filter(
            event_type="x.y", received_at__gte=NOW, received_at__lt=NOW + timedelta(days=1)
        ),
        "endpoint": entries.filter(endpoint="eu"),
        "day": entries.filter(received_at__gte=NOW, received_at__lt=NOW + timedelta(days=1)),
        "search": found(entries, "evt_1"),
        "all": entries,
    }


def steps(alias, queryset):
    """The steps of a plan that read the table; on PostgreSQL with what it would do if there were many rows."""
    from django.db import connections

    with connections[alias].cursor() as cursor:
        if connections[alias].vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
        try:
            plan = queryset.explain()
        finally:
            if connections[alias].vendor == "postgresql":
                cursor.execute("RESET enable_seqscan")
    return [line for line in plan.splitlines() if "licensechain_hooks" in line]


def reads_all(step):
    """Whether a step, as PostgreSQL or SQLite tells it, goes through the whole table."""
    return "Seq Scan" in step or ("SCAN" in step and "INDEX" not in step)


@pytest.mark.parametrize("alias", ["sqlite", "postgres"])
def test_every_list_is_found_by_an_index(alias, request):
    """No filter, search or date reads the whole table."""
    alias = request.getfixturevalue(alias)
    plans = {name: steps(alias, queryset[:100]) for name, queryset in listings(alias).items()}
    whole = {name: plan for name, plan in plans.items() if any(map(reads_all, plan))}
    assert whole == {}


@pytest.mark.parametrize("alias", ["sqlite", "postgres"])
@pytest.mark.parametrize("state", ["failed", "dead", "conflict", "ignored"])
def test_states_for_people_have_an_index_of_their_own(alias, state, request):
    """What somebody may have to look at is found without walking through what nobody has to."""
    from licensechain_hooks.contrib.django._admin.lists import in_state
    from licensechain_hooks.contrib.django.models import Entry

    alias = request.getfixturevalue(alias)
    counted = in_state(Entry.objects.using(alias), state).order_by().values("pk")[:10_001]
    assert ["licensechain_hooks_state" in line for line in steps(alias, counted)][:1] == [True]


@pytest.mark.parametrize("alias", ["sqlite", "postgres"])
def test_values_are_found_from_one_to_the_next(alias, request):
    """The types and endpoints that there are, without reading all entries for them."""
    from django_project.databases import empty

    from licensechain_hooks.contrib.django._admin.lists import distinct
    from licensechain_hooks.contrib.django.inbox import DjangoInbox
    from licensechain_hooks.contrib.django.models import Entry
    from licensechain_hooks.testing.inbox_conformance import new_entry

    alias = request.getfixturevalue(alias)
    entries = Entry.objects.using(alias)
    empty(alias)
    before = distinct(entries, "event_type")
    types = ["user.login", "app.created", "user.login", "license.revoked"]
    DjangoInbox(alias).record_many([new_entry(f"evt_{n}", event_type=name) for n, name in enumerate(types)])
    assert (before, distinct(entries, "event_type"), distinct(entries, "endpoint")) == (
        [],
        ["app.created", "license.revoked", "user.login"],
        ["default"],
    )
