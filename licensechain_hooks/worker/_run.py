"""One claim: its handlers, and what becomes of the entry. It knows nothing of threads or of other entries."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from licensechain_hooks import events
from licensechain_hooks._attempt import Attempt, surrounding
from licensechain_hooks._dispatch import Dispatch
from licensechain_hooks._entries import Claim, LedgerRow, RunState, Settlement
from licensechain_hooks._handler import Handler
from licensechain_hooks._hooks import Hooks
from licensechain_hooks._outcome import HandlerRun
from licensechain_hooks._scrub import LONGEST, scrub
from licensechain_hooks._stores import Inbox, Transaction
from licensechain_hooks.exceptions import (
    Discard,
    HandlerTimeLimitError,
    LeaseLostError,
    PayloadError,
    Retry,
    StoreUnavailableError,
)
from licensechain_hooks.worker._limits import TimeLimit
from licensechain_hooks.worker._settings import WorkerSettings, default_backoff

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["Runner"]

logger = logging.getLogger("licensechain_hooks")

_LONGEST_WAIT = timedelta(days=365)


@dataclass(slots=True, kw_only=True)
class Runner:
    """Runs claims, one at a time, in any number of threads.

    Attributes:
        inbox: where the claims come from.
        hooks: whose handlers run.
        settings: of the worker.
        commit: writes the rows of a claim that goes on; whether it was still held.
        loop: where coroutines run; ``None``: on the private loop.
    """

    inbox: Inbox
    hooks: Hooks
    settings: WorkerSettings
    commit: Callable[[Settlement], bool]
    loop: AbstractEventLoop | None = None

    def run(self, claim: Claim, limit: TimeLimit) -> Settlement | None:
        """Run the handlers of a claim that are not finished.

        Args:
            claim: which.
            limit: the time limit of handlers in this thread.

        Returns:
            How to settle it; ``None`` where the claim is no longer held, and nothing is to be written.

        Raises:
            StoreUnavailableError: a handler could not be given what it needs of the inbox, which is no failure of its
                own: the claim is to be given back.
        """
        arounds = self.hooks.arounds()
        if not arounds:
            return self._run(claim, limit)
        attempt = Attempt(
            endpoint=claim.endpoint,
            event_type=claim.event_type,
            event_id=claim.event_id,
            number=claim.attempts,
            mode="durable",
        )
        with surrounding(arounds, attempt):
            settlement = self._run(claim, limit)
            attempt.state = "lost"
            if settlement is not None and settlement.state != "processing":
                attempt.state, attempt.error_code = settlement.state, settlement.error_code
        return settlement

    def _run(self, claim: Claim, limit: TimeLimit) -> Settlement | None:
        try:
            with self.inbox.handling():
                return self._run_handlers(claim, limit)
        except LeaseLostError:
            return None
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - of the inbox or the hooks, for handlers' errors end in their run
            facts = {"event_id": claim.event_id, "event_type": claim.event_type, "error": type(error).__name__}
            logger.error(  # noqa: TRY400 - its text may hold what the log must not
                "entry.not_run type=%(event_type)s id=%(event_id)s error=%(error)s", facts, extra=facts
            )
            return self.settle_failed(claim, [("", error)])

    def _run_handlers(self, claim: Claim, limit: TimeLimit) -> Settlement | None:
        try:
            event = events.reparse(claim.raw_body)
        except PayloadError as error:
            return Settlement(claim=claim, state="dead", error_code="payload", error=scrub(error, b"")[1])
        dispatch = Dispatch(
            hooks=self.hooks,
            event=event,
            endpoint=claim.endpoint,
            raw_body=claim.raw_body,
            received_at=claim.received_at.timestamp(),
            attempt=claim.attempts,
            loop=self.loop,
            time_limit=limit.seconds,
        )
        handlers = self.hooks.handlers_for(event, endpoint=claim.endpoint)
        first: BaseException | None = None
        if claim.attempts > self.settings.max_attempts:
            text = f"not run again: {self.settings.max_attempts} attempts have ended without a result"
            settlement = Settlement(claim=claim, state="dead", error_code="attempts_exhausted", error=text)
        elif handlers:
            attempt = _Attempt(self, claim, dispatch, limit)
            settlement, first = attempt.run(handlers), attempt.error
        else:
            return Settlement(claim=claim, state="ignored")
        if settlement.state in {"processed", "failed", "dead"}:
            listeners, given = dispatch.told_of_end(cast("Any", settlement.state), first)
            _within(limit, partial(dispatch.tell, listeners, *given))
        return settlement

    def settle_failed(
        self, claim: Claim, errors: Sequence[tuple[str, BaseException]], rows: tuple[LedgerRow, ...] = ()
    ) -> Settlement:
        """The settlement of an attempt in which ``errors`` came up, by handler."""
        first = _first(errors)
        waits = [self._wait(claim, error) for _, error in errors if not isinstance(error, Discard)]
        state: Literal["failed", "dead"] = "failed" if waits and claim.attempts < self.settings.max_attempts else "dead"
        texts = [(f"{handler}: " if handler else "") + scrub(error, claim.raw_body)[1] for handler, error in errors]
        return Settlement(
            claim=claim,
            state=state,
            delay=min(waits) if state == "failed" else timedelta(0),
            error_code=scrub(first, b"")[0],
            error="; ".join(texts)[:LONGEST],
            runs=rows,
        )

    def _wait(self, claim: Claim, error: BaseException) -> timedelta:
        wait: object = None
        if isinstance(error, Retry):
            wait = error.after
        else:
            try:
                wait = self.settings.backoff(claim.attempts)
            except Exception:
                logger.exception("worker.backoff_failed")
        if not isinstance(wait, timedelta):
            wait = default_backoff(claim.attempts)
        return max(timedelta(0), min(wait, _LONGEST_WAIT))


class _Attempt:
    """One run of the handlers of an entry."""

    def __init__(self, runner: Runner, claim: Claim, dispatch: Dispatch, limit: TimeLimit) -> None:
        self._runner = runner
        self._claim = claim
        self._dispatch = dispatch
        self._limit = limit
        self._rows: list[LedgerRow] = []  # not written yet
        self._errors: list[tuple[str, BaseException]] = []

    @property
    def error(self) -> BaseException | None:
        """The first one, if there was any."""
        return _first(self._errors) if self._errors else None

    def run(self, handlers: tuple[Handler, ...]) -> Settlement:
        """Run the handlers one after the other.

        Raises:
            LeaseLostError: the claim is no longer held.
        """
        runs = self._claim.runs
        known = [runs[handler.name] for handler in handlers if handler.name in runs] if runs else []
        finished = {row.handler for row in known if row.is_finished}
        waiting = [handler for handler in handlers if handler.name not in finished]
        if waiting and self._run_befores():
            for handler in waiting:
                if self._rows and not self._write_rows():
                    break
                try:
                    self._run_handler(handler)
                except StoreUnavailableError:
                    self._write_rows()  # of those that have run; as far as that is possible
                    raise
        if self._errors:
            return self._runner.settle_failed(self._claim, self._errors, tuple(self._rows))
        is_discarded = any(row.state == "discarded" for row in known)
        return Settlement(claim=self._claim, state="dead" if is_discarded else "processed", runs=tuple(self._rows))

    def _run_befores(self) -> bool:
        """Whether the handlers are to run."""
        for before in self._runner.hooks.befores():
            run = self._attempt(before)
            if run.error is not None:
                self._note_failure(before, run, run.error)
                return False
        return True

    def _write_rows(self) -> bool:
        """Make it durable which handlers have run, before the next one does; whether it is to run."""
        if any(row.state in {"done", "discarded"} for row in self._rows):
            try:
                is_held = self._runner.commit(Settlement(claim=self._claim, state="processing", runs=tuple(self._rows)))
            except StoreUnavailableError as error:
                self._errors.append(("", error))
                return False
            if not is_held:
                raise LeaseLostError
            self._rows.clear()
        return True

    def _run_handler(self, handler: Handler) -> None:
        known = self._claim.runs.get(handler.name)
        row = LedgerRow(
            handler=handler.name,
            state="done",
            attempts=1 if known is None else known.attempts + 1,
            latest_only=handler.latest_only,
        )
        run = self._run_in_transaction(handler, row) if handler.transactional else self._run_plain(handler, row)
        if run.error is None:
            return
        state: RunState = "discarded" if isinstance(run.error, Discard) else "failed"
        self._rows.append(replace(row, state=state))
        self._note_failure(handler, run, run.error)

    def _run_plain(self, handler: Handler, row: LedgerRow) -> HandlerRun:
        if handler.latest_only:
            try:
                is_stale = self._runner.inbox.is_stale(self._claim, handler.name)
            except StoreUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - of the inbox
                return HandlerRun(handler.name, error)
            if is_stale:
                self._rows.append(replace(row, state="skipped"))
                return HandlerRun(handler.name)
        run = self._attempt(handler)
        if run.error is None:
            self._rows.append(row)
        return run

    def _run_in_transaction(self, handler: Handler, row: LedgerRow) -> HandlerRun:
        try:
            return self._transacted(handler, row)
        except _RollBackError as rolled_back:
            return rolled_back.run
        except (LeaseLostError, StoreUnavailableError):
            raise
        except Exception as error:  # noqa: BLE001 - of the inbox, for the handler's is in its run
            return HandlerRun(handler.name, error)

    def _transacted(self, handler: Handler, row: LedgerRow) -> HandlerRun:
        """Run a handler in the transaction that writes its row; if it fails, neither is there."""
        with self._runner.inbox.transaction(self._claim, row) as transaction:
            run = HandlerRun(handler.name) if transaction.is_stale else self._attempt(handler, transaction)
            if run.error is not None:
                raise _RollBackError(run)
        return run

    def _attempt(self, handler: Handler, transaction: Transaction | None = None) -> HandlerRun:
        call = partial(self._dispatch.attempt_one, handler, transaction)
        try:
            return self._limit.run(call, interrupt=not handler.is_async)
        except HandlerTimeLimitError as error:
            return HandlerRun(handler.name, error)

    def _note_failure(self, handler: Handler, run: HandlerRun, error: BaseException) -> None:
        self._errors.append((handler.name, error))
        _within(self._limit, partial(self._dispatch.report, handler, run))


def _first(errors: Sequence[tuple[str, BaseException]]) -> BaseException:
    """The first error that another attempt may mend; else the first."""
    return next((error for _, error in errors if not isinstance(error, Discard)), errors[0][1])


class _RollBackError(Exception):
    """Rolls a transaction back; not the handler's own error, which may mean something to context managers."""

    def __init__(self, run: HandlerRun) -> None:
        super().__init__()
        self.run = run


def _within(limit: TimeLimit, call: Callable[[], object]) -> None:
    """Call listeners: they have a time limit too."""
    try:
        limit.run(call, interrupt=True)
    except HandlerTimeLimitError as error:
        logger.error("listener.failed", exc_info=error)  # noqa: TRY400
