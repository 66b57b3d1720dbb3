"""Recording: new, duplicate, conflict; what is stored is what came."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from licensechain_hooks._entries import Entry, EntryFilter, NewEntry, Recorded
from licensechain_hooks._stores import Inbox
from licensechain_hooks.testing._inbox_conformance.suite import (
    EVERYTHING,
    LEASE,
    NOW,
    TEXTS,
    InboxSuite,
    body_of,
    new_entry,
)

__all__ = ["RecordingConformance"]

BODIES = {
    "a NUL": b'{"id": "evt_1", "data": {"note": "\\u0000", "raw": "\x00"}}',
    "no text": bytes(range(256)),
    "1 MiB": body_of(note="x" * (2**20 - 200)),
    "UTF-8": body_of().replace(b"{}", '{"name": "Ada \U0001f600 Å"}'.encode()),
    "line ends": b'{\r\n\t"id": "evt_1"\n}\n ',
    "quotes and percents": b'{"%s": "%(x)s \' \'\' :name ? $1 \\\\ "}',
}
TIMES = {
    "microseconds": datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    "another offset": datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    "the first": datetime(1, 1, 1, tzinfo=UTC),
    "before 1970": datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    "the last": datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
}
# What a careless collation, or a column that trims or folds, takes for equal.
LOOK_ALIKES = (
    "lic_1",
    "LIC_1",
    "lic_é",
    "lic_e\u0301",
    "lic_e",
    "lic_\U0001f600",
    "lic_\U0001f601",
    "l" * 255,
)


class RecordingConformance(InboxSuite):
    """`Inbox.record_many`."""

    def test_a_new_event(self, inbox: Inbox, other: Inbox) -> None:
        """What is recorded waits for a worker, and every field is kept."""
        new = new_entry(license_id="lic_1", ordering_key="key", headers={"user-agent": "LicenseChain/1.0", "x": "é"})
        (recorded,) = inbox.record_many([new])
        assert recorded.state == "new"
        assert other.entries(EVERYTHING) == [
            Entry(
                pk=recorded.pk,
                endpoint="default",
                event_id="evt_1",
                event_type="license.created",
                event_timestamp=new.event_timestamp,
                received_at=NOW,
                state="received",
                attempts=0,
                next_attempt_at=NOW,
                license_id="lic_1",
                ordering_key="key",
                headers={"user-agent": "LicenseChain/1.0", "x": "é"},
                raw_body=new.raw_body,
                error_code="",
                error="",
                done_at=None,
                purged_at=None,
            )
        ]

    def test_an_ignored_event(self, inbox: Inbox) -> None:
        """An event that no handler listens for is finished when it is recorded."""
        (pk,) = self.record(inbox, "evt_1", state="ignored")
        entry = self.entry(inbox, pk)
        assert (entry.state, entry.next_attempt_at, entry.done_at) == ("ignored", None, NOW)
        assert self.claim(inbox) == []

    def test_a_duplicate(self, inbox: Inbox, other: Inbox) -> None:
        """The same content is the same event, however it is written; the first delivery stays."""
        first = new_entry(raw_body=body_of(note="Å"))
        again = replace(first, raw_body=body_of(layout=2, note="Å"), headers={}, event_timestamp=NOW)
        (recorded,) = inbox.record_many([first])
        assert other.record_many([first]) == inbox.record_many([again]) == [Recorded("duplicate", recorded.pk)]
        (entry,) = inbox.entries(EVERYTHING)
        assert (entry.raw_body, entry.headers) == (first.raw_body, first.headers)

    @pytest.mark.parametrize("state", ["processing", "processed", "failed", "dead", "ignored"])
    def test_a_duplicate_changes_no_state(self, state: str, inbox: Inbox) -> None:
        """A redelivery of an event that was claimed or finished leaves it as it is."""
        claim = self.claimed(inbox)
        self.settle(inbox, claim, state)  # type: ignore[arg-type]
        before = inbox.entries(EVERYTHING)
        assert inbox.record_many([new_entry()]) == [Recorded("duplicate", claim.pk)]
        assert inbox.entries(EVERYTHING) == before

    def test_a_conflict(self, inbox: Inbox, other: Inbox) -> None:
        """The same id with other content is an entry of its own, which never runs and changes nothing."""
        first, conflict = new_entry(), new_entry(raw_body=body_of(other=1))
        (recorded,) = inbox.record_many([first])
        (found,) = other.record_many([conflict])
        assert (found.state, found.pk == recorded.pk) == ("conflict", False)
        entry = self.entry(inbox, found.pk)
        assert (entry.state, entry.raw_body, entry.event_id) == ("conflict", conflict.raw_body, "evt_1")
        assert (entry.next_attempt_at, entry.done_at) == (None, NOW)
        assert self.entry(inbox, recorded.pk).raw_body == first.raw_body
        assert [claim.pk for claim in self.claim(inbox)] == [recorded.pk]
        assert inbox.record_many([first]) == [Recorded("duplicate", recorded.pk)]

    def test_the_same_conflict_twice(self, inbox: Inbox) -> None:
        """A conflict that is delivered again is one entry, and another conflict another."""
        first, second = new_entry(raw_body=body_of(other=1)), new_entry(raw_body=body_of(other=2))
        inbox.record_many([new_entry()])
        verdicts = [inbox.record_many([one])[0] for one in (first, first, second)]
        assert [verdict.state for verdict in verdicts] == ["conflict"] * 3
        assert verdicts[0] == verdicts[1] != verdicts[2]
        assert inbox.count(EVERYTHING) == 3

    def test_a_conflict_with_an_ignored_event(self, inbox: Inbox) -> None:
        """Whether a handler listens is no matter for what is the same event."""
        inbox.record_many([new_entry(state="ignored")])
        (verdict,) = inbox.record_many([new_entry(raw_body=body_of(other=1), state="ignored")])
        assert verdict.state == "conflict"
        assert inbox.count(EntryFilter(states=("conflict",))) == 1

    def test_one_event_several_times_in_a_batch(self, inbox: Inbox) -> None:
        """Of one event in a batch one is new; the verdicts come in the order of the deliveries."""
        one, two, three = new_entry("evt_1"), new_entry("evt_2"), new_entry("evt_3")
        inbox.record_many([two])
        conflict = replace(one, raw_body=body_of(other=1))
        verdicts = inbox.record_many([three, two, one, conflict, one, three, conflict])
        expected = ["new", "duplicate", "new", "conflict", "duplicate", "duplicate", "conflict"]
        assert [verdict.state for verdict in verdicts] == expected
        assert (verdicts[2].pk, verdicts[0].pk, verdicts[3].pk) == (verdicts[4].pk, verdicts[5].pk, verdicts[6].pk)
        assert inbox.count(EVERYTHING) == 4

    def test_an_endpoint_has_its_own_events(self, inbox: Inbox) -> None:
        """The same id at another endpoint is another event."""
        verdicts = inbox.record_many([new_entry(endpoint="eu"), new_entry(endpoint="us"), new_entry(endpoint="EU")])
        assert [verdict.state for verdict in verdicts] == ["new"] * 3
        assert inbox.count(EVERYTHING) == 3

    def test_ids_that_look_alike(self, inbox: Inbox) -> None:
        """Ids are compared byte by byte: capitals count, and so does the last of 255 characters."""
        ids = ["evt_a", "EVT_A", "evt_A", "e" * 255, "e" * 254 + "f", "e" * 254, "evt_%", "evt__"]
        verdicts = inbox.record_many([new_entry(event_id) for event_id in ids])
        assert [verdict.state for verdict in verdicts] == ["new"] * len(ids)
        for event_id, verdict in zip(ids, verdicts, strict=True):
            assert [entry.pk for entry in inbox.entries(EntryFilter(event_id=event_id))] == [verdict.pk]

    def test_texts_that_look_alike(self, inbox: Inbox) -> None:
        """License ids and ordering keys are any printable text, kept and compared as they are."""
        for number, text in enumerate(LOOK_ALIKES):
            (pk,) = self.record(inbox, f"evt_{number}", license_id=text, ordering_key=text)
            (entry,) = inbox.entries(EntryFilter(license_id=text))
            assert (entry.pk, entry.license_id, entry.ordering_key) == (pk, text, text)
        assert len(self.claim(inbox)) == len(LOOK_ALIKES)

    def test_a_batch_of_any_texts(self, inbox: Inbox) -> None:
        """Texts that mean something to a database or a driver come back as they were, also from a batch."""
        new = [
            new_entry(f"evt_{text}", event_type=text, license_id=text, ordering_key=text, headers={text: text})
            for text in TEXTS
        ]
        verdicts = inbox.record_many([*new, new_entry("no license")])
        assert [verdict.state for verdict in verdicts] == ["new"] * (len(new) + 1)
        entries = {entry.pk: entry for entry in inbox.entries(EVERYTHING)}
        for text, verdict in zip(TEXTS, verdicts, strict=False):
            entry = entries[verdict.pk]
            assert (entry.event_id, entry.event_type, entry.headers) == (f"evt_{text}", text, {text: text})
            assert (entry.license_id, entry.ordering_key) == (text, text)
        assert (entries[verdicts[-1].pk].license_id, entries[verdicts[-1].pk].ordering_key) == (None, None)
        assert inbox.record_many(new) == [Recorded("duplicate", verdict.pk) for verdict in verdicts[:-1]]

    def test_the_longest_names(self, inbox: Inbox) -> None:
        """An endpoint's name and an event's type may be as long as they are allowed to be."""
        new = new_entry("e" * 255, endpoint="n" * 100, event_type="t" * 100, license_id="l" * 255)
        (recorded,) = inbox.record_many([new])
        (claim,) = inbox.claim_many([new.endpoint], limit=1, lease=LEASE)
        assert (recorded.pk, new.event_id, new.event_type) == (claim.pk, claim.event_id, claim.event_type)

    @pytest.mark.parametrize("kind", BODIES)
    def test_a_body_is_kept_byte_for_byte(self, kind: str, inbox: Inbox, other: Inbox) -> None:
        """A worker gets the body that was signed, whatever is in it."""
        body = BODIES[kind]
        (recorded,) = inbox.record_many([new_entry(raw_body=body)])
        (claim,) = self.claim(other)
        assert (claim.raw_body == body, self.entry(other, recorded.pk).raw_body == body) == (True, True)
        assert inbox.record_many([new_entry(raw_body=body)]) == [Recorded("duplicate", recorded.pk)]

    @pytest.mark.parametrize("kind", TIMES)
    def test_an_event_may_be_of_any_time(self, kind: str, inbox: Inbox) -> None:
        """Whatever time a signed event bears, it is stored to the microsecond and comes back aware."""
        (pk,) = self.record(inbox, "evt_1", event_timestamp=TIMES[kind])
        (claim,) = self.claim(inbox)
        for found in (claim.event_timestamp, self.entry(inbox, pk).event_timestamp):
            assert (found, found.utcoffset() is None) == (TIMES[kind], False)

    def test_a_large_batch(self, inbox: Inbox) -> None:
        """Hundreds at once are stored in one call; later ones have higher numbers."""
        batch = [new_entry(f"evt_{number}") for number in range(500)]
        verdicts = inbox.record_many(batch)
        pks = [verdict.pk for verdict in verdicts]
        assert {verdict.state for verdict in verdicts} == {"new"}
        assert (pks == sorted(set(pks)), inbox.count(EVERYTHING)) == (True, 500)
        assert inbox.record_many(batch) == [Recorded("duplicate", pk) for pk in pks]

    def test_nothing(self, inbox: Inbox) -> None:
        """Every method that takes a batch takes an empty one."""
        assert (inbox.record_many([]), inbox.settle_many([])) == ([], [])
        assert (inbox.extend_many([], lease=LEASE), inbox.claim_many([], limit=10, lease=LEASE)) == ([], [])
        inbox.release_many([])

    def test_copies_at_once(self, inbox: Inbox, other: Inbox) -> None:
        """Of many deliveries of the same events at once, in two processes, each is new once."""
        batch: list[NewEntry] = [new_entry(f"evt_{number}") for number in range(20)]

        def deliver(thread: int) -> list[Recorded]:
            # In another order each: locks that are taken crosswise must not make any of them fail.
            turned = batch[thread:] + batch[:thread]
            return (inbox, other)[thread % 2].record_many(turned if thread % 4 < 2 else turned[::-1])

        verdicts = self.at_once(deliver)
        new = [verdict.pk for verdict in verdicts if verdict.state == "new"]
        assert (len(new), len(set(new))) == (20, 20)
        assert {verdict.state for verdict in verdicts} == {"new", "duplicate"}
        assert {verdict.pk for verdict in verdicts} == set(new)
