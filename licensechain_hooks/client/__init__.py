"""LicenseChain's management API: register webhooks, change them, read what became of the deliveries."""

try:
    from licensechain_hooks.client._async import AsyncLicenseChainClient
except ImportError as exc:
    msg = "this module needs httpx2 and stamina: pip install 'licensechain-hooks[client]'"
    raise ImportError(msg) from exc

from licensechain_hooks.client._sync import LicenseChainClient
from licensechain_hooks.client.exceptions import (
    ApiError,
    AuthenticationError,
    ClientError,
    ConnectionFailedError,
    NotFoundError,
    RateLimitedError,
)
from licensechain_hooks.client.models import DeliveryLog, Page, Webhook

__all__ = [
    "ApiError",
    "AsyncLicenseChainClient",
    "AuthenticationError",
    "ClientError",
    "ConnectionFailedError",
    "DeliveryLog",
    "LicenseChainClient",
    "NotFoundError",
    "Page",
    "RateLimitedError",
    "Webhook",
]
