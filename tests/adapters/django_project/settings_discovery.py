"""The project with an app whose ``webhooks.py`` registers on the default hooks of the whole process."""

from django_project.settings import *  # noqa: F403
from django_project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_project.discovered"]
LICENSECHAIN_HOOKS = {"SECRETS": ["the-signing-secret-of-the-project"], "PROCESSING": "inline"}
