"""``licensechain-hooks demo``: it proves what it shows, under every framework, and leaves no process behind."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from licensechain_hooks.cli import _scenes, _stage, demo
from licensechain_hooks.cli._child import listen_process
from licensechain_hooks.cli._scenes import Finding
from licensechain_hooks.cli._servers import FRAMEWORKS
from licensechain_hooks.operations.sending import Answer

SAMPLE = "licensechain_hooks.cli._sample."


def is_running(pid):
    """Whether a process still runs; one that only waits for its parent to notice does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z" if Path("/proc/self/stat").exists() else True
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition):
    """What a condition gives, once it gives something true."""
    ends = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < ends
        time.sleep(0.01)
    return found


@contextmanager
def killed(process):
    """A process does not outlive the block."""
    try:
        yield
    finally:
        process.kill()


@pytest.fixture
def started(environ):
    """A demo that has just started its receiver and its emulator, and their ids."""
    if not Path("/proc/self/task").exists():
        pytest.skip("this machine shows no children under /proc")
    process = subprocess.Popen(
        [sys.executable, "-m", "licensechain_hooks", "demo"],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        wait_for(lambda: len(children.read_text().split()) == 2)
        yield process, [int(pid) for pid in children.read_text().split()]
    finally:
        process.kill()
        process.communicate()


def played(run, framework):
    """What a demo found, as JSON, and for each step what is worth comparing."""
    ran = run("demo", "--framework", framework, "--format", "json")
    document = json.loads(ran.stdout)
    assert (ran.returncode, ran.stderr, document["ok"], document["framework"]) == (0, "", True, framework)
    names = ("type", "status", "outcome", "reason", "attempts", "handlers", "findings")
    return [tuple(step[name] for name in names) for step in document["steps"]]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_framework(framework, run):
    """A license's life with a local LicenseChain and a real server, what enemies and outages do, and what is missed."""
    done, audit = ["processed"], "audit_license"
    assert played(run, framework) == [
        ("license.created", 200, "accepted", None, done, ["welcome_customer", audit], []),
        ("license.updated", 200, "accepted", None, done, [audit], []),
        (
            *("license.extended", 200, "accepted", None, ["failed", "failed", "processed"]),
            *([audit, "mail_customer", "mail_customer", "mail_customer"], []),
        ),
        (
            *("license.expired", 200, "accepted", None, ["failed", "failed", "dead"]),
            *([audit, "update_crm", "update_crm", "update_crm"], []),
        ),
        ("license.expired", None, "replayed", None, done, ["update_crm"], []),
        ("license.revoked", 200, "accepted", None, done, ["lock_seats", audit], []),
        ("license.revoked", 200, "duplicate", None, [], [], []),
        ("license.revoked", 401, "rejected", "signature_mismatch", [], [], []),
        ("license.revoked", 401, "rejected", "timestamp_outside_tolerance", [], [], []),
        ("license.deleted", None, None, None, [], [], []),
        (None, None, None, None, [], [], ["failed", "missing"]),
        ("license.deleted", 200, "accepted", None, done, [audit], []),
        (None, None, None, None, [], [], []),
    ]


@pytest.fixture(scope="module")
def shown(run, environ):
    """A demo as one sees it through a pipe, where the environment speaks of other secrets."""
    odd = {"LICENSECHAIN_WEBHOOK_SECRET": "your-secret", "LICENSECHAIN_WEBHOOK_SECRET_FILE": "/nowhere"}
    return run("demo", environ=environ | odd)


def test_plain_columns_where_there_is_no_terminal(shown):
    """Piped, it is plain columns of text: no escape sequence, no frame; the verdict and what next at the end."""
    lines = shown.stdout.splitlines()
    assert all(line.isprintable() and line.isascii() for line in lines)
    assert lines[0].split() == ["step", "answer", "worker", "handlers", "that", "ran", "ms"]
    assert [line.split()[-1] for line in lines[1:14]] == ["ok"] * 13
    assert (lines[14][:36], lines[-1][:6]) == ("All 13 steps went as they should, in", "next: ")
    page, receiver = shown.stderr.splitlines()
    assert page.startswith("a local LicenseChain at http://127.0.0.1:")
    assert receiver.startswith("a starlette application, really served, at http://127.0.0.1:")


def test_secrets_of_the_environment_are_not_used(shown):
    """The demo makes a secret of its own: whatever the environment says of secrets does not disturb it."""
    assert shown.returncode == 0


def test_the_commands_that_ran_are_shown(shown):
    """How the dead letter was replayed and the gap was found is shown as what one would type."""
    commands = [line.split()[1:] for line in shown.stdout.splitlines() if line.startswith("ran: ")]
    assert [line[:2] for line in commands] == [["licensechain-hooks", name] for name in ("inbox", "monitor")]
    assert (commands[0][2], commands[0][3].isdigit()) == ("replay", True)
    assert not Path(commands[0][-1].removeprefix("sqlite:///")).exists()


def test_keep(environ, run, tmp_path):
    """``--keep`` leaves all running and prints what to do with it; it works, and Ctrl-C ends it, but for the inbox."""
    command = [sys.executable, "-m", "licensechain_hooks", "demo", "--keep"]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environ | {"TMPDIR": str(tmp_path)}, **streams) as process, killed(process):
        lines = []
        while not lines or not lines[-1].startswith("Ctrl-C"):
            lines.append(process.stdout.readline().strip())
            assert lines[-1], process.communicate()
        (page,) = [line.split()[1] for line in lines if line.startswith("open ")]
        with urlopen(page, timeout=10) as shown:
            assert (shown.status, shown.headers.get_content_type()) == (200, "text/html")
        listed, entry = [run(*line.split()[1:]) for line in lines[-3:-1]]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in err) == (130, False)
    states = [line.split()[1] for line in listed.stdout.splitlines()[1:]]
    assert (states, entry.returncode) == (["processed"] * 6, 0)
    assert [path.name for path in tmp_path.glob("licensechain-demo-*/inbox.db")] == ["inbox.db"]


