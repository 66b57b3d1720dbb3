"""The emulator's page without a browser: what it is made of, whom it trusts, and that it is installed."""

import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from licensechain_hooks.diagnosis.dialects import DIALECTS
from licensechain_hooks.emulator import _page

ROOT = Path(__file__).resolve().parents[2]
FILES = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
POLICY = {
    "default-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def elements(emulator: Any) -> list[tuple[str, dict[str, str | None]]]:
    """Those of the page as it is served."""
    return Elements(emulator.request("GET", "/").text).found


def test_the_page_needs_no_key(emulator):
    """A browser has no API key; and the page knows where the API is."""
    reply = emulator.request("GET", "/", headers={"Authorization": ""})
    assert (reply.status_code, reply.headers["content-type"], emulator.base_url in reply.text) == (
        200,
        "text/html; charset=utf-8",
        True,
    )


@pytest.mark.parametrize("path", ["/", *(f"/static/{name}" for name in FILES)])
def test_policy(emulator, path):
    """Everything is from this server alone, no text becomes a script or markup, and nobody may frame the page."""
    headers = emulator.request("GET", path).headers
    parts = [part.strip().partition(" ") for part in headers["content-security-policy"].split(";")]
    others = {name: headers[name] for name in ("x-content-type-options", "referrer-policy", "cache-control")}
    assert {name: value for name, _, value in parts} == POLICY
    assert others == {
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cache-control": "no-cache",
    }


@pytest.mark.parametrize("name", FILES)
def test_static_files(emulator, name):
    """Each of the page's files is served, as what it is."""
    reply = emulator.request("GET", f"/static/{name}")
    expected = (_page._HERE / "static" / name).read_bytes()
    assert (reply.status_code, reply.headers["content-type"].partition(";")[0], reply.content) == (
        200,
        FILES[name],
        expected,
    )


@pytest.mark.parametrize("name", ["nothing.js", "..%2f_page.py", "%2e%2e/_page.py", "..%5c_page.py", "page.js%00", ""])
def test_no_other_file(emulator, name):
    """Nothing but these files is served, whatever is asked for."""
    assert emulator.request("GET", f"/static/{name}").status_code == 404


def test_every_file_is_known():
    """What lies beside the page's files would not be served, so nothing does."""
    assert {path.name for path in (_page._HERE / "static").iterdir()} == set(FILES)


def test_nothing_is_inline(elements):
    """No script, no style and no handler stands in the page itself: the policy forbids them."""
    inline = [
        (tag, attributes)
        for tag, attributes in elements
        if tag == "style" or (tag == "script" and "src" not in attributes) or "style" in attributes
    ]
    handlers = [name for _, attributes in elements for name in attributes if name.startswith("on")]
    assert (inline, handlers) == ([], [])


def test_nothing_is_from_elsewhere(elements):
    """Every address in the page is this server's, so it works where there is no network."""
    addresses = {
        attributes[name] for _, attributes in elements for name in ("src", "href", "action") if name in attributes
    }
    assert addresses == {*(f"/static/{name}" for name in FILES), "/openapi.json", "#deliveries"}


@pytest.mark.parametrize("name", ["page.css", "page.js"])
def test_files_name_no_other_server(name):
    """Neither do the style sheet and the script."""
    text = (_page._HERE / "static" / name).read_text(encoding="utf-8")
    assert [word for word in ("://", "@import", "url(") if word in text] == []


def test_every_dialect_can_be_chosen(elements):
    """The form has all dialects that the emulator speaks."""
    values = [attributes.get("value") for tag, attributes in elements if tag == "option"]
    assert values == ["", "body", "signature", "timestamp", *DIALECTS]


def test_controls_are_labelled(elements):
    """Every control of a form has a label: one that names it, or one around it."""
    ids = {attributes["id"] for tag, attributes in elements if tag in {"input", "select"} and "id" in attributes}
    without = [a for tag, a in elements if tag == "input" and "id" not in a and a.get("type") != "checkbox"]
    labels = {attributes["for"] for tag, attributes in elements if tag == "label" and "for" in attributes}
    assert (labels, without) == (ids, [])


def test_tables_have_captions_and_scopes(elements):
    """A screen reader can say what each table and each cell is."""
    tags = [tag for tag, _ in elements]
    scopes = [attributes.get("scope") for tag, attributes in elements if tag == "th"]
    assert (tags.count("table"), tags.count("caption"), set(scopes)) == (3, 3, {"col", "row"})


def test_text_is_escaped():
    """What is written into the page is text, whatever it looks like."""
    hostile = "\"'><script>alert(1)</script>"
    text = _page._TEMPLATES.get_template("page.html").render(base_url=hostile, dialects=[hostile])
    scripts = [attributes for tag, attributes in Elements(text).found if tag == "script"]
    assert (scripts, text.count("&#34;&#39;&gt;&lt;script&gt;")) == (
        [{"src": "/static/page.js", "type": "module"}],
        3,
    )


@pytest.mark.parametrize("host", ["attacker.test", "127.0.0.1.attacker.test", '127.0.0.1:1"><script>alert(1)</script>'])
def test_other_hosts(emulator, host):
    """A name that somebody else has pointed at this machine gets no page; one that is markup gets none of it back."""
    reply = emulator.request("GET", "/", headers={"Host": host})
    assert "<script>alert" not in reply.text
    assert reply.status_code in ({200, 400} if "script" in host else {403})


def test_the_wheel_has_the_page(tmp_path: Path):
    """Templates and static files are in the wheel, too."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=True)
    (wheel,) = tmp_path.iterdir()
    folder = "licensechain_hooks/emulator"
    expected = {f"{folder}/templates/page.html", *(f"{folder}/static/{name}" for name in FILES)}
    with zipfile.ZipFile(wheel) as opened:
        assert expected - set(opened.namelist()) == set()
