"""Event types and wildcards, as handlers are registered for them."""

from __future__ import annotations

from licensechain_hooks import events
from licensechain_hooks.events.aliases import spellings

__all__ = ["closest_event_type", "matches"]

_CUTOFF = 0.8  # of difflib: one letter wrong in a word


def matches(pattern: str, names: tuple[str, ...]) -> bool:
    """Whether a type or a wildcard stands for an event of these names."""
    if pattern.endswith("*"):
        return any(name.startswith(pattern[:-1]) for name in names)
    return pattern in names


def closest_event_type(pattern: str) -> str | None:
    """What was probably meant by a type or a wildcard that looks like a misspelling.

    Args:
        pattern: such as ``"license.revoked"`` or ``"license.*"``.

    Returns:
        The known one that is close to it; ``None`` where it is known itself, or like none.
    """
    names = [spelling for name in events.EVENT_CLASSES for spelling in spellings(name)]
    if any(matches(pattern, (name,)) for name in names):
        return None
    from difflib import get_close_matches  # noqa: PLC0415 - only for what may be a mistake

    families = sorted({f"{name.partition('.')[0]}.*" for name in names})
    known = families if pattern.endswith(".*") else names
    return next(iter(get_close_matches(pattern, known, n=1, cutoff=_CUTOFF)), None)
