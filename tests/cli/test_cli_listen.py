"""``licensechain-hooks listen``: every framework, really served, watched through its output and ended by signals."""

import json
import signal
import socket
import subprocess
import sys
import urllib.parse
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from licensechain_hooks.cli._servers import FRAMEWORKS
from licensechain_hooks.diagnosis.captures import read_capture
from licensechain_hooks.testing import event_body, make_event, sign_request

SAMPLE = "licensechain_hooks.cli._sample."


def send(url, body=b"", headers=None, method="POST"):
    """Status and outcome of one request."""
    parts = urllib.parse.urlsplit(url)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request(method, parts.path, body, headers or {})
        response = connection.getresponse()
        return response.status, json.loads(response.read())["status"]
    finally:
        connection.close()


def deliver(url, secret, event_type="license.revoked", **settings):
    """Deliver a signed event."""
    event = make_event(event_type, **settings)
    return send(url, event_body(event), sign_request(event, secret))


def lines_of(listening, count):
    """The next lines, those of deliveries before those of attempts."""
    lines = [listening.line() for _ in range(count)]
    return sorted(lines, key=lambda line: "state" in line)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_line_for_each_delivery_and_each_run(framework, listen, secret):
    """The URL comes first, then a JSON line for each delivery and each run of an entry; Ctrl-C ends it with 130."""
    listening = listen("--framework", framework, "--format", "jsonl", "--path", "/some/hook")
    first = json.loads(listening.first)
    assert first.pop("inbox").startswith("sqlite:///")
    assert first == {"url": listening.url, "framework": framework, "profile": "guide"}
    assert listening.url.endswith("/some/hook")
    assert send(listening.url, b"{}", {"X-Webhook-Signature": "0" * 64}) == (401, "rejected")
    line = listening.line()
    assert (line["outcome"], line["status"], line["reason"], line["id"], line["handlers"]) == (
        *("rejected", 401, "signature_mismatch"),
        *(None, []),
    )
    assert send(listening.url, method="GET") == (405, "rejected")
    assert listening.line()["reason"] == "method"
    assert deliver(listening.url, secret, event_id="evt_1") == (200, "accepted")
    accepted, processed = lines_of(listening, 2)
    assert isinstance(accepted.pop("ms"), float)
    assert accepted == {
        "outcome": "accepted",
        "status": 200,
        "type": "license.revoked",
        "id": "evt_1",
        "reason": None,
        "detail": None,
        "handlers": [],
    }
    assert processed == {
        "state": "processed",
        "entry": 1,
        "attempt": 1,
        "type": "license.revoked",
        "id": "evt_1",
        "handlers": [f"{SAMPLE}lock_seats", f"{SAMPLE}audit_license"],
        "error_code": None,
        "next_attempt_in": None,
    }
    assert listening.end(signal.SIGINT) == (130, "", "")


def test_text_is_for_people(listen, secret):
    """As text: the URL first, then deliveries and what became of them, and why where something was refused."""
    listening = listen()
    assert listening.first.startswith("listening at http://127.0.0.1:")
    deliver(listening.url, secret, event_id="evt_1")
    lines = sorted(listening.process.stdout.readline() for _ in range(2))
    words = lines[0].split()
    assert words[:2] + words[3:] == ["accepted", "200", "ms", "license.revoked", "evt_1"]
    assert lines[1].split() == [
        "processed",
        "run",
        "attempt",
        "1",
        "license.revoked",
        "evt_1",
        "entry",
        "1",
        "lock_seats,",
        "audit_license",
    ]
    send(listening.url, b"{}")
    line = listening.process.stdout.readline()
    assert line.split()[:2] + line.split("ms")[1:] == ["rejected", "401", "  signature_missing: no signature header\n"]
    code, out, err = listening.end(signal.SIGTERM)
    inbox, hint = err.splitlines()
    assert (code, out, hint) == (0, "", f"try: licensechain-hooks trigger license.revoked --to {listening.url}")
    assert inbox.startswith("inbox: sqlite:////")
    assert inbox.endswith("inbox.db, until this ends; --inbox URL for one that stays")


