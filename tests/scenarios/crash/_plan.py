"""What a worker process is told when it is started."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a worker process works.

    Attributes:
        kind, url: of the inbox.
        claims: the file that it writes the tokens of its claims to.
        seed: for its handlers.
        lease: in seconds.
        is_fenced: whether its inbox checks that a claim is held.
        longest: how long a handler takes at most, in seconds.
        failing: the share of runs of handlers that fail, by chance.
        engine, broker: whose worker it is, and the URL of its broker; empty: a worker of the inbox's own.
    """

    kind: str
    url: str
    claims: str
    seed: int
    lease: float
    is_fenced: bool = True
    longest: float = 0.005
    failing: float = 0.02
    engine: str = ""
    broker: str = ""

    def dumps(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Plan:
        """From text."""
        return cls(**json.loads(text))
