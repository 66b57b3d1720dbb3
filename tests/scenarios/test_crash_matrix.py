"""Kill -9 after each step ends as it must: what is left, and what comes of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from databases import fresh_database

from licensechain_hooks.testing import event_body, make_event, sign_request
from licensechain_hooks.testing._delivery import RawDelivery, socket_exchange

ROOT = Path(__file__).resolve().parents[2]
SECRET = "the-signing-secret-of-the-crash-matrix"
KINDS = ("sqlite", "postgres", "django-sqlite", "django")
LEASE_OVER = 61  # seconds from now
SWEPT_OVER = 31
DAY = 24 * 60 * 60
KILLED = -signal.SIGKILL


class Nursery:
    """The process that forks for each job; see tests/scenarios/crash/victim.py."""

    def __init__(self) -> None:
        # As a module it is found from the root; PYTHONSAFEPATH would hide it there.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.scenarios.crash.victim"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def begin(self, job: dict[str, Any]) -> None:
        self.process.stdin.write(f"{json.dumps(job)}\n".encode())
        self.process.stdin.flush()

    def line(self) -> dict[str, Any]:
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        with self.process:
            self.process.stdin.close()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """One for the module."""
    with closing(Nursery()) as nursery:
        yield nursery


class Case:
    """An inbox in a database of its own, and the jobs that are done with it."""

    def __init__(self, kind: str, url: str, nursery: Nursery) -> None:
        self._given = {"kind": kind, "url": url, "record": 0, "handlers": [], "aheads": [0], "max_attempts": 12}
        self._given["queue"] = False
        self._nursery = nursery
        self._engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)

    def record(self, count: int = 1) -> None:
        """Let the next job record so many events first."""
        self._given["record"] = count

    def _begin(self, do: str, die_at: str, given: dict[str, Any]) -> None:
        self._nursery.begin(self._given | {"do": do, "die_at": die_at} | given)
        self._given["record"] = 0

    def _ended(self) -> tuple[int, list[dict[str, Any]]]:
        said = []
        while "exit" not in (line := self._nursery.line()):
            said.append(line)
        return line["exit"], said

    def do(self, what: str, die_at: str = "", **given: Any) -> tuple[int, list[dict[str, Any]]]:
        """Have a job done; how its process ended, and what it said."""
        self._begin(what, die_at, given)
        return self._ended()

    def crash(self, what: str, die_at: str, **given: Any) -> None:
        """Have a job done that dies."""
        assert self.do(what, die_at, **given) == (KILLED, [])

    def recover(self, handlers: list[str], *, ran: list[int]) -> None:
        """Let a healthy worker work while the lease lasts and after it; it runs so many attempts."""
        said = [{"ran": count} for count in ran]
        assert self.do("work", handlers=handlers, aheads=[0, LEASE_OVER]) == (0, said)

    @contextmanager
    def server(self, die_at: str = "", **given: Any) -> Iterator[Callable[[bytes], str]]:
        """A web server in a process of its own; a function that delivers a body to it and gives the outcome."""
        self._begin("serve", die_at, {"handlers": ["book"]} | given)
        started = self._nursery.line()
        try:
            yield lambda body: _deliver(started["port"], body)
        finally:
            if not die_at:
                os.kill(started["pid"], signal.SIGKILL)
            assert self._ended() == (KILLED, [])

    def entries(self) -> list[tuple[str, int]]:
        """State and attempts of each entry."""
        return self._rows("SELECT state, attempts FROM licensechain_hooks_entry ORDER BY id")

    def ledger(self) -> dict[str, str]:
        """State of each handler."""
        rows = self._rows("SELECT handler, state FROM licensechain_hooks_handler_run")
        return {handler.rpartition(".")[2]: state for handler, state in rows}

    def effects(self, handler: str) -> list[str]:
        """The idempotency keys of a handler's effects, without the qualified part of its name."""
        table = "crash_outside_effects" if handler == "tell" else "crash_effects"
        keys = [key for (key,) in self._rows(f"SELECT idempotency_key FROM {table} ORDER BY id")]
        return [f"{key.partition(':')[0]}:{key.rpartition('.')[2]}" for key in keys if key.endswith(f".{handler}")]

    def count(self, condition: str = "1 = 1") -> int:
        """How many entries."""
        ((number,),) = self._rows(f"SELECT count(*) FROM licensechain_hooks_entry WHERE {condition}")
        return number

    def until_finished(self) -> None:
        """Wait for the worker of a server."""
        give_up_at = time.monotonic() + 60
        while self.count("next_attempt_at IS NOT NULL") and time.monotonic() < give_up_at:
            time.sleep(0.02)

    def _rows(self, statement: str) -> list[Any]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]


