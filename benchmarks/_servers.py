"""Web servers as processes of their own, on a port of 127.0.0.1 that the system chose."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

_ROOT = Path(__file__).resolve().parent.parent
_STOP_AFTER = 10  # seconds
_UVICORN = """
import socket, sys, uvicorn
from benchmarks import _applications
config = uvicorn.Config(getattr(_applications, sys.argv[2])(), log_level="warning", access_log=False)
uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
"""


class Server:
    """``with Server("uvicorn", "starlette_bare") as server: server.address``.

    Args:
        kind: ``uvicorn`` (one process) or ``gunicorn`` (one worker, with threads).
        application: the function of `_applications` that makes it.
        threads: of gunicorn.
        environment: more variables.
    """

    _process: subprocess.Popen[bytes]

    def __init__(
        self, kind: str, application: str, *, threads: int = 4, environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.name = application
        self._environment = {**os.environ, **environment}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address: tuple[str, int] = self._listener.getsockname()
        descriptor = self._listener.fileno()
        uvicorn = [sys.executable, "-c", _UVICORN, str(descriptor), application]
        self._command = uvicorn if kind == "uvicorn" else _gunicorn(descriptor, application, threads)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            pass_fds=[self._listener.fileno()],
            cwd=_ROOT,
            env=self._environment,
            stdout=subprocess.DEVNULL,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_AFTER)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def check_alive(self) -> None:
        """See that it still runs.

        Raises:
            RuntimeError: it ended; it said why on stderr.
        """
        if self._process.poll() is not None:
            msg = f"the server of {self.name} ended with {self._process.returncode}"
            raise RuntimeError(msg)

    def cpu_seconds(self) -> float | None:
        """User and system time of the process and those it started; ``None`` where this system does not tell."""
        if not Path("/proc/self/task").exists():
            return None
        return sum(map(_cpu_seconds, _with_children(self._process.pid)))


def _gunicorn(descriptor: int, application: str, threads: int) -> list[str]:
    options = ["--worker-class=gthread", "--workers=1", "--keep-alive=60", "--log-level=warning"]
    options.append(f"--threads={threads}")
    target = f"benchmarks._applications:{application}()"
    return [sys.executable, "-m", "gunicorn", f"--bind=fd://{descriptor}", *options, target]


def _with_children(pid: int) -> list[int]:
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()
    ]
    return [pid, *(descendant for child in children for descendant in _with_children(child))]


def _cpu_seconds(pid: int) -> float:
    """The CPU clock of another process: clock_getcpuclockid(3), which Python does not have."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e9
