"""``manage.py licensechain_replay``, ``_purge``, ``_stats``, ``_trigger`` and ``_doctor``: what they do, ask and say."""

import json
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from licensechain_hooks import Discard
from licensechain_hooks.testing import FrozenClock, event_body, make_event
from licensechain_hooks.testing.inbox_conformance import new_entry

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]

SECRET = "the-signing-secret-of-the-project"


class Terminal(StringIO):
    """Somebody who answers."""

    def isatty(self):
        return True


@pytest.fixture
def manage(monkeypatch):
    """Runs a command: its exit code, what it printed, and what it noted. ``answer``: what is typed, if anybody is there."""

    def run(name, *arguments, answer=None):
        monkeypatch.setattr(sys, "stdin", StringIO() if answer is None else Terminal(answer))
        output, errors = StringIO(), StringIO()
        try:
            call_command(f"licensechain_{name}", *arguments, stdout=output, stderr=errors)
        except SystemExit as exc:
            return exc.code, output.getvalue(), errors.getvalue()
        except CommandError as exc:
            return exc.returncode, output.getvalue(), f"{errors.getvalue()}{exc}"
        return 0, output.getvalue(), errors.getvalue()

    return run


@pytest.fixture
def dead(no_worker, sync_site, stored):
    """A project whose inbox holds a dead entry, a processed one and a received one."""

    @no_worker.on("license.revoked")
    def give_up(event):
        raise Discard("no such seat")

    no_worker.on("license.*")(lambda _event: None)
    for number, event_type in enumerate(["license.revoked", "license.created"]):
        sync_site.deliver(make_event(event_type, event_id=f"evt_{number}"))
    stored.drain()
    sync_site.deliver(make_event("license.expired", event_id="evt_2"))
    assert stored.entries() == [("evt_0", "dead"), ("evt_1", "processed"), ("evt_2", "received")]
    return stored


def test_replay(dead, manage):
    """What is asked for runs again, once it is agreed to; the words are those of the other command line."""
    assert manage("replay", "--state", "dead", answer="y\n") == (
        0,
        "replayed 1 entry\n",
        "1 entry (1 dead) will be replayed: the handlers that have not succeeded run again.\nGo on? [y/N] ",
    )
    assert dead.entries()[0] == ("evt_0", "received")


def test_replay_as_json(dead, manage):
    """With ``--yes`` nobody is asked, and a program reads what was done."""
    code, output, errors = manage("replay", "--type", "license.revoked", "--yes", "--format", "json")
    assert (code, json.loads(output), errors) == (
        0,
        {"action": "replay", "matching": 1, "changed": 1, "refused": 0},
        "",
    )


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        (("--state", "dead"), 1),
        (("--license", "lic_1"), 1),
        (("--event-id", "evt_1", "--force"), 1),
        (("--since", "1h", "--until", "2999-01-01T00:00:00Z", "--force"), 2),
        (("--since", "2999-01-01T00:00:00Z"), 0),
        (("--type", "payment.*"), 0),
        (("--endpoint", "eu"), 0),
    ],
)
def test_replay_chooses(dead, manage, arguments, changed):
    """Each filter of the other command line chooses the same entries here."""
    code, output, _ = manage("replay", *arguments, "--yes", "--format", "json")
    assert (code, json.loads(output)["changed"]) == (0, changed)


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "no\n", "yeah, why not\n"])
def test_replay_is_not_agreed_to(dead, manage, answer):
    """Whatever is no yes is a no: nothing is changed, and the exit code says so."""
    before = dead.entries()
    code, output, errors = manage("replay", "--state", "dead", answer=answer)
    assert (code, output, errors.endswith("nothing was changed\n"), dead.entries()) == (1, "", True, before)


