"""``manage.py licensechain_stats``: how the inbox does."""

from argparse import ArgumentParser
from typing import Any

from licensechain_hooks.contrib.django.management._command import HookCommand, duration
from licensechain_hooks.operations.status import InboxStatus

__all__ = ["LOOK", "Command"]

LOOK = "see the admin, or `manage.py licensechain_replay --state dead`"
_FINDINGS = 4


class Command(HookCommand):
    """See ``help``."""

    help = (
        "Counts the entries by state, and says what waits for a worker. Dead letters, and an entry that has been due "
        "for longer than --max-age, are findings: with --check, which is for cron and monitors, it exits with 4."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command's options."""
        super().add_arguments(parser)
        parser.add_argument("--check", action="store_true", help="Exit with 4 if somebody has to look at it.")
        parser.add_argument(
            "--max-age", type=duration, metavar="DURATION", default="15m", help="How long an entry may be due: 90s, 2h."
        )

    def handle(self, *_arguments: object, **options: Any) -> None:
        """Count."""
        with self.inbox() as inbox:
            status = InboxStatus.of(inbox.stats(), max_age=options["max_age"], look=LOOK)
        if options["form"] == "json":
            self.say_json(status.facts())
        else:
            self.show_table(("state", "entries"), status.rows, good=status.good)
            self.say(status.backlog)
            for finding in status.findings:
                self.stdout.write(self.paint(finding, good=False))
        if options["check"] and status.findings:
            raise SystemExit(_FINDINGS)
