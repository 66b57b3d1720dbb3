"""The app in a process of its own: what happens at start, and without Django."""

import os
import subprocess
import sys
from pathlib import Path

from django.core.checks import registry

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]

_DELIVER = """
import django
django.setup()
from django.test import Client
from licensechain_hooks.testing import event_body, make_event, sign_request
body = event_body(make_event("license.revoked", data={"id": "lic_7"}))
headers = sign_request(body, "the-signing-secret-of-the-project")
response = Client().post("/sync/", body, content_type=headers.pop("Content-Type"), headers=headers)
print(response.status_code, response.json()["status"])
"""
_WITHOUT_DJANGO = """
import sys
sys.modules["django"] = None
import licensechain_hooks.contrib
try:
    import licensechain_hooks.contrib.django
except ImportError as error:
    print(error)
"""


def _python(*arguments, cwd, **environ):
    paths = [here, *sys.path]
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_webhooks_modules_are_discovered(tmp_path):
    """The ``webhooks.py`` of an installed app is imported at start, and its handlers run."""
    done = _python("-c", _DELIVER, cwd=tmp_path, DJANGO_SETTINGS_MODULE="django_project.settings_discovery")
    assert (done.stdout.splitlines(), done.stderr) == (["locked lic_7", "200 processed"], "")


def test_manage_py_check(tmp_path):
    """``check`` passes for a project that is set up, and fails with the reason for one that is not."""
    good = _python("-m", "django", "check", cwd=tmp_path, DJANGO_SETTINGS_MODULE="django_project.settings_discovery")
    assert (good.returncode, good.stderr) == (0, "")
    secret = {"LICENSECHAIN_WEBHOOK_SECRET": "your-webhook-secret"}
    bad = _python("-m", "django", "check", cwd=tmp_path, DJANGO_SETTINGS_MODULE="django_project.settings", **secret)
    assert bad.returncode == 1
    assert "licensechain_hooks.E002" in bad.stderr
    assert "placeholder" in bad.stderr
    assert "your-webhook-secret" not in bad.stderr + bad.stdout


def test_a_misconfigured_project_starts(tmp_path):
    """Wrong settings crash nothing at start: the delivery is answered 503."""
    settings = {
        "DJANGO_SETTINGS_MODULE": "django_project.settings",
        "LICENSECHAIN_WEBHOOK_SECRET": "",
        "LICENSECHAIN_WEBHOOK_SECRET_FILE": "",
    }
    done = _python("-c", _DELIVER, cwd=tmp_path, **settings)
    assert done.stdout == "503 unavailable\n"


def test_the_app_keeps_its_label():
    """The label names tables, permissions and checks for ever; it is not the last part of the module."""
    from django.apps import apps

    app = apps.get_app_config("licensechain_hooks")
    assert (app.name, app.verbose_name) == ("licensechain_hooks.contrib.django", "LicenseChain webhooks")
    assert "licensechain_hooks" in registry.registry.tags_available()


def test_without_django(tmp_path):
    """Where Django is missing the import says what to install, and only this import does."""
    done = _python("-c", _WITHOUT_DJANGO, cwd=tmp_path)
    assert (done.stdout, done.stderr) == (
        "this package needs Django: pip install 'licensechain-hooks[django]'\n",
        "",
    )
