"""A receiver on a stage: its clock stands still, its handlers are watched, and nothing runs by itself."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from inspect import isawaitable
from typing import Any

from licensechain_hooks._entries import EntryFilter, EntryState
from licensechain_hooks._handler import Handler
from licensechain_hooks._hooks import Hooks
from licensechain_hooks._outcome import Outcome
from licensechain_hooks._receiver import Receiver
from licensechain_hooks._request import HookRequest
from licensechain_hooks._stores import Inbox
from licensechain_hooks.dedupe.memory import MemoryDeduplicator
from licensechain_hooks.events import Event
from licensechain_hooks.testing._clock import FrozenClock
from licensechain_hooks.testing._deliver import deliver, newest_secret
from licensechain_hooks.testing._events import make_event
from licensechain_hooks.testing._made import Delivery, Tamper, make_delivery

__all__ = ["Rehearsal", "WatchedRun", "rehearse"]

_WAITING: tuple[EntryState, ...] = ("received", "processing", "failed")
_PAGE = 1000
_MISSING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedRun:
    """One run of a handler: ``error`` is what it raised, ``None`` where it returned."""

    handler: str
    event: Event
    error: BaseException | None


@dataclass(slots=True, kw_only=True)
class Rehearsal:
    """A receiver in a test, and what it did so far.

    Attributes:
        receiver: which.
        clock: its endpoint's and its inbox's; it stands still until it is told to move.
        runs: the runs of handlers, in order.
        outcomes: what became of the deliveries, in order; the senders are not told as much.
    """

    receiver: Receiver
    clock: FrozenClock
    runs: list[WatchedRun] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def secret(self) -> str:
        """The newest signing secret.

        Raises:
            ConfigurationError: it depends on the request.
        """
        return newest_secret(self.receiver)

    def make_event(self, event_type: str = "license.created", **overrides: Any) -> Event:
        """See `licensechain_hooks.testing.make_event`; it happens now, by this clock."""
        return make_event(event_type, **{"timestamp": self.clock.now, **overrides})

    def deliver(self, client: Any, event: Event | bytes | Delivery, **options: Any) -> Any:
        """See `licensechain_hooks.testing.deliver`; signed with this receiver's secret, now by this clock."""
        if "secret" not in options and not isinstance(event, Delivery):
            options["secret"] = self.secret
        return deliver(client, event, **{"timestamp": self.clock(), **options})

    def receive(self, event: Event | bytes | Delivery, *, tamper: Tamper | None = None, path: str = "") -> Outcome:
        """Hand the delivery of an event to the receiver, past any framework.

        Args:
            event: what is delivered; or any raw body, to be signed; or a `Delivery`, as it is.
            tamper: what is wrong with it, see `make_delivery`.
            path: where it arrives, for secrets that depend on the tenant.
        """
        return self.receiver.receive(self._request(event, tamper, path))

    async def areceive(
        self, event: Event | bytes | Delivery, *, tamper: Tamper | None = None, path: str = ""
    ) -> Outcome:
        """`receive` on an event loop."""
        return await self.receiver.areceive(self._request(event, tamper, path))

    def drain(self) -> int:
        """Run the handlers of every entry until it is finished or dead; the clock moves on to each next attempt.

        In inline mode there is nothing to do: handlers ran while the sender waited.

        Returns:
            How many attempts that were.

        Raises:
            StoreUnavailableError: the inbox cannot answer.
        """
        inbox = self.receiver.inbox
        if inbox is None:
            return 0
        attempts = self.receiver.worker.drain()
        if not hasattr(inbox, "_use_clock"):  # it goes by a clock of its own
            return attempts
        while ran := next((ran for due_at in self._due_times(inbox) if (ran := self._drain_at(due_at))), 0):
            attempts += ran
        return attempts

    def advance(self, by: timedelta) -> None:
        """Move the clock."""
        self.clock.advance(by)

    def runs_of(self, handler: Callable[..., Any] | str) -> list[WatchedRun]:
        """The runs of one handler: the function, or its name as it is in the ledger."""
        name = handler if isinstance(handler, str) else f"{handler.__module__}.{handler.__qualname__}"
        return [run for run in self.runs if run.handler.partition("#")[0] == name or run.handler == name]

    def _request(self, event: Event | bytes | Delivery, tamper: Tamper | None, path: str) -> HookRequest:
        if isinstance(event, Delivery):
            return event.request(path)
        return make_delivery(event, self.secret, tamper=tamper, timestamp=self.clock()).request(path)

    def _due_times(self, inbox: Inbox) -> list[datetime]:
        """When unfinished entries are due, the first one first; some of them are held back by others."""
        wanted = EntryFilter(states=_WAITING)
        found: set[datetime | None] = set()
        before: int | None = None
        while page := inbox.entries(wanted, limit=_PAGE, before=before):
            found |= {each.next_attempt_at for each in page if each.endpoint in self.receiver.worker.endpoints}
            before = page[-1].pk
        return sorted(due_at for due_at in found if due_at is not None)

    def _drain_at(self, due_at: datetime) -> int:
        """Run what is due then; a microsecond later where an inbox knows the time more exactly than it tells."""
        for moment in (due_at, due_at + timedelta(microseconds=1)):
            self.clock.now = max(self.clock.now, moment)
            if ran := self.receiver.worker.drain():
                return ran
        return 0


