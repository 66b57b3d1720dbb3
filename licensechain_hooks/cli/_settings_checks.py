"""What ``doctor`` looks at in a SQL inbox: whether its tables are current."""

from collections.abc import Iterator
from typing import Any

import click

from licensechain_hooks.cli._app import open_url, spell_inbox
from licensechain_hooks.diagnosis.findings import Finding
from licensechain_hooks.operations import checkup
from licensechain_hooks.operations.words import printable

__all__ = ["inbox_findings", "inbox_url_findings"]

_LOOK = "licensechain-hooks inbox list --state dead"


def inbox_url_findings(url: str) -> Iterator[Finding]:
    """What is to be said of the inbox in a database."""
    try:
        with open_url(url, create=False) as inbox:
            yield from inbox_findings(inbox)
    except click.ClickException as exc:
        todo = "check the address, the password, the network and the database server"
        yield Finding(code="inbox", verdict="fail", what=exc.message, todo=todo)


def inbox_findings(inbox: Any) -> Iterator[Finding]:
    """Whether an inbox is reachable, its tables are current, and nothing waits in it for somebody to look."""
    trouble = _schema_trouble(inbox)
    if trouble is None:
        yield from checkup.inbox_findings(inbox, where=spell_inbox(inbox), look=_LOOK)
    else:
        yield trouble


def _schema_trouble(inbox: Any) -> Finding | None:
    """Of a SQL inbox: read the version only, for the inbox itself would bring a SQLite file up to date."""
    engine = getattr(inbox, "engine", None)
    if engine is None:
        return None
    from licensechain_hooks.inbox._schema import VERSION, VERSION_TABLE  # noqa: PLC0415 - loads SQLAlchemy

    where = spell_inbox(inbox)
    try:
        with engine.connect() as connection:
            found = 0
            if engine.dialect.has_table(connection, VERSION_TABLE):
                found = int(connection.exec_driver_sql(f"SELECT version FROM {VERSION_TABLE}").scalar() or 0)  # noqa: S608
    except Exception as exc:  # noqa: BLE001 - every database has errors of its own, whose text may hold its address
        cause = getattr(exc, "orig", None) or exc
        reason = next(iter(str(cause).strip().splitlines()), "")[:200]
        what = printable(f"{where}: it cannot be reached: {type(cause).__name__}: {reason}")
        todo = "check the address, the password, the network and the database server"
        return Finding(code="inbox", verdict="fail", what=what, todo=todo)
    if found == VERSION:
        return None
    is_older = found < VERSION
    return Finding(
        code="inbox",
        verdict="fail",
        what=f"{where}: its tables are of version {found}, this package needs {VERSION}"
        + (" (0: there are none)" if found == 0 else ""),
        todo="licensechain-hooks inbox migrate" if is_older else "upgrade licensechain-hooks",
    )
