"""``licensechain-hooks trigger``: sign an event and deliver it."""

import re
from collections.abc import Sequence

import click

from licensechain_hooks import Event
from licensechain_hooks.cli._options import allow_remote_option, format_option, load_secrets, secret_file_option
from licensechain_hooks.cli._output import echo, echo_json, note, paint, printable
from licensechain_hooks.cli._target import parse_target
from licensechain_hooks.operations.deliveries import Attempted, WishError, deliver, event_of_wish, oddity
from licensechain_hooks.testing import Tamper

__all__ = ["command"]

_TYPE = re.compile(r"(?=.{1,100}\Z)[a-z0-9_]+(\.[a-z0-9_]+)+")
_ID = re.compile(r"[!-~]{1,255}")


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
    event = _event(event_type, event_id, data)
    secret = load_secrets(secret_file)[0]
    if odd := oddity(event):
        note(f"note: {odd}")
    sent = []
    for attempted in deliver(event, target, secret, tamper=tamper, times=1 + duplicate):
        sent.append(attempted)
        _show(attempted, form)
    is_good = all(attempted.is_good for attempted in sent)
    if form == "json":
        echo_json({"url": url, "ok": is_good, "deliveries": [attempted.facts() for attempted in sent]}, indent=2)
    if sent[-1].answer.error:
        raise click.ClickException(printable(sent[-1].answer.error))
    context.exit(0 if is_good else 1)


def _event(event_type: str, event_id: str | None, data: Sequence[str]) -> Event:
    try:
        return event_of_wish(event_type, event_id, data)
    except WishError as exc:
        raise click.UsageError(str(exc)) from exc


def _show(attempted: Attempted, form: str) -> None:
    answer = attempted.answer
    if form == "jsonl":
        echo_json(attempted.facts())
    if form == "text" and answer.status is not None:
        name = paint(f"{answer.outcome or '-':<11}", good=attempted.is_good)
        event = attempted.event
        echo(
            f"{name}  {answer.status}  {answer.milliseconds:7.1f} ms  {event.raw_type}  {event.id}  {attempted.verdict}"
        )
