"""The command line; see the package."""

import argparse
import logging
import os
import sys
from dataclasses import replace

from tests.scenarios.crash._databases import KINDS, database
from tests.scenarios.crash._engines import ENGINES, broker_of
from tests.scenarios.crash._report import Progress, as_json, as_text
from tests.scenarios.crash._run import CrashTestError, Run, Scale


def main() -> int:
    """0: no transactional effect is missing, repeated or out of order, and no plain one is missing; else 1."""
    given = _arguments()
    logging.getLogger("licensechain_hooks").addHandler(logging.NullHandler())  # a 503 is no news here
    seed = int.from_bytes(os.urandom(4)) if given.seed is None else given.seed
    scale = Scale(
        events=given.events,
        kills=given.kills,
        stops=given.stops,
        workers=given.workers,
        lease=given.lease,
        deadline=given.deadline,
        is_fenced=not given.without_fence,
        engine=given.engine or "",
    )
    try:
        with (
            broker_of(given.engine) as broker,
            database(given.inbox, given.url) as url,
            Progress(scale.kills + scale.stops) as progress,
            Run(given.inbox, url, replace(scale, broker=broker), seed=seed, progress=progress) as run,
        ):
            result = run.finish()
    except CrashTestError as error:
        sys.stderr.write(f"the run failed, with seed {seed}: {error}\n")
        return 1
    sys.stdout.write((as_json(result) if given.format == "json" else as_text(result)) + "\n")
    return 0 if result.is_sound else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.scenarios.crash",
        description="Kill and stop workers at any moment, and count the effects of their handlers.",
    )
    parser.add_argument("--inbox", choices=KINDS, required=True, help="which inbox, in which database")
    parser.add_argument("--url", help="an empty database to use (for SQLAlchemy); default: a new one")
    parser.add_argument("--engine", choices=ENGINES, help="whose workers run the handlers; default: the inbox's own")
    parser.add_argument("--events", type=_count, default=3000, metavar="N", help="default: 3000")
    parser.add_argument("--kills", type=_count, default=60, metavar="N", help="SIGKILLs; default: 60")
    parser.add_argument("--stops", type=_count, default=30, metavar="N", help="SIGSTOPs past the lease; default: 30")
    parser.add_argument("--workers", type=_count, default=3, metavar="N", help="processes; default: 3")
    parser.add_argument("--lease", type=float, default=1.0, metavar="SECONDS", help="default: 1")
    parser.add_argument("--seed", type=int, metavar="N", help="makes the same choices again")
    parser.add_argument("--deadline", type=float, default=600.0, metavar="SECONDS", help="fail then; default: 600")
    parser.add_argument(
        "--without-fence",
        action="store_true",
        help="let every claim pass for held: to see that this finds duplicates",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    return parser.parse_args()


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        msg = "a count is not negative"
        raise argparse.ArgumentTypeError(msg)
    return number


if __name__ == "__main__":
    sys.exit(main())
