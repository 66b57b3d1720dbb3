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

pytestmark = pytest.mark.timeout(400)  # seconds, on a machine with much else to do
COPIES, CONNECTIONS = 20, 40
MANY, FEW = 200, 50
ASGI = {"starlette", "django-asgi"}
IN_VAIN = 1.9  # seconds: a server is to have tried that long before it says 503


def copies(secret: str, events: int) -> list[Delivery]:
    """20 copies of each of some events."""
    return interleaved([[new_delivery(secret)] * COPIES for _ in range(events)], random.Random(20))


def check_answers(framework: str, answers: list[Answered], expected: dict[str, int]) -> None:
    """The outcomes are the expected ones, and under an ASGI server all of them at the first delivery.

    Under a WSGI server each waits in a thread of its own. On a machine with too much to do one may be refused, after all
    the time there is, and delivered again; its event may have been stored the first time.
    """
    refused = [answer for answer in answers if answer.status == 503]
    seen = Counter(answer.outcome for answer in answers if answer.status == 200)
    assert {answer.status for answer in answers} <= ({200} if framework in ASGI else {200, 503})
    assert [answer for answer in refused if answer.seconds < IN_VAIN] == []
    assert seen.total() == sum(expected.values())
    assert set(seen) == set(expected)
    assert max(abs(seen[outcome] - expected[outcome]) for outcome in expected) <= len(refused)


PLANS = [
    ("uvicorn", ["sqlite", "postgresql"], MANY, {"framework": "starlette"}),
    ("gunicorn", ["sqlite", "postgresql"], MANY, {"framework": "flask"}),
    ("made-before-the-fork", ["sqlite"], FEW, {"framework": "flask", "preload": True}),
    ("workers-apart", ["postgresql"], FEW, {"framework": "starlette", "embedded": False}),
    ("django", ["sqlite", "postgresql"], FEW, {"framework": "django"}),
    ("django-asgi", ["postgresql"], FEW, {"framework": "django-asgi"}),
    ("django-workers-apart", ["sqlite"], FEW, {"framework": "django", "embedded": False}),
]


@pytest.mark.parametrize(
    ("kind", "count", "options"),
    [
        pytest.param(kind, count, options, id=f"{name}-{kind}")
        for name, kinds, count, options in PLANS
        for kind in kinds
    ],
)
def test_each_event_is_stored_and_handled_once(
    kind: str, count: int, options: dict[str, Any], empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    """Of 20 copies at once one is accepted, the others are duplicates; the handlers run once.

    The server has two processes, and runs the handlers in them, or there are two of the worker's command.
    """
    with Application(Plan(inbox=empty_database(kind), folder=str(tmp_path), **options)) as application:
        for _ in range(0 if application.plan.embedded else 2):
            application.start_worker()
        deliveries = copies(application.secret, count)
        answers = send_all(application.address, deliveries, connections=CONNECTIONS)
        application.wait_until_idle()
    events = {(delivery.event_id, sha256(delivery.body).hexdigest()) for delivery in deliveries}
    check_answers(application.plan.framework, answers, {"accepted": count, "duplicate": count * (COPIES - 1)})
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
    check_answers(framework, answers, {"accepted": 20, "duplicate": 20 * 4, "conflict": 20 * 15})
    assert {(entry.event_id, entry.digest) for entry in entries} == sent
    assert Counter(entry.state for entry in entries) == {"processed": 20, "conflict": 60}
    assert Counter(event_id for event_id, _ in handled) == {f"evt_{number}": 1 for number in range(20)}
    assert application.effects_inside() == handled
    assert application.effects_outside() == handled
    assert set(application.lines("conflicts")) == {f"evt_{number}" for number in range(20)}
