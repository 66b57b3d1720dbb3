"""Where deliveries arrive: the secrets that verify them and the limits they must keep."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import pydantic

from licensechain_hooks import events
from licensechain_hooks._frames import without_frames
from licensechain_hooks._loop import run_awaitable
from licensechain_hooks._reading import aread_body, read_body, screen
from licensechain_hooks._request import Headers, HeaderSource, HookRequest
from licensechain_hooks._rfc3339 import from_matching
from licensechain_hooks._signing import SigningKey, read_signature, signing_key, verify_signature, verify_timestamp
from licensechain_hooks.exceptions import (
    ConfigurationError,
    LicenseChainHooksError,
    PayloadError,
    VerificationError,
)

__all__ = ["Endpoint", "Profile"]

Profile = Literal["guide", "compat"]
Keys = tuple[SigningKey, ...]

_Opened = TypeVar("_Opened", bound="events.Event | events.Envelope")
_Opened_co = TypeVar("_Opened_co", bound="events.Event | events.Envelope", covariant=True)


class Parse(Protocol[_Opened_co]):
    """How the body of a verified delivery is read: `parse_event` or `parse_envelope`."""

    def __call__(self, body: bytes, *, lenient: bool) -> _Opened_co: ...


_SIGNATURES = (b"x-webhook-signature", b"x-licensechain-signature")
_TIMESTAMPS = (b"x-webhook-timestamp", b"x-licensechain-timestamp")
_PLACEHOLDER = re.compile(
    r"your.*(secret|key|here)|(my|the|a)?(webhook|signing)?secret(key)?|whsec(xxx.*|yours?.*|example|secret)?"
    r"|change(me|this|it)|replace(me|this)|placeholder|todo|fixme|x+|insert.*here|example"
).fullmatch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Endpoint:
    """One receiving URL and its settings. A setting that cannot work fails here, not at the first delivery.

    Args:
        secrets: the signing secrets, newest first, so that deliveries signed before a rotation still verify. Or a
            callable, sync or async, that is given the `HookRequest` and returns them: the secrets of one tenant are
            then never tried for another. It may raise ``VerificationError("unknown_tenant")``, which answers 401.
        name: the endpoint in logs and records, where there are several.
        tolerance: how far the timestamp header may be from the clock, in either direction.
        max_event_age: how old the signed body timestamp may be. With a lasting memory of event ids this is the
            defence against a replay attack, for the header is not signed. ``None``: any age.
        max_body: the largest body that is read, in bytes.
        read_timeout: how long the body may take to arrive, where the server lets us measure it (ASGI).
        profile: ``"guide"`` takes what LicenseChain's guide says. ``"compat"`` also takes the header names, header
            times and body keys of LicenseChain's own SDKs and services; the signature is no weaker.
        clock: Unix time in seconds.

    Raises:
        ConfigurationError: says which setting and why.
    """

    secrets: str | pydantic.SecretStr | Iterable[str | pydantic.SecretStr] | Callable[[HookRequest], Any]
    name: str = "default"
    tolerance: timedelta = timedelta(seconds=300)
    max_event_age: timedelta | None = timedelta(days=30)
    max_body: int = 1024 * 1024
    read_timeout: timedelta = timedelta(seconds=2)
    profile: Profile = "guide"
    clock: Callable[[], float] = time.time
    _keys: Keys | None = field(init=False, repr=False)
    _tolerance: float = field(init=False, repr=False)
    _max_age: float = field(init=False, repr=False)
    _lenient: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_settings(self)
        derived: dict[str, Any] = {
            "_keys": None,
            "_tolerance": self.tolerance.total_seconds(),
            "_max_age": float("inf") if self.max_event_age is None else self.max_event_age.total_seconds(),
            "_lenient": self.profile == "compat",
        }
        if not callable(self.secrets):
            secrets = _checked_secrets(self.secrets)
            derived |= {"secrets": secrets, "_keys": _keys_of(secrets)}
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **settings: Any) -> Endpoint:
        """An endpoint whose secrets come from the environment.

        ``LICENSECHAIN_WEBHOOK_SECRET`` is a comma list, ``LICENSECHAIN_WEBHOOK_SECRET_FILE`` a file with one secret per
        line; both newest first.

        Args:
            environ: where to look.
            settings: the other arguments of `Endpoint`.
        """
        return cls(secrets=secrets_from_env(environ), **settings)

    def open(self, headers: HeaderSource | Headers, body: bytes, *, path: str = "") -> events.Event:
        """The event of a delivery: verify it, then parse it. For people with a route of their own.

        Args:
            headers: see `Headers`.
            body: the raw body, exactly as it arrived.
            path: the path of the URL, for secrets that depend on it.

        Raises:
            VerificationError: the signature or the time does not hold.
            PayloadError: signed, but not an event.
            ConfigurationError: the secrets callable gave nothing usable.
        """
        try:
            if self._keys is not None and isinstance(headers, Headers) and body.__class__ is bytes:
                return self.open_with(self._keys, headers, body, events.parse_event)
            request = HookRequest(body, headers, path=path)
            return self.open_with(self.keys_for(request), request.headers, request.raw_body, events.parse_event)
        except LicenseChainHooksError as error:
            del headers, body  # of this frame, which a report may show
            raise without_frames(error) from error.__cause__

    async def aopen(self, headers: HeaderSource | Headers, body: bytes, *, path: str = "") -> events.Event:
        """`open` for an async host: an async secrets callable is awaited."""
        request = HookRequest(body, headers, path=path)
        del headers, body
        try:
            keys = await self.akeys_for(request)
            return self.open_with(keys, request.headers, request.raw_body, events.parse_event)
        except LicenseChainHooksError as error:
            raise without_frames(error) from error.__cause__

    def open_request(self, request: HookRequest) -> events.Event:
        """`open` for a request whose body may still have to be read, in a synchronous host.

        Raises:
            RequestError: refused before the signature was looked at: method, size, encoding, a body that breaks off.
            VerificationError, PayloadError, ConfigurationError: see `open`.
        """
        try:
            return self.parse_request(request, events.parse_event)
        except LicenseChainHooksError as error:
            raise without_frames(error) from error.__cause__

    async def aopen_request(self, request: HookRequest) -> events.Event:
        """`open_request` in an asynchronous host, where the body also has to arrive within ``read_timeout``."""
        try:
            return await self.aparse_request(request, events.parse_event)
        except LicenseChainHooksError as error:
            raise without_frames(error) from error.__cause__

    def parse_request(self, request: HookRequest, parse: Parse[_Opened]) -> _Opened:
        """`open_request`, with the same checks, for who wants something else of the body."""
        declared = screen(request, self.max_body)
        request.body = body = read_body(request, self.max_body, declared)
        return self.open_with(self.keys_for(request), request.headers, body, parse)

    async def aparse_request(self, request: HookRequest, parse: Parse[_Opened]) -> _Opened:
        """`parse_request` in an asynchronous host."""
        declared = screen(request, self.max_body)
        request.body = body = await aread_body(request, self.max_body, declared, self.read_timeout)
        keys = self._keys if self._keys is not None else await self.akeys_for(request)
        return self.open_with(keys, request.headers, body, parse)

    def open_with(self, keys: Keys, headers: Headers, body: bytes, parse: Parse[_Opened]) -> _Opened:
        """`open` once the keys are known: no I/O but the clock."""
        lenient = self._lenient
        verify_signature(keys, body, read_signature(_header(headers, _SIGNATURES, lenient=lenient)))
        now = self.clock()
        verify_timestamp(_header(headers, _TIMESTAMPS, lenient=lenient), now, self._tolerance, lenient=lenient)
        opened = parse(body, lenient=lenient)
        try:
            happened_at = from_matching(opened.raw_timestamp).timestamp()
        except ValueError:
            raise PayloadError("timestamp_invalid", "timestamp: the day or time does not exist") from None
        if now - happened_at > self._max_age:
            raise VerificationError("event_too_old")
        return opened

    def keys_for(self, request: HookRequest) -> Keys:
        """The keys of a request; an async secrets callable runs on a private event loop."""
        if self._keys is not None:
            return self._keys
        # No tenant is looked up for a request without a signature.
        read_signature(_header(request.headers, _SIGNATURES, lenient=self._lenient))
        try:
            given = self.secrets(request)  # type: ignore[operator]
            return _keys_of(_checked_secrets(run_awaitable(given) if isinstance(given, Awaitable) else given))
        except Exception as exc:
            raise _secrets_error(exc) from exc

    async def akeys_for(self, request: HookRequest) -> Keys:
        """The keys of a request, for an async host."""
        if self._keys is not None:
            return self._keys
        read_signature(_header(request.headers, _SIGNATURES, lenient=self._lenient))
        try:
            given = self.secrets(request)  # type: ignore[operator]
            return _keys_of(_checked_secrets(await given if isinstance(given, Awaitable) else given))
        except Exception as exc:
            raise _secrets_error(exc) from exc


def secrets_from_env(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The signing secrets of the environment, newest first; see `Endpoint.from_env`."""
    listed = environ.get("LICENSECHAIN_WEBHOOK_SECRET", "")
    path = environ.get("LICENSECHAIN_WEBHOOK_SECRET_FILE", "")
    if listed and path:
        msg = "set LICENSECHAIN_WEBHOOK_SECRET or LICENSECHAIN_WEBHOOK_SECRET_FILE, not both"
        raise ConfigurationError(msg)
    if path:
        return secrets_from_file(Path(path))
    secrets = [secret.strip() for secret in listed.split(",") if secret.strip()]
    if not secrets:
        msg = "no signing secret: set LICENSECHAIN_WEBHOOK_SECRET (a comma list, newest first)"
        raise ConfigurationError(msg)
    return secrets


