"""What is sent: each case of the catalogue as one request, and what only several requests can show."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from licensechain_hooks.testing._catalogue import CATALOGUE, Case
from licensechain_hooks.testing._delivery import RawDelivery
from licensechain_hooks.testing._forge import Forge
from licensechain_hooks.testing.probe._compat import COMPAT_CATALOGUE
from licensechain_hooks.testing.probe._exchange import Reply
from licensechain_hooks.testing.probe._musts import ACCEPT, NOT_KEPT, SURVIVE, Must, must_of

__all__ = ["Item", "Line", "Profile", "Runs", "items_for"]

Profile = Literal["guide", "compat"]

_AT_ONCE = 20
_GIGABYTE = 2**30


class Line(Protocol):
    """The way to the endpoint."""

    forge: Forge

    def send(self, delivery: RawDelivery, *, cut: int = 0, hang_up: bool = False, briefly: bool = False) -> Reply:
        """Send a delivery, but its last ``cut`` bytes; hang up after it; or do not wait for long."""
        ...

    def send_raw(self, request: bytes) -> Reply:
        """Send these bytes."""
        ...

    def wire(self, delivery: RawDelivery) -> bytes:
        """A delivery as it would be sent."""
        ...

    def expect(self, runs: "Runs") -> None:
        """Note how often handlers may run for an event."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """How often handlers have to run for an event; ``row`` is that of the catalogue."""

    row: int
    event_id: str
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to find out.

    Attributes:
        row, name: of the catalogue.
        statuses: what our own adapters answer.
        must: what any receiver must answer.
        play: does it; the reply that counts.
        requests: how many it sends.
    """

    row: int
    name: str
    statuses: tuple[int, ...]
    must: Must
    play: Callable[[Line], Reply]
    requests: int = 1

    def __str__(self) -> str:
        return f"{self.row:02d}/{self.name.replace(' ', '-')}"


def items_for(profile: Profile) -> tuple[Item, ...]:
    """All items for an endpoint of a profile: a good delivery first, and another one last."""
    cases = CATALOGUE if profile == "guide" else COMPAT_CATALOGUE
    first, *others = map(_item, cases)
    rest = sorted([*others, *_SEVERAL], key=lambda item: item.row)
    last = Item(row=0, name="good after all of that", statuses=(200,), must=ACCEPT, play=first.play)
    return (first, *rest, last)


def _item(case: Case) -> Item:
    return Item(
        row=case.row,
        name=case.name,
        statuses=(case.status,),
        must=must_of(case),
        play=lambda line: line.send(case.make(line.forge)),
    )


def _expected(line: Line, row: int, *, times: int = 1) -> str:
    """The id of a new event, whose handlers have to run so often."""
    event_id = f"probe-{row}-{line.forge.clock():.6f}"
    line.expect(Runs(row=row, event_id=event_id, times=times))
    return event_id


def _one_after_the_other(line: Line, first: RawDelivery, second: RawDelivery) -> Reply:
    """Two deliveries: the second answer counts, if the first is a 2xx."""
    before = line.send(first)
    return line.send(second) if ACCEPT.holds_for(before.status or 0) else before


def _sent_again_later(line: Line) -> Reply:
    """A captured delivery, byte for byte but its timestamp header, which nobody has signed."""
    captured = line.forge.delivery(line.forge.body(id=_expected(line, 12)))
    return _one_after_the_other(
        line, captured.with_headers((b"X-Webhook-Timestamp", line.forge.timestamp(-60))), captured
    )


def _delivered_again(line: Line) -> Reply:
    """The sender's own redelivery: the same event, signed anew."""
    body = line.forge.body(id=_expected(line, 33))
    return _one_after_the_other(line, line.forge.delivery(body), line.forge.delivery(body + b" "))


def _other_content(line: Line) -> Reply:
    body = line.forge.body(id=_expected(line, 32))
    other = body.replace(b"lic_1", b"lic_2")
    return _one_after_the_other(line, line.forge.delivery(body), line.forge.delivery(other))


def _at_once(line: Line) -> Reply:
    """Twenty copies, each on a connection of its own; the worst answer counts."""
    delivery = line.forge.delivery(line.forge.body(id=_expected(line, 31)))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        replies = list(pool.map(lambda _number: line.send(delivery), range(_AT_ONCE)))
    return max(replies, key=lambda reply: (reply.status is None, reply.status or 0))


def _sender_gone(line: Line) -> Reply:
    delivery = line.forge.delivery(line.forge.body(id=_expected(line, 20, times=0)))
    line.send(delivery, cut=20, hang_up=True)
    return line.send(line.forge.delivery())


def _broken_chunk(line: Line) -> Reply:
    head, separator, _ = line.wire(replace(line.forge.delivery(), framing="chunked")).partition(b"\r\n\r\n")
    return line.send_raw(head + separator + b"zz\r\nabc\r\n0\r\n\r\n")


def _declared(line: Line) -> Reply:
    return line.send(replace(line.forge.delivery(), declared=_GIGABYTE), briefly=True)


_BUSY = Must(says="2xx or 409", statuses="2..|409|425")
_PATIENT = Must(says="4xx", statuses="[34]..", silence=True, waiting=True)

_SEVERAL = (
    Item(row=12, name="sent again with another time", statuses=(200,), must=ACCEPT, play=_sent_again_later, requests=2),
    Item(row=14, name="a gigabyte declared", statuses=(413,), must=_PATIENT, play=_declared),
    Item(row=15, name="broken chunk", statuses=(400,), must=NOT_KEPT, play=_broken_chunk),
    Item(
        row=19,
        name="the end of a body never comes",
        statuses=(408,),
        must=_PATIENT,
        play=lambda line: line.send(line.forge.delivery(), cut=20, briefly=True),
    ),
    Item(row=20, name="hangs up in the body", statuses=(200,), must=ACCEPT, play=_sender_gone, requests=2),
    Item(row=31, name="twenty at once", statuses=(200, 409), must=_BUSY, play=_at_once, requests=_AT_ONCE),
    Item(row=32, name="other content", statuses=(200,), must=SURVIVE, play=_other_content, requests=2),
    Item(row=33, name="delivered again", statuses=(200,), must=ACCEPT, play=_delivered_again, requests=2),
)
