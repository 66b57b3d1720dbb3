"""Reading replies: pure, and total for whatever comes."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from licensechain_hooks.client import (
    ApiError,
    AuthenticationError,
    DeliveryLog,
    NotFoundError,
    Page,
    RateLimitedError,
    Webhook,
    _calls,
)
from licensechain_hooks.client._replies import MAX_REPLY, Reply

KEY = SecretStr("lc_key")
GET = _calls.get_webhook("c1")
LIST = _calls.list_webhooks(page=1, limit=2)
LOGS = _calls.list_logs("c1", page=1, limit=2)
ONE = {"id": "cl9ebqhxk00003b600tymydho", "url": "https://a.example/hook", "events": ["license.revoked"]}
HTTP_DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


def reply(value, status=200, **headers):
    """A reply with JSON."""
    return Reply(
        status=status,
        headers={name.replace("_", "-"): text for name, text in headers.items()},
        body=json.dumps(value).encode(),
    )


def read(call, value, status=200, **headers):
    return call.parse(reply(value, status, **headers), KEY)


@pytest.mark.parametrize(
    "envelope", [ONE, {"data": ONE}, {"webhook": ONE}, {"data": {"webhook": ONE}}, {"success": True, "data": ONE}]
)
def test_every_shape_of_one_webhook(envelope):
    """An object, or one within."""
    webhook = read(GET, envelope)
    assert (ONE["id"], ONE["url"], ("license.revoked",)) == (webhook.id, webhook.url, webhook.events)
    assert (
        webhook.active,
        webhook.secret,
        webhook.created_at,
        webhook.updated_at,
        webhook.app_id,
    ) == (True, None, None, None, None)


@pytest.mark.parametrize(
    ("envelope", "total", "has_more"),
    [
        ({"data": [ONE, ONE], "pagination": {"page": 1, "limit": 2, "total": 3}}, 3, True),
        ({"data": [ONE, ONE], "pagination": {"page": 2, "limit": 2, "total": 4}}, 4, False),
        ({"data": [ONE, ONE], "total": 5, "page": 1, "limit": 2}, 5, True),
        ({"data": [ONE, ONE], "totalPages": 2}, None, True),
        ({"data": [ONE, ONE], "total_pages": 1}, None, False),
        ({"data": [ONE, ONE], "total": 2, "totalPages": 1}, 2, False),
        ({"data": [ONE, ONE], "pagination": {"hasMore": False, "total": 9}}, 9, False),
        ({"data": [ONE], "has_more": True}, None, True),
        ({"data": {"webhooks": [ONE], "total": 7}}, 7, True),
        ({"webhooks": [ONE, ONE]}, None, True),
        ({"webhooks": [ONE]}, None, False),
        ([ONE, ONE], None, True),
        ([ONE], None, False),
        ([], None, False),
        ({"data": [ONE], "total": True, "page": "1", "limit": -1}, None, False),
    ],
)
def test_every_shape_of_a_list(envelope, total, has_more):
    """Whether more follows comes from the numbers there are, else from whether the page is full."""
    page = read(LIST, envelope)
    assert (total, has_more) == (page.total, page.has_more)
    assert {ONE["id"]} >= {webhook.id for webhook in page.items}
    assert page.page in {1, 2}
    assert page.limit == 2


def test_names_in_both_styles():
    """camelCase as in the guide, snake_case as in some SDKs; what is unknown is kept."""
    moment = "2024-01-01T00:00:00Z"
    camel = read(GET, ONE | {"createdAt": moment, "updatedAt": moment, "appId": "a1", "active": False, "newField": [1]})
    snake = read(
        GET, ONE | {"created_at": moment, "updated_at": moment, "app_id": "a1", "status": "INACTIVE", "newField": [1]}
    )
    for webhook in (camel, snake):
        assert datetime(2024, 1, 1, tzinfo=UTC) == webhook.created_at == webhook.updated_at
        assert (webhook.app_id, webhook.active, webhook.model_extra["newField"]) == ("a1", False, [1])


@pytest.mark.parametrize(
    ("fields", "active"),
    [
        ({}, True),
        ({"active": False}, False),
        ({"status": "Active"}, True),
        ({"status": "disabled"}, False),
        ({"active": True, "status": "inactive"}, True),
        ({"active": None, "status": 7}, True),
    ],
)
def test_active_and_status_are_one_fact(fields, active):
    """Either says whether the service delivers."""
    assert active == read(GET, ONE | fields).active


@pytest.mark.parametrize(
    "odd",
    [
        {"createdAt": "yesterday"},
        {"createdAt": []},
        {"secret": 7.5},
        {"appId": {}},
        {"events": None},
        {"createdAt": 10**300},
    ],
)
def test_an_odd_field_loses_nothing_else(odd):
    """An optional field that cannot be read is absent."""
    webhook = read(GET, ONE | odd)
    assert (ONE["id"], None, None) == (webhook.id, webhook.created_at, webhook.app_id)


@pytest.mark.parametrize(
    "broken",
    [
        {"id": None},
        {"id": ""},
        {"id": "a b"},
        {"id": "x" * 256},
        {"url": None},
        {"events": "license.revoked"},
        {"events": [None]},
    ],
)
def test_what_lacks_its_id_or_url_is_no_webhook(broken):
    """The error names the field and the rule, not the value."""
    with pytest.raises(ApiError, match=r"answered 200, but that is no Webhook \((id|url|events)") as caught:
        read(GET, ONE | broken)
    assert "a b" not in str(caught.value)


def test_a_log_in_the_guides_words():
    """Status code, response body and success of one delivery."""
    log = read(
        LOGS,
        [
            {
                "id": "l1",
                "eventId": "e1",
                "eventType": "license.revoked",
                "statusCode": 500,
                "responseBody": "no",
                "success": False,
                "error": "x",
                "attempt": 2,
                "createdAt": "2024-01-01T00:00:00Z",
                "other": 1,
            }
        ],
    ).items[0]
    assert (
        DeliveryLog(
            id="l1",
            event_id="e1",
            event_type="license.revoked",
            status_code=500,
            response_body="no",
            success=False,
            error="x",
            attempt=2,
            created_at=datetime(2024, 1, 1, tzinfo=UTC),
            other=1,
        )
        == log
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": 204}, {"status_code": 204, "success": True}),
        ({"status": "failed", "http_status": 200}, {"status_code": 200, "success": False}),
        ({"status": "DELIVERED"}, {"success": True}),
        ({"status": "odd"}, {"success": None}),
        ({"status_code": 302}, {"success": False}),
        ({"statusCode": 99}, {"status_code": None}),
        ({"statusCode": "401"}, {"status_code": 401}),
        ({"event": {"id": "e1", "type": "a.b"}}, {"event_id": "e1", "event_type": "a.b"}),
        ({"event": "a.b"}, {"event_type": "a.b", "event_id": None}),
        ({"event_id": "e1", "event": {"id": "e2"}}, {"event_id": "e1", "event_type": None}),
        ({"response": {"status": "processed"}}, {"response_body": '{"status": "processed"}'}),
        ({"errorMessage": {"code": "ECONNREFUSED"}}, {"error": '{"code": "ECONNREFUSED"}'}),
        ({"attemptNumber": 3}, {"attempt": 3}),
        ({"attempts": "many"}, {"attempt": None}),
        ({"deliveredAt": "2024-01-01T00:00:00"}, {"created_at": datetime(2024, 1, 1, tzinfo=UTC)}),
        ({"id": 12}, {"id": "12"}),
    ],
)
def test_a_log_in_other_words(fields, expected):
    """Names that other services use for the same; what is missing is None."""
    log = read(LOGS, {"logs": [{"id": "l1"} | fields]}).items[0]
    assert expected == {name: getattr(log, name) for name in expected}


@pytest.mark.parametrize("odd", [7, None, "l1", [], {}, {"statusCode": 200}])
def test_what_has_no_id_is_no_log(odd):
    """The error says of what kind the record should have been."""
    with pytest.raises(ApiError, match="that is no DeliveryLog"):
        read(LOGS, [odd])


@pytest.mark.parametrize("body", [None, 7, "x", {}, {"data": None}, {"data": {"webhooks": {"data": 1}}}])
def test_what_is_no_list(body):
    """However deep one looks."""
    with pytest.raises(ApiError, match="that is no list"):
        read(LIST, body)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"NaN", b"<html>", b"[" * 10_000, b'"\\ud800"'])
def test_what_is_no_json(body):
    """It is likely that the base URL leads elsewhere."""
    with pytest.raises(ApiError, match="is base_url right"):
        GET.parse(Reply.of(200, [], body), KEY)


def test_nobody_elses_words_in_a_repr():
    """A repr ends up in logs: no secret, no URL, no body."""
    webhook = read(GET, ONE | {"secret": "whsec_1", "signingSecret": "whsec_2"})
    log = read(LOGS, [{"id": "l1", "responseBody": "whsec_1", "error": "whsec_2", "statusCode": 200}]).items[0]
    assert webhook.secret.get_secret_value() == "whsec_1"
    for text in (
        repr(webhook),
        str(webhook),
        repr(log),
        str(log),
        repr(reply(ONE)),
        repr(_calls.create_webhook(url="u", events=[], secret="whsec_1")),
    ):
        assert "whsec" not in text
        assert "a.example" not in text
    assert "whsec_1" not in webhook.model_dump_json(exclude={"signingSecret"})


def test_models_are_values():
    """They do not change."""
    with pytest.raises(ValidationError):
        read(GET, ONE).url = "https://b.example"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ApiError),
        (401, AuthenticationError),
        (403, AuthenticationError),
        (404, NotFoundError),
        (405, ApiError),
        (409, ApiError),
        (429, RateLimitedError),
        (500, ApiError),
        (503, ApiError),
        (100, ApiError),
        (600, ApiError),
    ],
)
def test_the_status_decides_the_class(status, kind):
    """Whatever the body says."""
    for body in ({"error": {"code": "x", "message": "y"}}, ONE, [], None):
        with pytest.raises(ApiError) as caught:
            read(GET, body, status)
        assert (kind, status) == (type(caught.value), caught.value.status)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (
            {"error": {"code": "invalid_url", "message": "no URL"}},
            "invalid_url",
            "the API answered 400 (invalid_url: no URL)",
        ),
        ({"error": {"message": "no URL"}}, None, "the API answered 400 (no URL)"),
        ({"error": "no URL"}, None, "the API answered 400 (no URL)"),
        ({"message": "no URL"}, None, "the API answered 400 (no URL)"),
        ({"error": "Bad Request", "message": "no URL", "code": "E1"}, "E1", "the API answered 400 (E1: no URL)"),
        ({"error": 7}, None, "the API answered 400"),
        ({"error": {"code": 7}}, None, "the API answered 400"),
        ({}, None, "the API answered 400"),
        ("text", None, "the API answered 400"),
        ({"message": "one\r\n\x1b[31mtwo\x07"}, None, "the API answered 400 (one   [31mtwo )"),
        ({"message": "x" * 1000}, None, f"the API answered 400 ({'x' * 300}…)"),
        ({"message": "key lc_key, secret s3cret"}, None, "the API answered 400 (key […], secret […])"),
    ],
)
def test_every_shape_of_an_error(body, code, message):
    """The API's words on one line, of a bounded length, without what may not be told."""
    call = _calls.create_webhook(url="u", events=[], secret="s3cret")
    with pytest.raises(ApiError) as caught:
        read(call, body, 400)
    assert (code, message) == (caught.value.code, str(caught.value))


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry_after": "0"}, timedelta(0)),
        ({"retry_after": " 7 "}, timedelta(seconds=7)),
        ({"retry_after": "-7"}, None),
        ({"retry_after": "1.5"}, None),
        ({"retry_after": "9" * 5000}, timedelta(seconds=10**8)),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "²"}, None),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:09 GMT", "date": HTTP_DATE}, timedelta(seconds=9)),
        ({"retry_after": HTTP_DATE, "date": "Wed, 21 Oct 2026 07:29:00 GMT"}, timedelta(0)),
        ({"retry_after": "Wed, 99 Oct 2026 07:28:09 GMT", "date": HTTP_DATE}, None),
        ({"retry_after": "Fri, 31 Dec 9999 23:59:59 -2359", "date": HTTP_DATE}, None),
    ],
)
def test_how_long_to_wait(headers, wait):
    """Seconds, or an HTTP date by the service's own clock; anything else says nothing."""
    with pytest.raises(RateLimitedError) as caught:
        read(GET, {}, 429, **headers)
    assert wait == caught.value.retry_after


