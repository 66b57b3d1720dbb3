"""``licensechain-hooks doctor``: what is wrong with an endpoint, its surroundings or a delivery, and what to do."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from licensechain_hooks import ConfigurationError, Receiver
from licensechain_hooks._endpoint import secrets_from_env, secrets_from_file
from licensechain_hooks.cli._api import api_options, check_id, checked_url, opened_client
from licensechain_hooks.cli._app import app_option, load_app
from licensechain_hooks.cli._options import STDIN, format_option, load_secrets, secret_file_option
from licensechain_hooks.cli._output import echo, echo_json, paint, printable
from licensechain_hooks.cli._service_checks import clock_finding, find_webhook, webhook_findings
from licensechain_hooks.cli._settings_checks import inbox_findings, inbox_url_findings
from licensechain_hooks.diagnosis.captures import Capture, CaptureError, read_capture
from licensechain_hooks.diagnosis.findings import Finding, Settings, diagnose
from licensechain_hooks.operations.checkup import app_findings, environment_findings, is_installed, secret_findings
from licensechain_hooks.operations.reports import count_of, finding_facts, finding_lines, report_facts, summary

__all__ = ["command"]

_FINDINGS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is looked at."""

    receiver: Receiver | None
    settings: Settings
    secret_trouble: Finding | None
    capture: Capture | None
    inbox_url: str | None
    url: str | None
    webhook_id: str | None
    api_key_file: str | None
    base_url: str | None

    @property
    def has_key(self) -> bool:
        """Whether the API can be asked."""
        return self.api_key_file is not None or bool(os.environ.get("LICENSECHAIN_API_KEY"))

    @property
    def needed(self) -> list[str]:
        """The extras that the checks need."""
        asks_api = self.has_key or self.url is not None or self.webhook_id is not None
        return ["client"] * asks_api + ["sql"] * (self.inbox_url is not None)


@click.command("doctor")
@app_option(required=False)
@secret_file_option
@click.option("--app-secret-file", metavar="FILE", help="The application's secret, with which some SDKs sign.")
@click.option("--capture", "capture_file", metavar="FILE", help="A delivery captured by `listen --capture`.")
@click.option("--url", metavar="URL", help="The URL of the endpoint, as it is registered at LicenseChain.")
@click.option("--webhook", "webhook_id", metavar="ID", type=check_id, help="The webhook; by default the one of --url.")
@click.option("--inbox", "inbox_url", metavar="URL", help="The database of the inbox; else LICENSECHAIN_INBOX_URL.")
@click.option(
    "--profile", type=click.Choice(["guide", "compat"]), help="Of the endpoint. By default that of --app, else guide."
)
@api_options
@format_option("text", "json", "jsonl")
@click.pass_context
def command(
    context: click.Context,
    *,
    app: str | None,
    secret_file: str | None,
    app_secret_file: str | None,
    capture_file: str | None,
    url: str | None,
    webhook_id: str | None,
    inbox_url: str | None,
    profile: Any,
    api_key_file: str | None,
    base_url: str | None,
    form: str,
) -> None:
    """Find out what is wrong with a setup or a delivery, and what to do.

    What cannot be looked at is said to be skipped. With --url or --webhook LicenseChain is asked for a test delivery.
    Exits with 4 when something has to be done, else with 0.
    """
    receiver = None if app is None else _receiver(app)
    secrets, trouble = _secrets(secret_file, receiver)
    settings = Settings(secrets=secrets, app_secret=_app_secret(app_secret_file), profile=profile or "guide")
    if receiver is not None:
        endpoint = receiver.endpoint
        settings = replace(
            settings,
            profile=profile or endpoint.profile,
            tolerance=endpoint.tolerance,
            max_event_age=endpoint.max_event_age,
        )
    patient = Patient(
        receiver=receiver,
        settings=settings,
        secret_trouble=trouble,
        capture=None if capture_file is None else _capture(capture_file),
        inbox_url=inbox_url or os.environ.get("LICENSECHAIN_INBOX_URL") or None,
        url=None if url is None else checked_url(url),
        webhook_id=webhook_id,
        api_key_file=api_key_file,
        base_url=base_url,
    )
    found = []
    for finding in _examine(patient):
        found.append(finding)
        _tell(finding, form)
    _sum_up(found, form)
    context.exit(_FINDINGS if count_of(found) else 0)


def _examine(patient: Patient) -> Iterator[Finding]:
    yield from environment_findings(patient.needed)
    if patient.receiver is not None:
        yield from app_findings(patient.receiver)
    if patient.secret_trouble is not None:
        yield patient.secret_trouble
    yield from (
        secret_findings(patient.settings.secrets, patient.settings.app_secret) if patient.settings.secrets else ()
    )
    yield from _inbox(patient)
    yield from _service(patient)
    if patient.capture is not None:
        yield from diagnose(patient.capture, patient.settings)
    else:
        yield _skipped(
            "capture", "no delivery was looked at", "capture one with `listen --capture`, give --capture FILE"
        )


