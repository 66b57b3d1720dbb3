"""The way down to a day: years, months, days.

Django's own asks which of them have entries, and reads all of them for the answer; this one knows the first and the
last.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.utils.dates import MONTHS
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from licensechain_hooks.contrib.django._admin.lists import received_days

__all__ = ["FIELD", "choices"]

FIELD = "received_at"
_MOST_MONTHS = 18  # in a line; of more the years are shown first


def choices(changelist: Any) -> dict[str, Any]:
    """The context of ``admin/date_hierarchy.html``: where links lead, and the way back.

    Args:
        changelist: the list; it has refused whatever is no date.
    """
    found = received_days(changelist.root_queryset)
    return {"show": False} if found is None else _Way(changelist, *found).context()


class _Way:
    """The way from all dates to one day, and where somebody is on it."""

    def __init__(self, changelist: Any, first: date, last: date) -> None:
        self.changelist = changelist
        self.days = list(_days(first, last))
        self.months = list(dict.fromkeys((day.year, day.month) for day in self.days))
        self.year, self.month, self.day = (self._given(part) for part in ("year", "month", "day"))

    def context(self) -> dict[str, Any]:
        """What the template needs."""
        if self.year is None:
            return {"show": True, "back": None, "choices": self._beginning()}
        if self.month is None:
            return {"show": True, "back": self._everything(), "choices": self._months_of(self.year)}
        return {"show": True, **self._below_a_month(self.year, self.month)}

    def _beginning(self) -> list[dict[str, str]]:
        if len(self.months) == 1:
            return self._days_of(*self.months[0])
        if len(self.months) <= _MOST_MONTHS:
            return [self._to_month(*month) for month in self.months]
        return [self._to(str(year), year=year) for year in dict.fromkeys(year for year, _month in self.months)]

    def _below_a_month(self, year: int, month: int) -> dict[str, Any]:
        if self.day is not None:
            here = date_format(date(year, month, self.day), "MONTH_DAY_FORMAT")
            return {"back": self._to_month(year, month), "choices": [{"title": here}]}
        back = self._to(str(year), year=year) if len(self.months) > _MOST_MONTHS else self._everything()
        return {"back": back, "choices": self._days_of(year, month)}

    def _days_of(self, year: int, month: int) -> list[dict[str, str]]:
        return [
            self._to(date_format(day, "MONTH_DAY_FORMAT"), year=year, month=month, day=day.day)
            for day in self.days
            if (day.year, day.month) == (year, month)
        ]

    def _months_of(self, year: int) -> list[dict[str, str]]:
        return [self._to_month(*month) for month in self.months if month[0] == year]

    def _to_month(self, year: int, month: int) -> dict[str, str]:
        return self._to(f"{MONTHS[month]} {year}", year=year, month=month)

    def _everything(self) -> dict[str, str]:
        return self._to(_("All dates"))

    def _to(self, title: str, **parts: int) -> dict[str, str]:
        new = {f"{FIELD}__{part}": str(value) for part, value in parts.items()}
        return {"title": title, "link": self.changelist.get_query_string(new, [f"{FIELD}__"])}

    def _given(self, part: str) -> int | None:
        value = self.changelist.params.get(f"{FIELD}__{part}")
        return None if value is None else int(value)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
