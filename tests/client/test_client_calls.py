"""The calls, against a LicenseChain on this machine; each test with the synchronous and the asynchronous client."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from licensechain_hooks.client import (
    ApiError,
    AuthenticationError,
    ClientError,
    NotFoundError,
    RateLimitedError,
)
from licensechain_hooks.exceptions import LicenseChainHooksError

URL = "http://127.0.0.1:9/hook?token=abc&x=1"
EVENTS = ("license.created", "license.revoked")
ENVELOPES = ["guide", "data", "flat", "webhooks", "array", "snake"]


@pytest.fixture
def client(connect, emulator):
    """A client of an emulator."""
    return connect(emulator.base_url, api_key=emulator.api_key)


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_a_webhook_from_its_making_to_its_end(client, emulator, envelope):
    """In each shape that the API has been seen to answer in."""
    emulator.faults(envelope=envelope)
    made = client.webhooks.create(url=URL, events=EVENTS)
    assert (made.url, made.events, made.active) == (URL, EVENTS, True)
    assert len(made.secret.get_secret_value()) >= 16
    assert abs(datetime.now(UTC) - made.created_at) < timedelta(minutes=5)
    assert made.id == client.webhooks.get(made.id).id
    changed = client.webhooks.update(made.id, events=["license.deleted"])
    assert (changed.url, changed.events) == (URL, ("license.deleted",))
    changed = client.webhooks.update(made.id, url="http://127.0.0.1:9/other")
    assert (changed.url, changed.events) == ("http://127.0.0.1:9/other", ("license.deleted",))
    assert [made.id] == [webhook.id for webhook in client.webhooks.list().items]
    client.webhooks.delete(made.id)
    assert client.webhooks.list().items == ()
    with pytest.raises(NotFoundError):
        client.webhooks.get(made.id)


def test_a_secret_of_ones_own_is_kept(client, emulator):
    """What is sent as the secret is what the service signs with."""
    made = client.webhooks.create(url=URL, events=EVENTS, secret="0123456789abcdef0123456789abcdef")
    assert made.secret.get_secret_value() == "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_all_pages_are_read(client, emulator, envelope):
    """Each webhook comes once, however the pages say how many there are."""
    emulator.faults(envelope=envelope)
    made = {client.webhooks.create(url=URL, events=EVENTS).id for _ in range(5)}
    for limit in (1, 2, 5, 100):
        found = [webhook.id for webhook in client.webhooks.iter(limit=limit)]
        assert (5, made) == (len(found), set(found))


def test_a_page_says_where_it_stands(client, emulator):
    """Its number, its limit, how many there are, and whether more follow."""
    for _ in range(3):
        client.webhooks.create(url=URL, events=EVENTS)
    first, second = client.webhooks.list(limit=2), client.webhooks.list(page=2, limit=2)
    assert (first.page, first.limit, first.total, first.has_more, len(first.items)) == (1, 2, 3, True, 2)
    assert (second.page, second.limit, second.total, second.has_more, len(second.items)) == (2, 2, 3, False, 1)


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_a_sample_event_is_delivered_and_logged(client, emulator, server, reply, envelope):
    """The logs hold the status and the body that our side answered with, the newest first."""
    made = client.webhooks.create(url=f"http://{server.address}/hook", events=EVENTS)
    server.replies = [reply(200, b'{"status":"processed"}'), reply(204)]
    client.webhooks.test(made.id)
    emulator.settled(1)
    client.webhooks.test(made.id)
    emulator.settled(2)
    emulator.faults(envelope=envelope)
    newest, oldest = client.webhooks.iter_logs(made.id, limit=1)
    assert (newest.status_code, newest.success) == (204, True)
    assert (oldest.status_code, oldest.success, oldest.response_body) == (200, True, '{"status":"processed"}')
    assert oldest.created_at <= newest.created_at
    assert len(client.webhooks.logs(made.id, page=2, limit=1).items) == 1


def test_a_delivery_that_failed_says_so(client, emulator, server, reply):
    """A status beyond 2xx is no success."""
    made = client.webhooks.create(url=f"http://{server.address}/hook", events=EVENTS)
    server.replies = [reply(401)] * 2
    client.webhooks.test(made.id)
    emulator.settled(2)
    assert {(401, False)} == {(log.status_code, log.success) for log in client.webhooks.iter_logs(made.id)}


@pytest.mark.parametrize("shape", ["nested", "error", "message"])
def test_every_shape_of_an_error_is_told(client, emulator, connect, shape):
    """The status decides the class; the API's own words are in the message."""
    emulator.faults(errorShape=shape)
    with pytest.raises(NotFoundError, match=r"the API answered 404 \(.+\)") as caught:
        client.webhooks.get("cmissing")
    assert caught.value.status == 404
    with pytest.raises(AuthenticationError, match=r"the API answered 401 \(.+\)") as refused:
        connect(emulator.base_url, api_key="wrong").webhooks.list()
    assert refused.value.status == 401
    assert isinstance(refused.value, ApiError | ClientError | LicenseChainHooksError)
    with pytest.raises(ApiError, match=r"the API answered 400 \(.+\)") as invalid:
        client.webhooks.create(url="no URL", events=EVENTS)
    assert ApiError is type(invalid.value)


