"""``licensechain-hooks webhooks sync``: the events of a webhook become those that an application's handlers want."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import click

from licensechain_hooks import canonical_type
from licensechain_hooks.cli._api import api_options, check_id, checked_url, opened_client, same_url, spell_url
from licensechain_hooks.cli._event_types import EventTypes, app_types
from licensechain_hooks.cli._options import format_option
from licensechain_hooks.cli._output import echo, echo_json, note, printable
from licensechain_hooks.cli._secret_out import SecretSource, secret_options
from licensechain_hooks.cli._webhook_rows import show_difference
from licensechain_hooks.operations.words import spell_count

if TYPE_CHECKING:
    from licensechain_hooks.client import LicenseChainClient, Webhook

__all__ = ["Difference", "sync"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How the events of a webhook differ from those that are wanted.

    Two spellings of one type are no difference: whichever LicenseChain has, it keeps.

    Attributes:
        added, removed, kept: each as it is, or will be, at LicenseChain.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]

    @classmethod
    def between(cls, there: Iterable[str], wanted: Iterable[str]) -> Self:
        """The difference that leads from the events that are there to those that are wanted."""
        listed, wanted_types = list(dict.fromkeys(there)), set(wanted)
        kept = [name for name in listed if canonical_type(name) in wanted_types]
        return cls(
            added=tuple(sorted(wanted_types - {canonical_type(name) for name in kept})),
            removed=tuple(sorted(name for name in listed if canonical_type(name) not in wanted_types)),
            kept=tuple(kept),
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    @property
    def events(self) -> tuple[str, ...]:
        """What LicenseChain is to have."""
        return (*self.kept, *self.added)


@click.command("sync")
@click.option(
    "--app",
    required=True,
    metavar="MODULE:NAME",
    help="Where the handlers are: Hooks, a Receiver, a Worker, a Flask app, or Django's ASGI or WSGI application.",
)
@click.option("--url", metavar="URL", help="The webhook that delivers here; it is created where there is none.")
@click.option("--webhook", "webhook_id", metavar="ID", type=check_id, help="The webhook of this id.")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if there is a difference. For CI.")
@click.option("--dry-run", is_flag=True, help="Change nothing; show what would be changed.")
@secret_options
@api_options
@format_option("text", "json", "jsonl")
@click.pass_context
def sync(
    context: click.Context,
    /,
    *,
    app: str,
    url: str | None,
    webhook_id: str | None,
    check: bool,
    dry_run: bool,
    api_key_file: str | None,
    base_url: str | None,
    form: str,
    **secret: Any,
) -> None:
    """Make the events of a webhook equal to those that an application's handlers listen for.

    A wildcard of a handler stands for the types that this version knows, for LicenseChain has no wildcards. A fallback
    asks for nothing. Two spellings of one type are one. A second run changes nothing.
    """
    if (url is None) == (webhook_id is None):
        msg = "which webhook? --url, where it delivers to; or --webhook, its id"
        raise click.UsageError(msg)
    source = SecretSource.of(**secret)
    wanted = app_types(app)
    with opened_client(api_key_file, base_url) as client:
        webhook = client.webhooks.get(webhook_id) if webhook_id else _at(client, checked_url(url or ""))
        task = _Task(
            webhook=webhook,
            url=webhook.url if webhook else url or "",
            difference=Difference.between(webhook.events if webhook else (), wanted.types),
        )
        if check or dry_run:
            task.show(form, wanted, done="")
            context.exit(1 if check and task.is_needed else 0)
        done = task.perform(client, source)
    task.show(form, wanted, done=done)
    task.confirm()
    if done == "created" and source.out is not None:
        note(f"the signing secret is in {printable(source.out)}")


@dataclass(slots=True, kw_only=True)
class _Task:
    """What has to be done.

    Attributes:
        webhook: as it is at LicenseChain; ``None`` where there is none.
        url: where it delivers, or will.
        difference: see there.
    """

    webhook: "Webhook | None"
    url: str
    difference: Difference

    @property
    def is_needed(self) -> bool:
        return self.webhook is None or bool(self.difference)

    def perform(self, client: "LicenseChainClient", source: SecretSource) -> str:
        """Do it; the word for what was done, empty where nothing had to be."""
        if self.webhook is None:
            source.require(f"there is no webhook for {printable(spell_url(self.url))} yet. When one is created, ")
            self.webhook = source.create(client, url=self.url, events=self.difference.events)
            return "created"
        if not self.difference:
            return ""
        self.webhook = client.webhooks.update(self.webhook.id, events=self.difference.events)
        return "updated"

    def show(self, form: str, wanted: EventTypes, *, done: str) -> None:
        """Print the difference."""
        if form == "text":
            wanted.tell()
            echo(printable(self._summary(done)))
            show_difference(added=self.difference.added, removed=self.difference.removed)
        else:
            echo_json(self._facts(done), indent=2 if form == "json" else None)
        if self.webhook is not None and not self.webhook.active:
            note("the webhook is inactive: LicenseChain delivers nothing for it")

    def confirm(self) -> None:
        """See that LicenseChain took it.

        Raises:
            click.ClickException: it has other events than it was given.
        """
        left = Difference.between(
            self.webhook.events if self.webhook else (), map(canonical_type, self.difference.events)
        )
        if left:
            missing = f"lacks {', '.join(left.added)}" if left.added else f"still has {', '.join(left.removed)}"
            msg = f"LicenseChain answered as if all were well, but the webhook {missing}"
            raise click.ClickException(printable(msg))

    def _summary(self, done: str) -> str:
        kept = spell_count(len(self.difference.kept), "type")
        if self.webhook is None:
            return f"there is no webhook for {spell_url(self.url)}; it has to be created with:"
        which = f"webhook {self.webhook.id} for {spell_url(self.url)}"
        if done:
            return f"{done} {which}:" + (f" {kept} as before, and" if self.difference.kept else "")
        if not self.difference:
            return f"{which} has the {kept} that the handlers listen for, and no other"
        return f"{which} differs from what the handlers listen for:"

    def _facts(self, done: str) -> dict[str, Any]:
        return {
            "action": "sync",
            "webhook": None if self.webhook is None else self.webhook.id,
            "url": spell_url(self.url),
            "equal": not self.is_needed,
            "added": list(self.difference.added),
            "removed": list(self.difference.removed),
            "kept": list(self.difference.kept),
            "done": done or None,
        }


def _at(client: "LicenseChainClient", url: str) -> "Webhook | None":
    """The webhook that delivers to a URL.

    Raises:
        click.ClickException: there are several.
    """
    found = [webhook for webhook in client.webhooks.iter() if same_url(webhook.url, url)]
    if len(found) > 1:
        listed = ", ".join(webhook.id for webhook in found)
        msg = f"several webhooks deliver to {spell_url(url)}: {listed}; name one by --webhook, or delete the others"
        raise click.ClickException(printable(msg))
    return found[0] if found else None
