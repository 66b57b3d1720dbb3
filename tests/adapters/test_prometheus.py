"""Prometheus gets what happened, in a fixed vocabulary, and nothing of any event."""

import os
import re
import socket
import subprocess
import sys
from datetime import timedelta

import httpx2
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from licensechain_hooks import (
    ATTEMPT_STATES,
    OUTCOMES,
    Endpoint,
    HookRequest,
    Hooks,
    Receiver,
    StoreUnavailableError,
    WorkerSettings,
)
from licensechain_hooks.contrib.prometheus import PrometheusMetrics
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.testing import event_body, make_event, sign_request

pytestmark = pytest.mark.usefixtures("patient_health")
SECRET = "the-secret-of-the-prometheus-tests"
IDLE = WorkerSettings(embedded=False, max_attempts=2, backoff=lambda _number: timedelta(0))
KEY = "LC-KEY-NEVER-IN-A-LABEL"


@pytest.fixture
def metrics() -> PrometheusMetrics:
    return PrometheusMetrics(CollectorRegistry())


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture
def inbox() -> MemoryInbox:
    return MemoryInbox()


@pytest.fixture
def receiver(metrics, hooks, inbox) -> Receiver:
    """A watched receiver; a worker runs when it is told to."""
    receiver = Receiver(Endpoint(secrets=[SECRET]), hooks, inbox=inbox, worker=IDLE)
    metrics.watch(receiver)
    return receiver


def delivery(event_type="license.revoked", secret=SECRET, **given) -> HookRequest:
    body = event_body(make_event(event_type, data={"id": "lic_1", "licenseKey": KEY}, **given))
    return HookRequest(body, sign_request(body, secret))


def samples(metrics) -> dict[tuple[str, ...], float]:
    """Every sample in the text that Prometheus reads, by its name and its labels' values."""
    text = generate_latest(metrics.scraped()).decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name != "le"}
            if "le" not in sample.labels:
                found[(sample.name, *labels.values())] = sample.value
    return found


def only(found, name) -> dict[tuple[str, ...], float]:
    """The samples of a metric that are not zero."""
    return {key[1:]: value for key, value in found.items() if key[0] == f"licensechain_hooks_{name}" and value}


def test_deliveries(metrics, receiver, hooks):
    """Each delivery is counted by its outcome, and how long its reply took is observed; a refusal says why."""
    hooks.on("license.revoked")(lambda _event: None)
    first = delivery()
    receiver.receive(first)
    receiver.receive(HookRequest(first.raw_body, first.headers))
    receiver.receive(delivery("payment.refunded"))
    receiver.receive(delivery(secret="another-secret-of-somebody"))
    found = samples(metrics)
    assert only(found, "deliveries_total") == {
        ("default", "accepted"): 1,
        ("default", "duplicate"): 1,
        ("default", "ignored"): 1,
        ("default", "rejected"): 1,
    }
    assert only(found, "refusals_total") == {("default", "signature_mismatch"): 1}
    assert only(found, "acknowledge_seconds_count") == {("default",): 4}
    assert found["licensechain_hooks_acknowledge_seconds_sum", "default"] > 0


def test_attempts(metrics, receiver, hooks):
    """Each attempt is counted by its end; what waits and what is dead is told of the inbox."""
    failures = [ValueError(KEY)]

    @hooks.on("license.revoked")
    def fails_once(_event):
        if failures:
            raise failures.pop()

    @hooks.on("license.created")
    def fails_always(_event):
        raise ValueError(KEY)

    receiver.receive(delivery("license.revoked"))
    receiver.receive(delivery("license.created"))
    before = samples(metrics)
    assert only(before, "inbox_backlog") == {("default",): 2}
    assert only(before, "inbox_oldest_seconds").keys() == {("default",)}
    receiver.worker.drain()
    receiver.health()  # a fresh answer, which the next scrape is given
    after = samples(metrics)
    assert only(after, "attempts_total") == {
        ("default", "failed"): 2,
        ("default", "processed"): 1,
        ("default", "dead"): 1,
    }
    assert only(after, "attempt_seconds_count") == {("default",): 4}
    assert (only(after, "inbox_up"), only(after, "inbox_backlog")) == ({("default",): 1}, {})
    assert only(after, "inbox_entries") == {("default", "dead"): 1, ("default", "processed"): 1}


def test_the_vocabulary_is_there_from_the_start(metrics, receiver):
    """Every outcome and every state is there as 0, so that its first increase is one."""
    found = samples(metrics)
    outcomes = {key[2] for key in found if key[0] == "licensechain_hooks_deliveries_total"}
    states = {key[2] for key in found if key[0] == "licensechain_hooks_attempts_total"}
    assert (outcomes, states) == (set(OUTCOMES), set(ATTEMPT_STATES))


def test_no_label_holds_anything_of_an_event(metrics, receiver, hooks):
    """Neither id, type, license key nor secret is in what Prometheus reads, nor the text of an error."""
    hooks.on("*")(lambda _event: {}[KEY])
    receiver.receive(delivery(event_id="evt_secret"))
    receiver.worker.drain()
    text = generate_latest(metrics.registry).decode()
    assert [word for word in (KEY, "evt_secret", "lic_1", "license.revoked", SECRET) if word in text] == []
    assert set(re.findall(r"[{,](\w+)=", text)) == {"endpoint", "outcome", "state", "inbox", "le"}


