"""The built documentation, page by page in a browser: it needs no network, fits its window, and complains of nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import artefacts_in, chromium
from pages import pages_of

ROOT = Path(__file__).resolve().parents[2]
PAGES = [name.removeprefix("docs/").removesuffix(".md") for name in pages_of(ROOT) if name.startswith("docs/")]
WINDOWS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site: the one that ``LICENSECHAIN_TEST_SITE`` names, or one built now."""
    if named := os.environ.get("LICENSECHAIN_TEST_SITE"):
        return Path(named)
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        str(ROOT / "docs"),
        str(folder),
    ]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser."""
    with chromium() as started:
        yield started


@pytest.mark.timeout(600)  # there are some forty pages
@pytest.mark.parametrize("window", WINDOWS)
def test_every_page(window: str, site: Path, browser: Any, tmp_path: Path) -> None:
    """No page asks a network, has an error, or is wider than its window; a picture of each is kept."""
    artefacts = artefacts_in(tmp_path) / f"docs-{window}"
    troubles: list[str] = []
    page = browser.new_page(**WINDOWS[window])
    page.on("request", lambda request: request.url.startswith("file:") or troubles.append(f"asks {request.url}"))
    page.on("console", lambda message: troubles.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: troubles.append(f"{page.url}: {error}"))
    for name in PAGES:
        page.goto((site / f"{name}.html").as_uri())
        if wider := page.evaluate(WIDER):
            troubles.append(f"{name} is {wider} pixels wider than the window")
        page.screenshot(path=artefacts / f"{name.replace('/', '-')}.png")
    page.close()
    assert troubles == []


def test_every_page_is_built(site: Path) -> None:
    """Each page of the sources is one of the site."""
    assert [name for name in PAGES if not (site / f"{name}.html").is_file()] == []
