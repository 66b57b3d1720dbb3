"""What the scenarios through real servers share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from databases import fresh_database


@pytest.fixture
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Makes an empty database, ``sqlite`` or ``postgresql``, and gives its URL."""
    with ExitStack() as made:

        def make(kind: str) -> str:
            if kind == "sqlite":  # not in memory: processes share it
                return f"sqlite:///{tmp_path / 'inbox.db'}"
            return made.enter_context(fresh_database(request.getfixturevalue("postgres_url")))

        yield make
