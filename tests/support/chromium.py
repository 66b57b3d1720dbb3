"""The browser of the tests.

``LICENSECHAIN_TEST_CHROMIUM`` names it, else it is the system's. Without one, or without playwright, a test is skipped,
or fails where ``LICENSECHAIN_TEST_REQUIRE`` asks for ``browser``.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

__all__ = ["artefacts_in", "chromium"]

_SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the network is closed
]


@contextmanager
def chromium() -> Iterator[Any]:
    """Chromium, without a window and without a network."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _lacking("no playwright: pip install playwright")
    path = os.environ.get("LICENSECHAIN_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        _lacking("no Chromium: apt-get install chromium, or name one in LICENSECHAIN_TEST_CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=_SWITCHES)
        yield started
        started.close()


def artefacts_in(otherwise: Path) -> Path:
    """Where screenshots are kept: the folder that ``LICENSECHAIN_TEST_ARTEFACTS`` names, or another one."""
    folder = Path(os.environ.get("LICENSECHAIN_TEST_ARTEFACTS") or otherwise)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _lacking(reason: str) -> NoReturn:
    if "browser" in os.environ.get("LICENSECHAIN_TEST_REQUIRE", "").replace(",", " ").split():
        pytest.fail(f"{reason}, and LICENSECHAIN_TEST_REQUIRE asks for it", pytrace=False)
    pytest.skip(reason)
