"""The emulator's page as people use it: with eyes, with a keyboard, with a screen reader; and what must not happen."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

TYPES = ("license.created", "license.revoked", "license.expired", "license.extended")


@pytest.fixture
def webhook(emulator: Any, served: Any) -> dict[str, Any]:
    """The endpoint, registered as a webhook."""
    return emulator.webhook(served.url, *TYPES, secret=served.secret)


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def newest(page: Any) -> list[str]:
    """What the newest delivery's row says: event, state, reply, outcome, attempt."""
    row = page.locator("#delivery-table tbody").first
    fields = ("eventType", "state", "statusCode", "outcome", "attempt")
    return [row.locator(f"[data-field={field}]").first.text_content() for field in fields]


def wait_for_newest(page: Any, *texts: str) -> None:
    """Wait for the newest delivery to say these things, in this order."""
    row = page.locator("#delivery-table tbody").first.locator("tr").first
    for text in texts:
        row.filter(has_text=text).wait_for()


def focused(page: Any) -> str:
    """The text of the element that has the focus."""
    return " ".join(page.evaluate("document.activeElement.textContent").split())


def settle_arrivals(page: Any, count: int) -> None:
    page.wait_for_function(
        "n => { const states = [...document.querySelectorAll('#delivery-table [data-field=state]')]"
        ".map(one => one.textContent); return states.length === n && !states.includes('pending'); }",
        arg=count,
    )


def test_the_first_webhook_arrives(open_page, emulator, served, webhook, artefacts):
    """Who revokes a license sees its delivery arrive with 200; sent again, it is a duplicate, and stored once."""
    emulator.license(name="Atelier Nord")
    page = open_page()
    settle_arrivals(page, 1)
    button(page, "Revoke license Atelier Nord").click()
    settle_arrivals(page, 2)
    first = newest(page)
    page.get_by_role("button", name="Send again license.revoked").click()
    settle_arrivals(page, 3)
    page.screenshot(path=artefacts / "emulator-page.png", full_page=True)
    assert [first, newest(page)] == [
        ["license.revoked", "delivered", "200", "accepted", "1"],
        ["license.revoked", "delivered", "200", "duplicate", "2"],
    ]
    assert served.entries() == 2


def test_details_are_what_was_sent(open_page, emulator, webhook):
    """A delivery opens to its headers, its body to the byte, and the reply."""
    emulator.license(name="Studio")
    page = open_page()
    settle_arrivals(page, 1)
    page.locator("#delivery-table .open").click()
    page.locator("dt", has_text="signature").wait_for()
    sent = emulator.call("GET", f"/emulator/deliveries/{emulator.deliveries()[0]['id']}")
    page.get_by_text("The exact body").click()
    shown = {
        "headers": dict(
            zip(page.locator("dt").all_text_contents(), page.locator("dd").all_text_contents(), strict=True)
        ),
        "exact": page.locator("[data-field=exactBody]").text_content(),
        "readable": json.loads(page.locator("[data-field=requestBody]").text_content()),
        "reply": json.loads(page.locator("[data-field=responseBody]").text_content()),
    }
    assert shown == {
        "headers": sent["requestHeaders"],
        "exact": sent["requestBody"],
        "readable": json.loads(sent["requestBody"]),
        "reply": json.loads(sent["responseBody"]),
    }


def test_keyboard_alone(open_page, emulator, webhook):
    """Tab and Enter revoke a license, and the focus stays where it was while rows come and change."""
    emulator.license(name="Render farm")
    page = open_page()
    settle_arrivals(page, 1)
    for _ in range(20):
        page.keyboard.press("Tab")
        if focused(page) == "Revoke license Render farm":
            break
    page.keyboard.press("Enter")
    settle_arrivals(page, 2)
    emulator.license(name="Another")
    settle_arrivals(page, 3)
    page.keyboard.press("Enter")  # it is revoked, so this does nothing
    page.get_by_role("button", name="Revoke license Render farm", disabled=True).wait_for()
    assert (focused(page), newest(page)[:2]) == ("Revoke license Render farm", ["license.created", "delivered"])


