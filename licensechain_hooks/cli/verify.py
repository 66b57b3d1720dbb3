"""``licensechain-hooks verify``: whether a captured delivery holds, and if not, what to look at."""

import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import click

from licensechain_hooks import (
    Endpoint,
    Event,
    HookRequest,
    LicenseChainHooksError,
    PayloadError,
    RequestError,
    VerificationError,
)
from licensechain_hooks._rfc3339 import parse_rfc3339
from licensechain_hooks.cli._options import STDIN, format_option, load_endpoint, profile_option, secret_file_option
from licensechain_hooks.cli._output import columns, echo, echo_json, paint, printable
from licensechain_hooks.diagnosis.captures import Capture, CaptureError, read_capture

__all__ = ["command"]

Verdict = Literal["holds", "fails", "not checked"]

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", re.DOTALL)  # RFC 9110, section 5.1
_HINTS = {
    "signature_missing": "give the header with --header 'X-Webhook-Signature: …'; "
    "X-LicenseChain-Signature counts with --profile compat",
    "signature_malformed": "the header is 64 hex digits, alone or after sha256=; was it cut off or base64-encoded?",
    "signature_conflict": "a proxy or the capture added a second one; give the one that was sent",
    "signature_mismatch": "either the secret is another webhook's or an older one, or the body is not byte for byte "
    "what was sent: JSON that was parsed and written again no longer verifies",
    "timestamp_missing": "give the header with --header 'X-Webhook-Timestamp: …'; --profile compat does without",
    "timestamp_malformed": "the guide says Unix seconds, such as 1767225600; other forms need --profile compat",
    "timestamp_conflict": "a proxy or the capture added a second one; give the one that was sent",
    "timestamp_outside_tolerance": "say with --at when an old capture arrived; for a new one compare the clocks",
    "event_too_old": "the event happened too long before; for an old capture say when it arrived with --at",
}
_BODY_FILE = click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True)
_LINE_END = "the body file ends with a line end that was not signed; remove it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing a receiver checks, in the order it does."""

    name: str
    verdict: Verdict
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the checks of one delivery came to."""

    checks: tuple[Check, ...]
    event: Event | None = None
    error: LicenseChainHooksError | None = None
    hint: str = ""

    @property
    def exit_code(self) -> int:
        """3 where signature or time do not hold, 1 where it would be refused for another reason."""
        if self.error is None:
            return 0
        return 3 if isinstance(self.error, VerificationError) else 1


@click.command("verify")
@secret_file_option
@click.option("--body-file", type=_BODY_FILE, help="The raw body as it arrived; - is stdin.")
@click.option("--header", "headers", metavar="'NAME: VALUE'", multiple=True, help="As it arrived.")
@click.option(
    "--capture", metavar="FILE", help="In place of body, headers and time: what `listen --capture … --raw` wrote."
)
@profile_option
@click.option("--at", metavar="TIME", help="When it arrived (RFC 3339, as in 2026-01-31T12:00:00Z). By default now.")
@format_option("text", "json", "jsonl")
@click.pass_context
def command(
    context: click.Context,
    *,
    secret_file: str | None,
    body_file: str | None,
    headers: Sequence[str],
    capture: str | None,
    profile: Any,
    at: str | None,
    form: str,
) -> None:
    """Check the signature and the time of a captured delivery.

    Exits with 0 when it verifies, with 3 when signature or time do not hold, with 1 when a receiver would refuse it
    although they do.
    """
    if secret_file == STDIN and body_file == STDIN:
        msg = "the secret and the body cannot both come from stdin"
        raise click.UsageError(msg)
    if capture is not None:
        if body_file is not None or headers:
            msg = "--capture stands in place of --body-file and --header"
            raise click.UsageError(msg)
        captured = _captured(capture)
        now = captured.received_at.timestamp() if at is None and captured.received_at else _time(at)
        endpoint = load_endpoint(secret_file, profile=profile, clock=lambda: now)
        findings = _examine(endpoint, captured.request())
    else:
        if body_file is None or not headers:
            msg = "which delivery? give --body-file FILE and --header 'NAME: VALUE', or --capture FILE"
            raise click.UsageError(msg)
        now = _time(at)
        endpoint = load_endpoint(secret_file, profile=profile, clock=lambda: now)
        request_headers = [_header(text) for text in headers]
        with click.open_file(body_file, "rb") as body:
            findings = _examine(endpoint, HookRequest(body.read, request_headers))
    if form == "text":
        _show(findings)
    else:
        echo_json(_facts(findings, now), indent=2 if form == "json" else None)
    context.exit(findings.exit_code)


def _captured(path: str) -> Capture:
    try:
        captured = read_capture(Path(path))
    except CaptureError as exc:
        msg = f"--capture: {printable(path[:200])} is no capture: {exc}"
        raise click.UsageError(msg) from exc
    if captured.scrubbed or captured.body is None:
        lacks = "it is scrubbed" if captured.scrubbed else "the receiver refused it unread, so its body is not known"
        msg = f"--capture: {lacks}, so there is no signature to check; licensechain-hooks doctor tells what was found"
        raise click.UsageError(msg)
    return captured


def _examine(endpoint: Endpoint, request: HookRequest) -> Findings:
    try:
        event = endpoint.open_request(request)
    except LicenseChainHooksError as error:
        return Findings(checks=_checks(error), error=error, hint=_hint(error, endpoint, request))
    return Findings(checks=_checks(None), event=event)


def _checks(error: LicenseChainHooksError | None) -> tuple[Check, ...]:
    names = ("request", "signature", "timestamp", "event", "age")
    failed = len(names) if error is None else names.index(_stage(error))
    verdicts: list[Verdict] = [
        "holds" if number < failed else "fails" if number == failed else "not checked" for number in range(len(names))
    ]
    checks = [Check(name=name, verdict=verdict) for name, verdict in zip(names, verdicts, strict=True)]
    if error is not None:
        checks[failed] = replace(checks[failed], detail=f"{error.reason}: {error}")
    return tuple(checks)


def _stage(error: LicenseChainHooksError) -> str:
    if isinstance(error, RequestError):
        return "request"
    if isinstance(error, PayloadError):
        return "event"
    return "age" if error.reason == "event_too_old" else error.reason.partition("_")[0]


def _hint(error: LicenseChainHooksError, endpoint: Endpoint, request: HookRequest) -> str:
    body = request.raw_body
    shorter = body.rstrip(b"\r\n")
    if error.reason == "signature_mismatch" and shorter != body and _is_signed(endpoint, request, shorter):
        return _LINE_END
    return _HINTS.get(error.reason, "")


def _is_signed(endpoint: Endpoint, request: HookRequest, body: bytes) -> bool:
    try:
        endpoint.open(request.headers, body)
    except LicenseChainHooksError as error:
        return error.reason != "signature_mismatch"
    return True


def _header(text: str) -> tuple[str, str]:
    found = _HEADER.fullmatch(text)
    if found is None:
        msg = "--header: a header is 'NAME: VALUE', such as 'X-Webhook-Timestamp: 1767225600'"
        raise click.UsageError(msg)
    return found[1], found[2]


def _time(text: str | None) -> float:
    if text is None:
        return time.time()
    try:
        return parse_rfc3339(text).astimezone(UTC).timestamp()
    except (ValueError, OverflowError) as exc:
        msg = f"--at: {text!r} is no time with an offset, such as 2026-01-31T12:00:00Z"
        raise click.UsageError(msg) from exc


def _show(findings: Findings) -> None:
    for line, check in zip(
        columns([check.name, check.verdict, check.detail] for check in findings.checks), findings.checks, strict=True
    ):
        text = printable(line)
        echo(text if check.verdict == "not checked" else paint(text, good=check.verdict == "holds"))
    if findings.hint:
        echo(f"look at: {findings.hint}")
    if findings.event is not None:
        echo(f"verified: {findings.event.type} {findings.event.id} of {findings.event.raw_timestamp}")


def _facts(findings: Findings, now: float) -> dict[str, Any]:
    error, event = findings.error, findings.event
    return {
        "ok": error is None,
        "checked_at": datetime.fromtimestamp(now, UTC).isoformat(),
        "reason": None if error is None else error.reason,
        "hint": findings.hint or None,
        "checks": [asdict(check) for check in findings.checks],
        "event": None if event is None else {"type": event.type, "id": event.id, "timestamp": event.raw_timestamp},
    }
