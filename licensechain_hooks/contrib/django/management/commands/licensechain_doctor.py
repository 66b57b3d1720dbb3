"""``manage.py licensechain_doctor``: what is wrong with the project's endpoints, and what to do."""

import shutil
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core import checks as django_checks

from licensechain_hooks import ConfigurationError, Endpoint
from licensechain_hooks.contrib.django import checks
from licensechain_hooks.contrib.django.conf import HookSettings, Receivers, get_settings
from licensechain_hooks.contrib.django.management._command import HookCommand, usage_error
from licensechain_hooks.contrib.django.management.commands.licensechain_stats import LOOK
from licensechain_hooks.diagnosis.captures import Capture, CaptureError, read_capture
from licensechain_hooks.diagnosis.findings import Finding, Settings, diagnose
from licensechain_hooks.operations.checkup import environment_findings, inbox_findings, secret_findings
from licensechain_hooks.operations.reports import count_of, finding_lines, report_facts, summary
from licensechain_hooks.operations.words import printable, spell_count

__all__ = ["Command"]

_FINDINGS = 4
_TOLD_OTHERWISE = {"licensechain_hooks.W001", "licensechain_hooks.W011"}  # by the looks at secrets and at the inbox


class Command(HookCommand):
    """See ``help``."""

    help = (
        "Finds out what is wrong with the project's endpoints, its inbox or a captured delivery, and what to do; all "
        "system checks of this app among it, those of --deploy and --database too. Exits with 4 when something has to "
        "be done."
    )
    requires_system_checks = ()  # it runs them itself, and goes on after an error

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command's options."""
        super().add_arguments(parser)
        parser.add_argument("--capture", metavar="FILE", help="A delivery captured by `licensechain-hooks listen`.")
        parser.add_argument("--endpoint", metavar="NAME", help="To which it came, where there are several.")

    def handle(self, *_arguments: object, **options: Any) -> None:
        """Look, tell, sum up."""
        capture = None if options["capture"] is None else _capture(options["capture"])
        found = []
        for finding in _examine(capture, options["endpoint"]):
            found.append(finding)
            if options["form"] == "text":
                self._show(finding)
        if options["form"] == "json":
            self.say_json(report_facts(found))
        else:
            self.stdout.write(self.paint(summary(found), good=not count_of(found)))
        if count_of(found):
            raise SystemExit(_FINDINGS)

    def _show(self, finding: Finding) -> None:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
        for line in finding_lines(finding, width=width, paint=lambda text, is_good: self.paint(text, good=is_good)):
            self.stdout.write(line)


def _examine(capture: Capture | None, endpoint: str | None) -> Iterator[Finding]:
    yield from environment_findings(())
    for message in checks.run("always", "deploy", "database"):
        if message.id not in _TOLD_OTHERWISE:
            yield _finding(message)
    try:
        settings = get_settings()
    except ConfigurationError:  # which a check has told
        return
    yield _project(settings)
    for each in settings.each_endpoint:
        try:
            yield from _secrets(each.endpoint(), several=len(settings.each_endpoint) > 1)
        except ConfigurationError:
            continue
    yield from _inbox(settings)
    if capture is not None:
        yield from _diagnosis(capture, settings, endpoint)


def _finding(message: django_checks.CheckMessage) -> Finding:
    code = str(message.id).rpartition(".")[2]
    is_error = message.level >= django_checks.ERROR
    return Finding(
        code=code,
        verdict="fail" if is_error else "warn",
        what=printable(message.msg),
        todo=printable(message.hint or ""),
    )


def _project(settings: HookSettings) -> Finding:
    names = ", ".join(each.name for each in settings.each_endpoint)
    count = spell_count(sum(1 for _ in settings.hooks.handlers()), "handler")
    return Finding(code="app", verdict="ok", what=f"endpoints: {names}; PROCESSING {settings.processing!r}; {count}")


def _secrets(endpoint: Endpoint, *, several: bool) -> Iterator[Finding]:
    given: Any = endpoint.secrets
    if callable(given):
        what = "they come from a function, for each delivery its own"
        yield Finding(code="secrets", verdict="skipped", what=_of(endpoint, what, several=several))
        return
    for finding in secret_findings([secret.get_secret_value() for secret in given], None):
        what = _of(endpoint, finding.what, several=several)
        yield Finding(code=finding.code, verdict=finding.verdict, what=what, why=finding.why, todo=finding.todo)


def _of(endpoint: Endpoint, what: str, *, several: bool) -> str:
    return f"{endpoint.name}: {what}" if several else what


def _inbox(settings: HookSettings) -> Iterator[Finding]:
    if settings.processing == "inline":
        what = "there is none: the handlers run while the sender waits"
        yield Finding(code="inbox", verdict="skipped", what=what)
        return
    try:
        inbox = Receivers(settings).inbox
    except ConfigurationError:
        return
    yield from inbox_findings(inbox, where=f"the database {settings.database!r}", look=LOOK)


def _diagnosis(capture: Capture, settings: HookSettings, name: str | None) -> Iterator[Finding]:
    try:
        endpoint = Receivers(settings).get(name).endpoint
    except ConfigurationError as exc:
        yield Finding(code="capture", verdict="skipped", what=printable(str(exc)), todo="give --endpoint NAME")
        return
    given: Any = endpoint.secrets
    secrets = [] if callable(given) else [secret.get_secret_value() for secret in given]
    yield from diagnose(
        capture,
        Settings(
            secrets=secrets,
            app_secret=None,
            profile=endpoint.profile,
            tolerance=endpoint.tolerance,
            max_event_age=endpoint.max_event_age,
        ),
    )


def _capture(path: str) -> Capture:
    try:
        return read_capture(Path(path))
    except CaptureError as exc:
        msg = f"--capture: {printable(path[:200])} is no capture: {exc}"
        raise usage_error(msg) from exc
