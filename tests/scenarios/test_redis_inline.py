"""Inline mode in several processes that remember events in one Redis: copies at once, and a Redis that goes away."""

import random
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from sending import BUDGET, Answered, Stream, interleaved, new_delivery, send_all
from serving import Application, Plan
from valkey_server import ValkeyServer

pytestmark = pytest.mark.timeout(400)  # seconds, on a machine with much else to do
hosts = pytest.mark.parametrize("framework", ["starlette", "flask"])
COPIES, CONNECTIONS = 20, 40


@pytest.mark.parametrize(("framework", "events"), [("starlette", 200), ("flask", 50)])
def test_each_event_is_handled_once(framework: str, events: int, valkey_server: ValkeyServer, tmp_path: Path) -> None:
    """Of 20 copies at once of each event, through four processes, one runs; the others are told so."""
    with Application(
        Plan(framework=framework, redis=valkey_server.url, processes=4, folder=str(tmp_path))
    ) as application:
        copies = [[new_delivery(application.secret)] * COPIES for _ in range(events)]
        answers = send_all(application.address, interleaved(copies, random.Random(20)), connections=CONNECTIONS)
    assert len(application.processes()) == 4
    assert application.effects_outside() == Counter((one.event_id, sha256(one.body).hexdigest()) for one, *_ in copies)
    seen = Counter((answer.status, answer.outcome) for answer in answers if answer.status != 503)
    assert set(seen) <= {(200, "processed"), (200, "duplicate"), (409, "in_flight")}
    assert (seen[200, "processed"], seen.total()) == (events, events * COPIES)


def check(application: Application, answers: list[Answered]) -> None:
    """Every answer was in time; a 200 means that the handler has run, once, and a 503 that it has not."""
    assert {answer.status for answer in answers} == {200, 503}
    assert [answer for answer in answers if answer.seconds > BUDGET] == []
    assert [answer for answer in answers if answer.status == 503 and answer.headers["retry-after"] != "5"] == []
    handled = Counter(event_id for event_id, _ in application.effects_outside().elements())
    assert handled == Counter(answer.event_id for answer in answers if answer.status == 200)


OUTAGES: dict[str, tuple[Callable[[ValkeyServer], None], Callable[[ValkeyServer], None]]] = {
    "stopped": (ValkeyServer.stop, ValkeyServer.start),
    "emptied": (ValkeyServer.kill, ValkeyServer.restart_empty),
    "hanging": (ValkeyServer.pause, ValkeyServer.resume),
}


@hosts
@pytest.mark.parametrize("outage", OUTAGES)
def test_redis_goes_away_and_comes_back(
    framework: str, outage: str, valkey_server: ValkeyServer, tmp_path: Path
) -> None:
    """While Redis is gone or hangs deliveries get 503 in time; once it is back they get 200, with no restart."""
    begin, end = OUTAGES[outage]
    with Application(Plan(framework=framework, redis=valkey_server.url, folder=str(tmp_path))) as application:
        with Stream(application.address, lambda: new_delivery(application.secret)) as stream:
            stream.wait_for(200, count=30)
            begin(valkey_server)
            stream.wait_for(503, count=30)
            end(valkey_server)
            stream.wait_for(200, count=50)
        check(application, stream.answers)
