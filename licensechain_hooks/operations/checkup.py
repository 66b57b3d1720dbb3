"""What a doctor looks at on this machine: what is installed, the application, the secrets, the inbox."""

import platform
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from licensechain_hooks import ConfigurationError, Endpoint, Receiver, StoreUnavailableError
from licensechain_hooks._stores import Inbox
from licensechain_hooks.diagnosis.findings import Finding
from licensechain_hooks.operations.status import InboxStatus
from licensechain_hooks.operations.words import printable

__all__ = ["app_findings", "environment_findings", "inbox_findings", "is_installed", "secret_findings"]

_FRAMEWORKS = ("django", "flask", "starlette", "fastapi")
_EXTRAS = {"sql": ("sqlalchemy",), "client": ("httpx2", "stamina"), "emulator": ("fastapi", "httpx2", "uvicorn")}
_SHORTEST = 16  # characters of a secret that nobody guesses
_OVERDUE = timedelta(minutes=15)


def environment_findings(needed: Sequence[str]) -> Iterator[Finding]:
    """What is installed.

    Args:
        needed: the extras that the other checks need.
    """
    try:
        number = version("licensechain-hooks")
    except PackageNotFoundError:
        number = "(not installed)"
    extras = {name: is_installed(name) if name in needed else all(map(_is_there, _EXTRAS[name])) for name in _EXTRAS}
    there = [name for name in _FRAMEWORKS if _is_there(name)]
    missing = [name for name in needed if not extras[name]]
    installed = [*there, *(name for name, is_there in extras.items() if is_there)]
    what = f"licensechain-hooks {number}, Python {platform.python_version()}; extras: {', '.join(installed) or 'none'}"
    if missing:
        names = ",".join(missing)
        todo = f"pip install 'licensechain-hooks[{names}]'"
        yield Finding(code="environment", verdict="fail", what=f"{what}; missing: {', '.join(missing)}", todo=todo)
    elif not there:
        todo = "pip install 'licensechain-hooks[django]' (or flask, starlette, fastapi), where the endpoint runs"
        yield Finding(code="environment", verdict="warn", what=f"{what}; no framework", todo=todo)
    else:
        yield Finding(code="environment", verdict="ok", what=what)


def is_installed(extra: str) -> bool:
    """Whether everything of an extra can be imported."""
    try:
        for module in _EXTRAS[extra]:
            import_module(module)
    except ImportError:
        return False
    return True


def app_findings(receiver: Receiver) -> Iterator[Finding]:
    """What the application has set up."""
    endpoint = receiver.endpoint
    count = sum(1 for _ in receiver.hooks.handlers())
    mode = "inline mode" if receiver.inbox is None else "durable mode"
    what = f"a receiver in {mode}, profile {endpoint.profile}, handlers: {count}"
    todo = "" if count else "import the module that registers the handlers, or pass its Hooks to the Receiver"
    yield Finding(code="app", verdict="ok" if count else "warn", what=what, todo=todo)


def secret_findings(secrets: Sequence[str], app_secret: str | None) -> Iterator[Finding]:
    """What is to be said of the signing secrets; never their text."""
    troubles = [
        finding
        for position, secret in enumerate(secrets)
        if (finding := _trouble(secret, _label(position, len(secrets)), app_secret)) is not None
    ]
    yield from troubles
    if len(set(secrets)) < len(secrets):
        todo = "remove the copies; after a rotation the newest comes first"
        yield Finding(code="secrets", verdict="warn", what="a secret is in the list twice", todo=todo)
    elif not troubles and len(secrets) == 1:
        yield Finding(code="secrets", verdict="ok", what="one signing secret")
    elif not troubles:
        what = f"{len(secrets)} signing secrets: a rotation is going on"
        todo = "once deliveries are signed with the newest, remove the others"
        yield Finding(code="secrets", verdict="ok", what=what, todo=todo)


def inbox_findings(inbox: Inbox, *, where: str, look: str) -> Iterator[Finding]:
    """Whether an inbox answers, and nothing waits in it for somebody to look.

    Args:
        inbox: which.
        where: that, in words.
        look: where to look at dead letters.
    """
    try:
        status = InboxStatus.of(inbox.stats(), max_age=_OVERDUE, look=look)
    except (ConfigurationError, StoreUnavailableError) as exc:
        todo = "check the address, the network and the database server"
        yield Finding(code="inbox", verdict="fail", what=printable(f"{where}: {exc}"), todo=todo)
        return
    yield Finding(code="inbox", verdict="ok", what=f"{where}: reachable, its tables are current, {status.due} due")
    for found in status.findings:
        yield Finding(code="inbox", verdict="warn", what=found, todo=look)


def _trouble(secret: str, label: str, app_secret: str | None) -> Finding | None:
    try:
        Endpoint(secrets=[secret])
    except ConfigurationError as exc:
        todo = "copy the signing secret of your webhook; it is shown when the webhook is created"
        return Finding(code="secrets", verdict="fail", what=f"{label}: {exc}", todo=todo)
    if secret != secret.strip("'\""):
        todo = "remove the quotes, unless they are a part of it"
        return Finding(code="secrets", verdict="warn", what=f"{label} has quotes around it", todo=todo)
    if app_secret is not None and secret == app_secret:
        todo = "give the webhook a secret of its own"
        return Finding(code="secrets", verdict="warn", what=f"{label} is the app secret", todo=todo)
    if len(secret) < _SHORTEST:
        todo = f"use one of {_SHORTEST} characters and more, made by a generator"
        return Finding(code="secrets", verdict="warn", what=f"{label} is short: {len(secret)} characters", todo=todo)
    return None


def _label(position: int, count: int) -> str:
    return "the secret" if count == 1 else f"secret {position + 1} of {count}"


def _is_there(module: str) -> bool:
    try:
        return module in sys.modules or find_spec(module) is not None
    except (ImportError, ValueError):
        return False