def test_new_license(open_page, emulator, webhook):
    """The form makes a license, by Enter; what is there before the page is opened is there, too."""
    emulator.license(name="Older")
    page = open_page()
    page.get_by_label("New license").fill("  Newer ")
    page.keyboard.press("Enter")
    settle_arrivals(page, 2)
    names = page.locator("#licenses [role=rowheader] [data-field=name]").all_text_contents()
    assert (names, [one["name"] for one in emulator.call("GET", "/emulator/licenses")["licenses"]]) == (
        ["Newer", "Older"],
        ["Newer", "Older"],
    )


def test_what_others_do_is_shown(open_page, emulator, served):
    """Webhooks and licenses that come, change and go elsewhere do so here, without a reload."""
    page = open_page()
    page.get_by_text("Register a webhook with the API above").wait_for()
    webhook = emulator.webhook(served.url, *TYPES, secret=served.secret)
    license_ = emulator.license(name="Seen")
    page.locator("#webhooks", has_text=served.url).wait_for()
    page.locator("#licenses", has_text="Seen").wait_for()
    emulator.call("DELETE", f"/v1/webhooks/{webhook['id']}")
    emulator.call("DELETE", f"/v1/licenses/{license_['id']}")
    page.get_by_text("No webhook is registered").wait_for()
    page.get_by_text("No license yet").wait_for()
    assert page.locator("#licenses tbody tr, #webhooks tbody tr").count() == 0


def test_announcements_are_few(open_page, emulator, webhook):
    """A screen reader hears of what has ended, in one sentence for what comes at once."""
    page = open_page()
    page.evaluate(
        "() => { const status = document.getElementById('status'); window.heard = [];"
        " new MutationObserver(() => heard.push(status.textContent)).observe(status, { childList: true }); }"
    )
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))  # so that all of it is within a moment
    for number in range(8):
        emulator.license(name=f"License {number}")
    emulator.settled(8)
    page.locator("#delivery-table [data-field=state]", has_text="delivered").nth(7).wait_for()
    page.clock.run_for(1000)
    assert page.evaluate("() => heard") == ["8 changes. Latest: license.created delivered: 200 accepted"]


def test_faults(open_page, emulator, webhook):
    """A fault that is chosen is named until it is cleared, and the delivery shows what it does."""
    emulator.faults(restamp=False)
    page = open_page()
    page.get_by_text("Change what goes wrong").click()
    page.get_by_label("Tamper with").select_option("signature")
    button(page, "Apply faults").click()
    page.locator("#faults-now", has_text="tamper signature").wait_for()
    during = emulator.call("GET", "/emulator/faults")
    emulator.license(name="Wronged")
    settle_arrivals(page, 2)  # and it is delivered once more
    under = page.locator("#delivery-table .under").first.text_content()
    button(page, "Clear faults").click()
    page.locator("#faults-now", has_text="None").wait_for()
    after = emulator.call("GET", "/emulator/faults")
    assert newest(page)[1:4] == ["failed", "401", "rejected"]
    assert "fault: tamper" in under
    assert [(one["tamper"], one["restamp"]) for one in (during, after)] == [("signature", False), (None, True)]


def test_refusals_are_said(open_page, emulator, expected_complaints):
    """What the emulator refuses is said as it says it; nothing is changed."""
    page = open_page()
    page.get_by_label("New license").evaluate("input => { input.maxLength = 1000; input.value = 'x'.repeat(300); }")
    expected_complaints.append("error Failed to load resource: the server responded with a status of 400 (Bad Request)")
    button(page, "Create license").click()
    page.get_by_role("alert").filter(has_text="name").wait_for()
    assert emulator.call("GET", "/emulator/licenses") == {"licenses": []}


