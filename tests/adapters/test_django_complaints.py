"""What users of other Django webhook packages complained of, one test each; the docstring says where.

dj-stripe, django-anymail, django-github-app, bolt-python and Django REST framework are on GitHub; "avoid" is what was
read in their code and is not to be found here.
"""

import hmac
import logging
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from licensechain_hooks import Discard, EngineQueue, Hooks
from licensechain_hooks.contrib.django.signals import event_processed, webhook_received
from licensechain_hooks.testing import event_body, make_event, sign_request

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]


def test_login_required_middleware(site, django_hooks, settings):
    """dj-stripe#2137, django-anymail#443: with LoginRequiredMiddleware deliveries were sent to the login page."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    django_hooks.on("*")(lambda _event: None)
    assert site.deliver(make_event()).json() == {"status": "processed"}
    assert site.request("GET", "/plain/").status_code == 302  # which the middleware does to other views


@pytest.mark.parametrize("name", ["webhook", "async_webhook"])
def test_the_exemption_is_on_the_view_of_every_django(name, rf):
    """dj-stripe#2137: the mark is an attribute, so a project on any Django may use any middleware that honours it."""
    from licensechain_hooks.contrib.django import views

    view = getattr(views, name)
    assert (view.login_required, view.csrf_exempt, view.should_append_slash) == (False, True, False)
    made = views.webhook_view("eu") if name == "webhook" else views.async_webhook_view("eu")
    assert (made.login_required, made.csrf_exempt, made.should_append_slash) == (False, True, False)


@pytest.mark.django_db(transaction=True)
def test_atomic_requests_and_a_failing_handler(site, django_hooks, monkeypatch):
    """dj-stripe#833, #889: with ATOMIC_REQUESTS a failing handler undid what was to be remembered of the event."""
    from django.db import connections
    from django_project.shop.models import Lock

    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)

    @django_hooks.on("*")
    def note(event):
        Lock.objects.create(license=event.id)

    @django_hooks.on("*")
    def fail(_event):
        raise LookupError

    assert site.deliver(make_event(event_id="evt_1")).status_code == 500
    assert list(Lock.objects.values_list("license", flat=True)) == ["evt_1"]


def test_atomic_requests_and_an_entry(site, no_worker, monkeypatch, stored):
    """dj-stripe#833, #889: an entry is committed before the answer, in a transaction of its own."""
    from django.db import connections

    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    no_worker.on("*")(lambda _event: 1 / 0)
    assert site.deliver(make_event(event_id="evt_1")).json() == {"status": "accepted"}
    assert (stored.drain(), stored.entries()) == (1, [("evt_1", "failed")])


def test_connections_of_threads(durable_hooks, sync_site, wait_for, stored):
    """bolt-python#280, #514: listeners in threads left database connections open until the server had none left."""
    from django.db import connection
    from django_project.shop.models import Lock

    used = []

    @durable_hooks.on("*")
    def look(_event):
        Lock.objects.count()
        used.append((threading.current_thread().name, connection.connection))

    for number in range(3):
        sync_site.deliver(make_event(event_id=f"evt_{number}"))
    wait_for(lambda: [state for _, state in stored.entries()] == ["processed"] * 3)
    for name, raw in used:
        assert name.startswith("licensechain_hooks.worker-")
        with pytest.raises(Exception, match="closed"):
            raw.total_changes  # noqa: B018 - which a closed connection does not know


@pytest.mark.parametrize("name", ["ReadsStream", "ReadsForm"])
def test_a_consumed_body(site, django_hooks, settings, caplog, name):
    """django-rest-framework#7642: once something had read the stream, the body was silently empty."""
    settings.MIDDLEWARE = [f"django_project.middleware.{name}", *settings.MIDDLEWARE]
    django_hooks.on("*")(lambda _event: None)
    with caplog.at_level(logging.ERROR, "licensechain_hooks"):
        response = site.deliver(make_event(), **{"Content-Type": "multipart/form-data; boundary=x"})
    (record,) = [record for record in caplog.records if record.name == "licensechain_hooks"]
    assert (response.status_code, record.reason) == (500, "body_consumed")
    assert "find the middleware or decorator that parses forms or JSON" in record.detail