def test_a_date_is_compared_with_our_clock_where_the_service_shows_none():
    """The best there is."""
    with pytest.raises(RateLimitedError) as caught:
        read(GET, {}, 429, retry_after="Wed, 21 Oct 2020 07:28:00 GMT")
    assert timedelta(0) == caught.value.retry_after


@pytest.mark.parametrize(
    ("method", "error", "again"),
    [
        ("GET", {"status": 500}, True),
        ("GET", {"status": 503, "retry_after": timedelta(seconds=2)}, timedelta(seconds=2)),
        ("GET", {"status": 503, "retry_after": timedelta(0)}, timedelta(0)),
        ("GET", {"status": 503, "retry_after": _calls.LONGEST_WAIT + timedelta(seconds=1)}, False),
        ("GET", {"status": 404}, False),
        ("GET", {"status": 200}, False),
        ("PUT", {"status": 503}, False),
        ("DELETE", {"status": 503}, False),
    ],
)
def test_what_is_done_again(method, error, again):
    """Only what was certainly not done."""
    assert again is _calls.retry_after(method, ApiError("x", **error)) or again == _calls.retry_after(
        method, ApiError("x", **error)
    )
    assert type(again) is type(_calls.retry_after(method, ApiError("x", **error)))


def test_other_errors_are_not_repeated():
    """A fault in this program is none of the network's."""
    assert _calls.retry_after("GET", KeyError()) is False


