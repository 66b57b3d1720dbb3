"""``licensechain-hooks webhooks``: what LicenseChain delivers where, and what became of it."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import click

from licensechain_hooks.cli._api import api_options, checked_url, opened_client, spell_url, webhook_argument
from licensechain_hooks.cli._changes import Question
from licensechain_hooks.cli._event_types import events_options, given_types
from licensechain_hooks.cli._options import format_option
from licensechain_hooks.cli._output import echo, echo_json, note, printable
from licensechain_hooks.cli._secret_out import SecretSource, secret_options
from licensechain_hooks.cli._sync import sync
from licensechain_hooks.cli._webhook_rows import (
    delivery_state,
    log_facts,
    show_logs,
    show_webhook,
    show_webhooks,
    webhook_facts,
)

__all__ = ["command"]

_PAGE = 100  # the most that LicenseChain gives at once

_formats = format_option("text", "json", "jsonl")


@click.group("webhooks", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """See and change what LicenseChain delivers where.

    All goes through its management API. The API key comes from --api-key-file or LICENSECHAIN_API_KEY. No secret is
    ever printed.
    """


command.add_command(sync)


@command.command("list")
@api_options
@click.option("--limit", type=click.IntRange(1), help="At most so many. By default all.")
@_formats
def list_(*, api_key_file: str | None, base_url: str | None, limit: int | None, form: str) -> None:
    """List webhooks."""
    with opened_client(api_key_file, base_url) as client:
        found = client.webhooks.iter(limit=min(limit or _PAGE, _PAGE))
        listed = []
        for webhook in islice(found, limit):
            listed.append(webhook)
            if form == "jsonl":
                echo_json(webhook_facts(webhook))
    if form == "json":
        echo_json([webhook_facts(webhook) for webhook in listed], indent=2)
    elif form == "text" and listed:
        show_webhooks(listed)
    if not listed:
        note("there is no webhook; licensechain-hooks webhooks create makes one")


@command.command("show")
@webhook_argument
@api_options
@_formats
def show(*, webhook_id: str, api_key_file: str | None, base_url: str | None, form: str) -> None:
    """Show one webhook."""
    with opened_client(api_key_file, base_url) as client:
        show_webhook(client.webhooks.get(webhook_id), form)


@command.command("create")
@api_options
@click.option("--url", required=True, metavar="URL", help="Where to deliver.")
@events_options
@secret_options
@_formats
def create(
    *,
    api_key_file: str | None,
    base_url: str | None,
    url: str,
    events: Sequence[str],
    app: str | None,
    form: str,
    **secret: Any,
) -> None:
    """Create a webhook.

    Its signing secret is one of yours (--secret-file), or LicenseChain makes one, which it tells only now: it is
    written to --secret-out, a new file that only you can read, and shown nowhere.
    """
    source = SecretSource.of(**secret)
    source.require("")
    checked_url(url)
    types = given_types(events, app)
    if types is None:
        msg = "which events? --events license.created,license.revoked; or --app module:hooks for those it listens for"
        raise click.UsageError(msg)
    types.tell()
    with opened_client(api_key_file, base_url) as client:
        webhook = source.create(client, url=url, events=types.types)
    show_webhook(webhook, form, secret_file=source.out)
    if source.out is not None:
        note(
            f"the signing secret is in {printable(source.out)}: LICENSECHAIN_WEBHOOK_SECRET_FILE names it to a receiver"
        )


@command.command("update")
@webhook_argument
@api_options
@click.option("--url", metavar="URL", help="Where to deliver.")
@events_options
@_formats
def update(
    *,
    webhook_id: str,
    api_key_file: str | None,
    base_url: str | None,
    url: str | None,
    events: Sequence[str],
    app: str | None,
    form: str,
) -> None:
    """Change the URL of a webhook, its events, or both. Its signing secret stays."""
    types = given_types(events, app)
    if url is None and types is None:
        msg = "what is to change? --url, --events, or --app"
        raise click.UsageError(msg)
    if url is not None:
        checked_url(url)
    if types is not None:
        types.tell()
    with opened_client(api_key_file, base_url) as client:
        wanted = None if types is None else types.types
        show_webhook(client.webhooks.update(webhook_id, url=url, events=wanted), form)


@command.command("delete")
@webhook_argument
@api_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@_formats
@click.pass_context
def delete(
    context: click.Context, /, *, webhook_id: str, api_key_file: str | None, base_url: str | None, yes: bool, form: str
) -> None:
    """Delete a webhook: LicenseChain delivers nothing to its URL any more."""
    question = Question(yes=yes)
    with opened_client(api_key_file, base_url) as client:
        if not yes:
            webhook = client.webhooks.get(webhook_id)
            what = f"Webhook {webhook.id} will be deleted, and nothing delivered to {spell_url(webhook.url)} for it."
            if not question.allows(printable(what)):
                context.exit(1)
        client.webhooks.delete(webhook_id)
    if form == "text":
        echo(f"deleted {printable(webhook_id)}")
    else:
        echo_json({"action": "delete", "id": webhook_id})


@command.command("test")
@webhook_argument
@api_options
@_formats
def test(*, webhook_id: str, api_key_file: str | None, base_url: str | None, form: str) -> None:
    """Have LicenseChain deliver a sample event."""
    with opened_client(api_key_file, base_url) as client:
        client.webhooks.test(webhook_id)
    if form == "text":
        echo(f"asked LicenseChain to deliver a sample event to webhook {printable(webhook_id)}")
    else:
        echo_json({"action": "test", "id": webhook_id})
    note(f"what came of it: licensechain-hooks webhooks logs {printable(webhook_id)}")


@command.command("logs")
@webhook_argument
@api_options
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--failed", is_flag=True, help="Those of deliveries that failed; the newest are looked through.")
@_formats
def logs(
    *, webhook_id: str, api_key_file: str | None, base_url: str | None, limit: int, failed: bool, form: str
) -> None:
    """List what became of deliveries, as LicenseChain logs them, newest first."""
    with opened_client(api_key_file, base_url) as client:
        found = client.webhooks.iter_logs(webhook_id, limit=_PAGE if failed else min(limit, _PAGE))
        wanted = (log for log in found if not failed or delivery_state(log) == "failed")
        listed = []
        for log in islice(wanted, limit):
            listed.append(log)
            if form == "jsonl":
                echo_json(log_facts(log))
    if form == "json":
        echo_json([log_facts(log) for log in listed], indent=2)
    elif form == "text" and listed:
        show_logs(listed)
    if not listed:
        note("no delivery has failed" if failed else "nothing was delivered yet; webhooks test delivers a sample event")
