"""dev.py: it is the first thing a newcomer runs, on whatever machine."""

import ast
import importlib.util
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

TOO_NEW = (
    ast.AnnAssign,
    ast.AsyncFunctionDef,
    ast.Await,
    ast.JoinedStr,
    ast.Match,
    ast.NamedExpr,
    ast.Nonlocal,
    ast.Starred,
    ast.YieldFrom,
)


@pytest.fixture
def dev(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """dev.py as a module, working in a folder of its own."""
    spec = importlib.util.spec_from_file_location("dev_of_this_test", root / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "WORK", tmp_path / ".dev")
    return module


def script(path: Path, text: str) -> Path:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def run_as(version: tuple[int, int], root: Path, run_python: Run) -> subprocess.CompletedProcess[str]:
    """dev.py, in a Python that says it is of another version."""
    code = f"import runpy, sys\nsys.version_info = ({version[0]}, {version[1]}, 0, 'final', 0)\n"
    return run_python(
        code + f"sys.argv = ['dev.py', 'demo']\nrunpy.run_path({str(root / 'dev.py')!r}, run_name='__main__')"
    )


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 10)])
def test_old_python_is_told_in_one_line(version: tuple[int, int], root: Path, run_python: Run) -> None:
    """A Python that is too old says so in one line, and what to install."""
    ran = run_as(version, root, run_python)
    (line,) = ran.stderr.splitlines()
    assert (ran.returncode, ran.stdout) == (1, "")
    assert line.startswith("licensechain-hooks needs Python 3.11 or newer")
    assert "apt install" in line


def test_old_pythons_of_this_machine_can_read_it(root: Path) -> None:
    """The old Pythons that are at hand agree with the test above: none stops at a SyntaxError."""
    found = sorted((Path.home() / ".pyenv" / "versions").glob("[23].*/bin/python"))
    for python in [one for one in found if not one.parts[-3].startswith("3.1") or one.parts[-3].startswith("3.10")]:
        ran = subprocess.run([python, root / "dev.py", "demo"], capture_output=True, text=True, timeout=60, check=False)
        assert (len(ran.stderr.splitlines()), ran.stderr[:31]) == (1, "licensechain-hooks needs Python"), python


