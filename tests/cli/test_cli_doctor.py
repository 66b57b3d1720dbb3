"""``licensechain-hooks doctor``: what is wrong is named, what cannot be looked at is said, and nothing is given away."""

import json
import re
import signal
import sqlite3
import urllib.parse
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection

import pytest

from licensechain_hooks.diagnosis.captures import Capture
from licensechain_hooks.diagnosis.dialects import DIALECTS
from licensechain_hooks.inbox._sql import VERSION_TABLE
from licensechain_hooks.testing import event_body, make_event, sign_request

APP_SECRET = "the-secret-of-an-application"
OTHER = "the-secret-of-another-webhook"


@pytest.fixture
def doctor(invoke):
    """A function: exit code and checks of ``doctor --format json``, by name in their order."""

    def doctor(*arguments, code, **settings):
        result = invoke("doctor", "--format", "json", *arguments, **settings)
        assert (result.exit_code, result.stderr) == (code, "")
        document = json.loads(result.stdout)
        assert document["ok"] == (code == 0)
        return {check["check"]: check for check in document["checks"]}

    return doctor


@pytest.fixture
def secret_file(tmp_path):
    """A function: the arguments that give secrets in a file."""

    def write(*secrets, option="--secret-file"):
        path = tmp_path / f"{option.strip('-')}.txt"
        path.write_text("".join(f"{secret}\n" for secret in secrets))
        return [option, str(path)]

    return write


@pytest.fixture
def capture_file(tmp_path):
    """A function: the arguments that give a capture of a delivery in a dialect."""

    def write(delivery, **settings):
        headers = tuple((name.lower(), value) for name, value in delivery.headers.items())
        given = {"received_at": datetime.now(UTC), "body_bytes": len(delivery.body)} | settings
        path = tmp_path / "capture.json"
        path.write_text(Capture(body=delivery.body, headers=headers, **given).to_json())
        return ["--capture", str(path)]

    return write


def in_dialect(name, secret, sent_at=None):
    """A delivery of a new event in a dialect; its data tells serialisers apart."""
    event = json.loads(event_body(make_event("license.revoked", data={"note": "café </b>", "z": 1, "a": 2})))
    return DIALECTS[name].deliver(event, secret=secret, app_secret=APP_SECRET, sent_at=sent_at or datetime.now(UTC))


def post(url, delivery):
    """The status of a delivery that is really made."""
    parts = urllib.parse.urlsplit(url)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request("POST", parts.path, delivery.body, delivery.headers)
        return connection.getresponse().status
    finally:
        connection.close()


def verdicts(checks):
    """Check and verdict, without what is fine."""
    return {name: check["verdict"] for name, check in checks.items() if check["verdict"] != "ok"}


SKIPPED = dict.fromkeys(["inbox", "clock", "webhook", "capture"], "skipped")


def test_nothing_to_do(doctor, invoke):
    """Without anything wrong it exits with 0, and everything that was not looked at is said with what it takes."""
    checks = doctor(code=0)
    assert verdicts(checks) == SKIPPED
    assert all(check["todo"] for check in checks.values() if check["verdict"] == "skipped")
    text = invoke("doctor").stdout
    assert text.splitlines()[-1] == "nothing to do; 4 skipped"
    assert [line.split()[0] for line in text.splitlines() if line[0] != " "][:2] == ["ok", "ok"]


def test_one_check_per_line(invoke):
    """As JSON lines: one check on each."""
    result = invoke("doctor", "--format", "jsonl")
    checks = [json.loads(line) for line in result.stdout.splitlines()]
    assert [check["check"] for check in checks] == ["environment", "secrets", *SKIPPED]
    assert set(checks[0]) == {"check", "verdict", "what", "why", "todo", "dialects"}


@pytest.mark.parametrize("name", DIALECTS)
def test_the_dialect_of_a_capture_is_named(name, doctor, capture_file, secret_file, secret):
    """A delivery of each dialect is named; where the profile takes it there is nothing to do."""
    accepted = "compat" in DIALECTS[name].accepted_by
    app_secret = secret_file(APP_SECRET, option="--app-secret-file")
    capture = capture_file(in_dialect(name, secret))
    checks = doctor(*capture, *app_secret, "--profile", "compat", code=0 if accepted else 4)
    assert checks["dialect"]["dialects"] == [name]
    assert (checks["dialect"]["verdict"] == "ok") == accepted