def test_nobody_to_ask(dead, manage):
    """In a script what is destructive needs ``--yes``; it is said before anything is done."""
    for name, arguments in (("replay", ("--state", "dead")), ("purge", ()), ("trigger", ("license.revoked",))):
        code, output, errors = manage(name, *arguments)
        assert (code, output) == (2, "")
        assert "--yes" in errors


def test_replay_of_entries_by_number(dead, manage):
    """Of entries that are named, each that stays as it is is said to, and why."""
    from licensechain_hooks.contrib.django.models import Entry

    first, second, _ = Entry.objects.order_by("id").values_list("id", flat=True)
    code, output, errors = manage("replay", str(first), str(second), "999999", "--yes")
    assert (code, output) == (1, "replayed 1 entry\n")
    assert errors == f"999999: there is no such entry\n{second}: it is processed; replayed are failed or dead ones\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "replay which?"),
        (("--type", "x"), "--type: 'x' is no event type"),
        (("--state", "processed"), "--state processed: only failed and dead entries are replayed without --force"),
        (("--since", "yesterday"), "'yesterday' is no time such as"),
        (("--state", "gone"), "invalid choice"),
    ],
)
def test_replay_of_what_makes_no_sense(dead, manage, arguments, message):
    """It is refused before anything is opened."""
    code, _, errors = manage("replay", *arguments, "--yes")
    assert code in {1, 2}
    assert message in errors


@pytest.fixture
def old(no_worker, monkeypatch):
    """An inbox with 2,500 processed entries of long ago, and one of now."""
    from licensechain_hooks.contrib.django.inbox import DjangoInbox
    from licensechain_hooks.contrib.django.models import Entry

    past = datetime.now(UTC) - timedelta(days=40)
    inbox = DjangoInbox(clock=FrozenClock(past))
    inbox.record_many([new_entry(f"evt_{number}") for number in range(2500)])
    Entry.objects.update(state="processed", done_at=past, next_attempt_at=None)
    DjangoInbox().record_many([new_entry("evt_new")])


def test_purge(old, manage, stored, monkeypatch):
    """What is past its retention is deleted in pieces, and how far it has come is told on the way."""
    from licensechain_hooks.operations import progress

    monkeypatch.setattr(progress, "_INTERVAL", 0.0)
    code, output, errors = manage("purge", answer="yes\n")
    assert (code, output) == (0, "deleted 2,500 payloads, 2,500 entries\n")
    assert "entries 35 d after they were done, payloads after 30 d. Dead entries stay." in errors
    assert "purging: 1,000 payloads, 0 entries\n" in errors
    assert stored.entries() == [("evt_new", "received")]


def test_purge_as_json(old, manage):
    """A program reads how much."""
    code, output, _ = manage("purge", "--yes", "--format", "json")
    assert (code, json.loads(output)) == (0, {"action": "purge", "payloads": 2500, "entries": 2500})


def test_stats(dead, manage):
    """The entries by state, what waits, and what somebody has to look at."""
    code, output, _ = manage("stats")
    lines = output.splitlines()
    assert (code, lines[0].split(), lines[5].split()) == (0, ["state", "entries"], ["dead", "1"])
    assert lines[-2].startswith("1 entry due, the first for ")
    assert lines[-1] == "1 dead letter: see the admin, or `manage.py licensechain_replay --state dead`"


def test_stats_as_json(dead, manage):
    """A monitor reads the same, and its exit code with ``--check``."""
    code, output, _ = manage("stats", "--check", "--format", "json")
    facts = json.loads(output)
    assert (code, facts["ok"], facts["dead_letters"], facts["due"], facts["states"]["processed"]) == (4, False, 1, 1, 1)


@pytest.mark.parametrize(("max_age", "code"), [("15m", 0), ("1s", 4)])
def test_stats_of_what_waits_too_long(no_worker, manage, max_age, code):
    """An entry that nobody runs is a finding after ``--max-age``."""
    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    DjangoInbox(clock=FrozenClock(datetime.now(UTC) - timedelta(minutes=5))).record_many([new_entry("evt_1")])
    assert manage("stats", "--check", "--max-age", max_age)[0] == code


