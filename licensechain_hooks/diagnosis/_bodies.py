"""What can be wrong with a delivery besides its signature and its times: method, length, encoding, the event."""

from collections.abc import Iterator, Sequence

from licensechain_hooks import events
from licensechain_hooks._endpoint import Profile
from licensechain_hooks.diagnosis._finding import Finding
from licensechain_hooks.diagnosis.captures import Capture
from licensechain_hooks.diagnosis.dialects import Dialect
from licensechain_hooks.exceptions import PayloadError

__all__ = ["event_findings", "request_findings"]


def request_findings(capture: Capture) -> Iterator[Finding]:
    """The findings about the request as HTTP."""
    if capture.method != "POST":
        yield Finding(
            code="method",
            verdict="fail",
            what=f"it came by {capture.method[:20]}, not by POST",
            why="deliveries are POST requests; a redirect makes a GET of one",
            todo="register the URL that answers without a redirect (https, final slash)",
        )
    encoding = (capture.header("content-encoding") or "").strip().lower()
    if encoding not in {"", "identity"}:
        yield Finding(
            code="content-encoding",
            verdict="fail",
            what="its body is compressed",
            why="the signature is of the raw body; a receiver does not unpack what nobody has verified",
            todo="switch compression off at the sender or in the proxy",
        )
    declared = (capture.header("content-length") or "").strip()
    if declared.isdecimal() and declared.isascii() and int(declared[:18]) != capture.body_bytes:
        yield _length(int(declared[:18]), capture)


def _length(declared: int, capture: Capture) -> Finding:
    reason = (capture.outcome or {}).get("reason")
    if capture.body is None and reason == "too_large":
        return Finding(
            code="too-large",
            verdict="fail",
            what=f"its body of {declared} bytes is larger than the endpoint takes",
            todo="raise max_body of the endpoint, if such events are meant",
        )
    is_short = capture.body_bytes < declared
    return Finding(
        code="body-truncated" if is_short else "body-longer",
        verdict="fail",
        what=f"its body {'is cut off' if is_short else 'has grown'}: "
        f"Content-Length says {declared} bytes, {capture.body_bytes} are there",
        why="no signature holds for a part of a body" if is_short else "something has changed the body on the way",
        todo="look for a proxy or a time-out that breaks it off; of a file: copy it whole"
        if is_short
        else "give the receiver the body as it arrived",
    )


def event_findings(capture: Capture, profile: Profile, dialects: Sequence[Dialect]) -> Iterator[Finding]:
    """The findings about what the body says; without those that its dialect explains."""
    if capture.body is None:
        return
    try:
        events.parse_event(capture.body, lenient=profile == "compat")
    except PayloadError as error:
        refusal = error
    else:
        return
    if profile == "guide" and _is_lenient_event(capture.body):
        if not dialects or (dialects[0].type_key == "type" and dialects[0].has_id):
            yield Finding(
                code="event-compat",
                verdict="fail",
                what="its event is spelled as the profile compat takes it: event for type, or no id",
                why="the profile guide refuses it",
                todo='set profile="compat" on the endpoint',
            )
        return
    yield Finding(
        code="event-invalid",
        verdict="fail",
        what=f"its body is no event: {refusal.reason}: {refusal}",
        why="a receiver answers 400 to it, also where the signature holds",
        todo="let the sender send id, type, data and timestamp as the guide says",
    )


def _is_lenient_event(body: bytes) -> bool:
    try:
        events.parse_event(body, lenient=True)
    except PayloadError:
        return False
    return True
