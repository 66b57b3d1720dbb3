"""How an inbox does, for people."""

from datetime import timedelta

from licensechain_hooks._entries import InboxStats
from licensechain_hooks.cli._output import echo, paint, show_table
from licensechain_hooks.operations.status import InboxStatus

__all__ = ["show_status", "status_of"]


def status_of(stats: InboxStats, *, max_age: timedelta) -> InboxStatus:
    """The status now; an entry that has waited for longer than ``max_age`` is a finding."""
    return InboxStatus.of(stats, max_age=max_age, look="licensechain-hooks inbox list --state dead")


def show_status(status: InboxStatus) -> None:
    """Print it."""
    show_table(("state", "entries"), status.rows, good=status.good)
    echo(status.backlog)
    for finding in status.findings:
        echo(paint(finding, good=False))
