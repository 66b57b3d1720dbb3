"""What becomes of an entry, by what its handlers do: run by drain(), on a clock that stands still."""

import asyncio
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest

from licensechain_hooks import Discard, Retry
from licensechain_hooks._entries import EntryFilter
from licensechain_hooks.worker import Worker, default_backoff

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def test_an_entry_is_run_once(site):
    """What returns is done, is in the ledger, and does not run again."""
    pk = site.record()
    site.on("lock")
    assert (site.worker().drain(), site.worker().drain()) == (1, 0)
    assert (site.ran, site.state(pk), site.states(pk)) == (["lock"], "processed", {"lock": "done"})


def test_a_failed_entry_waits(site, raising):
    """After a failure the entry is due again when its backoff has passed, and not before."""
    pk = site.record()
    site.on("lock", raising(ValueError("no")))
    worker = site.worker(backoff=lambda attempt: attempt * HOUR)
    waited = []
    for attempt in (1, 2, 3):
        assert worker.drain() == 1
        waited.append(site.entry(pk).next_attempt_at - site.clock.now)
        site.advance(attempt * HOUR - SECOND)
        assert worker.drain() == 0
        site.advance(SECOND)
    assert (waited, site.state(pk), site.ledger(pk)["lock"].attempts) == ([HOUR, 2 * HOUR, 3 * HOUR], "failed", 3)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 10), (2, 20), (5, 160), (12, 20480), (13, 21600), (10**6, 21600)])
def test_backoff_doubles_up_to_six_hours(attempt, seconds):
    """The wait doubles from ten seconds to six hours, give or take half."""
    waits = [default_backoff(attempt).total_seconds() for _ in range(200)]
    assert seconds * 0.5 <= min(waits) < max(waits) <= seconds * 1.5


@pytest.mark.parametrize("wait", [None, 10, -HOUR, timedelta.max])
def test_a_backoff_that_makes_no_sense(site, raising, wait):
    """Whatever a backoff function returns, the entry is run again."""
    pk = site.record()
    site.on("lock", raising(ValueError("no")))
    worker = site.worker(backoff=lambda attempt: wait, max_attempts=2)
    worker.drain()
    site.advance(timedelta(days=366))
    worker.drain()
    assert (site.state(pk), len(site.ran)) == ("dead", 2)


def test_a_backoff_that_raises(site, raising):
    """A backoff function that raises is replaced by the usual one."""
    pk = site.record()
    site.on("lock", raising(ValueError("no")))
    site.worker(backoff=lambda attempt: 1 / 0).drain()
    assert 5 * SECOND <= site.entry(pk).next_attempt_at - site.clock.now <= 15 * SECOND


def test_it_dies_after_max_attempts(site, raising):
    """The last attempt that fails makes a dead letter, and the listeners of on_dead are told."""
    pk = site.record()
    site.on("lock", raising(ValueError("no")))
    dead = []
    site.hooks.on_dead(lambda event, context: dead.append((event.id, context.attempt)))
    worker = site.worker(max_attempts=3, backoff=lambda attempt: timedelta(0))
    assert (worker.drain(), site.state(pk), dead, len(site.ran)) == (3, "dead", [("evt_1", 3)], 3)
    assert (worker.counters.failed, worker.counters.dead) == (2, 1)


def test_attempts_that_crashed_count(site):
    """An entry whose attempts have all died with their process is dead without another, and on_dead is told."""
    pk = site.record()
    site.on("lock")
    dead = []
    site.hooks.on_dead(lambda event: dead.append(event.id))
    for _ in range(3):
        site.inbox.claim_many(["default"], limit=1, lease=SECOND)
        site.advance(SECOND)
    assert (site.worker(max_attempts=3).drain(), site.ran, dead) == (1, [], ["evt_1"])
    assert (site.state(pk), site.entry(pk).error_code) == ("dead", "attempts_exhausted")


def test_retry_says_when(site, raising):
    """`Retry` is run again at its time, whatever the backoff; listeners of errors are not told."""
    pk = site.record()
    site.on("lock", raising(Retry(after=3 * HOUR)))
    told = []
    site.hooks.on_error(lambda error, event: told.append(error))
    site.worker().drain()
    assert (site.entry(pk).next_attempt_at - site.clock.now, site.state(pk), told) == (3 * HOUR, "failed", [])
    assert site.entry(pk).error_code == "Retry"


def test_retry_is_an_attempt(site, raising):
    """A handler that asks for another run for ever comes to an end too."""
    pk = site.record()
    site.on("lock", raising(Retry(after=timedelta(0))))
    assert (site.worker(max_attempts=4).drain(), site.state(pk)) == (4, "dead")


