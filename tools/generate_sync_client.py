"""Make the synchronous half of the client of the asynchronous one, word by word.

python tools/generate_sync_client.py           # writes it, formatted by ruff
python tools/generate_sync_client.py --check   # exits with 1 where it is not what would be written
"""  # noqa: INP001 - a script

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).resolve().parents[1] / "licensechain_hooks" / "client"
MODULES = {"_async.py": "_sync.py", "_async_network.py": "_sync_network.py"}
WORDS = {
    "AnyIOBackend": "SyncBackend",
    "AsyncByteStream": "SyncByteStream",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "_async_network": "_sync_network",
    "aclose": "close",
    "aiter_raw": "iter_raw",
    "aiter_stream": "iter_stream",
    "aread": "read",
    "asynchronous": "synchronous",
    "handle_async_request": "handle_request",
}
PATTERNS = (
    (re.compile(r"\b(?:async|await) "), ""),
    (re.compile(r"\bAwaitable\[(\w+)\]"), r"\1"),
    (re.compile(r"\bAwaitable, "), ""),
    (re.compile(r"  # (?:noqa: ASYNC|type checkers).*"), ""),
)


def synchronous(source: str, name: str) -> str:
    """The text of the synchronous module, not yet formatted.

    Args:
        source: the asynchronous one.
        name: of its file.
    """
    for pattern, replacement in PATTERNS:
        source = pattern.sub(replacement, source)
    said = f"# Generated from {name} by tools/generate_sync_client.py: change that file.\n"
    return said + re.sub(r"\b\w+\b", lambda found: _word(found[0]), source)


def _word(word: str) -> str:
    return WORDS.get(word) or re.sub(r"^(_?)Async", r"\1", word)


def formatted(text: str, name: str) -> str:
    """As ruff lays it out and sorts its imports."""
    for command in (["check", "--fix-only", "--quiet", "--select", "I"], ["format"]):
        ruff = ["ruff", *command, "--stdin-filename", str(CLIENT / name), "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return text


def main() -> int:
    """Write the synchronous modules, or check them."""
    differ = 0
    for name, target in MODULES.items():
        wanted = formatted(synchronous((CLIENT / name).read_text("utf-8"), name), target)
        if "--check" not in sys.argv[1:]:
            (CLIENT / target).write_text(wanted, "utf-8")
        elif (CLIENT / target).read_text("utf-8") != wanted:
            sys.stderr.write(f"{target} is not what {name} makes\n")
            differ = 1
    return differ


if __name__ == "__main__":
    sys.exit(main())
