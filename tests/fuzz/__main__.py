"""The command line; see the package."""

import argparse
import re
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

_LONGEST = 4096  # bytes of an input
_TIMEOUT = 20  # seconds for one input, on a machine with much else to do
_MEMORY = 2048  # megabytes
_DONE = re.compile(r"#(\d+)\s+DONE\s+cov: (\d+) ft: (\d+) corp: (\d+)/\S+")
_GRACE = 120  # seconds to start, and to end


def main() -> int:
    """0: nothing was found; 1: something was, and is shown; 2: no fuzzer is installed."""
    given = _arguments()
    if find_spec("atheris") is None:
        sys.stderr.write(
            "there is no fuzzer here: pip install atheris (it has wheels for CPython 3.11 to 3.13 on Linux)\n"
        )
        return 2
    with tempfile.TemporaryDirectory() as folder:
        ended = _fuzz(given, Path(folder))
        found = sorted(Path(folder).glob("found-*"))
        return _report(given, ended, found)


def _fuzz(given: argparse.Namespace, folder: Path) -> "subprocess.CompletedProcess[str]":
    target = import_module(f"tests.fuzz._{given.target}")
    seeds, words = folder / "seeds", folder / "dictionary"
    seeds.mkdir()
    for number, seed in enumerate(target.SEEDS):
        (seeds / f"{number:02d}").write_bytes(seed)
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.DICTIONARY))
    corpora = [seeds] if given.corpus is None else [given.corpus, seeds]
    if given.corpus is not None:
        given.corpus.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "tests.fuzz._fuzzer", given.target, *map(str, corpora)),
        *(f"-max_total_time={given.seconds}", f"-max_len={_LONGEST}", f"-dict={words}", f"-timeout={_TIMEOUT}"),
        *(f"-rss_limit_mb={_MEMORY}", f"-artifact_prefix={folder}/found-", f"-seed={given.seed}"),
    ]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=given.seconds + _GRACE, check=False, text=True,
        errors="replace",
    )  # fmt: skip


def _report(given: argparse.Namespace, ended: "subprocess.CompletedProcess[str]", found: list[Path]) -> int:
    done = _DONE.search(ended.stdout)
    if ended.returncode == 0 and done is not None and not found:
        inputs, coverage, features, corpus = done.groups()
        sys.stdout.write(
            f"{given.target}: {inputs} inputs in {given.seconds} s, {coverage} edges and {features} features covered, "
            f"{corpus} inputs kept, nothing found (seed {given.seed})\n"
        )
        return 0
    sys.stdout.write(ended.stdout[-8000:])
    for file in found:
        sys.stdout.write(f"\n{given.target}: found by {file.read_bytes()!r}\n")
    return 1


def _escaped(word: bytes) -> str:
    """As libFuzzer reads its dictionaries."""
    return "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description="Fuzz what strangers send, guided by what code it reaches."
    )
    parser.add_argument("target", choices=("receive", "client"), help="deliveries, or replies of the management API")
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="default: 60")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of its choices; default: 1")
    parser.add_argument("--corpus", type=Path, metavar="FOLDER", help="keep what reaches new code, and begin with it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