def test_dedupe_that_swallows_failures(site, django_hooks):
    """dj-stripe#832: an event whose handlers had failed was taken for a duplicate, and never handled."""
    ran = []

    @django_hooks.on("*")
    def fail_once(event):
        ran.append(event.id)
        if len(ran) == 1:
            raise LookupError

    event = make_event(event_id="evt_1")
    answers = [site.deliver(event).json()["status"] for _ in range(3)]
    assert (answers, ran) == (["failed", "processed", "duplicate"], ["evt_1", "evt_1"])


def test_dedupe_that_swallows_failures_of_stored_events(site, no_worker, stored):
    """dj-stripe#832: in durable mode the inbox runs it again by itself; a redelivery is a duplicate, and harmless."""
    ran = []

    @no_worker.on("*")
    def fail_once(event):
        ran.append(event.id)
        if len(ran) == 1:
            raise LookupError

    event = make_event(event_id="evt_1")
    site.deliver(event)
    stored.drain()
    assert site.deliver(event).json() == {"status": "duplicate"}
    stored.let_all_be_due()
    stored.drain()
    assert (stored.entries(), ran) == ([("evt_1", "processed")], ["evt_1", "evt_1"])


def test_one_bad_receiver_stops_no_other(site, connect):
    """django-anymail, avoid: ``signal.send``, by which one receiver that raises keeps the event from the rest."""
    received = []

    def fail(**_):
        raise LookupError

    connect(webhook_received, fail)
    connect(webhook_received, lambda event, **_: received.append(event.id))
    assert site.deliver(make_event(event_id="evt_1")).json() == {"status": "processed"}
    assert received == ["evt_1"]


def test_nothing_is_stored_before_it_is_verified(sync_site, no_worker, stored, django_assert_num_queries):
    """dj-stripe, avoid: a row for whatever arrives, so that anybody could fill the table."""
    no_worker.on("*")(lambda _event: None)
    with django_assert_num_queries(0):
        assert sync_site.deliver(make_event(), secret="another-secret").status_code == 401
        assert sync_site.request("POST", "/sync/", b"{}").status_code == 401
    assert stored.entries() == []


@pytest.mark.parametrize("tolerance", [300, 300_000, "300", 300.0])
def test_a_tolerance_has_a_unit(settings, tolerance):
    """dj-stripe, avoid: a tolerance that its documentation gave in the wrong unit; here a number is refused."""
    from licensechain_hooks.contrib.django.conf import problems

    settings.LICENSECHAIN_HOOKS = {"SECRETS": ["the-signing-secret-of-the-project"], "TOLERANCE": tolerance}
    assert [str(problem).partition(",")[0] for problem in problems()] == [
        "LICENSECHAIN_HOOKS['TOLERANCE'] must be a timedelta"
    ]
    settings.LICENSECHAIN_HOOKS |= {"TOLERANCE": timedelta(seconds=300)}
    assert problems() == []


def test_no_header_overrides_the_secret(site, django_hooks, settings):
    """dj-stripe, avoid: a header of its debug mode that said which secret to verify with."""
    settings.DEBUG = True
    django_hooks.on("*")(lambda _event: None)
    own = "a-secret-of-the-sender-s-own"
    names = ("X-Djstripe-Webhook-Secret", "X-Webhook-Secret", "X-Licensechain-Secret", "Stripe-Cli-Secret")
    assert site.deliver(make_event(), secret=own, **dict.fromkeys(names, own)).status_code == 401


def test_no_sleep_in_the_request(site, no_worker, django_hooks, monkeypatch):
    """django-github-app, avoid: ``sleep(1)`` while the sender waits."""
    import time

    def sleep(_seconds):
        message = "somebody sleeps"
        raise AssertionError(message)

    monkeypatch.setattr(time, "sleep", sleep)
    no_worker.on("*")(lambda _event: None)
    event = make_event()
    assert [site.deliver(event).json()["status"] for _ in range(2)] == ["accepted", "duplicate"]
    assert site.deliver(event, secret="another-secret").status_code == 401


def test_duplicates_are_recognised(site, django_hooks):
    """django-github-app, avoid: no dedupe, so that each redelivery ran the handlers again."""
    ran = []
    django_hooks.on("*")(ran.append)
    event = make_event()
    assert [site.deliver(event).json()["status"] for _ in range(3)] == ["processed", "duplicate", "duplicate"]
    assert len(ran) == 1