@pytest.mark.parametrize("identity", ["", ".", "..", "a b", "é", "x" * 256, "a\n", None, 7])
def test_an_id_that_cannot_be_one_enters_no_path(identity):
    """And is not repeated in the message, for it may be a key in the wrong place."""
    for call in (_calls.get_webhook, _calls.delete_webhook, _calls.test_webhook):
        with pytest.raises(ValueError, match="printable ASCII"):
            call(identity)


def test_an_id_is_encoded():
    """It is opaque: a slash or a question mark in it is no part of the address."""
    assert _calls.list_logs("../a?b#%:", page=1, limit=2).path == "/webhooks/..%2Fa%3Fb%23%25%3A/logs?page=1&limit=2"


@pytest.mark.parametrize("number", [0, -1, True, "1", None, 1.5])
def test_a_page_has_a_number(number):
    """From 1, and so has a limit."""
    with pytest.raises(ValueError, match="page must be a number"):
        _calls.list_webhooks(page=number, limit=1)
    with pytest.raises(ValueError, match="limit must be a number"):
        _calls.list_webhooks(page=1, limit=number)


def test_calls_that_make_no_sense():
    """They fail before anything is sent."""
    with pytest.raises(TypeError, match="not one string"):
        _calls.create_webhook(url="u", events="license.revoked", secret=None)
    with pytest.raises(ValueError, match="nothing to update"):
        _calls.update_webhook("c1", url=None, events=None, method="PUT")
    with pytest.raises(ValueError, match="secret is empty"):
        _calls.create_webhook(url="u", events=[], secret="")


