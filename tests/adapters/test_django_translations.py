"""The texts of the admin in German: complete, compiled as they are written, and shown to whoever reads German."""

import os
import re
import shutil
import subprocess
import sys
from gettext import GNUTranslations
from pathlib import Path

import pytest
from django.utils import translation

import licensechain_hooks.contrib.django

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support", "django_project.staff"]

APP = Path(licensechain_hooks.contrib.django.__file__).parent
FOLDER = Path("locale/de/LC_MESSAGES")


def _run(*command, cwd):
    """What a program prints; it must succeed."""
    environ = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def copied(tmp_path):
    """A copy of the app, where there are the tools that look for its texts."""
    if shutil.which("xgettext") is None:
        if "gettext" in re.split(r"[\s,]+", os.environ.get("LICENSECHAIN_TEST_REQUIRE", "")):
            pytest.fail("gettext is not installed, and LICENSECHAIN_TEST_REQUIRE asks for it", pytrace=False)
        pytest.skip("gettext is not installed")
    return shutil.copytree(APP, tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))


def test_every_text_is_translated(copied):
    """``makemessages`` finds nothing new, nothing that has changed and nothing that is gone."""
    command = ("-m", "django", "makemessages", "-l", "de", "--no-location", "--no-wrap", "-v", "0")
    _run(sys.executable, *command, cwd=copied)
    for kind in ("--untranslated", "--only-fuzzy", "--only-obsolete"):
        assert _run("msgattrib", kind, "--no-wrap", str(FOLDER / "django.po"), cwd=copied) == ""


def test_what_is_shipped_is_compiled_of_what_is_written(copied):
    """The compiled file has the texts of the other one."""
    _run("msgfmt", "-o", "new.mo", str(FOLDER / "django.po"), cwd=copied)
    catalogs = []
    for path in (copied / "new.mo", APP / FOLDER / "django.mo"):
        with path.open("rb") as file:
            catalogs.append(GNUTranslations(file)._catalog)
    assert catalogs[0] == catalogs[1]
    assert len(catalogs[0]) > 80


def test_models_in_german():
    """Names and states are what a German reads."""
    from licensechain_hooks.contrib.django.models import Entry

    with translation.override("de"):
        assert (str(Entry._meta.verbose_name_plural), Entry.State.DEAD.label) == ("Einträge", "aufgegeben")
    with translation.override("en"):
        assert (str(Entry._meta.verbose_name_plural), Entry.State.DEAD.label) == ("entries", "dead")


def test_the_admin_in_german(staff, filled, settings):
    """A project whose language is German has German pages, those that are templates too."""
    settings.LANGUAGE_CODE = "de"
    filled.settle("evt_1", "dead", license_id="lic_1")
    page = staff("view_entry").page("changelist")
    assert ("Zustellungen der letzten 24 Stunden" in page, "aufgegeben" in page) == (True, True)
    assert "Deliveries of the last" not in page
