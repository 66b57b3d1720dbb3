"""``licensechain-hooks emulator``: started, used, and ended as a process of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from click.testing import CliRunner

from licensechain_hooks.cli import main

KEY = "an-api-key-for-tests"


@pytest.fixture
def environ():
    """An environment with nothing of this project's."""
    return {name: text for name, text in os.environ.items() if not name.startswith("LICENSECHAIN_")}


@pytest.fixture
def start(environ):
    """A function that starts it; what still runs at the end is killed."""
    started = []

    def start(*arguments, **variables):
        process = subprocess.Popen(
            [sys.executable, "-m", "licensechain_hooks", "emulator", "--port", "0", *arguments],
            env=environ | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def call(base_url, key, path, value):
    """The reply to a POST."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{base_url}{path}", json.dumps(value).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.loads(reply.read())


def invoke(*arguments, **variables):
    """The result of a command that ends by itself, in this process."""
    try:
        runner = CliRunner(mix_stderr=False)  # click 8.1
    except TypeError:
        runner = CliRunner()
    cleaned = dict.fromkeys((name for name in os.environ if name.startswith("LICENSECHAIN_")), None)
    result = runner.invoke(main, ["emulator", *arguments], env=cleaned | variables)
    if not isinstance(result.exception, SystemExit | None):
        raise result.exception
    return result


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_line_for_each_delivery(number, code, start, receiving):
    """The first line says where it is and the key that was made up; each delivery is one more; signals end it."""
    process = start("--format", "jsonl")
    first = json.loads(process.stdout.readline())
    assert first["base_url"] == f"{first['url']}/v1"
    webhook = call(
        first["base_url"], first["api_key"], "/webhooks", {"url": receiving.url, "events": ["license.created"]}
    )
    call(first["base_url"], first["api_key"], "/licenses", {})
    line = json.loads(process.stdout.readline())
    assert (line["webhookId"], line["state"], line["statusCode"]) == (webhook["id"], "delivered", 200)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (code, "", "")


def test_for_people(start, receiving):
    """As text: the URL on stdout, how to use it on stderr, the key once; the page is there."""
    receiving.answers = lambda _number: (503, {}, b"\x1b[2J")
    process = start("--redeliver", "none")
    url = re.fullmatch(r"LicenseChain, emulated, at (http://127\.0\.0\.1:\d+)\n", process.stdout.readline())[1]
    notes = [process.stderr.readline() for _ in range(3)]
    assert notes[0] == f"LICENSECHAIN_BASE_URL={url}/v1\n"
    assert notes[2] == "state: until this ends; --state FILE for one that stays\n"
    key = notes[1].strip().removeprefix("LICENSECHAIN_API_KEY=")
    call(f"{url}/v1", key, "/webhooks", {"url": receiving.url, "events": ["license.created"]})
    call(f"{url}/v1", key, "/licenses", {})
    line = process.stdout.readline()
    assert re.match(r"failed     503  .* ms  license\.created .* attempt 1  http://", line), line
    assert line.rstrip("\n").isprintable()
    with urllib.request.urlopen(url, timeout=20) as reply:
        assert (reply.status, reply.headers.get_content_type()) == (200, "text/html")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_stream_does_not_hold_it_up(start):
    """A browser that watches does not keep it from ending."""
    process = start("--format", "jsonl")
    url = json.loads(process.stdout.readline())["url"]
    with urllib.request.urlopen(f"{url}/emulator/events", timeout=20) as stream:
        assert stream.readline().startswith(b"retry")
        process.send_signal(signal.SIGTERM)
        assert (process.wait(timeout=4), b"event" in stream.read()) == (0, False)


@pytest.mark.parametrize("by", ["file", "variable"])
def test_a_key_of_ones_own(by, start, tmp_path):
    """The API key of a file or of the environment is asked for, and not printed."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    given = ["--api-key-file", str(tmp_path / "key")] if by == "file" else []
    variables = {"LICENSECHAIN_API_KEY": KEY if by == "variable" else "another-one"}
    process = start("--format", "jsonl", *given, **variables)
    first = json.loads(process.stdout.readline())
    assert first["api_key"] is None
    assert call(first["base_url"], KEY, "/licenses", {})["status"] == "active"


def test_it_ends_with_stdin(start):
    """With --stop-with-stdin it ends when its parent does."""
    process = start("--format", "jsonl", "--stop-with-stdin")
    process.stdout.readline()
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_ends_when_nobody_reads_its_lines(start, receiving):
    """A closed stdout ends it at the next delivery, quietly."""
    process = start("--format", "jsonl")
    first = json.loads(process.stdout.readline())
    process.stdout.close()
    call(first["base_url"], first["api_key"], "/webhooks", {"url": receiving.url, "events": ["license.created"]})
    call(first["base_url"], first["api_key"], "/licenses", {})
    assert (process.wait(timeout=20), process.stderr.read()) == (1, "")


def test_a_killed_one_leaves_a_state_that_works(start, tmp_path, receiving):
    """After a kill, the next one on the same state delivers what the first had not."""
    state = str(tmp_path / "state.db")
    process = start("--format", "jsonl", "--state", state, "--redeliver", "1", LICENSECHAIN_API_KEY=KEY)
    first = json.loads(process.stdout.readline())
    receiving.answers = lambda number: 500 if number == 0 else 200
    call(first["base_url"], KEY, "/webhooks", {"url": receiving.url, "events": ["license.created"]})
    call(first["base_url"], KEY, "/licenses", {})
    assert json.loads(process.stdout.readline())["state"] == "failed"
    process.kill()
    process.wait()
    process = start("--format", "jsonl", "--state", state, LICENSECHAIN_API_KEY=KEY)
    process.stdout.readline()
    again = json.loads(process.stdout.readline())
    assert (again["attempt"], again["state"]) == (2, "delivered")


def test_one_state_two_emulators(start, tmp_path):
    """A state that another one uses is told in one line, with 1."""
    state = str(tmp_path / "state.db")
    start("--format", "jsonl", "--state", state).stdout.readline()
    result = invoke("--port", "0", "--state", state)
    expected = f"Error: --state: another process, perhaps another emulator, uses {state}\n"
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", expected)


def test_port_in_use():
    """A port that is taken is told in one line, with 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = invoke("--port", str(port))
    expected = f"Error: cannot listen at 127.0.0.1:{port}: Address already in use; --port 0 picks a free one\n"
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", expected)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--host", "0.0.0.0"], 2, "--host: '0.0.0.0' is reachable from elsewhere"),
        (["--host", "shop.example", "--allow-remote"], 2, "reachable from elsewhere"),
        (["--port", "65536"], 2, "--port"),
        (["--redeliver", "soon"], 2, "in seconds, of a day at most, separated by commas: 1,5,30"),
        (["--redeliver", "1,-1"], 2, "--redeliver"),
        (["--redeliver", "nan"], 2, "--redeliver"),
        (["--redeliver", "1,,2"], 2, "--redeliver"),
        (["--redeliver", ",".join("1" * 21)], 2, "up to 20 waits"),
        (["--format", "json"], 2, "--format"),
        (
            ["--state", "/no/such/folder/state.db"],
            1,
            "--state: cannot keep the state in /no/such/folder/state.db: No such",
        ),
        (["--state", "/"], 2, "--state"),
        (["--api-key-file", "/no/such/file"], 2, "--api-key-file: cannot read /no/such/file: FileNotFoundError"),
        (["--api-key-file", "/dev/null"], 2, "--api-key-file: /dev/null is empty"),
    ],
)
def test_bad_options(arguments, code, said):
    """What cannot work is told in a clear sentence."""
    result = invoke("--port", "0", *arguments)
    assert (result.exit_code, said in result.stderr, result.stdout) == (code, True, ""), result.stderr


def test_a_key_that_is_none():
    """A key that no header could hold is refused, and not shown."""
    result = invoke("--port", "0", LICENSECHAIN_API_KEY="two words")
    assert (result.exit_code, "printable ASCII without spaces" in result.stderr) == (2, True)
    assert "two words" not in result.stderr


@pytest.mark.parametrize("module", ["fastapi", "httpx2", "uvicorn", "jinja2"])
def test_what_is_not_installed(module, environ, tmp_path):
    """Without what it needs, it says in one line what to install, and exits with 1."""
    (tmp_path / f"{module}.py").write_text(f"name = {module!r}\nraise ModuleNotFoundError(name, name=name)\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, [environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "licensechain_hooks", "emulator", "--port", "0"]
    ran = subprocess.run(
        command, env=environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1)
    assert ran.stderr.endswith("pip install 'licensechain-hooks[emulator]'\n")