@pytest.mark.parametrize("turn", [1, 2])
def test_handlers_do_not_leak_between_tests(site, settings, turn):
    """django-github-app, avoid: routers in a class attribute, so that one test's handlers ran in the next."""
    hooks, ran = Hooks(), []
    settings.LICENSECHAIN_HOOKS |= {"HOOKS": hooks}
    settings.LICENSECHAIN_HOOKS = {**settings.LICENSECHAIN_HOOKS}
    assert site.deliver(make_event(event_id="evt_1")).json() == {"status": "ignored"}
    hooks.on("*")(lambda _event: ran.append(turn))
    assert site.deliver(make_event(event_id="evt_2")).json() == {"status": "processed"}
    assert ran == [turn]


@pytest.mark.parametrize("secrets", [None, "", [""], [], [" "]])
def test_no_default_secret(site, settings, monkeypatch, secrets):
    """django-github-app, avoid: an empty default secret, under which anybody's signature holds."""
    for name in ("", "_FILE"):
        monkeypatch.delenv(f"LICENSECHAIN_WEBHOOK_SECRET{name}", raising=False)
    settings.LICENSECHAIN_HOOKS = {"PROCESSING": "inline"} | ({} if secrets is None else {"SECRETS": secrets})
    body = event_body(make_event())
    for key in (b"", b" "):
        forged = {"X-Webhook-Signature": hmac.new(key, body, "sha256").hexdigest()}
        assert site.deliver(body, **forged).status_code == 503


def test_who_wants_no_second_process_and_no_celery(site, durable_hooks, wait_for, stored):
    """dj-stripe#608, #1954: handlers are to run after the answer, without a request that waits for them."""
    ended = threading.Event()
    durable_hooks.on("*")(lambda _event: ended.wait(60))
    assert site.deliver(make_event(event_id="evt_1")).json() == {"status": "accepted"}
    wait_for(lambda: stored.entries() == [("evt_1", "processing")])
    ended.set()
    wait_for(lambda: stored.entries() == [("evt_1", "processed")])


class _Tasks(EngineQueue):
    """The place of Celery: messages with the number of an entry, and a task that is given it."""

    def __init__(self):
        super().__init__()
        self.sent = []

    def enqueue(self, pk, /):
        self.sent.append(pk)


tasks = _Tasks()


def test_who_has_celery(site, no_worker, settings, stored, connect, monkeypatch):
    """dj-stripe#608, #1954: handlers are to run in the engine there is; its task sends the signals of how it ended."""
    monkeypatch.setitem(sys.modules, "complaints_under_test", sys.modules[__name__])
    settings.LICENSECHAIN_HOOKS = settings.LICENSECHAIN_HOOKS | {"PROCESSING": "complaints_under_test.tasks"}
    tasks.sent.clear()
    ran, sent = [], []
    connect(event_processed, lambda event, **_: sent.append(event.id))
    no_worker.on("*")(lambda event: ran.append(event.id))
    assert site.deliver(make_event(event_id="evt_1")).json() == {"status": "accepted"}
    assert (len(tasks.sent), ran, sent) == (1, [], [])
    assert tasks.run_entry(tasks.sent[0])
    assert (ran, sent, stored.entries()) == (["evt_1"], ["evt_1"], [("evt_1", "processed")])


def test_a_handler_that_gives_up_is_not_run_for_ever(site, no_worker, stored):
    """dj-stripe#832, turned round: what can never succeed says so, and is kept as a dead letter for somebody to see."""

    @no_worker.on("*")
    def give_up(_event):
        raise Discard("no such seat")

    site.deliver(make_event(event_id="evt_1"))
    assert (stored.drain(), stored.entries()) == (1, [("evt_1", "dead")])


def test_a_projects_own_test_needs_no_server(client, django_hooks):
    """stripe-python#1697 and its kind: a signed delivery is made in two lines, for Django's own client."""
    from django_project.support import SECRET

    django_hooks.on("*")(lambda _event: None)
    body = event_body(make_event())
    headers = sign_request(body, SECRET)
    response = client.post("/sync/", body, content_type=headers.pop("Content-Type"), headers=headers)
    assert response.json() == {"status": "processed"}
