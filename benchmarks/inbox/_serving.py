"""Durable mode behind real servers: against one transaction a delivery, against no store, against a task queue.

No worker runs meanwhile: these are about the acknowledgement.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec

from benchmarks._applications import INBOX_VARIABLE
from benchmarks._http import put_under_load
from benchmarks._measure import Row, at_least, quartiles
from benchmarks._servers import Server
from benchmarks.inbox._bench import Bench, Race
from benchmarks.inbox._databases import KINDS, dsn_of
from benchmarks.inbox._queues import prepare_procrastinate

_CONNECTIONS = 32
_THREADS = 16  # of gunicorn
_ROUNDS = 11
_REQUESTS = 1600
_CPU = "requests/s of CPU"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contender:
    name: str
    application: str
    server: str = "uvicorn"
    kind: str = ""  # of its database
    answer: bytes = b"accepted"
    share: float = 1.0  # of the requests: less for slow ones
    needs: str = ""


@dataclass(frozen=True, slots=True)
class _Pair:
    row: str
    ours: str
    reference: str
    target: float | None = None


_CONTENDERS = (
    _Contender(name="Starlette, inline", application="starlette_ours", answer=b"processed"),
    _Contender(name="Flask, inline", application="flask_ours", server="gunicorn", answer=b"processed"),
    *(
        contender
        for kind in KINDS
        for contender in (
            _Contender(name=f"Starlette, {kind}", application="starlette_durable", kind=kind),
            _Contender(name=f"Starlette, {kind}, naive", application="starlette_naive", kind=kind, share=0.5),
            _Contender(name=f"Flask, {kind}", application="flask_durable", server="gunicorn", kind=kind, share=0.5),
        )
    ),
    _Contender(
        name="Starlette, Procrastinate's defer",
        application="starlette_procrastinate",
        kind="PostgreSQL",
        answer=b"processed",
        share=0.15,
        needs="procrastinate",
    ),
)
_PAIRS = (
    _Pair("HTTP, Starlette, PostgreSQL", "Starlette, PostgreSQL", "Starlette, PostgreSQL, naive", 2.3),
    _Pair("HTTP, Starlette, SQLite", "Starlette, SQLite", "Starlette, SQLite, naive", 3.5),
    _Pair("HTTP, Starlette, PostgreSQL", "Starlette, PostgreSQL", "Starlette, inline", 0.60),
    _Pair("HTTP, Starlette, SQLite", "Starlette, SQLite", "Starlette, inline", 0.55),
    _Pair("HTTP, Starlette, PostgreSQL", "Starlette, PostgreSQL", "Starlette, Procrastinate's defer", 9.0),
    _Pair("HTTP, Flask, PostgreSQL", "Flask, PostgreSQL", "Flask, inline"),
    _Pair("HTTP, Flask, SQLite", "Flask, SQLite", "Flask, inline"),
)


@dataclass(slots=True)
class _Cpu:
    """Seconds of the server's CPU for a request, by contender; one a round, and those of the warm-up before."""

    samples: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, per_second: float) -> None:
        self.samples.setdefault(name, []).append(1 / per_second if per_second else 0.0)


def rows(bench: Bench) -> list[Row]:
    """Two rows a pair."""
    requests = 2 * _CONNECTIONS if bench.quick else _REQUESTS
    cpu = _Cpu()
    lacks = {contender.name: _lack(bench, contender) for contender in _CONTENDERS}
    with ExitStack() as stack:
        contenders: dict[str, Callable[[], float]] = {}
        for contender in _CONTENDERS:
            if not lacks[contender.name]:
                server = stack.enter_context(_server(bench, contender))
                contenders[contender.name] = partial(_seconds, server, contender, requests, cpu)
        race = bench.race("durable, over HTTP", contenders, rounds=_ROUNDS)
    return [row for pair in _PAIRS for row in _rows(pair, race, cpu, lacks)]


def _lack(bench: Bench, contender: _Contender) -> str:
    packages = ["starlette", "uvicorn"] if contender.server == "uvicorn" else ["flask", "gunicorn"]
    missing = [name for name in (*packages, contender.needs) if name and find_spec(name) is None]
    return f"no {', '.join(missing)}" if missing else bench.databases.lack(contender.kind)


def _server(bench: Bench, contender: _Contender) -> Server:
    environment = {}
    if contender.kind:
        environment[INBOX_VARIABLE] = bench.databases.new(contender.kind)
    if contender.needs == "procrastinate":
        prepare_procrastinate(dsn_of(environment[INBOX_VARIABLE]))
    return Server(contender.server, contender.application, threads=_THREADS, environment=environment)


def _seconds(server: Server, contender: _Contender, requests: int, cpu: _Cpu) -> float:
    """Seconds for a request."""
    fewer = max(_CONNECTIONS, int(requests * contender.share))
    per_second, per_cpu_second = put_under_load(server, fewer, connections=_CONNECTIONS, answer=contender.answer)
    cpu.note(contender.name, per_cpu_second)
    return 1 / per_second


def _rows(pair: _Pair, race: Race, cpu: _Cpu, lacks: dict[str, str]) -> list[Row]:
    target = None if pair.target is None else at_least(pair.target)
    note = lacks[pair.ours] or lacks[pair.reference]
    if note:
        return [
            Row(row=pair.row, ours=pair.ours, reference=pair.reference, measure="requests/s", target=target, note=note),
            Row(row=pair.row, ours=pair.ours, reference=pair.reference, measure=_CPU, note=note),
        ]
    ours, reference = (cpu.samples[name][1:] for name in (pair.ours, pair.reference))
    told = all(ours) and all(reference)
    return [
        race.speed(pair.row, pair.ours, pair.reference, measure="requests/s", target=target),
        Row(
            row=pair.row,
            ours=pair.ours,
            reference=pair.reference,
            measure=_CPU,
            ratio=quartiles(reference, ours) if told else None,
            note="" if told else "not told",
            disk=race.disk,
        ),
    ]
