"""The admin in projects of other kinds, each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)
VISIT = """
import json, re
import django
django.setup()
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from licensechain_hooks.contrib.django.conf import get_receivers
from licensechain_hooks.contrib.django.models import Entry
from licensechain_hooks.testing.inbox_conformance import new_entry

call_command("check", fail_level="ERROR", verbosity=0)
call_command("makemigrations", "licensechain_hooks", check=True, dry_run=True, verbosity=0)
call_command("migrate", run_syncdb=True, verbosity=0)
get_receivers().inbox.record_many([new_entry("evt_1")])
entry = Entry.objects.get()
client = Client()
client.force_login(get_user_model().objects.create(email="ada@example.com", is_superuser=True))
pages = [f"/admin/licensechain_hooks/entry/{path}" for path in ("", "?q=evt_1", f"{entry.pk}/change/", f"discard/?pks={entry.pk}")]
answers = [client.get(page).status_code for page in ["/admin/", *pages]]
first = client.get(pages[0]).content.decode()
day = re.search(r'href="([?]received_at[^"]+)"', first)[1].replace("&amp;", "&")
answers += [client.post("/admin/licensechain_hooks/entry/discard/", {"pks": entry.pk, "force": "on"}).status_code]
print(json.dumps({
    "answers": answers,
    "found on its day": "evt_1" in client.get(pages[0] + day).content.decode(),
    "in the chart": re.search(r'waiting</span> <b>(\\d)', first)[1],
    "state": Entry.objects.get().state,
    "who": [str(one.user) for one in LogEntry.objects.all()],
}))
"""


@pytest.mark.parametrize("environment", [{}, {"NAIVE": "1"}], ids=["custom user", "without time zones"])
def test_other_projects(environment, tmp_path):
    """A user model of the project's own, and times without zones, change nothing; no migration is missing."""
    paths = os.pathsep.join(path for path in (HERE, *sys.path) if path)
    settings = {"PYTHONPATH": paths, "DJANGO_SETTINGS_MODULE": "django_project.settings_members"}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", VISIT],
        env=os.environ | settings | environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "answers": [200, 200, 200, 200, 200, 302],
        "found on its day": True,
        "in the chart": "1",
        "state": "ignored",
        "who": ["ada@example.com"],
    }
