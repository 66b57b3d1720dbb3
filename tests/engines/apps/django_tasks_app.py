"""A Django project with ``PROCESSING = "tasks"``, whose tasks are in a database apart from the inbox's."""

import os
from importlib.util import find_spec

import django
import sqlalchemy
from django.conf import settings

from licensechain_hooks.testing.queue_conformance import SECRET, SETTINGS, Plan, conformance_hooks

BACKPORT = [] if find_spec("django.tasks") else ["django_tasks"]
plan = Plan.of_environment()
broker = sqlalchemy.make_url(os.environ["TEST_BROKER"])


class Router:
    """The tables of the tasks are in the other database."""

    def db_for_read(self, model, **_hints):
        return "tasks" if model._meta.app_label == "django_tasks_database" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **_hints):
        return (db == "tasks") == (app_label == "django_tasks_database")


settings.configure(
    USE_TZ=True,
    INSTALLED_APPS=[*BACKPORT, "django_tasks_db", "licensechain_hooks.contrib.django"],
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": plan.inbox.removeprefix("sqlite:///")},
        "tasks": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": broker.database,
            "USER": broker.username,
            "PASSWORD": broker.password,
            "HOST": broker.host,
            "PORT": broker.port,
        },
    },
    DATABASE_ROUTERS=[f"{__name__}.Router"],
    TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}},
    LICENSECHAIN_HOOKS={
        "SECRETS": [SECRET],
        "HOOKS": conformance_hooks(),
        "WORKER": SETTINGS,
        "ORDERING_KEY": plan.ordering_key,
        "PROCESSING": "tasks",
    },
)
django.setup()

from licensechain_hooks.contrib.django.conf import get_receiver  # noqa: E402 - it needs the settings
from licensechain_hooks.contrib.django.queues import find_queue  # noqa: E402

queue = find_queue("tasks")
receiver = get_receiver()
