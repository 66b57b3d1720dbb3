"""The command line of the benchmarks."""

import argparse
import sys
from collections.abc import Callable

from benchmarks._measure import Row
from benchmarks._report import render


def main(arguments: list[str] | None = None) -> int:
    """Run one set of benchmarks and print its table."""
    options = _parser().parse_args(arguments)
    print(render(_rows_of(options.what)(rounds=options.rounds, quick=options.quick), options.format))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ratios, measured side by side.")
    parser.add_argument("what", choices=["core", "adapters"])
    parser.add_argument("--rounds", type=_positive, help="how often every contender is timed; more is steadier")
    parser.add_argument("--quick", action="store_true", help="only show that everything runs; the figures mean nothing")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        msg = "must be 1 or more"
        raise argparse.ArgumentTypeError(msg)
    return number


def _rows_of(what: str) -> Callable[..., list[Row]]:
    if what == "core":
        from benchmarks import core

        return core.rows
    from benchmarks import adapters

    return adapters.rows


if __name__ == "__main__":
    sys.exit(main())
