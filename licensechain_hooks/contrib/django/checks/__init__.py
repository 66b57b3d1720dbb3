"""System checks: ``manage.py check`` and every start of ``runserver`` tell what would fail at the first delivery.

`CHECKS` is the table of them.
"""

from collections.abc import Collection
from typing import Any

from django.core import checks

from licensechain_hooks.contrib.django.checks import _of_database, _of_deployment, _of_settings
from licensechain_hooks.contrib.django.checks._check import Check, Project

__all__ = ["CHECKS", "Check", "Project", "check_always", "check_database", "check_deployment", "register", "run"]

CHECKS: tuple[Check, ...] = tuple(
    sorted((*_of_settings.CHECKS, *_of_deployment.CHECKS, *_of_database.CHECKS), key=lambda check: check.id)
)
"""Every check of this app, by their ids."""


def run(*when: str) -> list[checks.CheckMessage]:
    """What the checks find.

    Args:
        when: which of them; see `Check`.
    """
    project = Project()
    return [
        _LEVELS[check.level](check.message, hint=hint, id=check.id)
        for check in CHECKS
        if check.when in when
        for hint in check.find(project)
    ]


def check_always(**_: Any) -> list[checks.CheckMessage]:
    """The checks of every start."""
    return run("always")


def check_deployment(**_: Any) -> list[checks.CheckMessage]:
    """The checks of ``check --deploy``."""
    return run("deploy")


def check_database(*, databases: Collection[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """The checks that ask the inbox's database, where that is one of ``databases``."""
    database = Project().database
    return run("database") if database is not None and database.alias in (databases or ()) else []


def register(tag: str) -> None:
    """Let Django run them."""
    checks.register(check_always, tag)
    checks.register(check_deployment, tag, deploy=True)
    checks.register(check_database, tag, checks.Tags.database)


_LEVELS = {"error": checks.Error, "warning": checks.Warning}
