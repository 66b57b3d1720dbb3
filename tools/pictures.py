"""The pictures of the README and the documentation, made from what really happens.

    python tools/pictures.py demo       docs/_static/demo.svg: what `licensechain-hooks demo` shows on a terminal
    python tools/pictures.py emulator   docs/_static/emulator.png: the emulator's page in Chromium

The first needs the extras cli, client, emulator and starlette; the second the group browser and a Chromium as well.
"""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import Any

STATIC = Path(__file__).resolve().parents[1] / "docs" / "_static"
COMMAND = [sys.executable, "-m", "licensechain_hooks"]
KEY = "lc_local_picture_8d2e"
COLUMNS = 112
PATIENCE = 60  # seconds


def main() -> None:
    """Make one of the pictures."""
    pictures: dict[str, Callable[[], Path]] = {"demo": picture_demo, "emulator": picture_emulator}
    if len(sys.argv) != 2 or sys.argv[1] not in pictures:
        sys.exit((__doc__ or "").strip())
    path = pictures[sys.argv[1]]()
    sys.stdout.write(f"{path}: {path.stat().st_size} bytes\n")


def picture_demo() -> Path:
    """Record the demo as a terminal shows it."""
    from rich.console import Console
    from rich.text import Text

    shown = on_a_terminal([*COMMAND, "demo"]).replace("\r\n", "\n").partition("ran: ")[0]  # without what comes next
    console = Console(record=True, width=COLUMNS, file=StringIO())
    console.print(Text("$ licensechain-hooks demo", style="bold"))
    console.print(Text.from_ansi(shown), soft_wrap=True)
    svg = console.export_svg(title="licensechain-hooks demo")
    # Fonts are those of who looks: nothing is fetched.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace("Fira Code", "ui-monospace")
    path = STATIC / "demo.svg"
    path.write_text(svg, encoding="utf-8")
    return path


def on_a_terminal(command: list[str]) -> str:
    """What a command writes to a terminal; its notes are left out."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    environ.pop("NO_COLOR", None)
    process = subprocess.Popen(command, env=environ, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # Linux's way to say that nobody writes any more
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    if process.wait():
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return shown.decode()


def picture_emulator() -> Path:
    """Photograph the emulator's page after some licenses have lived."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("LICENSECHAIN_TEST_CHROMIUM") or shutil.which("chromium")
    path = STATIC / "emulator.png"
    with tempfile.TemporaryDirectory() as folder, emulated(Path(folder)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1180, "height": 760}, reduced_motion="reduce")
        page.goto(url)
        page.locator("#live", has_text="Live").wait_for()
        page.screenshot(path=path)
        browser.close()
    return path


@contextmanager
def emulated(folder: Path) -> Iterator[str]:
    """An emulator that delivers to a receiver, with something to see; its URL."""
    secret = folder / "secret.txt"
    secret.write_text("8c1f0a7be4d24b5a9d3e6f70c2b81a95\n")
    with (
        started("emulator", "--port", "0", LICENSECHAIN_API_KEY=KEY) as emulator,
        started("listen", "--port", "0", "--secret-file", str(secret)) as receiver,
    ):
        base = emulator["base_url"]
        webhook = {"url": receiver["url"], "events": ["license.created", "license.updated", "license.revoked"]}
        ask(f"{base}/webhooks", webhook | {"secret": secret.read_text().strip()})
        ids = [ask(f"{base}/licenses", {"productId": name})["id"] for name in ("editor", "player", "studio")]
        ask(f"{base}/licenses/{ids[1]}/extend", {})
        ask(f"{base}/licenses/{ids[0]}/revoke", {})
        time.sleep(2)
        yield emulator["url"]


@contextmanager
def started(command: str, *arguments: str, **environ: str) -> Iterator[dict[str, Any]]:
    """A command that stays, and what its first line says."""
    process = subprocess.Popen(
        [*COMMAND, command, *arguments, "--format", "jsonl"],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(PATIENCE)


def ask(url: str, value: dict[str, Any]) -> dict[str, Any]:
    """POST to the emulator's API."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(value).encode(), headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
        return dict(json.load(reply))


if __name__ == "__main__":
    main()
