"""What the emulator delivers, seen from a receiver: it verifies, it comes in order, it comes again."""

from licensechain_hooks import Endpoint
def test_a_license_is_told(emulator, receiving):
    """A new license is delivered to each webhook that asks for it, signed with that webhook's secret."""
    webhook = emulator.webhook(receiving.url, "license.created")
    license_ = emulator.license(userId="user_7")
    emulator.settled(1)
    (request,) = receiving.requests
    event = Endpoint(secrets=[webhook["secret"]]).open(request.headers, request.body)
    assert (event.type, event.data.id, event.data.user_id) == ("license.created", license_["id"], "user_7")