def test_syntax_is_old(root: Path) -> None:
    """No syntax that Python 2.7 cannot parse, or the line for old Pythons is never printed."""
    tree = ast.parse((root / "dev.py").read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    new = [ast.dump(node) for node in ast.walk(tree) if isinstance(node, TOO_NEW)]
    new += [f.name for f in functions if f.args.kwonlyargs or f.args.posonlyargs or f.returns]
    new += [arg.arg for f in functions for arg in f.args.args if arg.annotation]
    assert (new, (root / "dev.py").read_bytes().isascii()) == ([], True)


def test_missing_ensurepip_is_told_in_one_line(root: Path, tmp_path: Path, run_python: Run) -> None:
    """On a Debian without python3-venv the one line names the package."""
    copy = tmp_path / "dev.py"
    copy.write_bytes((root / "dev.py").read_bytes())
    (tmp_path / "pyproject.toml").touch()
    code = "import runpy, sys\nsys.modules['ensurepip'] = None\nsys.argv = ['dev.py', 'demo']\n"
    ran = run_python(code + f"runpy.run_path({str(copy)!r}, run_name='__main__')")
    (line,) = ran.stderr.splitlines()
    assert (ran.returncode, "apt install python3-venv" in line) == (1, True)


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["lint"], 2), (["--help"], 0), (["test", "--help"], 0)])
def test_usage(arguments: list[str], code: int, dev: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command that it knows it explains itself: to stdout where it was asked to, else to stderr."""
    assert dev.main(arguments) == code
    said = capsys.readouterr()
    assert "python3 dev.py test" in (said.err if code else said.out)


def test_environment_is_made_once(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made or installed twice, until what it depends on changes; a broken environment is made anew."""
    done: list[str] = []

    def create(name: str, folder: Path) -> None:
        done.append(f"create {name}")
        venv.create(folder, clear=True)

    monkeypatch.setattr(dev, "create_environment", create)
    monkeypatch.setattr(dev, "install", lambda name, _python, _requirements: done.append(f"install {name}"))
    python = dev.ensure_environment("demo", ["a"], b"1")
    for requirements, watched in [(["a"], b"1"), (["a"], b"2"), (["b"], b"2"), (["b"], b"2")]:
        dev.ensure_environment("demo", requirements, watched)
    python.unlink()
    dev.ensure_environment("demo", ["b"], b"2")
    assert done == ["create demo", *["install demo"] * 3, "create demo", "install demo"]


def test_broken_off_installation_is_done_again(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that failed leaves no stamp that says it succeeded."""
    monkeypatch.setattr(dev, "create_environment", lambda _name, folder: venv.create(folder))
    monkeypatch.setattr(dev, "install", lambda *_: sys.exit("no network"))
    with pytest.raises(SystemExit):
        dev.ensure_environment("demo", ["a"], b"1")
    done: list[str] = []
    monkeypatch.setattr(dev, "install", lambda *_: done.append("install"))
    dev.ensure_environment("demo", ["a"], b"1")
    assert done == ["install"]


def test_only_pythons_that_start_count(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shim that refuses to start is passed over, and the Python that it hides is found."""
    script(tmp_path / "shims" / "python3.19", "exit 127")
    script(tmp_path / "shims" / "python3.18", "exit 127")
    script(tmp_path / "shims" / "python3.17", "echo 3.16")
    hidden = script(tmp_path / "home" / ".pyenv" / "versions" / "3.19.4" / "bin" / "python3.19", "echo 3.19")
    monkeypatch.setenv("PATH", str(tmp_path / "shims"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert dev.find_pythons() == {f"3.{sys.version_info.minor}": Path(sys.executable), "3.19": hidden}


def test_other_pythons_come_last_on_path(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default Python stays what it was, and nothing leads the environments astray."""
    monkeypatch.setenv("PATH", os.pathsep.join(["/first", "/second"]))
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environ = dev.clean_environ({"3.11": Path("/second/python3.11"), "3.12": tmp_path / "python3.12"})
    assert (environ["PATH"].split(os.pathsep), "PYTHONPATH" in environ) == (["/first", "/second", str(tmp_path)], False)


def test_each_environment_says_its_python(root: Path, dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """dev.py knows of every environment of tox.ini which Python it needs."""
    monkeypatch.setattr(dev, "ROOT", root)
    needed = dev.python_of_each_environment()
    assert needed["py313-django61"] == "3.13"
    assert needed["min"] == "3.11"
    assert [name for name, version in needed.items() if version is None] == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ([], [])),
        (["-e", "min,lint", "-e", "min"], (["min", "lint"], [])),
        (["-r", "-e", "min", "--", "-e", "x", "-k", "y"], (["min"], ["-r", "--", "-e", "x", "-k", "y"])),
    ],
)
def test_arguments_are_passed_on(arguments: list[str], expected: Any, dev: ModuleType) -> None:
    """Environments are picked out, the rest goes to tox, and what stands after -- to pytest."""
    assert dev.split_arguments(arguments) == expected


def run_one(dev: ModuleType, name: str, code: str) -> Any:
    """An environment whose tools are one line of Python."""
    return dev.run_environment(name, [sys.executable, "-c", code], dict(os.environ))


PASSED = "print('=== \\x1b[32m12 passed\\x1b[0m, 1 skipped in 3.21s ===')"


def test_table_tells_what_ran(dev: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """What pytest said in the end is on stdout and in the table; what failed is shown and named."""
    failing = "print('why'); print('lint: exit 3 (0.10 seconds) /here> ruff check pid=12'); raise SystemExit(3)"
    rows = [run_one(dev, "py311", PASSED), run_one(dev, "lint", failing), dev.Row("py319", "skipped", None, "no 3.19")]
    assert dev.report(rows, "") == 1
    lines = capsys.readouterr().out.splitlines()
    table = [line.split() for line in lines[-3:]]
    assert "[dev] py311: 12 passed, 1 skipped in 3.21s" in lines
    assert "why" in lines
    assert [row[:2] for row in table] == [["py311", "ok"], ["lint", "failed"], ["py319", "skipped"]]
    assert table[1][3:] == ["ruff", "check", "failed"]


@pytest.mark.parametrize(
    ("required", "code"),
    [("", 0), ("py312,postgres", 0), ("py319", 1), ("min, py319-django99", 1), ("django99", 1), ("all", 1)],
)
def test_required_environment_may_not_be_skipped(required: str, code: int, dev: ModuleType) -> None:
    """A skip is a failure where LICENSECHAIN_TEST_REQUIRE asks for the environment, its parts or all."""
    rows = [dev.Row("py319-django99", "skipped", None, dev.why_skipped("3.19", {})), run_one(dev, "min", PASSED)]
    assert dev.report(rows, required) == code


def test_what_hangs_is_ended(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that never ends is a failed one, and the table comes all the same."""
    monkeypatch.setattr(dev, "LIMIT", 0.5)
    row = run_one(dev, "min", "import threading; threading.Event().wait()")
    assert (row.outcome, dev.report([row], "")) == ("failed", 1)