def test_discard_ends_it_at_once(site, raising):
    """`Discard` makes a dead letter without another attempt, and says why."""
    pk = site.record()
    site.on("lock", raising(Discard("no such seat")))
    dead = []
    site.hooks.on_dead(lambda event: dead.append(event.id))
    assert (site.worker().drain(), site.state(pk), site.states(pk)) == (1, "dead", {"lock": "discarded"})
    assert (dead, site.entry(pk).error_code) == (["evt_1"], "Discard")
    assert site.entry(pk).error.endswith("lock: Discard: no such seat")


def test_discard_waits_for_the_others(site, raising):
    """One handler's `Discard` leaves the others their attempts; dead is the entry when all have ended."""
    pk = site.record()
    site.on("lock", raising(Discard("never")))
    fails = [True]
    site.on("mail", lambda event: fails and raising(ValueError("later"))(event))
    worker = site.worker(backoff=lambda attempt: HOUR)
    worker.drain()
    assert (site.state(pk), site.states(pk)) == ("failed", {"lock": "discarded", "mail": "failed"})
    fails.clear()
    site.advance(HOUR)
    worker.drain()
    assert (site.state(pk), site.states(pk)) == ("dead", {"lock": "discarded", "mail": "done"})
    assert site.ran == ["lock", "mail", "mail"]


def test_a_replay_runs_what_was_discarded(site, raising):
    """A dead letter that is replayed runs the handler that gave up, and not the others."""
    pk = site.record()
    gives_up = [True]
    site.on("lock", lambda event: gives_up and raising(Discard)(event))
    site.on("mail")
    site.worker().drain()
    gives_up.clear()
    site.inbox.replay(EntryFilter(pks=(pk,)))
    site.worker().drain()
    assert (site.ran, site.state(pk)) == (["lock", "mail", "lock"], "processed")


def test_one_failure_does_not_stop_the_others(site, raising):
    """All handlers run, and only those that have not finished run again."""
    pk = site.record()
    fails = [True]
    site.on("first")
    site.on("second", lambda event: fails and raising(ValueError("no"))(event))
    site.on("third")
    worker = site.worker(backoff=lambda attempt: HOUR)
    worker.drain()
    assert site.states(pk) == {"first": "done", "second": "failed", "third": "done"}
    fails.clear()
    site.advance(HOUR)
    worker.drain()
    assert (site.ran, site.state(pk)) == (["first", "second", "third", "second"], "processed")
    assert site.ledger(pk)["second"].attempts == 2


def test_the_soonest_wait_counts(site, raising):
    """Of several failed handlers the one that may run first says when the entry is due."""
    pk = site.record()
    site.on("patient", raising(Retry(after=9 * HOUR)))
    site.on("hasty", raising(Retry(after=2 * HOUR)))
    site.worker(backoff=lambda attempt: 5 * HOUR).drain()
    assert site.entry(pk).next_attempt_at - site.clock.now == 2 * HOUR


@pytest.mark.parametrize(
    "error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, RecursionError, GeneratorExit]
)
def test_any_exception_is_a_failure(site, raising, error, wait_until):
    """Whatever a handler raises fails its attempt, and neither the thread nor the worker."""
    pk, other = site.record("evt_1"), site.record("evt_2", "user.created")
    site.on("lock", raising(error))
    site.hooks.on("user.*")(lambda event: None)
    site.worker().start()
    wait_until(lambda: (site.state(pk), site.state(other)) == ("failed", "processed"))
    assert site.entry(pk).error_code == error.__name__


def test_a_listener_is_told_of_errors(site, raising):
    """on_error is told what was raised, and what it raises itself changes nothing."""
    pk = site.record()
    site.on("lock", raising(LookupError("no seat")))
    told = []

    @site.hooks.on_error
    def alert(error, event, context):
        told.append((type(error), event.id, context.attempt))
        raise RuntimeError

    site.worker().drain()
    assert (told, site.state(pk)) == ([(LookupError, "evt_1", 1)], "failed")


def test_befores_run_first(site):
    """Functions under `before` run before the handlers, in every attempt, and are in no ledger."""
    site.hooks.before(lambda event: site.ran.append("one"))
    site.hooks.before(lambda event: site.ran.append("two"))
    site.on("lock")
    pk = site.record()
    site.worker().drain()
    assert (site.ran, site.states(pk)) == (["one", "two", "lock"], {"lock": "done"})


