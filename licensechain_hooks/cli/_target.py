"""Where deliveries are sent, as an option says it."""

import click

from licensechain_hooks.operations.sending import Target, TargetError
from licensechain_hooks.operations.sending import parse_target as parse

__all__ = ["parse_target"]


def parse_target(url: str, *, allow_remote: bool, name: str = "--to") -> Target:
    """Take the URL of an option or argument apart.

    Raises:
        click.UsageError: it cannot be delivered to, or not without ``--allow-remote``.
    """
    try:
        return parse(url, allow_remote=allow_remote, name=name)
    except TargetError as exc:
        raise click.UsageError(str(exc)) from exc
