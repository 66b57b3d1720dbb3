"""Several endpoints of one project: a URL and secrets for each, one inbox and one worker for all."""

import logging
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from licensechain_hooks import ConfigurationError
from licensechain_hooks.testing import make_event

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]

EU, US = "the-signing-secret-of-eu", "the-signing-secret-of-us"


@pytest.fixture
def configure(settings, django_hooks, monkeypatch):
    """Sets ``LICENSECHAIN_HOOKS``, in inline mode by default, in an environment that names no secret."""
    for name in ("", "_EU", "_US", "_EU_FILE", "_US_FILE", "_FILE"):
        monkeypatch.delenv(f"LICENSECHAIN_WEBHOOK_SECRET{name}", raising=False)

    def set_to(**given):
        settings.LICENSECHAIN_HOOKS = {"HOOKS": django_hooks, "PROCESSING": "inline"} | given

    return set_to


@pytest.fixture
def two(configure):
    """A project with an endpoint in Europe and one in America."""
    configure(ENDPOINTS={"eu": {"SECRETS": [EU]}, "us": {"SECRETS": [US]}})


def test_each_has_its_url_and_its_secrets(site, two, django_hooks):
    """Below the included path each name is a path; the secret of one is never tried for another."""
    taken = []
    django_hooks.on("*")(lambda event, context: taken.append((context.endpoint, event.id)))
    answers = [
        site.deliver(make_event(event_id=f"evt_{name}_{secret[-2:]}"), secret=secret, path=f"/{site.host}/{name}/")
        for name in ("eu", "us")
        for secret in (EU, US)
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 401, 200]
    assert taken == [("eu", "evt_eu_eu"), ("us", "evt_us_us")]


def test_a_handler_of_one_endpoint(site, two, django_hooks):
    """``@on(…, endpoint="eu")`` listens at that one alone."""
    django_hooks.on("*", endpoint="eu")(lambda _event: None)
    answers = [
        site.deliver(make_event(), secret=secret, path=f"/{site.host}/{name}/").json()["status"]
        for name, secret in (("eu", EU), ("us", US))
    ]
    assert answers == ["processed", "ignored"]


def test_the_same_event_at_two_endpoints(site, two, django_hooks):
    """Ids belong to an endpoint: the same one at another is another event."""
    django_hooks.on("*")(lambda _event: None)
    event = make_event()
    answers = [
        site.deliver(event, secret=secret, path=f"/{site.host}/{name}/").json()["status"]
        for name, secret in (("eu", EU), ("us", US), ("us", US))
    ]
    assert answers == ["processed", "processed", "duplicate"]


def test_they_share_an_inbox_and_a_worker(site, two, no_worker, settings, stored):
    """Entries of both are in one table, and one worker runs them."""
    from licensechain_hooks.contrib.django.conf import get_receiver, get_receivers

    endpoints = {"eu": {"SECRETS": [EU]}, "us": {"SECRETS": [US], "PROFILE": "compat"}}
    settings.LICENSECHAIN_HOOKS = {"HOOKS": no_worker, "PROCESSING": "worker", "ENDPOINTS": endpoints}
    ran = []
    no_worker.on("*")(lambda _event, context: ran.append(context.endpoint))
    for name, secret in (("eu", EU), ("us", US)):
        answer = site.deliver(make_event(event_id=f"evt_{name}"), secret=secret, path=f"/{site.host}/{name}/")
        assert answer.json() == {"status": "accepted"}
    assert stored.entries() == [("evt_eu", "received"), ("evt_us", "received")]
    eu, us = get_receiver("eu"), get_receiver("us")
    assert (eu.worker, eu.inbox) == (us.worker, us.inbox) == (get_receivers().worker, get_receivers().inbox)
    assert (eu.worker.endpoints, eu.worker.drain(), sorted(ran)) == (("eu", "us"), 2, ["eu", "us"])


