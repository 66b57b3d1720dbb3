"""What a worker can be told."""

from datetime import timedelta

import pytest

from licensechain_hooks import ConfigurationError, Hooks
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.worker import Worker, WorkerSettings


@pytest.mark.parametrize("name", ["concurrency", "max_attempts", "batch"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "2", None, True])
def test_numbers(name, value):
    """Numbers are whole and positive."""
    with pytest.raises(ConfigurationError, match=name):
        WorkerSettings(**{name: value})


@pytest.mark.parametrize("name", ["lease", "poll", "time_limit", "grace"])
@pytest.mark.parametrize("value", [10, "10", timedelta(seconds=-1)])
def test_durations(name, value):
    """Durations are timedeltas, and not negative."""
    with pytest.raises(ConfigurationError, match=name):
        WorkerSettings(**{name: value})


@pytest.mark.parametrize("name", ["lease", "poll", "time_limit"])
def test_durations_of_nothing(name):
    """No duration is zero but the grace, which then is none."""
    with pytest.raises(ConfigurationError, match=name):
        WorkerSettings(**{name: timedelta(0)})
    assert WorkerSettings(grace=timedelta(0), time_limit=None).time_limit is None


def test_a_backoff_is_a_function():
    """A backoff that cannot be called is told of at once."""
    with pytest.raises(ConfigurationError, match="backoff"):
        WorkerSettings(backoff=timedelta(seconds=1))


@pytest.mark.parametrize("endpoints", [(), "default"])
def test_endpoints_are_names(endpoints):
    """A worker without an endpoint, or with a bare name, would find nothing; it is refused."""
    with pytest.raises(ConfigurationError, match="endpoints"):
        Worker(MemoryInbox(), Hooks(), endpoints=endpoints)
