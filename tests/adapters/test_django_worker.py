"""``manage.py licensechain_worker``: a process of its own, stopped by signals, killed, and what it says."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from licensechain_hooks.testing import event_body, make_event
from licensechain_hooks.testing.inbox_conformance import new_entry

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]


class Shop:
    """The project in a folder, with an inbox, and its worker in another process."""

    def __init__(self, folder):
        from django_project.support import Stored

        self.folder = folder
        self.started = []
        self.stored = Stored("shop")

    def command(self, *arguments):
        """A command of the project's, begun."""
        paths = os.pathsep.join(path for path in (here, *sys.path) if path)
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "django", *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": paths, "DJANGO_SETTINGS_MODULE": "django_project.settings_worker"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def worker(self, *arguments):
        """The worker, begun."""
        return self.command("licensechain_worker", *arguments)

    def said(self, process):
        """How a command has ended: its exit code, what it wrote, and its complaints."""
        output, errors = process.communicate(timeout=60)
        return process.returncode, output.strip(), errors

    def record(self, *event_types):
        """Deliveries, stored as the web process stores them."""
        from licensechain_hooks.contrib.django.inbox import DjangoInbox

        entries = [
            new_entry(
                f"evt_{number}",
                event_type=event_type,
                event_timestamp=datetime.now(UTC),
                raw_body=event_body(make_event(event_type, event_id=f"evt_{number}")),
            )
            for number, event_type in enumerate(event_types)
        ]
        DjangoInbox("shop").record_many(entries)

    def states(self):
        """The states of the entries."""
        return [state for _, state in self.stored.entries()]

    def locks(self):
        """What handlers have written."""
        return self.stored.locks()

    def touch(self, name):
        """Leave a word for a handler."""
        (self.folder / name).touch()

    def has(self, name):
        """Whether a handler has left a word."""
        return (self.folder / name).exists()


@pytest.fixture
def shop(tmp_path, django_db_blocker):
    """A project whose database is migrated."""
    from django_project.databases import database

    shop = Shop(tmp_path)
    with django_db_blocker.unblock(), database("shop", f"sqlite:///{tmp_path / 'shop.sqlite3'}"):
        yield shop
        for process in shop.started:
            with suppress(ProcessLookupError):
                process.kill()
            process.communicate()


def test_it_ends_when_what_runs_has_ended(shop, wait_for):
    """SIGTERM: the handler that runs comes to its end, nothing else is begun, the exit code is 0."""
    shop.record("user.login")
    worker = shop.worker()
    wait_for(lambda: shop.has("begun"))
    worker.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(0.2)
    shop.touch("go")
    code, output, errors = shop.said(worker)
    assert (code, output) == (0, "processed 1")
    assert errors.splitlines()[-2:] == [
        "worker of this project: 4 handlers; endpoint default; 2 at once; inbox DjangoInbox(using='default')",
        "stopping once what runs has ended; another signal ends it now",
    ]
    assert shop.states() == ["processed"]


def test_a_second_signal_does_not_wait(shop, wait_for):
    """Who is impatient leaves the entry to its lease, and is told so."""
    shop.record("user.login")
    worker = shop.worker()
    wait_for(lambda: shop.has("begun"))
    worker.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(0.2)
    worker.send_signal(signal.SIGTERM)
    assert shop.said(worker)[:2] == (0, "unfinished 1")
    assert shop.states() == ["processing"]


def test_an_idle_worker_is_interrupted(shop, wait_for):
    """Ctrl-C ends an idle worker at once, with the exit code of Ctrl-C and no traceback."""
    shop.record("license.revoked", "user.logout", "payment.failed")
    worker = shop.worker("--concurrency", "1")
    wait_for(lambda: shop.states() == ["processed", "processed", "failed"])
    worker.send_signal(signal.SIGINT)
    code, output, errors = shop.said(worker)
    assert (code, output) == (130, "processed 2, failed 1")
    assert "1 at once" in errors
    assert "licensechain_worker.py" not in errors
    assert shop.locks() == ["evt_0", "evt_1"]


def test_once(shop):
    """``--once`` runs what is due, says what became of it, and ends."""
    shop.record("license.revoked", "user.logout", "payment.failed")
    assert shop.said(shop.worker("--once"))[:2] == (0, "processed 2, failed 1")
    assert shop.states() == ["processed", "processed", "failed"]
    assert shop.said(shop.worker("--once"))[:2] == (0, "nothing was due")


def test_figures_for_machines(shop):
    """``--format json`` says in the end how many deliveries have come to which end."""
    shop.record("license.revoked", "user.logout", "payment.failed")
    code, output, _ = shop.said(shop.worker("--once", "--format", "json"))
    numbers = {name: number for name, number in json.loads(output).items() if number}
    assert (code, numbers) == (0, {"processed": 2, "failed": 1})


def test_once_is_interrupted(shop, wait_for):
    """Ctrl-C lets what runs end, and leaves the rest for later."""
    shop.record("user.login", "license.revoked")
    worker = shop.worker("--once")
    wait_for(lambda: shop.has("begun"))
    worker.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(0.2)
    shop.touch("go")
    assert shop.said(worker)[:2] == (130, "processed 1")
    assert shop.states() == ["processed", "received"]


@pytest.mark.parametrize(
    ("arguments", "expected", "message"),
    [
        (("--once", "--concurrency", "2"), 2, "--once runs one entry after the other"),
        (("--concurrency", "0"), 1, "concurrency must be a whole number"),
    ],
)
def test_options_that_make_no_sense(shop, arguments, expected, message):
    """They are refused with one line, before anything is begun."""
    code, output, errors = shop.said(shop.worker(*arguments))
    assert (code, output) == (expected, "")
    assert errors.splitlines()[-1].startswith(f"CommandError: {message}")


def test_an_inline_project_has_no_worker(shop):
    """There the handlers run while the sender waits."""
    shop.touch("inline")
    code, _, errors = shop.said(shop.worker())
    assert code == 1
    assert "PROCESSING" in errors
    assert "Traceback" not in errors


def test_a_database_without_tables(shop):
    """A project that was not migrated is told to be."""
    (shop.folder / "shop.sqlite3").write_bytes(b"")
    code, _, errors = shop.said(shop.worker())
    assert code == 1
    assert "manage.py migrate" in errors
    assert "Traceback" not in errors


def test_a_worker_that_is_killed(shop, wait_for):
    """Kill -9 inside of a transactional handler: nothing of it is left, and the next worker does it exactly once."""
    shop.record("license.revoked", "user.logout")
    shop.touch("wait")
    worker = shop.worker()
    wait_for(lambda: shop.has("begun"))
    worker.kill()
    assert shop.said(worker)[0] == -signal.SIGKILL
    assert "evt_0" not in shop.locks()
    shop.touch("go")
    worker = shop.worker()
    wait_for(lambda: shop.states() == ["processed", "processed"])
    worker.send_signal(signal.SIGTERM)
    assert shop.said(worker)[0] == 0
    assert shop.locks() == ["evt_0", "evt_1"]
