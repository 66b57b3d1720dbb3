"""The inbox in Django's databases, through the suite that every inbox goes through."""

from collections.abc import Iterator
from typing import Any

import pytest

from licensechain_hooks import Inbox
from licensechain_hooks.testing.inbox_conformance import FrozenClock, InboxConformance

pytest_plugins = ["django_project.support"]


class DjangoConformance(InboxConformance):
    """An inbox in a database of the project's, beside the tables of its apps."""

    alias: str

    def use(self, alias: str) -> None:
        """Begin with an empty database."""
        from django_project.databases import empty

        self.alias = alias
        empty(alias)

    def make_inbox(self, clock: FrozenClock, **settings: Any) -> Inbox:
        from licensechain_hooks.contrib.django.inbox import DjangoInbox  # needs Django configured

        return DjangoInbox(self.alias, clock=clock, **settings)

    def open_again(self, inbox: Inbox, clock: FrozenClock) -> Inbox:
        return self.make_inbox(clock)

    def write(self, transaction: Any, word: str) -> None:
        from django_project.shop.models import Lock

        Lock.objects.using(self.alias).create(license=word)

    def written(self) -> list[str]:
        from django_project.shop.models import Lock

        return list(Lock.objects.using(self.alias).order_by("license").values_list("license", flat=True))


class TestSQLite(DjangoConformance):
    """A file."""

    @pytest.fixture(autouse=True)
    def _store(self, sqlite: str) -> None:
        self.use(sqlite)


class TestPostgreSQL(DjangoConformance):
    """A server."""

    @pytest.fixture(autouse=True)
    def _store(self, postgres: str) -> None:
        self.use(postgres)


class TestPostgreSQLWithoutTimeZones(DjangoConformance):
    """A server, in a project that has kept ``USE_TZ = False``, where Django's own times are naive."""

    @pytest.fixture(autouse=True)
    def _store(self, postgres: str) -> Iterator[None]:
        from django.test import override_settings

        with override_settings(USE_TZ=False, TIME_ZONE="Europe/Berlin"):
            self.use(postgres)
            yield


class TestMariaDB(DjangoConformance):
    """A server, where there is one."""

    @pytest.fixture(autouse=True)
    def _store(self, mariadb: str) -> None:
        self.use(mariadb)
