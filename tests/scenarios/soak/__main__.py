"""The command line; see the package."""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from tests.scenarios.crash._databases import database
from tests.scenarios.soak._load import Mix, is_as_expected
from tests.scenarios.soak._watching import Watch, Window, window_of
from tests.support.sending import Stream
from tests.support.serving import Application, Plan

_CONNECTIONS = 4
_WARM_UP = 0.25  # of the time
_WINDOW = 0.2  # of the time, at the start of what is left and at its end


def main() -> int:
    """0: neither memory nor descriptors have grown, every answer was right and nothing is lost; else 1."""
    given = _arguments()
    # glibc gives threads arenas of their own, which fill up for an hour and look like a leak.
    os.environ["MALLOC_ARENA_MAX"] = "2"
    with database("postgres", given.url) as url, tempfile.TemporaryDirectory(prefix="soak-") as folder:
        plan = Plan(framework=given.framework, inbox=url, folder=folder, processes=1, leaking=given.leaking)
        with Application(plan) as application:
            report = _soak(application, given)
    sys.stdout.write((json.dumps(report) if given.format == "json" else _as_text(report)) + "\n")
    return 0 if report["ok"] else 1


def _soak(application: Application, given: argparse.Namespace) -> dict[str, Any]:
    mix, seconds = Mix(application.secret, seed=given.seed), given.minutes * 60
    stream = Stream(application.address, mix, connections=_CONNECTIONS, pause=_CONNECTIONS / given.rate)
    with Watch(application.process.pid) as watch:
        begin = time.monotonic()
        with stream:
            while (gone := time.monotonic() - begin) < seconds:
                _tell(gone, seconds)
                time.sleep(min(0.5, seconds - gone))
        end = time.monotonic()
        parts = {
            "start": (begin + _WARM_UP * seconds, begin + (_WARM_UP + _WINDOW) * seconds),
            "end": (end - _WINDOW * seconds, end),
        }
        windows = {name: _window(watch, stream, *times) for name, times in parts.items()}
    application.wait_until_idle()
    faults = _faults(application, stream)
    growth = {
        name: getattr(windows["end"], name) / getattr(windows["start"], name) - 1 for name in ("memory", "descriptors")
    }
    return {
        "framework": given.framework,
        "minutes": given.minutes,
        "seed": given.seed,
        "answers": dict(sorted(Counter(str(answer.status) for answer in stream.answers).items())),
        "start": asdict(windows["start"]),
        "end": asdict(windows["end"]),
        "growth": growth,
        "limit": given.limit,
        "faults": faults,
        "ok": not faults and max(growth.values()) <= given.limit / 100,
    }


def _window(watch: Watch, stream: Stream, begin: float, end: float) -> Window:
    times = [answer.seconds for answer in list(stream.answers) if begin <= answer.began_at < end]
    return window_of(watch.between(begin, end), times)


def _faults(application: Application, stream: Stream) -> list[str]:
    """What went wrong: an answer that was not the right one; an event that is lost, unfinished, or was run twice."""
    wrong = Counter(f"{answer.event_id.partition('-')[0]}: {answer.status}" for answer in stream.answers
                    if not is_as_expected(answer))  # fmt: skip
    taken = {answer.event_id for answer in stream.answers if answer.status == 200}
    entries = [entry for entry in application.entries() if not entry.is_conflict]
    inside = application.effects_inside()
    found = [f"{count} answers {kind}" for kind, count in wrong.items()]
    if taken != {entry.event_id for entry in entries}:
        found.append("what is stored is not what was acknowledged")
    if {entry.state for entry in entries} != {"processed"}:
        found.append("entries were not processed")
    if set(inside.values()) != {1} or {event_id for event_id, _ in inside} != taken:
        found.append("a transactional handler did not run exactly once for each event")
    return found


def _as_text(report: dict[str, Any]) -> str:
    start, end = report["start"], report["end"]
    rows = [
        ("", "start", "end", ""),
        ("memory", f"{start['memory'] / 1e6:.1f} MB", f"{end['memory'] / 1e6:.1f} MB", f"{report['growth']['memory']:+.1%}"),
        ("descriptors", f"{start['descriptors']:g}", f"{end['descriptors']:g}", f"{report['growth']['descriptors']:+.1%}"),
        ("threads", f"{start['threads']:g}", f"{end['threads']:g}", ""),
        *((name, f"{start[name]:.1f} ms", f"{end[name]:.1f} ms", "") for name in ("p50", "p95", "p99")),
        ("answers", str(start["answers"]), str(end["answers"]), ""),
    ]  # fmt: skip
    head = f"{report['framework']} with an inbox in PostgreSQL, {report['minutes']:g} minutes, seed {report['seed']}"
    counts = ", ".join(f"{count} x {status}" for status, count in report["answers"].items())
    verdict = "flat" if report["ok"] else f"more than {report['limit']:g}% growth, or faults"
    lines = [f"{name:<12}{one:>12}{other:>12}{change:>9}".rstrip() for name, one, other, change in rows]
    return "\n".join([head, *lines, f"answers in all: {counts}", *report["faults"], verdict])


def _tell(gone: float, seconds: float) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{gone:5.0f} of {seconds:.0f} s ")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.scenarios.soak", description="Keep a real server busy, and watch what grows."
    )
    parser.add_argument("--minutes", type=float, default=60.0, metavar="N", help="default: 60")
    parser.add_argument("--framework", choices=("starlette", "flask", "django", "django-asgi"), default="starlette")
    parser.add_argument("--rate", type=float, default=40.0, metavar="N", help="deliveries a second; default: 40")
    parser.add_argument("--limit", type=float, default=2.0, metavar="PERCENT", help="of growth; default: 2")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the deliveries; default: 1")
    parser.add_argument("--url", help="an empty PostgreSQL database (for SQLAlchemy); default: a new one")
    parser.add_argument(
        "--leaking",
        action="store_true",
        help="let a handler keep memory and a descriptor of each event: to see that this finds growth",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
