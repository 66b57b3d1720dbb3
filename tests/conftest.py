"""What every test of this project shares: hypothesis profiles, other people's test vectors, real databases.

``LICENSECHAIN_TEST_POSTGRES_URL`` and ``LICENSECHAIN_TEST_MYSQL_URL`` name servers to use, by a user who may create
databases; ``LICENSECHAIN_TEST_REDIS_URL`` a Valkey or Redis, by a user who may do anything in that database. Without the
first a PostgreSQL is started, without the last a Valkey; without the second what needs MariaDB or MySQL is skipped.
``LICENSECHAIN_TEST_REQUIRE`` (a list of ``postgres``, ``redis``, ``mysql`` and ``nginx``; ``all`` is what a machine can be expected
to have, so ``postgres`` and ``redis``) makes a failure of such a skip.
"""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

import pytest
from databases import fresh_database
from hypothesis import settings
from postgres_server import NoPostgresError, PostgresServer
from valkey_server import NoValkeyError, ValkeyServer, free_port

if TYPE_CHECKING:
    from emulated import Emulated

settings.register_profile("default", deadline=None, print_blob=True)
settings.load_profile("default")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of test vectors that are read but not ours to publish."""
    named = os.environ.get("LICENSECHAIN_TEST_CORPORA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "corpora"
    if not folder.is_dir():
        pytest.skip(f"no test vectors at {folder}; name their folder in LICENSECHAIN_TEST_CORPORA")
    return folder


def lacking(reason: str, *asked_for_by: str) -> NoReturn:
    """Skip, or fail where one of these words is in LICENSECHAIN_TEST_REQUIRE."""
    required = set(re.split(r"[\s,]+", os.environ.get("LICENSECHAIN_TEST_REQUIRE", "")))
    if required & set(asked_for_by):
        pytest.fail(f"{reason}, and LICENSECHAIN_TEST_REQUIRE asks for it", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL server, for SQLAlchemy: the one that is named, or one started for this process."""
    named = os.environ.get("LICENSECHAIN_TEST_POSTGRES_URL")
    if named:
        yield named
        return
    try:
        server = PostgresServer()
    except NoPostgresError as error:
        lacking(str(error), "postgres", "all")
    with server:
        yield server.url


@pytest.fixture(scope="module")
def postgres_database(postgres_url: str) -> Iterator[str]:
    """An empty PostgreSQL database for the tests of one module."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of one's own, to stop and start."""
    try:
        server = PostgresServer()
    except NoPostgresError as error:
        lacking(str(error), "postgres", "all")
    with server:
        yield server


@pytest.fixture(scope="session")
def mysql_url() -> str:
    """The address of a MariaDB or MySQL server, for SQLAlchemy."""
    named = os.environ.get("LICENSECHAIN_TEST_MYSQL_URL")
    if not named:
        lacking("no MariaDB: name one in LICENSECHAIN_TEST_MYSQL_URL", "mysql")
    return named


@pytest.fixture(scope="module")
def mysql_database(mysql_url: str) -> Iterator[str]:
    """An empty MariaDB or MySQL database for the tests of one module."""
    with fresh_database(mysql_url) as url:
        yield url


def start_valkey(settings: Mapping[str, str] = MappingProxyType({})) -> ValkeyServer:
    """A Valkey or Redis of one's own; where there is none, the test is skipped."""
    try:
        return ValkeyServer(settings)
    except NoValkeyError as error:
        lacking(str(error), "redis", "all")


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """The address of a Valkey or Redis: the one that is named, or one started for this process.

    Others may use it at the same time: names begin with something of one's own, and nobody empties it.
    """
    named = os.environ.get("LICENSECHAIN_TEST_REDIS_URL")
    if named:
        yield named
        return
    with start_valkey() as server:
        yield server.url


@pytest.fixture
def valkey_server() -> Iterator[ValkeyServer]:
    """A Valkey or Redis of one's own, to stop, to kill, to pause and to start."""
    with start_valkey() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_cluster() -> Iterator[ValkeyServer]:
    """The smallest cluster there is, which minds all the same where keys are."""
    with start_valkey({"cluster-enabled": "yes", "cluster-port": str(free_port())}) as server:
        server.run("CLUSTER ADDSLOTSRANGE 0 16383")
        server.wait_for("CLUSTER INFO", "cluster_state:ok")
        yield server


@pytest.fixture
def patient_health(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow machine an inbox that is well may take longer than one waits for it."""
    from datetime import timedelta

    from licensechain_hooks import Receiver

    for method in (Receiver.health, Receiver.ahealth):
        monkeypatch.setitem(method.__kwdefaults__, "within", timedelta(minutes=1))


@pytest.fixture(scope="session")
def nginx() -> str:
    """nginx's program; Debian has it in a folder that is not on everybody's PATH."""
    found = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if found is None:
        lacking("no nginx here: apt install nginx-light", "nginx")
    return found


@pytest.fixture
def emulator() -> Iterator["Emulated"]:
    """A local LicenseChain of one's own: ``.url``, ``.base_url``, ``.api_key``, ``.faults(…)``."""
    from emulated import Emulated

    with Emulated() as running:
        yield running