REVOKED = Finding(
    step=_scenes.make_steps()[5],
    answer=Answer(status=200, outcome="accepted"),
    event_id="evt_1",
    event_type="license.revoked",
    line={"outcome": "accepted", "reason": None, "id": "evt_1"},
    attempts=({"state": "processed", "handlers": [f"{SAMPLE}lock_seats", f"{SAMPLE}audit_license"]},),
)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"status": 202}, "the answer should be 202 accepted"),
        ({"outcome": "processed"}, "the receiver should tell of processed evt_1"),
        ({"reason": "age"}, "the receiver should tell of accepted age"),
        ({"states": ("failed", "processed")}, "the worker's attempts should end failed, processed"),
        ({"handlers": ("lock_seats",)}, "the handlers should be lock_seats"),
        ({"findings": ("missing",)}, "the monitor should report missing"),
    ],
)
def test_differences(changed, said):
    """Whatever comes of a step otherwise than it should is named."""
    assert REVOKED.differences == []
    differing = dataclasses.replace(REVOKED, step=dataclasses.replace(REVOKED.step, **changed))
    assert said in differing.differences


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"answer": Answer(status=200, outcome="accepted", error="timed out")}, "timed out"),
        ({"unasked": ({"id": "evt_7", "state": "processed"},)}, "evt_7 ran unasked"),
    ],
)
def test_what_should_not_have_come(changed, said):
    """An error, and the run of an event that nobody has delivered now, are differences."""
    assert dataclasses.replace(REVOKED, **changed).differences == [said]


def test_a_difference_fails_the_demo(invoke, monkeypatch):
    """What differs from what it should be stands in the table and below it, and the demo exits with 1."""
    steps = list(demo.make_steps())
    steps[6] = dataclasses.replace(steps[6], status=202)
    monkeypatch.setattr(demo, "make_steps", lambda: steps)
    result = invoke("demo")
    lines = result.stdout.splitlines()
    assert (result.exit_code, [line.split()[-1] for line in lines[1:14]].count("differs")) == (1, 1)
    assert "the same event again: the answer should be 202 duplicate" in lines
    assert "1 of 13 steps went otherwise than they should." in lines


def test_jsonl_is_a_line_for_each_step_and_one_for_all(invoke):
    """``--format jsonl`` prints a line for each step as it goes, and the verdict last."""
    result = invoke("demo", "--format", "jsonl")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert ([line["ok"] for line in lines], "page" in lines[-1], result.stderr) == ([True] * 14, True, "")