def test_naughty_names_are_text(open_page, emulator, corpora):
    """No name of a license is anything but text, whatever it looks like."""
    strings = json.loads((corpora / "naughty" / "blns.json").read_text(encoding="utf-8"))
    names = list(dict.fromkeys(text for text in strings if 0 < len(text) <= 200))
    assert len(names) > 400
    page = open_page()  # half of them come while it is open
    for name in names:
        emulator.license(name=name)
    page.wait_for_function("n => document.querySelectorAll('#licenses tbody tr').length === n", arg=len(names))
    fields = page.locator("#licenses [role=rowheader] [data-field=name]")
    live = fields.all_text_contents()
    page.reload()
    page.wait_for_function("n => document.querySelectorAll('#licenses tbody tr').length === n", arg=len(names))
    assert live == fields.all_text_contents() == names[::-1]
    assert page.locator("#licenses script, #licenses img, #licenses a, #licenses iframe").count() == 0


def test_an_emulator_that_is_gone(open_page, emulator, expected_complaints):
    """Without the emulator the page says so, by itself and to whoever presses a button; it keeps what it shows."""
    emulator.license(name="Kept")
    page = open_page()
    emulator.__exit__(None, None, None)
    page.locator("#live", has_text="Not connected").wait_for()
    button(page, "Expire license Kept").click()
    page.get_by_role("alert").filter(has_text="does not answer").wait_for()
    expected_complaints.append("error Failed to load resource: net::ERR_CONNECTION_REFUSED")
    assert page.locator("#licenses tbody [data-field=status]").all_text_contents() == ["active"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 390])
def test_no_accessibility_violations(open_page, emulator, webhook, artefacts, scheme, width):
    """Names, roles, landmarks, headings, focus order, contrast: axe finds nothing, in either scheme, wide or narrow."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-playwright-python").Axe()
    for name in ("Atelier Nord", "Studio Pro", "Trial", "Old campus", "Render farm"):
        emulator.license(name=name)
    ids = [one["id"] for one in emulator.call("GET", "/emulator/licenses")["licenses"]]
    emulator.call("POST", f"/emulator/licenses/{ids[1]}/revoke")
    emulator.call("POST", f"/emulator/licenses/{ids[2]}/expire")
    emulator.settled(7)
    emulator.faults(tamper="signature")
    emulator.license(name="Wronged")
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.get_by_text("Change what goes wrong").click()
    settle_arrivals(page, 9)
    page.locator("#delivery-table .open").first.click()
    page.locator("dt", has_text="signature").wait_for()
    page.screenshot(path=artefacts / f"emulator-page-{scheme}-{width}.png", full_page=True)
    found = axe.run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_nothing_is_cut_off(open_page, emulator, webhook):
    """At no width has anything to be scrolled sideways; 320 pixels are 1280, magnified four times."""
    emulator.license(name="A" * 200)
    page = open_page()
    settle_arrivals(page, 1)
    page.locator("#delivery-table .open").click()
    page.locator("dt", has_text="signature").wait_for()
    too_wide = []
    for width in (320, 390, 600, 768, 900, 1100, 1264, 1360, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        measured = page.evaluate(
            "() => { const card = document.getElementById('deliveries'), table = document.getElementById('delivery-table');"
            " return [document.documentElement.scrollWidth - innerWidth,"
            " table.getBoundingClientRect().right - card.getBoundingClientRect().right]; }"
        )
        too_wide += [(width, measured)] if max(measured) > 0 else []
    assert too_wide == []


def test_motion_is_for_those_who_want_it(open_page, emulator, webhook):
    """A delivery that arrives is tinted for a moment, unless the system asks for less motion."""
    seen = []
    for preference in ("no-preference", "reduce"):
        page = open_page(reduced_motion=preference)
        emulator.license(name=preference)
        page.locator("#delivery-table tbody.new").first.wait_for()
        seen.append(page.locator("tbody.new").first.evaluate("one => getComputedStyle(one).animationName"))
    assert seen == ["arrive", "none"]
