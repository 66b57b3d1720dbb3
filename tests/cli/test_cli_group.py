"""``licensechain-hooks`` itself: help, version, what is imported, what is missing."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from licensechain_hooks.cli import main

COMMANDS = [
    "demo",
    "emulator",
    "listen",
    "trigger",
    "verify",
    "doctor",
    "probe",
    "inbox",
    "worker",
    "sweep",
    "webhooks",
    "monitor",
]


def test_help_lists_every_command(invoke):
    """``--help`` names every command in order and exits with 0."""
    result = invoke("--help")
    listed = [line.split()[0] for line in result.stdout.partition("Commands:")[2].splitlines() if line.strip()]
    assert (result.exit_code, listed) == (0, COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_summary_is_the_commands_own(name):
    """What ``--help`` says of a command without importing it is how the command's own help begins."""
    command = importlib.import_module(f"licensechain_hooks.cli.{name}").command
    assert main.summaries[name] == command.help.splitlines()[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, invoke):
    """``-h`` of a command shows its usage and exits with 0."""
    result = invoke(name, "-h")
    assert (result.exit_code, result.stdout.split()[:3]) == (0, ["Usage:", "main", name])


def test_help_imports_no_command_and_no_framework(environ):
    """``--help`` is fast: it imports no command, no framework, no server and not rich."""
    slow = ["django", "fastapi", "flask", "rich", "sqlalchemy", "starlette", "uvicorn", "http.client", "asyncio"]
    commands = [f"licensechain_hooks.cli.{name}" for name in COMMANDS]
    code = (
        "import sys; from licensechain_hooks.cli import main; main(['--help'], standalone_mode=False);"
        f" print([name for name in {slow + commands} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert ran.stderr.strip() == "[]"


def test_commands_need_no_pytest(environ, shadowed, tmp_path):
    """`licensechain_hooks.testing` is for tests, but what the commands use of it needs no pytest."""
    modules = ", ".join(f"licensechain_hooks.cli.{name}" for name in COMMANDS)
    ran = subprocess.run(
        [sys.executable, "-c", f"import {modules}"],
        env=shadowed("pytest", tmp_path, environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_version(run):
    """``--version`` prints the name and one word or more, and exits with 0."""
    ran = run("--version")
    assert (ran.returncode, ran.stdout.split()[0], ran.stderr) == (0, "licensechain-hooks", "")


@pytest.mark.parametrize("arguments", [["nope"], ["--nope"], ["trigger"], ["verify"], ["demo", "--framework", "rails"]])
def test_usage_errors_exit_with_2(arguments, invoke):
    """A wrong command line gets one clear sentence on stderr, and 2."""
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout, result.stderr.splitlines()[-1][:6]) == (2, "", "Error:")


def test_without_click_the_import_says_what_to_install(environ, shadowed, tmp_path):
    """Without the extra, importing the command line raises ImportError with the pip line."""
    ran = subprocess.run(
        [sys.executable, "-c", "import licensechain_hooks.cli"],
        env=shadowed("click", tmp_path, environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr.splitlines()[-1]) == (
        1,
        "ImportError: the command line needs click: pip install 'licensechain-hooks[cli]'",
    )


def test_without_click_the_module_says_it_in_one_line(run, environ, shadowed, tmp_path):
    """``python -m licensechain_hooks`` without the extra prints one line, no traceback."""
    ran = run("--help", environ=shadowed("click", tmp_path, environ))
    expected = "licensechain-hooks: the command line needs click: pip install 'licensechain-hooks[cli]'\n"
    assert (ran.returncode, ran.stderr) == (1, expected)


def test_a_caller_may_handle_errors_itself():
    """Without standalone mode, as click's users expect, errors are raised and results returned."""
    with pytest.raises(click.UsageError):
        main(["nope"], standalone_mode=False)
    assert main(["--version"], standalone_mode=False) == 0


def test_ctrl_c_exits_with_130(invoke, monkeypatch):
    """An interruption anywhere in a command ends it with 130, as shells have it."""
    from licensechain_hooks.cli import trigger

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(trigger, "deliver", interrupted)
    result = invoke("trigger", "license.revoked", "--to", "http://127.0.0.1:9/")
    assert (result.exit_code, result.stdout, result.stderr.strip()) == (130, "", "")


def test_closed_stdout_ends_quietly(environ):
    """A reader that closes the pipe, as ``head`` does, is no reason for a traceback."""
    command = [sys.executable, "-m", "licensechain_hooks", "trigger", "a.b", "--to", "http://127.0.0.1:9/"]
    process = subprocess.Popen(
        [*command, "--format", "json"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    with process.stderr:
        said = process.stderr.read()
    assert (process.wait(timeout=20), "Traceback" in said) == (1, False)


@pytest.mark.parametrize(
    ("environment", "arguments", "said"),
    [
        (
            {},
            [],
            "no signing secret: set LICENSECHAIN_WEBHOOK_SECRET (a comma list, newest first); or use --secret-file",
        ),
        ({"LICENSECHAIN_WEBHOOK_SECRET": "your-webhook-secret"}, [], "a placeholder out of some documentation"),
        ({"LICENSECHAIN_WEBHOOK_SECRET": "x" * 20, "LICENSECHAIN_WEBHOOK_SECRET_FILE": "f"}, [], "not both"),
        ({"LICENSECHAIN_WEBHOOK_SECRET_FILE": "/nowhere/secrets"}, [], "cannot read the signing secrets"),
        ({}, ["--secret-file", "/nowhere/secrets"], "cannot read the signing secrets from /nowhere/secrets"),
        ({}, ["--secret-file", "-"], "stdin holds no signing secret"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ["listen", "--port", "0"],
        ["trigger", "license.revoked", "--to", "http://127.0.0.1:9/"],
        ["verify", "--body-file", __file__, "--header", "a: b"],
    ],
    ids=lambda command: command[0],
)
def test_no_usable_secret(command, environment, arguments, said, invoke, monkeypatch):
    """Without a usable secret a command says what to do, and exits with 2."""
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    result = invoke(*command, *arguments, text="\n", secret=None)
    assert (result.exit_code, said in result.stderr, result.stdout) == (2, True, ""), result.stderr


@pytest.mark.parametrize("given", [b"\xff\xfe\x00", "\N{ZERO WIDTH NO-BREAK SPACE}".encode()])
def test_odd_secrets_from_stdin(given, invoke):
    """Secrets on stdin that are no text, or only a byte order mark, are refused in one sentence."""
    result = invoke("trigger", "a.b", "--to", "http://127.0.0.1:9/", "--secret-file", "-", text=given)
    assert (result.exit_code, "stdin" in result.stderr.splitlines()[-1]) == (2, True)


def test_no_secret_in_any_message(invoke, tmp_path):
    """What is wrong with a secret is said without the secret."""
    (tmp_path / "secrets").write_text("hunter2 \udcff-is-secret\n", "utf-8", "surrogateescape")
    result = invoke("trigger", "a.b", "--to", "http://127.0.0.1:9/", "--secret-file", str(tmp_path / "secrets"))
    assert (result.exit_code, "hunter2" in result.output) == (2, False)


def test_results_are_ascii_where_stdout_is(run, environ):
    """A terminal that only knows ASCII gets escapes, not a UnicodeEncodeError."""
    ran = run("listen", "--path", "/\N{SNOWMAN}", environ=environ | {"PYTHONIOENCODING": "ascii"})
    assert (ran.returncode, "Traceback" in ran.stderr) == (2, False)
    ran = run("trigger", "a.b", "--to", "http://127.0.0.1:9/", environ=environ | {"PYTHONIOENCODING": "ascii"})
    assert (ran.returncode, ran.stderr.isascii()) == (1, True)


def test_json_output_is_ascii(invoke):
    """JSON results hold no raw control character, whatever came over the wire."""
    result = invoke("trigger", "a.b", "--to", "http://127.0.0.1:9/", "--format", "jsonl")
    assert (json.loads(result.stdout)["type"], result.stdout.isascii()) == ("a.b", True)


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="this machine has no /bin/sh to close stdin with")
def test_without_stdin_there_are_no_secrets_on_it(environ):
    """A process whose stdin is closed is told so when it is to read the secrets from there."""
    command = [sys.executable, "-m", "licensechain_hooks", "listen", "--port", "0", "--secret-file", "-"]
    ran = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *command], env=environ, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, "there is no stdin" in ran.stderr, "Traceback" in ran.stderr) == (2, True, False)