def test_a_failure_is_told_of(listen, secret):
    """A failed attempt's line says why and when the next one is, a dead letter's that it is dead."""
    listening = listen("--demo")
    deliver(listening.url, secret, "license.expired", event_id="evt_1")
    lines = sorted(listening.process.stdout.readline().rstrip() for _ in range(4))
    assert [line.split()[0] for line in lines] == ["accepted", "dead", "failed", "failed"]
    assert lines[1].endswith("attempt 3   license.expired         evt_1  entry 1  update_crm  ConnectionError")
    assert lines[2].endswith("entry 1  audit_license, update_crm  ConnectionError, again in 0 s")
    assert "Traceback" not in listening.end(signal.SIGTERM)[2]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_an_inbox_that_stays(framework, listen, secret, tmp_path, invoke):
    """With ``--inbox`` entries outlive the process; the next one runs those that wait from the start, and knows them all."""
    url = f"sqlite:///{tmp_path}/inbox.db"
    listening = listen("--framework", framework, "--format", "jsonl", "--inbox", url)
    assert json.loads(listening.first)["inbox"] == url
    deliver(listening.url, secret, event_id="evt_1")
    lines_of(listening, 2)
    assert listening.end(signal.SIGTERM)[0] == 0
    assert invoke("inbox", "replay", "1", "--force", "--yes", "--inbox", url).exit_code == 0
    listening = listen("--framework", framework, "--format", "jsonl", "--inbox", url)
    line = listening.line()
    assert (line["state"], line["id"], line["attempt"]) == ("processed", "evt_1", 1)
    assert deliver(listening.url, secret, event_id="evt_1") == (200, "duplicate")
    (entry,) = json.loads(invoke("inbox", "list", "--inbox", url, "--format", "json").stdout)
    assert (entry["event_id"], entry["state"], entry["attempts"]) == ("evt_1", "processed", 1)


def test_a_temporary_inbox_is_removed(listen, environ, tmp_path):
    """Without ``--inbox`` nothing is left behind."""
    listening = listen("--format", "jsonl", environ=environ | {"TMPDIR": str(tmp_path)})
    assert len([*tmp_path.glob("*/inbox.db")]) == 1
    listening.end(signal.SIGTERM)
    assert [*tmp_path.iterdir()] == []


def test_without_sqlalchemy(run, environ, shadowed, tmp_path):
    """Without what an inbox needs, it says in one line what to install, and exits with 1."""
    ran = run("listen", "--port", "0", environ=shadowed("sqlalchemy", tmp_path, environ))
    expected = "Error: this module needs SQLAlchemy: pip install 'licensechain-hooks[sql]'\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", expected)


@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_nothing_from_the_wire_reaches_the_terminal_raw(form, listen, secret):
    """Control characters in a signed body come out escaped or not at all, and a line stays one line."""
    listening = listen("--format", form)
    body = rb'{"id":"\u001b[2J\r\nfake","type":"a.b","timestamp":"2026-01-01T00:00:00Z","data":{}}'
    assert send(listening.url, body, sign_request(body, secret))[0] == 400
    assert send(listening.url, b'{"\x1b[31m', sign_request(b'{"\x1b[31m', secret))[0] == 400
    lines = [listening.process.stdout.readline(), listening.process.stdout.readline()]
    assert [line[:-1].isprintable() for line in lines] == [True, True]
    assert listening.end(signal.SIGTERM)[1] == ""


def test_types_in_any_spelling_and_unknown_ones(listening, secret):
    """Unknown types run the fallback, and aliases appear under their canonical name."""
    deliver(listening.url, secret, "subscription.cancelled")
    deliver(listening.url, secret, "starship.launched")
    lines = lines_of(listening, 4)[2:]
    assert sorted((line["type"], line["handlers"]) for line in lines) == [
        ("starship.launched", [f"{SAMPLE}log_other"]),
        ("subscription.canceled", [f"{SAMPLE}log_other"]),
    ]


@pytest.mark.parametrize("framework", ["starlette", "django"])  # which has settings of its own, unlike the others
def test_profile_compat(framework, listen, secret):
    """``--profile compat`` takes the header names of LicenseChain's own SDKs."""
    event = make_event()
    headers = {name.replace("Webhook", "LicenseChain"): text for name, text in sign_request(event, secret).items()}
    listening = listen("--framework", framework, "--format", "jsonl", "--profile", "compat")
    assert send(listening.url, event_body(event), headers) == (200, "accepted")


