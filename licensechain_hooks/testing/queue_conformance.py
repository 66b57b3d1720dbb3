"""The behaviour every queue must have, as a pytest class: subclass it and say how your engine's worker is started.

A module that every process imports::

    queue = MyQueue(os.environ["BROKER"])
    receiver = conformance_receiver(queue)

and the test::

    class TestMyQueue(QueueConformance):
        @pytest.fixture(scope="class")
        @classmethod
        def engine(cls, my_broker):
            return TestedEngine(
                module="my_app",
                worker=["my-worker", "my_app"],
                environment={"BROKER": my_broker.url, "PYTHONPATH": folder_of_my_app},
                kill_broker=my_broker.kill,
                start_broker=my_broker.start,
            )
"""

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("licensechain_hooks.testing._queue_conformance")

from licensechain_hooks.testing._queue_conformance.receiver import (  # noqa: E402
    LEASE,
    SECRET,
    SETTINGS,
    WORKED,
    Plan,
    conformance_hooks,
    conformance_receiver,
)
from licensechain_hooks.testing._queue_conformance.site import Site, TestedEngine  # noqa: E402

__all__ = [
    "SECRET",
    "SETTINGS",
    "Plan",
    "QueueConformance",
    "Site",
    "TestedEngine",
    "conformance_hooks",
    "conformance_receiver",
]

_SOON = 6.0  # seconds, in which the queue is told again, where it was left alone
_LATER = 31.0  # seconds, when a new entry is no longer left for its message


class QueueConformance:
    """An engine behind an `Enqueuer`: a real broker, a real worker, and a process that receives deliveries.

    Override `engine`. The inbox is a SQLite file; override `inbox_url` for another one, which has to be empty.
    """

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls) -> TestedEngine:
        """The engine, its broker running."""
        msg = f"{cls.__name__} must define the fixture engine"
        raise TypeError(msg)

    @pytest.fixture(scope="class")
    @classmethod
    def inbox_url(cls, tmp_path_factory: pytest.TempPathFactory) -> str:
        """The URL of the inbox's database."""
        return f"sqlite:///{tmp_path_factory.mktemp('inbox') / 'inbox.db'}"

    @pytest.fixture(scope="class")
    @classmethod
    def site(cls, engine: TestedEngine, inbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
        """The processes, for all tests of the class."""
        folder = tmp_path_factory.mktemp("site")
        site = Site(engine, Plan(inbox=inbox_url, runs=str(folder / "runs"), ordering_key="license"), folder)
        try:
            yield site
        finally:
            site.close()

    def test_a_delivery_is_handled_once(self, site: Site) -> None:
        """It is stored, answered with 200, and run by a worker, without any sweep."""
        assert site.deliver("evt_once", id="lic_once") == ["accepted"]
        site.until(lambda: site.are_processed("evt_once"))
        assert [run.attempt for run in site.runs("evt_once")] == [1]
        assert site.runs("evt_once")[0].pid != site.web_pid
        assert site.effects("evt_once") == 1

    def test_retries_are_the_inboxs(self, site: Site) -> None:
        """A handler that fails twice is run again when the inbox says so, and by nobody else."""
        site.deliver("evt_fails", id="lic_fails", fails=2)
        site.until(lambda: site.are_processed("evt_fails"), sweep_ahead=0.0)
        assert [run.attempt for run in site.runs("evt_fails")] == [1, 2, 3]
        assert (site.entry("evt_fails").attempts, site.effects("evt_fails")) == (3, 1)

    def test_copies_of_a_delivery_and_of_a_message(self, site: Site) -> None:
        """Twenty deliveries of an event and twenty messages about its entry make one run."""
        outcomes = site.deliver(*["evt_copy"] * 20, id="lic_copy")
        assert sorted(outcomes) == ["accepted", *["duplicate"] * 19]
        site.copy("evt_copy", 20)
        site.deliver("evt_behind", id="lic_behind")
        site.until(lambda: site.are_processed("evt_copy", "evt_behind"))
        assert [run.attempt for run in site.runs("evt_copy")] == [1]
        assert site.effects("evt_copy") == 1

    def test_entries_of_one_key_follow_each_other(self, site: Site) -> None:
        """One that has to wait for another is run when that is done, whenever its own message came."""
        names = [f"evt_queue_{number}" for number in range(4)]
        for name in names:
            site.deliver(name, id="lic_queue", event_type=WORKED, lasts=0.2)
        site.until(lambda: site.are_processed(*names))
        assert [len(site.runs(name)) for name in names] == [1] * 4

    def test_a_long_handler_keeps_its_lease(self, site: Site) -> None:
        """Its worker extends it; messages that come meanwhile find nothing to do."""
        lasts = 1.5 * LEASE.total_seconds()
        site.deliver("evt_long", id="lic_long", event_type=WORKED, lasts=lasts)
        site.until(lambda: site.runs("evt_long"))
        site.copy("evt_long", 3)
        site.until(lambda: site.are_processed("evt_long"), sweep_ahead=0.0)
        assert [run.attempt for run in site.runs("evt_long")] == [1]

    def test_a_worker_that_is_killed(self, site: Site) -> None:
        """The handler it was in is run again after its lease; what it had written in its transaction is there once."""
        site.deliver("evt_killed", id="lic_killed", hangs=1)
        site.until(lambda: site.runs("evt_killed"))
        site.kill_worker(site.runs("evt_killed")[0])
        assert (site.entry("evt_killed").state, site.effects("evt_killed")) == ("processing", 0)
        site.start_worker()
        site.until(lambda: site.are_processed("evt_killed"), sweep_ahead=0.0)
        assert [run.attempt for run in site.runs("evt_killed")] == [1, 2]
        assert site.effects("evt_killed") == 1

    def test_a_broker_that_is_killed(self, site: Site) -> None:
        """Deliveries are accepted before, while and after it goes down; a sweep enqueues what it has not got.

        Once it is back, it is told of new entries again.
        """
        kill, start = site.engine.kill_broker, site.engine.start_broker
        if kill is None or start is None:
            pytest.skip("the tests may not end this broker")
        names = [f"evt_broker_{number}" for number in range(30)]
        killing = threading.Timer(0.05, kill)
        killing.start()
        outcomes = []
        for name in names[:20]:
            outcomes += site.deliver(name, id=f"lic_{name}")
            time.sleep(0.01)
        killing.join()
        for name in names[20:]:
            outcomes += site.deliver(name, id=f"lic_{name}")
        assert outcomes == ["accepted"] * 30
        assert not site.are_processed(*names)
        start()
        site.until(lambda: site.are_processed(*names), sweep_ahead=_LATER)
        assert [len(site.runs(name)) for name in names] == [1] * 30
        assert sum(site.effects(name) for name in names) == 30
        later = (f"evt_back_{number}" for number in itertools.count())
        site.until(lambda: self._is_handled_unswept(site, next(later)))

    def _is_handled_unswept(self, site: Site, name: str) -> bool:
        """Deliver an event; whether it is handled soon, and nobody has to sweep for that."""
        site.deliver(name, id=f"lic_{name}")
        end = time.monotonic() + _SOON
        while time.monotonic() < end:
            if site.are_processed(name):
                return True
            time.sleep(0.1)
        return False
