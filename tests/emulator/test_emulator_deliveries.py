"""What the emulator delivers, seen from a receiver: it verifies, comes in order, comes again, and is logged."""

import json
import socket
import threading
from datetime import timedelta

import pytest
from emulated import Emulated

from licensechain_hooks import Endpoint, HookRequest, Hooks, Receiver
from licensechain_hooks.exceptions import ConfigurationError

LICENSE_TYPES = [f"license.{name}" for name in ("created", "updated", "extended", "expired", "revoked", "deleted")]
ALL_TYPES = [*LICENSE_TYPES, "payment.succeeded", "payment.failed"]


def events_of(receiving):
    """The events that came."""
    return [json.loads(request.body) for request in receiving.requests]


def types_of(receiving):
    """The types that came."""
    return [event["type"] for event in events_of(receiving)]


def test_a_delivery_verifies(emulator, receiving):
    """A delivery is what the guide says, and our own receiver takes it."""
    webhook = emulator.webhook(receiving.url, "license.created")
    license_ = emulator.license(userId="user_7")
    emulator.settled(1)
    (request,) = receiving.requests
    seen = []
    hooks = Hooks()
    hooks.on("license.created")(seen.append)
    receiver = Receiver(Endpoint(secrets=[webhook["secret"]]), hooks)
    outcome = receiver.receive(HookRequest(body=request.body, headers=request.headers))
    assert (outcome.name, seen[0].data.id, seen[0].data.user_id) == ("processed", license_["id"], "user_7")
    assert {name.lower() for name in request.headers} >= {"x-webhook-signature", "x-webhook-timestamp", "content-type"}
    event = json.loads(request.body)
    assert [*event] == ["id", "type", "data", "timestamp"]
    assert [*event["data"]] == ["id", "licenseKey", "userId", "productId", "status", "expiresAt", "createdAt"]


def test_every_change_is_an_event(emulator, receiving):
    """Each change of a license, and each payment, is told in the order in which it happened."""
    emulator.webhook(receiving.url, *ALL_TYPES)
    license_ = emulator.license()
    path = f"/v1/licenses/{license_['id']}"
    emulator.call("PATCH", path, {"name": "Ada"})
    for action in ("extend", "expire", "revoke"):
        emulator.call("POST", f"{path}/{action}")
    for status in ("succeeded", "failed"):
        emulator.call("POST", "/v1/payments", {"licenseId": license_["id"], "status": status})
    emulator.call("DELETE", path)
    emulator.settled(8)
    expected = [*LICENSE_TYPES[:5], "payment.succeeded", "payment.failed", "license.deleted"]
    assert types_of(receiving) == expected
    statuses = ["active", "active", "active", "expired", "revoked", "succeeded", "failed", "deleted"]
    assert [event["data"]["status"] for event in events_of(receiving)] == statuses


def test_who_is_told(emulator, receiving):
    """An event goes to the active webhooks that ask for its type, to each with its own signature."""
    one, two = (emulator.webhook(receiving.url, "license.created") for _ in range(2))
    emulator.webhook(receiving.url, "license.revoked")
    idle = emulator.webhook(receiving.url, "license.created")
    emulator.call("PUT", f"/v1/webhooks/{idle['id']}", {"active": False})
    emulator.license()
    assert {delivery["webhookId"] for delivery in emulator.settled(2)} == {one["id"], two["id"]}
    assert len({request.headers["X-Webhook-Signature"] for request in receiving.requests}) == 2
    assert len({event["id"] for event in events_of(receiving)}) == 1


@pytest.mark.parametrize("event_type", [*ALL_TYPES, "user.created", "starship.launched"])
def test_the_test_delivery(event_type, shared, receiving):
    """A webhook's test delivers a sample event of a type that it asks for, which is valid."""
    webhook = shared.webhook(receiving.url, event_type)
    replied = shared.call("POST", f"/v1/webhooks/{webhook['id']}/test")
    shared.settled(1)
    (request,) = receiving.requests
    event = Endpoint(secrets=[webhook["secret"]]).open(request.headers, request.body)
    assert (event.id, event.type) == (replied["eventId"], event_type)
    assert event.is_known == (event_type != "starship.launched")