def secrets_from_file(path: Path) -> list[str]:
    """The signing secrets of a file, one per line, newest first."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        msg = f"cannot read the signing secrets from {path}: {exc.__class__.__name__}"
        raise ConfigurationError(msg) from exc
    secrets = [line.strip() for line in text.splitlines() if line.strip()]
    if not secrets:
        msg = f"{path} holds no signing secret; put one on each line, newest first"
        raise ConfigurationError(msg)
    return secrets


def _header(headers: Headers, names: tuple[bytes, bytes], *, lenient: bool) -> bytes | None:
    """The guide's header; leniently its other name too, both joined where both are sent, so that they must agree."""
    value = headers.get(names[0])
    if not lenient:
        return value
    other = headers.get(names[1])
    if value is None or other is None:
        return value if other is None else other
    return value + b"," + other


def _check_settings(given: Any) -> None:
    """Refuse what cannot work; settings read from files may be of any type."""
    for name in ("tolerance", "max_event_age", "read_timeout"):
        value = getattr(given, name)
        if value is None and name == "max_event_age":
            continue
        if not isinstance(value, timedelta) or value <= timedelta(0):
            msg = f"{name} must be a positive datetime.timedelta, such as timedelta(seconds=300)"
            raise ConfigurationError(msg)
    if not isinstance(given.max_body, int) or given.max_body < 1:
        msg = "max_body must be a positive number of bytes"
        raise ConfigurationError(msg)
    if not isinstance(given.profile, str) or given.profile not in {"guide", "compat"}:
        msg = f"profile must be 'guide' or 'compat', not {given.profile!r}"
        raise ConfigurationError(msg)
    if not isinstance(given.name, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", given.name):
        msg = "an endpoint's name is 1 to 100 letters, digits, '_', '.' or '-'"
        raise ConfigurationError(msg)
    if not callable(given.clock):
        msg = "clock must be a function that gives Unix time in seconds, such as time.time"
        raise ConfigurationError(msg)


def _checked_secrets(secrets: Any) -> tuple[pydantic.SecretStr, ...]:
    given = (secrets,) if isinstance(secrets, str | pydantic.SecretStr) else secrets
    if isinstance(given, bytes | Mapping) or not isinstance(given, Iterable):
        msg = "secrets must be a list of strings, newest first"
        raise ConfigurationError(msg)
    checked = tuple(_checked_secret(secret) for secret in given)
    if not checked:
        msg = "an endpoint needs at least one signing secret"
        raise ConfigurationError(msg)
    return checked


def _checked_secret(secret: Any) -> pydantic.SecretStr:
    text = secret.get_secret_value() if isinstance(secret, pydantic.SecretStr) else secret
    if not isinstance(text, str):
        msg = f"a signing secret must be a string, not {type(text).__name__}"
        raise ConfigurationError(msg)
    if not text.strip():
        msg = "a signing secret is empty: everyone can sign with an empty key"
        raise ConfigurationError(msg)
    if text != text.strip():
        msg = "a signing secret begins or ends with white space, which signs differently; strip it"
        raise ConfigurationError(msg)
    if _PLACEHOLDER(re.sub(r"[^a-z0-9]", "", text.casefold())):
        msg = "a signing secret is a placeholder out of some documentation; use the one of your webhook"
        raise ConfigurationError(msg)
    return pydantic.SecretStr(text)


def _keys_of(secrets: tuple[pydantic.SecretStr, ...]) -> Keys:
    return tuple(signing_key(secret.get_secret_value()) for secret in secrets)


def _secrets_error(error: Exception) -> Exception:
    if isinstance(error, VerificationError | ConfigurationError):
        return error
    return ConfigurationError(f"the secrets callable raised {type(error).__name__}")
