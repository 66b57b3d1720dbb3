"""``manage.py licensechain_purge``: delete what is past its retention."""

from argparse import ArgumentParser
from typing import Any

from licensechain_hooks.contrib.django.management._command import HookCommand
from licensechain_hooks.operations.changes import announce_purge, purge_facts, run_purge, spell_purged
from licensechain_hooks.operations.progress import progress

__all__ = ["Command"]


class Command(HookCommand):
    """See ``help``."""

    help = (
        "Deletes payloads and entries that are past their retention, in small commits; a worker does it too. Dead "
        "entries stay. It may be broken off and begun again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command's options."""
        super().add_arguments(parser)
        self.add_yes(parser)

    def handle(self, *_arguments: object, **options: Any) -> None:
        """Ask, delete, say how much."""
        self.require_answer(yes=options["yes"])
        with self.inbox() as inbox:
            if not self.is_allowed(announce_purge(inbox), yes=options["yes"]):
                raise SystemExit(1)
            with progress("purging", self.note) as tell:
                purged = run_purge(inbox.purge(), tell)
        if options["form"] == "json":
            self.say_json(purge_facts(purged))
        else:
            self.say(f"deleted {spell_purged(purged)}")
