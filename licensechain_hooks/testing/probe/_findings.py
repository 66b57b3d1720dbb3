"""Judging what came back."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from licensechain_hooks.testing.probe._exchange import Reply
from licensechain_hooks.testing.probe._items import Item, Runs
from licensechain_hooks.testing.probe._musts import ROWS

__all__ = ["Finding", "Verdict", "gone", "judged", "judged_runs"]

Verdict = Literal["ok", "differs", "falls short", "unseen"]

_TOO_MANY = 429
_WAITS = "it waits, as does the server or a proxy in front of it perhaps: see to the read time-out and body limit there"
_HINTS = {
    401: "is it this endpoint's secret, its profile, its clock? before a good one is taken nothing tells anything",
    403: "something refuses it before the receiver does: CSRF, a login, an address filter",
    404: "is it the right path?",
    405: "is it the right path, and does it take POST?",
} | dict.fromkeys(
    (301, 302, 303, 307, 308), "it redirects, which LicenseChain need not follow: register the URL it leads to"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of one item of the catalogue.

    Attributes:
        row, name: of the catalogue.
        title: of the row: what was sent.
        expected: what our own adapters answer.
        must: what any receiver must answer.
        got: what came.
        verdict: ``ok``: as our own adapters do. ``differs``: otherwise, but not in a way that does harm by itself.
            ``falls short``: no receiver may do that. ``unseen``: nobody can tell from outside.
        why: what it leads to, or what to do in order to see.
        milliseconds: how long the answer took.
    """

    row: int
    name: str
    title: str
    expected: str
    must: str
    got: str
    verdict: Verdict
    why: str
    milliseconds: float = 0.0


def judged(item: Item, reply: Reply) -> Finding:
    """The finding for an item that was answered so."""
    verdict, why = _verdict(item, reply), ROWS[item.row].why
    if verdict == "unseen":
        why = "it limits the rate of requests: use --pause" if reply.status == _TOO_MANY else _WAITS
    elif item.row == 0 and verdict == "falls short":
        why = _HINTS.get(reply.status or 0, why)
    return _finding(item, got=reply.words, verdict=verdict, why=why, milliseconds=reply.milliseconds)


def _verdict(item: Item, reply: Reply) -> Verdict:
    if reply.status is None:
        if reply.is_late:
            return "unseen" if item.must.waiting else "falls short"
        return "differs" if item.must.silence else "falls short"
    if reply.status in item.statuses:
        return "ok"
    if reply.status == _TOO_MANY:
        return "unseen"
    return "differs" if item.must.holds_for(reply.status) else "falls short"


def gone(item: Item, trouble: str) -> Finding:
    """The finding for an item that could not be sent any more."""
    why = f"the endpoint is not there any more, after what was sent before: {trouble}"
    return _finding(item, got="no connection", verdict="falls short", why=why)


def _finding(item: Item, *, got: str, verdict: Verdict, why: str, milliseconds: float = 0.0) -> Finding:
    return Finding(
        row=item.row,
        name=item.name,
        title=ROWS[item.row].title,
        expected=" or ".join(map(str, item.statuses)),
        must=item.must.says,
        got=got,
        verdict=verdict,
        why=why,
        milliseconds=milliseconds,
    )


def judged_runs(runs: Runs, counted: Counter[str] | None) -> Finding:
    """The finding for how often handlers ran; ``None``: nobody has counted."""
    row = ROWS[runs.row]
    times = None if counted is None else counted[runs.event_id]
    why = row.why
    if times is None:
        verdict: Verdict = "unseen"
        why = "from outside nobody sees what runs: let a handler write down each event's id, and use --runs"
    elif times < runs.times:
        verdict, why = "unseen", "no handler wrote its id down: is it the right file?"
    else:
        verdict = "ok" if times == runs.times else "falls short"
    return Finding(
        row=runs.row,
        name="how often it runs",
        title=row.title,
        expected=_times(runs.times),
        must=_times(runs.times),
        got="-" if times is None else _times(times),
        verdict=verdict,
        why=why,
    )


def _times(number: int) -> str:
    return {0: "no run", 1: "1 run"}.get(number, f"{number} runs")
