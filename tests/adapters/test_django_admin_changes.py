"""What can be done in the admin: asked first, with a permission for each, and as the command line does it."""

import sys
from pathlib import Path

import pytest

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support", "django_project.staff"]

EVERYTHING = ("view_entry", "replay_entry", "discard_entry", "purge_entry")
UNTOUCHED = {
    "processed": "processed",
    "failed": "failed",
    "dead": "dead",
    "ignored": "ignored",
    "conflict": "conflict",
    "received": "received",
}


@pytest.mark.parametrize(
    ("name", "given", "changed", "said"),
    [
        ("replay", {}, {"failed": "received", "dead": "received"}, "2 entries are replayed: a worker runs them."),
        (
            "replay",
            {"force": "on"},
            {"failed": "received", "dead": "received", "processed": "received", "ignored": "received"},
            "4 entries are replayed: a worker runs them.",
        ),
        ("discard", {}, {"failed": "ignored", "dead": "ignored"}, "2 entries are discarded."),
        (
            "discard",
            {"force": "on"},
            {"failed": "ignored", "dead": "ignored", "received": "ignored"},
            "3 entries are discarded.",
        ),
        ("purge", {}, {}, "4 payloads are purged."),
    ],
)
def test_what_is_done(staff, filled, name, given, changed, said):
    """Each is done with the entries whose state allows it, as the command line has it; the others stay."""
    pks = filled.each()
    person = staff(*EVERYTHING)
    response = person.post(name, {"pks": ",".join(map(str, pks.values())), **given})
    assert (response.status_code, response["Location"]) == (302, "/admin/licensechain_hooks/entry/")
    assert filled.states(pks) == UNTOUCHED | changed
    left = len(pks) - int(said.partition(" ")[0])
    assert person.said() == [
        said,
        f"{left} entries stay as they are: their state does not allow it, or their payload is purged.",
    ]


def test_purged_payloads_are_gone(staff, filled):
    """Of finished and dead entries; what waits keeps its own, and what is purged is not replayed."""
    from licensechain_hooks.contrib.django.models import Entry

    pks = filled.each()
    person = staff(*EVERYTHING)
    person.post("purge", {"pks": ",".join(map(str, pks.values()))})
    kept = Entry.objects.filter(raw_body__isnull=False).values_list("pk", flat=True)
    assert set(kept) == {pks["failed"], pks["received"]}
    person.said()
    person.post("replay", {"pks": pks["dead"]})
    assert filled.states({"dead": pks["dead"]}) == {"dead": "dead"}


def test_replay_runs_what_has_not_succeeded(staff, filled, django_hooks):
    """A replayed dead entry is run by a worker; a handler that had succeeded does not run again."""
    from licensechain_hooks import Discard
    from licensechain_hooks.contrib.django.conf import get_receivers

    ran, is_ready = [], []

    @django_hooks.on("license.created")
    def first(event):
        ran.append("first")

    @django_hooks.on("license.created")
    def second(event):
        ran.append("second")
        if not is_ready:
            raise Discard("no customer")

    from licensechain_hooks.testing import event_body, make_event

    event = make_event("license.created", event_id="evt_1")
    pk = filled.record("evt_1", raw_body=event_body(event), event_timestamp=event.timestamp)
    get_receivers().worker.drain()
    before = filled.states({"it": pk})
    is_ready.append(True)
    staff(*EVERYTHING).post("replay", {"pks": pk})
    get_receivers().worker.drain()
    assert (before, filled.states({"it": pk})) == ({"it": "dead"}, {"it": "processed"})
    assert ran == ["first", "second", "second"]


@pytest.mark.parametrize("name", ["replay", "discard", "purge"])
def test_asking_changes_nothing(staff, filled, name):
    """The question names the entries, and how many are in which state; nothing happens before it is answered."""
    pks = filled.each()
    person = staff(*EVERYTHING)
    page = person.choose(name, *pks.values()).content.decode()
    assert filled.states(pks) == UNTOUCHED
    assert page.count('<span class="lch-state') == len(pks)
    count, states = {
        "replay": (2, "1 failed, 1 dead"),
        "discard": (2, "1 failed, 1 dead"),
        "purge": (4, "1 processed, 1 dead, 1 ignored, 1 conflict"),
    }[name]
    assert f"These are: {states}." in page
    assert f"{len(pks) - count} entries stay as they are" in page
    assert f'name="pks" value="{",".join(str(pk) for pk in sorted(pks.values(), reverse=True))}"' in page


def test_a_question_nobody_can_say_yes_to(staff, filled):
    """Where no entry can be changed there is no button; where force could, the box has to be ticked."""
    pks = filled.each()
    person = staff(*EVERYTHING)
    conflict, processed = person.page("replay", pks=pks["conflict"]), person.page("replay", pks=pks["processed"])
    assert ['type="submit" value="Replay"' in page for page in (conflict, processed)] == [False, True]
    assert ['name="force" required' in page for page in (conflict, processed)] == [False, True]


