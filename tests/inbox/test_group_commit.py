"""Group commit in threads: the first who comes commits for all who wait."""

import gc
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from licensechain_hooks.exceptions import ConfigurationError, StoreUnavailableError
from licensechain_hooks.inbox._group_commit import GroupCommit

LONG = timedelta(seconds=30)


class Store:
    """Notes who commits what, and waits at the items it is told to hold."""

    def __init__(self, *held: str):
        self.batches: list[list[str]] = []
        self.threads: list[int] = []
        self.entered = {item: threading.Event() for item in held}
        self.go_on = {item: threading.Event() for item in held}
        self.errors: dict[str, BaseException] = {}

    def __call__(self, items):
        self.batches.append([*items])
        self.threads.append(threading.get_ident())
        for item in items:
            if item in self.go_on:
                self.entered[item].set()
                assert self.go_on[item].wait(10)
            if item in self.errors:
                raise self.errors[item]
        return [f"stored {item}" for item in items]


class PausedLock:
    """A lock before which one thread can be held up."""

    def __init__(self):
        self._lock = threading.Lock()
        self.paused: int | None = None
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __enter__(self):
        if threading.get_ident() == self.paused:
            self.reached.set()
            assert self.go_on.wait(10)
        self._lock.acquire()

    def __exit__(self, *_):
        self._lock.release()


class Callers:
    """Threads that submit, and are known to wait before the next one comes."""

    def __init__(self, group, pool):
        self.group = group
        self.idents: dict[str, int] = {}
        self._pool = pool

    def submit(self, item):
        """The future of a thread that submits ``item``."""

        def run():
            self.idents[item] = threading.get_ident()
            return self.group.submit(item)

        return self._pool.submit(run)

    def wait(self, item):
        """The same, once it waits for another one's commit."""
        waiting = self.group._queue._waiting
        before = len(waiting)
        future = self.submit(item)
        until(lambda: len(waiting) == before + 1)
        return future


