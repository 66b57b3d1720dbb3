"""One thing that was looked at, and what came of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

__all__ = ["Finding", "Verdict"]

Verdict = Literal["ok", "warn", "fail", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found; its texts hold no secret, no signature and nothing of a body but names.

    Attributes:
        code: a short constant for programs.
        verdict: ``skipped``: it could not be looked at.
        what: what is so.
        why: why that matters, or how it came.
        todo: what to do.
        dialects: the dialects of `DIALECTS` it is about.
    """

    code: str
    verdict: Verdict
    what: str
    why: str = ""
    todo: str = ""
    dialects: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self) | {"dialects": list(self.dialects)}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "Finding":
        """What `facts` gave.

        Raises:
            ValueError: it is of no such shape.
        """
        texts = {name: facts.get(name, "") for name in ("code", "verdict", "what", "why", "todo")}
        dialects = facts.get("dialects", [])
        shaped = isinstance(dialects, list) and all(isinstance(text, str) for text in (*texts.values(), *dialects))
        if not shaped or texts["verdict"] not in get_args(Verdict):
            msg = "no finding looks like that"
            raise ValueError(msg)
        return cls(**texts, dialects=tuple(dialects))
