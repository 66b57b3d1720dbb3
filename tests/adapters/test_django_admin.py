"""The admin: what it shows, to whom, and what that costs."""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from licensechain_hooks.inbox import LedgerRow

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support", "django_project.staff"]

HOSTILE = "\x1b[31mred\x07 \u202egnp.exe </pre><script>alert(1)</script>\r\nSet-Cookie: a=b"


def events(page):
    """The event ids of a list, in its order."""
    return re.findall(r'<span class="lch-id">(.*?)</span>', page)


def row_of(page, event_id):
    """A row of the list, as its cells' text."""
    row = next(row for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL) if f">{event_id}<" in row)
    cells = re.findall(r'<t[dh] class="field-(\w+)[^>]*>(.*?)</t[dh]>', row, re.DOTALL)
    return {name: " ".join(re.sub(r"<[^>]+>", " ", cell).split()) for name, cell in cells}


def test_the_list(staff, filled):
    """An entry's row says what it is about, how it stands, and in a word why."""
    filled.settle("evt_1", "dead", license_id="lic_1")
    row = row_of(staff("view_entry").page("changelist"), "evt_1")
    assert row.pop("received") != ""
    assert row == {
        "event": "license.created evt_1",
        "state_and_error": "dead ValueError",
        "license": "lic_1",
        "attempts": "1",
    }


def test_newest_first(staff, filled):
    """The list begins with what came last."""
    for number in range(3):
        filled.record(f"evt_{number}")
    assert events(staff("view_entry").page("changelist")) == ["evt_2", "evt_1", "evt_0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "dead"}, ["evt_dead"]),
        ({"state": "failed"}, ["evt_failed"]),
        ({"state": "ignored"}, ["evt_ignored"]),
        ({"state": "conflict"}, ["evt_processed"]),
        ({"state": "processed"}, ["evt_processed"]),
        ({"state": "received"}, ["evt_eu", "evt_received"]),
        ({"state": "processing"}, []),
        ({"event_type": "payment.failed"}, ["evt_eu"]),
        ({"endpoint": "eu"}, ["evt_eu"]),
        ({"endpoint": "eu", "state": "dead"}, []),
        ({"q": "evt_dead"}, ["evt_dead"]),
        ({"q": "evt_processed"}, ["evt_processed", "evt_processed"]),
        ({"q": "lic_eu"}, ["evt_eu"]),
        ({"q": "payment.failed"}, ["evt_eu"]),
        ({"q": "payment.*"}, ["evt_eu"]),
        ({"q": "payment.* lic_eu"}, ["evt_eu"]),
        ({"q": "payment.* lic_other"}, []),
        ({"q": "evt_dea"}, []),
        ({"q": "%"}, []),
    ],
)
def test_filters_and_search(staff, filled, query, expected):
    """By state, type and endpoint; by all of an event id, a license or a type, or a family of types."""
    filled.each()
    filled.record("evt_eu", endpoint="eu", event_type="payment.failed", license_id="lic_eu")
    assert events(staff("view_entry").page("changelist", **query)) == expected


def test_filters_offer_what_there_is(staff, filled):
    """Every state, the types that came, and endpoints where there are several."""
    filled.record("evt_1")
    person = staff("view_entry")
    alone = person.page("changelist")
    filled.record("evt_2", endpoint="eu", event_type="payment.failed")
    both = person.page("changelist")
    offered = [re.findall(r'href="\?(\w+=[\w.]+)"', page) for page in (alone, both)]
    states = [
        f"state={one}" for one in ("received", "processing", "processed", "failed", "dead", "ignored", "conflict")
    ]
    assert offered == [
        [*states, "event_type=license.created"],
        [*states, "event_type=license.created", "event_type=payment.failed", "endpoint=default", "endpoint=eu"],
    ]
    assert ["field-endpoint_name" in page for page in (alone, both)] == [False, True]


@pytest.mark.parametrize("query", [{"state": "dread"}, {"event_type": "x\x00"}, {"received_at__year": "x"}])
def test_filters_take_nothing_else(staff, filled, query):
    """What no filter offers leads back to the list, never to an error."""
    filled.record("evt_1")
    response = staff("view_entry").get("changelist", **query)
    assert (response.status_code, response["Location"].partition("?")[2]) == (302, "e=1")


def days(page):
    """Where the way down to a day leads, and the way back."""
    way = re.search(r'<(?:nav|div) class="(?:toplinks|xfull)".*?</(?:nav|div)>', page, re.DOTALL)[0]
    return [" ".join(re.sub(r"<[^>]+>", "", one).split()) for one in re.findall(r"(?:<a.*?</a>|\n[^<\n]+\n)", way)]