@pytest.mark.parametrize("framework", ["starlette", "fastapi", "flask", "django"])
def test_what_was_really_received(framework, doctor, listen, tmp_path, secret):
    """Deliveries that a real server has captured raw are told by their dialects, in the order they came."""
    names = ["guide", "seller-route", "data-only-node", "payload-secret-sha256"]
    folder = tmp_path / "captures"
    listening = listen("--framework", framework, "--format", "jsonl", "--capture", str(folder), "--raw")
    statuses = [post(listening.url, in_dialect(name, secret)) for name in names]
    assert statuses == [200, 401, 401, 401]
    code, _, err = listening.end(signal.SIGTERM)
    assert (code, "raw files hold license keys" in err) == (0, True)
    captures = sorted(folder.iterdir())
    assert len(captures) == len(names)
    for name, capture in zip(names, captures, strict=True):
        checks = doctor("--capture", str(capture), code=0 if name == "guide" else 4)
        assert checks["dialect"]["dialects"] == [name]
        assert not {"wrong-secret", "body-truncated", "body-longer"} & set(checks)


def test_a_wrong_secret_is_said_plainly(doctor, invoke, capture_file, secret):
    """A delivery that another secret has signed is told as that, in text as well; no text gives anything away."""
    delivery = in_dialect("guide", OTHER)
    arguments = capture_file(delivery)
    assert verdicts(doctor(*arguments, code=4)).pop("wrong-secret") == "fail"
    result = invoke("doctor", *arguments)
    assert "wrong secret: this secret did not sign it" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 to look at; 3 skipped"
    for private in (secret, OTHER, delivery.headers["X-Webhook-Signature"], "LC-7F3K", "evt_"):
        assert private not in result.stdout


def test_which_secret_of_a_list(doctor, capture_file, secret_file, secret):
    """Of several secrets the position of the one that signed is told."""
    arguments = [*capture_file(in_dialect("guide", secret)), *secret_file("the-newest-secret-of-all", secret)]
    checks = doctor(*arguments, code=4)
    assert "secret 2 of 2" in checks["older-secret"]["what"]
    assert checks["secrets"]["what"] == "2 signing secrets: a rotation is going on"


