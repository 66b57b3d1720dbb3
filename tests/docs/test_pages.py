"""What the documentation shows is what happens: every page is followed, and every address has a sound form."""

import re
from importlib.metadata import metadata
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from following import follow
from pages import pages_of

ROOT = Path(__file__).resolve().parents[2]
PAGES = pages_of(ROOT)
FOR_WHOM = re.compile(r"\A# .+\n\n(?:\(\S+\)=\n)?\*For .+?[.:]\*(\n|\Z)", re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|<(https?://[^>]+)>")


@pytest.mark.timeout(600)  # some start three servers
@pytest.mark.parametrize("name", [name for name in PAGES if name != "README.md"])
def test_page(name: str, tmp_path: Path) -> None:
    """Who does what a page says gets what it says."""
    folder = tmp_path / "page"
    folder.mkdir()
    follow(PAGES[name].read_text(encoding="utf-8"), folder)


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("docs/")])
def test_first_line(name: str) -> None:
    """Below its title, a page says first whom it is for."""
    assert FOR_WHOM.match(PAGES[name].read_text(encoding="utf-8")), f'{name} should begin: # Title, "", *For … .*'


@pytest.mark.parametrize("name", [*PAGES, "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links(name: str) -> None:
    """A link out of the project has the form of an address; one within leads to a file there is."""
    page = ROOT / name
    wrong = [
        link for found in LINK.findall(page.read_text(encoding="utf-8")) if not leads(link := "".join(found), page)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", [*PAGES, "CONTRIBUTING.md", "SECURITY.md"])
def test_extras(name: str) -> None:
    """What a page wants installed can be."""
    text = (ROOT / name).read_text(encoding="utf-8")
    asked = {extra for extras in re.findall(r"licensechain-hooks\[([\w,]+)\]", text) for extra in extras.split(",")}
    assert asked - set(metadata("licensechain-hooks").get_all("Provides-Extra") or []) == set()


def leads(link: str, page: Path) -> bool:
    """Whether a link can lead somewhere."""
    parts = urlsplit(link)
    if parts.scheme:
        return parts.scheme in {"https", "mailto"} and ("." in (parts.hostname or parts.path))
    return not parts.path or (page.parent / parts.path).exists()