@pytest.mark.parametrize("name", ["replay", "purge", "stats"])
def test_an_inline_project_has_no_inbox(django_hooks, manage, name):
    """Where nothing is stored, it is said so."""
    arguments = {"replay": ("--state", "dead", "--yes"), "purge": ("--yes",), "stats": ()}[name]
    code, output, errors = manage(name, *arguments)
    assert (code, output) == (1, "")
    assert "nothing is stored" in errors


@pytest.mark.parametrize("name", ["replay", "purge", "stats", "trigger", "worker"])
def test_settings_that_cannot_work(settings, manage, name):
    """One line, and no traceback."""
    settings.LICENSECHAIN_HOOKS = {"TOLERANCE": 3}
    arguments = {"replay": ("--state", "dead", "--yes"), "purge": ("--yes",), "trigger": ("a.b", "--yes")}.get(name, ())
    code, _, errors = manage(name, *arguments)
    assert code == 1
    assert "LICENSECHAIN_HOOKS['TOLERANCE'] must be a timedelta" in errors


def test_trigger(django_hooks, manage):
    """A made-up event is signed, delivered to this project and handled; what it holds may be said."""
    taken = []
    django_hooks.on("license.revoked")(taken.append)
    code, output, _ = manage("trigger", "license.revoked", "--data", "id=lic_7", "--id", "evt_7", "--yes")
    assert code == 0
    assert output.split()[:2] == ["processed", "200"]
    assert [(event.id, event.data.id) for event in taken] == [("evt_7", "lic_7")]


def test_trigger_asks_in_production(django_hooks, manage, settings):
    """Handlers run as for a real event, so outside of DEBUG it is asked first."""
    taken = []
    django_hooks.on("*")(taken.append)
    code, _, errors = manage("trigger", "license.revoked", answer="n\n")
    assert (code, taken, "A made-up license.revoked is delivered to 'default'" in errors) == (1, [], True)
    settings.DEBUG = True
    assert (manage("trigger", "license.revoked")[0], len(taken)) == (0, 1)


def test_trigger_of_a_project_with_an_inbox(no_worker, manage, stored, settings):
    """It is stored as a real one, and waits for a worker; ``--run`` is one. No thread is left behind."""
    import threading

    settings.LICENSECHAIN_HOOKS = settings.LICENSECHAIN_HOOKS | {"PROCESSING": "thread"}
    no_worker.on("*")(lambda _event: None)
    assert manage("trigger", "license.revoked", "--id", "evt_1", "--yes")[1].split()[0] == "accepted"
    assert stored.entries() == [("evt_1", "received")]
    assert "licensechain_hooks.worker" not in [thread.name for thread in threading.enumerate()]
    code, output, _ = manage("trigger", "license.revoked", "--id", "evt_2", "--yes", "--run")
    assert (code, output.splitlines()[-1]) == (0, "processed 2")
    assert stored.entries() == [("evt_1", "processed"), ("evt_2", "processed")]


@pytest.mark.parametrize("tamper", ["body", "signature", "timestamp"])
def test_trigger_with_a_fault(django_hooks, manage, tamper):
    """What was tampered with is refused, which is as it should be."""
    code, output, _ = manage("trigger", "license.revoked", "--tamper", tamper, "--yes", "--format", "json")
    facts = json.loads(output)
    (delivery,) = facts["deliveries"]
    assert (code, facts["ok"], delivery["status"], delivery["outcome"]) == (0, True, 401, "rejected")


def test_trigger_duplicates(django_hooks, manage):
    """``--duplicate N`` delivers it N more times."""
    django_hooks.on("*")(lambda _event: None)
    _, output, _ = manage("trigger", "license.revoked", "--duplicate", "2", "--yes", "--format", "json")
    outcomes = [delivery["outcome"] for delivery in json.loads(output)["deliveries"]]
    assert outcomes == ["processed", "duplicate", "duplicate"]