def test_secrets_from_stdin(listen, environ):
    """``--secret-file -`` reads one secret a line, newest first; each of them verifies."""
    without = {name: text for name, text in environ.items() if name != "LICENSECHAIN_WEBHOOK_SECRET"}
    listening = listen(
        "--format", "jsonl", "--secret-file", "-", environ=without, text="the-newer-of-two-secrets\n\nthe-older-one\n"
    )
    given = ("the-newer-of-two-secrets", "the-older-one", "another-one-altogether")
    assert [deliver(listening.url, secret)[0] for secret in given] == [200, 200, 401]


@pytest.mark.parametrize("by", ["option", "variable"])
def test_secrets_from_a_file(by, listen, environ, tmp_path):
    """A file named by ``--secret-file`` or by the environment gives the secrets."""
    (tmp_path / "secrets").write_text("the-secret-in-the-file\n")
    without = {name: text for name, text in environ.items() if name != "LICENSECHAIN_WEBHOOK_SECRET"}
    path = str(tmp_path / "secrets")
    arguments = ["--secret-file", path] if by == "option" else []
    variable = {"LICENSECHAIN_WEBHOOK_SECRET_FILE": path} if by == "variable" else {}
    listening = listen("--format", "jsonl", *arguments, environ=without | variable)
    assert deliver(listening.url, "the-secret-in-the-file")[0] == 200


