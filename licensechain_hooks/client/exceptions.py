"""What a call of the management API raises.

::

    LicenseChainHooksError
    └── ClientError
        ├── ConnectionFailedError     no reply, or no whole one: refused, unreachable, cut off, too slow
        └── ApiError                  a reply that refuses the call, or that says nothing this package understands
            ├── AuthenticationError   401, 403
            ├── NotFoundError         404
            └── RateLimitedError      429

No message holds the API key, a secret, or a body as it came.
"""

from datetime import timedelta

from licensechain_hooks.exceptions import LicenseChainHooksError

__all__ = [
    "ApiError",
    "AuthenticationError",
    "ClientError",
    "ConnectionFailedError",
    "NotFoundError",
    "RateLimitedError",
]


class ClientError(LicenseChainHooksError):
    """Base of every error of a call."""

    status_hint = 502
    reason = "client"


class ConnectionFailedError(ClientError):
    """There was no reply, or no whole one. Whether the service did what it was asked to is not known."""

    reason = "connection_failed"


class ApiError(ClientError):
    """The API refused the call, or its reply cannot be understood.

    Attributes:
        status: the HTTP status of the reply.
        code: the API's own word for the error, where it has one.
        retry_after: how long it asks to wait, where it says so.
    """

    reason = "api_error"

    def __init__(
        self, message: str, *, status: int, code: str | None = None, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class AuthenticationError(ApiError):
    """The API key is not valid (401), or not for this (403)."""

    reason = "api_authentication"


class NotFoundError(ApiError):
    """There is no such webhook, or no such address (404)."""

    reason = "api_not_found"


class RateLimitedError(ApiError):
    """Too many calls (429); ``retry_after`` says when to come back, where the service says so."""

    reason = "api_rate_limited"
