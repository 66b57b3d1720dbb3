"""Send the catalogue to an endpoint, one request after the other, and judge each answer."""

import re
import time
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from licensechain_hooks._loopback import is_loopback
from licensechain_hooks.testing._delivery import RawDelivery
from licensechain_hooks.testing._forge import Forge
from licensechain_hooks.testing._target import Target, split_url
from licensechain_hooks.testing.probe._exchange import Reply, UnreachableError, exchange
from licensechain_hooks.testing.probe._findings import Finding, gone, judged, judged_runs
from licensechain_hooks.testing.probe._items import Item, Profile, Runs, items_for
from licensechain_hooks.testing.probe._runs import settled_runs

__all__ = ["Probe", "size_of"]

_BRIEFLY = 5.0  # seconds for what may well never be answered
_GONE = 3  # times without a connection, after which the endpoint is not there any more


class Probe:
    """Sends deliveries of every kind to one endpoint. Bounded in number, size and time; nothing else is contacted.

    Among them are good ones of harmless made-up events, which the endpoint's handlers will run for.

    Args:
        url: of the endpoint; ``http`` or ``https``. Redirects are not followed.
        secret: its signing secret.
        profile: which deliveries it is meant to take; see `Endpoint`.
        max_body: the largest body it is meant to take, in bytes.
        seconds: within which each answer must come.
        pause: seconds between two requests, for an endpoint that limits their rate.
        only: ``ROW``, ``ROW/NAME`` or ``NAME`` of what is to be sent; by default all.
        runs: a file to which the endpoint's handler appends each event's id, on a line of its own. With it it is also
            seen how often handlers run for events that arrive twice.
        allow_remote: whether other hosts than this machine are allowed.

    Attributes:
        items: what will be sent.

    Raises:
        ValueError: a URL that cannot be probed, or not without ``allow_remote``; nothing of that name.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        profile: Profile = "guide",
        max_body: int = 2**20,
        seconds: float = 5.0,
        pause: float = 0.0,
        only: Sequence[str] = (),
        runs: Path | None = None,
        allow_remote: bool = False,
    ) -> None:
        target = split_url(url)
        if not allow_remote and not is_loopback(target.host):
            msg = f"{target.host} is not this machine"
            raise ValueError(msg)
        self.items = _chosen(items_for(profile), only)
        self._line = _Line(target, Forge(secret=secret, max_body=max_body), seconds=seconds, pause=pause)
        self._runs = runs

    def findings(self) -> Iterator[Finding]:
        """Send everything; each finding as it comes. After a good delivery that is refused nothing else is sent.

        Raises:
            UnreachableError: there is no connection to begin with.
        """
        self._line.expected.clear()
        good, *rest = self.items
        first = judged(good, good.play(self._line))
        yield first
        if first.verdict not in {"ok", "differs"}:
            return
        lost = 0
        for item in rest:
            try:
                found = judged(item, item.play(self._line))
                lost = 0
            except UnreachableError as error:
                found = gone(item, str(error))
                lost += 1
            yield found
            if lost == _GONE:
                return
        expected = self._line.expected
        counted = None if self._runs is None or not expected else settled_runs(self._runs, expected)
        yield from (judged_runs(runs, counted) for runs in expected)


def size_of(profile: Profile, max_body: int) -> tuple[int, int]:
    """How many requests a whole probe sends, and how many megabytes at most."""
    items = items_for(profile)
    large = sum(item.row == 14 for item in items)
    return sum(item.requests for item in items), -(-(large * (max_body + 2**10) + 2**20) // 10**6)


class _Line:
    """The way to the endpoint, and what has to be looked at later."""

    def __init__(self, target: Target, forge: Forge, *, seconds: float, pause: float) -> None:
        self.forge = forge
        self.expected: list[Runs] = []
        self._target = target
        self._seconds = seconds
        self._pause = pause

    def send(self, delivery: RawDelivery, *, cut: int = 0, hang_up: bool = False, briefly: bool = False) -> Reply:
        request = self.wire(delivery)
        seconds = min(self._seconds, _BRIEFLY) if briefly else self._seconds
        return self._exchange(request[: len(request) - cut], method=delivery.method, seconds=seconds, hang_up=hang_up)

    def send_raw(self, request: bytes) -> Reply:
        return self._exchange(request, seconds=self._seconds)

    def wire(self, delivery: RawDelivery) -> bytes:
        return delivery.wire(self._target.path, self._target.address)

    def expect(self, runs: Runs) -> None:
        self.expected.append(runs)

    def _exchange(self, request: bytes, **settings: Any) -> Reply:
        if self._pause:
            time.sleep(self._pause)
        return exchange(self._target, request, **settings)


def _chosen(items: tuple[Item, ...], only: Sequence[str]) -> tuple[Item, ...]:
    """The items that are asked for, after the good delivery without which nothing tells anything."""
    if not only:
        return items
    names = {_key(str(item)): item for item in items}
    chosen = {_key(str(items[0]))}
    for text in only:
        found = [key for key in names if _is_meant(text, key)]
        if not found:
            close = get_close_matches(_key(text), [*names, *(key[3:] for key in names)], n=1, cutoff=0.5)
            msg = f"nothing of the catalogue is called {text!r}" + (f"; did you mean {close[0]}?" if close else "")
            raise ValueError(msg)
        chosen.update(found)
    return tuple(item for key, item in names.items() if key in chosen)


def _key(text: str) -> str:
    return re.sub(r"[\s-]+", "-", text.casefold())


def _is_meant(text: str, key: str) -> bool:
    row, name = key.split("/", 1)
    wanted, slash, rest = _key(text).partition("/")
    if slash:
        return wanted.zfill(2) == row and rest == name
    return wanted.zfill(2) == row if wanted.isdecimal() and len(wanted) <= 2 else wanted == name