def test_one_thread_runs_the_handlers_of_all(sync_site, two, durable_hooks, settings, wait_for, stored):
    """With PROCESSING "thread" the process has one worker, whichever endpoint its first delivery came to."""
    import threading

    endpoints = {"eu": {"SECRETS": [EU]}, "us": {"SECRETS": [US]}}
    worker = settings.LICENSECHAIN_HOOKS["WORKER"]
    settings.LICENSECHAIN_HOOKS = {"HOOKS": durable_hooks, "WORKER": worker, "ENDPOINTS": endpoints}
    durable_hooks.on("*")(lambda _event: None)
    for name, secret in (("eu", EU), ("us", US)):
        sync_site.deliver(make_event(event_id=f"evt_{name}"), secret=secret, path=f"/sync/{name}/")
    wait_for(lambda: stored.entries() == [("evt_eu", "processed"), ("evt_us", "processed")])
    from licensechain_hooks.contrib.django.conf import get_receivers

    names = [thread.name for thread in threading.enumerate()]
    assert (names.count("licensechain_hooks.worker"), get_receivers().worker.is_running) == (1, True)


def test_a_name_that_is_none_of_them(site, two, settings):
    """A path below that is no endpoint's is left to the project's other patterns, or not found."""
    assert site.deliver(make_event(), secret=EU, path=f"/{site.host}/asia/x/").status_code == 404
    settings.LICENSECHAIN_HOOKS = {"SECRETS": [EU], "PROCESSING": "inline"}
    # A project's own pattern with a tenant in it, which stands after the included URLs.
    assert site.deliver(make_event(), secret=EU, path=f"/{site.host}/eu/").json() == {"status": "ignored"}


def test_the_path_of_no_endpoint(site, two, caplog):
    """A delivery to the included path itself is 503, and the log says which paths there are."""
    with caplog.at_level(logging.ERROR, "licensechain_hooks"):
        answer = site.deliver(make_event(), secret=EU)
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
    assert "several endpoints, 'eu', 'us': say which" in caplog.text


def test_one_that_cannot_be_built_stops_no_other(site, configure, caplog):
    """An endpoint without a secret is 503, its neighbour works."""
    configure(ENDPOINTS={"eu": {"SECRETS": [EU]}, "us": {}})
    paths = [f"/{site.host}/{name}/" for name in ("eu", "us")]
    assert [site.deliver(make_event(), secret=EU, path=path).status_code for path in paths] == [200, 503]
    assert (
        "LICENSECHAIN_HOOKS['ENDPOINTS']['us']: no signing secret: set LICENSECHAIN_WEBHOOK_SECRET_US " in caplog.text
    )


def test_settings_that_cannot_be_read_leave_the_urls(site, configure):
    """A wrong value answers 503, where a URL that is gone would answer 404 and lose deliveries in silence."""
    configure(ENDPOINTS={"eu": {"SECRETS": [EU], "TOLERANCE": 300}})
    assert site.deliver(make_event(), secret=EU, path=f"/{site.host}/eu/").status_code == 503


def test_a_view_for_each(rf, two, django_hooks):
    """A project that routes them itself names the endpoint; the settings are read at the request."""
    from licensechain_hooks.contrib.django.views import webhook_view
    from licensechain_hooks.testing import event_body, sign_request

    view, body = webhook_view("eu"), event_body(make_event())
    statuses = [view(rf.generic("POST", "/", body, headers=sign_request(body, key))).status_code for key in (EU, US)]
    assert statuses == [200, 401]


def test_reversing(two):
    """``reverse`` gives the path of each, sync and async."""
    from django.urls import reverse

    assert [reverse(f"{name}:endpoint", args=["eu"]) for name in ("licensechain_hooks", "asynchronous")] == [
        "/sync/eu/",
        "/async/eu/",
    ]


