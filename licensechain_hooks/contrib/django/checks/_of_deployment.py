"""What is told by ``check --deploy``: what works on one machine, and not where many deliveries arrive."""

import os
import re
from collections.abc import Iterator

from django.conf import settings as django_settings

from licensechain_hooks.contrib.django.checks._check import Check, Project

__all__ = ["CHECKS"]

_WORKERS = re.compile(r"(?:^|\s)(?:-w|--workers)[ =]?(\d+)")


def _inline(project: Project) -> Iterator[str]:
    """The ids of events are kept in the memory of one process, so another one, or the next, runs a duplicate again."""
    settings = project.settings
    if settings is not None and settings.processing == "inline" and settings.deduplicator is None:
        yield "Set PROCESSING to 'thread' or 'worker', or DEDUPLICATOR to a Redis: both remember what has run."


def _plain_http(project: Project) -> Iterator[str]:
    """Over plain HTTP everybody on the way reads license data, and the signature keeps nothing secret."""
    if project.settings is not None and not (
        django_settings.SECURE_SSL_REDIRECT or django_settings.SECURE_PROXY_SSL_HEADER
    ):
        yield (
            "Register an https:// URL at LicenseChain, and set SECURE_PROXY_SSL_HEADER (behind a proxy that ends TLS) "
            "or SECURE_SSL_REDIRECT; a delivery to an http:// URL is lost by a redirect."
        )


def _journal(project: Project) -> Iterator[str]:
    """Without a write-ahead log deliveries and whoever reads the file wait for each other."""
    if _in_sqlite(project) and "wal" not in str(project.options.get("init_command", "")).lower():
        yield (
            f"Set OPTIONS of {_alias(project)!r} to "
            '{"init_command": "PRAGMA journal_mode=WAL;", "transaction_mode": "IMMEDIATE"}.'
        )


def _many_processes(project: Project) -> Iterator[str]:
    """One process writes to a SQLite file at a time; others wait, and when they have waited too long answer 503."""
    if _in_sqlite(project) and (number := _processes()) > 1:
        yield f"{number} processes would share {_alias(project)!r}: use PostgreSQL, or one process with threads."


def _lock_timeout(project: Project) -> Iterator[str]:
    """While somebody holds a table lock a delivery waits for ever, and its sender gives up after five seconds."""
    vendor = project.database.vendor if project.stores and project.database is not None else ""
    options = project.options
    if vendor == "postgresql" and "service" not in options and not _bounds_waiting(options.get("options")):
        yield f'Set OPTIONS of {_alias(project)!r} to {{"options": "-c lock_timeout=2s"}}: 503 is an answer, too.'
    if vendor == "mysql" and not _bounds_waiting(options.get("init_command")):
        yield (
            f"Set OPTIONS of {_alias(project)!r} to "
            '{"init_command": "SET innodb_lock_wait_timeout = 2, lock_wait_timeout = 2"}.'
        )


def _bounds_waiting(option: object) -> bool:
    return re.search("lock_timeout|statement_timeout|lock_wait_timeout", str(option or "")) is not None


def _in_sqlite(project: Project) -> bool:
    return project.stores and project.database is not None and project.database.vendor == "sqlite"


def _alias(project: Project) -> str:
    return "" if project.database is None else project.database.alias


def _processes() -> int:
    """How many a server is told to start, by the environment that gunicorn and uvicorn read."""
    asked = [os.environ.get("WEB_CONCURRENCY", ""), *_WORKERS.findall(os.environ.get("GUNICORN_CMD_ARGS", ""))]
    return max([int(number) for number in asked if number.isdecimal()], default=1)


CHECKS = (
    Check(
        id="licensechain_hooks.W005",
        level="warning",
        when="deploy",
        message="PROCESSING is 'inline', so what has run is remembered by one process only.",
        find=_inline,
    ),
    Check(
        id="licensechain_hooks.W006",
        level="warning",
        when="deploy",
        message="Deliveries may arrive over plain HTTP.",
        find=_plain_http,
    ),
    Check(
        id="licensechain_hooks.W007",
        level="warning",
        when="deploy",
        message="Deliveries are stored in SQLite without a write-ahead log.",
        find=_journal,
    ),
    Check(
        id="licensechain_hooks.W008",
        level="warning",
        when="deploy",
        message="Deliveries are stored in SQLite by several processes.",
        find=_many_processes,
    ),
    Check(
        id="licensechain_hooks.W009",
        level="warning",
        when="deploy",
        message="Deliveries are stored in a database that lets them wait for a lock without an end.",
        find=_lock_timeout,
    ),
)
