"""Options that several commands share."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from licensechain_hooks import ConfigurationError, Endpoint
from licensechain_hooks._endpoint import secrets_from_env, secrets_from_file
from licensechain_hooks.cli._output import note

__all__ = [
    "DEFAULT_PATH",
    "STDIN",
    "allow_remote_option",
    "format_option",
    "load_endpoint",
    "load_secrets",
    "profile_option",
    "secret_file_option",
]

_F = TypeVar("_F", bound=Callable[..., Any])

DEFAULT_PATH = "/webhooks/licensechain"
STDIN = "-"


def format_option(*formats: str) -> Callable[[_F], _F]:
    """``--format``, whose first is the default."""
    return click.option(
        "--format", "form", type=click.Choice(formats), default=formats[0], show_default=True, help="How results look."
    )


secret_file_option = click.option(
    "--secret-file",
    metavar="FILE",
    help="Signing secrets, one on each line, newest first; - is stdin. By default those of "
    "LICENSECHAIN_WEBHOOK_SECRET or LICENSECHAIN_WEBHOOK_SECRET_FILE.",
)
profile_option = click.option(
    "--profile",
    type=click.Choice(["guide", "compat"]),
    default="guide",
    show_default=True,
    help="guide: what LicenseChain's guide says; compat: also the headers and keys of its own SDKs.",
)
allow_remote_option = click.option("--allow-remote", is_flag=True, help="Allow other hosts than this machine.")


def load_secrets(secret_file: str | None) -> list[str]:
    """The signing secrets, newest first: of a file, of stdin, or of the environment.

    Raises:
        click.UsageError: there is none that could be used; says what to do.
    """
    try:
        secrets = _read_secrets(secret_file)
        Endpoint(secrets=secrets)
    except ConfigurationError as exc:
        hint = "" if secret_file else "; or use --secret-file FILE (- is stdin)"
        msg = f"{exc}{hint}"
        raise click.UsageError(msg) from exc
    return secrets


def load_endpoint(secret_file: str | None, **settings: Any) -> Endpoint:
    """The endpoint of the given secrets; see `load_secrets`."""
    return Endpoint(secrets=load_secrets(secret_file), **settings)


def _read_secrets(secret_file: str | None) -> list[str]:
    if secret_file is None:
        return secrets_from_env()
    return _secrets_from_stdin() if secret_file == STDIN else secrets_from_file(Path(secret_file))


def _secrets_from_stdin() -> list[str]:
    if sys.stdin is None:
        msg = "there is no stdin to read the signing secrets from"
        raise ConfigurationError(msg)
    if sys.stdin.isatty():
        note("type the signing secrets, one on each line, and end with Ctrl-D")
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        msg = f"cannot read the signing secrets from stdin: {exc.__class__.__name__}"
        raise ConfigurationError(msg) from exc
    secrets = [line.strip() for line in text.splitlines() if line.strip()]
    if not secrets:
        msg = "stdin holds no signing secret; put one on each line, newest first"
        raise ConfigurationError(msg)
    return secrets
