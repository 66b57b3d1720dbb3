"""LicenseChain's management API, as commands reach it: which, with which key; errors are told in one sentence."""

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import click

from licensechain_hooks import ConfigurationError
from licensechain_hooks.cli._output import printable

if TYPE_CHECKING:
    from licensechain_hooks.client import LicenseChainClient

__all__ = ["api_options", "check_id", "checked_url", "opened_client", "same_url", "spell_url", "webhook_argument"]

_F = TypeVar("_F", bound=Callable[..., Any])

_PORTS = {"http": 80, "https": 443}


def api_options(function: _F) -> _F:
    """``--api-key-file`` and ``--base-url``, whose values go to `opened_client`."""
    key = click.option(
        "--api-key-file", metavar="FILE", help="A file that holds the API key. By default LICENSECHAIN_API_KEY."
    )
    url = click.option(
        "--base-url",
        metavar="URL",
        help="Of the management API, such as an emulator's. By default LICENSECHAIN_BASE_URL, else LicenseChain's own.",
    )
    return key(url(function))


def check_id(webhook_id: str) -> str:
    """The id of a webhook; for an option's ``type``.

    Raises:
        click.BadParameter: no webhook has this one.
    """
    if re.fullmatch(r"[!-~]{1,255}", webhook_id) is None or webhook_id in {".", ".."}:
        msg = f"{printable(webhook_id)!r} is no id; webhooks list shows them"
        raise click.BadParameter(msg)
    return webhook_id


webhook_argument = click.argument("webhook_id", metavar="ID", type=check_id)


@contextmanager
def opened_client(api_key_file: str | None, base_url: str | None) -> Iterator["LicenseChainClient"]:
    """A client until the block ends; what goes wrong in it is told in one sentence.

    Raises:
        click.UsageError: there is no API key, or a setting or an id that cannot be used.
        click.ClickException: the API refused, or could not be reached; or the client is not installed.
    """
    try:
        from licensechain_hooks.client import (  # noqa: PLC0415 - slow, and an extra
            AuthenticationError,
            ClientError,
            LicenseChainClient,
        )
    except ImportError as exc:
        raise click.ClickException(str(exc)) from exc
    if api_key_file is None and not os.environ.get("LICENSECHAIN_API_KEY"):
        msg = "no API key: set LICENSECHAIN_API_KEY, or use --api-key-file FILE"
        raise click.UsageError(msg)
    key = None if api_key_file is None else _read_key(api_key_file)
    logging.getLogger("stamina").setLevel(logging.ERROR)  # that a call is made again is nobody's business here
    try:
        client = LicenseChainClient(key, base_url=base_url)
    except ConfigurationError as exc:
        raise click.UsageError(printable(str(exc))) from exc
    try:
        with client:
            yield client
    except ClientError as exc:
        hint = "; is this the API key for it?" if isinstance(exc, AuthenticationError) else ""
        raise click.ClickException(printable(f"{exc}{hint}")) from exc


def checked_url(url: str) -> str:
    """A URL that LicenseChain can deliver to.

    Raises:
        click.UsageError: it is none.
    """
    problem = _problem_of(url)
    if problem:
        msg = f"--url: {problem}; it looks like https://shop.example/webhooks/licensechain"
        raise click.UsageError(msg)
    return url


def same_url(one: str, other: str) -> bool:
    """Whether two URLs are one address: the case of the host and a port that goes without saying do not count."""
    return one == other or _normal(one) == _normal(other)


def spell_url(url: str) -> str:
    """A URL as it is shown: without the credentials that somebody may have put into it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    credentials, found, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"***@{host}")) if found and credentials else url


def _normal(url: str) -> tuple[Any, ...]:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return (url,)
    return parts.scheme, parts.hostname, port, parts.path or "/", parts.query


def _problem_of(url: str) -> str:
    if re.fullmatch(r"[!-~]+", url) is None:
        return "a URL is printable ASCII without spaces"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        return str(exc)
    if parts.scheme not in _PORTS:
        return "the URL must begin with https:// (or http:// on this machine)"
    if not parts.hostname or port == 0:
        return "the URL names no host and port that can be reached"
    return "the URL holds credentials, which would end up in logs" if "@" in parts.netloc else ""


def _read_key(path: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as exc:
        msg = f"--api-key-file: cannot read {printable(path)}: {type(exc).__name__}"
        raise click.UsageError(msg) from exc
    if len(lines) != 1:
        found = "more than one word" if lines else "nothing"
        msg = f"--api-key-file: {printable(path)} holds {found}; it has to hold the API key and nothing else"
        raise click.UsageError(msg)
    return lines[0]
