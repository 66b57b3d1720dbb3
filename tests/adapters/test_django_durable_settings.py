"""The settings of durable mode under Django."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from licensechain_hooks.testing import make_event

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]


def test_processing_is_a_thread_by_default(settings):
    """Who sets nothing but secrets has durable mode and needs no second process."""
    from licensechain_hooks.contrib.django.conf import get_receiver, get_settings
    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    settings.LICENSECHAIN_HOOKS = {"SECRETS": ["the-signing-secret-of-the-project"]}
    assert get_settings().processing == "thread"
    assert isinstance(get_receiver().inbox, DjangoInbox)
    assert get_receiver().worker.settings.embedded


def test_every_key_of_durable_mode(settings):
    """What is set is what the receiver, its inbox and its worker have."""
    from licensechain_hooks.contrib.django.conf import get_receiver, get_settings

    settings.LICENSECHAIN_HOOKS = {
        "SECRETS": ["the-signing-secret-of-the-project"],
        "PROCESSING": "worker",
        "DATABASE": "default",
        "RETENTION": timedelta(days=50),
        "PAYLOAD_RETENTION": None,
        "ORDERING_KEY": "license",
        "REDACT": bytes,
        "WORKER": {"concurrency": 3, "max_attempts": 2},
    }
    receiver = get_receiver()
    assert (receiver.inbox.using, receiver.inbox.retention, receiver.inbox.payload_retention) == (
        "default",
        timedelta(days=50),
        None,
    )
    worker = receiver.worker.settings
    assert (worker.concurrency, worker.max_attempts, worker.embedded) == (3, 2, False)
    assert (get_settings().ordering_key, get_settings().redact) == ("license", bytes)


def test_ordering_and_redaction_reach_the_entry(site, no_worker, settings, stored):
    """Entries of one license keep their order, and handlers see what is stored, by dotted path or license."""
    from licensechain_hooks.contrib.django.models import Entry

    bodies = []
    sys.modules["redaction_under_test"] = sys.modules[__name__]
    settings.LICENSECHAIN_HOOKS = settings.LICENSECHAIN_HOOKS | {
        "ORDERING_KEY": "license",
        "REDACT": "redaction_under_test.redact",
    }
    no_worker.on("*")(lambda _event, context: bodies.append(context.raw_body))
    site.deliver(make_event("license.revoked", data={"id": "lic_1", "email": "ada@example.com"}))
    del sys.modules["redaction_under_test"]
    stored.drain()
    assert [entry.ordering_key for entry in Entry.objects.all()] == ["lic_1"]
    assert (len(bodies), b"ada@example.com" in bodies[0]) == (1, False)


def redact(body):
    return body.replace(b"ada@example.com", b"")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"PROCESSING": "threads"},
            r"\['PROCESSING'\] must be 'thread', 'worker', 'inline', 'celery', 'tasks' or the dotted path of a queue",
        ),
        (
            {"PROCESSING": ["thread"]},
            r"\['PROCESSING'\] must be 'thread', 'worker', 'inline', 'celery', 'tasks' or the dotted path of a queue, not list",
        ),
        ({"DATABASE": "nowhere"}, "none that is called 'nowhere': configure DATABASES, or set PROCESSING to 'inline'"),
        ({"DATABASE": None}, r"\['DATABASE'\] must be the alias of a database, not NoneType"),
        ({"RETENTION": 35}, r"\['RETENTION'\] must be a timedelta or None, not int"),
        ({"RETENTION": timedelta(days=1), "PAYLOAD_RETENTION": timedelta(days=1)}, "raise its retention"),
        ({"PAYLOAD_RETENTION": timedelta(days=99)}, "payload_retention is longer than retention"),
        ({"ORDERING_KEY": "licence"}, r"\['ORDERING_KEY'\] cannot be imported"),
        ({"ORDERING_KEY": 7}, r"\['ORDERING_KEY'\] must be 'license', a callable"),
        ({"REDACT": "nowhere.redact"}, r"\['REDACT'\] cannot be imported"),
        ({"REDACT": b""}, r"\['REDACT'\] must be a callable"),
        ({"WORKER": {"concurency": 3}}, r"\['WORKER'\] knows no 'concurency'; did you mean 'concurrency'"),
        ({"WORKER": {"embedded": True}}, r"\['WORKER'\] knows no 'embedded'; it knows concurrency, lease"),
        ({"WORKER": {"concurrency": 0}}, r"\['WORKER'\]: concurrency must be"),
        ({"WORKER": 3}, r"\['WORKER'\] must be a dict or WorkerSettings, not int"),
    ],
)
def test_what_cannot_work_in_durable_mode(settings, given, message):
    """A setting that cannot work says which one it is and what to change."""
    from licensechain_hooks import ConfigurationError
    from licensechain_hooks.contrib.django.conf import get_receiver

    settings.LICENSECHAIN_HOOKS = {"SECRETS": ["the-signing-secret-of-the-project"]} | given
    with pytest.raises(ConfigurationError, match="^LICENSECHAIN_HOOKS.*" + message):
        get_receiver()


def test_inline_needs_no_database(settings):
    """What is for durable mode has no meaning in inline mode, so that tests can switch by one key."""
    from licensechain_hooks.contrib.django.conf import get_receiver

    settings.LICENSECHAIN_HOOKS = {
        "SECRETS": ["the-signing-secret-of-the-project"],
        "PROCESSING": "inline",
        "DATABASE": "nowhere",
        "WORKER": {"concurrency": 3},
    }
    assert get_receiver().inbox is None
