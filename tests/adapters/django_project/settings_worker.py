"""The project in a process of its own, its database in the current folder; another process runs its handlers."""

from datetime import timedelta
from pathlib import Path

from django_project.settings import *  # noqa: F403
from django_project.settings import INSTALLED_APPS
from licensechain_hooks import Hooks

INSTALLED_APPS = [*INSTALLED_APPS, "django_project.worked"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path.cwd() / "shop.sqlite3"}}
LICENSECHAIN_HOOKS = {
    "SECRETS": ["the-signing-secret-of-the-project"],
    "PROCESSING": "worker",
    "WORKER": {
        "poll": timedelta(milliseconds=20),
        "lease": timedelta(milliseconds=500),
        "concurrency": 2,
        "backoff": lambda _attempt: timedelta(hours=1),
    },
}
if Path("inline").exists():
    LICENSECHAIN_HOOKS |= {"PROCESSING": "inline", "HOOKS": Hooks()}  # those of the app need an inbox
