"""``settings.LICENSECHAIN_HOOKS``: one dict, read late, checked whole."""

import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from pydantic import SecretStr

from licensechain_hooks import ConfigurationError, Endpoint, Hooks, MemoryDeduplicator, default_hooks
from licensechain_hooks.contrib.django.conf import HookSettings, Receivers, get_receiver, get_settings
from licensechain_hooks.dedupe.redis import RedisDeduplicator
from licensechain_hooks.testing import make_event

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]

project_hooks = Hooks()
outcomes = []


def project_secrets(request):
    return ["the-signing-secret-of-the-project"]


def record_outcome(outcome, request, seconds):
    outcomes.append(outcome.name)


@pytest.fixture
def configure(settings, monkeypatch):
    """Sets ``LICENSECHAIN_HOOKS``, in inline mode by default, in an environment that names no secret."""
    monkeypatch.delenv("LICENSECHAIN_WEBHOOK_SECRET", raising=False)
    monkeypatch.delenv("LICENSECHAIN_WEBHOOK_SECRET_FILE", raising=False)
    monkeypatch.setitem(sys.modules, "settings_under_test", sys.modules[__name__])

    def set_to(**given):
        settings.LICENSECHAIN_HOOKS = {"PROCESSING": "inline"} | given

    return set_to


def test_defaults_are_the_endpoints(configure):
    """A key left out means what it means without Django."""
    configure()
    defaults = {field.name: field.default for field in fields(Endpoint)}
    names = ("name", "profile", "tolerance", "max_event_age", "max_body", "read_timeout")
    assert {name: getattr(get_settings(), name) for name in names} == {name: defaults[name] for name in names}
    assert get_settings().hooks is default_hooks


def test_every_key_reaches_the_endpoint(configure):
    """What is set is what the receiver has."""
    given = {
        "NAME": "eu",
        "PROFILE": "compat",
        "TOLERANCE": timedelta(seconds=30),
        "MAX_EVENT_AGE": None,
        "MAX_BODY": 2048,
        "READ_TIMEOUT": timedelta(seconds=1),
    }
    configure(SECRETS=["a-signing-secret-of-eu"], **given)
    endpoint = get_receiver().endpoint
    assert {key: getattr(endpoint, key.lower()) for key in given} == given


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        (["a-new-secret", "an-old-secret"], ["a-new-secret", "an-old-secret"]),
        (("a-new-secret",), ["a-new-secret"]),
        ([SecretStr("a-new-secret")], ["a-new-secret"]),
        ("a-new-secret, an-old-secret", ["a-new-secret", "an-old-secret"]),
        (["a.dotted.secret"], ["a.dotted.secret"]),
        ("0123.abcd", ["0123.abcd"]),
    ],
)
def test_secrets(configure, secrets, expected):
    """Secrets are a list, newest first, or a comma list as in the environment."""
    configure(SECRETS=secrets)
    assert [secret.get_secret_value() for secret in get_receiver().endpoint.secrets] == expected


def test_secrets_of_the_environment(configure, monkeypatch):
    """Without SECRETS the environment has them."""
    configure()
    monkeypatch.setenv("LICENSECHAIN_WEBHOOK_SECRET", "a-new-secret,an-old-secret")
    secrets = [secret.get_secret_value() for secret in get_receiver().endpoint.secrets]
    assert secrets == ["a-new-secret", "an-old-secret"]


def test_dotted_paths(configure, sync_site):
    """A secrets callable, the hooks and ``on_outcome`` may be named by their dotted path."""
    outcomes.clear()
    configure(
        SECRETS="settings_under_test.project_secrets",
        HOOKS="settings_under_test.project_hooks",
        ON_OUTCOME="settings_under_test.record_outcome",
    )
    assert get_settings().hooks is project_hooks
    assert sync_site.deliver(make_event()).json() == {"status": "ignored"}
    assert outcomes == ["ignored"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "no signing secret: set LICENSECHAIN_WEBHOOK_SECRET"),
        ({"SECRETS": ""}, "no signing secret"),
        ({"SECRETS": []}, "at least one signing secret"),
        ({"SECRETS": [""]}, "empty"),
        ({"SECRETS": ["your-webhook-secret"]}, "placeholder"),
        ({"SECRETS": None}, r"\['SECRETS'\] must be a list, a string or a callable, not NoneType"),
        ({"SECRETS": b"bytes"}, r"\['SECRETS'\] must be a list, a string or a callable, not bytes"),
        ({"SECRETS": "settings_under_test.missing"}, r"\['SECRETS'\] reads as the dotted path .* \(ImportError\)"),
        ({"SECRETS": "settings_under_test.outcomes.x"}, r"\['SECRETS'\] reads as the dotted path"),
        ({"SECRET": ["x"]}, "knows no 'SECRET'; did you mean 'SECRETS'"),
        ({"secrets": ["x"]}, "knows no 'secrets'; did you mean 'SECRETS'"),
        ({"TOLERENCE": 300}, "did you mean 'TOLERANCE'"),
        ({"COLOUR": "red"}, "knows no 'COLOUR'; it knows SECRETS, NAME, PROFILE"),
        ({"TOLERANCE": 300}, r"\['TOLERANCE'\] must be a timedelta, not int"),
        ({"TOLERANCE": timedelta(0)}, "tolerance must be a positive"),
        ({"MAX_EVENT_AGE": 30}, r"\['MAX_EVENT_AGE'\] must be a timedelta or None, not int"),
        ({"READ_TIMEOUT": None}, r"\['READ_TIMEOUT'\] must be a timedelta, not NoneType"),
        ({"MAX_BODY": "1 MiB"}, r"\['MAX_BODY'\] must be an int, not str"),
        ({"MAX_BODY": 0}, "max_body must be a positive"),
        ({"NAME": 1}, r"\['NAME'\] must be a string, not int"),
        ({"NAME": "the eu"}, "an endpoint's name"),
        ({"PROFILE": "guid"}, "profile must be 'guide' or 'compat'"),
        ({"HOOKS": "settings_under_test.nothing"}, r"\['HOOKS'\] cannot be imported: .*nothing"),
        ({"HOOKS": "settings_under_test.outcomes"}, r"\['HOOKS'\] must be Hooks or the dotted path of one, not list"),
        ({"HOOKS": Hooks}, r"\['HOOKS'\] must be Hooks or the dotted path of one, not type"),
        ({"DEDUPLICATOR": 1}, r"\['DEDUPLICATOR'\] must be the URL of a Redis or a deduplicator, not int"),
        ({"DEDUPLICATOR": "redis://:hidden@localhost:port"}, r"\['DEDUPLICATOR'\]: this is no URL of a Redis"),
        ({"ON_OUTCOME": "settings_under_test.outcomes"}, r"\['ON_OUTCOME'\] must be a callable .*, not list"),
    ],
)
def test_what_cannot_work_is_named(configure, given, message):
    """A setting that cannot work says which one it is and what to change."""
    given = {"SECRETS": ["s3cr3t-of-these-tests"]} | given if given and "SECRETS" not in given else given
    configure(**given)
    with pytest.raises(ConfigurationError, match="^LICENSECHAIN_HOOKS.*" + message):
        get_receiver()


