"""What ``--app module:receiver`` names in a project, and ``--inbox URL`` anywhere."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from licensechain_hooks import ConfigurationError, Receiver, StoreUnavailableError
from licensechain_hooks._stores import Inbox
from licensechain_hooks.cli._output import printable

if TYPE_CHECKING:
    from licensechain_hooks.inbox.sql import SqlInbox
    from licensechain_hooks.worker import Worker

__all__ = [
    "app_option",
    "find_inbox",
    "find_worker",
    "load_app",
    "open_inbox",
    "open_url",
    "reported",
    "spell_inbox",
]

_F = TypeVar("_F", bound=Callable[..., Any])

_SPEC = re.compile(r"(?P<module>\w+(\.\w+)*):(?P<attribute>\w+(\.\w+)*)")
_SQLITE_FILE = re.compile(r"sqlite(\+\w+)?:///(?P<path>(?!:memory:|file:)[^?]+)(\?.*)?")


def app_option(*, required: bool) -> Callable[[_F], _F]:
    """``--app``."""
    help_ = "A Receiver of your project, or its Flask app; found from the current folder."
    return click.option("--app", metavar="MODULE:NAME", required=required, help=help_)


def load_app(spec: str) -> Any:
    """The object that ``module:name`` names; modules of the current folder come first, as under uvicorn.

    Of a Flask app it is the receiver of its extension.

    Raises:
        click.UsageError: there is no such module, or nothing of that name in it.
        click.ClickException: the module cannot be imported because of its settings.
    """
    found = _SPEC.fullmatch(spec)
    if found is None:
        msg = f"--app: {spec!r} is not module:name, such as shop.webhooks:receiver"
        raise click.UsageError(msg)
    thing = _import(found["module"])
    for name in found["attribute"].split("."):
        try:
            thing = getattr(thing, name)
        except AttributeError as exc:
            msg = f"--app: {spec}: there is no {name!r}{_close_to(name, thing)}"
            raise click.UsageError(msg) from exc
    extensions = getattr(thing, "extensions", None)  # of a Flask app
    return extensions.get("licensechain_hooks", thing) if isinstance(extensions, dict) else thing


def find_inbox(thing: Any, spec: str) -> Inbox:
    """The inbox of a `Receiver`, of a `Worker`, or ``thing`` itself if it is one.

    Raises:
        click.UsageError: it has none, or is something else.
    """
    if isinstance(thing, Receiver):
        return _inbox_of(thing, spec)
    inbox: Inbox = getattr(thing, "inbox", thing)
    if not all(callable(getattr(inbox, name, None)) for name in ("claim_many", "entries", "stats")):
        msg = f"--app: {spec} is of the type {type(thing).__name__}; what is needed is a Receiver, a Worker or an inbox"
        raise click.UsageError(msg)
    return inbox


def find_worker(thing: Any, spec: str) -> "Worker":
    """The worker of a `Receiver`, or ``thing`` itself if it is one.

    Raises:
        click.UsageError: it has none, or is something else.
    """
    from licensechain_hooks.worker import Worker  # noqa: PLC0415

    if isinstance(thing, Worker):
        return thing
    if not isinstance(thing, Receiver):
        msg = f"--app: {spec} is of the type {type(thing).__name__}; what is needed is a Receiver or a Worker"
        raise click.UsageError(msg)
    _inbox_of(thing, spec)
    return thing.worker


def spell_inbox(inbox: Any) -> str:
    """What to call an inbox: where it is, without a password."""
    engine = getattr(inbox, "engine", None)
    return type(inbox).__name__ if engine is None else printable(engine.url.render_as_string())


@contextmanager
def open_inbox(url: str | None, app: str | None, *, create: bool = False) -> Iterator[Inbox]:
    """The inbox that ``--app`` or ``--inbox`` means, until the block ends.

    Args:
        url: a database URL.
        app: instead, ``module:name``.
        create: whether a SQLite file may be created.

    Raises:
        click.UsageError: neither is given, or it leads nowhere.
        click.ClickException: what the URL needs is not installed.
    """
    if app is not None:
        yield find_inbox(load_app(app), app)
        return
    if not url:
        msg = "which inbox? --inbox URL (or LICENSECHAIN_INBOX_URL), such as sqlite:///inbox.db; or --app module:name"
        raise click.UsageError(msg)
    with open_url(url, create=create) as inbox:
        yield inbox


@contextmanager
def open_url(url: str, *, create: bool) -> Iterator["SqlInbox"]:
    """The inbox in a database; see `open_inbox`."""
    if not create:
        _check_file(url)
    inbox = _sql_inbox(url)
    try:
        yield inbox
    finally:
        inbox.close()


def _inbox_of(receiver: Receiver, spec: str) -> Inbox:
    if receiver.inbox is None:
        msg = (
            f"--app: {spec} has no inbox: it runs its handlers while the sender waits; "
            "with Receiver(…, inbox=SqlInbox(…)) it has one"
        )
        raise click.UsageError(msg)
    return receiver.inbox


@contextmanager
def reported() -> Iterator[None]:
    """Tell what goes wrong with a store in one line."""
    try:
        yield
    except (ConfigurationError, StoreUnavailableError) as exc:
        raise click.ClickException(printable(str(exc))) from exc


def _sql_inbox(url: str) -> "SqlInbox":
    try:
        from licensechain_hooks.inbox.sql import SqlInbox  # noqa: PLC0415 - SQLAlchemy is slow to import, and an extra
    except ImportError as exc:
        raise click.ClickException(str(exc)) from exc
    try:
        return SqlInbox(url)
    except ConfigurationError as exc:
        msg = f"--inbox: {printable(str(exc))}"
        raise click.UsageError(msg) from exc
    except ValueError as exc:  # its text may be a part of a password
        msg = "--inbox: no database URL looks like this; is there a character in the password that has to be %-encoded?"
        raise click.UsageError(msg) from exc


def _check_file(url: str) -> None:
    """A mistyped name shall not become an empty inbox."""
    found = _SQLITE_FILE.fullmatch(url)
    if found is not None and not Path(found["path"]).exists():
        msg = f"--inbox: there is no file {found['path']}; `licensechain-hooks inbox migrate` creates it"
        raise click.UsageError(printable(msg))


def _import(module: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return import_module(module)
    except ModuleNotFoundError as exc:
        if exc.name is None or not f"{module}.".startswith(f"{exc.name}."):
            raise  # what the module itself misses: its traceback says where
        msg = f"--app: there is no module {exc.name!r} in {here} nor among what is installed"
        raise click.UsageError(printable(msg)) from exc
    except ConfigurationError as exc:
        msg = f"{module}: {printable(str(exc))}"
        raise click.ClickException(msg) from exc


def _close_to(name: str, thing: Any) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for what is a mistake

    close = get_close_matches(name, [known for known in dir(thing) if not known.startswith("_")], n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
