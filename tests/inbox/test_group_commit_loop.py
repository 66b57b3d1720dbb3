"""Group commit on event loops: what comes during one commit is gathered for the next."""

import asyncio
import gc
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest

from licensechain_hooks.exceptions import StoreUnavailableError
from licensechain_hooks.inbox._group_commit import GroupCommit

LONG = timedelta(seconds=30)
SHORT = timedelta(milliseconds=50)


class Store:
    """Notes who commits what, and waits at the items it is told to hold."""

    def __init__(self, *held: str):
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()
        self.entered = {item: threading.Event() for item in held}
        self.go_on = {item: threading.Event() for item in held}
        self.errors: dict[str, BaseException] = {}
        self._turn = threading.Lock()

    def __call__(self, items):
        assert self._turn.acquire(blocking=False)  # never two commits at once
        try:
            self.batches.append([*items])
            self.threads.add(threading.current_thread().name)
            for item in items:
                if item in self.go_on:
                    self.entered[item].set()
                    assert self.go_on[item].wait(10)
                if item in self.errors:
                    raise self.errors[item]
            return [f"stored {item}" for item in items]
        finally:
            self._turn.release()

    async def reached(self, item):
        """Return once the item is being committed."""
        await until(self.entered[item].is_set)


async def until(condition):
    """Return as soon as something holds."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.001)


async def turn():
    """Let all others on this loop have a turn."""
    await asyncio.sleep(0)


def grouped(store, **options):
    return GroupCommit(store, **{"many_writers": False, "budget": LONG, **options})


def gathering_of(group):
    """What the group commit knows of its only loop."""
    [gathering] = group._gatherings.values()
    return gathering


async def begun(store, group):
    """The task whose item ``a`` is being committed."""
    first = asyncio.create_task(group.asubmit("a"))
    await store.reached("a")
    return first


@pytest.mark.parametrize("many_writers", [False, True])
async def test_coroutines_of_one_turn_share_a_commit(many_writers):
    """What comes in one turn of the loop is committed together, in a private thread; each gets its own verdict."""
    store = Store()
    group = grouped(store, many_writers=many_writers)
    assert await asyncio.gather(*map(group.asubmit, "abc")) == ["stored a", "stored b", "stored c"]
    assert store.batches == [["a", "b", "c"]]
    assert store.threads == {"licensechain_hooks.commit_0"}


async def test_what_comes_during_a_commit_is_gathered():
    """One commit at a time: who comes meanwhile is in the next one, at most as many as fit into a batch."""
    store = Store("a")
    group = grouped(store, max_batch=2)
    first = await begun(store, group)
    others = [asyncio.create_task(group.asubmit(item)) for item in "bcd"]
    await turn()
    store.go_on["a"].set()
    assert await asyncio.gather(first, *others) == ["stored a", "stored b", "stored c", "stored d"]
    assert store.batches == [["a"], ["b", "c"], ["d"]]


async def test_who_comes_again_is_in_the_next_batch():
    """Coroutines that have their verdicts and more to store are committed together again."""
    store = Store()
    group = grouped(store)

    async def several(name):
        return [await group.asubmit(f"{name}{number}") for number in range(3)]

    await asyncio.gather(*map(several, "abc"))
    assert store.batches == [[f"{name}{number}" for name in "abc"] for number in range(3)]


async def test_who_comes_again_joins_those_who_wait():
    """A coroutine that has its verdict and more to store is in one batch with those who came during its commit."""
    store = Store("a")
    group = grouped(store)

    async def two():
        return [await group.asubmit("a"), await group.asubmit("b")]

    first = asyncio.create_task(two())
    await store.reached("a")
    other = asyncio.create_task(group.asubmit("c"))
    await turn()
    store.go_on["a"].set()
    assert await asyncio.gather(first, other) == [["stored a", "stored b"], "stored c"]
    assert store.batches == [["a"], ["c", "b"]]


async def test_a_group_that_was_idle_commits_again():
    """After a pause the next caller is committed as the first was."""
    store = Store()
    group = grouped(store)
    for item in "ab":
        assert await group.asubmit(item) == f"stored {item}"
        await until(lambda: not gathering_of(group)._is_busy)
    assert store.batches == [["a"], ["b"]]


async def test_a_busy_default_executor_does_not_matter():
    """What a user does in the loop's own threads cannot keep deliveries from being stored."""
    let_go = threading.Event()
    executor = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(executor)
    blocking = asyncio.get_running_loop().run_in_executor(None, let_go.wait, 10)
    assert await grouped(Store()).asubmit("a") == "stored a"
    let_go.set()
    assert await blocking is True