def test_dates(staff, filled):
    """Months, then days, then one day; only the first entry and the last are looked for."""
    from licensechain_hooks.contrib.django.models import Entry

    for event_id, moment in (
        ("evt_1", datetime(2026, 1, 30, 12, tzinfo=UTC)),
        ("evt_2", datetime(2026, 2, 2, tzinfo=UTC)),
    ):
        Entry.objects.filter(pk=filled.record(event_id)).update(received_at=moment)
    person = staff("view_entry")
    month = {"received_at__year": 2026, "received_at__month": 1}
    pages = [person.page("changelist", **query) for query in ({}, month, month | {"received_at__day": 30})]
    assert [days(page) for page in pages] == [
        ["January 2026", "February 2026"],
        ["&lsaquo; All dates", "January 30", "January 31"],
        ["&lsaquo; January 2026", "January 30"],
    ]
    assert [events(page) for page in pages] == [["evt_2", "evt_1"], ["evt_1"], ["evt_1"]]


def test_many_months(staff, filled):
    """Of years there are years first, and their months below."""
    from licensechain_hooks.contrib.django.models import Entry

    Entry.objects.filter(pk=filled.record("evt_1")).update(received_at=datetime(2024, 11, 1, tzinfo=UTC))
    Entry.objects.filter(pk=filled.record("evt_2")).update(received_at=datetime(2026, 6, 1, tzinfo=UTC))
    person = staff("view_entry")
    pages = [person.page("changelist", **query) for query in ({}, {"received_at__year": 2024})]
    assert [days(page) for page in pages] == [
        ["2024", "2025", "2026"],
        ["&lsaquo; All dates", "November 2024", "December 2024"],
    ]
    below = person.page("changelist", received_at__year=2024, received_at__month=12)
    assert days(below)[:2] == ["&lsaquo; 2024", "December 1"]


def test_an_empty_inbox(staff, filled):
    """Before anything came, the pages say so."""
    page = staff("view_entry").page("changelist")
    assert (events(page), "None came." in page, "toplinks" in page) == ([], True, False)


def chart(page):
    """The table beside the chart: its rows, without the times."""
    table = re.search(r"<tbody>(.*?)</tbody>", page[page.index("lch-chart") :], re.DOTALL)[1]
    return [[int(number) for number in re.findall(r"<td>(\d+)</td>", row)] for row in table.split("</tr>")[:-1]]


def test_the_chart(staff, filled):
    """Deliveries by hour and outcome; what is older than a day is not in it."""
    from licensechain_hooks.contrib.django.models import Entry

    pks = filled.each()
    now = datetime.now(UTC)
    Entry.objects.filter(pk=pks["dead"]).update(received_at=now - timedelta(hours=2))
    Entry.objects.filter(pk=pks["processed"]).update(received_at=now - timedelta(hours=25))
    page = staff("view_entry").page("changelist")
    outcomes = ["processed", "ignored", "waiting", "failed", "conflict", "dead"]
    legend = re.findall(r'<span class="lch-label">(\w+)</span> <b>(\d+)</b>', page)
    assert legend == list(zip(outcomes, ["0", "1", "1", "1", "1", "1"], strict=True))
    assert chart(page) == [[0, 0, 0, 0, 0, 1], [0, 1, 1, 1, 1, 0]]
    assert page.count('<rect class="lch-fill-') == 5


def test_the_chart_is_at_the_beginning(staff, filled):
    """Who looks for something is not shown the chart again, and does not wait for it."""
    filled.record("evt_1")
    person = staff("view_entry")
    assert ["lch-chart" in person.page("changelist", **query) for query in ({}, {"state": "dead"}, {"q": "x"})] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("query", [{}, {"state": "received"}, {"q": "license.created"}])
def test_the_list_asks_as_often_for_many_entries_as_for_two(staff, filled, django_assert_max_num_queries, query):
    """No query for each entry, and none that counts all."""
    person = staff("view_entry", "replay_entry")
    person.page("changelist")  # Django looks some things up once in a process
    asked = []
    for numbers in (range(2), range(2, 150)):
        for number in numbers:
            filled.record(f"evt_{number}", license_id=f"lic_{number}")
        with django_assert_max_num_queries(20) as captured:
            page = person.page("changelist", **query)
        asked.append(len(captured))
    assert (len(events(page)), asked[0]) == (100, asked[1])
    counting = [one["sql"] for one in captured.captured_queries if "COUNT(*)" in one["sql"]]
    assert [" LIMIT 10001" in one for one in counting] == [True]


