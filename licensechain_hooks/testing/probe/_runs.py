"""How often handlers ran: what the endpoint's handler has written down."""

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from licensechain_hooks.testing.probe._items import Runs

__all__ = ["settled_runs"]

_PATIENCE = 10.0  # seconds for handlers that run after the answer
_QUIET = 1.0  # seconds without another run, after which none is waited for


def settled_runs(file: Path, expected: Iterable[Runs]) -> Counter[str]:
    """How often each event's handlers ran, once those have run that should and nothing more happens."""
    wanted = list(expected)
    end = time.monotonic() + _PATIENCE
    seen, last_change = _runs_in(file), time.monotonic()
    while time.monotonic() < end:
        is_quiet = time.monotonic() - last_change >= _QUIET
        if is_quiet and all(seen[runs.event_id] >= runs.times for runs in wanted):
            break
        time.sleep(0.05)
        now = _runs_in(file)
        if now != seen:
            seen, last_change = now, time.monotonic()
    return seen


def _runs_in(file: Path) -> Counter[str]:
    try:
        return Counter(file.read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return Counter()
