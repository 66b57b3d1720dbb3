"""Reading the settings: from the project's dict to values, with a hint for whatever cannot be one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from licensechain_hooks import ConfigurationError, Hooks, WorkerSettings
from licensechain_hooks.contrib.django._values import SETTING, EndpointSettings, HookSettings, secret_variable
from licensechain_hooks.contrib.django.queues import find_queue, is_queue

__all__ = ["endpoint_names", "prepare_queue", "problems", "read_settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """What may stand under a key.

    Attributes:
        expected: that, in words.
        fits: whether a value is it.
        is_imported: whether its dotted path does as well.
    """

    expected: str
    fits: Callable[[Any], bool]
    is_imported: bool = False


_MAYBE_SPAN = _Key(expected="a timedelta or None", fits=lambda value: isinstance(value, timedelta | None))
_MAYBE_CALL = _Key(
    expected="a callable or the dotted path of one, or None",
    fits=lambda value: value is None or callable(value),
    is_imported=True,
)
_OF_AN_ENDPOINT: Mapping[str, _Key] = {
    "SECRETS": _Key(
        expected="a list, a string or a callable",
        fits=lambda value: isinstance(value, list | tuple | str) or callable(value),
    ),
    "NAME": _Key(expected="a string", fits=lambda value: isinstance(value, str)),
    "PROFILE": _Key(expected="a string", fits=lambda value: isinstance(value, str)),
    "TOLERANCE": _Key(expected="a timedelta", fits=lambda value: isinstance(value, timedelta)),
    "MAX_EVENT_AGE": _MAYBE_SPAN,
    "MAX_BODY": _Key(expected="an int", fits=lambda value: isinstance(value, int)),
    "READ_TIMEOUT": _Key(expected="a timedelta", fits=lambda value: isinstance(value, timedelta)),
}
_OF_ALL: Mapping[str, _Key] = {
    "ENDPOINTS": _Key(
        expected="a dict of names and the settings of each, which are dicts too",
        fits=lambda value: isinstance(value, tuple),
    ),
    "HOOKS": _Key(
        expected="Hooks or the dotted path of one", fits=lambda value: isinstance(value, Hooks), is_imported=True
    ),
    "ON_OUTCOME": _Key(expected="a callable or the dotted path of one", fits=callable, is_imported=True),
    "PROCESSING": _Key(
        expected="'thread', 'worker', 'inline', 'celery', 'tasks' or the dotted path of a queue",
        fits=lambda value: value in ("thread", "worker", "inline") or (isinstance(value, str) and is_queue(value)),
    ),
    "DEDUPLICATOR": _Key(
        expected="the URL of a Redis or a deduplicator",
        fits=lambda value: value is None or isinstance(value, str) or hasattr(value, "reserve"),
    ),
    "DATABASE": _Key(expected="the alias of a database", fits=lambda value: isinstance(value, str)),
    "RETENTION": _MAYBE_SPAN,
    "PAYLOAD_RETENTION": _MAYBE_SPAN,
    "ORDERING_KEY": _Key(
        expected="'license', a callable or the dotted path of one, or None",
        fits=lambda value: value in (None, "license") or callable(value),
        is_imported=True,
    ),
    "REDACT": _MAYBE_CALL,
    "WORKER": _Key(expected="a dict or WorkerSettings", fits=lambda value: isinstance(value, WorkerSettings)),
}
_KEYS = {**_OF_AN_ENDPOINT, **_OF_ALL}
_OF_EACH = {key: kind for key, kind in _OF_AN_ENDPOINT.items() if key != "NAME"}  # that is its key
_NOT_SHARED = ("SECRETS", "NAME")


def read_settings() -> HookSettings:
    """The settings as they are now.

    Raises:
        ConfigurationError: an unknown key, or a value of a wrong type; the first of `problems`.
    """
    values, found = _read()
    if found:
        raise found[0]
    return HookSettings(**values)


def problems() -> list[ConfigurationError]:
    """What is wrong with the settings, key by key."""
    return _read()[1]


def prepare_queue() -> None:
    """Build the queue, where ``PROCESSING`` names one, so that its engine's workers know the task."""
    given = getattr(settings, SETTING, {})
    name = given.get("PROCESSING") if isinstance(given, Mapping) else None
    if isinstance(name, str) and is_queue(name):
        with suppress(ConfigurationError):  # a check tells of it
            find_queue(name)


def endpoint_names() -> frozenset[str]:
    """The names under ``ENDPOINTS``, whatever else is wrong with the settings."""
    given = getattr(settings, SETTING, {})
    endpoints = given.get("ENDPOINTS") if isinstance(given, Mapping) else None
    return frozenset(name for name in endpoints if isinstance(name, str)) if isinstance(endpoints, Mapping) else _NONE


_NONE: frozenset[str] = frozenset()


def _read() -> tuple[dict[str, Any], list[ConfigurationError]]:
    given = getattr(settings, SETTING, {})
    if not isinstance(given, Mapping):
        msg = f"{SETTING} must be a dict, not {type(given).__name__}"
        return {}, [ConfigurationError(msg)]
    values, found = _checked(given, _KEYS, SETTING)
    if "ENDPOINTS" in given:
        found += _contradictions(given)
    return values, found