def test_logs(emulator, receiving):
    """A log has the status, the reply and whether it was a success, newest first, in pages."""
    webhook = emulator.webhook(receiving.url)
    receiving.answers = lambda number: (500, {}, b"oh no") if number == 0 else (200, {}, b'{"status": "accepted"}')
    emulator.license()
    emulator.settled(2)
    path = f"/v1/webhooks/{webhook['id']}/logs"
    second, first = emulator.call("GET", path)["data"]
    assert (first["statusCode"], first["success"], first["responseBody"], first["attempt"]) == (500, False, "oh no", 1)
    assert (second["statusCode"], second["success"], second["attempt"]) == (200, True, 2)
    assert first["eventId"] == second["eventId"]
    page = emulator.call("GET", f"{path}?page=2&limit=1")
    assert ([item["id"] for item in page["data"]], page["pagination"]["total"]) == ([first["id"]], 2)
    assert emulator.request("GET", "/v1/webhooks/nothing/logs").status_code == 404


def test_redelivery_follows_the_schedule(receiving):
    """A failure is delivered again as often as the schedule says: the same bytes, and one attempt more."""
    receiving.answers = lambda _number: 503
    with Emulated(redeliver=(timedelta(0), timedelta(milliseconds=20))) as emulator:
        emulator.webhook(receiving.url)
        emulator.license()
        deliveries = emulator.settled(3)
        emulator.license()  # and no fourth time until this one is over, too
        emulator.settled(6)
    assert [(delivery["attempt"], delivery["state"]) for delivery in deliveries] == [(n, "failed") for n in (1, 2, 3)]
    assert (len({request.body for request in receiving.requests[:3]}), len(receiving.requests)) == (1, 6)


def test_no_redelivery(receiving):
    """With an empty schedule a failure is the end of it."""
    receiving.answers = lambda _number: 500
    with Emulated(redeliver=()) as emulator:
        emulator.webhook(receiving.url)
        emulator.license()
        assert [delivery["attempt"] for delivery in emulator.settled(1)] == [1]


def test_send_again(emulator, receiving):
    """A delivery that is asked for again brings the same event in the same body, whatever became of the first."""
    webhook = emulator.webhook(receiving.url)
    emulator.license()
    (first,) = emulator.settled(1)
    reply = emulator.request("POST", f"/emulator/deliveries/{first['id']}/redeliver")
    assert (reply.status_code, reply.json()["state"], reply.json()["attempt"]) == (202, "pending", 2)
    emulator.settled(2)
    one, two = receiving.requests
    assert (one.body, one.headers["X-Webhook-Signature"]) == (two.body, two.headers["X-Webhook-Signature"])
    emulator.request("DELETE", f"/v1/webhooks/{webhook['id']}")
    assert emulator.request("POST", f"/emulator/deliveries/{first['id']}/redeliver").status_code == 409
    assert emulator.request("POST", "/emulator/deliveries/nothing/redeliver").status_code == 404


def test_details(emulator, receiving):
    """A delivery's details have what was sent and what came back; the list and the log have no bodies sent."""
    emulator.webhook(receiving.url)
    receiving.answers = lambda _number: (200, {"Content-Type": "application/json"}, b'{"status": "duplicate"}')
    emulator.license()
    (listed,) = emulator.settled(1)
    details = emulator.call("GET", f"/emulator/deliveries/{listed['id']}")
    (request,) = receiving.requests
    assert (details["requestBody"], details["responseBody"]) == (request.body.decode(), '{"status": "duplicate"}')
    assert details["requestHeaders"]["X-Webhook-Signature"] == request.headers["X-Webhook-Signature"]
    assert {name: details[name] for name in listed} == listed
    assert (listed["outcome"], listed["statusCode"], listed["fault"], listed["error"]) == ("duplicate", 200, None, None)
    assert listed["durationMs"] > 0


