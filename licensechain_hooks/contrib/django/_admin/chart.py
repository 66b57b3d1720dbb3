"""How many deliveries came in each of the last 24 hours, and what has become of them: as a picture and as a table."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet
from django.db.models.functions import TruncHour
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from licensechain_hooks.contrib.django._entries import now_in
from licensechain_hooks.contrib.django.models import Entry

__all__ = ["Chart", "Hour", "Segment", "Series", "deliveries_per_hour"]

_HOURS = 24
_WIDTH, _GAP, _HEIGHT = 20, 4, 100  # of a bar, between two, of the highest; in the picture's own units
_OUTCOMES: Mapping[str, Any] = MappingProxyType(
    {
        "processed": _("processed"),
        "ignored": _("ignored"),
        "waiting": _("waiting"),
        "failed": _("failed"),
        "conflict": _("conflict"),
        "dead": _("dead"),
    }
)
_WAITING = ("received", "processing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a bar, in the picture's own units."""

    outcome: str
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """An hour: its beginning, its numbers in the order of the outcomes, and its bar."""

    begins: datetime
    numbers: tuple[int, ...]
    segments: tuple[Segment, ...]
    x: int

    @property
    def total(self) -> int:
        """All deliveries of it."""
        return sum(self.numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """An outcome, how it is called, and how often it came."""

    outcome: str
    label: Any
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture of deliveries per hour."""

    hours: tuple[Hour, ...]
    series: tuple[Series, ...]
    peak: int
    width: int = _HOURS * _WIDTH
    height: int = _HEIGHT
    bar: int = _WIDTH - _GAP

    @property
    def total(self) -> int:
        """All deliveries."""
        return sum(one.total for one in self.series)


def deliveries_per_hour(entries: QuerySet[Entry]) -> Chart:
    """The chart of the last 24 hours, of which the last is the one that is running."""
    now = now_in(entries)
    first = (now - timedelta(hours=_HOURS - 1)).replace(minute=0, second=0, microsecond=0)
    counted = _counted(entries.filter(received_at__gte=first))
    begins = [first + timedelta(hours=number) for number in range(_HOURS)]
    numbers = [tuple(counted[begin, outcome] for outcome in _OUTCOMES) for begin in begins]
    peak = max(map(sum, numbers))
    hours = tuple(
        Hour(
            begins=timezone.localtime(begin) if timezone.is_aware(begin) else begin,
            numbers=these,
            segments=tuple(_stacked(these, peak, place * _WIDTH)),
            x=place * _WIDTH,
        )
        for place, (begin, these) in enumerate(zip(begins, numbers, strict=True))
    )
    totals = map(sum, zip(*numbers, strict=True))
    series = tuple(
        Series(outcome=outcome, label=label, total=total)
        for (outcome, label), total in zip(_OUTCOMES.items(), totals, strict=True)
    )
    return Chart(hours=hours, series=series, peak=peak)


def _counted(entries: QuerySet[Entry]) -> Counter[tuple[datetime, str]]:
    # In UTC, for which no database needs tables of time zones.
    hour = TruncHour("received_at", tzinfo=UTC if settings.USE_TZ else None)
    counted: Counter[tuple[datetime, str]] = Counter()
    for begins, state, number in (
        entries.order_by().annotate(hour=hour).values_list("hour", "state").annotate(number=Count("pk"))
    ):
        counted[begins, "waiting" if state in _WAITING else state] += number
    return counted


def _stacked(numbers: tuple[int, ...], peak: int, x: int) -> Iterator[Segment]:
    """The parts of a bar, from the ground up."""
    top = float(_HEIGHT)
    for outcome, number in zip(_OUTCOMES, numbers, strict=True):
        if number:
            height = _HEIGHT * number / peak
            top -= height
            yield Segment(outcome=outcome, x=x, y=round(top, 2), height=round(height, 2))
