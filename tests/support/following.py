"""Follow a page: write its files, type its commands, and compare what is printed."""

import os
import re
import shlex
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import metadata
from pathlib import Path

from pages import Block, PageError, blocks_of, commands_of, matches
from terminals import Terminal

__all__ = ["follow"]

_PORTS = ("8000", "8765")  # that pages speak of
_EXECUTED = ".executed"
_WATCH = f"""
import os, sys
_log = os.open({{folder!r}} + "/{_EXECUTED}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def _watch(event, arguments):
    if event in ("exec", "cpython.run_file"):
        name = getattr(arguments[0], "co_filename", arguments[0])
        if isinstance(name, str) and name.endswith(".py"):
            os.write(_log, (os.path.realpath(name) + "\\n").encode())
sys.addaudithook(_watch)
"""


def follow(page: str, folder: Path, *, fresh: Path | None = None, environ: Mapping[str, str] | None = None) -> None:
    """Do what a page says, in an empty folder.

    Args:
        page: its text.
        folder: where.
        fresh: where wheels of this project are, to really install what the page wants installed. Otherwise it is only
            checked that there are such extras.
        environ: more environment variables.

    Raises:
        PageError: something else happens than the page says, or it shows what nobody runs.
    """
    with _desk(folder, fresh, environ or {}) as desk:
        for block in blocks_of(page):
            try:
                desk.follow(block)
            except AssertionError as error:
                msg = f"line {block.line}: {error}"
                raise PageError(msg) from error
        desk.check_all_is_executed()


@contextmanager
def _desk(folder: Path, fresh: Path | None, environ: Mapping[str, str]) -> Iterator["_Desk"]:
    hidden = folder.parent / f"{folder.name}-watch"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(_WATCH.format(folder=str(hidden)))
    with ExitStack() as ports:
        sockets = [ports.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in _PORTS]
        free = {port: str(one.getsockname()[1]) for port, one in zip(_PORTS, sockets, strict=True)}
    desk = _Desk(folder, hidden, free, is_fresh=fresh is not None, environ={**_environ(hidden, fresh), **environ})
    try:
        yield desk
    finally:
        desk.clear()


