"""Replies of the management API: a result, or an `ApiError` that tells nothing secret; never anything else.

The first line of an input is a status and a call.
"""

from datetime import datetime, timedelta

from pydantic import SecretStr

from licensechain_hooks.client import _calls
from licensechain_hooks.client._replies import Reply
from licensechain_hooks.client.exceptions import ApiError
from licensechain_hooks.client.models import DeliveryLog, Page, Webhook
from tests.fuzz._text import read_message

__all__ = ["DICTIONARY", "SEEDS", "run"]

API_KEY = SecretStr("the-key-of-the-fuzzer")
SECRET = SecretStr("the-secret-of-the-fuzzer")
CALLS = {
    b"get": _calls.get_webhook("wh_1"),
    b"create": _calls.create_webhook(url="https://example.com/", events=["license.revoked"], secret=SECRET),
    b"list": _calls.list_webhooks(page=2, limit=10),
    b"logs": _calls.list_logs("wh_1", page=1, limit=10),
    b"delete": _calls.delete_webhook("wh_1"),
    b"time": _calls.server_time(),
}
_LONGEST = 1000  # characters of a message


def run(data: bytes) -> None:
    """One input.

    Raises:
        AssertionError: a promise is broken.
    """
    message = read_message(data)
    status = int(message.word(0)) if message.word(0).isdigit() and len(message.word(0)) == 3 else 200
    name = message.word(1) if message.word(1) in CALLS else b"list"
    reply = Reply.of(status, message.headers, message.body)
    try:
        result = CALLS[name].parse(reply, API_KEY)
    except ApiError as error:
        _check_error(error, reply, CALLS[name].secrets)
    else:
        assert 200 <= status < 300
        _CHECKS[name](result)


def _check_error(error: ApiError, reply: Reply, sent: tuple[SecretStr, ...]) -> None:
    said = f"{error} {error!r} {error.code}"
    assert error.status == reply.status
    assert [secret for secret in (API_KEY, *sent) if secret.get_secret_value() in said] == []
    assert str(error).isprintable()
    assert len(str(error)) <= _LONGEST
    assert error.retry_after is None or timedelta(0) <= error.retry_after
    wait = _calls.retry_after("GET", error)
    assert isinstance(wait, bool | timedelta)


def _check_webhook(webhook: Webhook) -> None:
    assert isinstance(webhook, Webhook)
    assert 0 < len(webhook.id) <= 255
    assert webhook.id.isascii()
    assert webhook.id.isprintable()
    assert webhook.secret is None or isinstance(webhook.secret, SecretStr)
    assert webhook.created_at is None or webhook.created_at.tzinfo is not None
    repr(webhook)


def _check_log(log: DeliveryLog) -> None:
    assert isinstance(log, DeliveryLog)
    assert log.created_at is None or log.created_at.tzinfo is not None
    assert log.success is None or isinstance(log.success, bool)
    repr(log)


def _check_page(check):
    def check_page(page: Page) -> None:
        assert page.page >= 1
        assert page.limit >= 1
        assert page.total is None or page.total >= 0
        assert isinstance(page.has_more, bool)
        for item in page.items:
            check(item)

    return check_page


def _check_nothing(result: object) -> None:
    assert result is None


def _check_time(moment: datetime | None) -> None:
    assert moment is None or moment.tzinfo is not None


_CHECKS = {
    b"get": _check_webhook,
    b"create": _check_webhook,
    b"list": _check_page(_check_webhook),
    b"logs": _check_page(_check_log),
    b"delete": _check_nothing,
    b"time": _check_time,
}

_WEBHOOK = (
    b'{"id":"wh_1","url":"https://example.com/","events":["license.revoked"],"secret":"s","active":true,'
    b'"createdAt":"2026-01-01T00:00:00Z","app_id":"app_1"}'
)
_LOG = (
    b'{"id":"log_1","event":"license.revoked","eventId":"evt_1","statusCode":200,"success":true,"attempt":1,'
    b'"responseBody":"ok","createdAt":"2026-01-01T00:00:00Z","error":null}'
)

SEEDS = [
    b"200 get\n\n" + _WEBHOOK,
    b'200 get\n\n{"data":' + _WEBHOOK + b"}",
    b'201 create\n\n{"webhook":' + _WEBHOOK.replace(b'"active":true', b'"status":"INACTIVE"') + b"}",
    b"200 list\n\n[" + _WEBHOOK + b"," + _WEBHOOK + b"]",
    b'200 list\n\n{"webhooks":[' + _WEBHOOK + b'],"total":11,"page":1,"limit":10}',
    b'200 list\n\n{"data":[],"pagination":{"page":1,"limit":10,"totalPages":2,"hasMore":false}}',
    b'200 list\n\n{"data":{"webhooks":[' + _WEBHOOK + b']},"total_pages":3}',
    b'200 logs\n\n{"logs":[' + _LOG + b"]}",
    b'200 logs\n\n{"data":[' + _LOG.replace(b"200", b'"404"').replace(b"true", b'"false"') + b"]}",
    b"204 delete\n\n",
    b"200 time\nDate: Sun, 01 Mar 2026 12:00:00 GMT\n\n{}",
    b'400 create\n\n{"error":{"code":"invalid","message":"the-secret-of-the-fuzzer is no secret"}}',
    b'401 list\n\n{"message":"the-key-of-the-fuzzer is no key"}',
    b'429 get\nRetry-After: 30\n\n{"error":"too many"}',
    b"503 get\nRetry-After: Sun, 01 Mar 2026 12:00:30 GMT\nDate: Sun, 01 Mar 2026 12:00:00 GMT\n\n",
    b"302 get\nLocation: https://example.com/\n\n",
    b"200 get\nContent-Encoding: gzip\n\n" + _WEBHOOK,
    b"200 get\n\n<html>",
]

DICTIONARY = [
    *(
        b"Retry-After: ",
        b"Date: ",
        b"Content-Encoding: ",
        b"identity",
        b"Sun, 01 Mar 2026 12:00:00 GMT",
        b"-0000",
        b"+2400",
    ),
    *(b'"id":', b'"url":', b'"events":', b'"secret":', b'"active":', b'"status":', b'"createdAt":', b'"created_at":'),
    *(b'"data":', b'"webhook":', b'"webhooks":', b'"logs":', b'"pagination":', b'"page":', b'"limit":', b'"total":'),
    *(b'"totalPages":', b'"total_pages":', b'"hasMore":', b'"has_more":', b'"error":', b'"message":', b'"code":'),
    *(b'"eventId":', b'"statusCode":', b'"success":', b'"responseBody":', b'"attempt":', b'"appId":', b'"updatedAt":'),
    *(
        b"the-key-of-the-fuzzer",
        b"the-secret-of-the-fuzzer",
        b"ACTIVE",
        b"inactive",
        b"null",
        b"true",
        b"false",
        b"NaN",
    ),
    *(
        b"1e999",
        b"-1",
        b"99999999999999999999",
        b"\\u0000",
        b"\\ud800",
        b"\\u202e",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"[[",
        b"{}",
    ),
]
