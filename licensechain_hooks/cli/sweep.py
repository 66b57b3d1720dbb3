"""``licensechain-hooks sweep``: what is due and was not run is enqueued, for engines without a scheduler."""

import click

from licensechain_hooks import ConfigurationError, Receiver, StoreUnavailableError
from licensechain_hooks.cli._app import app_option, load_app, reported
from licensechain_hooks.cli._options import format_option
from licensechain_hooks.cli._output import echo, echo_json, printable
from licensechain_hooks.operations.words import spell_count

__all__ = ["command"]


@click.command("sweep")
@app_option(required=True)
@format_option("text", "json")
def command(*, app: str, form: str) -> None:
    """Enqueue entries that are due and have not been run.

    For a receiver whose handlers a task queue runs. Run it every half a minute, or let the queue's own scheduler do it.
    """
    receiver = load_app(app)
    if not isinstance(receiver, Receiver):
        msg = f"--app: {app} is of the type {type(receiver).__name__}; what is needed is a Receiver"
        raise click.UsageError(msg)
    with reported():
        enqueued = _sweep(receiver)
    if form == "json":
        echo_json({"enqueued": enqueued})
    else:
        echo(f"{spell_count(enqueued, 'entry')} enqueued")


def _sweep(receiver: Receiver) -> int:
    try:
        return receiver.sweep()
    except (ConfigurationError, StoreUnavailableError):
        raise
    except Exception as exc:  # of the queue's, whichever it is
        msg = printable(f"the queue does not take entries: {type(exc).__name__}: {exc}")
        raise click.ClickException(msg) from exc