def _environ(hidden: Path, fresh: Path | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LICENSECHAIN_", "DJANGO_"))}
    for name in ("PYTHONSAFEPATH", "PYTHONHOME", "VIRTUAL_ENV", "FLASK_APP", "FORCE_COLOR"):
        kept.pop(name, None)
    first = Path(sys.base_prefix) / "bin" if fresh else Path(sys.executable).parent
    more = {
        "PATH": f"{first}{os.pathsep}{kept['PATH']}",
        "PYTHONPATH": str(hidden),
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }
    if fresh:
        more |= {"PIP_FIND_LINKS": str(fresh), "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_QUIET": "1"}
    return kept | more


class _Desk:
    """Where a page is followed: its folder and its terminals."""

    def __init__(
        self, folder: Path, hidden: Path, ports: Mapping[str, str], *, is_fresh: bool, environ: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.hidden = hidden
        self.ports = ports
        self.is_fresh = is_fresh
        self.environ = environ
        self.terminals: dict[str, Terminal] = {}
        self.files: set[Path] = set()

    def follow(self, block: Block) -> None:
        """Do what one block says."""
        for name in block.markers.get("stop", "").split():
            self.terminals.pop(name).stop()
        if "not run" in block.markers:
            if not block.markers["not run"]:
                msg = "the comment before the block does not say why it is not run"
                raise PageError(msg)
        elif "shown in" in block.markers:
            self._expect(block)
        elif block.file:
            self._write(block)
        elif block.language == "console":
            self._type(block)
        elif block.language == "python":
            self._run(block)
        else:
            msg = f"a block of {block.language or 'no language'} is neither run nor says why not"
            raise PageError(msg)

    def check_all_is_executed(self) -> None:
        """Whether every Python file of the page was run or imported by something."""
        log = self.hidden / _EXECUTED
        executed = {Path(line) for line in log.read_text().splitlines()} if log.exists() else set()
        missing = sorted(str(path.relative_to(self.folder)) for path in self.files - executed)
        if missing:
            msg = f"nothing on the page executes {', '.join(missing)}"
            raise PageError(msg)

    def clear(self) -> None:
        """Stop everything, the newest first."""
        with ExitStack() as stack:
            for terminal in self.terminals.values():
                stack.callback(terminal.stop)

    def _terminal(self, name: str) -> Terminal:
        if name not in self.terminals:
            self.terminals[name] = Terminal(self.folder, self.environ)
        return self.terminals[name]

    def _write(self, block: Block) -> None:
        path = (self.folder / block.file).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            msg = f"{block.file} is not below the page's folder"
            raise PageError(msg)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if block.is_addition else "w") as file:
            file.write(self._with_free_ports(block.text))
        if path.suffix == ".py":
            self.files.add(path)

    def _type(self, block: Block) -> None:
        commands = commands_of(block.text)
        if not commands:
            msg = "a block for a terminal has no command: one begins with a dollar sign and a space"
            raise PageError(msg)
        if not self.is_fresh:
            commands = [one for one in commands if not _only_installs(one.text)]
        terminal = self._terminal(block.markers.get("terminal", "main"))
        for index, command in enumerate(commands):
            is_last = index + 1 == len(commands)
            until = self._with_free_ports(block.markers.get("until", "")) if is_last else ""
            printed = self._with_pages_ports(terminal.type(self._with_free_ports(command.text), until=until))
            may_fail = not is_last and commands[index + 1].text == "echo $?"
            if terminal.code and not may_fail:
                msg = f"{command.text!r} ended with {terminal.code} and printed:\n{printed}"
                raise PageError(msg)
            if command.printed is not None and not matches(command.printed, printed, anywhere=bool(until)):
                msg = f"{command.text!r} should print:\n{command.printed}\n\nbut printed:\n{printed}"
                raise PageError(msg)

    def _run(self, block: Block) -> None:
        script = self.hidden / f"line_{block.line}.py"
        script.write_text(self._with_free_ports(block.text))
        terminal = self._terminal("main")
        printed = terminal.type(f"PYTHONPATH=.:$PYTHONPATH python {script}")
        if terminal.code:
            msg = f"the script ended with {terminal.code} and printed:\n{printed}"
            raise PageError(msg)

    def _expect(self, block: Block) -> None:
        if not block.text.strip():
            msg = "a block that a terminal is to show is empty"
            raise PageError(msg)
        name = block.markers["shown in"]
        terminal = self.terminals[name]
        texts = block.text.splitlines() if "unordered" in block.markers else [block.text]

        def shows(printed: str) -> bool:
            return all(matches(text, self._with_pages_ports(printed), anywhere=True) for text in texts)

        terminal.wait(block.text, shows)

    def _with_free_ports(self, text: str) -> str:
        return _exchanged(text, self.ports)

    def _with_pages_ports(self, text: str) -> str:
        return _exchanged(text, {free: port for port, free in self.ports.items()})


def _exchanged(text: str, ports: Mapping[str, str]) -> str:
    return re.sub(rf"\b({'|'.join(ports)})\b", lambda found: ports[found[1]], text)


def _only_installs(command: str) -> bool:
    """Whether a command only makes an environment, which the tests have; what it asks of us must exist."""
    if re.fullmatch(r"python3? -m venv \S+|(source|\.) \S+/bin/activate", command):
        return True
    words = shlex.split(command)
    if words[:2] != ["pip", "install"]:
        return False
    for word in words[2:]:
        name, _, extras = word.partition("[")
        asked = {extra.strip() for extra in extras.rstrip("]").split(",") if extra.strip()}
        if name == "licensechain-hooks":
            unknown = asked - set(metadata(name).get_all("Provides-Extra") or [])
            if unknown:
                msg = f"{word}: there is no extra {', '.join(sorted(unknown))}"
                raise PageError(msg)
    return True
