"""What the README shows is what happens."""

import json
import re
import subprocess
import textwrap
import time
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import click
import pytest
from emulated import Emulated
from pages import blocks_of

from licensechain_hooks import Receiver
from licensechain_hooks.cli import main
from licensechain_hooks.client import LicenseChainClient
from licensechain_hooks.testing import event_body, make_event, sign_request
from licensechain_hooks.testing.conformance import Answer, RawDelivery, asgi_exchange, wsgi_exchange

SECRET = "the-secret-of-the-readme-test"
PATH = "/webhooks/licensechain"
EXCHANGES: dict[str, Callable[[Any, RawDelivery, str], Answer]] = {
    "Flask": wsgi_exchange,
    "FastAPI": asgi_exchange,
}


@pytest.fixture(scope="session")
def page(root: Path) -> str:
    """The README."""
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def blocks(page: str) -> dict[str, str]:
    """The README's Python, by what it stands under and the file it belongs into."""
    headings = [
        (found[1], page.count("\n", 0, found.start()) + 1)
        for found in re.finditer(r"^\*\*(\w+)\*\*:", page, re.MULTILINE)
    ]
    return {
        f"{[name for name, line in headings if line < block.line][-1]} {block.file}": block.text
        for block in blocks_of(page)
        if "not run" not in block.markers
    }


@pytest.fixture
def deliveries() -> list[RawDelivery]:
    """A delivery, its redelivery, and a forgery of another one."""
    revoked, other = (event_body(make_event("license.revoked", data={"id": name})) for name in ("lic_7", "lic_8"))
    signed, forged = sign_request(revoked, SECRET), sign_request(other, "somebody-elses-secret")
    return [delivery(revoked, signed), delivery(revoked, signed), delivery(other, forged)]


def delivery(body: bytes, headers: dict[str, str]) -> RawDelivery:
    """A request out of a body and headers."""
    return RawDelivery(headers=tuple((name.encode(), value.encode()) for name, value in headers.items()), body=body)


EXPECTED = [(200, "accepted"), (200, "duplicate"), (401, "rejected")]
PATIENCE = 30  # seconds for a worker on a busy machine


def test_every_block_is_run(blocks: dict[str, str]) -> None:
    """No block stands in the README that no test below runs, but for those that say why."""
    expected = {f"{name} app.py" for name in EXCHANGES} | {
        "Django urls.py",
        "Django webhooks.py",
        "API subscriptions.py",
    }
    assert set(blocks) == expected


@pytest.mark.parametrize("framework", EXCHANGES)
def test_app(
    framework: str,
    blocks: dict[str, str],
    deliveries: list[RawDelivery],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """The app stores a signed delivery, runs its handler once, and refuses a forged one."""
    monkeypatch.setenv("LICENSECHAIN_WEBHOOK_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": f"readme_{framework.lower()}"}
    exec(compile(blocks[f"{framework} app.py"], "README.md", "exec"), namespace)
    receiver = namespace.get("receiver") or namespace["app"].extensions["licensechain_hooks"]
    with closing(receiver.inbox):
        answers = [EXCHANGES[framework](namespace["app"], one, PATH) for one in deliveries]
        wait_for_the_worker(receiver)
    assert [(answer.status, answer.outcome) for answer in answers] == EXPECTED
    assert capsys.readouterr().out == "locking the seat of lic_7\n"


def wait_for_the_worker(receiver: Receiver) -> None:
    """Until the embedded worker has run the one entry; then it is stopped."""
    end = time.monotonic() + PATIENCE
    while not receiver.worker.counters.processed and time.monotonic() < end:
        time.sleep(0.01)
    receiver.stop()


def test_django(
    blocks: dict[str, str],
    deliveries: list[RawDelivery],
    tmp_path: Path,
    run_python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """A project with these two files stores a signed delivery, runs its handler once, and refuses a forged one."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "webhooks.py").write_text(blocks["Django webhooks.py"])
    (tmp_path / "urls.py").write_text(blocks["Django urls.py"])
    (tmp_path / "settings.py").write_text(
        "INSTALLED_APPS = ['shop', 'licensechain_hooks.contrib.django']\nROOT_URLCONF = 'urls'\nALLOWED_HOSTS = ['*']\n"
        f"DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': {str(tmp_path / 'db')!r}}}}}\n"
    )
    requests = [([(n.decode(), v.decode()) for n, v in one.headers], one.body.decode()) for one in deliveries]
    (tmp_path / "requests.json").write_text(json.dumps(requests))
    code = f"""
        import json, sys, time
        sys.path.insert(0, {str(tmp_path)!r})
        from django.core.management import call_command
        from django.core.wsgi import get_wsgi_application
        from licensechain_hooks.testing.conformance import RawDelivery, wsgi_exchange
        app = get_wsgi_application()
        call_command("migrate", verbosity=0)
        from licensechain_hooks.contrib.django.conf import get_receiver
        for headers, body in json.load(open("requests.json")):
            sent = RawDelivery(headers=tuple((n.encode(), v.encode()) for n, v in headers), body=body.encode())
            answer = wsgi_exchange(app, sent, "{PATH}/")
            print(answer.status, answer.outcome)
        receiver, end = get_receiver(), time.monotonic() + {PATIENCE}
        while not receiver.worker.counters.processed and time.monotonic() < end:
            time.sleep(0.01)
        receiver.stop()
    """
    environ = {"DJANGO_SETTINGS_MODULE": "settings", "LICENSECHAIN_WEBHOOK_SECRET": SECRET}
    ran = run_python(textwrap.dedent(code), **environ)
    expected = ["locking the seat of lic_7", *(f"{status} {outcome}" for status, outcome in EXPECTED)]
    assert (ran.returncode, sorted(ran.stdout.splitlines())) == (0, sorted(expected)), ran.stderr


def test_client(blocks: dict[str, str], run_python: Callable[..., Any], emulator: Emulated) -> None:
    """The client shows what is subscribed."""
    with LicenseChainClient(emulator.api_key, base_url=emulator.base_url) as client:
        client.webhooks.create(url="https://shop.example/hooks", events=["license.revoked", "payment.failed"])
    environ = {"LICENSECHAIN_API_KEY": emulator.api_key, "LICENSECHAIN_BASE_URL": emulator.base_url}
    ran = run_python(blocks["API subscriptions.py"], **environ)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "https://shop.example/hooks license.revoked payment.failed\n"


def test_commands_exist(page: str) -> None:
    """The table names the commands that there are."""
    (row,) = [line for line in page.splitlines() if line.startswith("| `cli`")]
    assert re.findall(r"`([a-z]+)`", row)[1:] == main.list_commands(click.Context(main))


def test_extras_exist(page: str) -> None:
    """The table names the extras that there are."""
    table = page.split("| extra |")[1].split("\n\n", maxsplit=1)[0]
    named = {name for row in table.splitlines() for name in re.findall(r"`([\w-]+)`", row.split("|")[1])}
    assert named == set(metadata("licensechain-hooks").get_all("Provides-Extra"))


def test_it_is_short(page: str) -> None:
    """Who reads it has read it in five minutes."""
    assert len(page.splitlines()) < 200
