"""What is wrong with a captured delivery: the dialect it speaks, or the one change that would make it hold.

Never on the path of a request: what is tried here knows every way in which something must not be accepted.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from licensechain_hooks._endpoint import Profile
from licensechain_hooks.diagnosis._bodies import event_findings, request_findings
from licensechain_hooks.diagnosis._finding import Finding, Verdict
from licensechain_hooks.diagnosis._shapes import dialects_of
from licensechain_hooks.diagnosis._signatures import SIGNATURE_HEADERS, Signature, signatures_in
from licensechain_hooks.diagnosis._times import time_findings
from licensechain_hooks.diagnosis._trials import Match, find_match
from licensechain_hooks.diagnosis._words import DIGESTS, MESSAGES
from licensechain_hooks.diagnosis.captures import Capture
from licensechain_hooks.diagnosis.dialects import Dialect

__all__ = ["Finding", "Settings", "Verdict", "diagnose", "recorded_findings"]

_TAKES_NOT = "no profile takes it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the endpoint accepts, and what it is looked at with.

    Attributes:
        secrets: the webhook's signing secrets, newest first.
        app_secret: the application's secret, if somebody knows it.
        profile: see `Endpoint`; so are the others.
    """

    secrets: Sequence[str]
    app_secret: str | None = None
    profile: Profile = "guide"
    tolerance: timedelta = timedelta(seconds=300)
    max_event_age: timedelta | None = timedelta(days=30)


def diagnose(capture: Capture, settings: Settings) -> tuple[Finding, ...]:
    """What there is to say about a delivery, the most telling first.

    Of a scrubbed one: what was found when it was captured.
    """
    if capture.scrubbed:
        return recorded_findings(capture)
    fields = _parsed(capture.body)
    found = tuple(signatures_in(capture, fields))
    request = tuple(request_findings(capture))
    match = None
    if capture.body is not None:
        match = find_match(capture, fields, found, settings.secrets, settings.app_secret)
    dialects: tuple[Dialect, ...] = ()
    if match is None:
        signature = tuple(_unmatched(capture, found, settings, is_whole=not request))
    else:
        dialects, differences = dialects_of(match, capture, fields)
        signature = (
            *_dialect_findings(dialects, differences, settings.profile),
            *_match_findings(match),
            *_conflict(found),
        )
    times = time_findings(
        capture,
        fields,
        profile=settings.profile,
        tolerance=settings.tolerance,
        max_event_age=settings.max_event_age,
        is_without_header=bool(dialects) and dialects[0].timestamp_header is None,
    )
    return (*signature, *request, *times, *event_findings(capture, settings.profile, dialects))


def recorded_findings(capture: Capture) -> tuple[Finding, ...]:
    """What was found when a scrubbed delivery was captured, and that nobody can look again."""
    note = Finding(
        code="scrubbed",
        verdict="skipped",
        what="the capture is scrubbed: these findings are of the moment it was made, with the secrets of that moment",
        why="without the bytes that arrived no signature can be checked",
        todo="capture with `licensechain-hooks listen --capture DIR --raw` to let it be looked at again",
    )
    recorded = []
    for facts in capture.findings:
        try:
            recorded.append(Finding.from_facts(facts))
        except ValueError:
            recorded.append(Finding(code="unreadable", verdict="fail", what="a finding in the capture is damaged"))
    if not recorded:
        recorded.append(Finding(code="unknown", verdict="fail", what="the capture holds no findings"))
    return (*recorded, note)


def _parsed(body: bytes | None) -> Any:
    try:
        return None if body is None else json.loads(body)
    except (ValueError, RecursionError):
        return None


def _dialect_findings(dialects: Sequence[Dialect], differences: Sequence[str], profile: Profile) -> Iterator[Finding]:
    if not dialects:
        what = "none of LicenseChain's dialects is signed like this"
        yield Finding(code="dialect", verdict="fail", what=what, why=_TAKES_NOT)
        return
    names = tuple(dialect.name for dialect in dialects)
    sources = ", or ".join(dialect.source for dialect in dialects)
    but = f", but {', '.join(differences)}" if differences else ""
    accepted_by = dialects[0].accepted_by
    verdict: Verdict = "ok"
    why, todo = "", ""
    if not accepted_by:
        verdict, why = "fail", _TAKES_NOT
    elif profile not in accepted_by:
        verdict = "fail"
        why, todo = "the profile guide does not take it, compat does", 'set profile="compat" on the endpoint'
    yield Finding(
        code="dialect",
        verdict=verdict,
        what=f"dialect {' or '.join(names)}: {sources}{but}",
        why=why,
        todo=todo,
        dialects=names,
    )


