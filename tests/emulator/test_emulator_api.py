"""The emulator's management API: what the guide says of it, and what is refused."""

import re

import httpx2
import pytest

URL = "http://127.0.0.1:1/hook"
ID = r"c[a-z0-9]{24}"


def error_of(reply):
    """The status and the code of an error."""
    return reply.status_code, reply.json()["error"]["code"]


def test_a_webhook_from_creation_to_deletion(emulator):
    """A webhook is registered, read, changed and deleted."""
    created = emulator.webhook(URL, "license.created", "payment.failed")
    assert re.fullmatch(ID, created["id"])
    path = f"/v1/webhooks/{created['id']}"
    shown = {name: value for name, value in created.items() if name != "secret"}
    assert emulator.call("GET", path) == shown
    changed = emulator.call("PUT", path, {"url": f"{URL}/2"})
    assert (changed["url"], changed["events"]) == (f"{URL}/2", ["license.created", "payment.failed"])
    assert emulator.call("PUT", path, {"events": ["user.created"]})["events"] == ["user.created"]
    assert emulator.call("PUT", path, {"active": False})["active"] is False
    assert emulator.request("DELETE", path).status_code == 204
    assert error_of(emulator.request("GET", path)) == (404, "not_found")
    assert error_of(emulator.request("DELETE", path)) == (404, "not_found")


def test_the_secret_is_shown_once(shared):
    """Only the reply to the creation has the secret: generated when omitted, else the one that was given."""
    made_up, given = shared.webhook(URL), shared.webhook(URL, secret="the-secret-that-was-given")
    assert re.fullmatch(r"[0-9a-f]{64}", made_up["secret"])
    assert given["secret"] == "the-secret-that-was-given"
    path = f"/v1/webhooks/{given['id']}"
    later = [
        shared.request("GET", path),
        shared.request("GET", "/v1/webhooks"),
        shared.request("PUT", path, {"url": URL}),
        shared.request("GET", "/emulator/webhooks"),
    ]
    assert [reply.status_code for reply in later] == [200] * 4
    assert not any("secret" in reply.text for reply in later)


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", "Basic {key}", "{key}", "Bearer {key}x", "Bearer \xe9"],
)
def test_the_api_key_is_asked_for(authorization, shared):
    """Without the API key every call is answered 401, even one that is not valid or leads nowhere."""
    headers = (
        {} if authorization is None else {"Authorization": authorization.format(key=shared.api_key).encode("latin-1")}
    )
    for path in ("/v1/webhooks", "/v1/webhooks?limit=0", "/v1/nowhere", "/v1"):
        reply = httpx2.get(f"{shared.url}{path}", headers=headers, trust_env=False)
        assert (*error_of(reply), reply.headers["www-authenticate"]) == (401, "unauthorized", "Bearer")


def test_pages(emulator):
    """Lists come in pages of ten, or of a limit; the total is of all pages."""
    ids = [emulator.webhook(URL)["id"] for _ in range(12)]
    first, second = (emulator.call("GET", f"/v1/webhooks?page={page}") for page in (1, 2))
    assert [item["id"] for item in first["data"] + second["data"]] == ids
    assert first["pagination"] == {"page": 1, "limit": 10, "total": 12}
    third = emulator.call("GET", "/v1/webhooks?page=3&limit=5")
    assert ([item["id"] for item in third["data"]], third["pagination"]["limit"]) == (ids[10:], 5)
    assert emulator.call("GET", "/v1/webhooks?page=9")["data"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": URL},
        {"url": URL, "events": []},
        {"url": URL, "events": "license.created"},
        {"url": URL, "events": ["license"]},
        {"url": URL, "events": ["*"]},
        {"url": URL, "events": ["license.created", "license.created"]},
        {"url": URL, "events": ["a." + "b" * 100]},
        {"url": "ftp://127.0.0.1/", "events": ["a.b"]},
        {"url": "http://", "events": ["a.b"]},
        {"url": "http://user:word@127.0.0.1/", "events": ["a.b"]},
        {"url": "http://127.0.0.1:99999/", "events": ["a.b"]},
        {"url": "http://127.0.0.1/ a", "events": ["a.b"]},
        {"url": "http://[::1/", "events": ["a.b"]},
        {"url": URL, "events": ["a.b"], "secret": ""},
        {"url": URL, "events": ["a.b"], "secret": "two words"},
        {"url": URL, "events": ["a.b"], "evnets": []},
        {"url": URL, "events": ["a.b"], "\ud800": "a name that is no text"},
        [],
        "text",
    ],
)
def test_invalid_webhooks(body, shared):
    """What is not valid is answered with 400, and nothing is registered."""
    before = shared.call("GET", "/v1/webhooks")["pagination"]["total"]
    assert error_of(shared.request("POST", "/v1/webhooks", body)) == (400, "bad_request")
    assert shared.call("GET", "/v1/webhooks")["pagination"]["total"] == before


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 50_000, b'{"url": 1e999999}', b"9" * 5000, b"null"])
def test_bodies_that_are_no_json(content, shared):
    """Bytes that are no JSON, or too much of it, are answered with 400."""
    reply = shared.request("POST", "/v1/webhooks", content=content, headers={"Content-Type": "application/json"})
    assert error_of(reply) == (400, "bad_request")


