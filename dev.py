#!/usr/bin/env python3
"""Two commands for a machine that has nothing but Python: see it work, and test it.

    python3 dev.py demo [--framework starlette|fastapi|flask|django] [other arguments of `licensechain-hooks demo`]
    python3 dev.py test [-e ENVIRONMENT,...] [other arguments of `tox run`] [-- arguments of pytest]

What they install stays below .dev/ and .tox/. LICENSECHAIN_TEST_REQUIRE lists what `test` may not skip: environments
(min), Pythons (py313), servers (postgres, redis, mysql), or all that a machine can be expected to have: mysql is not. A
PostgreSQL and a Valkey are started for the tests, or named in LICENSECHAIN_TEST_POSTGRES_URL and
LICENSECHAIN_TEST_REDIS_URL; a MariaDB only named, in LICENSECHAIN_TEST_MYSQL_URL.

The syntax is older than the Python we need: one that is too old must be able to read the line that says so.
"""

from __future__ import print_function

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "licensechain-hooks needs Python 3.11 or newer, and this is Python %d.%d (%s). Install a newer one (Debian, "
        "Ubuntu: apt install python3 python3-venv; others: python.org) and run it instead, such as: python3.11 dev.py"
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )

import argparse
import configparser
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent
WORK = ROOT / ".dev"
BIN, EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")

DEMO = ["-e", ".[cli,client,emulator,starlette,fastapi,flask,django]"]
TOX = ["tox>=4.26", "tox-uv>=1.25"]
AT_ONCE = 2  # environments; each runs pytest in two processes
LIMIT = 60 * 60  # seconds for one program: whatever hangs, the table has to come
SHOWN = 400  # lines of a failed log

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
CLOSING_LINE = re.compile(
    r"=+ (?P<pytest>.*\b(?:passed|failed|errors?|no tests ran)\b.* in [0-9.]+s.*?) =+"
    r"|(?P<other>Success: .+|Found \d+ errors?\b.*|\d+ errors?, \d+ warnings?.*|All checks passed!|TOTAL .+"
    r"|Contracts: .+|Success! No dependency issues found\.)"
)
FAILED_COMMAND = re.compile(r"\S+: exit -?\d+ \([0-9.]+ seconds\) .*?> (.+?)(?: pid=\d+)?")


def main(arguments):
    """Run a command; its exit code."""
    sys.stdout.reconfigure(errors="replace")  # the logs of others hold what not every terminal can show
    sys.stderr.reconfigure(errors="replace")
    commands = {"demo": demo, "test": test}
    wants_help = (
        not arguments or arguments[0] in ("-h", "--help") or arguments[:2] in (["test", "-h"], ["test", "--help"])
    )
    if wants_help or arguments[0] not in commands:
        print(__doc__.strip(), file=sys.stdout if arguments and wants_help else sys.stderr)
        return 0 if arguments and wants_help else 2
    try:
        return commands[arguments[0]](arguments[1:])
    except KeyboardInterrupt:
        return 130


def demo(arguments):
    """Run `licensechain-hooks demo` out of an environment of its own, from this working copy."""
    python = ensure_environment("demo", DEMO, (ROOT / "pyproject.toml").read_bytes())
    command = [str(python.parent / ("licensechain-hooks" + EXE)), "demo"] + arguments
    if os.name == "nt":
        return wait_for(subprocess.Popen(command, env=clean_environ()))
    sys.stdout.flush()
    return os.execve(command[0], command, clean_environ())  # noqa: S606 - so that it gets our signals


def test(arguments):
    """Run tox's environments, as many as there are Pythons for; always ends with a table."""
    chosen, passed_on = split_arguments(arguments)
    python = ensure_environment("tox", TOX, b"")
    pythons = find_pythons()
    environ = clean_environ(pythons)
    needed = python_of_each_environment()
    reasons = {name: why_skipped(needed.get(name), pythons) for name in chosen or needed}
    runs = [name for name in reasons if not reasons[name]]
    wheel = build_wheel(python, environ) if runs else None

    def run(name):
        # Each with a packaging environment to itself: two at a time would make the one of tox's at the same moment.
        own = ["-x", "testenv.package_env=.pkg-" + name]
        command = [str(python), "-m", "tox", "run", "-e", name, "--installpkg", str(wheel)] + own
        return run_environment(name, command + passed_on, environ)

    ran = dict(zip(runs, run_all(runs, run), strict=True))
    rows = [ran.get(name) or Row(name, "skipped", None, reasons[name]) for name in reasons]
    return report(rows, os.environ.get("LICENSECHAIN_TEST_REQUIRE", ""))


