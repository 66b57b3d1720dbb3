"""The settings: one dict, ``LICENSECHAIN_HOOKS``, and the receiver that is built from it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Literal

from django.conf import settings
from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS
from django.utils.module_loading import import_string

from licensechain_hooks import (
    ConfigurationError,
    Endpoint,
    Event,
    HookRequest,
    Hooks,
    Outcome,
    Receiver,
    WorkerSettings,
    default_hooks,
)
from licensechain_hooks.contrib.django._hooks import DjangoHooks
from licensechain_hooks.contrib.django._host import call_from_anywhere, run_in_thread
from licensechain_hooks.contrib.django.inbox import DjangoInbox

__all__ = ["HookSettings", "get_receiver", "get_settings", "receiver_or_stand_in"]

_SETTING = "LICENSECHAIN_HOOKS"
_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Endpoint)}
_ENDPOINT_KEYS = ("NAME", "PROFILE", "TOLERANCE", "MAX_EVENT_AGE", "MAX_BODY", "READ_TIMEOUT")
_TYPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "SECRETS": (
        "a list, a string or a callable",
        lambda value: isinstance(value, list | tuple | str) or callable(value),
    ),
    "NAME": ("a string", lambda value: isinstance(value, str)),
    "PROFILE": ("a string", lambda value: isinstance(value, str)),
    "TOLERANCE": ("a timedelta", lambda value: isinstance(value, timedelta)),
    "MAX_EVENT_AGE": ("a timedelta or None", lambda value: isinstance(value, timedelta | None)),
    "MAX_BODY": ("an int", lambda value: isinstance(value, int)),
    "READ_TIMEOUT": ("a timedelta", lambda value: isinstance(value, timedelta)),
    "HOOKS": ("Hooks or the dotted path of one", lambda value: isinstance(value, Hooks)),
    "ON_OUTCOME": ("a callable or the dotted path of one", callable),
    "PROCESSING": ("'thread', 'worker' or 'inline'", lambda value: value in ("thread", "worker", "inline")),
    "DATABASE": ("the alias of a database", lambda value: isinstance(value, str)),
    "RETENTION": ("a timedelta or None", lambda value: isinstance(value, timedelta | None)),
    "PAYLOAD_RETENTION": ("a timedelta or None", lambda value: isinstance(value, timedelta | None)),
    "ORDERING_KEY": (
        "'license', a callable or the dotted path of one, or None",
        lambda value: value in (None, "license") or callable(value),
    ),
    "REDACT": ("a callable or the dotted path of one, or None", lambda value: value is None or callable(value)),
    "WORKER": ("a dict or WorkerSettings", lambda value: isinstance(value, WorkerSettings)),
}
_KEYS = tuple(_TYPES)
_IMPORTED = {"HOOKS", "ON_OUTCOME", "ORDERING_KEY", "REDACT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """What ``LICENSECHAIN_HOOKS`` says; its keys are these names in capitals.

    Attributes:
        secrets: the signing secrets: a list, newest first; a comma list; a callable (see `Endpoint`), which may use the
            ORM; or the dotted path of one. Without it the environment, see `Endpoint.from_env`.
        name: see `Endpoint`, as for ``profile``, ``tolerance``, ``max_event_age`` and ``max_body``.
        read_timeout: see `Endpoint`. Django reads a body before it calls a view, so this is for ``get_receiver().asgi``
            mounted beside Django's own application.
        hooks: the handlers, or the dotted path of them; by default those registered by the module-level ``on``.
        on_outcome: see `Receiver`; a callable or the dotted path of one.
        processing: who runs the handlers. ``"thread"``: a delivery is stored in the database, and a thread of this
            process runs its handlers. ``"worker"``: it is stored, and ``manage.py licensechain_worker`` runs them.
            ``"inline"``: nothing is stored; the handlers run while the sender waits, and what follows has no meaning.
        database: the alias of the database; see `DjangoInbox`, as for ``retention`` and ``payload_retention``.
        ordering_key: see `Receiver`, as for ``redact``; callables or the dotted paths of some.
        worker: `WorkerSettings`, or a dict of them such as ``{"concurrency": 4}``.
    """

    secrets: Any = None
    name: str = _DEFAULTS["name"]
    profile: str = _DEFAULTS["profile"]
    tolerance: timedelta = _DEFAULTS["tolerance"]
    max_event_age: timedelta | None = _DEFAULTS["max_event_age"]
    max_body: int = _DEFAULTS["max_body"]
    read_timeout: timedelta = _DEFAULTS["read_timeout"]
    hooks: Hooks = default_hooks
    on_outcome: Callable[[Outcome, HookRequest, float], object] | None = None
    processing: Literal["thread", "worker", "inline"] = "thread"
    database: str = DEFAULT_DB_ALIAS
    retention: timedelta | None = timedelta(days=35)
    payload_retention: timedelta | None = timedelta(days=30)
    ordering_key: Literal["license"] | Callable[[Event], str | None] | None = None
    redact: Callable[[bytes], bytes] | None = None
    worker: WorkerSettings = field(default_factory=WorkerSettings)

    def endpoint(self) -> Endpoint:
        """The endpoint.

        Raises:
            ConfigurationError: says which setting and why.
        """
        options = {key.lower(): getattr(self, key.lower()) for key in _ENDPOINT_KEYS}
        try:
            if self.secrets is None:
                return Endpoint.from_env(**options)
            if isinstance(self.secrets, str):
                return Endpoint.from_env({"LICENSECHAIN_WEBHOOK_SECRET": self.secrets}, **options)
            secrets = call_from_anywhere(self.secrets) if callable(self.secrets) else self.secrets
            return Endpoint(secrets=secrets, **options)
        except ConfigurationError as exc:
            msg = f"{_SETTING}: {exc}"
            raise ConfigurationError(msg) from exc

    def receiver(self) -> Receiver:
        """A new receiver.

        Raises:
            ConfigurationError: says which setting and why.
        """
        endpoint = self.endpoint()
        durable = {} if self.processing == "inline" else self._durable
        try:
            return Receiver(
                endpoint, DjangoHooks(self.hooks), on_outcome=self.on_outcome, run_in_thread=run_in_thread, **durable
            )
        except ConfigurationError as exc:
            msg = f"{_SETTING}: {exc}"
            raise ConfigurationError(msg) from exc

    def inbox(self) -> DjangoInbox:
        """A new inbox.

        Raises:
            ConfigurationError: says which setting and why.
        """
        try:
            return DjangoInbox(self.database, retention=self.retention, payload_retention=self.payload_retention)
        except ConfigurationError as exc:
            msg = f"{_SETTING}: {exc}"
            raise ConfigurationError(msg) from exc

    @property
    def _durable(self) -> dict[str, Any]:
        """What a receiver needs for durable mode."""
        return {
            "inbox": self.inbox(),
            "worker": replace(self.worker, embedded=self.processing == "thread"),
            "ordering_key": self.ordering_key,
            "redact": self.redact,
        }


def get_settings() -> HookSettings:
    """The settings as they are now.

    Raises:
        ConfigurationError: an unknown key, or a value of a wrong type.
    """
    given = getattr(settings, _SETTING, {})
    if not isinstance(given, Mapping):
        msg = f"{_SETTING} must be a dict, not {type(given).__name__}"
        raise ConfigurationError(msg)
    return HookSettings(**dict(_checked(key, value) for key, value in given.items()))


_lock = threading.RLock()  # reentrant: a dotted path may lead to a module that asks for the receiver
_receiver: Receiver | None = None


def get_receiver() -> Receiver:
    """The receiver of this process; built at the first call, and again once the settings have changed.

    Raises:
        ConfigurationError: says which setting and why.
    """
    global _receiver  # noqa: PLW0603
    receiver = _receiver
    if receiver is None:
        with _lock:
            receiver = _receiver = _receiver or get_settings().receiver()
    return receiver


def receiver_or_stand_in() -> Receiver:
    """`get_receiver`; where it cannot be built, a receiver that tells the log why and the sender to come back.

    The stand-in refuses what every receiver refuses, in the same order.
    """
    try:
        return get_receiver()
    except ConfigurationError as exc:
        return Receiver(Endpoint(secrets=_Unavailable(exc), profile="compat"), Hooks())


class _Unavailable:
    """In the place of a secrets callable."""

    def __init__(self, error: ConfigurationError) -> None:
        self.error = error

    def __call__(self, _request: HookRequest) -> list[str]:
        raise self.error


def _forget_receiver(*, setting: str, **_: object) -> None:
    global _receiver  # noqa: PLW0603
    if setting == _SETTING:
        _receiver = None


setting_changed.connect(_forget_receiver)


def _checked(key: str, value: Any) -> tuple[str, Any]:
    """A field of `HookSettings`, and its value."""
    if key not in _KEYS:
        msg = f"{_SETTING} knows no {key!r}; {_hint(str(key).upper(), _KEYS)}"
        raise ConfigurationError(msg)
    if key == "SECRETS":
        value = _secrets(value)
    elif key in _IMPORTED and isinstance(value, str) and value != "license":
        value = _imported(key, value)
    elif key == "WORKER" and isinstance(value, Mapping):
        value = _worker(value)
    expected, fits = _TYPES[key]
    if not fits(value):
        msg = f"{_SETTING}[{key!r}] must be {expected}, not {type(value).__name__}"
        raise ConfigurationError(msg)
    return key.lower(), value


def _secrets(value: Any) -> Any:
    """The secrets, or what gives them; a text that reads as a dotted path is one, never a secret."""
    if not (isinstance(value, str) and "." in value and all(part.isidentifier() for part in value.split("."))):
        return value
    try:
        return import_string(value)
    except Exception as exc:  # noqa: BLE001
        # The text may be a secret after all, and the import's error quotes it: neither is shown.
        msg = (
            f"{_SETTING}['SECRETS'] reads as the dotted path of a callable and cannot be imported "
            f"({type(exc).__name__}); put a secret with dots into a list"
        )
        raise ConfigurationError(msg) from None


def _imported(key: str, path: str) -> Any:
    try:
        return import_string(path)
    except Exception as exc:
        msg = f"{_SETTING}[{key!r}] cannot be imported: {exc}"
        raise ConfigurationError(msg) from exc


def _worker(given: Mapping[str, Any]) -> WorkerSettings:
    known = [field.name for field in fields(WorkerSettings) if field.name != "embedded"]
    for name in given:
        if name not in known:
            msg = f"{_SETTING}['WORKER'] knows no {name!r}; {_hint(str(name).lower(), known)}"
            raise ConfigurationError(msg)
    try:
        return WorkerSettings(**given)
    except ConfigurationError as exc:
        msg = f"{_SETTING}['WORKER']: {exc}"
        raise ConfigurationError(msg) from exc


def _hint(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"it knows {', '.join(known)}"