def until(condition):
    """Return as soon as something holds."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def callers():
    """Make callers of a new group commit over a store."""
    with ThreadPoolExecutor(16) as pool:

        def make(store, **options):
            options = {"many_writers": False, "budget": LONG, **options}
            return Callers(GroupCommit(store, **options), pool)

        yield make


@pytest.fixture
def led(callers):
    """Callers of whom the first, ``a``, is committing, and the store."""

    def make(*held, **options):
        store = Store("a", *held)
        made = callers(store, **options)
        first = made.submit("a")
        assert store.entered["a"].wait(10)
        return made, store, first

    return make


def test_who_comes_alone_commits_at_once_on_its_own_thread(callers):
    """One caller costs no thread and no wait: its item is committed as it is, on its own thread."""
    store = Store()
    before = threading.enumerate()
    group = callers(store).group
    assert [group.submit(item) for item in "abc"] == ["stored a", "stored b", "stored c"]
    assert store.batches == [["a"], ["b"], ["c"]]
    assert store.threads == [threading.get_ident()] * 3
    assert threading.enumerate() == before


def test_many_writers_commit_side_by_side(callers):
    """Where the store takes many writers, every thread commits its own item, while others commit theirs."""
    together = threading.Barrier(3, timeout=10)
    batches = []

    def commit(items):
        batches.append([*items])
        together.wait()
        return [f"stored {item}" for item in items]

    made = callers(commit, many_writers=True)
    futures = [made.submit(item) for item in "abc"]
    assert [future.result(10) for future in futures] == ["stored a", "stored b", "stored c"]
    assert sorted(batches) == [["a"], ["b"], ["c"]]


def test_the_first_who_waits_commits_for_all(led):
    """What came during a commit is committed together, by the first of those who came; each gets its own verdict."""
    made, store, first = led()
    others = [made.wait(item) for item in "bcd"]
    store.go_on["a"].set()
    assert [future.result(10) for future in (first, *others)] == ["stored a", "stored b", "stored c", "stored d"]
    assert store.batches == [["a"], ["b", "c", "d"]]
    assert store.threads == [made.idents["a"], made.idents["b"]]


def test_a_leader_returns_with_its_own_verdict(led):
    """Whoever has its verdict returns with it, while the next one commits: nobody serves the others for ever."""
    made, store, first = led("b")
    second = made.wait("b")
    store.go_on["a"].set()
    assert first.result(10) == "stored a"
    assert store.entered["b"].wait(10)
    assert not second.done()
    store.go_on["b"].set()
    assert second.result(10) == "stored b"


def test_nobody_leads_after_the_last(led):
    """When all have their verdicts the next caller leads again."""
    made, store, first = led()
    second = made.wait("b")
    store.go_on["a"].set()
    assert [first.result(10), second.result(10)] == ["stored a", "stored b"]
    assert made.group.submit("c") == "stored c"


def test_a_batch_has_a_largest_size_and_wakes_its_own_members(led):
    """Of more than fit into a batch the rest waits for the next; who is in a batch need not wait for that."""
    made, store, _ = led("d", max_batch=2)
    b, c, d, e = [made.wait(item) for item in "bcde"]
    store.go_on["a"].set()
    assert store.entered["d"].wait(10)
    assert [b.result(10), c.result(10)] == ["stored b", "stored c"]
    assert [d.done(), e.done()] == [False, False]
    store.go_on["d"].set()
    assert [d.result(10), e.result(10)] == ["stored d", "stored e"]
    assert store.batches == [["a"], ["b", "c"], ["d", "e"]]


def test_each_waiter_has_a_wake_up_of_its_own(led):
    """One wake-up for all would let every thread fight for it at each commit."""
    made, store, _ = led()
    others = [made.wait(item) for item in "bcd"]
    assert len({id(waiter.wake) for waiter in made.group._queue._waiting}) == 3
    store.go_on["a"].set()
    assert [future.result(10) for future in others] == ["stored b", "stored c", "stored d"]


def test_who_waits_too_long_is_not_committed(led):
    """Past the budget a caller is told so, with what to look at, and its item is taken out of the line."""
    made, store, first = led(budget=timedelta(milliseconds=30))
    with pytest.raises(StoreUnavailableError, match=r"within 0\.03 s; look at its disk"):
        made.group.submit("b")
    assert len(made.group._queue._waiting) == 0
    store.go_on["a"].set()
    assert first.result(10) == "stored a"
    assert made.group.submit("c") == "stored c"
    assert store.batches == [["a"], ["c"]]


def test_the_budget_ends_a_wait_for_a_commit_that_has_begun(led):
    """A caller whose item is being committed is not kept for longer either; what it gave may be stored."""
    made, store, first = led("b")
    second = made.wait("b")
    made.group._queue._budget = 0.4
    third = made.wait("c")
    store.go_on["a"].set()
    assert first.result(10) == "stored a"
    with pytest.raises(StoreUnavailableError, match="has not committed"):
        third.result(10)
    store.go_on["b"].set()
    assert second.result(10) == "stored b"
    assert store.batches == [["a"], ["b", "c"]]
    assert made.group.submit("d") == "stored d"


def test_who_is_promoted_when_its_time_is_over_passes_it_on(led):
    """Leadership that reaches a caller in the moment it gives up goes to the next one, and is not lost."""
    made, store, first = led(budget=timedelta(milliseconds=100))
    lock = made.group._queue._lock = PausedLock()
    second = made.wait("b")
    lock.paused = made.idents["b"]
    assert lock.reached.wait(10)  # its time is over, and it is about to say so
    made.group._queue._budget = 30
    third = made.wait("c")
    store.go_on["a"].set()
    assert first.result(10) == "stored a"  # and b has been told to lead
    lock.go_on.set()
    with pytest.raises(StoreUnavailableError):
        second.result(10)
    assert third.result(10) == "stored c"
    assert store.batches == [["a"], ["c"]]
    assert made.group.submit("d") == "stored d"


def test_a_verdict_wins_over_the_clock(led):
    """A caller whose verdict is there when its time is over gets the verdict."""
    made, store, first = led()
    lock = made.group._queue._lock = PausedLock()
    second = made.wait("b")
    made.group._queue._budget = 0.4
    third = made.wait("c")
    store.entered["b"] = threading.Event()
    store.go_on["b"] = threading.Event()
    store.go_on["a"].set()
    assert store.entered["b"].wait(10)
    lock.paused = made.idents["b"]  # commits for c, but cannot wake it
    store.go_on["b"].set()
    assert lock.reached.wait(10)
    assert third.result(10) == "stored c"
    lock.go_on.set()
    assert [first.result(10), second.result(10)] == ["stored a", "stored b"]


def test_one_too_many_is_refused_at_once(led):
    """A full line refuses, instead of letting threads pile up; those in it are served."""
    made, store, first = led(max_waiting=2)
    others = [made.wait(item) for item in "bc"]
    with pytest.raises(StoreUnavailableError, match="2 others wait for the store already"):
        made.group.submit("d")
    store.go_on["a"].set()
    assert [future.result(10) for future in (first, *others)] == ["stored a", "stored b", "stored c"]
    assert made.group.submit("e") == "stored e"


def test_a_store_that_is_down_is_down_for_the_whole_batch(led):
    """A store that cannot answer is not asked once for each item; everyone raises an error of its own."""
    made, store, _ = led()
    store.errors["c"] = StoreUnavailableError("the disk is full")
    others = [made.wait(item) for item in "bcd"]
    store.go_on["a"].set()
    errors = [future.exception(10) for future in others]
    assert [(type(error), str(error)) for error in errors] == [(StoreUnavailableError, "the disk is full")] * 3
    assert len({id(error) for error in errors}) == 3
    assert store.batches == [["a"], ["b", "c", "d"]]
    assert made.group.submit("e") == "stored e"


def test_a_bad_item_does_not_fail_its_neighbours(led, caplog):
    """When a batch fails for another reason its items are committed singly, each with its own verdict or error."""
    made, store, _ = led()
    store.errors["c"] = ValueError("private")
    with caplog.at_level(logging.WARNING, "licensechain_hooks"):
        b, c, d = [made.wait(item) for item in "bcd"]
        store.go_on["a"].set()
        assert [b.result(10), d.result(10)] == ["stored b", "stored d"]
    error = c.exception(10)
    assert (str(error), error.__cause__) == ("the store could not commit: ValueError", store.errors["c"])
    assert store.batches == [["a"], ["b", "c", "d"], ["b"], ["c"], ["d"]]
    assert caplog.messages == ["inbox.batch_failed size=3 error=ValueError: each is committed by itself"]


def test_a_store_that_goes_down_while_items_are_committed_singly(led):
    """Then the rest of them fail with it: each would wait for a store that does not answer."""
    made, store, _ = led()
    errors = iter([ValueError(), StoreUnavailableError("gone")])
    others = [made.wait(item) for item in "bcde"]
    plain = store.__call__

    def commit(items):
        verdicts = plain(items)
        if "c" in items:
            raise next(errors)
        return verdicts

    made.group._committer._commit = commit
    store.go_on["a"].set()
    b, *rest = others
    assert b.result(10) == "stored b"
    assert [str(future.exception(10)) for future in rest] == ["gone"] * 3
    assert store.batches == [["a"], ["b", "c", "d", "e"], ["b"], ["c"]]


@pytest.mark.parametrize("many_writers", [False, True])
def test_an_error_of_one_item_names_its_class(callers, many_writers):
    """Whatever a store raises reaches the caller as one kind of error, with the cause attached and its text left out."""
    store = Store()
    store.errors = {"a": OSError("private"), "b": StoreUnavailableError("locked")}
    group = callers(store, many_writers=many_writers).group
    with pytest.raises(StoreUnavailableError, match=r"^the store could not commit: OSError$") as raised:
        group.submit("a")
    assert raised.value.__cause__ is store.errors["a"]
    with pytest.raises(StoreUnavailableError, match=r"^locked$"):
        group.submit("b")
    assert store.batches == [["a"], ["b"]]
    assert group.submit("c") == "stored c"


@pytest.mark.parametrize("verdicts", [[], ["one", "two", "three"]])
def test_a_wrong_number_of_verdicts_is_an_error_for_all(led, caplog, verdicts):
    """Verdicts that cannot be told apart are nobody's; the log says whose fault it is."""
    made, store, _ = led()
    others = [made.wait(item) for item in "bc"]
    made.group._committer._commit = lambda _items: verdicts
    with caplog.at_level(logging.ERROR, "licensechain_hooks"):
        store.go_on["a"].set()
        errors = [future.exception(10) for future in others]
    assert [type(error) for error in errors] == [StoreUnavailableError] * 2
    expected = f"inbox.verdicts_missing size=2 verdicts={len(verdicts)}: a fault of this inbox"
    assert caplog.messages == [expected]