async def test_one_too_many_is_refused_at_once():
    """A full line refuses, instead of letting coroutines pile up; those in it are served."""
    store = Store("a")
    group = grouped(store, max_waiting=2)
    first = await begun(store, group)
    others = [asyncio.create_task(group.asubmit(item)) for item in "bc"]
    await turn()
    with pytest.raises(StoreUnavailableError, match="2 others wait for the store already"):
        await group.asubmit("d")
    store.go_on["a"].set()
    assert await asyncio.gather(first, *others) == ["stored a", "stored b", "stored c"]
    assert await group.asubmit("e") == "stored e"


async def test_the_budget_ends_every_wait():
    """Past the budget everyone is told so; who was not being committed yet never is, and the next ones are served."""
    store = Store("a")
    group = grouped(store, budget=SHORT)
    first = await begun(store, group)
    errors = await asyncio.gather(first, *map(group.asubmit, "bc"), return_exceptions=True)
    assert [type(error) for error in errors] == [StoreUnavailableError] * 3
    assert not gathering_of(group)._is_watched  # nobody is left to be told
    assert {str(error).partition(";")[0] for error in errors} == {"the store has not committed within 0.05 s"}
    with pytest.raises(StoreUnavailableError):  # the commit still hangs: who comes now is told as well
        await group.asubmit("d")
    store.go_on["a"].set()
    gathering_of(group)._budget = 30
    await until(lambda: not gathering_of(group)._batch)
    assert await group.asubmit("e") == "stored e"
    assert store.batches == [["a"], ["e"]]


async def test_each_caller_has_its_own_budget():
    """Who came later waits as long as who came first: the clock of one is not that of all."""
    store = Store("a")
    group = grouped(store, budget=timedelta(milliseconds=300))
    first = await begun(store, group)
    gathering_of(group)._budget = 30
    second = asyncio.create_task(group.asubmit("b"))
    with pytest.raises(StoreUnavailableError):
        await first
    assert not second.done()
    store.go_on["a"].set()
    assert await second == "stored b"


async def test_a_cancelled_caller_harms_nobody():
    """Who is cancelled while it waits is not committed; who is while it is committed may be; the others get verdicts."""
    store = Store("a", "c")
    group = grouped(store, max_batch=2)
    first = await begun(store, group)
    b, c, d, e = [asyncio.create_task(group.asubmit(item)) for item in "bcde"]
    await turn()
    b.cancel()
    await turn()
    store.go_on["a"].set()
    assert await first == "stored a"
    await store.reached("c")
    d.cancel()
    await turn()
    store.go_on["c"].set()
    assert await asyncio.gather(c, e) == ["stored c", "stored e"]
    assert [b.cancelled(), d.cancelled()] == [True, True]
    assert store.batches == [["a"], ["c", "d"], ["e"]]


async def test_cancelled_callers_do_not_keep_the_clock_from_the_others():
    """A caller that was cancelled, or one that has its verdict, is passed over when the time of others is over."""
    store = Store("a")
    group = grouped(store, budget=timedelta(milliseconds=300))
    first = await begun(store, group)
    first.cancel()
    waiting = [asyncio.create_task(group.asubmit(item)) for item in "bcd"]
    await turn()
    waiting[0].cancel()
    results = await asyncio.gather(first, *waiting, return_exceptions=True)
    expected = [asyncio.CancelledError, asyncio.CancelledError, StoreUnavailableError, StoreUnavailableError]
    assert [type(result) for result in results] == expected
    store.go_on["a"].set()
    await until(lambda: not gathering_of(group)._is_busy)
    assert store.batches == [["a"]]


