"""The API against its own OpenAPI document: whatever is asked, no answer that is not in it, and no 5xx."""

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from emulated import Emulated  # noqa: E402 - only where schemathesis is
from hypothesis import HealthCheck, settings  # noqa: E402

from licensechain_hooks.emulator import EmulatorSettings, create_app  # noqa: E402

DOCUMENT = create_app(EmulatorSettings(api_key="unused")).openapi()
NOWHERE = "http://127.0.0.1:1/"
for path in DOCUMENT["paths"].values():
    for call in path.values():
        call.pop("security", None)  # the API key is given below, whatever a case has
schema = schemathesis.openapi.from_dict(DOCUMENT).exclude(path="/emulator/events")  # it never ends
bounded = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def running():
    """One emulator for all calls, which has delivered something."""
    with Emulated(redeliver=()) as running:
        webhook = running.webhook(NOWHERE)
        running.call("POST", f"/v1/webhooks/{webhook['id']}/test")
        running.delivery_id = running.settled(1)[0]["id"]
        yield running


def check(case, running):
    """Make the call, and let nothing of it last that would change the next one's answer."""
    excluded = ["positive_data_acceptance"]  # an id that is valid is seldom one that exists
    if case.method == "GET":
        excluded.append("negative_data_rejection")  # parameters that nobody knows are passed over
    try:
        case.call_and_validate(
            base_url=running.url,
            headers={"Authorization": f"Bearer {running.api_key}"},
            excluded_checks=[schemathesis.checks.CHECKS.get_one(name) for name in excluded],
        )
    finally:
        running.call("PUT", "/emulator/faults", {})


@schema.parametrize()
@bounded
def test_every_answer_is_documented(case, running):
    """Every call, with valid and invalid input, gets an answer of the document."""
    check(case, running)


@schema.include(path_regex=r"\{").parametrize()
@bounded
def test_every_answer_about_what_is_there(case, running):
    """Likewise where the id in the path is one that exists."""
    (name,) = case.path_parameters
    kind = name.removesuffix("_id")
    make = {"license": running.license, "webhook": lambda: running.webhook(NOWHERE, "user.created")}
    found = make[kind]()["id"] if kind in make else running.delivery_id
    case.path_parameters[name] = found
    check(case, running)
    if kind in make:
        running.request("DELETE", f"/v1/{kind}s/{found}")  # or every event would go to hundreds of webhooks