def test_the_list_leaves_payloads_where_they_are(staff, filled, django_assert_max_num_queries):
    """A page of entries with a megabyte each does not read them."""
    filled.record("evt_1")
    person = staff("view_entry")
    with django_assert_max_num_queries(20) as captured:
        person.page("changelist")
    assert [one["sql"] for one in captured.captured_queries if "raw_body" in one["sql"]] == []


def test_the_list_has_an_end(staff, filled, monkeypatch):
    """Of more entries than anybody pages through the newest are listed, and the list says so."""
    from licensechain_hooks.contrib.django._admin import lists

    monkeypatch.setattr(lists, "MOST", 150)
    for number in range(151):
        filled.record(f"evt_{number}")
    person = staff("view_entry")
    page = person.page("changelist", p=2)
    assert (len(events(page)), events(page)[-1]) == (50, "evt_1")
    assert "There are more: the newest 150 are listed." in page
    assert person.get("changelist", p=3).status_code == 302


def test_an_entry(staff, filled):
    """All there is to know of an entry, and what became of each handler."""
    runs = (
        LedgerRow(handler="shop.webhooks.lock", state="done"),
        LedgerRow(handler="shop.webhooks.mail", state="failed", attempts=3),
    )
    pk = filled.settle("evt_1", "dead", runs=runs, license_id="lic_1", ordering_key="lic_1")
    page = staff("view_entry").page("change", pk)
    fields = dict(re.findall(r'<label>([^<]+):</label>\s*<div class="readonly">(.*?)</div>', page, re.DOTALL))
    assert {name: re.sub(r"<[^>]+>", "", value) for name, value in fields.items() if not name.endswith(" at")} == {
        "State": "dead",
        "Event type": "license.created",
        "Event id": "evt_1",
        "License": "lic_1",
        "Endpoint": "default",
        "Ordering key": "lic_1",
        "Attempts": "1",
        "Error code": "ValueError",
        "Last error": "shop.lock: ValueError: no",
    }
    ledger = re.findall(
        r"<tr><th scope=\"row\"><code>([\w.]+)</code></th><td>(.*?)</td><td>(\d+)</td><td>(.*?)</td>", page
    )
    assert [(handler, re.sub(r"<[^>]+>", "", state), attempts) for handler, state, attempts, _ in ledger] == [
        ("shop.webhooks.lock", "done", "1"),
        ("shop.webhooks.mail", "failed", "3"),
    ]
    assert [done == "-" for _, _, _, done in ledger] == [False, True]


def test_an_entry_asks_no_more_for_many_handlers(staff, filled, django_assert_max_num_queries):
    """The ledger is one query."""
    person = staff("view_entry")
    person.page("change", filled.record("evt_before"))  # Django looks some things up once in a process
    asked = []
    for count in (1, 30):
        runs = tuple(LedgerRow(handler=f"shop.webhooks.h{number}", state="done") for number in range(count))
        pk = filled.settle(f"evt_{count}", "processed", runs=runs)
        with django_assert_max_num_queries(20) as captured:
            page = person.page("change", pk)
        asked.append(len(captured))
    assert (page.count("shop.webhooks.h"), asked[0]) == (30, asked[1])


def test_nothing_from_elsewhere_is_markup(staff, filled):
    """Control characters, bidirectional ones and markup are shown as text, in the list, the entry and the question."""
    from licensechain_hooks.contrib.django.models import Entry, HandlerRun

    body = json.dumps({"note": HOSTILE}, ensure_ascii=False).encode()
    pk = filled.settle("evt_1", "dead", raw_body=body, headers={HOSTILE: HOSTILE}, license_id=HOSTILE)
    HandlerRun.objects.create(entry_id=pk, handler=HOSTILE, state="done", attempts=1)
    Entry.objects.filter(pk=pk).update(error=HOSTILE, error_code=HOSTILE, event_type=HOSTILE[:100], event_id=HOSTILE)
    person = staff("view_entry", "replay_entry")
    pages = [person.page("changelist"), person.page("change", pk), person.page("replay", pks=pk)]
    for page in pages:
        assert "<script>alert" not in page
        assert [character for character in "\x1b\x07\u202e" if character in page] == []
    assert pages[1].count(r"\x1b[31mred\x07 \u202egnp.exe &lt;/pre&gt;&lt;script&gt;") >= 5


