"""``licensechain-hooks monitor``: finds what was not delivered and what the inbox lacks, tells whoever asks, and ends."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest

pytest.importorskip("fastapi", reason="the emulator needs FastAPI")
pytest.importorskip("stamina", reason="the client needs httpx2 and stamina")
pytest.importorskip("sqlalchemy", reason="an inbox in a database needs SQLAlchemy")

from licensechain_hooks._entries import EntryFilter, NewEntry, Settlement
from licensechain_hooks.cli._log_book import LogBook
from licensechain_hooks.client import DeliveryLog
from licensechain_hooks.inbox.sql import SqlInbox

OFF = "http://127.0.0.1:9/off"  # discard: nothing of ours listens there


class Watching:
    """A running ``monitor --watch``, whose lines can be waited for."""

    def __init__(self, process):
        self.process = process
        self.lines = []
        self._came = Event()
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._came.set()

    def wait_for(self, is_meant):
        """The first line that is meant, once it is there."""
        ends = time.monotonic() + 60
        while True:
            self._came.clear()
            found = next((line for line in self.lines if is_meant(line)), None)
            if found is not None:
                return found
            assert self._came.wait(ends - time.monotonic()), self.lines

    def end(self, number):
        """Send a signal; the exit code, once all is read."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        self._thread.join(20)
        return code

    def close(self):
        """Let go of what the process, which has ended, has printed."""
        self._thread.join(20)
        self.process.stdout.close()


@pytest.fixture
def inbox(tmp_path):
    """An empty inbox in a file."""
    inbox = SqlInbox(f"sqlite:///{tmp_path}/inbox.db")
    inbox.create_schema()
    yield inbox
    inbox.close()


@pytest.fixture
def url(tmp_path, inbox):
    """The URL of that inbox."""
    return f"sqlite:///{tmp_path}/inbox.db"


@pytest.fixture
def monitor(invoke, emulator, monkeypatch):
    """A function that runs ``monitor`` on the emulator of the test: exit code, facts, stderr."""
    monkeypatch.setenv("LICENSECHAIN_API_KEY", emulator.api_key)
    monkeypatch.setenv("LICENSECHAIN_BASE_URL", emulator.base_url)

    def run(webhook, *arguments):
        result = invoke("monitor", "--webhook", webhook["id"], "--format", "json", *arguments)
        return result.exit_code, json.loads(result.stdout), result.stderr

    return run