def test_processes_share_a_redis(configure):
    """In inline mode a URL names the Redis that remembers events, for all endpoints; or it is an object."""
    configure(SECRETS=["s3cr3t-of-these-tests"], DEDUPLICATOR="redis://localhost")
    assert isinstance(get_receiver().deduplicator, RedisDeduplicator)
    configure(SECRETS=["s3cr3t-of-these-tests"], DEDUPLICATOR=(own := MemoryDeduplicator()))
    assert get_receiver().deduplicator is own


@pytest.mark.parametrize("given", [None, ["s3cr3t-of-these-tests"], "s3cr3t-of-these-tests"])
def test_the_setting_is_a_dict(settings, given):
    """Anything else is refused by its type, and not shown, for it may be a secret."""
    settings.LICENSECHAIN_HOOKS = given
    with pytest.raises(ConfigurationError, match="must be a dict") as caught:
        get_settings()
    assert "s3cr3t-of-these-tests" not in str(caught.value)


def test_a_secret_that_reads_as_a_path_is_not_shown(configure):
    """The error of the import quotes the text, so it is neither shown nor chained."""
    configure(SECRETS="whsec.abcdef.ghijkl")
    with pytest.raises(ConfigurationError, match="put a secret with dots into a list") as caught:
        get_settings()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "whsec" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [{}, {"SECRETS": [""]}, {"SECRETS": ["another-secret"], "TOLERANCE": 300}, {"SECRETS": [], "MAX_BODY": 10}],
)
def test_a_misconfigured_endpoint_is_unavailable(site, configure, caplog, given):
    """Row 8: where the settings cannot work the sender is asked to come back, and the log says why."""
    configure(**given)
    with caplog.at_level(logging.ERROR, "licensechain_hooks"):
        response = site.deliver(make_event())
    assert (response.status_code, response.json()) == (503, {"status": "unavailable"})
    assert response.headers["Retry-After"] == "5"
    (record,) = [record for record in caplog.records if record.name == "licensechain_hooks"]
    assert record.reason == "misconfigured"
    assert "LICENSECHAIN_HOOKS" in record.getMessage()


def test_a_misconfigured_endpoint_refuses_as_others_do(site, configure):
    """What every endpoint refuses is refused in the same order: 405, 413 and 401 come before 503."""
    configure()
    path = f"/{site.host}/"
    assert site.request("GET", path).status_code == 405
    assert site.request("POST", path, b" " * (1024 * 1024 + 1)).status_code == 413
    assert site.request("POST", path, b"{}").status_code == 401


def test_settings_that_are_mended_are_read(sync_site, configure, monkeypatch):
    """A receiver that could not be built is tried again at the next delivery."""
    configure()
    assert sync_site.deliver(make_event()).status_code == 503
    monkeypatch.setenv("LICENSECHAIN_WEBHOOK_SECRET", "the-signing-secret-of-the-project")
    assert sync_site.deliver(make_event()).status_code == 200


def test_changed_settings_make_a_new_receiver(configure):
    """``override_settings`` and its like are followed; other settings change nothing."""
    from django.test import override_settings

    configure(SECRETS=["s3cr3t-of-these-tests"])
    receiver = get_receiver()
    with override_settings(USE_THOUSAND_SEPARATOR=True):
        assert get_receiver() is receiver
    with override_settings(LICENSECHAIN_HOOKS={"SECRETS": ["s3cr3t-of-these-tests"], "NAME": "other"}):
        assert get_receiver().endpoint.name == "other"
    assert get_receiver() is not receiver
    assert get_receiver().endpoint.name == "default"


def test_threads_share_one_receiver(configure):
    """However many first deliveries arrive at once, one receiver is built: two would run an event twice."""
    configure(SECRETS=["s3cr3t-of-these-tests"])
    together = Barrier(8)

    def first_delivery(_):
        together.wait()
        return get_receiver()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(first_delivery, range(8)))) == 1


def test_settings_are_values(configure):
    """`HookSettings` is frozen; a second endpoint's are made in code."""
    settings = HookSettings(name="eu", secrets=["a-signing-secret-of-eu"])
    assert Receivers(settings).get().endpoint.name == "eu"
    with pytest.raises(AttributeError):
        settings.name = "us"