def test_no_answer_is_a_difference(invoke, monkeypatch):
    """A receiver that should be up and does not answer fails the demo, and the reason is shown."""
    monkeypatch.setattr(demo, "make_steps", lambda: _scenes.make_steps()[:1])
    monkeypatch.setattr(_stage.Stage, "_put_receiver", lambda stage, **_: stage._end_receiver())
    result = invoke("demo")
    assert (result.exit_code, "license created: " in result.stdout) == (1, True)


def test_a_receiver_that_does_not_start(run, environ, shadowed, tmp_path):
    """Where the framework is missing the demo says what to install, and exits with 1."""
    ran = run("demo", "--framework", "flask", environ=shadowed("flask", tmp_path, environ))
    first, last = ran.stderr.splitlines()
    assert (ran.returncode, ran.stdout, last) == (1, "", "Error: the receiver did not start")
    assert first.endswith("pip install 'licensechain-hooks[flask]'")


def test_ctrl_c_ends_all_processes(started):
    """Ctrl-C in the middle exits with 130, without a traceback and without leaving a process behind."""
    process, children = started
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert wait_for(lambda: not any(map(is_running, children)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_demo_leaves_nothing_running(number, started):
    """Even a demo that cannot clean up any more takes its receiver and its emulator with it."""
    process, children = started
    process.send_signal(number)
    assert process.wait(timeout=20) == -number
    assert wait_for(lambda: not any(map(is_running, children)))


def test_the_receiver_ends_with_the_block():
    """A receiver's process has ended when its ``with`` block has, whatever ended it."""
    process = listen_process("starlette", "a-secret-for-this-test")

    def be_interrupted():
        with process:
            assert process.first_line()["url"].startswith("http://127.0.0.1:")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_interrupted()
    assert not is_running(process.pid)


def test_the_receiver_is_killed_when_it_does_not_end(monkeypatch):
    """A receiver that does not end in time, because it is stopped for instance, is killed."""
    from licensechain_hooks.cli import _child

    monkeypatch.setattr(_child, "_END", 0.1)
    with listen_process("starlette", "a-secret-for-this-test") as process:
        process.first_line()
        os.kill(process.pid, signal.SIGSTOP)
    assert not is_running(process.pid)


def test_a_receiver_that_says_nothing(monkeypatch):
    """Where no line comes, none is made up."""
    from licensechain_hooks.cli import _child

    monkeypatch.setattr(_child, "_END", 0.1)
    with listen_process("starlette", "a-secret-for-this-test") as process:
        process.first_line()
        monkeypatch.setattr(_child, "_END", 0.01)
        assert process.line() == {}
        monkeypatch.setattr(_child, "_END", 5.0)


def first_step_of(command, folder, environ):
    """The first line of a demo in a folder, as JSON, and what it said beside it; it is ended then."""
    command = [*command, "demo", "--format", "jsonl"]
    with (
        subprocess.Popen(
            command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
        killed(process),
    ):
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert line, said
        return json.loads(line), said


def test_the_current_folder_shadows_nothing(environ, tmp_path):
    """A file of the current folder that is called like a module is not what the receiver's process imports."""
    script, current = tmp_path / "bin" / "licensechain-hooks", tmp_path / "current"
    script.parent.mkdir()
    current.mkdir()
    script.write_text("from licensechain_hooks.cli import main\nmain()\n")  # as installers write it
    (current / "uvicorn.py").write_text("raise SystemExit('the wrong one')\n")
    unsafe = {name: text for name, text in environ.items() if name != "PYTHONSAFEPATH"}
    step, said = first_step_of([sys.executable, str(script)], current, unsafe)
    assert (step["ok"], "the wrong one" in said) == (True, False), said


def test_a_package_of_the_current_folder_is_found_again(environ, tmp_path):
    """A checkout that is not installed can show its demo: where the package comes from, its process looks too."""
    import shutil

    import licensechain_hooks

    package = Path(licensechain_hooks.__file__).parent
    shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    unsafe = {name: text for name, text in environ.items() if name not in {"PYTHONPATH", "PYTHONSAFEPATH"}}
    step, said = first_step_of([sys.executable, "-m", "licensechain_hooks"], tmp_path, unsafe)
    assert step["ok"], said
