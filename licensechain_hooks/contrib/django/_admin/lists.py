"""The list of entries, however many there are: what a page needs is found through an index, and nothing is counted."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from licensechain_hooks.contrib.django._admin.texts import spelled_out
from licensechain_hooks.contrib.django.models import Entry

__all__ = [
    "MOST",
    "EndpointFilter",
    "EntryList",
    "FirstPages",
    "StateFilter",
    "TypeFilter",
    "distinct",
    "found",
    "in_state",
    "local_day",
    "received_days",
]

MOST = 10_000
"""How many entries a list has at most, and how many can be changed at once."""

_INDEXED = ("failed", "dead", "conflict", "ignored")
_WAITING = ("received", "processing")

if TYPE_CHECKING:
    _Paginator = Paginator[Entry]
else:
    _Paginator = Paginator


class FirstPages(_Paginator):
    """The pages of the newest `MOST` entries; there may be a million more, and to count them takes seconds."""

    @cached_property
    def _found(self) -> int:
        queryset: Any = self.object_list
        return int(queryset.order_by().values("pk")[: MOST + 1].count())

    @cached_property
    def count(self) -> int:
        """How many entries are listed."""
        return min(self._found, MOST)

    @property
    def is_cut(self) -> bool:
        """Whether there are more."""
        return self._found > MOST


class EntryList(ChangeList):
    """A list that leaves payloads where they are."""

    def get_results(self, request: HttpRequest) -> None:
        """The entries of a page; where nothing narrows the list, no link leads back to all of it."""
        super().get_results(request)
        if not request.GET:
            self.full_result_count = self.result_count

    def get_queryset(self, request: HttpRequest, *args: Any, **options: Any) -> QuerySet[Entry]:
        """The entries that are wanted."""
        return super().get_queryset(request, *args, **options).defer("raw_body", "headers", "error")


class _Choices(SimpleListFilter):
    """A filter that takes nothing but its choices."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> QuerySet[Entry]:  # noqa: ARG002
        value = self.value()
        if value is None:
            return queryset
        if value not in (str(lookup) for lookup, _title in self.lookup_choices):
            raise IncorrectLookupParameters
        return self.chosen(queryset, value)

    def chosen(self, queryset: QuerySet[Entry], value: str) -> QuerySet[Entry]:
        return queryset.filter(**{str(self.parameter_name): value})


class StateFilter(_Choices):
    """By state."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:  # noqa: ARG002
        return Entry.State.choices

    def chosen(self, queryset: QuerySet[Entry], value: str) -> QuerySet[Entry]:
        return in_state(queryset, value)


class TypeFilter(_Choices):
    """By event type: those that there are."""

    title = _("event type")
    parameter_name = "event_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [(name, spelled_out(name)) for name in distinct(model_admin.get_queryset(request), "event_type")]


class EndpointFilter(_Choices):
    """By endpoint, where there are several."""

    title = _("endpoint")
    parameter_name = "endpoint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [(name, spelled_out(name)) for name in distinct(model_admin.get_queryset(request), "endpoint")]

    def has_output(self) -> bool:
        return len(self.lookup_choices) > 1


def in_state(queryset: QuerySet[Entry], state: str) -> QuerySet[Entry]:
    """The entries in a state; a database uses a partial index only where it sees that it has all of them."""
    if state in _INDEXED:
        # Spelled as the index spells it: SQLite does not look at the values of parameters.
        has_all = RawSQL(
            "NOT (state = 'received') AND NOT (state = 'processing') AND NOT (state = 'processed')", (), BooleanField()
        )
        return queryset.filter(has_all, state=state)
    return queryset.filter(state=state, next_attempt_at__isnull=state not in _WAITING)


def distinct(queryset: QuerySet[Entry], column: str) -> list[str]:
    """The values of a column that an index begins with, from one to the next; SELECT DISTINCT reads all rows."""
    table = Entry._meta.db_table  # noqa: SLF001 - documented
    statement = (
        f"WITH RECURSIVE seen (value) AS (SELECT min({column}) FROM {table} "  # noqa: S608 - of names in this module
        f"UNION ALL SELECT (SELECT min({column}) FROM {table} WHERE {column} > seen.value) "
        "FROM seen WHERE seen.value IS NOT NULL) SELECT value FROM seen WHERE value IS NOT NULL"
    )
    with connections[queryset.db].cursor() as cursor:
        cursor.execute(statement)
        return [value for (value,) in cursor.fetchall()]


def found(queryset: QuerySet[Entry], terms: str) -> QuerySet[Entry]:
    """The entries that every term is the event id, the license or the type of; ``license.*`` is a family of types."""
    for term in terms.split():
        queryset = queryset.filter(_meant(queryset, term))
    return queryset


def _meant(queryset: QuerySet[Entry], term: str) -> Q:
    if term.endswith("*"):
        prefix = term.removesuffix("*")
        return Q(event_type__in=[name for name in distinct(queryset, "event_type") if name.startswith(prefix)])
    # The index that has the event id begins with the endpoint.
    event = Q(endpoint__in=distinct(queryset, "endpoint"), event_id=term)
    return event | Q(license_id=term) | Q(event_type=term)


def received_days(queryset: QuerySet[Entry]) -> tuple[date, date] | None:
    """The days of the first entry and of the last one."""
    moments = queryset.order_by("received_at").values_list("received_at", flat=True)
    first, last = moments.first(), moments.last()
    return None if first is None or last is None else (local_day(first), local_day(last))


def local_day(moment: datetime) -> date:
    """The day that a moment is on, in the current time zone."""
    return (timezone.localtime(moment) if timezone.is_aware(moment) else moment).date()
