"""Make the synchronous client of the asynchronous one, word by word.

python tools/generate_sync_client.py           # writes it, formatted by ruff
python tools/generate_sync_client.py --check   # exits with 1 where it is not what would be written
"""  # noqa: INP001 - a script

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).resolve().parents[1] / "licensechain_hooks" / "client"
HEAD = (
    '"""The client, synchronous. Generated from ``_async.py`` by ``tools/generate_sync_client.py``: change that."""\n'
)
WORDS = {
    "AsyncClient": "Client",
    "AsyncIterator": "Iterator",
    "AsyncLicenseChainClient": "LicenseChainClient",
    "AsyncRetryingCaller": "RetryingCaller",
    "AsyncWebhooks": "Webhooks",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "aclose": "close",
    "aiter_raw": "iter_raw",
}
PATTERNS = (
    (re.compile(r"\b(?:async|await) "), ""),
    (re.compile(r"\bAwaitable\[(\w+)\]"), r"\1"),
    (re.compile(r"\bAwaitable, "), ""),
)


def synchronous(source: str) -> str:
    """The text of the synchronous module, not yet formatted."""
    _, _, rest = source.partition('"""\n')
    for pattern, replacement in PATTERNS:
        rest = pattern.sub(replacement, rest)
    return HEAD + re.sub(r"\b\w+\b", lambda word: WORDS.get(word[0], word[0]), rest)


def formatted(text: str, name: str) -> str:
    """As ruff lays it out and sorts its imports."""
    for command in (["check", "--fix-only", "--quiet", "--select", "I"], ["format"]):
        ruff = ["ruff", *command, "--stdin-filename", str(CLIENT / name), "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return text


def main() -> int:
    """Write ``_sync.py``, or check it."""
    wanted = formatted(synchronous((CLIENT / "_async.py").read_text("utf-8")), "_sync.py")
    target = CLIENT / "_sync.py"
    if "--check" in sys.argv[1:]:
        return int(not target.exists() or target.read_text("utf-8") != wanted)
    target.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
