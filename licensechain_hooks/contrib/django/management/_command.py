"""What the commands of this app have in common."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError

from licensechain_hooks import ConfigurationError, Inbox, StoreUnavailableError
from licensechain_hooks.contrib.django.conf import Receivers, get_settings
from licensechain_hooks.operations.times import parse_duration, parse_moment
from licensechain_hooks.operations.words import columns, printable

__all__ = ["HookCommand", "duration", "moment", "usage_error"]

_T = TypeVar("_T")
_USAGE = 2


class HookCommand(BaseCommand):
    """A command that prints results on stdout, as text or JSON, and all else on stderr."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--format``, of every command."""
        parser.add_argument("--format", dest="form", choices=("text", "json"), default="text", help="How results look.")

    def add_yes(self, parser: ArgumentParser) -> None:
        """``--yes``, of those that change something."""
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def say(self, line: str) -> None:
        """Print one line of a result."""
        self.stdout.write(printable(line))

    def say_json(self, value: Any) -> None:
        """Print a result as JSON in ASCII, so that no control character comes through."""
        self.stdout.write(json.dumps(value, indent=2).replace("\x7f", "\\u007f"))

    def note(self, line: str) -> None:
        """Print one line beside the results."""
        self.stderr.write(printable(line), style_func=str)

    def paint(self, text: str, *, good: bool) -> str:
        """Colour a verdict, where colours are shown."""
        return self.style.SUCCESS(text) if good else self.style.ERROR(text)

    def show_table(self, header: Sequence[str], rows: Sequence[Sequence[str]], *, good: Sequence[bool]) -> None:
        """Print columns; rows that are no good ones stand out."""
        first, *lines = columns([header, *[[printable(cell) for cell in row] for row in rows]])
        self.stdout.write(first)
        for line, is_good in zip(lines, good, strict=True):
            self.stdout.write(line if is_good else self.style.ERROR(line))

    def require_answer(self, *, yes: bool) -> None:
        """Refuse at once where a question could not be answered.

        Raises:
            CommandError: there is no terminal, and ``yes`` was not given.
        """
        if not yes and not (sys.stdin is not None and sys.stdin.isatty()):
            msg = "there is no terminal to ask at whether to go on; --yes answers it"
            raise usage_error(msg)

    def is_allowed(self, what: str, *, yes: bool) -> bool:
        """Whether to go on; says what would happen, and asks."""
        if yes:
            return True
        self.note(what)
        self.stderr.write("Go on? [y/N] ", style_func=str, ending="")
        self.stderr.flush()
        if sys.stdin.readline().strip().lower() in {"y", "yes"}:
            return True
        self.note("nothing was changed")
        return False

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Tell what goes wrong with the settings or the store in one line.

        Raises:
            CommandError: that line.
        """
        try:
            yield
        except (ConfigurationError, StoreUnavailableError) as exc:
            raise CommandError(printable(str(exc))) from exc

    @contextmanager
    def inbox(self) -> Iterator[Inbox]:
        """The project's inbox, which answers.

        Raises:
            CommandError: it is not there, or not ready.
        """
        with self.reported():
            receivers = Receivers(get_settings())
            if receivers.settings.processing == "inline":
                msg = "with PROCESSING 'inline' nothing is stored, and there is no inbox"
                raise CommandError(msg)
            yield receivers.inbox


def usage_error(message: str) -> CommandError:
    """What was asked for makes no sense: a `CommandError` with the exit code of misuse."""
    return CommandError(message, returncode=_USAGE)


def moment(text: str) -> datetime:
    """An option's type: see `parse_moment`."""
    return _typed(parse_moment, text)


def duration(text: str) -> timedelta:
    """An option's type: see `parse_duration`."""
    return _typed(parse_duration, text)


def _typed(parse: Callable[[str], _T], text: str) -> _T:
    try:
        return parse(text)
    except ValueError as exc:
        raise ArgumentTypeError(str(exc)) from exc
