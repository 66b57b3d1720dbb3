"""The probe finds nothing at our own adapters under real servers, and finds the known faults of others."""

import re
from pathlib import Path

import pytest
from adapters_served import MAX_BODY, Pair, require, running
from peers import PEERS

from licensechain_hooks.testing.probe import Finding, Probe

pytestmark = pytest.mark.timeout(600)  # seconds, on a machine with much else to do
OURS = [
    Pair("uvicorn-httptools", "starlette"),
    Pair("uvicorn-httptools", "fastapi"),
    Pair("gunicorn", "flask"),
    Pair("gunicorn", "django-wsgi"),
    Pair("uvicorn-h11", "django-asgi"),
]
# What the server or the framework does before the adapter sees anything.
WAITS = {(19, "no answer in 5 s", "unseen")}
UNSEEN = {"flask": WAITS, "django-wsgi": WAITS, "django-asgi": {*WAITS, (14, "no answer in 5 s", "unseen")}}


@pytest.fixture
def probed(tmp_path):
    """A function: everything that the probe finds at a framework under a server."""

    def probe(pair: Pair, *, profile="guide") -> list[Finding]:
        require(pair)
        with running(pair, tmp_path, profile=profile) as served:
            host, port = served.address
            return list(
                Probe(
                    f"http://{host}:{port}{served.path}",
                    served.forge.secret,
                    profile=profile,
                    max_body=MAX_BODY,
                    seconds=60,
                    runs=tmp_path / "runs",
                ).findings()
            )

    return probe


# What falls short in each of the others' receivers, by row, and what came: first what the route around the verifier
# does, which is the same in all of them, then what the verifier does.
ROUTE = {
    *((14, "200"), (15, "500"), (18, "500"), (22, "500"), (26, "500"), (27, "500"), (28, "500"), (29, "500")),
    *((12, "2 runs"), (31, "20 runs"), (32, "2 runs"), (33, "2 runs")),
}
VERIFIER = {
    "stripe": {(2, "500"), (10, "200"), (11, "200")},
    "slack_sdk": {(2, "500"), (6, "500"), (11, "500")},
    "standardwebhooks": {(2, "500"), (3, "500"), (4, "500"), (5, "500"), (6, "500")},
    "gidgethub": {(2, "500"), (9, "200"), (10, "200"), (11, "200")},
}
# In another language all of it differs.
NODE = {
    *((row, "500") for row in (1, 2, 3, 4, 5, 6, 7, 14, 15, 18, 22, 26, 27, 28)),
    *((9, "200"), (10, "200"), (11, "200"), (14, "200")),
    *((12, "2 runs"), (31, "20 runs"), (32, "2 runs"), (33, "2 runs")),
}


@pytest.mark.parametrize(
    ("profile", "pair"),
    [*(("guide", pair) for pair in OURS), ("compat", OURS[0]), ("compat", OURS[3])],
    ids=str,
)
def test_our_adapters_have_a_clean_sheet(pair, profile, probed):
    """Every answer is the catalogue's own, and each event runs once; a WSGI server alone may wait for a body."""
    found = probed(pair, profile=profile)
    not_ok = {(finding.row, finding.got, finding.verdict) for finding in found if finding.verdict != "ok"}
    assert not_ok <= UNSEEN.get(pair.framework, set())
    assert len(found) > 200


@pytest.mark.parametrize("package", PEERS)
def test_known_faults_are_found(package, probed):
    """Receivers written with other packages' verifiers fall short where they are known to, and nowhere else."""
    found = probed(Pair("gunicorn", f"peer-{package}"))
    assert {(one.row, one.got) for one in found if one.verdict == "falls short"} == ROUTE | VERIFIER[package]


def test_another_language_is_no_other_matter(probed):
    """A receiver in JavaScript, as many samples have it, falls short where it is known to."""
    found = probed(Pair("node", "node"))
    assert {(one.row, one.got) for one in found if one.verdict == "falls short"} == NODE


def test_the_page_shows_what_is_found():
    """The how-to's table has the rows that are found here."""
    page = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "probe-an-endpoint.md"
    shown = dict(re.findall(r"^\| (`\w+`|all of them)[^|]*\| ([\d, ]+) \|", page.read_text(), re.MULTILINE))
    found = {f"`{package}`": faults for package, faults in VERIFIER.items()} | {"all of them": ROUTE, "`node`": NODE}
    assert shown == {name: ", ".join(map(str, sorted({row for row, _ in faults}))) for name, faults in found.items()}