def test_codes_are_told_where_there_are_some(client):
    """``code`` is the API's own word, to decide by."""
    with pytest.raises(NotFoundError) as caught:
        client.webhooks.get("cmissing")
    assert caught.value.code
    assert caught.value.code in str(caught.value)


def test_patch_is_tried_once_and_kept_to(client, emulator, caplog):
    """Where PUT is not known; the next update begins with PATCH."""
    made = client.webhooks.create(url=URL, events=EVENTS)
    emulator.faults(updateMethod="patch")
    with caplog.at_level(logging.INFO, "httpx2"):
        for path in ("a", "b"):
            changed = client.webhooks.update(made.id, url=f"http://127.0.0.1:9/{path}")
            assert f"http://127.0.0.1:9/{path}" == changed.url
    sent = [
        record.getMessage().split()[2] for record in caplog.records if record.getMessage().startswith("HTTP Request: P")
    ]
    assert sent[:3] == ["PUT", "PATCH", "PATCH"]


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize("is_known", [False, True])
def test_an_update_of_what_is_not_there_is_not_found(client, emulator, method, is_known):
    """The second method does not hide what the first has said."""
    emulator.faults(updateMethod=method)
    if is_known:
        made = client.webhooks.create(url=URL, events=EVENTS)
        client.webhooks.update(made.id, url=URL)
    with pytest.raises(NotFoundError):
        client.webhooks.update("cmissing", url=URL)


def test_reading_outlives_faults_of_the_service(client, emulator):
    """503 and 429 pass, within the attempts there are."""
    made = client.webhooks.create(url=URL, events=EVENTS)
    emulator.faults(failRequests=2)
    assert made.id == client.webhooks.get(made.id).id
    emulator.faults(rateLimitRequests=2)
    assert made.id == client.webhooks.get(made.id).id
    emulator.faults(rateLimitRequests=2)
    client.webhooks.delete(made.id)
    emulator.faults(rateLimitRequests=3)
    with pytest.raises(RateLimitedError) as caught:
        client.webhooks.list()
    assert (429, timedelta(0)) == (caught.value.status, caught.value.retry_after)


def test_the_services_clock_is_read(client, connect, emulator):
    """To a second, aware; and only for who has the key."""
    assert abs(datetime.now(UTC) - client.server_time()) < timedelta(minutes=1)
    with pytest.raises(AuthenticationError):
        connect(emulator.base_url, api_key="wrong").server_time()


def test_what_is_closed_makes_no_calls(connect, emulator):
    """Closing ends the client, and may be done twice."""
    client = connect(emulator.base_url, api_key=emulator.api_key)
    assert client.webhooks.list().items == ()
    close = client.aclose if hasattr(client, "aclose") else client.close
    close()
    close()
    with pytest.raises(RuntimeError, match="closed"):
        client.webhooks.list()