def test_trigger_of_a_failing_handler(django_hooks, manage):
    """An answer that is no 2xx is a failure of the command."""
    django_hooks.on("*")(lambda _event: 1 / 0)
    code, output, _ = manage("trigger", "license.revoked", "--yes")
    assert (code, output.split()[:2]) == (1, ["failed", "500"])


def test_trigger_by_http(django_hooks, manage, live_server):
    """``--to`` delivers to a server, as LicenseChain would; another machine has to be allowed."""
    taken = []
    django_hooks.on("*")(taken.append)
    code, output, _ = manage("trigger", "license.revoked", "--to", f"{live_server.url}/sync/")
    assert (code, output.split()[0], len(taken)) == (0, "processed", 1)
    assert manage("trigger", "license.revoked", "--to", "http://example.com/")[0] == 2
    code, _, errors = manage("trigger", "license.revoked", "--to", "http://127.0.0.1:1/")
    assert (code, "nothing listens at 127.0.0.1:1" in errors) == (1, True)


def test_trigger_of_one_of_several_endpoints(django_hooks, manage, settings):
    """``--endpoint`` says to which, and with whose secret."""
    endpoints = {"eu": {"SECRETS": [SECRET]}, "us": {"SECRETS": ["the-signing-secret-of-us"]}}
    settings.LICENSECHAIN_HOOKS = {"HOOKS": django_hooks, "PROCESSING": "inline", "ENDPOINTS": endpoints}
    taken = []
    django_hooks.on("*")(lambda _event, context: taken.append(context.endpoint))
    assert manage("trigger", "license.revoked", "--endpoint", "us", "--yes")[0] == 0
    assert taken == ["us"]
    code, _, errors = manage("trigger", "license.revoked", "--yes")
    assert (code, "several endpoints, 'eu', 'us'" in errors) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("license",), "is no event type"),
        (("a.b", "--id", "x y"), "--id: an event's id is"),
        (("a.b", "--data", "x"), "--data: 'x' is not KEY=VALUE"),
        (("a.b", "--duplicate", "-1"), "--duplicate: N is between"),
        (("a.b", "--to", "ftp://127.0.0.1/"), "--to: the URL must begin with http"),
    ],
)
def test_trigger_of_what_makes_no_sense(django_hooks, manage, arguments, message):
    """No event can look like that."""
    code, _, errors = manage("trigger", *arguments, "--yes")
    assert (code, message in errors) == (2, True)


def test_trigger_of_an_odd_event(django_hooks, manage):
    """A misspelling is noted, with what was meant, and delivered: types are open."""
    code, _, errors = manage("trigger", "licence.revoked", "--yes")
    assert (code, "did you mean license.revoked?" in errors) == (0, True)


def test_trigger_with_secrets_of_tenants(django_hooks, manage, settings):
    """Whose secret is to sign nobody knows, where each delivery has its own."""
    settings.LICENSECHAIN_HOOKS |= {"SECRETS": lambda _request: [SECRET]}
    settings.LICENSECHAIN_HOOKS = {**settings.LICENSECHAIN_HOOKS}
    code, _, errors = manage("trigger", "license.revoked", "--yes")
    assert (code, "come from a function" in errors) == (1, True)


@pytest.fixture
def healthy(no_worker, settings, monkeypatch):
    """A project that is ready for production."""
    from django.db import connections

    monkeypatch.setitem(connections.settings["default"], "OPTIONS", {"init_command": "PRAGMA journal_mode=WAL;"})
    settings.SECURE_SSL_REDIRECT = True
    no_worker.on("*")(lambda _event: None)
    return no_worker