def test_port_in_use(invoke):
    """A port that is taken is told in one line, with 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = invoke("listen", "--port", str(port))
    expected = f"Error: cannot listen at 127.0.0.1:{port}: Address already in use; --port 0 picks a free one\n"
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", expected)


@pytest.mark.parametrize(
    ("framework", "hidden", "extra"),
    [
        ("starlette", "starlette", "starlette"),
        ("starlette", "uvicorn", "cli"),
        ("fastapi", "fastapi", "fastapi"),
        ("flask", "flask", "flask"),
        ("django", "django", "django"),
    ],
)
def test_framework_that_is_not_installed(framework, hidden, extra, run, environ, shadowed, tmp_path):
    """A framework that is not installed is told in one line with what to install, and 1."""
    ran = run("listen", "--framework", framework, "--port", "0", environ=shadowed(hidden, tmp_path, environ))
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1)
    assert ran.stderr.endswith(f"pip install 'licensechain-hooks[{extra}]'\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--host", "0.0.0.0"], 2, "--host: '0.0.0.0' is reachable from elsewhere; add --allow-remote"),
        (["--host", "::"], 2, "add --allow-remote"),
        (["--host", "example.com"], 2, "add --allow-remote"),
        (["--host", "nowhere.invalid", "--allow-remote"], 1, "cannot listen at nowhere.invalid:0: no such address"),
        (["--host", "a" * 70, "--allow-remote"], 1, "no such address"),
        (["--host", "192.0.2.1", "--allow-remote"], 1, "cannot listen at 192.0.2.1:0"),
        (["--port", "65536"], 2, "--port"),
        (["--port", "http"], 2, "--port"),
        (["--path", "webhooks"], 2, "is not a plain path such as /webhooks/licensechain"),
        (["--path", "/a b"], 2, "is not a plain path"),
        (["--path", "/<int:tenant>"], 2, "is not a plain path"),
        (["--path", "/{tenant}"], 2, "is not a plain path"),
        (["--path", "//elsewhere"], 2, "is not a plain path"),
        (["--path", "/a/../b"], 2, "is not a plain path"),
        (["--path", "/\x1b[2J"], 2, r"'/\x1b[2J' is not a plain path"),
        (["--profile", "strict"], 2, "--profile"),
        (["--format", "json"], 2, "--format"),
        (["--stop-with-stdin", "--secret-file", "-"], 2, "stdin ends with the secrets"),
        (["--inbox", "inbox.db"], 2, "--inbox: this is no URL of a database"),
        (["--inbox", "sqlite:////no/such/folder/inbox.db"], 1, "the inbox's database: OperationalError"),
    ],
)
def test_bad_input(arguments, code, said, invoke):
    """What cannot be listened at is told in a clear sentence."""
    result = invoke("listen", "--port", "0", *arguments)
    assert (result.exit_code, said in result.stderr, result.stdout) == (code, True, ""), result.stderr


@pytest.mark.parametrize(("host", "in_url"), [("localhost", "localhost"), ("::1", "[::1]"), ("127.0.0.2", "127.0.0.2")])
def test_every_loopback_address(host, in_url, listen, secret):
    """This machine under any of its loopback names needs no flag, and the URL works as it is printed."""
    try:
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError:
        pytest.skip(f"this machine has no {host}")
    listening = listen("--host", host, "--format", "jsonl")
    assert listening.url.startswith(f"http://{in_url}:")
    assert deliver(listening.url, secret) == (200, "accepted")


@pytest.mark.parametrize("framework", ["starlette", "flask"])
def test_it_ends_when_nobody_reads_its_first_line(framework, environ):
    """Where stdout is closed from the start, it ends at once, quietly."""
    command = [sys.executable, "-m", "licensechain_hooks", "listen", "--framework", framework, "--port", "0"]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    with process.stderr:
        said = process.stderr.read()
    assert (process.wait(timeout=20), "Traceback" in said) == (1, False), said


@pytest.mark.parametrize("framework", ["starlette", "flask"])
def test_it_ends_when_nobody_reads_its_lines(framework, listen, secret):
    """A closed stdout, as ``| head -1`` leaves it, ends it at the next delivery, which is answered still."""
    listening = listen("--framework", framework)
    listening.process.stdout.close()
    assert deliver(listening.url, secret) == (200, "accepted")
    assert (listening.process.wait(timeout=20), "Traceback" in listening.process.stderr.read()) == (1, False)


@pytest.mark.parametrize("framework", ["starlette", "flask", "django"])
def test_sigterm_is_a_normal_end(framework, listen, secret):
    """SIGTERM, which service managers send, ends it with 0 and without a word, though a sender keeps its connection."""
    listening = listen("--framework", framework, "--format", "jsonl")
    parts = urllib.parse.urlsplit(listening.url)
    event = make_event()
    connection = HTTPConnection(parts.hostname, parts.port, timeout=10)
    with closing(connection), socket.create_connection((parts.hostname, parts.port)):
        connection.request("POST", parts.path, event_body(event), sign_request(event, secret))
        connection.getresponse().read()
        lines_of(listening, 2)
        assert listening.end(signal.SIGTERM) == (0, "", "")


@pytest.mark.parametrize("framework", ["starlette", "django"])
def test_it_ends_with_the_process_that_holds_its_stdin(framework, listen, environ):
    """Under ``--stop-with-stdin`` it ends once its stdin does, so that a killed parent leaves nothing behind."""
    listening = listen("--framework", framework, "--format", "jsonl", "--stop-with-stdin")  # stdin is the null device
    assert (listening.process.wait(timeout=20), listening.process.stderr.read()) == (0, "")


def test_all_deliveries_of_many_senders_get_whole_lines(listen, secret):
    """Lines of deliveries that arrive at once do not mix."""
    from concurrent.futures import ThreadPoolExecutor

    listening = listen("--framework", "flask", "--format", "jsonl")
    ids = [f"evt_{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda event_id: deliver(listening.url, secret, event_id=event_id), ids))
    assert answers == [(200, "accepted")] * len(ids)
    lines = lines_of(listening, 2 * len(ids))
    assert sorted(line["id"] for line in lines) == sorted(2 * ids)


def test_secrets_never_stand_in_the_arguments(listening, secret):
    """What other users can see of the process does not hold the secret."""
    shown = Path(f"/proc/{listening.process.pid}/cmdline")
    if not shown.exists():
        pytest.skip("this machine shows no arguments under /proc")
    assert secret.encode() not in shown.read_bytes()


def test_a_capture_of_each_delivery(listen, secret, tmp_path):
    """One file each, for the owner alone: scrubbed, with what the receiver said and what was found."""
    folder = tmp_path / "captures"
    listening = listen("--format", "jsonl", "--capture", str(folder))
    assert deliver(listening.url, secret, event_id="evt_1") == (200, "accepted")
    assert send(listening.url, b'{"email": "ada@example.com"}', {"X-Webhook-Signature": "ab" * 32}) == (401, "rejected")
    assert send(listening.url, method="GET") == (405, "rejected")
    assert listening.end(signal.SIGTERM)[0] == 0
    paths = sorted(folder.iterdir())
    captures = [json.loads(path.read_text()) for path in paths]
    assert [capture["outcome"]["name"] for capture in captures] == ["accepted", "rejected", "rejected"]
    assert [capture["scrubbed"] for capture in captures] == [True, True, True]
    assert {finding["verdict"] for finding in captures[0]["findings"]} == {"ok"}
    assert captures[1]["findings"][0]["code"] == "wrong-secret"
    assert json.loads(captures[0]["body"])["data"]["licenseKey"] == "[…]"
    assert (captures[0]["method"], captures[2]["method"], captures[0]["path"]) == (
        "POST",
        "GET",
        "/webhooks/licensechain",
    )
    text = "".join(path.read_text() for path in paths)
    assert not [private for private in ("LC-7F3K", "ada@", "abab", secret) if private in text]
    if sys.platform != "win32":
        assert {path.stat().st_mode & 0o777 for path in (*paths, folder)} == {0o600, 0o700}


def test_a_raw_capture_is_exact(listen, secret, tmp_path):
    """With ``--raw`` body and headers are what was sent, whatever bytes they are; a word says what such files hold."""
    listening = listen("--format", "jsonl", "--capture", str(tmp_path), "--raw")
    body = b'{"a": "\xff\r\n"}\n'
    send(listening.url, body, {"X-Webhook-Signature": "ab" * 32, "X-Odd": "caf\xe9; a: b"})
    code, _, err = listening.end(signal.SIGTERM)
    assert (code, err) == (0, f"capturing to {tmp_path}: raw files hold license keys and valid signatures\n")
    (path,) = tmp_path.iterdir()
    capture = read_capture(path)
    assert (capture.body, capture.header("x-odd"), capture.header("x-webhook-signature")) == (
        body,
        "caf\xe9; a: b",
        "ab" * 32,
    )
    assert (capture.header("content-length"), capture.scrubbed, capture.findings) == (str(len(body)), False, ())


def test_captures_that_cannot_be_written(listen, secret, tmp_path):
    """A folder that goes, or that holds enough, is said once; deliveries are received all the same."""
    folder = tmp_path / "captures"
    listening = listen("--format", "jsonl", "--capture", str(folder))
    folder.rmdir()
    assert [deliver(listening.url, secret) for _ in range(2)] == [(200, "accepted")] * 2
    folder.mkdir()
    assert deliver(listening.url, secret) == (200, "accepted")
    assert len(list(folder.iterdir())) == 1
    code, _, err = listening.end(signal.SIGTERM)
    said = f"--capture: nothing can be written to {folder}: No such file or directory; deliveries are received all the same"
    assert (code, err.splitlines()) == (0, [said])
    for number in range(1000):
        (folder / f"20260301T120000.000000Z-{number:06}-abcdef.json").touch()
    listening = listen("--format", "jsonl", "--capture", str(folder))
    assert [deliver(listening.url, secret) for _ in range(2)] == [(200, "accepted")] * 2
    code, _, err = listening.end(signal.SIGTERM)
    assert (code, len(err.splitlines()), "no more are captured" in err) == (0, 1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--raw"], "--raw goes with --capture FOLDER"),
        (["--capture", "file"], "--capture: nothing can be written to file: File exists"),
        (["--capture", "missing/captures"], "No such file or directory"),
        (["--capture", ""], "--capture: name a folder"),
        (["--capture", "\x1b[2J/x"], r"\x1b[2J/x: No such file or directory"),
    ],
)
def test_captures_nowhere(arguments, said, invoke, tmp_path, monkeypatch):
    """A folder nothing can be written to is a usage error at the start."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    result = invoke("listen", "--port", "0", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