def test_no_verdicts_at_all_are_an_error_too(callers):
    """An inbox that forgets to return its verdicts is told apart from one that is down."""
    with pytest.raises(StoreUnavailableError, match="TypeError"):
        callers(lambda _items: None).group.submit("a")


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_leader_leaves_nobody_behind(led, interruption):
    """Its interruption goes on, those it committed for are told, and those who wait get another leader."""
    made, store, first = led(max_batch=3)
    store.errors["b"] = interruption()
    b, c, d, e = [made.wait(item) for item in "bcde"]
    store.go_on["a"].set()
    assert first.result(10) == "stored a"
    assert b.exception(10) is store.errors["b"]
    assert [str(future.exception(10)) for future in (c, d)] == [
        "the thread that committed for several was interrupted; come back"
    ] * 2
    assert c.exception() is not d.exception()
    assert e.result(10) == "stored e"
    assert made.group.submit("f") == "stored f"


def test_a_lone_leader_is_interrupted(callers):
    """An interruption in the commit of one item leaves the line open for the next."""
    store = Store()
    store.errors["a"] = KeyboardInterrupt()
    group = callers(store).group
    with pytest.raises(KeyboardInterrupt):
        group.submit("a")
    assert group.submit("b") == "stored b"


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="this system does not send signals to threads")
def test_ctrl_c_ends_a_wait(led):
    """A caller that is interrupted while it waits leaves the line, and is not committed."""
    made, store, first = led()

    def interrupt(*_):
        raise KeyboardInterrupt

    def send():
        until(lambda: len(made.group._queue._waiting) == 1)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        sender = threading.Thread(target=send)
        sender.start()
        with pytest.raises(KeyboardInterrupt):
            made.group.submit("b")
        sender.join(10)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(made.group._queue._waiting) == 0
    store.go_on["a"].set()
    assert first.result(10) == "stored a"
    assert made.group.submit("c") == "stored c"
    assert store.batches == [["a"], ["c"]]


