"""Which API, with which key: checked before the first call."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from re import fullmatch
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
from pydantic import SecretStr

from licensechain_hooks._loopback import is_loopback
from licensechain_hooks.exceptions import ConfigurationError

__all__ = ["ClientSettings"]

_DEFAULT_BASE_URL = "https://api.licensechain.app/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Checked settings of a client; for the arguments see `LicenseChainClient`."""

    api_key: SecretStr
    base_url: str
    timeout: float
    attempts: int
    proxy: httpx2.Proxy | None = field(default=None, repr=False)

    @classmethod
    def checked(
        cls,
        *,
        api_key: str | SecretStr | None,
        base_url: str | None,
        timeout: timedelta,
        attempts: int,
        environ: Mapping[str, str] = os.environ,
    ) -> "ClientSettings":
        """The settings, completed from the environment.

        Raises:
            ConfigurationError: says which setting and why.
        """
        url = _checked_url(base_url or environ.get("LICENSECHAIN_BASE_URL") or _DEFAULT_BASE_URL)
        return cls(
            api_key=_checked_key(environ.get("LICENSECHAIN_API_KEY", "") if api_key is None else api_key),
            base_url=url,
            proxy=_proxy_for(urlsplit(url).hostname or ""),
            timeout=_checked_timeout(timeout),
            attempts=_checked_attempts(attempts),
        )

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.base_url).netloc


def _checked_key(given: Any) -> SecretStr:
    key = given.get_secret_value() if isinstance(given, SecretStr) else given
    if not isinstance(key, str) or not key:
        msg = "no API key: set LICENSECHAIN_API_KEY, or pass api_key"
        raise ConfigurationError(msg)
    if not fullmatch(r"[!-~]+", key):
        msg = "the API key holds white space or other characters that no key has"
        raise ConfigurationError(msg)
    return SecretStr(key)


def _checked_url(given: Any) -> str:
    """The base URL without a slash at its end. The API key goes there, so it must be encrypted on its way."""
    looks = "it looks like https://api.licensechain.app/v1"
    try:
        url = urlsplit(given)
        host, _ = url.hostname, url.port
    except (AttributeError, TypeError, ValueError):
        msg = f"base_url is not a URL; {looks}"
        raise ConfigurationError(msg) from None
    if not isinstance(given, str) or not host or not _is_host(host) or url.scheme not in {"http", "https"}:
        msg = f"base_url is not an http or https URL; {looks}"
        raise ConfigurationError(msg)
    if not fullmatch(r"[!-~]+", given):
        msg = f"base_url holds white space or characters beyond ASCII; {looks}"
        raise ConfigurationError(msg)
    if "@" in url.netloc or url.query or url.fragment or "?" in given or "#" in given:
        msg = f"base_url must not hold a user, a query or a fragment; {looks}"
        raise ConfigurationError(msg)
    if url.scheme == "http" and not is_loopback(host):
        msg = "base_url must be https: over http everyone on the way reads the API key; only this machine may be http"
        raise ConfigurationError(msg)
    return given.rstrip("/")


def _is_host(host: str) -> bool:
    """Whether it can be looked up: Python's resolver has other errors than ``OSError`` for what it finds no name."""
    return ":" in host or fullmatch(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", host) is not None


def _proxy_for(host: str) -> httpx2.Proxy | None:
    """The environment's proxy, which passes on what it cannot read: only https goes through it."""
    proxies = getproxies()
    named = proxies.get("https") or proxies.get("all")
    if not named or is_loopback(host) or proxy_bypass(host):
        return None
    url = named if "://" in named else f"http://{named}"
    try:
        proxy = httpx2.Proxy(url)
    except (httpx2.InvalidURL, ValueError):
        proxy = None
    if proxy is None or proxy.url.scheme not in {"http", "https"} or not proxy.url.host:
        msg = "HTTPS_PROXY (or ALL_PROXY) of the environment is not the http or https URL of a proxy"
        raise ConfigurationError(msg)
    return proxy


def _checked_timeout(given: Any) -> float:
    if not isinstance(given, timedelta) or given <= timedelta(0):
        msg = "timeout must be a positive datetime.timedelta, such as timedelta(seconds=10)"
        raise ConfigurationError(msg)
    return given.total_seconds()


def _checked_attempts(given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        msg = "attempts must be a number, 1 or more"
        raise ConfigurationError(msg)
    return given
