"""Adapters behind real servers: requests per second, and what a request costs the server.

Both applications of a pair run side by side under the same settings, and take turns. Requests per second depend on
who else uses the machine; CPU time per request hardly does.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, TypeVar

from benchmarks._deliveries import delivery
from benchmarks._load import Load, load
from benchmarks._measure import Row, Target, at_least, in_random_order, quartiles
from benchmarks._progress import Progress
from benchmarks._servers import Server

T = TypeVar("T")

_CONNECTIONS = 16
_PATIENCE = 100  # seconds


@dataclass(frozen=True, slots=True)
class _Pair:
    framework: str
    server: str
    target: float
    needs: tuple[str, ...]

    def applications(self) -> tuple[str, str]:
        """Ours and the bare one."""
        name = self.framework.lower()
        return f"{name}_ours", f"{name}_bare"

    def missing(self) -> list[str]:
        """What is not installed."""
        return [module for module in self.needs if find_spec(module) is None]


@dataclass(slots=True)
class _Samples:
    per_second: list[float] = field(default_factory=list)
    per_cpu_second: list[float] = field(default_factory=list)


_PAIRS = (
    _Pair("Starlette", "uvicorn", 0.85, ("starlette", "uvicorn")),
    _Pair("FastAPI", "uvicorn", 1.10, ("fastapi", "uvicorn")),
    _Pair("Flask", "gunicorn", 0.85, ("flask", "gunicorn")),
    _Pair("Django", "gunicorn", 0.85, ("django", "gunicorn")),
)


def rows(*, rounds: int, requests: int) -> list[Row]:
    """Two rows a framework."""
    pairs = [pair for pair in _PAIRS if not pair.missing()]
    samples: dict[str, _Samples] = {name: _Samples() for pair in pairs for name in pair.applications()}
    with ExitStack() as stack, Progress("adapters, over HTTP", steps=rounds + 1) as progress:
        servers = [
            stack.enter_context(Server(pair.server, name))
            for pair in pairs
            for name in in_random_order(pair.applications())
        ]
        for number in range(rounds + 1):
            for server in in_random_order(servers):
                measured = put_under_load(server, requests)
                if number:
                    samples[server.name].per_second.append(measured[0])
                    samples[server.name].per_cpu_second.append(measured[1])
            progress.step()
    return [row for pair in _PAIRS for row in _rows(pair, samples)]


def put_under_load(
    server: Server, requests: int, *, connections: int = _CONNECTIONS, answer: bytes = b"processed"
) -> tuple[float, float]:
    """Requests per second, and per second of the server's CPU (0 where that is not known)."""
    messages = [delivery().http_request() for _ in range(requests)]
    before = server.cpu_seconds()
    done = run_on_fastest_loop(_supervised(server, messages, connections))
    after = server.cpu_seconds()
    if answer not in done.body:
        msg = f"{server.name} answers {done.body!r}"
        raise RuntimeError(msg)
    return requests / done.seconds, 0.0 if before is None or after is None else requests / (after - before)


async def _supervised(server: Server, messages: list[bytes], connections: int) -> Load:
    """The load, unless the server ends; one that hangs is given up."""
    async with asyncio.timeout(_PATIENCE):
        task = asyncio.ensure_future(load(server.address, messages, connections=connections))
        while not task.done():
            server.check_alive()
            await asyncio.wait({task}, timeout=0.5)
        return await task


def run_on_fastest_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the fastest loop there is, so that the loop is not what is measured."""
    if find_spec("uvloop") is None:
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


def _rows(pair: _Pair, samples: Mapping[str, _Samples]) -> list[Row]:
    missing = pair.missing()
    if missing:
        note = f"no {', '.join(missing)}"
        return [_row(pair, "requests/s", None, note=note), _row(pair, "requests/s of CPU", None, note=note)]
    ours, bare = (samples[name] for name in pair.applications())
    per_second = quartiles(ours.per_second, bare.per_second)
    if not all(bare.per_cpu_second):
        return [_row(pair, "requests/s", per_second), _row(pair, "requests/s of CPU", None, note="not told")]
    per_cpu_second = quartiles(ours.per_cpu_second, bare.per_cpu_second)
    return [_row(pair, "requests/s", per_second), _row(pair, "requests/s of CPU", per_cpu_second)]


def _row(pair: _Pair, measure: str, ratio: tuple[float, float, float] | None, *, note: str = "") -> Row:
    target: Target | None = at_least(pair.target) if measure == "requests/s" else None
    return Row(
        row=f"{pair.framework}, {pair.server}",
        ours="ours",
        reference="bare",
        measure=measure,
        ratio=ratio,
        target=target,
        note=note,
    )
