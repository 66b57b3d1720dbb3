"""``licensechain-hooks sweep``: what is due is enqueued, and whoever calls it learns whether that worked."""

import json

import pytest

pytest.importorskip("sqlalchemy", reason="an inbox in a database needs SQLAlchemy")

SHOP = """
import time
from pathlib import Path
from licensechain_hooks import (
    Endpoint, EngineQueue, HookRequest, Hooks, Receiver, StoreUnavailableError, WorkerSettings
)
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.testing import event_body, make_event, sign_request


class Queue(EngineQueue):
    def enqueue(self, pk):
        if Path("down").exists():
            raise ConnectionError("no broker \\x1b[31m")
        with Path("sent").open("a") as sent:
            print(pk, file=sent)


class Closed(MemoryInbox):
    def due(self, *arguments, **settings):
        raise StoreUnavailableError("the inbox is closed")


hooks = Hooks()
hooks.on("*")(lambda event: None)
endpoint = Endpoint(secrets=["the-secret-of-this-shop"])
ahead = [-31]
inbox = MemoryInbox(clock=lambda: time.time() + ahead[0])
receiver = Receiver(endpoint, hooks, inbox=inbox, queue=Queue())
without_queue = Receiver(endpoint, hooks, inbox=inbox, worker=WorkerSettings(embedded=False))
closed = Receiver(endpoint, hooks, inbox=Closed(), queue=Queue())

for number in range(2):  # half a minute ago
    body = event_body(make_event(event_id=f"evt_{number}"))
    request = HookRequest(body, sign_request(body, "the-secret-of-this-shop"))
    assert without_queue.receive(request).name == "accepted"
ahead[0] = 0
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A project in the current folder, with two entries that are due and were never enqueued."""
    (tmp_path / "shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_due_is_enqueued(shop, run):
    """It says how many, and the queue has them."""
    ran = run("sweep", "--app", "shop:receiver")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "2 entries enqueued\n", "")
    assert (shop / "sent").read_text() == "1\n2\n"


def test_as_json(shop, run):
    """For programs."""
    ran = run("sweep", "--app", "shop:receiver", "--format", "json")
    assert (ran.returncode, json.loads(ran.stdout)) == (0, {"enqueued": 2})


def test_a_queue_that_is_down(shop, run):
    """One sentence, which no terminal obeys, and 1."""
    (shop / "down").touch()
    ran = run("sweep", "--app", "shop:receiver")
    said = "Error: the queue does not take entries: ConnectionError: no broker \\x1b[31m\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", said)


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("closed", 1, "the inbox is closed"),
        ("without_queue", 1, "without a queue there is nowhere to enqueue"),
        ("hooks", 2, "what is needed is a Receiver"),
    ],
)
def test_what_cannot_be_swept(shop, run, name, code, said):
    """What is missing is told."""
    ran = run("sweep", "--app", f"shop:{name}")
    assert (ran.returncode, ran.stdout) == (code, "")
    assert said in ran.stderr