def _inbox(patient: Patient) -> Iterator[Finding]:
    if patient.inbox_url is not None:
        yield from inbox_url_findings(patient.inbox_url)
    elif patient.receiver is not None and patient.receiver.inbox is not None:
        yield from inbox_findings(patient.receiver.inbox)
    elif patient.receiver is not None:
        yield _skipped("inbox", "the receiver has no inbox: it runs its handlers while the sender waits", "")
    else:
        yield _skipped("inbox", "no inbox was looked at", "give --inbox URL, LICENSECHAIN_INBOX_URL or --app")


def _service(patient: Patient) -> Iterator[Finding]:
    lacks_client = patient.has_key and not is_installed("client")
    if not patient.has_key or lacks_client:
        why = "the extra client is missing" if lacks_client else ""
        todo = "see environment" if lacks_client else "set LICENSECHAIN_API_KEY or give --api-key-file FILE"
        yield replace(_skipped("clock", "the clock was not compared with the API's", todo), why=why)
        yield replace(_skipped("webhook", "the webhook and its deliveries were not looked at", todo), why=why)
        return
    try:
        with opened_client(patient.api_key_file, patient.base_url) as client:
            yield clock_finding(client, patient.settings.tolerance)
            if patient.url is None and patient.webhook_id is None:
                yield _skipped("webhook", "the webhook and its deliveries were not looked at", "give --url URL")
                return
            webhook = find_webhook(client, patient.url, patient.webhook_id)
            if isinstance(webhook, Finding):
                yield webhook
                return
            wanted = () if patient.receiver is None else patient.receiver.hooks.event_types()
            yield from webhook_findings(client, webhook, url=patient.url, wanted=wanted)
    except click.UsageError:
        raise
    except click.ClickException as exc:
        todo = "check the API key, --base-url and the network"
        yield Finding(code="api", verdict="fail", what=exc.message, todo=todo)


def _receiver(spec: str) -> Receiver:
    thing = load_app(spec)
    if not isinstance(thing, Receiver):
        msg = f"--app: {spec} is of the type {type(thing).__name__}; what is needed is a Receiver or a Flask app"
        raise click.UsageError(msg)
    return thing


def _secrets(secret_file: str | None, receiver: Receiver | None) -> tuple[list[str], Finding | None]:
    """The signing secrets as they are set up; where there are none, what is to be said about that."""
    if secret_file == STDIN:
        return load_secrets(secret_file), None
    if secret_file is not None:
        try:
            return secrets_from_file(Path(secret_file)), None
        except (ConfigurationError, ValueError) as exc:
            msg = f"--secret-file: {printable(str(exc))}"
            raise click.UsageError(msg) from exc
    if receiver is not None:
        given: Any = receiver.endpoint.secrets  # checked: a function, or SecretStr
        if callable(given):
            what = "the receiver's secrets come from a function, for each delivery its own"
            return [], _skipped("secrets", what, "give those of one tenant with --secret-file FILE")
        return [secret.get_secret_value() for secret in given], None
    try:
        return secrets_from_env(), None
    except ConfigurationError as exc:
        todo = "set LICENSECHAIN_WEBHOOK_SECRET, or give --secret-file FILE or --app MODULE:NAME"
        return [], Finding(code="secrets", verdict="fail", what=printable(str(exc)), todo=todo)


def _app_secret(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        found = secrets_from_file(Path(path))
    except (ConfigurationError, ValueError) as exc:
        msg = f"--app-secret-file: {printable(str(exc))}"
        raise click.UsageError(msg) from exc
    if len(found) > 1:
        msg = "--app-secret-file: an application has one secret; the file holds several lines"
        raise click.UsageError(msg)
    return found[0]


def _capture(path: str) -> Capture:
    try:
        return read_capture(Path(path))
    except CaptureError as exc:
        msg = f"--capture: {printable(path[:200])} is no capture: {exc}"
        raise click.UsageError(msg) from exc


def _skipped(code: str, what: str, todo: str) -> Finding:
    return Finding(code=code, verdict="skipped", what=what, todo=todo)


def _tell(finding: Finding, form: str) -> None:
    if form == "jsonl":
        echo_json(finding_facts(finding))
    elif form == "text":
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
        for line in finding_lines(finding, width=width, paint=lambda text, is_good: paint(text, good=is_good)):
            echo(line)


def _sum_up(found: Sequence[Finding], form: str) -> None:
    if form == "json":
        echo_json(report_facts(found), indent=2)
    elif form == "text":
        echo(paint(summary(found), good=not count_of(found)))
