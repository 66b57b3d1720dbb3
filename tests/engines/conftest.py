"""What the engines' tests share: a broker for each class, which may be killed, and the apps' folder."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from valkey_server import NoValkeyError, ValkeyServer

from licensechain_hooks.testing.queue_conformance import TestedEngine

APPS = Path(__file__).with_name("apps")
BIN = Path(sys.executable).parent


@pytest.fixture(scope="class")
def valkey() -> Iterator[ValkeyServer]:
    """A Valkey for the tests of one class."""
    try:
        server = ValkeyServer()
    except NoValkeyError as error:
        pytest.fail(str(error), pytrace=False)
    with server:
        yield server


@pytest.fixture(scope="class")
def apps() -> str:
    """What to add to the path of Python."""
    return str(APPS)


@pytest.fixture(scope="class")
def program() -> Callable[[str], str]:
    """Where a program of this environment is."""
    return lambda name: str(BIN / name)


@pytest.fixture(scope="class")
def on_valkey(valkey: ValkeyServer) -> Callable[..., TestedEngine]:
    """Makes an engine whose broker is `valkey`; the first word of the command is a program of this environment."""

    def make(module: str, program: str, *arguments: str, **variables: str) -> TestedEngine:
        return TestedEngine(
            module=module,
            worker=[str(BIN / program), *arguments],
            environment={"TEST_BROKER": valkey.url, "PYTHONPATH": str(APPS), **variables},
            kill_broker=valkey.kill,
            start_broker=valkey.start,
        )

    return make


@pytest.fixture(scope="class")
def on_rabbitmq() -> Callable[..., TestedEngine]:
    """The same with the RabbitMQ that is named, which is left running."""
    url = os.environ.get("LICENSECHAIN_TEST_AMQP_URL")
    if not url:
        pytest.skip("no RabbitMQ: name one in LICENSECHAIN_TEST_AMQP_URL")

    def make(module: str, program: str, *arguments: str) -> TestedEngine:
        return TestedEngine(
            module=module,
            worker=[str(BIN / program), *arguments],
            environment={"TEST_BROKER": url, "PYTHONPATH": str(APPS)},
        )

    return make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give processes that start, die and start again the time that a busy machine needs for it."""
    for item in items:
        if item.path.parent == APPS.parent and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))