@pytest.mark.parametrize(
    ("answer", "state", "error"),
    [
        (204, "delivered", None),
        ((302, {"Location": "/elsewhere"}, b""), "failed", "answered 302, a redirect; none is followed"),
        (404, "failed", None),
        ((200, {}, b"x" * 200_000), "delivered", None),
        ((200, {"Content-Encoding": "gzip"}, b"not gzip"), "delivered", None),
        ((200, {}, b"\xff\xfe"), "delivered", None),
    ],
)
def test_replies(answer, state, error, shared, receiving):
    """2xx is a success, no redirect is followed, and whatever the body is does no harm."""
    receiving.answers = lambda _number: answer
    webhook = shared.webhook(receiving.url)
    shared.call("POST", f"/v1/webhooks/{webhook['id']}/test")
    shared.settled(1)
    first = [delivery for delivery in shared.deliveries() if delivery["webhookId"] == webhook["id"]][-1]
    assert (first["state"], first["error"]) == (state, error)
    assert receiving.requests[0].body
    assert len(shared.call("GET", f"/emulator/deliveries/{first['id']}")["responseBody"]) <= 4096


def _speak(listening, answer):
    """Take one connection, answer with these bytes, and hang up; without bytes, hang on until the other side does."""
    connection, _ = listening.accept()
    with connection:
        came = b""
        while not came.endswith(b"}"):  # what is left unread would reset the connection
            came += connection.recv(65536)
        if answer is not None:
            connection.sendall(answer)
            return
        while connection.recv(65536):
            pass


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (None, "did not answer within 0.3 seconds"),
        (b"", "closed the connection without a whole answer"),
        (b"220 ready\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal", "without a whole answer"),
    ],
)
def test_servers_that_do_not_answer(answer, error, tmp_path):
    """A server that hangs, hangs up, or speaks something else, is a failure with a clear reason."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_speak, args=(listening, answer), daemon=True)
        thread.start()
        with Emulated(redeliver=(), timeout=timedelta(seconds=0.3)) as emulator:
            emulator.webhook(f"http://127.0.0.1:{listening.getsockname()[1]}/")
            emulator.license()
            (delivery,) = emulator.settled(1)
        thread.join()
    assert (delivery["state"], delivery["statusCode"], error in delivery["error"]) == ("failed", None, True)


def test_a_trickle_is_no_answer():
    """The time-out is of the whole delivery: a reply that never ends is no success."""

    def trickle(listening):
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:
                    connection.sendall(b"x")
                    ended.wait(0.02)
            except OSError:
                return

    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=trickle, args=(listening,), daemon=True)
        thread.start()
        with Emulated(redeliver=(), timeout=timedelta(seconds=0.3)) as emulator:
            emulator.webhook(f"http://127.0.0.1:{listening.getsockname()[1]}/")
            emulator.license()
            (delivery,) = emulator.settled(1)
        thread.join()
    assert "did not answer within 0.3 seconds" in delivery["error"]


def test_nothing_listens(emulator):
    """Where nothing listens, the reason says so."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    emulator.webhook(f"http://127.0.0.1:{port}/")
    emulator.license()
    assert emulator.settled(2)[0]["error"] == f"nothing answers at 127.0.0.1:{port}: no connection"


@pytest.mark.parametrize("host", ["shop.example", "192.0.2.1", "127.0.0.1.example", "[2001:db8::1]"])
def test_other_machines_are_not_delivered_to(host, shared):
    """A webhook elsewhere is registered, but nothing is sent there, and the log says why."""
    webhook = shared.webhook(f"https://{host}/hook")
    shared.call("POST", f"/v1/webhooks/{webhook['id']}/test")
    shared.settled(1)
    log = shared.call("GET", f"/v1/webhooks/{webhook['id']}/logs")["data"]
    expected = f"{host.strip('[]')} is not this machine; start the emulator with --allow-remote if you mean it"
    assert {(entry["success"], entry["error"]) for entry in log} == {(False, expected)}


