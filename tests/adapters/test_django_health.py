"""Django answers probes, whatever the project does to views that people use."""

import gc
import sys
from pathlib import Path

import pytest
from django.db import connection

from licensechain_hooks.contrib.django.conf import get_receiver

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytestmark = pytest.mark.usefixtures("patient_health")
pytest_plugins = ["django_project.support"]

_LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"


def probe(site, path="", method="GET"):
    response = site.request(method, f"/{site.host}-health/{path}")
    return response.status_code, response.json() if response.content else None


def test_all_is_well(site, no_worker, settings):
    """Both probes are answered 200, to whom nobody has let in as well."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, _LOGIN_REQUIRED]
    assert probe(site) == (200, {"status": "ready"})
    assert probe(site, "live/") == (200, {"status": "live"})
    assert (probe(site, method="HEAD"), probe(site, method="POST")[0]) == ((200, None), 405)


def test_inline_mode(site):
    """Without an inbox there is nothing to wait for."""
    assert probe(site) == (200, {"status": "ready"})


def test_no_tables(site, no_worker):
    """Where nobody has migrated, the process is not ready: deliveries would be answered 503."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE licensechain_hooks_entry RENAME TO hidden")
    try:
        assert probe(site) == (503, {"status": "not ready"})
        assert probe(site, "live/") == (200, {"status": "live"})
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE hidden RENAME TO licensechain_hooks_entry")


def test_settings_that_give_no_receiver(site, settings):
    """A project whose settings are wrong is not ready: it answers deliveries 503."""
    settings.LICENSECHAIN_HOOKS |= {"TOLERANCE": 300}
    assert probe(site) == (503, {"status": "not ready"})


def test_probes_leave_no_connection_behind(site, no_worker):
    """Without CONN_MAX_AGE the thread that asks closes its connection: one that is left open would be warned of."""
    assert {probe(site)[0] for _ in range(5)} == {200}
    get_receiver().stop()
    gc.collect()