def test_the_inbox_is_down(metrics, receiver, inbox, monkeypatch):
    """A scrape of an inbox that is down says so and has no figures of it, rather than old ones or none at all."""

    def down():
        raise StoreUnavailableError("down")

    monkeypatch.setattr(inbox, "stats", down)
    found = samples(metrics)
    assert found["licensechain_hooks_inbox_up", "default"] == 0
    assert [key for key in found if key[0].startswith("licensechain_hooks_inbox") and key[0][-2:] != "up"] == []


def test_registering_asks_no_inbox(inbox, hooks, monkeypatch):
    """Metrics are made and receivers watched without a look at the database, which may not be there yet."""
    asked = []
    monkeypatch.setattr(inbox, "stats", lambda: asked.append(1))
    PrometheusMetrics(CollectorRegistry(auto_describe=True)).watch(
        Receiver(Endpoint(secrets=[SECRET]), hooks, inbox=inbox, worker=IDLE)
    )
    assert asked == []


def test_receivers_that_share(metrics, inbox, hooks):
    """Receivers may share hooks and an inbox: an attempt counts once, and the inbox is there once."""
    hooks.on("*")(lambda _event: None)
    eu, us = (Receiver(Endpoint(name=name, secrets=[SECRET]), hooks, inbox=inbox, worker=IDLE) for name in ("eu", "us"))
    for receiver in (eu, us, eu):
        metrics.watch(receiver)
    eu.receive(delivery())
    eu.worker.drain()
    found = samples(metrics)
    assert only(found, "deliveries_total") == {("eu", "accepted"): 1}
    assert only(found, "attempts_total") == {("eu", "processed"): 1}
    assert only(found, "inbox_up") == {("eu+us",): 1}


def test_inboxes_of_one_name(metrics, hooks):
    """Two receivers of one name with an inbox each, as of an application that was made twice, do not spoil the page."""
    watched = [Receiver(Endpoint(secrets=[SECRET]), hooks, inbox=MemoryInbox(), worker=IDLE) for _ in range(2)]
    for receiver in watched:
        metrics.watch(receiver)
    text = generate_latest(metrics.scraped()).decode()
    assert text.count('licensechain_hooks_inbox_up{inbox="default"}') == 1


def test_inline_mode(metrics, hooks):
    """Without an inbox there are deliveries and attempts, and no figures of an inbox."""
    hooks.on("*")(lambda _event: None)
    receiver = Receiver(Endpoint(secrets=[SECRET]), hooks)
    metrics.watch(receiver)
    receiver.receive(delivery())
    found = samples(metrics)
    assert only(found, "deliveries_total") == {("default", "processed"): 1}
    assert only(found, "attempts_total") == {("default", "processed"): 1}
    assert [key for key in found if "inbox" in key[0]] == []


APP = """
import os
from flask import Flask
from prometheus_client import generate_latest
from licensechain_hooks import Endpoint, Hooks, Receiver, WorkerSettings
from licensechain_hooks.contrib.flask import webhook_blueprint
from licensechain_hooks.contrib.prometheus import PrometheusMetrics
from licensechain_hooks.inbox.sql import SqlInbox

hooks = Hooks()
hooks.on("*")(lambda event: None)
receiver = Receiver(
    Endpoint.from_env(), hooks, inbox=SqlInbox("sqlite:///inbox.db"), worker=WorkerSettings(embedded=False)
)
metrics = PrometheusMetrics()
metrics.watch(receiver)
app = Flask(__name__)
app.register_blueprint(webhook_blueprint(receiver, path="/hook"))
app.add_url_rule("/metrics", "metrics", view_func=lambda: generate_latest(metrics.scraped()).decode())
app.add_url_rule("/pid", "pid", view_func=lambda: str(os.getpid()))
"""


def test_several_processes(tmp_path):
    """Under gunicorn each process tells of all of them, and of a worker of its own command, once each."""
    (tmp_path / "prometheus").mkdir()
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "server.py").write_text("control_socket_disable = True\n")  # newer ones only; older ones ignore it
    environment = os.environ | {
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "prometheus"),
        "LICENSECHAIN_WEBHOOK_SECRET": SECRET,
        "PYTHONPATH": str(tmp_path),
    }
    run = {"cwd": tmp_path, "env": environment}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        options = ["--workers", "2", "--bind", f"fd://{listening.fileno()}", "--config", "server.py"]
        command = [sys.executable, "-m", "gunicorn", "app:app", *options, "--log-level", "warning"]
        server = subprocess.Popen(command, pass_fds=[listening.fileno()], **run)
    try:
        with httpx2.Client(base_url=url, trust_env=False, timeout=60, headers={"Connection": "close"}) as client:
            pids, sent = set(), 0
            while len(pids) < 2 or sent < 6:
                body = event_body(make_event("license.revoked"))
                assert client.post("/hook", content=body, headers=sign_request(body, SECRET)).status_code == 200
                sent += 1
                pids.add(client.get("/pid").text)
                assert sent < 1000
            subprocess.run(
                [sys.executable, "-m", "licensechain_hooks", "worker", "--app", "app:receiver", "--once"],
                check=True,
                timeout=60,
                **run,
            )
            while 'inbox_up{inbox="default"} 1.0' not in client.get("/metrics").text:  # it may take more than its 2 s
                pass
            texts = [client.get("/metrics").text for _ in range(6)]
    finally:
        server.terminate()
        server.wait(60)
    for text in texts:
        read = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        found = {(sample.name, *sample.labels.values()): sample.value for sample in read}
        assert len(found) == len(read)  # nothing is there twice
        assert only(found, "deliveries_total") == {("default", "accepted"): sent}
        assert only(found, "attempts_total") == {("default", "processed"): sent}
        assert [key for key in found if key[0] == "licensechain_hooks_inbox_up"] == [
            ("licensechain_hooks_inbox_up", "default")
        ]
