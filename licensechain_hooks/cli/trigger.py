"""``licensechain-hooks trigger``: sign an event and deliver it."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from licensechain_hooks import Event, PayloadError, UnknownEvent, closest_event_type
from licensechain_hooks.cli._options import allow_remote_option, format_option, load_secrets, secret_file_option
from licensechain_hooks.cli._output import echo, echo_json, note, paint, printable
from licensechain_hooks.cli._target import Answer, Target, parse_target, post
from licensechain_hooks.testing import Tamper, make_delivery, make_event

__all__ = ["command"]

_TYPE = re.compile(r"(?=.{1,100}\Z)[a-z0-9_]+(\.[a-z0-9_]+)+")
_ID = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """A delivery that was sent."""

    event: Event
    answer: Answer
    tamper: Tamper | None

    @property
    def expected(self) -> str:
        """The status it should be answered with."""
        return "2xx" if self.tamper is None else "401"

    @property
    def is_good(self) -> bool:
        """Whether it was."""
        status = self.answer.status or 0
        return 200 <= status < 300 if self.tamper is None else status == 401


@click.command("trigger")
@click.argument("event_type", metavar="EVENT")
@click.option("--to", "url", metavar="URL", required=True, help="Where to deliver.")
@secret_file_option
@click.option("--data", metavar="KEY=VALUE", multiple=True, help="A field of the event's data; JSON, else text.")
@click.option("--id", "event_id", metavar="ID", help="The event's id. By default a new one.")
@click.option("--duplicate", type=click.IntRange(0, 1000), default=0, metavar="N", help="Deliver it N more times.")
@click.option("--tamper", type=click.Choice(["body", "signature", "timestamp"]), help="Deliver it with a fault.")
@allow_remote_option
@format_option("text", "json", "jsonl")
@click.pass_context
def command(
    context: click.Context,
    *,
    event_type: str,
    url: str,
    secret_file: str | None,
    data: Sequence[str],
    event_id: str | None,
    duplicate: int,
    tamper: Tamper | None,
    allow_remote: bool,
    form: str,
) -> None:
    """Sign an event and deliver it to a URL.

    EVENT is an event type such as license.revoked. Sent as LicenseChain would: one POST, no redirect, five seconds.
    The first secret signs. Exits with 1 unless every answer is a 2xx, or a 401 where something was tampered with.
    """
    target = parse_target(url, allow_remote=allow_remote)
    event = _make_event(event_type, event_id, data)
    secret = load_secrets(secret_file)[0]
    _note_oddities(event)
    sent = []
    for attempted in _deliver(event, target, secret, tamper=tamper, times=1 + duplicate):
        sent.append(attempted)
        _show(attempted, form)
    is_good = all(attempted.is_good for attempted in sent)
    if form == "json":
        echo_json({"url": url, "ok": is_good, "deliveries": [_facts(attempted) for attempted in sent]}, indent=2)
    if sent[-1].answer.error:
        raise click.ClickException(printable(sent[-1].answer.error))
    context.exit(0 if is_good else 1)


def _deliver(event: Event, target: Target, secret: str, *, tamper: Tamper | None, times: int) -> Iterator[Attempted]:
    """Deliver ``times`` times, each signed anew; no more once there is no answer."""
    for _ in range(times):
        delivery = make_delivery(event, secret, tamper=tamper)
        answer = post(target, delivery.body, delivery.headers)
        yield Attempted(event=event, answer=answer, tamper=tamper)
        if answer.status is None:
            return


def _make_event(event_type: str, event_id: str | None, data: Sequence[str]) -> Event:
    if _TYPE.fullmatch(event_type) is None:
        msg = f"{event_type!r} is no event type: at most 100 characters of a-z, 0-9, _ and dots, like license.revoked"
        raise click.UsageError(msg)
    if event_id is not None and _ID.fullmatch(event_id) is None:
        msg = "--id: an event's id is 1 to 255 characters of printable ASCII, without spaces"
        raise click.UsageError(msg)
    try:
        return make_event(event_type, event_id=event_id, data=dict(map(_field, data)))
    except PayloadError as exc:
        msg = f"--data: no event can look like this: {printable(exc.detail)}"
        raise click.UsageError(msg) from exc
    except UnicodeEncodeError as exc:
        msg = "--data: a value is not valid text"
        raise click.UsageError(msg) from exc


def _field(pair: str) -> tuple[str, Any]:
    key, equals, text = pair.partition("=")
    if not key or not equals:
        msg = f"--data: {pair!r} is not KEY=VALUE"
        raise click.UsageError(msg)
    try:
        return key, json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return key, text
    except RecursionError as exc:
        msg = f"--data: the value of {key!r} is nested too deeply"
        raise click.UsageError(msg) from exc


def _refuse_constant(name: str) -> None:
    """NaN and Infinity are not JSON (RFC 8259, section 6)."""
    raise ValueError(name)


def _note_oddities(event: Event) -> None:
    if event.is_known and isinstance(event, UnknownEvent):
        note(f"note: a receiver gets this as an UnknownEvent: {printable(event.validation_error or '')}")
    if event.is_known:
        return
    close = closest_event_type(event.raw_type)
    hint = f"; did you mean {close}?" if close else ""
    note(f"note: {event.raw_type} is no event type this version knows{hint}")


def _show(attempted: Attempted, form: str) -> None:
    answer = attempted.answer
    if form == "jsonl":
        echo_json(_facts(attempted))
    if form == "text" and answer.status is not None:
        name = paint(f"{answer.outcome or '-':<11}", good=attempted.is_good)
        verdict = "as expected" if attempted.is_good else f"expected {attempted.expected}"
        event = attempted.event
        echo(f"{name}  {answer.status}  {answer.milliseconds:7.1f} ms  {event.raw_type}  {event.id}  {verdict}")


def _facts(attempted: Attempted) -> dict[str, Any]:
    answer = attempted.answer
    return {
        "type": attempted.event.raw_type,
        "id": attempted.event.id,
        "tamper": attempted.tamper,
        "status": answer.status,
        "outcome": answer.outcome or None,
        "ms": round(answer.milliseconds, 3),
        "error": answer.error or None,
        "expected": attempted.expected,
        "ok": attempted.is_good,
    }