@contextmanager
def rehearse(receiver: Receiver, *, now: datetime | None = None) -> Iterator[Rehearsal]:
    """Put a receiver on a stage for the length of a block; pytest's fixture ``licensechain`` is one, around each test.

    Its clock stands still, `Rehearsal.runs` and `Rehearsal.outcomes` fill up, its embedded worker rests, so that
    handlers run when `Rehearsal.drain` is called, no task queue is told, and in inline mode its memory of events is
    empty. Afterwards all is as before. What is stored in an inbox is the test's to clear up.

    ::

        class LockTest(TestCase):
            def setUp(self):
                self.licensechain = self.enterContext(rehearse(receiver))

    Args:
        receiver: the application's own, or one made for the test.
        now: what its clock shows, aware; by default the time at which the block is entered.
    """
    rehearsal = Rehearsal(receiver=receiver, clock=FrozenClock(now or datetime.now(UTC)))
    with ExitStack() as stack:
        _watch(rehearsal, stack)
        _freeze(rehearsal, stack)
        yield rehearsal


def _watch(rehearsal: Rehearsal, stack: ExitStack) -> None:
    receiver = rehearsal.receiver
    listeners, handlers_for = receiver._outcome_listeners, receiver.hooks.handlers_for  # noqa: SLF001

    def note(outcome: Outcome, _request: HookRequest, _seconds: float) -> None:
        rehearsal.outcomes.append(outcome)

    def watched(*arguments: Any, **options: Any) -> tuple[Handler, ...]:
        found = handlers_for(*arguments, **options)
        return tuple(replace(each, function=partial(_run, rehearsal.runs, each)) for each in found)

    stack.enter_context(_replaced(receiver, "_outcome_listeners", (note, *listeners)))
    stack.enter_context(_replaced(receiver.hooks, "handlers_for", watched))


def _run(runs: list[WatchedRun], handler: Handler, event: Event, *context: Any) -> Any:
    """Run a handler, and write down what came of it."""
    try:
        returned = handler.function(event, *context)
    except BaseException as error:
        runs.append(WatchedRun(handler=handler.name, event=event, error=error))
        raise
    if isawaitable(returned):
        return _awaited(runs, handler, event, returned)
    runs.append(WatchedRun(handler=handler.name, event=event, error=None))
    return returned


async def _awaited(runs: list[WatchedRun], handler: Handler, event: Event, awaitable: Any) -> Any:
    error: BaseException | None = None
    try:
        return await awaitable
    except BaseException as raised:
        error = raised
        raise
    finally:
        runs.append(WatchedRun(handler=handler.name, event=event, error=error))


def _freeze(rehearsal: Rehearsal, stack: ExitStack) -> None:
    receiver, clock = rehearsal.receiver, rehearsal.clock
    stack.enter_context(_replaced(receiver.endpoint, "clock", clock))
    if receiver.inbox is None:
        if type(receiver.deduplicator) is MemoryDeduplicator:
            empty = MemoryDeduplicator()
            stack.enter_context(_replaced(receiver, "deduplicator", empty))
            stack.enter_context(_replaced(receiver._mode, "deduplicator", empty))  # noqa: SLF001
        return
    use_clock = getattr(receiver.inbox, "_use_clock", None)
    if use_clock is not None:
        stack.callback(use_clock, receiver.inbox._clock)  # type: ignore[attr-defined]  # noqa: SLF001
        use_clock(clock)
    if receiver.worker.is_running:
        stack.callback(receiver.worker.start)
        receiver.worker.stop()
    stack.enter_context(_replaced(receiver._durable, "_is_embedded", False))  # noqa: SLF001
    stack.enter_context(_replaced(receiver._durable, "_wakeups", None))  # noqa: SLF001


@contextmanager
def _replaced(target: Any, name: str, value: object) -> Iterator[None]:
    """Set an attribute for a while, of frozen values too."""
    before = getattr(target, "__dict__", {}).get(name, _MISSING) if isinstance(target, Hooks) else getattr(target, name)
    object.__setattr__(target, name, value)
    try:
        yield
    finally:
        if before is _MISSING:
            object.__delattr__(target, name)
        else:
            object.__setattr__(target, name, before)
