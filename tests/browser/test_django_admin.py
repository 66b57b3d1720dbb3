"""The inbox in Django's admin, as an operator uses it: the example shop, its server and its worker are real."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import wait_for
from shop import Shop

from licensechain_hooks.testing import event_body, make_event

LIST = "/admin/licensechain_hooks/entry/"
SCHEMES = [("light", 1360), ("dark", 1360), ("light", 390), ("dark", 390)]


@pytest.fixture
def shop(tmp_path: Path):
    """The shop, with an operator."""
    with Shop(tmp_path) as shop:
        given = ("--username", "ada", "--email", "ada@example.com")
        shop.manage("createsuperuser", "--noinput", *given, DJANGO_SUPERUSER_PASSWORD="pw")
        yield shop


@pytest.fixture
def signed_in(watched: Callable[..., Any], shop: Shop) -> Callable[..., Any]:
    """A function that signs the operator in, and opens a page of the admin."""

    def signed_in(path: str, **settings: Any) -> Any:
        page = watched(f"{shop.url}/admin/login/?next={path}", **settings)
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill("pw")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"**{path}")
        return page

    return signed_in


def worked_off(shop: Shop) -> None:
    """Wait until nothing is waiting."""
    waiting = {"received", "processing", "failed"}
    wait_for("the worker", lambda: not waiting & set(shop.states().values()))


def test_a_dead_entry_is_replayed(signed_in, shop, artefacts):
    """The index leads to the dead letter, its error says what to do; that done, a replay is processed by the worker."""
    event = make_event("license.created", data={"id": "lic_1", "userId": "user_1"})
    shop.deliver(event)
    shop.start_worker()
    worked_off(shop)
    page = signed_in("/admin/")
    page.get_by_role("link", name="1 dead letter").click()
    page.get_by_role("link", name=event.id).click()
    page.get_by_text("no customer user_1: add one in the admin, then replay this entry").wait_for()
    entry = page.url
    page.goto(f"{shop.url}/admin/shop/customer/add/")
    page.get_by_label("Reference").fill("user_1")
    page.get_by_label("Name").fill("Ada Example")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(entry)
    page.get_by_role("link", name="Replay").click()
    page.screenshot(path=artefacts / "admin-replay.png", full_page=True)
    page.get_by_role("button", name="Replay").click()
    page.get_by_text("1 entry is replayed: a worker runs it.").wait_for()
    worked_off(shop)
    page.reload()
    states = page.locator(".lch-state").all_text_contents()
    page.screenshot(path=artefacts / "admin-processed.png", full_page=True)
    assert (states, shop.states()) == (["processed", "done"], {event.id: "processed"})
    assert shop.rows("SELECT license_id, is_locked FROM shop_seat") == [("lic_1", 0)]
    page.get_by_role("link", name="History").click()
    page.get_by_role("cell", name="Replayed.").wait_for()


def test_many_at_once(signed_in, shop):
    """Entries are chosen in the list, and an action does what its page has asked about."""
    for number in range(3):
        shop.deliver(make_event("license.created", data={"id": f"lic_{number}", "userId": "nobody"}))
    shop.start_worker()
    worked_off(shop)
    page = signed_in(f"{LIST}?state=dead")
    page.get_by_label("Select all objects on this page for an action").check()
    page.get_by_label("Action:").select_option("discard")
    page.locator("button[name=index]").click()
    page.get_by_role("heading", name="Discard 3 entries?").wait_for()
    before = set(shop.states().values())
    page.get_by_role("button", name="Discard").click()
    page.get_by_text("3 entries are discarded.").wait_for()
    assert (before, set(shop.states().values())) == ({"dead"}, {"ignored"})


def test_naughty_strings_are_text(signed_in, shop, corpora):
    """Whatever a payload, a license or an error holds is shown as text: in the list, the entry and the question."""
    strings = json.loads((corpora / "naughty" / "blns.json").read_text(encoding="utf-8"))
    hostile = [*(text for text in strings if "<" in text and text.strip())][:30]
    hostile += ["\x1b[31mred\x1b[0m\x07", "a\r\nSet-Cookie: b=c", "\u202egpj.exe", "</pre><img src=x onerror=alert(1)>"]
    naughty = make_event("license.created", data={"id": "lic_1", "userId": "nobody", "strings": strings})
    shop.deliver(naughty)
    for text in hostile:
        shop.deliver(make_event("license.created", data={"id": text.strip(), "userId": text}))
    shop.start_worker()
    worked_off(shop)
    page = signed_in(LIST)
    licenses = page.locator(".lch-license").all_text_contents()
    ids = [text.strip() for text in hostile]  # what nobody can see or is too long is no id of a license
    expected = [text if text.isprintable() and len(text) <= 255 else "-" for text in ids]
    assert licenses == [*expected[::-1], "lic_1"]
    page.get_by_role("link", name=naughty.id).click()
    shown = json.loads(page.locator(".lch-payload").text_content())
    assert shown == json.loads(event_body(naughty))
    for link in page_links(shop)[:4]:
        page.goto(f"{shop.url}{link}")
        error = page.locator(".lch-text").text_content()
        assert ("no customer" in error, error.isprintable()) == (True, True)
        page.get_by_role("link", name="Replay").click()
        page.get_by_role("button", name="Replay").wait_for()
        assert page.locator("#content script, #content img, #content iframe").count() == 0


def page_links(shop: Shop) -> list[str]:
    """The pages of the newest entries."""
    return [f"{LIST}{pk}/change/" for (pk,) in shop.rows("SELECT id FROM licensechain_hooks_entry ORDER BY id DESC")]


@pytest.mark.timeout(300)  # on a slow machine axe takes seconds for each page
def test_no_accessibility_violations(signed_in, shop, artefacts):
    """axe finds nothing serious in any of our pages, in either scheme, wide or narrow."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-playwright-python").Axe()
    shop.add_customer("user_1", "Ada Example")
    for number in range(12):
        shop.deliver(make_event("license.created", data={"id": f"lic_{number}", "userId": "user_1"}))
    shop.deliver(make_event("license.revoked", data={"id": "lic_dead", "userId": "nobody"}))
    shop.deliver(make_event("user.login"))
    shop.start_worker()
    worked_off(shop)
    shop.deliver(make_event("license.created", event_id=next(iter(shop.states())), data={"id": "other"}))
    ((dead,),) = shop.rows("SELECT id FROM licensechain_hooks_entry WHERE state = 'dead'")
    ours = {  # what is beside it is Django's
        "index": ("/admin/", [".lch-dead-letters"]),
        "list": (LIST, [".lch-chart", ".toplinks", "#result_list"]),
        "entry": (f"{LIST}{dead}/change/", ["#content"]),
        "ask": (f"{LIST}purge/?pks={dead},1,2", ["#content"]),
    }
    found = []
    for scheme, width in SCHEMES:
        page = signed_in("/admin/", color_scheme=scheme, viewport={"width": width, "height": 900})
        for name, (path, parts) in ours.items():
            page.goto(f"{shop.url}{path}")
            if name == "list":
                page.get_by_text("As a table").click()
            page.screenshot(path=artefacts / f"admin-{name}-{scheme}-{width}.png", full_page=True)
            violations = axe.run(page, context={"include": parts}).response["violations"]
            found += [
                (scheme, width, name, one["id"], [node["html"] for node in one["nodes"]])
                for one in violations
                if one["impact"] in ("serious", "critical")
            ]
    assert found == []


def test_nothing_of_ours_is_cut_off(signed_in, shop):
    """At no width has the page to be scrolled sideways; what is wide is scrolled by itself."""
    shop.deliver(make_event("license.created", data={"id": "x" * 255, "userId": "y" * 300, "note": "z" * 500}))
    shop.start_worker()
    worked_off(shop)
    page = signed_in(LIST)
    (link,) = page_links(shop)
    too_wide = []
    for path in (LIST, link, f"{LIST}replay/?pks={link.split('/')[4]}"):
        page.goto(f"{shop.url}{path}")
        for width in (320, 390, 768, 1024, 1360):
            page.set_viewport_size({"width": width, "height": 800})
            beyond = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
            too_wide += [(path, width, beyond)] if beyond > 0 else []
    assert too_wide == []
