"""``licensechain-hooks worker``: a process of its own, stopped by signals, and what it says."""

import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

pytest.importorskip("sqlalchemy", reason="an inbox in a database needs SQLAlchemy")

from licensechain_hooks import Endpoint, Hooks, Receiver
from licensechain_hooks._entries import EntryFilter, NewEntry
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.inbox.sql import SqlInbox
from licensechain_hooks.testing import event_body, make_event
from licensechain_hooks.worker import WorkerSettings

SHOP = """
import time
from datetime import timedelta
from pathlib import Path
from licensechain_hooks import Endpoint, Hooks, Receiver
from licensechain_hooks.inbox.sql import SqlInbox
from licensechain_hooks.worker import WorkerSettings

hooks = Hooks()


@hooks.on("license.revoked")
def lock_seat(event):
    pass


@hooks.on("payment.failed")
def remind(event):
    raise ValueError("no address")


@hooks.on("user.login")
def wait(event):
    Path("begun").touch()
    while not Path("go").exists():
        time.sleep(0.01)


endpoint = Endpoint(secrets=["the-secret-of-this-shop"])
settings = WorkerSettings(poll=timedelta(milliseconds=50), concurrency=3, backoff=lambda attempt: timedelta(hours=1))
receiver = Receiver(endpoint, hooks, inbox=SqlInbox("sqlite:///inbox.db"), worker=settings)
worker = receiver.worker
inline = Receiver(endpoint, hooks)
away = Receiver(endpoint, hooks, inbox=SqlInbox("postgresql+psycopg://somebody:hunter2@127.0.0.1:1/x"))
"""


def wait_for(condition):
    """Wait until a condition holds."""
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def new_entry(event_type, event_id):
    """A delivery on its way into an inbox."""
    return NewEntry(
        endpoint="default",
        event_id=event_id,
        event_type=event_type,
        event_timestamp=datetime(2026, 1, 31, 12, tzinfo=UTC),
        raw_body=event_body(make_event(event_type, event_id=event_id)),
    )


class Shop:
    """A project in a folder, with an inbox."""

    def __init__(self, folder, environ):
        (folder / "shop.py").write_text(SHOP)
        self.folder = folder
        self.inbox = SqlInbox(f"sqlite:///{folder}/inbox.db")
        self.inbox.create_schema()
        self._environ = environ
        self._started = []

    def record(self, *event_types):
        """Store an event of each of these types: evt_1, evt_2, …"""
        self.inbox.record_many([new_entry(name, f"evt_{number}") for number, name in enumerate(event_types, 1)])

    def states(self):
        """The state of every entry, oldest first."""
        return [entry.state for entry in reversed(self.inbox.entries(EntryFilter()))]

    def start(self, *arguments, app="shop:receiver"):
        """Start a worker."""
        command = [sys.executable, "-m", "licensechain_hooks", "worker", "--app", app, *arguments]
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def begun(self):
        """Whether the handler that waits has begun."""
        return (self.folder / "begun").exists()

    def go(self):
        """Let it end."""
        (self.folder / "go").touch()

    def close(self):
        """End what was started."""
        for process in self._started:
            process.kill()
            with suppress(ValueError):  # it has been read to its end
                process.communicate()
        self.inbox.close()


@pytest.fixture
def shop(tmp_path, environ):
    """A project with an empty inbox."""
    shop = Shop(tmp_path, environ)
    yield shop
    shop.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_runs_until_it_is_stopped(number, code, shop):
    """It runs what was there and what comes, says on stderr what it is, and in the last line what it did."""
    shop.record("license.revoked")
    process = shop.start("--verbose", "--format", "jsonl", "--concurrency", "2")
    lines = [json.loads(process.stdout.readline())]
    shop.inbox.record_many([new_entry("license.revoked", "evt_later")])
    lines.append(json.loads(process.stdout.readline()))
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    expected = [("evt_1", "processed", ["shop.lock_seat"]), ("evt_later", "processed", ["shop.lock_seat"])]
    assert [(line["id"], line["state"], line["handlers"]) for line in lines] == expected
    assert (process.returncode, json.loads(out)) == (
        code,
        {"processed": 2, "ignored": 0, "failed": 0, "dead": 0, "lost": 0, "unfinished": 0},
    )
    assert err.splitlines() == [
        "worker of shop:receiver: 3 handlers; endpoint default; 2 at once; inbox sqlite:///inbox.db",
        "stopping once what runs has ended; another signal ends it now",
    ]