@pytest.mark.parametrize(
    ("body", "shown", "said"),
    [
        (
            b'{"a":1.10,"a":[],"b":{"c":[1,2]}}',
            '{\n  "a": 1.10,\n  "a": [],\n  "b": {\n    "c": [\n      1,\n      2\n    ]\n  }\n}',
            "33 bytes",
        ),
        (b"redacted, not JSON", "redacted, not JSON", "which are no JSON"),
        (b"\xff\xfe\x00", r"\xff\xfe\x00", "which are no text"),
        (b"", "", "0 bytes"),
    ],
)
def test_payloads(staff, filled, body, shown, said):
    """JSON is indented and otherwise as it came, other text stays, and what is no text is said to be none."""
    page = staff("view_entry").page("change", filled.record("evt_1", raw_body=body))
    text = re.search(r'<pre class="lch-payload">(.*?)</pre>', page, re.DOTALL)[1]
    assert (text.replace("&quot;", '"'), said in page) == (shown, True)


def test_a_payload_is_downloaded_as_it_came(staff, filled):
    """To the byte, as a file that no browser shows."""
    body = b"<script>\xff"
    pk = filled.record("evt_1", raw_body=body)
    response = staff("view_entry").get("payload", pk)
    assert (response.content, response["Content-Type"]) == (body, "application/octet-stream")
    assert response["Content-Disposition"].startswith("attachment;")
    assert response["X-Content-Type-Options"] == "nosniff"


def test_a_purged_payload(staff, filled):
    """Is said to be purged; there is nothing to download."""
    pk = filled.settle("evt_1", "processed")
    filled.inbox.purge_payloads(filled_filter(pk))
    person = staff("view_entry")
    assert "Purged at" in person.page("change", pk)
    assert person.get("payload", pk).status_code == 404


def filled_filter(pk):
    """This entry."""
    from licensechain_hooks.inbox import EntryFilter

    return EntryFilter(pks=(pk,))


def test_nobody_edits(admin_client, filled):
    """Not even a superuser adds, changes or deletes an entry."""
    from django.urls import reverse

    pk = filled.record("evt_1")
    answers = [
        admin_client.get(reverse("admin:licensechain_hooks_entry_add")).status_code,
        admin_client.post(reverse("admin:licensechain_hooks_entry_change", args=[pk]), {"event_id": "x"}).status_code,
        admin_client.post(reverse("admin:licensechain_hooks_entry_delete", args=[pk]), {"post": "yes"}).status_code,
    ]
    assert answers == [403, 403, 403]


def test_who_may_not_look(staff, filled):
    """Without the permission no page shows an entry, and the index does not tell how many are dead."""
    pk = filled.settle("evt_1", "dead")
    person = staff("replay_entry")
    pages = [("changelist", ()), ("change", (pk,)), ("payload", (pk,))]
    assert [person.get(name, *arguments).status_code for name, arguments in pages] == [403, 403, 403]
    assert person.get("replay", pks=pk).status_code == 403
    assert "dead letter" not in person.client.get("/admin/").content.decode()


@pytest.mark.parametrize("address", ["/admin/", "/admin/licensechain_hooks/"])
def test_dead_letters_on_the_index(staff, filled, address):
    """The index says how many entries are out of attempts, and leads to them; with none it says nothing."""
    person = staff("view_entry")
    before = person.client.get(address).content.decode()
    filled.each()
    after = person.client.get(address).content.decode()
    link = '<a href="/admin/licensechain_hooks/entry/?state=dead">1 dead letter</a>'
    assert [link in page for page in (before, after)] == [False, True]


def test_an_index_of_the_projects_own_stays(db):
    """A site that has an index template keeps it."""
    from django.contrib import admin

    from licensechain_hooks.contrib.django.admin import EntryAdmin
    from licensechain_hooks.contrib.django.models import Entry

    site = admin.AdminSite("other")
    site.index_template = "mine.html"
    EntryAdmin(Entry, site)
    assert site.index_template == "mine.html"


def test_broken_settings_do_not_break_the_admin(staff, filled, settings):
    """Who wrote a wrong setting can still look; what is to be done is refused with the reason."""
    pk = filled.settle("evt_1", "dead")
    settings.LICENSECHAIN_HOOKS = {"SECRET": "misspelt"}
    person = staff("view_entry", "discard_entry")
    assert events(person.page("changelist")) == ["evt_1"]
    assert person.post("discard", {"pks": pk}).status_code == 302
    assert "LICENSECHAIN_HOOKS" in person.said()[0]
