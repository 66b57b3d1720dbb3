"""The client of the management API, as type checkers see it: this file is checked, never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=error

from datetime import datetime, timedelta
from typing import assert_type

from pydantic import SecretStr

from licensechain_hooks import ConfigurationError, Hooks, LicenseChainHooksError
from licensechain_hooks.client import (
    ApiError,
    AsyncLicenseChainClient,
    AuthenticationError,
    ClientError,
    ConnectionFailedError,
    DeliveryLog,
    LicenseChainClient,
    NotFoundError,
    Page,
    RateLimitedError,
    Webhook,
)

hooks = Hooks()

# Both clients are made alike.

LicenseChainClient()
LicenseChainClient("key", base_url="http://127.0.0.1:8000/v1", timeout=timedelta(seconds=1), attempts=1)
AsyncLicenseChainClient(api_key=SecretStr("key"))
LicenseChainClient("key", timeout=10)  # type: ignore[arg-type]
LicenseChainClient("key", "http://127.0.0.1:8000/v1")  # type: ignore[call-arg]

# The synchronous one.


def use() -> None:
    with LicenseChainClient() as client:
        assert_type(client, LicenseChainClient)
        made = client.webhooks.create(url="https://a.example", events=hooks.event_types(), secret=SecretStr("s"))
        assert_type(made, Webhook)
        assert_type(client.webhooks.get(made.id), Webhook)
        assert_type(client.webhooks.list(page=2, limit=3), Page[Webhook])
        assert_type(client.webhooks.list().items, tuple[Webhook, ...])
        assert_type([webhook for webhook in client.webhooks.iter()], list[Webhook])  # noqa: C416
        assert_type(client.webhooks.update(made.id, events=["license.revoked"]), Webhook)
        assert_type(client.webhooks.logs(made.id), Page[DeliveryLog])
        assert_type([log for log in client.webhooks.iter_logs(made.id)], list[DeliveryLog])  # noqa: C416
        assert_type(client.server_time(), datetime | None)
        client.webhooks.test(made.id)
        client.webhooks.delete(made.id)
        client.webhooks.create("https://a.example", ["license.revoked"])  # type: ignore[call-arg]
        client.webhooks.get(7)  # type: ignore[arg-type]
    client.close()


# The asynchronous one has the same methods.


async def use_later() -> None:
    async with AsyncLicenseChainClient() as client:
        assert_type(client, AsyncLicenseChainClient)
        made = await client.webhooks.create(url="https://a.example", events=("license.revoked",))
        assert_type(made, Webhook)
        assert_type(await client.webhooks.get(made.id), Webhook)
        assert_type(await client.webhooks.list(), Page[Webhook])
        assert_type([webhook async for webhook in client.webhooks.iter()], list[Webhook])
        assert_type(await client.webhooks.update(made.id, url="https://b.example"), Webhook)
        assert_type(await client.webhooks.logs(made.id), Page[DeliveryLog])
        assert_type([log async for log in client.webhooks.iter_logs(made.id)], list[DeliveryLog])
        assert_type(await client.server_time(), datetime | None)
        await client.webhooks.test(made.id)
        await client.webhooks.delete(made.id)
    await client.aclose()


# What they give.


def read(webhook: Webhook, log: DeliveryLog) -> None:
    assert_type(webhook.events, tuple[str, ...])
    assert_type(webhook.secret, SecretStr | None)
    assert_type(webhook.active, bool)
    assert_type(webhook.created_at, datetime | None)
    assert_type(webhook.app_id, str | None)
    assert_type(log.event_id, str | None)
    assert_type(log.status_code, int | None)
    assert_type(log.success, bool | None)
    assert_type(log.created_at, datetime | None)
    webhook.url = "https://b.example"  # type: ignore[misc]


def pages(page: Page[Webhook]) -> None:
    assert_type(page.total, int | None)
    assert_type(page.has_more, bool)


# What they raise.


def told(error: ApiError) -> None:
    assert_type(error.status, int)
    assert_type(error.code, str | None)
    assert_type(error.retry_after, timedelta | None)


refusals: tuple[type[ApiError], ...] = (AuthenticationError, NotFoundError, RateLimitedError)
failures: tuple[type[ClientError], ...] = (ApiError, ConnectionFailedError)
all_of_them: tuple[type[LicenseChainHooksError], ...] = (ClientError, ConfigurationError)
