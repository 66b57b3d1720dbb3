"""Every example project: its own tests pass against what is installed, and an emulator drives it end to end."""

import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from databases import fresh_database

EXAMPLES = Path(__file__).resolve().parents[2] / "example_projects"
PATIENCE = 60.0  # seconds for what has to happen, on a slow machine


@dataclass(frozen=True)
class Project:
    """How an example project is served, and how it is asked what it knows.

    Attributes:
        name: of its folder.
        command: what the README says, but for the port.
        seat: the path of a license's seat.
        is_locked: whether the answer there says that it is.
    """

    name: str
    command: tuple[str, ...]
    seat: str
    is_locked: Callable[[Any], bool]


PROJECTS = (
    Project("starlette_app", ("uvicorn", "app:app"), "/seats/{id}", lambda seat: seat["locked"]),
    Project("fastapi_app", ("uvicorn", "app:app"), "/seats/{id}", lambda seat: seat["locked"]),
    Project("flask_app", ("flask", "run"), "/licenses/{id}/seats", lambda found: found["seats"][0]["locked"]),
)


@pytest.fixture(params=PROJECTS, ids=lambda project: project.name)
def project(request) -> Project:
    """One of them."""
    return request.param


@pytest.fixture
def environment(project, tmp_path, request) -> Iterator[dict[str, str]]:
    """The project's environment: an empty database, and its folder to import from."""
    base = os.environ | {"PYTHONPATH": str(EXAMPLES / project.name), "PYTHONDONTWRITEBYTECODE": "1"}
    if project.name == "fastapi_app":
        with fresh_database(request.getfixturevalue("postgres_url")) as url:
            yield base | {"LICENSECHAIN_INBOX_URL": url}
    else:
        yield base | {"SHOP_DATABASE": f"sqlite:///{tmp_path / 'shop.db'}"}


def test_its_own_tests(project, environment):
    """The project's own tests pass, and none is skipped."""
    plugins = ("asyncio", "django", "randomly", "cacheprovider", "xdist")
    command = [sys.executable, "-m", "pytest", "-q", *(f"-pno:{plugin}" for plugin in plugins)]
    ran = subprocess.run(
        command,
        cwd=EXAMPLES / project.name,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    last = ran.stdout.strip().rpartition("\n")[2]
    assert (ran.returncode, re.sub(r"\d+ passed in .+", "n passed", last)) == (0, "n passed"), ran.stdout + ran.stderr


@contextmanager
def served(project: Project, environment: dict[str, str], folder: Path) -> Iterator[str]:
    """The project, served as its README says; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *project.command, "--port", port],
            cwd=EXAMPLES / project.name,
            env=environment,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: server.poll() is not None or status(f"{url}/healthz") == 200)
        assert server.poll() is None, (folder / "log").read_text()
        yield url
    finally:
        server.terminate()
        server.wait(PATIENCE)


def status(url: str) -> int:
    """What is answered; 0 where nobody does."""
    try:
        return httpx2.get(url, trust_env=False, timeout=PATIENCE).status_code
    except httpx2.TransportError:
        return 0


def wait_for(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_license_is_created_and_revoked(project, environment, emulator, tmp_path):
    """From the emulator over the wire into the seats: a license that is created gives one, revoked it locks it."""
    secret = secrets.token_hex(32)
    with served(project, environment | {"LICENSECHAIN_WEBHOOK_SECRET": secret}, tmp_path) as url:
        emulator.webhook(f"{url}/webhooks/licensechain", "license.created", "license.revoked", secret=secret)
        created = emulator.license()["id"]
        seat = url + project.seat.format(id=created)
        wait_for(lambda: status(seat) == 200)

        def is_locked() -> bool:
            return project.is_locked(httpx2.get(seat, trust_env=False, timeout=PATIENCE).json())

        assert not is_locked()
        emulator.call("POST", f"/emulator/licenses/{created}/revoke")
        wait_for(is_locked)
        states = {delivery["state"] for delivery in emulator.settled(2)}
    assert states == {"delivered"}


def test_its_readme(project):
    """The README has three commands, the last of which serves the project, and links to files that are there."""
    text = (EXAMPLES / project.name / "README.md").read_text()
    (commands,) = re.findall(r"^```\n(.+?)^```$", text, re.MULTILINE | re.DOTALL)
    install, export, serve = commands.splitlines()
    assert (install.split()[:2], export.split()[0], tuple(serve.split())) == (
        ["pip", "install"],
        "export",
        project.command,
    )
    missing = [link for link in re.findall(r"\]\((\S+?)\)", text) if not (EXAMPLES / project.name / link).exists()]
    assert missing == []
