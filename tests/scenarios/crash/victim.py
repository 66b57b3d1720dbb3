"""Processes that kill themselves at a certain point: ``python -m tests.scenarios.crash.victim``.

One process that has imported everything reads jobs from stdin, one a line, and forks for each. On stdout it says what a
job says, and then how it ended. Fields of a job:

kind, url: of the inbox.
do: ``work``, ``serve``, ``sweep`` or ``purge``.
die_at: the point, see `Death`; empty: nowhere.
record: how many events are recorded first.
handlers: which, in order; of ``tell`` (plain) and ``book`` (transactional).
aheads: by how many seconds the clock is fast; the work is done once for each.
max_attempts: of the worker.
queue: whether the server sends its entries to a queue, in the place of a worker.
"""

import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import psycopg  # noqa: F401 - so that no fork has to

from licensechain_hooks import Endpoint, EngineQueue, Event, HandlerContext, Hooks, Receiver, WorkerSettings
from licensechain_hooks._entries import NewEntry, Purged
from licensechain_hooks.events import warm
from licensechain_hooks.testing import event_body, make_event
from licensechain_hooks.worker import Worker
from tests.scenarios.crash._databases import create_schema, open_inbox
from tests.scenarios.crash._effects import Effects

SECRET = "the-signing-secret-of-the-crash-matrix"
_LONGEST = 60  # seconds for one job


class Death:
    """SIGKILL at one point.

    - ``verified``: a delivery is verified; the inbox is not asked yet.
    - ``inserted``: it is inserted, not committed.
    - ``recorded``: it is committed, not answered.
    - ``not enqueued``: it is committed, its message is not sent.
    - ``claimed``: the worker has claimed; no handler has begun.
    - ``tell begins``, ``book begins``: as the first thing in the handler.
    - ``tell ends``, ``book ends``: as the last, after its effect.
    - ``row written``: the transaction of ``book`` has its effect and its row in the ledger, and is not committed.
    - ``settled``: the worker has come to how the entry ends, and has not written it.
    - ``half the payloads``, ``half the entries``: a thousand are purged, and the next ones not committed.
    """

    def __init__(self, point: str) -> None:
        self._point = point

    def at(self, point: str) -> None:
        """Die if this is the point."""
        if self._point == point:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(_LONGEST)

    def await_in(self, inbox: Any) -> None:
        """Have the inbox come to the points that are its own."""
        record_many, claim_many, settle_many = inbox.record_many, inbox.claim_many, inbox.settle_many
        write_run = inbox._write_run

        def record(entries: Any) -> Any:
            self.at("verified")
            if self._point == "inserted":
                self.draw_out(inbox)
            recorded = record_many(entries)
            self.at("recorded")
            return recorded

        def claim(*arguments: Any, **settings: Any) -> Any:
            claims = claim_many(*arguments, **settings)
            if claims:
                self.at("claimed")
            return claims

        def write(*arguments: Any) -> None:
            write_run(*arguments)
            self.at("row written")

        def settle(settlements: Any) -> Any:
            if any(settlement.state != "processing" for settlement in settlements):
                self.at("settled")
            return settle_many(settlements)

        inbox.record_many, inbox.claim_many, inbox.settle_many = record, claim, settle
        inbox._write_run = write

    def draw_out(self, inbox: Any) -> None:
        """Die in the inbox's next piece of work, when that is done and not committed.

        Where it would be one statement that commits itself, it is put into a transaction: there is no other moment.
        """
        run = inbox._run

        def drawn_out(work: Any, **_manner: Any) -> Any:
            def work_and_die(cursor: Any) -> None:
                work(cursor)
                self.at(self._point)

            return run(work_and_die, atomic=True)

        inbox._run = drawn_out