def _checked(
    given: Mapping[str, Any], keys: Mapping[str, _Key], place: str
) -> tuple[dict[str, Any], list[ConfigurationError]]:
    """The values of a dict by the names of fields, and what is wrong with the others."""
    values: dict[str, Any] = {}
    found: list[ConfigurationError] = []
    shared = {key: value for key, value in given.items() if key in _OF_EACH and key not in _NOT_SHARED}
    for key, value in given.items():
        try:
            if key == "ENDPOINTS" and key in keys and isinstance(value, Mapping):
                values["endpoints"], more = _endpoints(value, shared)
                found += more
            else:
                values[str(key).lower()] = _value(key, value, keys, place)
        except ConfigurationError as exc:
            found.append(exc)
    return values, found


def _value(key: str, value: Any, keys: Mapping[str, _Key], place: str) -> Any:
    if key not in keys:
        msg = f"{place} knows no {key!r}; {_hint(str(key).upper(), tuple(keys))}"
        raise ConfigurationError(msg)
    kind, where = keys[key], f"{place}[{key!r}]"
    if key == "SECRETS":
        value = _secrets(value, where)
    elif kind.is_imported and isinstance(value, str) and value != "license":
        value = _imported(value, where)
    elif key == "WORKER" and isinstance(value, Mapping):
        value = _worker(value, where)
    if not kind.fits(value):
        msg = f"{where} must be {kind.expected}, not {type(value).__name__}"
        raise ConfigurationError(msg)
    if key == "PROCESSING" and is_queue(value):
        _check_queue(value, where)
    return value


def _check_queue(name: str, where: str) -> None:
    try:
        find_queue(name)
    except ConfigurationError as exc:
        msg = f"{where}: {exc}"
        raise ConfigurationError(msg) from exc


def _endpoints(
    given: Mapping[str, Any], shared: Mapping[str, Any]
) -> tuple[tuple[EndpointSettings, ...], list[ConfigurationError]]:
    """The endpoints: what stands beside ``ENDPOINTS`` holds for each that does not say otherwise."""
    endpoints: list[EndpointSettings] = []
    found: list[ConfigurationError] = []
    for name, of_it in given.items():
        place = f"{SETTING}['ENDPOINTS'][{name!r}]"
        if not isinstance(of_it, Mapping):
            msg = f"{place} must be a dict of settings, not {type(of_it).__name__}"
            found.append(ConfigurationError(msg))
            continue
        values, wrong = _checked(of_it, _OF_EACH, place)
        found += wrong
        others, _ = _checked(shared, _OF_EACH, SETTING)  # what is wrong with them is said of their own place
        options = others | values
        endpoints.append(EndpointSettings(name=name, variable=secret_variable(str(name)), **options))
    return tuple(endpoints), found


def _contradictions(given: Mapping[str, Any]) -> Iterator[ConfigurationError]:
    for key in _NOT_SHARED:
        if key in given:
            msg = f"{SETTING}[{key!r}] has no meaning beside ENDPOINTS, each of which has its own"
            yield ConfigurationError(msg)
    endpoints = given["ENDPOINTS"]
    if not isinstance(endpoints, Mapping):
        return
    named: dict[str, str] = {}
    for name in (name for name, of_it in endpoints.items() if isinstance(of_it, Mapping) and "SECRETS" not in of_it):
        other = named.setdefault(secret_variable(str(name)), name)
        if other != name:
            msg = (
                f"{SETTING}['ENDPOINTS']: {other!r} and {name!r} would share {secret_variable(str(name))}; "
                "give one of them SECRETS, or another name"
            )
            yield ConfigurationError(msg)
    if not endpoints:
        msg = f"{SETTING}['ENDPOINTS'] is empty: name one endpoint at least, or leave the key out"
        yield ConfigurationError(msg)


def _secrets(value: Any, where: str) -> Any:
    """The secrets, or what gives them; a text that reads as a dotted path is one, never a secret."""
    if not (isinstance(value, str) and "." in value and all(part.isidentifier() for part in value.split("."))):
        return value
    try:
        return import_string(value)
    except Exception as exc:  # noqa: BLE001
        # The text may be a secret after all, and the import's error quotes it: neither is shown.
        msg = (
            f"{where} reads as the dotted path of a callable and cannot be imported "
            f"({type(exc).__name__}); put a secret with dots into a list"
        )
        raise ConfigurationError(msg) from None


def _imported(path: str, where: str) -> Any:
    try:
        return import_string(path)
    except Exception as exc:
        msg = f"{where} cannot be imported: {exc}"
        raise ConfigurationError(msg) from exc


def _worker(given: Mapping[str, Any], where: str) -> WorkerSettings:
    known = [field.name for field in fields(WorkerSettings) if field.name != "embedded"]
    for name in given:
        if name not in known:
            msg = f"{where} knows no {name!r}; {_hint(str(name).lower(), known)}"
            raise ConfigurationError(msg)
    try:
        return WorkerSettings(**given)
    except ConfigurationError as exc:
        msg = f"{where}: {exc}"
        raise ConfigurationError(msg) from exc


def _hint(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"it knows {', '.join(known)}"