def _match_findings(match: Match) -> Iterator[Finding]:
    message = match.messages[0]
    if message.code:
        what, why, todo = (text.format(words=message.words) for text in MESSAGES[message.code])
        yield Finding(code=message.code, verdict="fail", what=what, why=why, todo=todo)
    if match.digest in DIGESTS:
        what, why, todo = DIGESTS[match.digest]
        yield Finding(code=match.digest, verdict="fail", what=what, why=why, todo=todo)
    yield from _key_findings(match)
    yield from _spelling_findings(match.signature, is_cut=match.is_cut)


def _key_findings(match: Match) -> Iterator[Finding]:
    key = match.key
    if match.digest == "plain-sha256":
        return
    if key.mishap:
        yield Finding(
            code="secret-mangled",
            verdict="fail",
            what=f"it is signed with {key.label}, but with {key.mishap}",
            why="the sender's copy and this one differ, and each signs differently",
            todo="copy the secret again on both sides, with nothing around it; the guide takes its UTF-8 text as key",
        )
    if key.position is None:
        yield Finding(
            code="app-secret",
            verdict="fail",
            what="it is signed with the app secret",
            why="the application's secret is not the webhook's: who knows it could sign for every webhook",
            todo="let the sender sign with the secret of this webhook",
        )
    elif key.position > 0:
        yield Finding(
            code="older-secret",
            verdict="warn",
            what=f"it is signed with {key.label} (newest first), not with the newest",
            why="endpoints take all of them, but the rotation is not over",
            todo="set the newest secret at the sender, and remove the older ones afterwards",
        )
    elif not key.mishap:
        yield Finding(code="secret", verdict="ok", what=f"it is signed with {key.label}")


def _spelling_findings(signature: Signature, *, is_cut: bool) -> Iterator[Finding]:
    if signature.place and not signature.is_in_place:
        yield Finding(
            code="header-name",
            verdict="fail",
            what=f"the signature stands in the header {signature.place}",
            why="receivers look into X-Webhook-Signature, and with profile compat into X-LicenseChain-Signature",
            todo="let the sender use that name; or did a proxy rename it?",
        )
    if len(signature.prefixes) > 1:
        yield _spelled("prefix-doubled", "sha256= stands before the signature more than once")
    elif signature.prefixes and signature.prefixes[0] != "sha256=":
        yield _spelled("prefix-spelled", "what stands before the signature is not exactly sha256= in lower case")
    if signature.is_base64:
        yield _spelled("signature-base64", "the signature is written in base64")
    if signature.is_quoted:
        yield _spelled("signature-quoted", "quotes stand around the signature")
    if is_cut:
        yield _spelled("signature-cut", f"the signature is cut off after {len(signature.digits)} digits")


def _spelled(code: str, what: str) -> Finding:
    return Finding(
        code=code,
        verdict="fail",
        what=what,
        why="a signature is 64 hex digits, alone or after exactly one sha256=",
        todo="let the sender write it so",
    )


def _conflict(found: Sequence[Signature]) -> Iterator[Finding]:
    if len({signature.digits for signature in found if signature.is_in_place}) > 1:
        yield Finding(
            code="signature-conflict",
            verdict="fail",
            what="it has several signature headers, which differ",
            why="a receiver does not choose between them",
            todo="send one; or did a proxy add the other?",
        )


def _unmatched(
    capture: Capture, found: Sequence[Signature], settings: Settings, *, is_whole: bool
) -> Iterator[Finding]:
    if capture.body is None:
        yield Finding(
            code="body-unknown",
            verdict="skipped",
            what="the signature was not looked at: the receiver refused it before it had read the body",
            todo="see the reason it was refused for",
        )
    elif not settings.secrets and not settings.app_secret:
        yield Finding(
            code="no-secret",
            verdict="skipped",
            what="the signature was not looked at: there is no secret to check it with",
            todo="give one with --secret-file FILE or LICENSECHAIN_WEBHOOK_SECRET",
        )
    elif not any(signature.is_meant for signature in found):
        yield _no_signature(capture)
    elif is_whole:
        count = len(settings.secrets)
        yield Finding(
            code="wrong-secret",
            verdict="fail",
            what=f"wrong secret: {'this secret did not sign it' if count == 1 else f'none of the {count} signed it'}",
            why="no dialect of LicenseChain and no single change to body, secret or signature makes it hold",
            todo="copy the secret of this very webhook; if it is right, the body was changed in more than one way",
        )


def _no_signature(capture: Capture) -> Finding:
    sent = [name for name in SIGNATURE_HEADERS if capture.header(name)]
    if sent:
        return Finding(
            code="signature-malformed",
            verdict="fail",
            what=f"the header {sent[0]} holds no signature",
            why="a signature is 64 hex digits, alone or after exactly one sha256=",
            todo="let the sender write it so",
        )
    return Finding(
        code="signature-missing",
        verdict="fail",
        what="it has no signature",
        why="there is none in X-Webhook-Signature, in X-LicenseChain-Signature, in another header or in the body",
        todo="set a secret for the webhook at the sender; or does a proxy remove headers it does not know?",
    )
