"""Where the signing secret of a new webhook comes from, and where one that LicenseChain makes is kept."""

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

from licensechain_hooks.cli._options import load_secrets
from licensechain_hooks.cli._output import printable

if TYPE_CHECKING:
    from licensechain_hooks.client import LicenseChainClient, Webhook

__all__ = ["SecretFile", "SecretSource", "secret_options"]

_F = TypeVar("_F", bound=Callable[..., Any])

_RESERVED = 4096  # bytes: longer than any secret


def secret_options(function: _F) -> _F:
    """``--secret-file``, ``--secret-out`` and ``--force``, which make a `SecretSource`."""
    options = (
        click.option(
            "--secret-file",
            metavar="FILE",
            help="A signing secret of your own, for a webhook that is created; of several lines the first. - is stdin.",
        ),
        click.option(
            "--secret-out",
            metavar="FILE",
            help="Where to write the signing secret that LicenseChain makes, for you alone. It is shown nowhere.",
        ),
        click.option("--force", is_flag=True, help="Let --secret-out replace a file."),
    )
    for option in reversed(options):
        function = option(function)
    return function


class SecretFile:
    """A context manager: a file with room for a secret, made before the secret is.

    It goes with the block, unless a secret was kept in it.

    Args:
        path: it must not exist.
        force: it may, and is replaced once there is a secret.
    """

    def __init__(self, path: Path, *, force: bool) -> None:
        self._path = path
        self._force = force
        self._made = path
        self._descriptor = -1
        self._is_kept = False

    def __enter__(self) -> Self:
        """Make it.

        Raises:
            click.UsageError: it is there already, or cannot be made.
        """
        if self._force and self._path.is_dir():
            msg = f"--secret-out: {printable(str(self._path))} is a folder"
            raise click.UsageError(msg)
        try:
            self._open()
            os.write(self._descriptor, b"\n" * _RESERVED)  # a full disk is noticed now
            os.fsync(self._descriptor)
        except FileExistsError as exc:
            msg = f"--secret-out: {printable(str(self._path))} exists; --force replaces it"
            raise click.UsageError(msg) from exc
        except OSError as exc:
            self._drop()
            msg = f"--secret-out: cannot write {printable(str(self._path))}: {exc.strerror or type(exc).__name__}"
            raise click.UsageError(msg) from exc
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it, if it was of no use."""
        if not self._is_kept:
            self._drop()

    def keep(self, secret: str) -> None:
        """Write the secret, and a line end.

        Raises:
            OSError: it could not be written.
        """
        data = f"{secret}\n".encode()
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, data)
        os.ftruncate(self._descriptor, len(data))
        os.fsync(self._descriptor)
        self._is_kept = True
        os.close(self._descriptor)
        if self._made != self._path:
            try:
                self._made.replace(self._path)
            except OSError as exc:
                msg = f"{printable(str(self._path))} cannot be replaced; the secret is in {printable(str(self._made))}"
                raise click.ClickException(msg) from exc

    def _open(self) -> None:
        if self._force:
            folder, name = self._path.parent, self._path.name
            self._descriptor, made = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
            self._made = Path(made)
        else:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def _drop(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            with suppress(OSError):
                self._made.unlink()


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSource:
    """What the options say about the signing secret of a new webhook.

    Attributes:
        own: the secret to give it; ``None``: LicenseChain makes one.
        out: where to write that.
        force: whether ``out`` may be replaced.
    """

    own: str | None = field(repr=False)
    out: str | None
    force: bool

    @classmethod
    def of(cls, *, secret_file: str | None, secret_out: str | None, force: bool) -> Self:
        """Of the options of `secret_options`.

        Raises:
            click.UsageError: they contradict each other, or the file holds no secret.
        """
        if secret_file is not None and secret_out is not None:
            msg = "--secret-file brings a secret of yours, --secret-out keeps one that LicenseChain makes: give one"
            raise click.UsageError(msg)
        own = None if secret_file is None else load_secrets(secret_file)[0]
        return cls(own=own, out=secret_out, force=force)

    def require(self, why: str) -> None:
        """Insist on a place for the secret.

        Raises:
            click.UsageError: there is none; begins with ``why``.
        """
        if self.own is None and self.out is None:
            msg = (
                f"{why}the signing secret is told once and shown nowhere: --secret-out FILE keeps the one that "
                "LicenseChain makes; --secret-file FILE gives it one of yours"
            )
            raise click.UsageError(msg)

    def create(self, client: "LicenseChainClient", *, url: str, events: Sequence[str]) -> "Webhook":
        """Create a webhook, and keep its secret.

        Raises:
            click.UsageError: there is no place for the secret; then nothing was created.
            click.ClickException: there is a webhook now whose secret is not known, or there may be.
        """
        if self.own is not None or self.out is None:
            return _create(client, url=url, events=events, secret=self.own)
        with SecretFile(Path(self.out), force=self.force) as kept:
            webhook = _create(client, url=url, events=events, secret=None)
            again = f"delete it (licensechain-hooks webhooks delete {printable(webhook.id)}) and create it again"
            if webhook.secret is None:
                msg = f"webhook {printable(webhook.id)} was created, but the answer did not tell its secret; {again}"
                raise click.ClickException(msg)
            try:
                kept.keep(webhook.secret.get_secret_value())
            except OSError as exc:
                msg = f"webhook {printable(webhook.id)} was created, but its secret could not be written; {again}"
                raise click.ClickException(msg) from exc
        return webhook


def _create(client: "LicenseChainClient", *, url: str, events: Sequence[str], secret: str | None) -> "Webhook":
    from licensechain_hooks.client import ConnectionFailedError  # noqa: PLC0415 - slow to import

    try:
        return client.webhooks.create(url=url, events=list(events), secret=secret)
    except ConnectionFailedError as exc:
        msg = f"{exc}; if the request arrived, there is a webhook now: see licensechain-hooks webhooks list"
        raise click.ClickException(printable(msg)) from exc