class Queue(EngineQueue):
    """A queue in memory, whose engine runs when it is told to.

    Args:
        death: before a message is sent.
    """

    def __init__(self, death: Death) -> None:
        super().__init__()
        self._death = death
        self._sent: list[int] = []

    def enqueue(self, pk: int, /) -> None:
        """See `Enqueuer`."""
        self._death.at("not enqueued")
        self._sent.append(pk)

    def work(self) -> int:
        """Do what the tasks of all messages do; how many entries were due."""
        return sum(self.run_entry(self._sent.pop()) for _ in self._sent[:])


class Job:
    """What a fork does."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._ahead = 0.0
        self._death = Death(given["die_at"])
        self._inbox = open_inbox(given["kind"], given["url"], clock=lambda: time.time() + self._ahead)
        self._effects = Effects(given["url"])

    def do(self) -> None:
        """Do it."""
        if self._given["record"]:
            self._record(self._given["record"])
        self._death.await_in(self._inbox)
        {"work": self._work, "serve": self._serve, "sweep": self._sweep, "purge": self._purge}[self._given["do"]]()

    def _record(self, count: int) -> None:
        create_schema(self._inbox)
        self._effects.create()
        state = "ignored" if self._given["do"] == "purge" else "received"
        events = [make_event("license.updated", event_id=f"evt-{number}") for number in range(1, count + 1)]
        self._inbox.record_many(
            [
                NewEntry(
                    endpoint="default",
                    event_id=event.id,
                    event_type=event.type,
                    event_timestamp=datetime.now(UTC),
                    raw_body=event_body(event),
                    state=state,
                )
                for event in events
            ]
        )

    def _hooks(self) -> Hooks:
        hooks = Hooks()

        def tell(event: Event, context: HandlerContext) -> None:
            self._death.at("tell begins")
            self._effects.outside(event, context)
            self._death.at("tell ends")

        def book(event: Event, context: HandlerContext) -> None:
            self._death.at("book begins")
            self._effects.within(event, context)
            self._death.at("book ends")

        for name in self._given["handlers"]:
            if name == "tell":
                hooks.on("*")(tell)
            else:
                hooks.on("*", transactional=True)(book)

        @hooks.on_dead
        def say(event: Event) -> None:
            _say(dead=event.id)

        return hooks

    def _work(self) -> None:
        worker = Worker(self._inbox, self._hooks(), WorkerSettings(max_attempts=self._given["max_attempts"]))
        for ahead in self._given["aheads"]:
            self._ahead = ahead
            if self._given["die_at"]:
                worker.run()  # as a worker does, in its threads
            else:
                _say(ran=worker.drain())

    def _serve(self) -> None:
        if not self._given["record"]:
            create_schema(self._inbox)
            self._effects.create()
        receiver = self._receiver(Queue(self._death) if self._given["queue"] else None)
        receiver.start()
        with make_server("127.0.0.1", 0, receiver.wsgi, handler_class=_Quiet) as server:
            _say(pid=os.getpid(), port=server.server_port)
            server.serve_forever()

    def _receiver(self, queue: Queue | None) -> Receiver:
        settings = WorkerSettings(embedded=not self._given["die_at"])
        return Receiver(Endpoint(secrets=[SECRET]), self._hooks(), inbox=self._inbox, worker=settings, queue=queue)

    def _sweep(self) -> None:
        queue = Queue(self._death)
        receiver = self._receiver(queue)
        for ahead in self._given["aheads"]:
            self._ahead = ahead
            _say(enqueued=receiver.sweep(), ran=queue.work())

    def _purge(self) -> None:
        (self._ahead,) = self._given["aheads"]
        done = Purged()
        for done in self._inbox.purge():
            count, what = (done.entries, "entries") if done.entries else (done.payloads, "payloads")
            if count == 1000 and self._given["die_at"] == f"half the {what}":
                self._death.draw_out(self._inbox)
        _say(payloads=done.payloads, entries=done.entries)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


def _say(**facts: object) -> None:
    os.write(1, f"{json.dumps(facts)}\n".encode())


def main() -> None:
    """Fork for each job, until stdin ends."""
    warm()
    for line in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            signal.alarm(_LONGEST)  # it must not outlive its parent for long
            try:
                Job(json.loads(line)).do()
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        _say(exit=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