def test_a_before_that_fails(site, raising):
    """Where a function under `before` fails no handler runs, and the entry is tried again."""
    pk = site.record()
    site.hooks.before(raising(ValueError("not ready")))
    site.on("lock")
    site.worker().drain()
    assert (site.ran, site.state(pk), site.entry(pk).error_code) == ([], "failed", "ValueError")


def test_no_handler(site):
    """An entry that no handler wants after all is ignored."""
    pk = site.record(event_type="user.created")
    site.on("lock")
    site.worker().drain()
    assert (site.state(pk), site.ran) == ("ignored", [])


def test_data_that_does_not_validate(site):
    """Typed handlers are not given data of another shape; handlers of wildcards are."""
    pk = site.record(raw_body=b'{"id":"evt_1","type":"license.revoked","timestamp":"2026-05-01T12:00:00Z","data":{}}')
    site.hooks.on("license.revoked")(lambda event: site.ran.append("typed"))
    site.worker().drain()
    assert (site.state(pk), site.ran) == ("ignored", [])


def test_a_body_that_cannot_be_read(site):
    """A stored body that is no event is a dead letter at once: another attempt would not help."""
    pk = site.record(raw_body=b"\xff{")
    site.on("lock")
    site.worker().drain()
    assert (site.state(pk), site.entry(pk).error_code, site.ran) == ("dead", "payload", [])


def test_a_dialect_was_accepted(site):
    """What an endpoint accepted leniently runs too."""
    body = b'{"event":"license.revoked","timestamp":"2026-05-01T12:00:00Z","data":{"id":"lic_1"}}'
    pk = site.record("sha256:1", raw_body=body)
    site.on("lock")
    site.worker().drain()
    assert (site.state(pk), site.ran) == ("processed", ["lock"])


def test_only_its_endpoints(site):
    """A worker runs the entries of its endpoints, with the handlers of each."""
    us, eu, other = site.record(endpoint="us"), site.record(endpoint="eu"), site.record(endpoint="other")
    site.on("everywhere")
    site.on("in_eu", endpoint="eu")
    site.worker(endpoints=("us", "eu")).drain()
    assert [site.state(pk) for pk in (us, eu, other)] == ["processed", "processed", "received"]
    assert site.ran == ["everywhere", "everywhere", "in_eu"]


def test_what_a_handler_is_told(site):
    """The context names the attempt, the handler, the key that stays the same, and the body as it is stored."""
    pk = site.record()
    seen = []

    @site.hooks.on("license.revoked")
    def lock(event, context):
        seen.append(context)
        if context.attempt == 1:
            raise ValueError

    worker = site.worker(backoff=lambda attempt: timedelta(0))
    worker.drain()
    assert [context.attempt for context in seen] == [1, 2]
    assert {context.idempotency_key for context in seen} == {f"evt_1:{site.inbox.ledger(pk)[0].handler}"}
    assert (seen[0].raw_body, seen[0].received_at) == (site.entry(pk).raw_body, site.clock.now)


def test_a_key_holds_back(site, raising):
    """Entries of one ordering key run in the order of their arrival, also past a failure of the first."""
    first, second, other = (
        site.record("evt_1", ordering_key="lic_1"),
        site.record("evt_2", ordering_key="lic_1"),
        site.record("evt_3", ordering_key="lic_2"),
    )
    fails = {"evt_1"}
    ran = []

    @site.hooks.on("license.revoked")
    def lock(event):
        ran.append(event.id)
        if event.id in fails:
            raise ValueError

    worker = site.worker(backoff=lambda attempt: HOUR)
    worker.drain()
    assert [site.state(pk) for pk in (first, second, other)] == ["failed", "received", "processed"]
    fails.clear()
    site.advance(HOUR)
    worker.drain()
    assert ran == ["evt_1", "evt_3", "evt_1", "evt_2"]


@pytest.mark.parametrize("transactional", [False, True])
def test_the_latest_only(site, transactional):
    """A handler under latest_only skips an event older than the newest it has seen of that license; others run it."""
    hour_ago = site.clock.now - HOUR
    site.on("sync", latest_only=True, transactional=transactional)
    site.on("audit")
    worker = site.worker()
    new = site.record("evt_new")
    worker.drain()
    old = site.record("evt_old", event_timestamp=hour_ago)
    other = site.record("evt_other", event_timestamp=hour_ago, license_id="lic_2")
    worker.drain()
    assert [site.states(pk)["sync"] for pk in (new, old, other)] == ["done", "skipped", "done"]
    assert (site.state(old), site.ran.count("sync"), site.ran.count("audit")) == ("processed", 2, 3)


