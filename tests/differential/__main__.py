"""The command line; see the package."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.differential._comparison import Comparison, all_served
from tests.differential._requests import requests

_SHOWN = 5  # disagreements


def main() -> int:
    """0: all agree on every request, and none of the answers is a 5xx; 1: they do not."""
    given = _arguments()
    seed = int.from_bytes(os.urandom(4)) if given.seed is None else given.seed
    with tempfile.TemporaryDirectory() as folder, all_served(Path(folder), profile=given.profile) as (forge, served):
        comparison = Comparison(served)
        for delivery in requests(forge, given.requests, seed=seed):
            comparison.compare(delivery)
    answers, disagreements = comparison.answers, comparison.disagreements
    faults = [answer for answer in answers if answer.startswith(("5", "none"))]
    sys.stdout.write(
        f"{given.requests} requests to each of {len(served)} ({', '.join(served)}), profile {given.profile}, seed {seed}\n"
    )
    for answer, count in sorted(answers.items()):
        sys.stdout.write(f"{count:8d}  {answer}\n")
    sys.stdout.write(f"{len(disagreements):8d}  disagreements\n")
    for told in disagreements[:_SHOWN]:
        sys.stdout.write(f"\n{told}\n")
    return 1 if disagreements or faults else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.differential", description="Ask every adapter under every server the same."
    )
    parser.add_argument("--requests", type=int, default=2000, metavar="N", help="default: 2000")
    parser.add_argument("--profile", choices=("guide", "compat"), default="guide", help="default: guide")
    parser.add_argument("--seed", type=int, metavar="N", help="makes the same choices again")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
