"""One line a delivery, in which nothing is private and nothing can break out of its line."""

import logging

import pytest

from licensechain_hooks import Discard, HookRequest, LicenseCreated, Receiver, Retry

SECRETS = ["the-newest-signing-secret", "the-older-signing-secret"]
PRIVATE = {
    "licenseKey": "LC-PRIVATE-KEY",
    "email": "ada@private.example",
    "name": "Ada Private",
    "note": "\r\nFORGED line\x1b[31m",
}


class Log:
    """What this package logged, and its texts as a handler would print them."""

    def __init__(self, caplog):
        self.caplog = caplog

    @property
    def records(self) -> list[logging.LogRecord]:
        return self.caplog.records

    def __call__(self) -> list[str]:
        formatter = logging.Formatter("%(levelname)s %(name)s %(message)s")
        return [formatter.format(record) for record in self.records]


@pytest.fixture
def log(caplog):
    """Everything this package logs, from DEBUG upwards."""
    caplog.set_level(logging.DEBUG, "licensechain_hooks")
    return Log(caplog)


@pytest.fixture
def private_receiver(make_endpoint, hooks):
    """A receiver of two secrets."""
    return Receiver(make_endpoint(secrets=SECRETS), hooks)


def hidden(record: logging.LogRecord) -> str:
    """All that structured handlers could see of a record besides its text."""
    return repr(
        {name: value for name, value in vars(record).items() if name not in {"exc_info", "pathname", "filename"}}
    )


def rejections(make_body, signed):
    """A delivery for each way to be refused, all of them full of private values."""
    body = make_body(data={"id": "lic_1", **PRIVATE})
    good = signed(body, secret=SECRETS[0])
    evil = "\r\nFORGED line\x1b[31m"

    def of(raw, **changed):
        return HookRequest(raw, {**signed(raw, secret=SECRETS[0]), **changed}, path="/tenants/private")

    yield HookRequest(body, good, method=f"GET{evil}")
    yield HookRequest(body, {**good, "Content-Length": "99999999"})
    yield HookRequest(body, {**good, "Content-Length": evil})
    yield HookRequest(body, {**good, "Content-Encoding": f"gzip{evil}"})
    yield HookRequest(body, {**good, "Content-Length": str(len(body) + 1)})
    for name in ("X-Webhook-Signature", "X-Webhook-Timestamp"):
        for value in ("", evil, "0" * 64, good[name] + evil, f"{good[name]},{'1' * 10}"):
            yield HookRequest(body, {**good, name: value})
    for raw in (b"", b"ada@private.example", body[:-1], b'["LC-PRIVATE-KEY"]', body.replace(b"lic_1", b"\xff")):
        yield of(raw)
    yield of(make_body(id=f"evt{evil}", data=PRIVATE))
    yield of(make_body(type=f"license{evil}", data=PRIVATE))
    yield of(make_body(timestamp=f"now{evil}", data={"id": "lic_1", **PRIVATE}))
    yield of(make_body(timestamp="2026-02-30T00:00:00Z", data={"id": "lic_1", **PRIVATE}))
    yield of(make_body(timestamp="2020-01-01T00:00:00Z", data={"id": "lic_1", **PRIVATE}))
    yield of(make_body(data={"id": "lic_1", **PRIVATE, "n": "PLACE"}).replace(b'"PLACE"', b"NaN"))
    yield of(make_body(data=[PRIVATE]))
    yield of(make_body(**{f"ada@private.example{evil}": 1, "id": None}))


def test_rejections_show_nothing(private_receiver, make_body, signed, receive, log):
    """Rows 43 and 44: for every way to be refused: no secret, signature, key or address, and one line each."""
    requests = list(rejections(make_body, signed))
    for request in requests:
        signature = request.headers.get(b"x-webhook-signature").decode("latin-1")
        log.caplog.clear()
        assert receive(private_receiver, request).name == "rejected"
        (text,) = log()
        shown = text + hidden(log.records[0])
        for private in (*SECRETS, *PRIVATE.values(), "private", "FORGED", "PRIVATE", signature.strip() or "FORGED"):
            assert private not in shown
        assert text.isprintable()
        assert text.startswith("WARNING licensechain_hooks delivery.rejected endpoint=default status=")
    assert len(requests) > 20