@pytest.fixture
def watch(emulator, environ):
    """A function that starts ``monitor --watch`` in a process of its own, which ends with the test."""
    given = environ | {"LICENSECHAIN_API_KEY": emulator.api_key, "LICENSECHAIN_BASE_URL": emulator.base_url}

    @contextmanager
    def start(webhook, *arguments):
        command = [sys.executable, "-m", "licensechain_hooks", "monitor", "--webhook", webhook["id"]]
        process = subprocess.Popen(
            [*command, "--watch", "--interval", "0.1", *arguments],
            env=given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        watching = Watching(process)
        try:
            yield watching
        finally:
            process.kill()
            process.wait()
            watching.close()

    return start


def problems(facts):
    """The problems of each event that is a finding."""
    return {finding["event_id"]: finding["problems"] for finding in facts["findings"]}


def new_entry(event_id, **settings):
    """A delivery on its way into an inbox."""
    return NewEntry(
        endpoint=settings.pop("endpoint", "default"),
        event_id=event_id,
        event_type="license.created",
        event_timestamp=datetime(2026, 1, 31, 12, tzinfo=UTC),
        raw_body=b"{}",
        **settings,
    )


def log(number, *, minutes=0, **fields):
    """A log as the client gives it."""
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    given = {"id": f"log_{number}", "event_id": f"evt_{number}", "success": True, "created_at": at.isoformat()}
    return DeliveryLog.model_validate(given | fields)


def test_what_was_refused_and_what_never_came(monitor, emulator, listen, secret, url):
    """A delivery that the receiver refused and one made while it was off are findings (4); what arrived is none."""
    receiver = listen("--format", "jsonl", "--inbox", url)
    webhook = emulator.webhook(receiver.url, secret=secret)
    emulator.license()
    emulator.settled(1)
    emulator.faults(tamper="signature")
    emulator.license()
    emulator.settled(3)  # and a redelivery, refused as well
    emulator.faults(tamper=None)
    receiver.end(signal.SIGINT)  # off for a while
    emulator.license()
    deliveries = emulator.settled(5)
    arrived, refused, never = dict.fromkeys(delivery["eventId"] for delivery in deliveries)
    code, facts, _ = monitor(webhook, "--inbox", url)
    assert (code, problems(facts)) == (4, {refused: ["failed", "missing"], never: ["failed", "missing"]})
    assert (facts["failed"], facts["missing"], facts["events"], facts["ok"]) == (2, 2, 3, False)
    found = {finding["event_id"]: finding for finding in facts["findings"]}
    assert [found[refused]["status_code"], found[never]["status_code"]] == [401, None]
    assert (bool(found[never]["error"]), found[never]["deliveries"]) == (True, 2)
    told = " ".join(facts["advice"])
    assert [words in told for words in ("signing secret", "webhooks test", "never arrived")] == [True] * 3
    receiver = listen("--format", "jsonl", "--inbox", url)
    emulator.call("PUT", f"/v1/webhooks/{webhook['id']}", {"url": receiver.url})
    before = len(emulator.deliveries())
    for event_id in (refused, never):
        again = next(delivery for delivery in deliveries if delivery["eventId"] == event_id)
        emulator.call("POST", f"/emulator/deliveries/{again['id']}/redeliver")
    emulator.settled(before + 2)
    code, facts, _ = monitor(webhook, "--inbox", url)
    assert (code, facts["findings"], facts["ok"], facts["missing"]) == (0, [], True, 0)
    assert arrived not in (refused, never)
    receiver.end(signal.SIGINT)


def test_delivered_but_missing(monitor, emulator, answering, url):
    """An event that was answered with 200 by something that does not store it is missing, and not failed."""
    webhook = emulator.webhook(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    emulator.license()
    (delivery,) = emulator.settled()
    code, facts, _ = monitor(webhook, "--inbox", url)
    assert (code, problems(facts)) == (4, {delivery["eventId"]: ["missing"]})
    assert [line.partition(":")[0] for line in facts["advice"]] == ["missing though delivered"]


def test_failed_but_in_the_inbox(monitor, emulator, answering, inbox, url):
    """An event whose deliveries failed and that is stored is failed, and not missing; a dead one can be replayed."""
    webhook = emulator.webhook(answering(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"))
    emulator.license()
    event_id = emulator.settled(2)[0]["eventId"]
    inbox.record_many([new_entry(event_id)])
    (claim,) = inbox.claim_many(["default"], limit=1, lease=timedelta(minutes=1))
    inbox.settle_many([Settlement(claim=claim, state="dead")])
    code, facts, _ = monitor(webhook, "--inbox", url)
    (finding,) = facts["findings"]
    assert (code, finding["problems"], finding["entry"], finding["entry_state"]) == (4, ["failed"], claim.pk, "dead")
    assert facts["advice"][-1].endswith(f"licensechain-hooks inbox replay {claim.pk}")


def test_the_entries_of_an_endpoint(monitor, emulator, answering, inbox, url):
    """With ``--endpoint`` an event that only another endpoint has stored is missing."""
    webhook = emulator.webhook(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    emulator.license()
    inbox.record_many([new_entry(emulator.settled()[0]["eventId"], endpoint="eu")])
    codes = [monitor(webhook, "--inbox", url, "--endpoint", name)[0] for name in ("eu", "us")]
    assert (codes, monitor(webhook, "--inbox", url)[0]) == ([0, 4], 0)


def test_many_events(monitor, emulator, answering, inbox, url):
    """Of many events, those of several pages of logs and entries, exactly the ones that are not stored are missing."""
    webhook = emulator.webhook(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    for _ in range(110):
        emulator.license()
    event_ids = [delivery["eventId"] for delivery in emulator.settled(110)]
    missing = set(event_ids[3::50])
    inbox.record_many([new_entry(event_id) for event_id in event_ids if event_id not in missing])
    code, facts, _ = monitor(webhook, "--inbox", url)
    assert (code, facts["events"], problems(facts)) == (4, 110, {event_id: ["missing"] for event_id in missing})


def test_without_an_inbox(monitor, emulator):
    """Without an inbox nothing can be missing: only failures are found, and stderr says so."""
    webhook = emulator.webhook(OFF)
    emulator.license()
    event_id = emulator.settled(2)[0]["eventId"]
    code, facts, told = monitor(webhook)
    assert (code, problems(facts), facts["missing"]) == (4, {event_id: ["failed"]}, None)
    assert ("no inbox to compare with" in told, "only an inbox can tell" in facts["advice"][0]) == (True, True)


def test_since_bounds_the_look(monitor, emulator):
    """Deliveries before ``--since`` do not count."""
    webhook = emulator.webhook(OFF)
    emulator.license()
    emulator.settled(2)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    codes = [monitor(webhook, "--since", since)[0] for since in ("1h", tomorrow)]
    assert codes == [4, 0]


def test_nothing_wrong(invoke, monitor, emulator):
    """Without findings it says in one sentence what it saw, and exits with 0."""
    webhook = emulator.webhook(OFF)
    result = invoke("monitor", "--webhook", webhook["id"])
    assert (result.exit_code, "no delivery is logged" in result.stdout) == (0, True)


def test_a_table(invoke, monitor, emulator, url):
    """As text, findings are a table with the problem last, and a sentence."""
    webhook = emulator.webhook(OFF)
    emulator.license()
    event_id = emulator.settled(2)[0]["eventId"]
    result = invoke("monitor", "--webhook", webhook["id"], "--inbox", url)
    header, row, summary = result.stdout.splitlines()
    assert (result.exit_code, header.split()[-1], row.split()[0]) == (4, "problem", event_id)
    assert row.split()[-2:] == ["failed,", "missing"]
    assert "1 event never delivered; 1 event missing from the inbox" in summary


def test_exec_is_told_of_findings(monitor, emulator, tmp_path):
    """``--exec`` runs a program without a shell, with the findings as JSON on its stdin; without findings it does not."""
    webhook = emulator.webhook(OFF)
    out = tmp_path / "told; touch oops"
    program = f"{shlex.quote(sys.executable)} -c 'import sys; open(sys.argv[1], \"w\").write(sys.stdin.read())'"
    assert (monitor(webhook, "--exec", f"{program} {shlex.quote(str(out))}")[0], out.exists()) == (0, False)
    emulator.license()
    emulator.settled(2)
    code, facts, _ = monitor(webhook, "--exec", f"{program} {shlex.quote(str(out))}")
    told = json.loads(out.read_text())
    assert (code, told["findings"], [path.name for path in tmp_path.iterdir()]) == (4, facts["findings"], [out.name])


def test_exec_that_fails(monitor, emulator):
    """A program that fails is told of on stderr; the exit code is still that of findings."""
    webhook = emulator.webhook(OFF)
    emulator.license()
    emulator.settled(2)
    code, _, told = monitor(webhook, "--exec", f"{shlex.quote(sys.executable)} -c 'raise SystemExit(7)'")
    assert (code, "exit code 7" in told) == (4, True)


def test_prometheus(monitor, emulator, url, tmp_path):
    """``--prometheus`` writes gauges into a file that others may read, as a whole, and nothing beside it."""
    webhook = emulator.webhook(OFF)
    emulator.license()
    emulator.settled(2)
    folder = tmp_path / "collected"
    folder.mkdir()
    monitor(webhook, "--inbox", url, "--prometheus", str(folder / "hooks.prom"))
    lines = (folder / "hooks.prom").read_text().splitlines()
    samples = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    label = f'{{webhook="{webhook["id"]}"}}'
    expected = {"up": "1", "events": "1", "failed_events": "1", "missing_events": "1"}
    assert {name: samples[f"licensechain_hooks_monitor_{name}{label}"] for name in expected} == expected
    assert samples[f'licensechain_hooks_monitor_deliveries{{webhook="{webhook["id"]}",state="failed"}}'] == "2"
    helped = [line.split()[2] for line in lines if line.startswith("# HELP")]
    assert helped == [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert ([path.name for path in folder.iterdir()], (folder / "hooks.prom").stat().st_mode & 0o777) == (
        *(["hooks.prom"], 0o644),
    )


def test_figures_that_cannot_be_written(monitor, emulator, tmp_path):
    """That is told of, and is a failure (1); findings are shown nevertheless, and go before it (4)."""
    webhook = emulator.webhook(OFF)
    file = str(tmp_path / ("x" * 250))  # there is no room for a temporary name
    code, _, told = monitor(webhook, "--prometheus", file)
    assert (code, "cannot write it" in told) == (1, True)
    emulator.license()
    emulator.settled(2)
    code, facts, told = monitor(webhook, "--prometheus", file)
    assert (code, facts["failed"], "cannot write it" in told, list(tmp_path.iterdir())) == (4, 1, True, [])


def test_an_inbox_of_an_application(monitor, emulator, inbox, monkeypatch, answering):
    """``--app`` compares with the inbox of a receiver, or with an inbox."""
    monkeypatch.setitem(sys.modules, "shop_of_monitor", SimpleNamespace(inbox=inbox))
    webhook = emulator.webhook(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    emulator.license()
    event_id = emulator.settled()[0]["eventId"]
    assert monitor(webhook, "--app", "shop_of_monitor:inbox")[0] == 4
    inbox.record_many([new_entry(event_id)])
    assert monitor(webhook, "--app", "shop_of_monitor:inbox")[0] == 0


def test_prometheus_without_an_api(invoke, monkeypatch, tmp_path):
    """Where there is nothing to see, the file says so: ``up`` is 0."""
    monkeypatch.setenv("LICENSECHAIN_API_KEY", "an-api-key-of-nobody")
    file = tmp_path / "hooks.prom"
    result = invoke(*("monitor", "--webhook", "c0", "--base-url", "http://127.0.0.1:9/v1", "--prometheus", str(file)))
    samples = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert (result.exit_code, samples) == (1, ['licensechain_hooks_monitor_up{webhook="c0"} 0'])
    assert "Traceback" not in result.stderr


def test_an_unknown_webhook(invoke, monitor):
    """A webhook that is not there is a failure (1) in one sentence."""
    result = invoke("monitor", "--webhook", "c0")
    assert (result.exit_code, "404" in result.stderr, "Traceback" in result.stderr) == (1, True, False)


def test_an_inbox_that_is_none(invoke, monitor, emulator, tmp_path):
    """An inbox that cannot be read is a failure (1) in one sentence."""
    (tmp_path / "other.db").write_text("this is no database" * 100)
    webhook = emulator.webhook(OFF)
    emulator.license()
    emulator.settled(2)
    result = invoke("monitor", "--webhook", webhook["id"], "--inbox", f"sqlite:///{tmp_path}/other.db")
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--webhook"),
        (["--webhook", ".."], "no id"),
        (["--webhook", "c0", "--since", "yesterday"], "--since"),
        (["--webhook", "c0", "--interval", "5"], "--watch"),
        (["--webhook", "c0", "--watch", "--interval", "0"], "--interval"),
        (["--webhook", "c0", "--watch", "--interval", "nan"], "--interval"),
        (["--webhook", "c0", "--watch", "--format", "json"], "jsonl"),
        (["--webhook", "c0", "--exec", ""], "--exec"),
        (["--webhook", "c0", "--exec", "'"], "--exec"),
        (["--webhook", "c0", "--exec", "no-such-program-anywhere"], "no program"),
        (["--webhook", "c0", "--prometheus", "no/such/folder/x.prom"], "--prometheus"),
        (["--webhook", "c0", "--prometheus", "."], "--prometheus"),
        (["--webhook", "c0", "--inbox", "nonsense"], "--inbox"),
        (["--webhook", "c0", "--inbox", "sqlite:///missing.db"], "no file"),
        (["--webhook", "c0", "--app", "nonsense"], "module:name"),
        (["--webhook", "c0", "--base-url", "http://example.com/v1"], "https"),
    ],
)
def test_bad_input(invoke, monkeypatch, tmp_path, arguments, told):
    """What cannot be meant is a usage error (2) that says why."""
    monkeypatch.setenv("LICENSECHAIN_API_KEY", "an-api-key-of-nobody")
    monkeypatch.setenv("LICENSECHAIN_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.chdir(tmp_path)
    result = invoke("monitor", *arguments)
    assert (result.exit_code, told in result.stderr, "Traceback" in result.stderr) == (2, True, False), result.stderr


def test_a_watch_tells_what_changes(watch, emulator, answering, inbox, url):
    """A line for what is found and one for what is settled; Ctrl-C ends it with 130."""
    webhook = emulator.webhook(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    with watch(webhook, "--inbox", url) as watching:
        watching.wait_for(lambda line: "no delivery is logged" in line)
        emulator.license()
        event_id = emulator.settled()[0]["eventId"]
        found = watching.wait_for(lambda line: "found" in line and event_id in line)
        inbox.record_many([new_entry(event_id)])
        watching.wait_for(lambda line: "settled" in line and event_id in line)
        assert (watching.end(signal.SIGINT), found.split()[-1]) == (130, "missing")
    assert [line for line in watching.lines if "Traceback" in line] == []


def test_a_watch_outlives_an_api_that_is_away(watch, emulator):
    """What goes wrong is said once, and that it answers again; as JSON lines there is an object for each look."""
    webhook = emulator.webhook(OFF)
    with watch(webhook, "--format", "jsonl") as watching:
        watching.wait_for(lambda line: line.startswith("{"))
        emulator.faults(failRequests=10)  # more than a look's attempts
        trouble = watching.wait_for(lambda line: "503" in line)
        watching.wait_for(lambda line: "it answers again" in line)
        seen = len(watching.lines)
        watching.wait_for(lambda line: len(watching.lines) > seen and json.loads(watching.lines[-1])["ok"])
        assert ("looking again every 0.1 seconds" in trouble, watching.end(signal.SIGINT)) == (True, 130)


def test_a_watch_ends_with_its_webhook(watch, emulator):
    """A webhook that is deleted will not come back: the watch ends with 1, and says so."""
    webhook = emulator.webhook(OFF)
    with watch(webhook) as watching:
        watching.wait_for(lambda line: "no delivery is logged" in line)
        emulator.call("DELETE", f"/v1/webhooks/{webhook['id']}")
        assert watching.process.wait(timeout=20) == 1
        watching.wait_for(lambda line: "404" in line)


def test_a_watch_ends_while_nobody_answers(watch, emulator, answering):
    """Ctrl-C ends a watch at once while it waits for an API that says nothing."""
    silent = answering(b"", keep=True)
    with watch({"id": "c0"}, "--base-url", silent) as watching:
        watching.wait_for(lambda line: "no inbox to compare with" in line)
        assert watching.end(signal.SIGINT) == 130
    assert [line for line in watching.lines if "Traceback" in line] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_what_a_watch_started_ends_with_it(watch, emulator, tmp_path, number, code):
    """A signal ends the watch while the program of ``--exec`` runs, and that program and what it started as well."""
    webhook = emulator.webhook(OFF)
    emulator.license()
    emulator.settled(2)
    pids = tmp_path / "pids"
    program = (
        "import os, subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}.');"
        "time.sleep(60)"
    )
    with watch(webhook, "--exec", f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}") as watching:
        emulator.wait_for("its program", lambda: pids.exists() and pids.read_text().endswith("."))
        started = [int(pid) for pid in pids.read_text().rstrip(".").split()]
        assert watching.end(number) == code
        emulator.wait_for("its end", lambda: not any(is_running(pid) for pid in started))


def is_running(pid):
    """Whether a process is there and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_exec_is_told_once(watch, emulator, tmp_path):
    """Under ``--watch`` the program runs for new findings, not at each look."""
    webhook = emulator.webhook(OFF)
    emulator.license()
    emulator.settled(2)
    out = tmp_path / "told"
    program = f"import json, sys; open({str(out)!r}, 'a').write(str(len(json.load(sys.stdin)['findings'])))"
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}"
    with watch(webhook, "--format", "jsonl", "--exec", command) as watching:
        watching.wait_for(lambda line: len(watching.lines) >= 5)
        assert out.read_text() == "1"
        emulator.license()
        emulator.wait_for("two findings", lambda: out.read_text() == "12")
        assert watching.end(signal.SIGINT) == 130


def test_a_watch_on_a_terminal(emulator, environ, url):
    """On a terminal a table is drawn anew; Ctrl-C gives the cursor back and ends with 130."""
    pty = pytest.importorskip("pty", reason="this machine has no pseudo-terminals")
    pytest.importorskip("rich", reason="the table needs rich")
    webhook = emulator.webhook(OFF)
    emulator.license()
    event_id = emulator.settled(2)[0]["eventId"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "licensechain_hooks", "monitor", "--webhook", webhook["id"], "--inbox", url),
            *("--watch", "--interval", "0.1"),
        ],
        env=environ
        | {"LICENSECHAIN_API_KEY": emulator.api_key, "LICENSECHAIN_BASE_URL": emulator.base_url}
        | {"TERM": "xterm", "COLUMNS": "200"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while shown.count(event_id.encode()) < 2:
            shown += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # Linux's end of a terminal
            pass
        assert process.wait(timeout=20) == 130
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert (b"Traceback" in shown, b"\x1b[?25h" in shown, b"Ctrl-C ends" in shown) == (False, True, True)


def test_a_second_look_reads_what_is_new():
    """Of logs that come newest first, a second look reads the new ones and one page beyond, not all."""
    book = LogBook(datetime.now(UTC) - timedelta(days=1))
    old = [log(number, minutes=1) for number in range(1000)]
    book.read(old)
    read = []
    book.read(read.append(item.id) or item for item in [log(2000), *old])
    assert (len(book.events()), len(read)) == (1001, 101)


def test_a_delivery_that_was_under_way_is_read_again():
    """A log that said nothing yet is read again, however many came after it."""
    book = LogBook(datetime.now(UTC) - timedelta(days=1))
    others = [log(number, minutes=1) for number in range(300)]
    pending = log("slow", minutes=2, success=None)
    book.read([*others, pending])
    assert (book.states()["pending"], book.states()["failed"]) == (1, 0)
    book.read([*others, pending.model_copy(update={"success": False})])
    assert (book.states()["pending"], book.states()["failed"]) == (0, 1)


def test_logs_without_events_are_deliveries_by_themselves():
    """Where the logs name no event, each failure is one; those that succeeded settle no other."""
    book = LogBook(datetime.now(UTC) - timedelta(days=1))
    book.read([log(1, event_id=None), log(2, event_id=None, success=False)])
    assert [event.has_failed for event in book.events()] == [False, True]


def test_early_logs_do_not_count():
    """Logs before the look's beginning are left out, and reading stops among them; those without a time count."""
    book = LogBook(datetime.now(UTC) - timedelta(hours=1))
    early = [log(number, minutes=120) for number in range(1, 500)]
    read = []
    book.read(read.append(item.id) or item for item in [log(0, created_at=None), *early])
    assert ([event.event_id for event in book.events()], len(read)) == (["evt_0"], 101)


def test_what_cannot_be_compared(inbox):
    """What is older than the inbox keeps is not called missing, nor a log that names no event; both are told of."""
    from licensechain_hooks.cli._advice import advice
    from licensechain_hooks.cli._findings import Monitor

    class Webhooks:
        def iter_logs(self, webhook_id):
            yield log(1, minutes=60 * 24 * 40)
            yield log(2, minutes=60 * 24 * 30)
            yield log(3, event_id=None)

    class Client:
        webhooks = Webhooks()

    since = datetime.now(UTC) - timedelta(days=50)
    findings = Monitor(Client(), "wh_1", since=since, inbox=inbox, endpoint=None).look()
    assert [finding.event_id for finding in findings.found] == ["evt_2"]
    limits = [words for line in advice(findings) for words in ("name no event", "a shorter time") if words in line]
    assert (limits, inbox.entries(EntryFilter())) == (["name no event", "a shorter time"], [])