def test_an_update_to_no_events_is_an_update():
    """Not given and empty are two things."""
    assert json.loads(_calls.update_webhook("c1", url=None, events=iter(()), method="PUT").body) == {"events": []}


@pytest.mark.parametrize(
    ("put", "patch", "raised", "known"),
    [
        (404, 404, "patch", None),
        (404, 405, "put", "PUT"),
        (405, 404, "patch", "PATCH"),
        (405, 405, "put", None),
        (405, 400, "patch", "PATCH"),
        (404, 500, "patch", None),
    ],
)
def test_which_error_of_two_is_raised(put, patch, raised, known):
    """Not that of the method that the service does not know, where one can tell."""
    errors = {"put": ApiError("put", status=put), "patch": ApiError("patch", status=patch)}
    error, method = _calls.error_of_both(errors["put"], errors["patch"])
    assert (raised, known) == (str(error), method)


def test_the_date_of_a_reply():
    """Aware UTC, or nothing."""
    call = _calls.server_time()
    assert datetime(2026, 10, 21, 7, 28, tzinfo=UTC) == read(call, [], date=HTTP_DATE)
    assert datetime(2026, 10, 21, 5, 28, tzinfo=UTC) == read(call, [], date="Wed, 21 Oct 2026 07:28:00 +0200")
    assert datetime(2026, 10, 21, 7, 28, tzinfo=UTC) == read(call, [], date="Wed, 21 Oct 2026 07:28:00 -0000")
    assert read(call, []) is None
    assert read(call, [], date="now") is None