def test_accepted_events_show_ids_and_types(private_receiver, hooks, make_body, signed, receive, log):
    """Row 43: of an event the log shows id and type; so do duplicates, conflicts and events without a handler."""
    hooks.on("license.revoked")(lambda _event: None)
    expected = []
    for name, level, fields in [
        ("processed", "INFO", {}),
        ("duplicate", "INFO", {}),
        ("conflict", "WARNING", {"data": {"id": "lic_2", **PRIVATE}}),
        ("ignored", "INFO", {"type": "license.moved"}),
    ]:
        body = make_body(**{"data": {"id": "lic_1", **PRIVATE}, **fields})
        receive(private_receiver, HookRequest(body, signed(body, secret=SECRETS[1])))
        event_type = fields.get("type", "license.revoked")
        facts = f"endpoint=default status=200 event_type={event_type} event_id=evt_1"
        expected.append(f"{level} licensechain_hooks delivery.{name} {facts}")
    assert expected == log()
    assert [shown for record in log.records for shown in PRIVATE.values() if shown in hidden(record)] == []


@pytest.mark.parametrize(
    ("error", "name", "level"),
    [
        (ValueError("boom"), "handler.failed", "ERROR"),
        (Retry(), "handler.retry", "INFO"),
        (Discard("x"), "handler.discard", "INFO"),
    ],
)
def test_failed_handlers(private_receiver, hooks, make_body, signed, receive, log, error, name, level):
    """A failure names handler, type and id; an error comes with its traceback, a signal without."""

    @hooks.on("*")
    def handler(event):
        raise error

    body = make_body(data={"id": "lic_1", **PRIVATE})
    receive(private_receiver, HookRequest(body, signed(body, secret=SECRETS[0])))
    first = log.records[0]
    function = f"{__name__}.test_failed_handlers.<locals>.handler"
    assert first.getMessage() == f"{name} handler={function} type=license.revoked id=evt_1"
    assert (first.levelname, bool(first.exc_info)) == (level, level == "ERROR")
    assert (first.handler, first.event_id, first.event_type) == (function, "evt_1", "license.revoked")
    for text in log():
        assert "private" not in text.lower().replace("private_receiver", "")


def test_validation_errors_show_nothing(private_receiver, hooks, make_body, signed, receive):
    """Row 43: an error that a handler makes of an event does not show the event."""

    @hooks.on("*")
    def handler(event):
        LicenseCreated.model_validate({"id": "1", "type": "license.created", "timestamp": "x", "data": PRIVATE})

    body = make_body()
    outcome = receive(private_receiver, HookRequest(body, signed(body, secret=SECRETS[0])))
    text = str(outcome.runs[0].error)
    assert "validation error" in text
    assert [private for private in PRIVATE.values() if private in text] == []


def test_outcomes_show_nothing(private_receiver, hooks, make_body, signed, receive):
    """Row 43: the repr of an outcome, which ends up in tracebacks and debuggers, holds no private value."""
    hooks.on("*")(lambda _event: None)
    body = make_body(data={"id": "lic_1", **PRIVATE})
    headers = signed(body, secret=SECRETS[0])
    outcome = receive(private_receiver, HookRequest(body, headers))
    shown = repr(outcome) + repr(outcome.event.data) + repr(private_receiver) + repr(private_receiver.endpoint)
    for private in (*SECRETS, *PRIVATE.values(), headers["X-Webhook-Signature"]):
        assert private not in shown


def test_levels(private_receiver, make_endpoint, hooks, make_body, signed, receive, log):
    """What is the sender's or an attacker's doing warns, what is ours to repair is an error."""
    body = make_body()
    receive(private_receiver, HookRequest(body, {}))
    broken = Receiver(make_endpoint(secrets=lambda _request: ""), hooks)
    receive(broken, HookRequest(body, signed(body)))
    assert [text.split(" endpoint")[0] for text in log()] == [
        "WARNING licensechain_hooks delivery.rejected",
        "ERROR licensechain_hooks delivery.unavailable",
    ]


def test_a_silent_log_costs_nothing(receiver, delivery, receive, caplog):
    """Where nobody listens at a level, no line is made."""
    with caplog.at_level(logging.CRITICAL, "licensechain_hooks"):
        assert receive(receiver, delivery()).name == "ignored"
    assert caplog.records == []


def test_the_logger_is_one(receiver, delivery, receive, log):
    """All lines come from one logger, without handlers of its own: where they go is the application's business."""
    receive(receiver, delivery())
    assert {record.name for record in log.records} == {"licensechain_hooks"}
    assert logging.getLogger("licensechain_hooks").handlers == []
