"""Worker processes: started, killed, stopped and continued by their parent."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

from tests.scenarios.crash._handlers import AIMS
from tests.scenarios.crash._plan import Plan

_PATIENCE = 2.0
_SPARES = 2
_ROOT = Path(__file__).resolve().parents[3]


class CrashTestError(Exception):
    """The run itself went wrong, so that nothing can be said of effects."""


class WorkerProcess:
    """One process; its files are in a folder of all.

    Attributes:
        log: the file that it writes its log to.
        pause: for how many seconds it is to be stopped; twice as long, if until then nobody takes entries of it.
        stop_by: when it is stopped whatever it does, if it has not stopped itself before; in monotonic seconds.
        continue_at: when it is to be continued, where it is stopped.
        held: how many entries it held when it was stopped.
    """

    def __init__(self, number: int, folder: Path) -> None:
        self._number = number
        self._claims = folder / f"{number}.claims"
        self.log = folder / f"{number}.log"
        self.pause = 0.0
        self.stop_by: float | None = None
        self.continue_at: float | None = None
        self.held = 0
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.scenarios.crash.worker"],
                cwd=_ROOT,
                stdin=subprocess.PIPE,  # it ends with this process, in whatever way that ends
                stdout=log,
                stderr=log,
                text=True,
            )

    def begin(self, plan: Plan) -> None:
        """Let it work."""
        plan = replace(plan, claims=str(self._claims), seed=plan.seed + self._number)
        assert self.process.stdin is not None
        self.process.stdin.write(f"{plan.dumps()}\n")
        self.process.stdin.flush()

    @property
    def has_begun(self) -> bool:
        """Whether it has looked for something to claim."""
        return self._claims.exists() and self._claims.stat().st_size > 0

    @property
    def is_at_work(self) -> bool:
        """Whether it has begun, and goes on."""
        return self.has_begun and self.is_moving

    @property
    def is_moving(self) -> bool:
        """Whether it is neither stopped nor about to be."""
        return self.stop_by is None and self.continue_at is None

    def tokens(self) -> list[str]:
        """Those of its latest claims."""
        return [*deque(self._claims.read_text().split(), maxlen=500)] if self.has_begun else []

    def end(self) -> None:
        """Wait for it."""
        with self.process:
            self.process.wait()

    def has_stopped(self) -> bool:
        """Whether it was stopped since this was asked last."""
        try:
            return os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOHANG) is not None
        except ChildProcessError:  # it has ended
            return False


class Crew:
    """So many workers; whoever is killed is replaced by one that was started before, and waits.

    Args:
        size: how many.
        plan: of each; its ``claims`` and ``seed`` are varied.
        folder: for their files.
        check: called while waiting; it raises when the run takes too long.
        held_by: how many entries are claimed by one of some tokens, if that can be known.

    Attributes:
        stops: how often a worker was stopped.
        aimed: how often that was inside a handler.
        overtaken: how often others had taken some of its entries when it was continued.
        kills: how often one was killed.
        fruitful: how often it left entries in ``processing``.
    """

    def __init__(
        self,
        size: int,
        plan: Plan,
        folder: Path,
        *,
        check: Callable[[], None],
        held_by: Callable[[list[str]], int | None],
    ) -> None:
        self.stops = self.aimed = self.overtaken = 0
        self.kills = self.fruitful = 0
        self._plan = plan
        self._folder = folder
        self._check = check
        self._held_by = held_by
        self._hired = 0
        self._members: list[WorkerProcess] = []
        self._spares: list[WorkerProcess] = []
        for _ in range(size):
            self._hire()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        for member in (*self._members, *self._spares):
            member.process.kill()
            member.end()

    def victims(self, *, for_stop: bool) -> list[WorkerProcess]:
        """The workers that are at work; waits until there is one, and beside a stopped one another."""
        while True:
            self.tick()
            is_other_needed = for_stop or not all(member.is_moving for member in self._members)
            count = min(2 if is_other_needed else 1, len(self._members))
            at_work = [member for member in self._members if member.is_at_work]
            if len(at_work) >= count:
                return at_work
            time.sleep(0.005)

    def holding(self, members: list[WorkerProcess]) -> list[WorkerProcess]:
        """Those of them that hold entries now."""
        return [member for member in members if self._held_by(member.tokens())]

    def kill(self, member: WorkerProcess) -> None:
        """SIGKILL; another takes its place."""
        member.process.kill()
        member.end()
        self.kills += 1
        self.fruitful += bool(self._held_by(member.tokens()))
        self._members.remove(member)
        self._hire()

    def stop(self, member: WorkerProcess, pause: float, *, aim: str | None = None) -> None:
        """SIGSTOP, and SIGCONT later.

        Args:
            member: whom.
            pause: see `WorkerProcess`.
            aim: as soon as it is inside a handler of this kind; at once if it has not been for two seconds.
        """
        member.pause = pause
        member.stop_by = time.monotonic() + (0 if aim is None else _PATIENCE)
        if aim is not None:
            member.process.send_signal(AIMS[aim])
        self.tick()

    def tick(self) -> None:
        """See who has stopped and who has ended, stop and continue whose time has come.

        Raises:
            CrashTestError: a worker ended by itself, or the run takes too long.
        """
        self._check()
        now = time.monotonic()
        for member in self._members:
            if member.has_stopped():
                self._note_stop(member)
            elif member.stop_by and now >= member.stop_by:
                member.process.send_signal(signal.SIGSTOP)
                member.stop_by = 0  # the next stop is this one
            elif member.continue_at is not None and now >= member.continue_at:
                self._continue(member, at_last=now >= member.continue_at + member.pause)
            if member.process.poll() is not None:
                self._fail(member, f"a worker ended by itself, with {member.process.returncode}")

    def dismiss(self) -> None:
        """SIGTERM, and wait until all have ended."""
        while not all(member.is_moving for member in self._members):
            self.tick()
            time.sleep(0.005)
        for member in self._members:
            member.process.terminate()
        for member in self._members:
            while member.process.poll() is None:
                self._check()
                time.sleep(0.005)
            # One that was still starting knew nothing of SIGTERM yet.
            if member.process.returncode != 0 and (member.has_begun or member.process.returncode != -signal.SIGTERM):
                self._fail(member, f"a worker that was told to stop ended with {member.process.returncode}")

    def _note_stop(self, member: WorkerProcess) -> None:
        self.stops += 1
        self.aimed += member.stop_by != 0
        member.held = self._held_by(member.tokens()) or 0
        member.stop_by, member.continue_at = None, time.monotonic() + member.pause

    def _continue(self, member: WorkerProcess, *, at_last: bool) -> None:
        """Continue it, if others have taken entries of it, or that is not to be waited for."""
        held = self._held_by(member.tokens())
        is_overtaken = held is not None and held < member.held
        if member.held and held is not None and not is_overtaken and not at_last:
            return
        self.overtaken += is_overtaken
        member.process.send_signal(signal.SIGCONT)
        member.continue_at = None

    def _hire(self) -> None:
        """One more worker, and as many spare ones as there shall be."""
        while len(self._spares) <= _SPARES:
            self._hired += 1
            self._spares.append(WorkerProcess(self._hired, self._folder))
        self._members.append(self._spares.pop(0))
        self._members[-1].begin(self._plan)

    def _fail(self, member: WorkerProcess, text: str) -> None:
        last = member.log.read_text(errors="replace")[-2000:]
        msg = f"{text}; the end of its log:\n{last}"
        raise CrashTestError(msg)