def test_a_scrubbed_capture(doctor, listen, tmp_path, secret, secret_file):
    """A scrubbed capture tells what was found when it was made, whatever secret is given now, and how to look again."""
    listening = listen("--format", "jsonl", "--capture", str(tmp_path / "captures"))
    assert post(listening.url, in_dialect("seller-route", secret)) == 401
    assert post(listening.url, in_dialect("guide", OTHER)) == 401
    listening.end(signal.SIGTERM)
    first, second = sorted((tmp_path / "captures").iterdir())
    checks = doctor("--capture", str(first), *secret_file(OTHER), code=4)
    assert (checks["dialect"]["dialects"], checks["scrubbed"]["verdict"]) == (["seller-route"], "skipped")
    assert "--raw" in checks["scrubbed"]["todo"]
    checks = doctor("--capture", str(second), *secret_file(OTHER), code=4)
    assert checks["wrong-secret"]["verdict"] == "fail"
    for private in ("LC-7F3K", OTHER, secret):
        assert private not in first.read_text() + second.read_text()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file"),
        (b"", "it is not JSON"),
        (b"\xff\xfe", "it is not text"),
        (b"[]", "it is JSON, but not an object"),
        (b'{"headers": 1, "body": ""}', "headers: of the wrong type"),
        (b" " * (16 * 1024 * 1024 + 1), "it is larger than 16 MiB"),
        ("folder", "it is a folder"),
    ],
)
@pytest.mark.parametrize("command", ["doctor", "verify"])
def test_a_file_that_is_no_capture(content, said, command, invoke, tmp_path):
    """Whatever is no capture is one sentence and a usage error, never a traceback."""
    path = tmp_path if content == "folder" else tmp_path / "capture.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    result = invoke(command, "--capture", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"Error: --capture: {path} is no capture: {said}" + (
        ", which no capture is" if "larger" in said else ""
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--secret-file", "missing"], "--secret-file: cannot read the signing secrets from missing"),
        (["--secret-file", "."], "--secret-file: cannot read the signing secrets"),
        (["--app-secret-file", "missing"], "--app-secret-file: cannot read"),
        (["--url", "not a url"], "--url: a URL is printable ASCII"),
        (["--url", "ftp://x"], "--url: the URL must begin with"),
        (["--webhook", ".."], "is no id"),
        (["--app", "nonsense"], "is not module:name"),
        (["--app", "json:loads"], "what is needed is a Receiver"),
    ],
)
def test_usage(arguments, said, invoke):
    """What is asked for wrongly is a usage error."""
    result = invoke("doctor", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize(
    ("secret", "verdict", "said"),
    [
        (None, "fail", "no signing secret"),
        ("your-webhook-secret", "fail", "placeholder"),
        ("sh0rt", "warn", "the secret is short: 5 characters"),
        ("a-secret-of-good-length,sh0rt", "warn", "secret 2 of 2 is short"),
        ('"a-secret-of-good-length"', "warn", "quotes around it"),
        ("a-secret-of-good-length,a-secret-of-good-length", "warn", "in the list twice"),
        (APP_SECRET, "warn", "is the app secret"),
        ("a-secret-of-good-length,another-of-good-length", "ok", "2 signing secrets"),
    ],
)
def test_secrets(secret, verdict, said, doctor, secret_file):
    """Missing, placeholder, short, quoted, doubled and several secrets are told, and never their text."""
    app_secret = secret_file(APP_SECRET, option="--app-secret-file")
    checks = doctor(*app_secret, code=0 if verdict == "ok" else 4, secret=secret)
    assert (checks["secrets"]["verdict"], said in checks["secrets"]["what"]) == (verdict, True)
    for one in (secret or "").split(","):
        assert not one or one not in json.dumps(checks)


def test_an_inbox(doctor, tmp_path, invoke):
    """Reachable and current is good; an old, a newer and a broken one is not, and none of them is changed."""
    url = f"sqlite:///{tmp_path}/inbox.db"
    assert "there is no file" in doctor("--inbox", url, code=4)["inbox"]["what"]
    sqlite3.connect(tmp_path / "inbox.db").close()
    (tmp_path / "inbox.db").touch()
    assert "of version 0" in doctor("--inbox", url, code=4)["inbox"]["what"]
    assert invoke("inbox", "migrate", "--inbox", url).exit_code == 0
    assert "its tables are current" in doctor("--inbox", url, code=0)["inbox"]["what"]
    for version, todo in ((1, "licensechain-hooks inbox migrate"), (99, "upgrade licensechain-hooks")):
        database = sqlite3.connect(tmp_path / "inbox.db")
        with database:
            database.execute(f"UPDATE {VERSION_TABLE} SET version = {version}")
        check = doctor("--inbox", url, code=4)["inbox"]
        assert (f"of version {version}" in check["what"], check["todo"]) == (True, todo)
        assert database.execute(f"SELECT version FROM {VERSION_TABLE}").fetchone() == (version,)
        database.close()
    (tmp_path / "inbox.db").write_text("no database at all, but text of some length" * 100)
    assert "it cannot be reached" in doctor("--inbox", url, code=4)["inbox"]["what"]
    assert "secret-of-the-database" not in json.dumps(doctor("--inbox", "nonsense:secret-of-the-database", code=4))


@pytest.fixture
def app(tmp_path, monkeypatch):
    """A function: ``--app`` of a module with this text."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(f"from licensechain_hooks import *\nhooks = Hooks()\n{text}\n")
        return ["--app", f"{name}:receiver"]

    return write


def test_an_application(app, doctor, capture_file):
    """Its own secrets, profile and handlers are looked at."""
    arguments = app(
        "doctored_shop",
        f"@hooks.on('license.revoked')\ndef lock(event): ...\n"
        f"receiver = Receiver(Endpoint(secrets=[{OTHER!r}], profile='compat'), hooks)",
    )
    checks = doctor(*arguments, *capture_file(in_dialect("seller-route", OTHER)), code=0, secret=None)
    assert checks["app"]["what"] == "a receiver in inline mode, profile compat, handlers: 1"
    assert checks["inbox"]["what"].startswith("the receiver has no inbox")
    bare = app("doctored_bare", f"receiver = Receiver(Endpoint(secrets=lambda request: [{OTHER!r}]), hooks)")
    checks = doctor(*bare, code=4)
    assert (checks["app"]["verdict"], checks["secrets"]["verdict"]) == ("warn", "skipped")


def test_the_inbox_of_an_application(app, doctor):
    """The inbox of a receiver is looked at where no other is named."""
    text = f"receiver = Receiver(Endpoint(secrets=[{OTHER!r}]), hooks, inbox=MemoryInbox())"
    text = f"from licensechain_hooks.inbox.memory import MemoryInbox\nhooks.on('license.*')(print)\n{text}"
    assert doctor(*app("doctored_durable", text), code=0)["inbox"]["verdict"] == "ok"


@pytest.fixture
def served(emulator, tmp_path):
    """The arguments that lead to a running emulator."""
    (tmp_path / "key").write_text(emulator.api_key)
    return ["--api-key-file", str(tmp_path / "key"), "--base-url", emulator.base_url]


def test_a_webhook_that_works(served, emulator, listen, doctor, secret):
    """Clock, webhook and a real test delivery are good, by URL and by id."""
    listening = listen("--format", "jsonl")
    webhook = emulator.webhook(listening.url, secret=secret)
    for which in (["--url", listening.url], ["--webhook", webhook["id"]]):
        checks = doctor(*served, *which, code=0)
        assert verdicts(checks) == {"inbox": "skipped", "capture": "skipped"}
        assert checks["delivery"]["what"] == "a test delivery was answered with 200"
        assert listening.delivery()["outcome"] == "accepted"


def test_a_webhook_with_another_secret(served, emulator, listen, doctor):
    """The endpoint answers 401: what that means is told."""
    listening = listen("--format", "jsonl")
    emulator.webhook(listening.url, secret=OTHER)
    check = doctor(*served, "--url", listening.url, code=4)["delivery"]
    assert check["what"] == "a test delivery was answered with 401"
    assert "another secret" in check["todo"]


def test_a_url_where_nothing_listens(served, emulator, doctor, secret):
    """No answer: reachability is what has to be looked at."""
    emulator.webhook("http://127.0.0.1:9/hook", secret=secret)
    check = doctor(*served, "--url", "http://127.0.0.1:9/hook", code=4)["delivery"]
    assert check["what"] == "LicenseChain got no answer to a test delivery"


def test_a_webhook_that_is_not_there(served, emulator, doctor):
    """No webhook for the URL, several for it, and an id that nobody knows."""
    assert (
        doctor(*served, "--url", "http://127.0.0.1:9/none", code=4)["webhook"]["what"]
        == "no webhook delivers to this URL"
    )
    for _ in range(2):
        emulator.webhook("http://127.0.0.1:9/twice")
    assert (
        "2 webhooks deliver to this URL"
        in doctor(*served, "--url", "http://127.0.0.1:9/twice", code=4)["webhook"]["what"]
    )
    assert doctor(*served, "--webhook", "cnobodyknowsthisone000000", code=4)["api"]["verdict"] == "fail"


def test_events_that_are_not_subscribed(served, emulator, listen, doctor, app, secret):
    """Handlers that listen for what the webhook does not deliver are told; so is another URL."""
    text = f"hooks.on('license.revoked', 'payment.completed')(print)\nreceiver = Receiver(Endpoint(secrets=[{secret!r}]), hooks)"
    listening = listen("--format", "jsonl")
    webhook = emulator.webhook(listening.url, "license.revoked", secret=secret)
    arguments = [*served, "--webhook", webhook["id"], *app("doctored_events", text)]
    assert "payment.succeeded" in doctor(*arguments, code=4)["webhook"]["what"]
    other = doctor(*served, "--webhook", webhook["id"], "--url", "https://shop.example/hook", code=4)["webhook"]
    assert other["what"] == f"it delivers to another URL: {listening.url}"


def test_a_wrong_api_key(emulator, doctor, tmp_path):
    """A key that the API refuses is told, and not shown."""
    (tmp_path / "key").write_text("a-key-that-nobody-knows")
    checks = doctor("--api-key-file", str(tmp_path / "key"), "--base-url", emulator.base_url, code=4)
    assert checks["api"]["verdict"] == "fail"
    assert "a-key-that-nobody-knows" not in json.dumps(checks)


@pytest.mark.parametrize(
    ("apart", "code", "verdict"),
    [(timedelta(0), 0, "ok"), (timedelta(minutes=2), 4, "warn"), (timedelta(hours=-3), 4, "fail")],
)
def test_the_clock(apart, code, verdict, answering, doctor, tmp_path):
    """How far the clock is from the API's Date, and in which direction."""
    date = (datetime.now(UTC) - apart).strftime("%a, %d %b %Y %H:%M:%S GMT")
    url = answering(f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]".encode())
    (tmp_path / "key").write_text("key")
    base = url.removesuffix("/hook")
    check = doctor("--api-key-file", str(tmp_path / "key"), "--base-url", base, code=code)["clock"]
    assert check["verdict"] == verdict
    if apart:
        direction = "ahead of" if apart > timedelta(0) else "behind"
        found = re.fullmatch(rf"this machine's clock is (\d+) s {direction} the API's", check["what"])
        assert abs(int(found[1]) - abs(apart.total_seconds())) < 30


def test_an_api_without_a_date_or_an_answer(answering, doctor, tmp_path):
    """No Date: skipped, and why; no answer: a failure."""
    (tmp_path / "key").write_text("key")
    key = ["--api-key-file", str(tmp_path / "key")]
    url = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
    check = doctor(*key, "--base-url", url.removesuffix("/hook"), code=0)["clock"]
    assert (check["verdict"], check["why"]) == ("skipped", "the API's replies have no Date")
    url = answering(b"nonsense")
    assert doctor(*key, "--base-url", url.removesuffix("/hook"), code=4)["api"]["verdict"] == "fail"


def test_a_missing_extra(run, environ, shadowed, tmp_path):
    """What is not installed is said with the line that installs it, and what needs it is skipped."""
    (tmp_path / "key").write_text("key")
    result = run(
        *("doctor", "--format", "json", "--api-key-file", str(tmp_path / "key")),
        environ=shadowed("httpx2", tmp_path, environ),
    )
    checks = {check["check"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.returncode == 4
    assert checks["environment"]["todo"] == "pip install 'licensechain-hooks[client]'"
    assert checks["clock"]["verdict"] == "skipped"


def test_a_terminal_obeys_nothing(invoke, tmp_path, secret):
    """Whatever a capture holds, only printable characters come out."""
    headers = ["x-evil\x41: 1", f"x-signature-of-theirs: {'ab' * 32}"]
    fields = {
        "headers": headers,
        "body": "{}",
        "method": "\x1b[2J",
        "scrubbed": True,
        "findings": [
            {"code": "\x1b]0;x\x07", "verdict": "fail", "what": "\x9b2J\n\nfake", "why": "", "todo": "\u202e"}
        ],
    }
    for scrubbed in (True, False):
        (tmp_path / "capture.json").write_text(json.dumps(fields | {"scrubbed": scrubbed}))
        text = invoke("doctor", "--capture", str(tmp_path / "capture.json")).stdout
        assert all(line.isprintable() for line in text.splitlines())


def test_verify_reads_a_raw_capture(invoke, capture_file, secret, tmp_path):
    """``verify --capture`` takes body, headers and time from the file; a scrubbed one and two sources are refused."""
    arrived = datetime(2026, 3, 1, 12, tzinfo=UTC)
    body = event_body(make_event(timestamp=arrived))
    delivery = in_dialect("guide", secret, arrived)
    delivery = type(delivery)(body, sign_request(body, secret, timestamp=arrived.timestamp()))
    arguments = capture_file(delivery, received_at=arrived)
    result = invoke("verify", *arguments)
    assert (result.exit_code, "verified: license.created" in result.stdout) == (0, True)
    assert invoke("verify", *arguments, "--at", "2026-03-01T13:00:00Z").exit_code == 3
    both = invoke("verify", *arguments, "--header", "X-A: 1")
    assert (both.exit_code, "stands in place of" in both.stderr) == (2, True)
    neither = invoke("verify")
    assert (neither.exit_code, "which delivery?" in neither.stderr) == (2, True)
    scrubbed = invoke("verify", *capture_file(delivery, scrubbed=True))
    assert (scrubbed.exit_code, "it is scrubbed" in scrubbed.stderr) == (2, True)


@pytest.mark.parametrize("name", ["sdk-verifier", "data-only-go", "luau"])
def test_what_a_sender_of_another_dialect_delivers(name, served, emulator, listen, doctor, tmp_path, secret):
    """The whole way: a LicenseChain that speaks a dialect delivers, a real server captures, the dialect is named."""
    folder = tmp_path / "captures"
    listening = listen("--format", "jsonl", "--capture", str(folder), "--raw")
    webhook = emulator.webhook(listening.url, secret=secret)
    emulator.faults(dialect=name)
    checks = doctor(*served, "--webhook", webhook["id"], code=4)
    assert checks["delivery"]["what"] == "a test delivery was answered with 401"
    assert listening.delivery()["outcome"] == "rejected"
    capture = min(folder.iterdir())
    assert name in doctor("--capture", str(capture), code=4)["dialect"]["dialects"]
