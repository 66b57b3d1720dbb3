"""``manage.py licensechain_replay``: run stored entries again."""

from argparse import ArgumentParser
from typing import Any

from licensechain_hooks.contrib.django.management._command import HookCommand, moment, usage_error
from licensechain_hooks.contrib.django.models import Entry
from licensechain_hooks.operations.changes import replaying
from licensechain_hooks.operations.filters import ChoiceError, make_filter

__all__ = ["Command"]

_FILTERS = ("pks", "states", "event_type", "since", "until", "license_id", "event_id", "endpoint")


class Command(HookCommand):
    """See ``help``."""

    help = (
        "Runs entries again: of those that are meant, the failed and the dead ones. A worker runs them, with all their "
        "attempts. Handlers that have succeeded do not run again, except with --force."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which entries, and how."""
        super().add_arguments(parser)
        parser.add_argument("pks", metavar="PK", type=int, nargs="*", help="Entries, by their numbers.")
        parser.add_argument(
            "--state",
            dest="states",
            action="append",
            choices=Entry.State.values,
            default=[],
            help="May be given repeatedly.",
        )
        parser.add_argument("--type", dest="event_type", metavar="TYPE", help="An event type, or one like 'license.*'.")
        parser.add_argument("--since", type=moment, metavar="TIME", help="Received then or later: RFC 3339, or 2h, 3d.")
        parser.add_argument("--until", type=moment, metavar="TIME", help="Received before.")
        parser.add_argument("--license", dest="license_id", metavar="ID", help="About this license.")
        parser.add_argument("--event-id", metavar="ID", help="Of this event.")
        parser.add_argument("--endpoint", metavar="NAME", help="Received at this endpoint.")
        parser.add_argument(
            "--force", action="store_true", help="Also processed and ignored ones, and all handlers again."
        )
        self.add_yes(parser)

    def handle(self, *_arguments: object, **options: Any) -> None:
        """Say what would happen, ask, do it, say what was done."""
        try:
            wanted = make_filter(**{name: options[name] for name in _FILTERS})
            change = replaying(wanted, force=options["force"])
        except ChoiceError as exc:
            raise usage_error(str(exc)) from exc
        self.require_answer(yes=options["yes"])
        with self.inbox() as inbox:
            plan = change.plan(inbox, wanted)
            for line in plan.refused:
                self.note(line)
            if plan.matching and not self.is_allowed(plan.announcement, yes=options["yes"]):
                raise SystemExit(1)
            changed = change.apply(inbox, plan.chosen) if plan.matching else 0
        if options["form"] == "json":
            self.say_json(change.facts(plan, changed))
        else:
            text, rest = change.tell(plan, changed)
            self.say(text)
            if rest:
                self.note(rest)
        if plan.refused:
            raise SystemExit(1)