def test_what_stands_beside_them_holds_for_each(configure):
    """A limit beside ENDPOINTS is that of every endpoint that has none of its own."""
    from licensechain_hooks.contrib.django.conf import get_receiver

    of_eu, of_all = timedelta(seconds=9), timedelta(seconds=60)
    endpoints = {"eu": {"SECRETS": [EU], "TOLERANCE": of_eu}, "us": {"SECRETS": US, "MAX_BODY": 9}}
    configure(TOLERANCE=of_all, PROFILE="compat", ENDPOINTS=endpoints)
    eu, us = (get_receiver(name).endpoint for name in ("eu", "us"))
    assert [(each.name, each.tolerance, each.profile) for each in (eu, us)] == [
        ("eu", of_eu, "compat"),
        ("us", of_all, "compat"),
    ]
    assert us.max_body == 9


def test_secrets_of_the_environment(configure, monkeypatch, tmp_path):
    """Without SECRETS each has an environment variable of its own, or a file that one names; never its neighbour's."""
    from licensechain_hooks.contrib.django.conf import get_receiver

    (tmp_path / "secrets").write_text(f"{US}\n")
    monkeypatch.setenv("LICENSECHAIN_WEBHOOK_SECRET", "the-secret-of-nobody")
    monkeypatch.setenv("LICENSECHAIN_WEBHOOK_SECRET_EU_1", EU)
    monkeypatch.setenv("LICENSECHAIN_WEBHOOK_SECRET_US_FILE", str(tmp_path / "secrets"))
    configure(ENDPOINTS={"eu-1": {}, "us": {}, "asia": {}})
    secrets = [get_receiver(name).endpoint.secrets[0].get_secret_value() for name in ("eu-1", "us")]
    assert secrets == [EU, US]
    with pytest.raises(ConfigurationError, match="set LICENSECHAIN_WEBHOOK_SECRET_ASIA"):
        get_receiver("asia")


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_secrets_of_tenants(site, configure, kind):
    """Each endpoint may ask a callable of its own, sync or async."""

    def secrets(request):
        return [EU]

    async def asecrets(request):
        return [EU]

    configure(ENDPOINTS={"eu": {"SECRETS": secrets if kind == "def" else asecrets}, "us": {"SECRETS": [US]}})
    paths = [f"/{site.host}/{name}/" for name in ("eu", "us")]
    assert [site.deliver(make_event(), secret=EU, path=path).status_code for path in paths] == [200, 401]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ENDPOINTS": ["eu"]}, r"\['ENDPOINTS'\] must be a dict of names .*, not list"),
        ({"ENDPOINTS": {}}, r"\['ENDPOINTS'\] is empty"),
        ({"ENDPOINTS": {"eu": [EU]}}, r"\['ENDPOINTS'\]\['eu'\] must be a dict of settings, not list"),
        (
            {"ENDPOINTS": {"eu": {"SECRET": EU}}},
            r"\['ENDPOINTS'\]\['eu'\] knows no 'SECRET'; did you mean 'SECRETS'",
        ),
        ({"ENDPOINTS": {"eu": {"HOOKS": None}}}, r"\['eu'\] knows no 'HOOKS'; it knows SECRETS, PROFILE"),
        ({"ENDPOINTS": {"eu": {"NAME": "us"}}}, r"\['eu'\] knows no 'NAME'"),
        ({"ENDPOINTS": {"eu": {"TOLERANCE": 3}}}, r"\['eu'\]\['TOLERANCE'\] must be a timedelta, not int"),
        ({"ENDPOINTS": {"eu": {"SECRETS": "no.such.path"}}}, r"\['eu'\]\['SECRETS'\] reads as the dotted path"),
        ({"ENDPOINTS": {"the eu": {"SECRETS": [EU]}}}, r"\['the eu'\]: an endpoint's name is"),
        ({"ENDPOINTS": {7: {"SECRETS": [EU]}}}, r"\[7\]: an endpoint's name is"),
        ({"SECRETS": [EU], "ENDPOINTS": {"eu": {"SECRETS": [EU]}}}, r"\['SECRETS'\] has no meaning beside ENDPOINTS"),
        ({"ENDPOINTS": {"eu-1": {}, "eu_1": {}}}, r"'eu-1' and 'eu_1' would share LICENSECHAIN_WEBHOOK_SECRET_EU_1"),
        ({"NAME": "x", "ENDPOINTS": {"eu": {"SECRETS": [EU]}}}, r"\['NAME'\] has no meaning beside ENDPOINTS"),
    ],
)
def test_what_cannot_work_is_named(configure, given, message):
    """A setting that cannot work says which endpoint's it is and what to change."""
    from licensechain_hooks.contrib.django.conf import get_receivers

    configure(**given)
    with pytest.raises(ConfigurationError, match="^LICENSECHAIN_HOOKS.*" + message):
        get_receivers().every()