def test_one_entry_leads_back_to_itself(staff, filled):
    """Who comes from an entry's page is there again."""
    pk = filled.settle("evt_1", "dead")
    person = staff(*EVERYTHING)
    assert f'href="/admin/licensechain_hooks/entry/replay/?pks={pk}"' in person.page("change", pk)
    assert person.post("replay", {"pks": pk})["Location"] == f"/admin/licensechain_hooks/entry/{pk}/change/"
    assert person.said() == ["1 entry is replayed: a worker runs it."]


@pytest.mark.parametrize("name", ["replay", "discard", "purge"])
def test_each_has_a_permission_of_its_own(staff, filled, name):
    """Who has the others' permissions is not asked, is not offered it, and cannot do it."""
    pks = filled.each()
    others = [permission for permission in EVERYTHING if permission != f"{name}_entry"]
    person = staff(*others)
    everything = ",".join(map(str, pks.values()))
    answers = [person.get(name, pks=everything).status_code, person.post(name, {"pks": everything}).status_code]
    assert (answers, filled.states(pks)) == ([403, 403], UNTOUCHED)
    assert f'<option value="{name}">' not in person.page("changelist")
    assert f"/{name}/?pks=" not in person.page("change", pks["dead"])
    person.choose(name, *pks.values())
    assert filled.states(pks) == UNTOUCHED


@pytest.mark.parametrize("pks", ["", "x", "1,", "-1", "1;2", "\u0661", "9" * 30, ",".join(["1"] * 10_001)])
def test_numbers_that_are_none(staff, filled, pks):
    """What names no entries is answered 400."""
    person = staff(*EVERYTHING)
    assert person.post("replay", {"pks": pks}).status_code == 400


def test_an_entry_that_is_gone(staff, filled):
    """Between the question and the answer an entry may have been purged: it is left out."""
    pk = filled.settle("evt_1", "dead")
    person = staff(*EVERYTHING)
    assert person.post("replay", {"pks": f"{pk},{pk + 100}"}).status_code == 302
    assert filled.states({"it": pk}) == {"it": "received"}


def test_across_pages(staff, filled):
    """All that a filter finds can be chosen at once; what was asked about is what is done."""
    pks = filled.each()
    person = staff(*EVERYTHING)
    response = person.choose("replay", pks["dead"], query="?state=dead", select_across="1")
    assert f'name="pks" value="{pks["dead"]}"' in response.content.decode()


def test_without_a_token_nothing_is_done(staff, filled):
    """A form of another site cannot replay anything."""
    pk = filled.settle("evt_1", "dead")
    person = staff(*EVERYTHING)
    answer = person.client.post("/admin/licensechain_hooks/entry/replay/", {"pks": pk}).status_code
    assert (answer, filled.states({"it": pk})) == (403, {"it": "dead"})


def test_history(staff, filled):
    """Who did it, and when, is in the entry's history."""
    from django.contrib.admin.models import LogEntry

    pks = filled.each()
    person = staff(*EVERYTHING)
    person.post("discard", {"pks": ",".join(map(str, pks.values()))})
    logged = LogEntry.objects.values_list("object_id", "user__username", "change_message")
    expected = [(str(pks["failed"]), "ada", "Discarded."), (str(pks["dead"]), "ada", "Discarded.")]
    assert sorted(logged) == sorted(expected)
    assert "Discarded." in person.page("history", pks["dead"])


def test_a_store_that_is_down_says_so(staff, filled, monkeypatch):
    """No error page: what the database said is shown, and nothing is logged as done."""
    from django.contrib.admin.models import LogEntry

    from licensechain_hooks import StoreUnavailableError
    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    def unavailable(*_arguments, **_options):
        raise StoreUnavailableError("the inbox's database: it is locked")

    pk = filled.settle("evt_1", "dead")
    monkeypatch.setattr(DjangoInbox, "replay", unavailable)
    person = staff(*EVERYTHING)
    person.post("replay", {"pks": pk})
    assert person.said() == ["The inbox&#x27;s database: it is locked"]
    assert not LogEntry.objects.exists()


def test_the_question_looks_like_djangos_pages(staff, filled):
    """Its way back up is marked up as the admin's own pages mark it up, which is not the same in every Django."""
    pk = filled.settle("evt_1", "dead")
    person = staff(*EVERYTHING)
    marks = [f'<{tag} class="breadcrumbs">' for tag in ("ol", "div")]
    pages = [person.page("replay", pks=pk), person.page("change", pk)]
    assert len({tuple(mark in page for mark in marks) for page in pages}) == 1