# The environments of our own


def ensure_environment(name, requirements, watched):
    """The Python of the virtual environment .dev/NAME, with the requirements installed.

    Nothing is done where its stamp says that they are: the same Python, place, requirements and ``watched`` bytes.
    """
    folder = WORK / name
    python = folder / BIN / ("python" + EXE)
    stamp = folder / "stamp"
    this_python = " ".join([sys.version, os.path.realpath(sys.executable), str(folder)])
    wanted = [digest(this_python.encode()), digest(" ".join(requirements).encode() + watched)]
    found = read_lines(stamp)
    sound = found[:1] == wanted[:1] and works(python)
    if sound and found == wanted:
        return python
    if not sound:
        create_environment(name, folder)
    stamp.write_text(wanted[0] + "\n")  # should the installation break off, only it is done again
    install(name, python, requirements)
    stamp.write_text("\n".join(wanted) + "\n")
    return python


def create_environment(name, folder):
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            "This Python (%s) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv, then "
            "run this again." % sys.executable
        )
    started = begin("making the environment .dev/%s with Python %s" % (name, sys.version.split()[0]))
    try:
        if folder.is_dir():
            shutil.rmtree(folder)
        venv.create(folder, with_pip=True, symlinks=os.name != "nt")
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit("\nCannot make it: %s" % error)
    end(started)


def install(name, python, requirements):
    """Install with uv where it can be had and works (it reads no pip.conf); else with pip."""
    what = " ".join(requirement for requirement in requirements if requirement != "-e")
    log = log_of(name + "-install")
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    uv = [str(python), "-m", "uv", "pip", "install", "--quiet", "--python", str(python)]
    if step("fetching uv, the quick installer", pip + ["uv"], log) and step(
        "installing " + what, uv + requirements, log
    ):
        return
    if not step("installing %s with pip" % what, pip + requirements, log):
        show(log, sys.stderr)
        sys.exit("The installation failed; pip's own words are above. Is there a network?")


def build_wheel(python, environ):
    """The wheel of this working copy: what the environments test."""
    folder = WORK / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    log = log_of("wheel")
    command = [str(python), "-m", "uv", "build", "--wheel", "--out-dir", str(folder), str(ROOT)]
    if not step("building the wheel", command, log, environ):
        show(log, sys.stderr)
        sys.exit("The wheel cannot be built; the reason is above.")
    (wheel,) = folder.glob("*.whl")
    return wheel


# Which environments can run here


def python_of_each_environment():
    """tox's environments in their order, each with the version of Python it needs, such as "3.11"."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "tox.ini", encoding="utf-8")
    needed = {}
    for name in words(config["tox"]["env_list"]):
        declared = config.get("testenv:" + name, "base_python", fallback=name)
        found = re.search(r"\bpy(\d)(\d+)\b", declared)
        needed[name] = "%s.%s" % found.groups() if found else None
    return needed


def find_pythons():
    """The Pythons that work here, by version: on PATH, or hidden behind pyenv.

    Each is run to know: the shims of pyenv exist for versions that they then refuse to start.
    """
    hidden = sorted((Path.home() / ".pyenv" / "versions").glob("3.1[1-9]*/bin"))
    pythons = {"%d.%d" % sys.version_info[:2]: Path(sys.executable)}
    for folder in [Path(folder) for folder in os.get_exec_path() if folder] + hidden:
        for path in sorted(folder.glob("python3.1[1-9]" + EXE)):
            version = re.search(r"3\.1\d", path.name).group()
            if version not in pythons and works(path, version):
                pythons[version] = path
    return pythons


def works(python, version=""):
    """Whether an interpreter starts and is of that version."""
    command = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0 and said.stdout.decode().strip().startswith(version)


def why_skipped(version, pythons):
    """Why an environment cannot run here; empty where it can."""
    return "" if version is None or version in pythons else "no Python %s that works here" % version


def split_arguments(arguments):
    """The environments asked for, and what is passed on to tox for each of them."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(prog="dev.py test", add_help=False, allow_abbrev=False)
    parser.add_argument("-e", action="append", default=[])
    known, rest = parser.parse_known_args(arguments[:cut])
    return list(dict.fromkeys(words(" ".join(known.e)))), rest + arguments[cut:]


# Running them


class Row:
    """A line of the closing table."""

    def __init__(self, name, outcome, seconds, note):
        self.name = name
        self.outcome = outcome
        self.seconds = seconds
        self.note = note


