"""Ordering keys: entries of one key run one after the other, in the order of their arrival."""

import pytest

from licensechain_hooks._entries import EntryFilter
from licensechain_hooks._stores import Inbox
from licensechain_hooks.testing._clock import FrozenClock
from licensechain_hooks.testing._inbox_conformance.suite import LEASE, SECOND, InboxSuite, SettledState, new_entry

__all__ = ["OrderingConformance"]


class OrderingConformance(InboxSuite):
    """`NewEntry.ordering_key`."""

    def test_one_of_a_key_at_a_time(self, inbox: Inbox, other: Inbox) -> None:
        """The second entry of a key waits until the first is finished; nobody else does."""
        pks = self.record(inbox, "evt_1", "evt_2", "evt_3", ordering_key="lic_1")
        rest = [*self.record(inbox, "evt_4", ordering_key="lic_2"), *self.record(inbox, "evt_5", "evt_6")]
        claims = self.claim(inbox)
        assert [claim.pk for claim in claims] == [pks[0], *rest]
        assert self.claim(other) == []
        self.settle(inbox, claims[0])
        (second,) = self.claim(other)
        assert second.pk == pks[1]
        self.settle(other, second)
        assert [claim.pk for claim in self.claim(inbox)] == [pks[2]]

    @pytest.mark.parametrize("state", ["processed", "dead", "ignored"])
    def test_what_is_finished_holds_nothing_back(self, state: SettledState, inbox: Inbox) -> None:
        """An entry that will not run again lets the next one of its key go on, a dead one too."""
        pks = self.record(inbox, "evt_1", "evt_2", ordering_key="lic_1")
        (first,) = self.claim(inbox)
        self.settle(inbox, first, state)
        assert [claim.pk for claim in self.claim(inbox)] == pks[1:]

    def test_an_entry_that_failed_holds_back(self, inbox: Inbox, clock: FrozenClock) -> None:
        """While an entry waits for its next attempt, the later ones of its key wait with it."""
        pks = self.record(inbox, "evt_1", "evt_2", ordering_key="lic_1")
        (first,) = self.claim(inbox)
        self.settle(inbox, first, "failed", delay=10 * SECOND)
        assert self.claim(inbox) == []
        clock.advance(10 * SECOND)
        assert [claim.pk for claim in self.claim(inbox)] == pks[:1]

    def test_a_released_entry_comes_first_again(self, inbox: Inbox) -> None:
        """Giving an entry back does not let a later one of its key pass."""
        pks = self.record(inbox, "evt_1", "evt_2", ordering_key="lic_1")
        inbox.release_many(self.claim(inbox))
        assert [claim.pk for claim in self.claim(inbox)] == pks[:1]

    def test_a_lost_entry_comes_first_again(self, inbox: Inbox, other: Inbox, clock: FrozenClock) -> None:
        """When a lease ends the same entry runs again, and no later one of its key."""
        pks = self.record(inbox, "evt_1", "evt_2", ordering_key="lic_1")
        self.claim(inbox)
        clock.advance(LEASE)
        assert [claim.pk for claim in self.claim(other)] == pks[:1]

    def test_ignored_entries_and_conflicts_hold_nothing_back(self, inbox: Inbox) -> None:
        """What never runs is not waited for."""
        self.record(inbox, "evt_1", state="ignored", ordering_key="lic_1")
        pks = self.record(inbox, "evt_2", ordering_key="lic_1")
        inbox.record_many([new_entry("evt_1", raw_body=b'{"type": "x", "data": 1}', ordering_key="lic_1")])
        pks += self.record(inbox, "evt_3", ordering_key="lic_1")
        (claim,) = self.claim(inbox)
        self.settle(inbox, claim)
        assert [claim.pk, *(claim.pk for claim in self.claim(inbox))] == pks

    def test_another_endpoint_has_its_own_keys(self, inbox: Inbox) -> None:
        """The same key at another endpoint is another key."""
        self.record(inbox, "evt_1", endpoint="eu", ordering_key="lic_1")
        self.record(inbox, "evt_2", endpoint="us", ordering_key="lic_1")
        assert len(inbox.claim_many(["eu", "us"], limit=10, lease=LEASE)) == 2

    def test_entries_held_back_do_not_fill_the_limit(self, inbox: Inbox) -> None:
        """A long queue behind one key does not starve the others."""
        (first,) = self.record(inbox, "evt_0", ordering_key="lic_1")
        inbox.record_many([new_entry(f"evt_{number}", ordering_key="lic_1") for number in range(1, 30)])
        (free,) = self.record(inbox, "evt_free")
        assert [claim.pk for claim in self.claim(inbox, 2)] == [first, free]

    def test_a_replayed_entry_comes_first_again(self, inbox: Inbox) -> None:
        """An earlier entry that is replayed runs before the later ones that still wait."""
        pks = self.record(inbox, "evt_1", "evt_2", "evt_3", ordering_key="lic_1")
        (first,) = self.claim(inbox)
        self.settle(inbox, first, "dead")
        assert inbox.replay(EntryFilter(pks=(first.pk,))) == 1
        assert [claim.pk for claim in self.claim(inbox)] == pks[:1]

    def test_a_discarded_entry_lets_the_next_go_on(self, inbox: Inbox) -> None:
        """Giving an entry up is a way out for those that wait for it."""
        pks = self.record(inbox, "evt_1", "evt_2", ordering_key="lic_1")
        assert inbox.discard(EntryFilter(pks=(pks[0],))) == 1
        assert [claim.pk for claim in self.claim(inbox)] == pks[1:]

    def test_workers_at_once_keep_the_order(self, inbox: Inbox, other: Inbox) -> None:
        """Many workers in two processes run the entries of each key in their order, one at a time."""
        keys = [f"lic_{number % 4}" for number in range(40)]
        key_of = {
            one.pk: key
            for key, one in zip(
                keys,
                inbox.record_many([new_entry(f"evt_{number}", ordering_key=key) for number, key in enumerate(keys)]),
                strict=True,
            )
        }
        ran: list[int] = []

        def work(thread: int) -> list[int]:
            mine = (inbox, other)[thread % 2]
            while len(ran) < len(keys):
                for claim in self.claim(mine, 3):
                    ran.append(claim.pk)  # before it is settled, so before the next of its key can be claimed
                    assert self.settle(mine, claim)
            return []

        self.at_once(work, threads=4)
        for key in set(keys):
            mine = [pk for pk in ran if key_of[pk] == key]
            assert mine == sorted(mine)
        assert sorted(ran) == sorted(key_of)
