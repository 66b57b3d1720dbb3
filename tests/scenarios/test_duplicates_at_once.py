"""Many copies of each event at the same time, to real servers: each event is stored once, and handled once."""

import random
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sending import Answered, Delivery, interleaved, new_delivery, send_all
from serving import Application, Plan

EVENTS, COPIES, CONNECTIONS = 200, 20, 40
ACCEPTED, DUPLICATE, CONFLICT = ((200, name) for name in ("accepted", "duplicate", "conflict"))


def copies(secret: str) -> list[Delivery]:
    """20 copies of each of 200 events."""
    return interleaved([[new_delivery(secret)] * COPIES for _ in range(EVENTS)], random.Random(20))


def answers_of(answers: list[Answered]) -> Counter[tuple[int, str]]:
    """How often which status and outcome came."""
    return Counter((answer.status, answer.outcome) for answer in answers)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("options", "workers"),
    [
        pytest.param({"framework": "starlette"}, 0, id="uvicorn"),
        pytest.param({"framework": "flask"}, 0, id="gunicorn"),
        pytest.param({"framework": "flask", "preload": True}, 0, id="made-before-the-fork"),
        pytest.param({"framework": "starlette", "embedded": False}, 2, id="workers-apart"),
    ],
)
def test_each_event_is_stored_and_handled_once(
    options: dict[str, Any], workers: int, kind: str, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    """Of 20 copies at once one is accepted, the others are duplicates; the handlers run once."""
    with Application(Plan(inbox=empty_database(kind), folder=str(tmp_path), **options)) as application:
        for _ in range(workers):
            application.start_worker()
        deliveries = copies(application.secret)
        answers = send_all(application.address, deliveries, connections=CONNECTIONS)
        application.wait_until_idle()
    events = {(delivery.event_id, sha256(delivery.body).hexdigest()) for delivery in deliveries}
    assert answers_of(answers) == {ACCEPTED: EVENTS, DUPLICATE: EVENTS * (COPIES - 1)}
    assert len(application.processes()) == 2
    assert Counter((entry.event_id, entry.digest, entry.state) for entry in application.entries()) == Counter(
        (*event, "processed") for event in events
    )
    assert application.effects_inside() == Counter(events)
    assert application.effects_outside() == Counter(events)


@pytest.mark.parametrize(("framework", "kind"), [("starlette", "postgresql"), ("flask", "sqlite")])
def test_of_different_contents_one_is_handled(
    framework: str, kind: str, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    """Of four contents under one id, five copies each, one is the event; the others are stored as conflicts, not run."""
    with Application(Plan(framework=framework, inbox=empty_database(kind), folder=str(tmp_path))) as application:
        events = [
            [
                delivery
                for content in "abcd"
                for delivery in [new_delivery(application.secret, event_id=f"evt_{number}", note=content)] * 5
            ]
            for number in range(20)
        ]
        answers = send_all(application.address, interleaved(events, random.Random(4)), connections=CONNECTIONS)
        application.wait_until_idle()
    entries = application.entries()
    handled = Counter((entry.event_id, entry.digest) for entry in entries if entry.state == "processed")
    sent = {(delivery.event_id, sha256(delivery.body).hexdigest()) for copies in events for delivery in copies}
    assert answers_of(answers) == {ACCEPTED: 20, DUPLICATE: 20 * 4, CONFLICT: 20 * 15}
    assert {(entry.event_id, entry.digest) for entry in entries} == sent
    assert Counter(entry.state for entry in entries) == {"processed": 20, "conflict": 60}
    assert Counter(event_id for event_id, _ in handled) == {f"evt_{number}": 1 for number in range(20)}
    assert application.effects_inside() == handled
    assert application.effects_outside() == handled
    assert len(application.lines("conflicts")) == 20 * 15