def test_sigterm_waits_for_what_runs(shop):
    """A handler that runs when SIGTERM comes runs to its end; nothing is begun any more."""
    shop.record("user.login")
    process = shop.start()
    wait_for(shop.begun)
    process.send_signal(signal.SIGTERM)
    assert process.stderr.readline().startswith("worker of shop:receiver")
    assert process.stderr.readline().startswith("stopping")
    shop.inbox.record_many([new_entry("license.revoked", "evt_2")])
    shop.go()
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err, shop.states()) == (0, "processed 1\n", "", ["processed", "received"])


def test_a_second_signal_does_not_wait(shop):
    """After a second signal it ends although a handler runs, whose entry another worker takes after its lease."""
    shop.record("user.login")
    process = shop.start()
    wait_for(shop.begun)
    process.send_signal(signal.SIGTERM)
    process.stderr.readline()
    assert process.stderr.readline().startswith("stopping")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out, shop.states()) == (0, "unfinished 1\n", ["processing"])


def test_once_runs_what_is_due(shop):
    """``--once`` runs what is due and ends by itself; what failed waits for its next attempt."""
    shop.record("license.revoked", "payment.failed")
    process = shop.start("--once", app="shop:worker")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, shop.states()) == (0, "processed 1, failed 1\n", ["processed", "failed"])
    assert "handler.failed handler=shop.remind" in err
    again, _ = shop.start("--once").communicate(timeout=20)
    assert again == "nothing was due\n"


@pytest.mark.parametrize(("signals", "code", "states"), [(1, 0, ["processed", "received"]), (2, 130, None)])
def test_once_can_be_stopped(signals, code, states, shop):
    """A signal ends ``--once`` after the entry that runs, a second one at once."""
    shop.record("user.login", "license.revoked")
    process = shop.start("--once")
    wait_for(shop.begun)
    process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    assert process.stderr.readline().startswith("stopping")
    if signals == 2:
        process.send_signal(signal.SIGTERM)
    else:
        shop.go()
    process.communicate(timeout=20)
    assert (process.returncode, shop.states()) == (code, states or ["processing", "received"])


def test_it_ends_when_nobody_reads_its_lines(shop):
    """A closed stdout ends a verbose worker at the next line."""
    process = shop.start("--verbose")
    process.stdout.close()
    shop.record("license.revoked")
    with process.stderr:
        said = process.stderr.read()
    assert (process.wait(timeout=20), "Traceback" in said, shop.states()) == (1, False, ["processed"])


def test_an_inbox_that_is_away(shop):
    """An inbox that cannot be reached is told of at the start, in one line without the password."""
    process = shop.start(app="shop:away")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, len(err.splitlines()), "hunter2" in err) == (1, "", 1, False)
    assert err.startswith("Error: the inbox's database: ")


@pytest.fixture
def run_worker(invoke, monkeypatch):
    """A function that runs ``worker`` in this process, for a receiver with an inbox in memory."""
    inbox, hooks = MemoryInbox(), Hooks()
    endpoint = Endpoint(secrets=["a-secret-for-this-test"], name="eu")
    receiver = Receiver(endpoint, hooks, inbox=inbox, worker=WorkerSettings(concurrency=5))
    shop = SimpleNamespace(receiver=receiver, inline=Receiver(endpoint, hooks), inbox=inbox)
    monkeypatch.setitem(sys.modules, "shop_of_the_test", shop)
    return lambda *arguments: invoke("worker", *arguments)


def test_without_handlers_it_says_so(run_worker):
    """A receiver without handlers is likely a mistake, and said to be one."""
    result = run_worker("--app", "shop_of_the_test:receiver", "--once")
    assert (result.exit_code, result.stdout, result.stderr.splitlines()) == (
        0,
        "nothing was due\n",
        [
            "worker of shop_of_the_test:receiver: 0 handlers; endpoint eu; 5 at once; inbox MemoryInbox",
            "no handler is registered under `on`: is the module imported that registers them?",
        ],
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing option '--app'"),
        (["--app", "shop_of_the_test:inline"], "has no inbox: it runs its handlers while the sender waits"),
        (["--app", "shop_of_the_test:inbox"], "of the type MemoryInbox; what is needed is a Receiver or a Worker"),
        (["--app", "shop_of_the_test:nothing"], "there is no 'nothing'"),
        (["--app", "shop_of_the_test:receiver", "--concurrency", "0"], "--concurrency"),
        (["--app", "shop_of_the_test:receiver", "--once", "--concurrency", "2"], "--once runs one entry after"),
    ],
)
def test_usage_errors(arguments, said, run_worker):
    """What it cannot run is told in a clear sentence, with 2."""
    result = run_worker(*arguments)
    assert (result.exit_code, said in result.stderr, result.stdout) == (2, True, ""), result.stderr
