"""More databases for the project while a test needs them, with the tables of all its apps."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.core.management import call_command
from django.db import connections
from sqlalchemy import make_url

_ENGINES = {"sqlite": "sqlite3", "postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}


def settings_of(url: str, **settings: Any) -> dict[str, Any]:
    """An item of DATABASES, for an address as SQLAlchemy reads it."""
    parsed = make_url(url)
    if _ENGINES[parsed.get_backend_name()] == "mysql":
        import pymysql

        pymysql.install_as_MySQLdb()
    given = {"USER": parsed.username, "PASSWORD": parsed.password, "HOST": parsed.host, "PORT": parsed.port}
    engine = f"django.db.backends.{_ENGINES[parsed.get_backend_name()]}"
    return {
        "ENGINE": engine,
        "NAME": parsed.database,
        **{name: value for name, value in given.items() if value},
        **settings,
    }


@contextmanager
def database(alias: str, url: str, *, migrate: bool = True, **settings: Any) -> Iterator[str]:
    """A database of the project's under an alias; its name."""
    import_module("licensechain_hooks.contrib.django.views")  # it looks at DATABASES once
    every = {"default": connections.settings["default"], alias: settings_of(url, **settings)}
    connections.settings[alias] = connections.configure_settings(every)[alias]
    try:
        if migrate:
            call_command("migrate", database=alias, verbosity=0, run_syncdb=True)
        yield alias
    finally:
        connections[alias].close()
        del connections[alias], connections.settings[alias]


def empty(alias: str) -> None:
    """Delete what handlers and inboxes have written to a database."""
    from django_project.shop.models import Lock
    from licensechain_hooks.contrib.django.models import Entry, HandlerRun, Newest

    for model in (HandlerRun, Entry, Newest, Lock):
        model.objects.using(alias)._raw_delete(alias)
