"""The command line, in this process where that is enough and as a real one where it is not."""

import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

SECRET = "an-ordinary-signing-secret-for-tests"


class Listening:
    """A running ``listen``."""

    def __init__(self, process, first):
        self.process = process
        self.first = first
        self.url = json.loads(first)["url"] if first.startswith("{") else first.split()[2]

    def line(self):
        """The next line, as JSON."""
        return json.loads(self.process.stdout.readline())

    def delivery(self):
        """The next line of a delivery; those of attempts are passed over."""
        return next(line for line in iter(self.line, None) if "outcome" in line)

    def attempt(self, event_id):
        """The next line of an attempt of this event."""
        return next(line for line in iter(self.line, None) if "state" in line and line["id"] == event_id)

    def end(self, number):
        """Send a signal; the exit code, and what else was printed."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@pytest.fixture(scope="session")
def secret() -> str:
    """A signing secret."""
    return SECRET


@pytest.fixture(scope="session")
def environ() -> dict[str, str]:
    """An environment with that secret, and with nothing else of this project's."""
    cleaned = {name: text for name, text in os.environ.items() if not name.startswith("LICENSECHAIN_")}
    for name in ("NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING"):
        cleaned.pop(name, None)
    return cleaned | {"LICENSECHAIN_WEBHOOK_SECRET": SECRET}


@pytest.fixture(scope="session")
def shadowed() -> Callable[..., dict[str, str]]:
    """A function: an environment in which a module cannot be imported, as if it were not installed."""

    def shadow(module: str, folder: Path, environ: dict[str, str]) -> dict[str, str]:
        (folder / f"{module}.py").write_text(f"name = {module!r}\nraise ModuleNotFoundError(name, name=name)\n")
        path = [str(folder), *filter(None, [environ.get("PYTHONPATH")])]
        return environ | {"PYTHONPATH": os.pathsep.join(path)}

    return shadow


@pytest.fixture(scope="session")
def run(environ) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs the command line in a process of its own."""

    def run(*arguments, environ=environ, text=None):
        return subprocess.run(
            [sys.executable, "-m", "licensechain_hooks", *arguments],
            env=environ,
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def invoke(environ, monkeypatch):
    """A function that runs the command line in this process."""
    from click.testing import CliRunner

    from licensechain_hooks.cli import main

    for name in list(os.environ):
        if name.startswith("LICENSECHAIN_") or name in {"NO_COLOR", "FORCE_COLOR"}:
            monkeypatch.delenv(name)
    try:
        runner = CliRunner(mix_stderr=False)  # click 8.1
    except TypeError:
        runner = CliRunner()

    def invoke(*arguments, text=None, secret=SECRET):
        given = {} if secret is None else {"LICENSECHAIN_WEBHOOK_SECRET": secret}
        result = runner.invoke(main, list(arguments), input=text, env=given)
        if not isinstance(result.exception, SystemExit | None):
            raise result.exception
        return result

    return invoke


@pytest.fixture(scope="session")
def on_a_terminal(environ) -> Callable[..., tuple[int, str]]:
    """A function that runs the command line on a terminal: its exit code, and what the terminal shows.

    Results go there, and with ``notes=True`` what is said beside them; ``text`` is typed in.
    """
    pty = pytest.importorskip("pty", reason="this machine has no pseudo-terminals")

    def run(*arguments, environ=environ, text="", notes=False):
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "licensechain_hooks", *arguments]
        stderr = theirs if notes else subprocess.DEVNULL
        process = subprocess.Popen(command, env=environ, stdin=theirs, stdout=theirs, stderr=stderr)
        os.close(theirs)
        try:
            os.write(ours, text.encode())
            shown = b"".join(_read_terminal(ours))
            return process.wait(timeout=20), shown.decode()
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    return run


def _read_terminal(ours: int) -> Iterator[bytes]:
    while select.select([ours], [], [], 30)[0]:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux's end of a terminal
            return
        if not chunk:
            return
        yield chunk


@contextmanager
def _listening(environ, *arguments, text=None) -> Iterator[Listening]:
    process = subprocess.Popen(
        [sys.executable, "-m", "licensechain_hooks", "listen", "--port", "0", *arguments],
        env=environ,
        stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    try:
        if text is not None:
            process.stdin.write(text)
            process.stdin.close()
            process.stdin = None
        yield Listening(process, process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def listen(environ) -> Iterator[Callable[..., Listening]]:
    """A function that starts ``listen --port 0``; what it starts ends with the test."""
    with ExitStack() as stack:
        yield lambda *arguments, environ=environ, **settings: stack.enter_context(
            _listening(environ, *arguments, **settings)
        )


@pytest.fixture(scope="module")
def listening(environ) -> Iterator[Listening]:
    """One ``listen --format jsonl`` that the tests of a module share, one after the other."""
    with _listening(environ, "--format", "jsonl") as listening:
        yield listening


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """A function: the URL of a server that answers every connection with the same bytes, once it has read something.

    With ``keep=True`` it then says nothing more, but does not hang up.
    """
    with ExitStack() as stack:
        yield lambda reply, *, keep=False: stack.enter_context(_answering(reply, keep=keep))


@contextmanager
def _answering(reply: bytes, *, keep: bool) -> Iterator[str]:
    server = socket.create_server(("127.0.0.1", 0))
    kept = []

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            kept.append(connection)
            with suppress(OSError):  # whoever asked has gone
                connection.recv(65536)
                connection.sendall(reply)
                if not keep:
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hook"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
        for connection in kept:
            connection.close()