def test_doctor_of_a_healthy_project(healthy, manage):
    """Nothing to do, and what was looked at."""
    code, output, errors = manage("doctor")
    assert (code, output.splitlines()[-1], errors) == (0, "nothing to do", "")
    assert "endpoints: default; PROCESSING 'worker'; 1 handler" in output
    assert "the database 'default': reachable, its tables are current, 0 due" in output
    assert SECRET not in output


def test_doctor_as_json(healthy, manage, settings):
    """Each check with its verdict, and the ids of the system checks that have found something."""
    settings.SECURE_SSL_REDIRECT = False
    code, output, _ = manage("doctor", "--format", "json")
    report = json.loads(output)
    verdicts = {check["check"]: check["verdict"] for check in report["checks"]}
    assert (code, report["ok"]) == (4, False)
    assert verdicts == {"environment": "ok", "W006": "warn", "app": "ok", "secrets": "ok", "inbox": "ok"}


def test_doctor_of_a_project_that_cannot_work(settings, manage, monkeypatch):
    """What the checks call an error is a failure, with what to do; it goes on with what can be looked at."""
    for name in ("", "_FILE"):
        monkeypatch.delenv(f"LICENSECHAIN_WEBHOOK_SECRET{name}", raising=False)
    settings.LICENSECHAIN_HOOKS = {"PROCESSING": "inline"}
    code, output, _ = manage("doctor", "--format", "json")
    report = {check["check"]: check for check in json.loads(output)["checks"]}
    assert (code, report["E002"]["verdict"]) == (4, "fail")
    assert "LICENSECHAIN_WEBHOOK_SECRET" in report["E002"]["todo"]
    assert report["inbox"]["verdict"] == "skipped"
    settings.LICENSECHAIN_HOOKS = {"TOLERANCE": 3}
    assert "E001" in manage("doctor")[1]


def test_doctor_looks_at_secrets_and_dead_letters(dead, manage, settings):
    """A short secret, and what nobody has looked at."""
    settings.LICENSECHAIN_HOOKS = settings.LICENSECHAIN_HOOKS | {"SECRETS": ["short-one"]}
    _, output, _ = manage("doctor", "--format", "json")
    found = {(check["check"], check["verdict"]): check["what"] for check in json.loads(output)["checks"]}
    assert "short" in found["secrets", "warn"]
    assert found["inbox", "warn"].startswith("1 dead letter")
    assert "short-one" not in output


def test_doctor_of_several_endpoints(healthy, manage, settings):
    """Each is looked at, by its name; secrets that come from a function are skipped."""
    endpoints = {"eu": {"SECRETS": [SECRET]}, "us": {"SECRETS": lambda _request: [SECRET]}}
    settings.LICENSECHAIN_HOOKS = {"HOOKS": healthy, "PROCESSING": "worker", "ENDPOINTS": endpoints}
    code, output, _ = manage("doctor")
    assert (code, "eu: one signing secret" in output, "us: they come from a function" in output) == (0, True, True)


def test_doctor_and_a_capture(healthy, manage, tmp_path):
    """A captured delivery is diagnosed with the project's own secret; what is no capture is refused."""
    from licensechain_hooks.diagnosis.captures import Capture
    from licensechain_hooks.testing import sign_request

    body = event_body(make_event("license.revoked"))
    signed = sign_request(body, "another-signing-secret")
    headers = tuple((name.lower(), value) for name, value in signed.items())
    capture = Capture(body=body, headers=headers, received_at=datetime.now(UTC), body_bytes=len(body))
    (tmp_path / "one.json").write_text(capture.to_json())
    code, output, _ = manage("doctor", "--capture", str(tmp_path / "one.json"), "--format", "json")
    verdicts = {check["check"]: check["verdict"] for check in json.loads(output)["checks"]}
    assert (code, "fail" in verdicts.values()) == (4, True)
    (tmp_path / "no.json").write_text("{}")
    assert manage("doctor", "--capture", str(tmp_path / "no.json"))[0] == 2
