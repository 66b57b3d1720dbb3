"""Where ``demo`` plays: a local LicenseChain, a receiver with its inbox, and what goes on between them."""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from time import monotonic, perf_counter, sleep
from types import TracebackType
from typing import Any, Self

import click

from licensechain_hooks.cli._child import ChildProcess, emulator_process, listen_process
from licensechain_hooks.cli._sample import demo_hooks
from licensechain_hooks.cli._scenes import Action, Finding, Step
from licensechain_hooks.operations.sending import Answer

__all__ = ["Stage", "warm_up"]

_PATIENCE = 10.0  # seconds for a delivery, which takes thousandths
_CALLS: Mapping[Action, tuple[str, str, dict[str, Any]]] = {
    "create": ("POST", "", {"name": "Ada's seats"}),
    "update": ("PATCH", "", {"name": "Ada's and Grace's seats"}),
    "extend": ("POST", "/extend", {}),
    "expire": ("POST", "/expire", {}),
    "revoke": ("POST", "/revoke", {}),
    "delete": ("DELETE", "", {}),
}


@dataclass(frozen=True, slots=True)
class _Delivered:
    """What the emulator knows of a delivery that is over."""

    pk: str
    event_id: str
    event_type: str
    answer: Answer


class Stage:
    """A context manager: the emulator and the receiver run inside it, and their processes have ended after it.

    Args:
        framework: which framework's server receives.
        folder: for the inbox and the API key.
    """

    def __init__(self, framework: str, folder: Path) -> None:
        self.inbox = f"sqlite:///{folder / 'inbox.db'}"
        self._key_file = folder / "api-key"
        self._framework = framework
        self._secret = secrets.token_urlsafe(32)
        self._api_key = secrets.token_urlsafe(32)
        self._key_file.touch(mode=0o600)
        self._key_file.write_text(self._api_key)
        self._stack = ExitStack()
        self._receiver = self._new_receiver(0)
        self._emulator = emulator_process(self._api_key, "--redeliver", "")
        self._license = ""
        self._last = _Delivered("", "", "", Answer(status=None))
        self._entries: dict[str, int] = {}
        self.commands: list[str] = []
        """What was run of the command line, as one would type it."""

    def __enter__(self) -> Self:
        """Start both, and register the receiver's URL as a webhook.

        Raises:
            click.ClickException: one does not start.
        """
        with ExitStack() as stack:
            self._receiver = stack.enter_context(self._receiver)
            stack.enter_context(self._emulator)
            stack.callback(self._end_receiver)
            self.url: str = self._receiver.first_line()["url"]
            begun = self._emulator.first_line()
            self.page: str = begun["url"]
            self._register(begun["base_url"], stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End both."""
        self._stack.close()

    def play(self, steps: Sequence[Step]) -> Iterator[Finding]:
        """Play one step after the other."""
        for step in steps:
            self._put_receiver(is_down=step.is_down)
            if step.action == "watch":
                yield self._look(step)
            elif step.action == "replay":
                yield self._watch(step, self._replay())
            else:
                self._last = self._deliver(step)
                yield self._watch(step, self._last.answer)

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """What the receiver tells from now on, until it ends."""
        while self._receiver.is_running:
            line = self._receiver.line()
            if line:
                yield line

    # The receiver

    def _new_receiver(self, port: int) -> ChildProcess:
        return listen_process(self._framework, self._secret, "--demo", "--inbox", self.inbox, port=port)

    def _put_receiver(self, *, is_down: bool) -> None:
        """Have it up or down."""
        if is_down:
            self._end_receiver()
        elif not self._receiver.is_running:
            self._receiver = self._new_receiver(int(self.url.split(":")[2].partition("/")[0]))
            self._receiver.__enter__()
            self._receiver.first_line()

    def _end_receiver(self) -> None:
        if self._receiver.is_running:
            self._receiver.__exit__(None, None, None)

    # The emulator

    def _register(self, base_url: str, stack: ExitStack) -> None:
        import httpx2  # noqa: PLC0415 - not in every installation

        from licensechain_hooks.client import LicenseChainClient  # noqa: PLC0415

        self._client = stack.enter_context(LicenseChainClient(self._api_key, base_url=base_url))
        headers = {"Authorization": f"Bearer {self._api_key}"}
        self._http = stack.enter_context(httpx2.Client(headers=headers, timeout=_PATIENCE, trust_env=False))
        self._licenses = f"{base_url}/licenses"
        webhook = self._client.webhooks.create(url=self.url, events=demo_hooks.event_types(), secret=self._secret)
        self._webhook, self._base_url = webhook.id, base_url

    def _deliver(self, step: Step) -> _Delivered:
        """Do what makes the emulator deliver, with its faults."""
        faults = f"{self.page.rstrip('/')}/emulator/faults"
        sound = self._ask("GET", faults)
        self._ask("PUT", faults, sound | dict(step.faults))
        before = self._newest()["id"]
        if step.action == "again":
            self._ask("POST", f"{self._deliveries}/{self._last.pk}/redeliver")
        else:
            method, path, body = _CALLS[step.action]
            license_ = self._ask(method, f"{self._licenses}/{self._license}{path}".rstrip("/"), body or None)
            self._license = self._license or license_["id"]
        delivery = self._newest(after=before)
        self._ask("PUT", faults, sound)
        return _delivered(delivery)

    @property
    def _deliveries(self) -> str:
        return f"{self.page.rstrip('/')}/emulator/deliveries"

    def _newest(self, *, after: str | None = None) -> dict[str, Any]:
        """The newest delivery; one that is newer than ``after``, and over, where that is given."""
        nothing = {"id": ""}
        ends = monotonic() + _PATIENCE
        while True:
            found = [*self._ask("GET", f"{self._deliveries}?limit=1")["deliveries"], nothing][0]
            if after is None or (found["id"] != after and found["state"] != "pending"):
                return dict(found)
            if monotonic() > ends:
                msg = "the emulator does not deliver"
                raise click.ClickException(msg)
            sleep(0.01)

    def _ask(self, method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        response = self._http.request(method, url, json=body)
        if response.is_error:
            msg = f"the emulator answers {response.status_code} to {method} {response.url.path}"
            raise click.ClickException(msg)
        return dict(response.json()) if response.content else {}

    # Commands of ours, in this process: another one would take as long as all the rest

    def _replay(self) -> Answer:
        pk = self._entries.get(self._last.event_id)
        if pk is None:
            return Answer(status=None, error="there is no entry to replay")
        arguments = ("inbox", "replay", str(pk), "--inbox", self.inbox)
        self.commands.append(" ".join(("licensechain-hooks", *arguments)))
        started = perf_counter()
        try:
            said = _run(*arguments, "--yes", "--format", "jsonl")
        except click.ClickException as exc:
            return Answer(status=None, error=exc.format_message())
        milliseconds = (perf_counter() - started) * 1000
        return Answer(status=None, milliseconds=milliseconds, outcome="replayed" if said["changed"] == 1 else "")

    def _look(self, step: Step) -> Finding:
        api = ("--base-url", self._base_url, "--api-key-file", str(self._key_file))
        arguments = ("monitor", "--webhook", self._webhook, "--inbox", self.inbox, *api)
        self.commands.append(" ".join(("licensechain-hooks", *arguments)))
        started = perf_counter()
        said = _run(*arguments, "--format", "json")
        milliseconds = (perf_counter() - started) * 1000
        problems = sorted(problem for finding in said["findings"] for problem in finding["problems"])
        return Finding(step=step, answer=Answer(status=None, milliseconds=milliseconds), findings=tuple(problems))

    # What comes of it

    def _watch(self, step: Step, answer: Answer) -> Finding:
        """What the receiver tells of a step, until it is through with it."""
        line: dict[str, Any] = {}
        attempts: list[dict[str, Any]] = []
        unasked: list[dict[str, Any]] = []
        while not (answer.error or _is_over(step, line, attempts)):
            told = self._receiver.line()
            if not told:
                break
            if told["id"] not in {None, self._last.event_id}:
                unasked.append(told)
            elif "outcome" in told:
                line = told
            else:
                attempts.append(told)
                self._entries[self._last.event_id] = told["entry"]
        return Finding(
            step=step,
            answer=answer,
            event_id=self._last.event_id,
            event_type=self._last.event_type,
            line=line,
            attempts=attempts,
            unasked=unasked,
        )


def warm_up() -> None:
    """Load what commands need: in a thread, while processes start."""
    with suppress(ImportError):
        import licensechain_hooks.cli.monitor  # noqa: PLC0415
        import licensechain_hooks.client  # noqa: PLC0415
        import licensechain_hooks.inbox.sql  # noqa: F401, PLC0415


def _delivered(delivery: Mapping[str, Any]) -> _Delivered:
    answer = Answer(
        status=delivery["statusCode"],
        outcome=delivery["outcome"] or "",
        milliseconds=delivery["durationMs"] or 0.0,
        error="" if delivery["statusCode"] else str(delivery["error"] or "no answer"),
    )
    return _Delivered(delivery["id"], delivery["eventId"], delivery["eventType"], answer)


def _run(*arguments: str) -> Any:
    """What our command line says as JSON."""
    from licensechain_hooks.cli import main  # noqa: PLC0415 - it imports this

    with redirect_stdout(StringIO()) as said:
        main.main(arguments, standalone_mode=False)
    return json.loads(said.getvalue())


def _is_over(step: Step, line: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]]) -> bool:
    """Whether no more is to come; lines of a delivery and of its attempts come in any order."""
    if not line and step.action != "replay":
        return False
    if step.action == "replay" or line["outcome"] == "accepted":
        return bool(attempts) and attempts[-1]["state"] != "failed"
    return True