def test_messages_hold_no_values(shared):
    """A message says what is wrong where, not what was sent: that may be a secret."""
    reply = shared.request("POST", "/v1/webhooks", {"url": "hunter2", "events": ["hunter2"], "secret": "hunter2 "})
    assert ("hunter2" in reply.text, "body.url" in reply.text, "body.secret" in reply.text) == (False, True, True)


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_large_bodies(framing, shared):
    """A body over 64 KiB is answered with 413, however its length is told."""
    content = b"x" * 70_000
    given = content if framing == "length" else iter([content[:40_000], content[40_000:]])
    reply = shared.request("POST", "/v1/webhooks", content=given, headers={"Content-Type": "application/json"})
    assert error_of(reply) == (413, "payload_too_large")


@pytest.mark.parametrize("query", ["page=0", "page=x", "limit=0", "limit=101", "page=99999999999999999999"])
def test_pages_that_are_none(query, shared):
    """A page or a limit that cannot be is answered with 400."""
    assert error_of(shared.request("GET", f"/v1/webhooks?{query}")) == (400, "bad_request")


def test_methods_of_a_resource(shared):
    """Another method is answered with 405, which names all that there are."""
    reply = shared.request("POST", "/v1/webhooks/cx")
    assert error_of(reply) == (405, "method_not_allowed")
    assert reply.headers["allow"] == "DELETE, GET, PATCH, PUT"


def test_a_license_from_creation_to_deletion(emulator):
    """What is not given of a license is made up; it can be changed, extended, expired, revoked and deleted."""
    created = emulator.license(name="Ada", userId="user_1", expiresAt="2030-01-01T01:00:00+01:00")
    assert (created["name"], created["userId"], created["status"]) == ("Ada", "user_1", "active")
    assert created["expiresAt"] == "2030-01-01T00:00:00.000Z"
    assert re.fullmatch(
        rf"{ID} {ID} LC(-[A-Z2-9]{{4}}){{4}}", " ".join(created[name] for name in ("id", "productId", "licenseKey"))
    )
    path = f"/v1/licenses/{created['id']}"
    assert emulator.call("PATCH", path, {"name": "Grace"})["name"] == "Grace"
    assert emulator.call("POST", f"{path}/extend", {"days": 1})["expiresAt"] == "2030-01-02T00:00:00.000Z"
    assert emulator.call("POST", f"{path}/extend")["expiresAt"] == "2030-02-01T00:00:00.000Z"
    later = {"expiresAt": "2031-01-01T00:00:00Z"}
    assert emulator.call("POST", f"{path}/extend", later)["expiresAt"] == "2031-01-01T00:00:00.000Z"
    assert emulator.call("POST", f"{path}/expire")["status"] == "expired"
    assert emulator.call("POST", f"{path}/extend")["status"] == "active"
    assert emulator.call("POST", f"{path}/revoke")["status"] == "revoked"
    assert [item["id"] for item in emulator.call("GET", "/v1/licenses")["data"]] == [created["id"]]
    assert emulator.request("DELETE", path).status_code == 204
    assert error_of(emulator.request("GET", path)) == (404, "not_found")


def test_changes_that_do_not_fit(emulator):
    """What does not fit the state of a license is answered with 409, and changes nothing."""
    license_ = emulator.license(licenseKey="KEY-1")
    path = f"/v1/licenses/{license_['id']}"
    assert error_of(emulator.request("POST", "/v1/licenses", {"licenseKey": "KEY-1"})) == (409, "conflict")
    past = {"expiresAt": "2001-01-01T00:00:00Z"}
    assert error_of(emulator.request("POST", f"{path}/extend", past)) == (409, "conflict")
    emulator.call("POST", f"{path}/expire")
    assert error_of(emulator.request("POST", f"{path}/expire")) == (409, "conflict")
    revoked = emulator.call("POST", f"{path}/revoke")
    for action in ("revoke", "expire", "extend"):
        assert error_of(emulator.request("POST", f"{path}/{action}")) == (409, "conflict")
    assert emulator.call("GET", path) == revoked


def test_the_end_of_the_calendar(shared):
    """A license cannot be extended beyond the years that a time can tell."""
    path = f"/v1/licenses/{shared.license(expiresAt='8999-12-31T00:00:00Z')['id']}/extend"
    assert error_of(shared.request("POST", path, {"days": 36_500})) == (409, "conflict")
    for moment in ("9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00", "2030-02-30T00:00:00Z", "2030-01-01"):
        assert error_of(shared.request("POST", "/v1/licenses", {"expiresAt": moment})) == (400, "bad_request")


def test_payments(shared):
    """A payment is for a license that there is."""
    license_ = shared.license(userId="user_1")
    payment = shared.call("POST", "/v1/payments", {"licenseId": license_["id"], "status": "succeeded"})
    assert (payment["licenseId"], payment["userId"], payment["status"]) == (license_["id"], "user_1", "succeeded")
    missing = {"licenseId": "nothing", "status": "failed"}
    assert error_of(shared.request("POST", "/v1/payments", missing)) == (404, "not_found")
    other = {"licenseId": license_["id"], "status": "refunded"}
    assert error_of(shared.request("POST", "/v1/payments", other)) == (400, "bad_request")


def test_the_document(shared):
    """OpenAPI 3.1 at /openapi.json: every call, its errors in one shape, and the events as webhooks."""
    document = shared.call("GET", "/openapi.json")
    assert document["openapi"] == "3.1.0"
    assert {"license.revoked", "payment.failed"} < set(document["webhooks"])
    for path, calls in document["paths"].items():
        for call in calls.values():
            expected = {"400", "403", "413", "503"} | ({"401", "429"} if path.startswith("/v1") else set())
            assert expected <= set(call["responses"]), path
            assert "422" not in call["responses"]
