"""A Django project for tests: importing it sets Django up with `settings`. It holds no tests.

Its tests reach it by ``import_module("django_project")``, with this folder's parent on ``sys.path``.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
django.setup()