async def test_nobody_is_on_the_clock_when_all_have_their_verdicts():
    """The one timer ends with nobody to watch, and begins again with the next caller."""
    group = grouped(Store(), budget=timedelta(milliseconds=400))
    assert await group.asubmit("a") == "stored a"
    await until(lambda: not gathering_of(group)._is_watched)
    gathering_of(group)._budget = 30
    assert await group.asubmit("b") == "stored b"
    assert gathering_of(group)._is_watched


async def test_a_store_that_is_down_is_down_for_the_whole_batch():
    """Everyone in the batch gets the store's error, as an exception of its own."""
    store = Store()
    store.errors["b"] = StoreUnavailableError("the disk is full")
    group = grouped(store)
    errors = await asyncio.gather(*map(group.asubmit, "abc"), return_exceptions=True)
    assert [(type(error), str(error)) for error in errors] == [(StoreUnavailableError, "the disk is full")] * 3
    assert len({id(error) for error in errors}) == 3
    assert store.batches == [["a", "b", "c"]]


async def test_a_bad_item_does_not_fail_its_neighbours():
    """When a batch fails for another reason each item is committed by itself."""
    store = Store()
    store.errors["b"] = ValueError()
    group = grouped(store)
    first, bad, last = await asyncio.gather(*map(group.asubmit, "abc"), return_exceptions=True)
    assert [first, str(bad), last] == ["stored a", "the store could not commit: ValueError", "stored c"]
    assert store.batches == [["a", "b", "c"], ["a"], ["b"], ["c"]]


async def test_an_interrupted_commit_reaches_its_callers():
    """Whatever ends a commit in the private thread, its callers hear of it, and the thread commits again."""
    store = Store()
    store.errors["b"] = SystemExit()
    group = grouped(store)
    errors = await asyncio.gather(*map(group.asubmit, "ab"), return_exceptions=True)
    assert [str(error) for error in errors] == ["the store could not commit: SystemExit"] * 2
    assert errors[0] is not errors[1]
    assert await group.asubmit("c") == "stored c"


async def test_a_loop_waits_for_a_thread_that_commits():
    """Where the store takes one writer, the commit for an event loop begins when that of a thread has ended."""
    store = Store("a")
    group = grouped(store)
    in_a_thread = asyncio.create_task(asyncio.to_thread(group.submit, "a"))
    await store.reached("a")
    on_the_loop = asyncio.create_task(group.asubmit("b"))
    await asyncio.sleep(0.05)
    assert not on_the_loop.done()
    store.go_on["a"].set()
    assert await asyncio.gather(in_a_thread, on_the_loop) == ["stored a", "stored b"]


def test_loops_and_threads_take_turns():
    """Several event loops and threads at once: each gets its own verdicts, and the store never sees two writers."""
    store = Store()
    group = grouped(store)
    together = threading.Barrier(4, timeout=10)

    async def several(name):
        return await asyncio.gather(*[group.asubmit(f"{name}{number}") for number in range(40)])

    def on_a_loop(name):
        together.wait()
        return asyncio.run(several(name))

    def in_a_thread(name):
        together.wait()
        return [group.submit(f"{name}{number}") for number in range(40)]

    with ThreadPoolExecutor(4) as pool:
        futures = {name: pool.submit(on_a_loop if name in "ab" else in_a_thread, name) for name in "abcd"}
        for name, future in futures.items():
            assert future.result(30) == [f"stored {name}{number}" for number in range(40)]
    stored = sorted(item for batch in store.batches for item in batch)
    assert stored == sorted(f"{name}{number}" for name in "abcd" for number in range(40))