def test_nothing_outlives_its_owner(callers):
    """A group commit has nothing to shut down: when nobody holds it, it is gone."""
    import weakref

    group = GroupCommit(Store(), many_writers=False)
    assert group.submit("a") == "stored a"
    gone = weakref.ref(group)
    del group
    gc.collect()
    assert gone() is None


class SqliteStore:
    """Ids in a table, one connection, one transaction for each batch."""

    def __init__(self, path):
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("CREATE TABLE seen (id TEXT PRIMARY KEY)")
        self.commits = 0

    def __call__(self, items):
        self.commits += 1
        insert = "INSERT INTO seen VALUES (?) ON CONFLICT DO NOTHING"
        self._connection.execute("BEGIN IMMEDIATE")
        verdicts = [(item, self._connection.execute(insert, (item,)).rowcount == 1) for item in items]
        self._connection.execute("COMMIT")
        return verdicts

    def close(self):
        """Close the connection, and say what another one finds."""
        [[path]] = self._connection.execute("SELECT file FROM pragma_database_list")
        self._connection.close()
        other = sqlite3.connect(path)
        try:
            return sorted(found for (found,) in other.execute("SELECT id FROM seen"))
        finally:
            other.close()


def test_threads_share_the_commits_of_sqlite(tmp_path):
    """32 threads, every id from two of them: each is stored once, each caller hears of its own, in fewer commits."""
    store = SqliteStore(tmp_path / "seen.db")
    group = GroupCommit(store, many_writers=False, budget=LONG)
    together = threading.Barrier(32, timeout=10)
    ids = [f"evt_{number:03}" for number in range(16 * 12)]

    def run(number):
        together.wait()
        return [(wanted, group.submit(wanted)) for wanted in ids[number % 16 :: 16]]

    with ThreadPoolExecutor(32) as pool:
        answers = [answer for answers in pool.map(run, range(32)) for answer in answers]
    assert all(wanted == told for wanted, (told, _) in answers)
    assert Counter(told for _, told in answers) == Counter([(i, new) for i in ids for new in (True, False)])
    assert store.commits < len(answers)
    assert store.close() == ids


