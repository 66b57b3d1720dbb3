"""A browser, pages that are watched, and an endpoint of ours for the emulator to deliver to."""

import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy
from chromium import artefacts_in, chromium
from starlette.applications import Starlette

from licensechain_hooks import Endpoint, Hooks, Receiver
from licensechain_hooks.cli._servers._asgi import ASGIServer
from licensechain_hooks.contrib.starlette import hooks_lifespan, webhook_route
from licensechain_hooks.inbox.sql import SqlInbox


@dataclass(frozen=True)
class Served:
    """An endpoint of ours that is served, and its inbox."""

    url: str
    secret: str
    inbox: str

    def entries(self) -> int:
        """How many entries the inbox has."""
        engine = sqlalchemy.create_engine(self.inbox, poolclass=sqlalchemy.NullPool)
        with engine.connect() as connection:
            count: int = connection.execute(sqlalchemy.text("SELECT count(*) FROM licensechain_hooks_entry")).scalar()
        return count


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, without a window and without a network."""
    with chromium() as started:
        yield started


@pytest.fixture
def expected_complaints() -> list[str]:
    """What a page may say in its console, or raise; a test adds what it provokes."""
    return []


@pytest.fixture
def watched(browser: Any, expected_complaints: list[str]) -> Iterator[Callable[..., Any]]:
    """A function that opens a page at a URL; afterwards pages have asked nobody else, and had nothing to complain of."""
    complaints: list[str] = []
    hosts: set[str] = set()
    opened: set[str] = set()
    contexts = []

    def on_dialog(dialog: Any) -> None:
        complaints.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def open_at(url: str, **settings: Any) -> Any:
        context = browser.new_context(
            **{"viewport": {"width": 1360, "height": 900}, "reduced_motion": "reduce", **settings}
        )
        contexts.append(context)
        opened.add(urlsplit(url).netloc)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.on("console", lambda message: complaints.append(f"{message.type} {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error {error}"))
        page.on("dialog", on_dialog)
        page.goto(url)
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert (hosts, list(dict.fromkeys(complaints))) == (opened, expected_complaints)


@pytest.fixture
def open_page(watched: Callable[..., Any], emulator: Any) -> Callable[..., Any]:
    """A function that opens the emulator's page, live."""

    def opened(**settings: Any) -> Any:
        page = watched(emulator.url, **settings)
        page.locator("#live", has_text="Live").wait_for()
        return page

    return opened


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """An endpoint with an inbox in SQLite, under uvicorn."""
    url = f"sqlite:///{tmp_path / 'inbox.db'}"
    secret = secrets.token_hex(32)
    hooks = Hooks()
    hooks.fallback(lambda _event: None)
    inbox = SqlInbox(url)
    inbox.create_schema()
    receiver = Receiver(Endpoint(secrets=secret), hooks, inbox=inbox)
    app = Starlette(routes=[webhook_route("/webhooks/licensechain", receiver)], lifespan=hooks_lifespan(receiver))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = ASGIServer(app, listening)
        ready = threading.Event()
        thread = threading.Thread(target=server.serve, args=(ready.set,), daemon=True)
        thread.start()
        assert ready.wait(20)
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}/webhooks/licensechain", secret, url)
        server.stop()
        thread.join(20)
        assert not thread.is_alive()
    inbox.close()


@pytest.fixture
def artefacts(tmp_path: Path) -> Path:
    """Where screenshots are kept."""
    return artefacts_in(tmp_path)