def test_closed_loops_are_forgotten():
    """A process that runs one loop after the other does not collect them."""
    group = grouped(Store())
    for item in "abc":
        assert asyncio.run(group.asubmit(item)) == f"stored {item}"
    assert len(group._gatherings) == 1


def test_loops_that_are_not_closed_are_remembered():
    """A loop that stands still while another one runs is gathered for when it goes on."""
    group = grouped(Store())
    with asyncio.Runner() as one, asyncio.Runner() as other:
        for runner, item in ((one, "a"), (other, "b"), (one, "c")):
            assert runner.run(group.asubmit(item)) == f"stored {item}"
        assert len(group._gatherings) == 2


def test_a_loop_that_is_closed_during_a_commit():
    """A loop may end before the commit for it does: nobody is there to be told, and other loops go on."""
    store = Store("a")
    group = grouped(store)

    async def leave():
        first = await begun(store, group)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first

    asyncio.run(leave())
    store.go_on["a"].set()
    assert asyncio.run(group.asubmit("b")) == "stored b"
    assert store.batches == [["a"], ["b"]]


def test_the_private_thread_ends_with_its_owner():
    """A group commit has nothing to shut down: when nobody holds it, its thread ends."""
    group = grouped(Store())
    assert asyncio.run(group.asubmit("a")) == "stored a"
    [thread] = group._thread._executor._threads
    assert thread.is_alive()
    del group
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


async def test_a_thread_that_cannot_be_started(monkeypatch):
    """A machine without threads to spare is a store that cannot answer; what was refused is not stored afterwards."""

    def refuse(_thread):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    store = Store()
    group = grouped(store)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        errors = await asyncio.gather(*map(group.asubmit, "ab"), return_exceptions=True)
    assert [str(error) for error in errors] == ["the store has no thread to commit in: RuntimeError"] * 2
    assert await group.asubmit("c") == "stored c"
    assert store.batches == [["c"]]


LATE = """
import asyncio, atexit
from licensechain_hooks.exceptions import StoreUnavailableError
from licensechain_hooks.inbox._group_commit import GroupCommit

group = GroupCommit(list, many_writers=False)

@atexit.register
def at_exit():
    try:
        asyncio.run(group.asubmit("late"))
    except StoreUnavailableError as error:
        print(error)
"""


def test_an_interpreter_that_exits_refuses():
    """Python starts no threads while it exits: callers are told, and do not hang."""
    finished = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, timeout=30, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == "the store has no thread to commit in: RuntimeError\n"


async def test_coroutines_share_the_commits_of_sqlite(tmp_path):
    """200 coroutines, every id from two of them: each is stored once, each caller hears of its own, in few commits."""
    connection = sqlite3.connect(tmp_path / "seen.db", isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE seen (id TEXT PRIMARY KEY)")
    commits = []

    def commit(items):
        commits.append(len(items))
        insert = "INSERT INTO seen VALUES (?) ON CONFLICT DO NOTHING"
        connection.execute("BEGIN IMMEDIATE")
        verdicts = [(item, connection.execute(insert, (item,)).rowcount == 1) for item in items]
        connection.execute("COMMIT")
        return verdicts

    group = grouped(commit)
    ids = [f"evt_{number:04}" for number in range(500)]

    async def several(number):
        return [(wanted, await group.asubmit(wanted)) for wanted in ids[number % 100 :: 100]]

    answers = [answer for answers in await asyncio.gather(*map(several, range(200))) for answer in answers]
    connection.close()
    assert all(wanted == told for wanted, (told, _) in answers)
    assert sorted(told for _, told in answers) == sorted((i, new) for i in ids for new in (True, False))
    assert sum(commits) == 1000
    assert len(commits) < 20
    other = sqlite3.connect(tmp_path / "seen.db")
    assert [found for (found,) in other.execute("SELECT id FROM seen ORDER BY id")] == ids
    other.close()