FORK = """
import asyncio, os, sys, threading
{before}
from licensechain_hooks.inbox._group_commit import GroupCommit

held, let_go = threading.Event(), threading.Event()

def commit(items):
    if "held" in items:
        held.set()
        let_go.wait(10)
    return [f"stored-{{item}}" for item in items]

group = GroupCommit(commit, many_writers=False)
print(group.submit("a"), asyncio.run(group.asubmit("b")), flush=True)
{after}
"""
FORKED = """
threads = [threading.Thread(target=group.submit, args=(item,)) for item in ("held", "follower")]
threads[0].start()
held.wait(10)
threads[1].start()
while not group._queue._waiting:
    pass
group._queue._lock.acquire()
group._thread._lock.acquire()
child = os.fork()  # while one thread commits, another waits, and more hold the locks
if child == 0:
    print(group.submit("c"), asyncio.run(group.asubmit("d")), flush=True)
    sys.exit(0)
_, status = os.waitpid(child, 0)
group._queue._lock.release()
group._thread._lock.release()
let_go.set()
for thread in threads:
    thread.join(10)
print(status, group.submit("e"), asyncio.run(group.asubmit("f")), flush=True)
"""


def output(*, before: str = "", after: str = "") -> list[str]:
    """The words that a program prints."""
    program = FORK.format(before=before, after=after)
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_begins_with_nobody_waiting():
    """A process that forks in mid-commit: the child waits for nobody of its parent, and the parent goes on."""
    assert output(after=FORKED) == [
        *("stored-a", "stored-b"),
        *("stored-c", "stored-d"),
        *("0", "stored-e", "stored-f"),
    ]


def test_group_commit_works_where_there_is_no_fork():
    """On systems without fork there is nothing to begin anew."""
    before = "[vars(os).pop(name, None) for name in ('fork', 'register_at_fork')]"
    assert output(before=before) == ["stored-a", "stored-b"]


def test_what_is_wrong_with_the_settings_is_said_as_it_is():
    """An inbox whose tables are missing is no store that is down: the error keeps its words, for everyone."""

    def commit(_items):
        msg = "run the migration"
        raise ConfigurationError(msg)

    for many_writers in (True, False):
        with pytest.raises(ConfigurationError, match="run the migration"):
            GroupCommit(commit, many_writers=many_writers).submit(1)
