"""``example_projects/django_shop``, served by gunicorn, with its worker in a process of its own."""

import os
import secrets
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
from processes import PATIENCE, Processes, wait_for

from licensechain_hooks.events import Event
from licensechain_hooks.testing import event_body, sign_request

__all__ = ["Shop"]

_HERE = Path(__file__).resolve().parent
_SHOP = _HERE.parents[1] / "example_projects" / "django_shop"


class Shop:
    """The shop with a database of its own; a context manager.

    Args:
        folder: an empty one, for its database and its log.

    Attributes:
        url: where it is.
        secret: what deliveries are signed with.
    """

    def __init__(self, folder: Path) -> None:
        self.secret = secrets.token_hex(32)
        self._folder = folder
        self._environment = os.environ | {
            "DJANGO_DEBUG": "0",
            "DJANGO_SECRET_KEY": secrets.token_hex(32),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LICENSECHAIN_WEBHOOK_SECRET": self.secret,
            "PYTHONPATH": os.pathsep.join([str(_SHOP), str(_HERE)]),
            "SHOP_DATABASE": str(folder / "shop.sqlite3"),
        }
        self._processes = Processes(folder / "log", folder=_SHOP, environment=self._environment)
        self.manage("migrate", "--verbosity", "0")

    def __enter__(self) -> Self:
        try:
            with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
                self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
                listening.set_inheritable(True)
                (self._folder / "gunicorn.py").write_text("control_socket_disable = True\n")  # older ones ignore it
                options = ["--threads", "4", "--config", str(self._folder / "gunicorn.py"), "--log-level", "warning"]
                bind = ["--bind", f"fd://{listening.fileno()}"]
                command = ["-m", "gunicorn", "shop_with_static:app", *bind, *options]
                self._server = self._processes.start(command, listening.fileno())
            wait_for("the shop to answer", self._is_served)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._processes.__exit__(kind, error, traceback)

    @property
    def log(self) -> str:
        """What its processes wrote."""
        return self._processes.log

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one of its commands to its end, which is a good one."""
        ran = subprocess.run(
            [sys.executable, "-m", "django", *arguments],
            cwd=_SHOP,
            env=self._environment | environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if ran.returncode:
            raise RuntimeError(ran.stderr)
        return ran

    def run(self, code: str) -> str:
        """Run Python in its shell; what that prints."""
        return self.manage("shell", "--verbosity", "0", "--command", code).stdout.strip()

    def rows(self, statement: str) -> list[Any]:
        """The rows of a query of its database."""
        connection = sqlite3.connect(f"file:{self._folder / 'shop.sqlite3'}?mode=ro", uri=True, timeout=PATIENCE)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def states(self) -> dict[str, str]:
        """The state of each entry of its inbox, by the event's id."""
        return dict(self.rows("SELECT event_id, state FROM licensechain_hooks_entry"))

    def add_customer(self, reference: str, name: str) -> None:
        """Add a customer."""
        self.run(f"from shop.models import Customer; Customer.objects.create(reference={reference!r}, name={name!r})")

    def start_worker(self) -> None:
        """Start its worker."""
        self._processes.start(["-m", "django", "licensechain_worker"])

    def deliver(self, event: Event) -> Any:
        """Deliver an event to it; the answer."""
        body = event_body(event)
        return self.post("/webhooks/licensechain/", body, sign_request(body, self.secret))

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> Any:
        """POST to it; the answer."""
        return httpx2.post(f"{self.url}{path}", content=body, headers=headers, trust_env=False, timeout=PATIENCE)

    def get(self, path: str) -> Any:
        """GET from it; the answer."""
        return httpx2.get(f"{self.url}{path}", trust_env=False, timeout=PATIENCE)

    def _is_served(self) -> bool:
        if self._server.poll() is not None:
            msg = f"the shop's server has ended: {self.log}"
            raise RuntimeError(msg)
        try:
            return bool(self.get("/webhooks/licensechain/").status_code == 405)
        except httpx2.TransportError:
            return False