def _deliver(port: int, body: bytes) -> str:
    headers = tuple((name.encode(), value.encode()) for name, value in sign_request(body, SECRET).items())
    request = RawDelivery(headers=headers, body=body).wire("/")
    for _ in range(10):
        answer = socket_exchange(("127.0.0.1", port), request, seconds=20)
        if answer is None:
            return "reset"
        if answer.status != 503:  # a disk that is very busy: the sender comes again
            break
    return answer.outcome


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest, tmp_path: Path, nursery: Nursery) -> Iterator[Case]:
    """An empty database for each kind of inbox."""
    if request.param.endswith("sqlite"):
        yield Case(request.param, f"sqlite:///{tmp_path / 'inbox.db'}", nursery)
        return
    with fresh_database(request.getfixturevalue("postgres_url")) as url:
        yield Case(request.param, url, nursery)


@pytest.fixture
def body() -> bytes:
    """A delivery."""
    return event_body(make_event("license.updated", event_id="evt-1"))


@pytest.mark.parametrize("step", ["verified", "inserted"])
def test_dies_before_the_commit(case, body, step):
    """After verifying, or after INSERT and before COMMIT: nothing is left; the sender sees a reset and comes again."""
    with case.server(die_at=step) as deliver:
        assert deliver(body) == "reset"
    assert case.entries() == []
    with case.server() as deliver:
        assert deliver(body) == "accepted"
        case.until_finished()
    assert case.entries() == [("processed", 1)]
    assert case.effects("book") == ["evt-1:book"]


def test_dies_between_commit_and_reply(case, body):
    """The sender sees a reset, the entry is there: a worker runs it, and a redelivery gets duplicate."""
    with case.server(die_at="recorded") as deliver:
        assert deliver(body) == "reset"
    assert case.entries() == [("received", 0)]
    with case.server() as deliver:
        assert deliver(body) == "duplicate"
        case.until_finished()
    assert case.entries() == [("processed", 1)]
    assert case.effects("book") == ["evt-1:book"]


def test_dies_between_commit_and_enqueue(case, body):
    """The entry is there and its message is not: after half a minute a sweep sends it, and it runs once."""
    with case.server(die_at="not enqueued", queue=True) as deliver:
        assert deliver(body) == "reset"
    assert case.entries() == [("received", 0)]
    with case.server(queue=True) as deliver:
        assert deliver(body) == "duplicate"
    said = case.do("sweep", handlers=["book"], aheads=[0, SWEPT_OVER, SWEPT_OVER])
    assert said == (0, [{"enqueued": enqueued, "ran": enqueued} for enqueued in (0, 1, 0)])
    assert case.entries() == [("processed", 1)]
    assert case.effects("book") == ["evt-1:book"]


def test_dies_after_the_claim(case):
    """The entry is leased: nobody runs it before the lease ends, then somebody does, and attempts is one more."""
    case.record()
    case.crash("work", "claimed", handlers=["tell", "book"])
    assert (case.entries(), case.ledger()) == ([("processing", 1)], {})
    case.recover(["tell", "book"], ran=[0, 1])
    assert case.entries() == [("processed", 2)]
    assert (case.effects("tell"), case.effects("book")) == (["evt-1:tell"], ["evt-1:book"])