@pytest.mark.parametrize("transactional", [False, True])
def test_the_latest_only_of_no_license(site, transactional):
    """An event of no license is never older than another: a handler under latest_only runs for each."""
    site.on("sync", latest_only=True, transactional=transactional)
    for number in range(2):
        site.record(f"evt_{number}", license_id=None, event_timestamp=site.clock.now - number * HOUR)
    site.worker().drain()
    assert (site.ran, site.counted("processed")) == (["sync", "sync"], 2)


def test_an_inbox_that_cannot_tell_the_latest(site):
    """A fault of the inbox before a handler fails that handler, and not the others."""
    site.inbox.is_stale = lambda *given: 1 / 0
    site.on("sync", latest_only=True)
    site.on("audit")
    pk = site.record()
    site.worker().drain()
    assert (site.ran, site.states(pk)) == (["audit"], {"sync": "failed", "audit": "done"})
    assert (site.state(pk), site.entry(pk).error_code) == ("failed", "ZeroDivisionError")


def test_a_transaction_commits_with_its_row(site):
    """A transactional handler that returns has its row in the ledger, and has a connection."""
    pk = site.record()
    seen = []
    site.hooks.on("license.revoked", transactional=True)(lambda event, context: seen.append(context.connection))
    site.worker().drain()
    assert (seen, site.state(pk), [*site.states(pk).values()]) == ([None], "processed", ["done"])


@pytest.mark.parametrize("error", [ValueError("no"), StopIteration(), SystemExit(1), Discard("never"), Retry()])
def test_a_transaction_rolls_back(site, raising, error):
    """A transactional handler that raises, whatever it is, writes no finished row until it is run again."""
    pk = site.record()
    site.on("lock", raising(error), transactional=True)
    rolled_back = []
    transaction = site.inbox.transaction

    @contextmanager
    def watched(claim, row):
        try:
            with transaction(claim, row) as opened:
                yield opened
        except BaseException:
            rolled_back.append(row.handler)
            raise

    site.inbox.transaction = watched
    site.worker().drain()
    assert (len(rolled_back), site.states(pk)["lock"]) == (1, "discarded" if isinstance(error, Discard) else "failed")


def test_a_commit_that_fails(site):
    """Where the commit of a transaction fails the handler has failed, and listeners of errors are told."""
    pk = site.record()
    site.on("lock", transactional=True)
    site.on("mail")
    told = []
    site.hooks.on_error(lambda error, event: told.append(type(error).__name__))
    transaction = site.inbox.transaction

    @contextmanager
    def failing(claim, row):
        with transaction(claim, row) as opened:
            yield opened
            raise OSError("could not serialize")

    site.inbox.transaction = failing
    site.worker().drain()
    assert (site.states(pk), told) == ({"lock": "failed", "mail": "done"}, ["OSError"])


def test_a_listener_hears_after_the_rollback(site, raising):
    """Listeners of errors run when the transaction has ended, so that what they write stays."""
    site.record()
    site.on("lock", raising(ValueError("no")), transactional=True)
    order = []
    transaction = site.inbox.transaction

    @contextmanager
    def watched(claim, row):
        try:
            with transaction(claim, row) as opened:
                yield opened
        finally:
            order.append("rolled back")

    site.inbox.transaction = watched
    site.hooks.on_error(lambda error, event: order.append("told"))
    site.worker().drain()
    assert order == ["rolled back", "told"]


def test_what_became_due_meanwhile(site):
    """drain() runs what is recorded while it runs, in the calling thread, and counts it."""
    threads = []

    def act(event):
        threads.append(threading.current_thread())
        if event.id == "evt_1":
            site.record("evt_2")

    site.record()
    site.on("lock", act)
    worker = site.worker()
    assert (worker.drain(), worker.counters.processed) == (2, 2)
    assert set(threads) == {threading.current_thread()}


def test_coroutines_and_functions(site):
    """Handlers are def or async def, mixed, and run in the order of their registration."""
    pk = site.record()

    @site.hooks.on("license.revoked")
    async def first(event):
        await asyncio.sleep(0)
        site.ran.append("first")

    site.on("second")
    site.worker().drain()
    assert (site.ran, site.state(pk)) == (["first", "second"], "processed")


def test_handling_is_around_each_entry(site):
    """What a framework has to do around the work of a thread is done around each entry."""
    site.on("lock", lambda event: log.append("run"))
    log = []

    @contextmanager
    def handling():
        log.append("in")
        yield
        log.append("out")

    site.inbox.handling = handling
    site.record("evt_1")
    site.record("evt_2")
    Worker(site.inbox, site.hooks).drain()
    assert log == ["in", "run", "out"] * 2