def test_a_reply_that_is_too_long_is_cut_off():
    """And is not taken for whole."""
    assert Reply.of(200, [], b"x" * MAX_REPLY).is_whole
    cut = Reply.of(200, [(b"Date", b"\xff")], b"x" * (MAX_REPLY + 1))
    assert (cut.is_whole, len(cut.body), cut.headers) == (False, MAX_REPLY, {"date": "ÿ"})


CALLS = [
    GET,
    LIST,
    LOGS,
    _calls.server_time(),
    _calls.delete_webhook("c1"),
    _calls.create_webhook(url="u", events=["a.b"], secret="s3cret"),
]
WORDS = st.sampled_from(
    [
        "id",
        "url",
        "events",
        "data",
        "webhook",
        "webhooks",
        "logs",
        "pagination",
        "page",
        "limit",
        "total",
        "totalPages",
        "hasMore",
        "status",
        "active",
        "error",
        "code",
        "message",
        "event",
        "type",
        "createdAt",
        "statusCode",
        "secret",
        "success",
        "attempts",
        "response",
    ]
)
TEXTS = st.sampled_from(["c1", "lc_key", "s3cret", "2024-01-01T00:00:00Z", "active"]) | st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=6),
    max_leaves=15,
)
BODIES = VALUES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"Retry-After", b"Date", b"Content-Encoding", b"X"]),
        st.binary(max_size=12) | st.sampled_from([HTTP_DATE.encode(), b"9" * 4999]),
    ),
    max_size=3,
)


@given(st.sampled_from(CALLS), st.sampled_from([200, 201, 204, 404, 429, 500]) | st.integers(100, 999), HEADERS, BODIES)
def test_any_reply_gives_a_model_or_a_typed_error(call, status, headers, body):
    """Nothing else comes out, and no secret is in what does."""
    result = parsed(call, Reply.of(status, headers, body))
    if not isinstance(result, ApiError):
        assert 200 <= status < 300
        assert isinstance(result, Webhook | Page | datetime | None)
        return
    assert result.status == status
    for text in (str(result), repr(result), str(result.code), str(result.__cause__)):
        assert "lc_key" not in text
        if b"s3cret" in (call.body or b""):  # who has not sent it cannot know what it is
            assert "s3cret" not in text


def parsed(call, reply):
    """What a call makes of a reply: a result or an error."""
    try:
        return call.parse(reply, KEY)
    except ApiError as error:
        return error
