"""What can be done with entries: each has a permission and a page that asks first, and means what a command does."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from licensechain_hooks.inbox import EntryFilter, Inbox

__all__ = ["CHANGES", "Change"]

_AT_ONCE = 500  # entries in a statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that is done with entries.

    Attributes:
        name: of its action, its URL and its permission.
        label: of its button.
        choice: of its action in the list's menu.
        effect: what it leads to.
        usual: the states of the entries it is done with.
        forced: those it is done with when that is asked for.
        force_label: how that is asked.
        done: what is said afterwards, by ``count``.
        log: what the history of an entry says.
        is_final: whether nothing undoes it.
        apply: does it; how many entries have changed.
    """

    name: str
    label: Any
    choice: Any
    title: Any
    effect: Any
    usual: tuple[str, ...]
    forced: tuple[str, ...] = ()
    force_label: Any = ""
    done: Any
    log: Any
    is_final: bool = False
    apply: Callable[[Inbox, EntryFilter, bool], int]

    def states(self, *, force: bool) -> tuple[str, ...]:
        """The states of the entries it is done with."""
        return (*self.usual, *self.forced) if force else self.usual

    def make(self, inbox: Inbox, pks: Sequence[int], *, force: bool) -> int:
        """Do it with these entries, as far as their states allow; how many have changed.

        Raises:
            StoreUnavailableError: the database cannot answer; some may have changed.
        """
        states: Any = self.states(force=force)
        wanted = (EntryFilter(pks=tuple(some), states=states) for some in _pieces(pks))
        return sum(self.apply(inbox, one, force) for one in wanted)

    def question(self, count: int) -> str:
        """What is asked first."""
        return str(self.title % {"count": count})

    def report(self, count: int) -> str:
        """What is said of so many changed entries."""
        return str(self.done % {"count": count})


def left_alone(count: int) -> str:
    """What is said of entries that stayed."""
    text = ngettext(
        "%(count)d entry stays as it is: its state does not allow it, or its payload is purged.",
        "%(count)d entries stay as they are: their state does not allow it, or their payload is purged.",
        count,
    )
    return text % {"count": count}


def by_state(states: Sequence[str], labels: Mapping[str, str | Promise]) -> str:
    """How many entries are in which state, in words."""
    counted = Counter(states)
    return ", ".join(f"{counted[state]} {label}" for state, label in labels.items() if counted[state])


def _pieces(pks: Sequence[int]) -> Iterator[Sequence[int]]:
    return (pks[first : first + _AT_ONCE] for first in range(0, len(pks), _AT_ONCE))


_REPLAY = Change(
    name="replay",
    label=_("Replay"),
    choice=_("Replay selected %(verbose_name_plural)s"),
    title=ngettext_lazy("Replay %(count)d entry?", "Replay %(count)d entries?", "count"),
    effect=_("A worker runs the handlers that have not succeeded again, with all their attempts."),
    usual=("failed", "dead"),
    forced=("processed", "ignored"),
    force_label=_("Also processed and ignored ones, and all handlers again: what they have done, they do once more"),
    done=ngettext_lazy(
        "%(count)d entry is replayed: a worker runs it.", "%(count)d entries are replayed: a worker runs them.", "count"
    ),
    log=_("Replayed."),
    apply=lambda inbox, wanted, force: inbox.replay(wanted, force=force),
)
_DISCARD = Change(
    name="discard",
    label=_("Discard"),
    choice=_("Discard selected %(verbose_name_plural)s"),
    title=ngettext_lazy("Discard %(count)d entry?", "Discard %(count)d entries?", "count"),
    effect=_("Handlers do not run for it any more; it becomes ignored, and goes when its time has come."),
    usual=("failed", "dead"),
    forced=("received",),
    force_label=_("Also those that wait for their first attempt"),
    done=ngettext_lazy("%(count)d entry is discarded.", "%(count)d entries are discarded.", "count"),
    log=_("Discarded."),
    apply=lambda inbox, wanted, _force: inbox.discard(wanted),
)
_PURGE = Change(
    name="purge",
    label=_("Purge payload"),
    choice=_("Purge payloads of selected %(verbose_name_plural)s"),
    title=ngettext_lazy("Purge the payload of %(count)d entry?", "Purge the payloads of %(count)d entries?", "count"),
    effect=_("Body and headers are deleted now and for good. The event stays known, but can never be replayed."),
    usual=("processed", "ignored", "conflict", "dead"),
    done=ngettext_lazy("%(count)d payload is purged.", "%(count)d payloads are purged.", "count"),
    log=_("Payload purged."),
    is_final=True,
    apply=lambda inbox, wanted, _force: inbox.purge_payloads(wanted),
)

CHANGES: Mapping[str, Change] = MappingProxyType({change.name: change for change in (_REPLAY, _DISCARD, _PURGE)})