@pytest.mark.parametrize("step", ["book ends", "row written"])
def test_dies_inside_a_transactional_handler(case, step):
    """What it wrote is rolled back, up to the commit; it runs again, and its effect is there once."""
    case.record()
    case.crash("work", step, handlers=["book"])
    assert (case.entries(), case.ledger(), case.effects("book")) == ([("processing", 1)], {}, [])
    case.recover(["book"], ran=[0, 1])
    assert (case.entries(), case.ledger()) == ([("processed", 2)], {"book": "done"})
    assert case.effects("book") == ["evt-1:book"]


def test_dies_inside_a_plain_handler(case):
    """After its outside effect there is no ledger row: it runs again, with the same idempotency key."""
    case.record()
    case.crash("work", "tell ends", handlers=["tell"])
    assert (case.entries(), case.ledger(), case.effects("tell")) == ([("processing", 1)], {}, ["evt-1:tell"])
    case.recover(["tell"], ran=[0, 1])
    assert (case.entries(), case.ledger()) == ([("processed", 2)], {"tell": "done"})
    assert case.effects("tell") == ["evt-1:tell", "evt-1:tell"]


@pytest.mark.parametrize(("first", "second"), [("tell", "book"), ("book", "tell")])
def test_dies_between_two_handlers(case, first, second):
    """The ledger has the first handler: only the second one runs."""
    case.record()
    case.crash("work", f"{second} begins", handlers=[first, second])
    assert (case.entries(), case.ledger()) == ([("processing", 1)], {first: "done"})
    assert (case.effects(first), case.effects(second)) == ([f"evt-1:{first}"], [])
    case.recover([first, second], ran=[0, 1])
    assert (case.entries(), case.ledger()) == ([("processed", 2)], {first: "done", second: "done"})
    assert (case.effects(first), case.effects(second)) == ([f"evt-1:{first}"], [f"evt-1:{second}"])


def test_dies_before_the_final_update(case):
    """All ledger rows are there, the entry is still leased: it is claimed again, nothing runs, it is processed."""
    case.record()
    case.crash("work", "settled", handlers=["tell", "book"])
    assert (case.entries(), case.ledger()) == ([("processing", 1)], {"tell": "done", "book": "done"})
    case.recover(["tell", "book"], ran=[0, 1])
    assert case.entries() == [("processed", 2)]
    assert (case.effects("tell"), case.effects("book")) == (["evt-1:tell"], ["evt-1:book"])


def test_dies_at_every_attempt(case):
    """After max_attempts crashes the entry is dead without running, and the hooks are told."""
    case.record()
    for attempt in (1, 2, 3):
        case.crash("work", "book begins", handlers=["book"], max_attempts=3, aheads=[attempt * LEASE_OVER])
        assert case.entries() == [("processing", attempt)]
    said = case.do("work", handlers=["book"], max_attempts=3, aheads=[3 * LEASE_OVER, 4 * LEASE_OVER])
    assert said == (0, [{"ran": 0}, {"dead": "evt-1"}, {"ran": 1}])
    assert [state for state, _ in case.entries()] == ["dead"]
    assert (case.ledger(), case.effects("book")) == ({}, [])
    assert case.count("error_code = 'attempts_exhausted' AND next_attempt_at IS NULL") == 1


def test_dies_within_a_purge_of_payloads(case):
    """The payloads whose deletion was committed are gone, the others are there; the next purge does the rest."""
    case.record(2100)
    case.crash("purge", "half the payloads", aheads=[31 * DAY])
    assert (case.count(), case.count("raw_body IS NULL")) == (2100, 1000)
    assert case.do("purge", aheads=[31 * DAY]) == (0, [{"payloads": 1100, "entries": 0}])
    assert (case.count(), case.count("raw_body IS NULL")) == (2100, 2100)


def test_dies_within_a_purge_of_entries(case):
    """The entries whose deletion was committed are gone, the others are there; the next purge does the rest."""
    case.record(2100)
    case.crash("purge", "half the entries", aheads=[36 * DAY])
    assert case.count() == 1100
    assert case.do("purge", aheads=[36 * DAY]) == (0, [{"payloads": 0, "entries": 1100}])
    assert case.count() == 0
