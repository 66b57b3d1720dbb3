"""Inboxes against a model of what an inbox is; for a long look: ``LICENSECHAIN_TEST_EXAMPLES=3000 pytest …``."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from inbox_machine import run_machine

from licensechain_hooks import Inbox
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.inbox.sql import SqlInbox

pytestmark = pytest.mark.timeout(900)  # shrinking takes its time


def test_memory() -> None:
    """The inbox in memory is what an inbox is; both "processes" are the one there is."""
    kept: list[Inbox] = []

    def open_inbox(clock: Any, *, fresh: bool, **retention: Any) -> Inbox:
        if fresh:
            kept[:] = [MemoryInbox(clock=clock, **retention)]
        return kept[0]

    run_machine(open_inbox, examples=100)


@pytest.fixture
def sqlite_inbox(tmp_path: Path) -> Iterator[Callable[..., Inbox]]:
    """Opens an inbox in a file, through SQLAlchemy."""
    url = f"sqlite:///{tmp_path}/inbox.db"
    opened: list[SqlInbox] = []

    def open_inbox(clock: Any, *, fresh: bool, **retention: Any) -> Inbox:
        if fresh:
            for inbox in opened:
                inbox.close()
            opened.clear()
            empty(url)
        opened.append(SqlInbox(url, clock=clock, **retention))
        return opened[-1]

    with closing(SqlInbox(url)) as inbox:
        inbox.create_schema()
    yield open_inbox
    for inbox in opened:
        inbox.close()


def empty(url: str) -> None:
    """Delete every row of an inbox's tables."""
    engine = sqlalchemy.create_engine(url)
    found = sqlalchemy.MetaData()
    found.reflect(engine)
    with engine.begin() as connection:
        for table in reversed(found.sorted_tables):
            if not table.name.endswith("_schema"):
                connection.execute(table.delete())
    engine.dispose()


def test_sqlite(sqlite_inbox: Callable[..., Inbox]) -> None:
    """The inbox in SQLite is what an inbox is."""
    run_machine(sqlite_inbox, examples=30)
