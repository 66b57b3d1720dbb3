"""The Django shop from end to end: a local LicenseChain delivers to it, its own worker runs what listens."""

import re
from pathlib import Path

import pytest
from emulated import Emulated
from processes import wait_for
from shop import Shop


@pytest.fixture
def shop(tmp_path: Path):
    """The shop under gunicorn, and its worker."""
    with Shop(tmp_path) as shop:
        shop.start_worker()
        yield shop


def seats(shop):
    """The seats, as the shop's software is told of them."""
    return [shop.get(f"/seats/{number}/").json() for (number,) in shop.rows("SELECT id FROM shop_seat ORDER BY id")]


def test_from_the_license_to_the_seat(shop):
    """Who creates a license gives a seat; who revokes it locks that seat; each delivery is stored and run once."""
    shop.add_customer("user_1", "Ada Example")
    with Emulated() as emulator:
        emulator.webhook(f"{shop.url}/webhooks/licensechain/", "license.created", "license.revoked", secret=shop.secret)
        license_ = emulator.license(name="Studio", userId="user_1")
        (open_seat,) = wait_for("a seat", lambda: seats(shop))
        emulator.call("POST", f"/v1/licenses/{license_['id']}/revoke")
        wait_for("a lock", lambda: seats(shop)[0]["locked"])
        replies = [(one["eventType"], one["statusCode"], one["outcome"]) for one in emulator.settled(2)]
    assert (open_seat["license"], open_seat["locked"], len(seats(shop))) == (license_["id"], False, 1)
    assert replies == [("license.created", 200, "accepted"), ("license.revoked", 200, "accepted")]
    assert list(shop.states().values()) == ["processed", "processed"]


def test_the_shops_own_tests(tmp_path):
    """They pass, without a warning; and its models have their migrations."""
    shop = Shop(tmp_path)
    ran = shop.manage("test", PYTHONWARNINGS="error").stderr
    assert [line for line in ran.splitlines() if line.startswith(("Ran", "OK"))][1:] == ["OK"]
    assert int(re.search(r"^Ran (\d+) tests", ran, re.MULTILINE)[1]) >= 9
    assert shop.manage("makemigrations", "--check").stdout == "No changes detected\n"
