"""A Django project whose handlers Celery runs, in the processes of its conformance tests."""

import os

import django
from celery import Celery
from django.conf import settings

from licensechain_hooks.testing.queue_conformance import SECRET, SETTINGS, Plan, conformance_hooks

plan = Plan.of_environment()
app = Celery("django_app", broker=os.environ["TEST_BROKER"])
app.conf.worker_hijack_root_logger = False

settings.configure(
    USE_TZ=True,
    INSTALLED_APPS=["licensechain_hooks.contrib.django"],
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": plan.inbox.removeprefix("sqlite:///")},
    },
    LICENSECHAIN_HOOKS={
        "SECRETS": [SECRET],
        "HOOKS": conformance_hooks(),
        "WORKER": SETTINGS,
        "ORDERING_KEY": plan.ordering_key,
        "PROCESSING": "celery",
    },
)
django.setup()

from licensechain_hooks.contrib.django.conf import get_receiver  # noqa: E402 - it needs the settings
from licensechain_hooks.contrib.django.queues import find_queue  # noqa: E402

queue = find_queue("celery")
receiver = get_receiver()
