"""Sending one request to all, and comparing what comes back."""

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from adapters_served import ADAPTERS, MAX_BODY, running

from licensechain_hooks.testing.conformance import RawDelivery
from licensechain_hooks.testing.server_conformance import Forge, Served, socket_exchange
from tests.differential._requests import as_text

__all__ = ["Comparison", "all_served"]

_PATIENCE = 60.0  # seconds for an answer, on a machine with much else to do


@contextmanager
def all_served(folder: Path, *, profile: str) -> Iterator[tuple[Forge, dict[str, Served]]]:
    """Every adapter under every server that is installed, all with one secret; and what makes deliveries for them."""
    secret = secrets.token_hex(32)
    with ExitStack() as stack:
        served = {}
        for pair in ADAPTERS:
            if not pair.missing:
                place = folder / str(pair)
                place.mkdir()
                served[str(pair)] = stack.enter_context(running(pair, place, profile=profile, secret=secret))
        yield Forge(secret=secret, max_body=MAX_BODY), served


@dataclass
class Comparison:
    """Answers so far.

    Attributes:
        served: whom to ask.
        answers: how often they all gave this answer.
        disagreements: the requests on which they did not, with all answers.
    """

    served: Mapping[str, Served]
    answers: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)

    def compare(self, delivery: RawDelivery) -> None:
        """Send a request to all."""
        said = {name: self._answer(one, delivery) for name, one in self.served.items()}
        if len(set(said.values())) == 1:
            self.answers[next(iter(said.values()))] += 1
        else:
            told = "\n".join(f"    {name}: {answer}" for name, answer in said.items())
            self.disagreements.append(f"{as_text(delivery)}\n{told}")

    def _answer(self, served: Served, delivery: RawDelivery) -> str:
        answer = socket_exchange(served.address, delivery.wire(served.path), seconds=_PATIENCE)
        if answer is None:
            return "none"
        allow = f", Allow: {answer.headers['allow']}" if "allow" in answer.headers else ""
        return f"{answer.status} {'' if delivery.method == 'HEAD' else answer.outcome or 'not ours'}{allow}"