def test_each_problem_is_told(configure):
    """All that is wrong is found at once, and nothing twice: what is shared is told of in its own place."""
    from licensechain_hooks.contrib.django.conf import problems

    configure(TOLERANCE=3, COLOUR=1, ENDPOINTS={"eu": {"SECRET": 1}, "us": {"MAX_BODY": "1"}})
    assert [str(problem).partition(" ")[0] for problem in problems()] == [
        "LICENSECHAIN_HOOKS['TOLERANCE']",
        "LICENSECHAIN_HOOKS",
        "LICENSECHAIN_HOOKS['ENDPOINTS']['eu']",
        "LICENSECHAIN_HOOKS['ENDPOINTS']['us']['MAX_BODY']",
    ]


@pytest.mark.parametrize("name", ["asia", "default"])
def test_asking_for_one_there_is_not(two, name):
    """The names there are, are named."""
    from licensechain_hooks.contrib.django.conf import get_receiver

    with pytest.raises(ConfigurationError, match=f"no endpoint '{name}'; it has 'eu', 'us'"):
        get_receiver(name)


def test_an_engine_works_on_though_one_cannot_be_built(no_worker, settings, configure, sync_site, stored):
    """An engine's task runs the entries of the endpoints that work; only where none does, it fails."""
    from licensechain_hooks.contrib.django.conf import get_receivers
    from licensechain_hooks.contrib.django.queues import find_queue

    queue = find_queue("django_project.queues.ListQueue")
    queue.sent.clear()
    no_worker.on("*")(lambda _event: None)
    configure(PROCESSING="django_project.queues.ListQueue", ENDPOINTS={"us": {}, "eu": {"SECRETS": [EU]}})
    assert sync_site.deliver(make_event(event_id="evt_1"), secret=EU, path="/sync/eu/").json() == {"status": "accepted"}
    assert [receiver.endpoint.name for receiver in get_receivers().working()] == ["eu"]
    assert (queue.run_entry(queue.sent[0]), stored.entries()) == (True, [("evt_1", "processed")])
    configure(PROCESSING="django_project.queues.ListQueue", ENDPOINTS={"us": {}})
    with pytest.raises(ConfigurationError, match="LICENSECHAIN_WEBHOOK_SECRET_US"):
        queue.run_entry(queue.sent[0])


def test_one_worker_however_many_ask_first(two, settings):
    """First deliveries of both endpoints at once, in many threads, get one worker and one inbox."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    from licensechain_hooks.contrib.django.conf import get_receiver

    settings.LICENSECHAIN_HOOKS = settings.LICENSECHAIN_HOOKS | {"PROCESSING": "worker"}
    together = Barrier(8)

    def ask(number):
        together.wait()
        receiver = get_receiver(("eu", "us")[number % 2])
        return receiver, receiver.worker, receiver.inbox

    with ThreadPoolExecutor(8) as pool:
        receivers, workers, inboxes = zip(*pool.map(ask, range(8)), strict=True)
    assert (len(set(receivers)), len(set(workers)), len(set(inboxes))) == (2, 1, 1)
