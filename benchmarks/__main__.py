"""The command line of the benchmarks."""

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks._measure import Row
from benchmarks._report import render
from benchmarks._slow_disk import is_slowed, run_slowed

_PARTS = ("threads", "loop", "http", "drain", "growth", "waiting")


def main(arguments: list[str] | None = None) -> int:
    """Run one set of benchmarks and print its table."""
    options = vars(_parser().parse_args(arguments))
    rate = options.pop("fdatasync", None)
    if rate is not None and not is_slowed():
        return run_slowed(rate, sys.argv[1:] if arguments is None else arguments)
    what, output_format = options.pop("what"), options.pop("format")
    print(render(_rows(what, options), output_format))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ratios, measured side by side.")
    sets = parser.add_subparsers(dest="what", required=True, metavar="core|adapters|engines|inbox")
    for name, text in (
        ("core", "verifying and parsing"),
        ("adapters", "frameworks"),
        ("engines", "task queues that run the handlers"),
        ("inbox", "durable mode"),
    ):
        one = sets.add_parser(name, help=text)
        one.add_argument("--rounds", type=_positive, help="how often every contender is timed; more is steadier")
        one.add_argument(
            "--quick", action="store_true", help="only show that everything runs; the figures mean nothing"
        )
        one.add_argument("--format", choices=["text", "json"], default="text")
    one.add_argument("--only", nargs="+", choices=_PARTS, metavar="PART", help=f"of {', '.join(_PARTS)}")
    one.add_argument("--entries", type=_positive, help="how many drain, growth and waiting take")
    one.add_argument("--whole", action="store_true", help="as many as the targets speak of; takes an hour and 12 GB")
    one.add_argument("--directory", type=_directory, help="for databases; on a disk, open to PostgreSQL's user")
    one.add_argument(
        "--fdatasync",
        type=_positive,
        metavar="RATE",
        help="on a disk slowed down to so many a second; needs Linux and cc",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        msg = "must be 1 or more"
        raise argparse.ArgumentTypeError(msg)
    return number


def _directory(text: str) -> Path:
    directory = Path(text)
    if not directory.is_dir():
        msg = "no such directory"
        raise argparse.ArgumentTypeError(msg)
    return directory


def _rows(what: str, options: dict[str, Any]) -> list[Row]:
    if what == "core":
        from benchmarks import core

        return core.rows(**options)
    if what == "adapters":
        from benchmarks import adapters

        return adapters.rows(**options)
    if what == "engines":
        from benchmarks import engines

        return engines.rows(**options)
    from benchmarks import inbox

    return inbox.rows(**options)


if __name__ == "__main__":
    sys.exit(main())