def run_all(names, run):
    """The rows of ``run(name)`` for each name, some at a time."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        return list(pool.map(run, names))
    finally:
        pool.shutdown(cancel_futures=True)


def run_environment(name, command, environ):
    """Run one environment with its output in a log, which is shown where it failed."""
    log = log_of(name)
    print("[dev] %s: started" % name, flush=True)
    started = time.monotonic()
    code = run_logged(command, log, environ)
    seconds = time.monotonic() - started
    if code:
        show(log, sys.stdout)
    closing = closing_lines(log)
    for line in closing:
        print("[dev] %s: %s" % (name, line), flush=True)
    print("[dev] %s: %s in %.1f s" % (name, "FAILED" if code else "ok", seconds), flush=True)
    return Row(name, "failed" if code else "ok", seconds, "; ".join(failed_commands(log) + closing[:1]))


def closing_lines(log):
    """What the tools of an environment said of themselves in the end; pytest's line first."""
    found = [match for match in (CLOSING_LINE.fullmatch(line) for line in read_lines(log)) if match]
    return [match["pytest"] for match in found if match["pytest"]] + [
        " ".join(match["other"].split()) for match in found if match["other"]
    ]


def failed_commands(log):
    """The commands of an environment that failed, no longer than a table bears."""
    return [
        "%s failed" % shortened(match[1])
        for match in (FAILED_COMMAND.fullmatch(line) for line in read_lines(log))
        if match
    ]


def report(rows, required):
    """Print the table; the exit code."""
    for row in rows:
        if row.outcome == "skipped" and asked_for(row) & set(words(required)):
            row.outcome, row.note = "failed", row.note + ", and LICENSECHAIN_TEST_REQUIRE asks for it"
    width = max([len("environment")] + [len(row.name) for row in rows])
    print("\n%-*s  %-7s  %7s  %s" % (width, "environment", "outcome", "seconds", "notes"))
    for row in rows:
        seconds = "-" if row.seconds is None else "%.1f" % row.seconds
        print(("%-*s  %-7s  %7s  %s" % (width, row.name, row.outcome, seconds, row.note)).rstrip())
    sys.stdout.flush()
    return 1 if any(row.outcome == "failed" for row in rows) else 0


def asked_for(row):
    """The words of LICENSECHAIN_TEST_REQUIRE that ask for an environment which was skipped."""
    lacking = {"py" + version.replace(".", "") for version in re.findall(r"Python (3\.\d+)", row.note)}
    return {"all", row.name} | set(row.name.split("-")) | lacking


# Small parts


def clean_environ(pythons=None):
    """Our environment variables less those that would lead another Python astray, with more Pythons on PATH."""
    astray = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"}
    environ = {name: value for name, value in os.environ.items() if name not in astray}
    environ.update({"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"})
    folders = os.get_exec_path()
    more = [str(path.parent) for path in (pythons or {}).values()]
    environ["PATH"] = os.pathsep.join(folders + [folder for folder in more if folder not in folders])
    return environ


def step(label, command, log, environ=None):
    """Run a command with its output in a log; whether it succeeded. Says what it does and how long that took."""
    started = begin(label)
    code = run_logged(command, log, environ or clean_environ())
    end(started, "" if code == 0 else ", failed (exit code %d)" % code)
    return code == 0


def run_logged(command, log, environ):
    """The exit code of a program whose output goes into a log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )
        return wait_for(process, LIMIT)


def wait_for(process, limit=None):
    """The exit code of a process; Ctrl-C reaches it as well, and it may take its time to end."""
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        process.terminate()
    except KeyboardInterrupt:
        process.wait()
        raise
    try:
        return process.wait(30) or 1
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def begin(label):
    print("[dev] %s ..." % label, end="", file=sys.stderr, flush=True)
    return time.monotonic()


def end(started, remark=""):
    print(" %.1f s%s" % (time.monotonic() - started, remark), file=sys.stderr, flush=True)


def show(log, where):
    lines = read_lines(log)
    left_out = "\n(%d lines before)" % (len(lines) - SHOWN) if len(lines) > SHOWN else ""
    print("\n----- %s%s" % (log.relative_to(ROOT), left_out), file=where)
    print("\n".join(lines[-SHOWN:] + ["-----"]), file=where, flush=True)


def log_of(name):
    return WORK / "logs" / (name + ".log")


def read_lines(path):
    """A text file's lines without their colours; none where there is no file."""
    try:
        return ANSI.sub("", path.read_text(encoding="utf-8", errors="replace")).splitlines()
    except OSError:
        return []


def shortened(text):
    return text if len(text) <= 60 else text[:57] + "..."


def words(text):
    return [word for word in re.split(r"[\s,]+", text) if word]


def digest(content):
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
