"""The project with a user model of its own, and where ``NAIVE`` says so without time zones; its database is in memory."""

import os

from django_project.settings import *  # noqa: F403
from django_project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_project.members"]
AUTH_USER_MODEL = "members.Member"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
LICENSECHAIN_HOOKS = {"SECRETS": ["the-signing-secret-of-the-project"], "PROCESSING": "worker"}
if "NAIVE" in os.environ:
    USE_TZ = False
    TIME_ZONE = "America/New_York"
