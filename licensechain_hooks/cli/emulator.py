"""``licensechain-hooks emulator``: a local LicenseChain, on this machine only."""

import logging
import os
import secrets
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from licensechain_hooks import ConfigurationError
from licensechain_hooks._loopback import is_loopback
from licensechain_hooks.cli._options import allow_remote_option, format_option
from licensechain_hooks.cli._output import echo, echo_json, note, paint, printable
from licensechain_hooks.cli._serving import listening_at, stop_with_stdin, stopped_by_signals, url_of

if TYPE_CHECKING:
    from licensechain_hooks.emulator import EmulatorSettings

__all__ = ["command"]

_API_KEY = "LICENSECHAIN_API_KEY"
_DAY = 86_400.0  # seconds
_MOST = 20  # redeliveries


def _schedule(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[timedelta, ...]:
    """Waits before redeliveries: seconds, separated by commas; nothing or ``none`` for no redelivery."""
    texts = [] if value.strip() in {"", "none"} else value.split(",")
    try:
        waits = [float(text) for text in texts]
    except ValueError:
        waits = [-1.0]
    if len(waits) > _MOST or not all(0 <= wait <= _DAY for wait in waits):
        msg = f"none, or up to {_MOST} waits in seconds, of a day at most, separated by commas: 1,5,30"
        raise click.BadParameter(msg)
    return tuple(timedelta(seconds=wait) for wait in waits)


@click.command("emulator")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; one of this machine's own.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 picks a free one.")
@click.option(
    "--api-key-file",
    metavar="FILE",
    help=f"A file with the API key to ask for. By default {_API_KEY}; else one is made up and printed once.",
)
@click.option(
    "--state",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where webhooks, licenses and deliveries are kept. By default a file that goes at the end.",
)
@click.option(
    "--redeliver",
    metavar="SECONDS",
    callback=_schedule,
    default="1,5,30",
    show_default=True,
    help="How long after each failure an event is delivered again; none for never.",
)
@allow_remote_option
@format_option("text", "jsonl")
@click.option("--stop-with-stdin", "ends_with_stdin", is_flag=True, hidden=True, help="End when stdin does.")
@click.pass_context
def command(
    context: click.Context,
    *,
    host: str,
    port: int,
    api_key_file: str | None,
    state: Path | None,
    redeliver: tuple[timedelta, ...],
    allow_remote: bool,
    form: str,
    ends_with_stdin: bool,
) -> None:
    """Be a LicenseChain on this machine, with faults and a page.

    The URL comes first; a browser shows the page there. Every delivery is another line. Deliveries go to this machine
    only, without --allow-remote. Ctrl-C ends it.
    """
    if not is_loopback(host):
        msg = f"--host: {host!r} is reachable from elsewhere, and whoever reaches it can use it"
        raise click.UsageError(msg)
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(levelname)s %(message)s")
    given = _given_key(api_key_file)
    lines = _Lines(as_json=form == "jsonl")
    try:
        from licensechain_hooks.emulator import EmulatorSettings  # noqa: PLC0415 - slow to import
        from licensechain_hooks.emulator._server import EmulatorServer  # noqa: PLC0415
    except ImportError as exc:
        raise click.ClickException(str(exc)) from exc
    settings = _settings(
        EmulatorSettings,
        api_key=given or f"lc_local_{secrets.token_urlsafe(24)}",
        state=state,
        redeliver=redeliver,
        allow_remote=allow_remote,
        on_delivery=lines.on_delivery,
    )
    with listening_at(host, port) as listening:
        server = EmulatorServer(settings, listening)
        lines.stop = server.stop

        def ready() -> None:
            lines.begin(url_of(host, listening.getsockname()[1]), None if given else settings.api_key, state)
            if ends_with_stdin:
                stop_with_stdin(server)

        with stopped_by_signals(server) as interruptions:
            try:
                server.serve(ready)
            except ConfigurationError as exc:
                msg = f"--state: {printable(str(exc))}"
                raise click.ClickException(msg) from exc
    lines.end()
    if interruptions:
        context.exit(130)


class _Lines:
    """What is printed: the first line, and one for each delivery that has ended.

    Attributes:
        stop: called once nobody reads the lines any more.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._broken: BrokenPipeError | None = None
        self.stop: Callable[[], None] = lambda: None

    def begin(self, url: str, made_up_key: str | None, state: Path | None) -> None:
        """Say where it is, and once the API key that was made up."""
        base_url = f"{url}/v1"
        self._print(f"LicenseChain, emulated, at {url}", {"url": url, "base_url": base_url, "api_key": made_up_key})
        if self._as_json:
            return
        note(f"LICENSECHAIN_BASE_URL={base_url}")
        if made_up_key is not None:
            note(f"{_API_KEY}={made_up_key}")
        note(f"state: {printable(str(state))}" if state else "state: until this ends; --state FILE for one that stays")

    def on_delivery(self, delivery: Mapping[str, Any]) -> None:
        """Print the line of a delivery."""
        self._print(_line_of(delivery), delivery)

    def end(self) -> None:
        """Say that stdout broke, if it did.

        Raises:
            BrokenPipeError: which click ends quietly with.
        """
        if self._broken is not None:
            raise self._broken

    def _print(self, line: str, facts: Mapping[str, Any]) -> None:
        try:
            echo_json(facts) if self._as_json else echo(line)
        except BrokenPipeError as error:
            self._broken = error
            threading.Thread(target=self.stop, daemon=True).start()


def _line_of(delivery: Mapping[str, Any]) -> str:
    parts = [
        str(delivery["statusCode"] or "-"),
        f"{delivery['durationMs']:7.1f} ms",
        f"{delivery['eventType']:<22}",
        delivery["eventId"],
        f"attempt {delivery['attempt']}",
        delivery["url"],
        delivery["error"] or delivery["outcome"] or "",
        f"(fault: {delivery['fault']})" if delivery["fault"] else "",
    ]
    verdict = paint(f"{delivery['state']:<9}", good=delivery["state"] == "delivered")
    return "  ".join([verdict, *(printable(part) for part in parts if part)])


def _given_key(api_key_file: str | None) -> str | None:
    """The API key of the file, else of the environment, if there is one."""
    if api_key_file is None:
        return os.environ.get(_API_KEY, "").strip() or None
    try:
        key = Path(api_key_file).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as exc:
        msg = f"--api-key-file: cannot read {printable(api_key_file)}: {type(exc).__name__}"
        raise click.UsageError(msg) from exc
    if not key:
        msg = f"--api-key-file: {printable(api_key_file)} is empty"
        raise click.UsageError(msg)
    return key


def _settings(kind: "type[EmulatorSettings]", **settings: Any) -> "EmulatorSettings":
    try:
        return kind(**settings)
    except ConfigurationError as exc:
        raise click.UsageError(str(exc)) from exc