def test_a_webhook_that_hangs_holds_up_no_other(receiving):
    """Each webhook has its own turn: one whose server hangs does not keep another's deliveries."""
    with socket.create_server(("127.0.0.1", 0)) as listening, Emulated(redeliver=()) as emulator:
        emulator.webhook(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        well = emulator.webhook(receiving.url)
        emulator.license()
        path = f"/v1/webhooks/{well['id']}/logs"
        emulator.wait_for("the other's delivery", lambda: emulator.call("GET", path)["data"])
        assert [delivery["state"] for delivery in emulator.deliveries()] in (
            ["delivered", "pending"],
            ["pending", "delivered"],
        )


def test_a_deleted_webhook_gets_nothing_more(receiving):
    """What waits for a webhook that is deleted has failed, and the list says why."""
    receiving.answers = lambda _number: 500
    with Emulated(redeliver=(timedelta(hours=1),)) as emulator:
        webhook = emulator.webhook(receiving.url)
        emulator.license()
        emulator.wait_for("a redelivery to wait", lambda: len(emulator.deliveries()) == 2)
        emulator.request("DELETE", f"/v1/webhooks/{webhook['id']}")
        assert [delivery["error"] for delivery in emulator.settled(2)] == [None, "the webhook was deleted"]
    assert len(receiving.requests) == 1


def test_the_state_outlives_the_emulator(receiving, tmp_path):
    """With a state file, another run has the webhooks, licenses and logs, and delivers what was due."""
    state = tmp_path / "state.db"
    receiving.answers = lambda number: 500 if number == 0 else 200
    with Emulated(state=state, redeliver=(timedelta(seconds=0.5),)) as emulator:
        webhook = emulator.webhook(receiving.url)
        license_ = emulator.license()
        emulator.wait_for("a redelivery to wait", lambda: len(emulator.deliveries()) == 2)
    assert state.stat().st_mode & 0o077 == 0
    with Emulated(state=state) as emulator:
        assert emulator.call("GET", f"/v1/licenses/{license_['id']}") == license_
        states = [delivery["state"] for delivery in emulator.settled(2)]
    assert states == ["failed", "delivered"]
    for request in receiving.requests:
        Endpoint(secrets=[webhook["secret"]]).open(request.headers, request.body)


def test_a_state_has_one_emulator(tmp_path):
    """Two emulators on one file would deliver everything twice: the second is refused."""
    from licensechain_hooks.emulator._store import Store

    with Emulated(state=tmp_path / "state.db"), pytest.raises(ConfigurationError, match="another process"):
        Store(tmp_path / "state.db")


@pytest.mark.parametrize("content", [b"not a database, but a text of some length" * 100, None])
def test_files_that_are_no_state(content, tmp_path):
    """A file of something else is refused and left as it is."""
    import sqlite3

    from licensechain_hooks.emulator._store import Store

    path = tmp_path / "other.db"
    if content is None:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE other (id)")
        connection.close()
    else:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot keep the state"):
        Store(path)
    if content is not None:
        assert path.read_bytes() == content


def test_the_stream(emulator, receiving):
    """An EventSource is told of every change as it happens, and ends with the emulator."""
    import httpx2

    names = []
    with httpx2.stream("GET", f"{emulator.url}/emulator/events", trust_env=False, timeout=10) as stream:
        lines = stream.iter_lines()
        while next(lines) != ": connected":
            pass
        emulator.webhook(receiving.url)
        license_ = emulator.license()
        emulator.faults(duplicate=1)
        while names.count("delivery") < 2 or "fault" not in names:
            line = next(lines)
            if line.startswith("event: "):
                names.append(line.removeprefix("event: "))
                data = json.loads(next(lines).removeprefix("data: "))
                if names[-1] == "license":
                    assert data == license_
        assert sorted(names) == ["delivery", "delivery", "fault", "license", "webhook"]
        emulator.__exit__(None, None, None)
        assert [line for line in lines if line.startswith("event")] == []
        emulator.__enter__()
