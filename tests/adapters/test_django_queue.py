"""A task queue of the project's own that runs the handlers, named in ``PROCESSING``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from licensechain_hooks import ConfigurationError
from licensechain_hooks.inbox import Settlement
from licensechain_hooks.testing import make_event

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]

QUEUES = "django_project.queues"


@pytest.fixture(params=["queue", "ListQueue", "make_queue", "AsyncListQueue"])
def queue(request, settings, django_hooks):
    """The project's queue: one that is there, a class, a function that makes one, an asynchronous one."""
    from licensechain_hooks.contrib.django.queues import find_queue

    name = f"{QUEUES}.{request.param}"
    settings.LICENSECHAIN_HOOKS = settings.LICENSECHAIN_HOOKS | {"PROCESSING": name}
    found = find_queue(name)
    found.sent.clear()
    return found


def test_a_delivery_is_stored_and_enqueued(site, durable_hooks, queue, stored):
    """A delivery's entry is sent to the queue, whose task runs it, once; this process starts no worker."""
    from licensechain_hooks.contrib.django.conf import get_receiver

    ran = []
    durable_hooks.on("*")(lambda event: ran.append(event.id))
    assert site.deliver(make_event(event_id="evt_1")).json() == {"status": "accepted"}
    (pk,) = queue.sent
    assert (stored.entries(), ran) == ([("evt_1", "received")], [])
    assert not get_receiver().worker.is_running
    assert [queue.run_entry(pk), queue.run_entry(pk)] == [True, False]
    assert (stored.entries(), ran) == ([("evt_1", "processed")], ["evt_1"])


@pytest.mark.django_db
def test_a_test_case_captures_messages(sync_site, django_hooks, queue, stored, django_capture_on_commit_callbacks):
    """In a ``TestCase`` nothing is committed, and so nothing is sent, but for ``captureOnCommitCallbacks``."""
    django_hooks.on("*")(lambda event: None)
    with django_capture_on_commit_callbacks() as callbacks:
        assert sync_site.deliver(make_event(event_id="evt_1")).json() == {"status": "accepted"}
    assert (queue.sent, len(callbacks)) == ([], 1)
    with django_capture_on_commit_callbacks(execute=True):
        sync_site.deliver(make_event(event_id="evt_2"))
    assert len(queue.sent) == 1
    assert queue.run_entry(queue.sent[0])
    assert stored.entries() == [("evt_1", "received"), ("evt_2", "processed")]


def test_a_queue_runs_what_the_settings_say_now(sync_site, durable_hooks, queue, settings, stored):
    """Receivers that were built from other settings are forgotten."""
    from licensechain_hooks.contrib.django.conf import get_receiver

    durable_hooks.on("*")(lambda event: None)
    sync_site.deliver(make_event(event_id="evt_1"))
    settings.LICENSECHAIN_HOOKS = settings.LICENSECHAIN_HOOKS | {"WORKER": {"max_attempts": 3}}
    assert queue.run_entry(queue.sent[0])
    assert (get_receiver().worker.counters.processed, get_receiver().worker.settings.max_attempts) == (1, 3)


def test_a_sweep_of_all_endpoints(durable_hooks, queue, settings, stored):
    """Each endpoint's entries are enqueued, once."""
    from licensechain_hooks.contrib.django.conf import get_receivers
    from licensechain_hooks.testing.inbox_conformance import new_entry

    del settings.LICENSECHAIN_HOOKS["SECRETS"]
    both = {name: {"SECRETS": ["the-signing-secret-of-the-project"]} for name in ("eu", "us")}
    settings.LICENSECHAIN_HOOKS = settings.LICENSECHAIN_HOOKS | {"ENDPOINTS": both}
    receivers = get_receivers()
    for name in both:
        receivers.inbox.record_many([new_entry(endpoint=name)])
    assert (queue.sweep(), queue.sent) == (0, [])
    failed = receivers.inbox.claim_many(["eu", "us"], limit=2, lease=receivers.worker.settings.lease)
    receivers.inbox.settle_many([Settlement(claim=claim, state="failed") for claim in failed])
    assert queue.sweep() == 2
    assert sorted(queue.sent) == sorted(claim.pk for claim in failed)


@pytest.mark.parametrize(
    ("processing", "said"),
    [
        ("django_project.queues.nowhere", "cannot be had"),
        ("no_such_module.queue", "cannot be had: No module named 'no_such_module'"),
        (f"{QUEUES}.fail", "cannot be had: no broker is configured"),
        ("celery_of_ours", "'celery', 'tasks' or the dotted path of a queue"),
        (7, "'celery', 'tasks' or the dotted path of a queue"),
    ],
)
def test_what_is_no_queue(settings, processing, said):
    """The checks tell of a queue that cannot be had, and why."""
    from django.core.management import call_command
    from django.core.management.base import SystemCheckError

    from licensechain_hooks.contrib.django.conf import get_settings

    settings.LICENSECHAIN_HOOKS = {"SECRETS": ["the-signing-secret-of-the-project"], "PROCESSING": processing}
    with pytest.raises(ConfigurationError, match=r"LICENSECHAIN_HOOKS\['PROCESSING'\]") as raised:
        get_settings()
    assert said in str(raised.value)
    with pytest.raises(SystemCheckError, match="PROCESSING"):
        call_command("check")


SHOP_QUEUES = """
from licensechain_hooks import EngineQueue

class Queue(EngineQueue):
    def enqueue(self, pk): ...

queue = Queue()
def fail(): raise ValueError("no broker is configured")
"""
START = """
import sys
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["licensechain_hooks.contrib.django"], LICENSECHAIN_HOOKS={"PROCESSING": sys.argv[1]}
)
django.setup()
print(sys.modules["shop_queues"].queue._runners != [])
"""


@pytest.mark.parametrize(("name", "known"), [("queue", True), ("fail", False)])
def test_workers_learn_of_their_task(name, known, tmp_path):
    """Once the apps are ready the queue is built, though nobody asks for a receiver; one that cannot be stops nothing."""
    (tmp_path / "shop_queues.py").write_text(SHOP_QUEUES)
    (tmp_path / "start.py").write_text(START)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, "start.py", f"shop_queues.{name}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert (ran.stdout.strip(), ran.stderr) == (str(known), "")
