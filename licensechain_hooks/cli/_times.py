"""Moments and durations, as options take them."""

from datetime import datetime, timedelta

import click

from licensechain_hooks.operations.times import parse_duration, parse_moment

__all__ = ["duration", "moment"]


def duration(text: str) -> timedelta:
    """The duration a text such as ``15m`` means; for an option's ``type``.

    Raises:
        click.BadParameter: it means none.
    """
    try:
        return parse_duration(text)
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from exc


def moment(text: str) -> datetime:
    """The moment a time with its offset means, or a duration (ago), in UTC; for an option's ``type``.

    Raises:
        click.BadParameter: it means none.
    """
    try:
        return parse_moment(text)
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from exc
