"""Secrets by tenant: asked for once the request has the shape of a delivery, never mixed, never shown."""

import asyncio
import functools
import io

import pytest
from pydantic import SecretStr

from licensechain_hooks import ConfigurationError, HookRequest, LicenseRevoked, Receiver, VerificationError

SECRETS = {"/acme": "the-secret-of-acme", "/umbrella": "the-secret-of-umbrella"}


class Tenants:
    """A tenant's secret by the path of the request; counts how often it is asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, request):
        self.asked.append(request.path)
        if request.path not in SECRETS:
            raise VerificationError("unknown_tenant")
        return SECRETS[request.path]

    async def later(self, request):
        """The same for an async host."""
        await asyncio.sleep(0)
        return [SecretStr(self(request))]


@pytest.fixture
def tenants():
    """Two tenants."""
    return Tenants()


@pytest.fixture(params=["sync", "async"])
def by_tenant(request, tenants, make_endpoint):
    """An endpoint whose secrets come from a callable, of either kind."""
    return make_endpoint(secrets=tenants if request.param == "sync" else tenants.later)


@pytest.fixture(params=["sync", "async"])
def open_it(request):
    """How each kind of host opens a delivery at a path."""
    if request.param == "sync":
        return lambda endpoint, headers, body, path: endpoint.open(headers, body, path=path)
    return lambda endpoint, headers, body, path: asyncio.run(endpoint.aopen(headers, body, path=path))


def test_each_tenant_has_its_secret(by_tenant, open_it, make_body, signed):
    """Sync and async callables work in sync and async hosts."""
    body = make_body()
    for path, secret in SECRETS.items():
        assert type(open_it(by_tenant, signed(body, secret=secret), body, path)) is LicenseRevoked


def test_secrets_are_never_tried_for_another_tenant(by_tenant, open_it, make_body, signed):
    """A delivery signed with one tenant's secret does not verify at the other's address."""
    body = make_body()
    with pytest.raises(VerificationError) as caught:
        open_it(by_tenant, signed(body, secret=SECRETS["/acme"]), body, "/umbrella")
    assert caught.value.reason == "signature_mismatch"


def test_an_unknown_tenant(by_tenant, open_it, make_body, signed):
    """The callable may say that nobody lives there: 401, like any other delivery that is not proven."""
    body = make_body()
    with pytest.raises(VerificationError) as caught:
        open_it(by_tenant, signed(body), body, "/nobody")
    assert (caught.value.reason, caught.value.status_hint) == ("unknown_tenant", 401)


@pytest.mark.parametrize("signature", [None, "", "0" * 63, "zz" * 32, "sha1=" + "0" * 64, "0" * 64 + "," + "1" * 64])
def test_no_lookup_without_a_well_formed_signature(by_tenant, open_it, tenants, make_body, signed, signature):
    """A request that cannot verify anyway costs no look into a database."""
    body = make_body()
    with pytest.raises(VerificationError):
        open_it(by_tenant, signed(body, X_Webhook_Signature=signature), body, "/acme")
    assert tenants.asked == []


def test_the_lookup_sees_the_request(make_endpoint, make_body, signed):
    """The callable is given the HookRequest: path, headers, and the body once it was read."""
    seen = []
    endpoint = make_endpoint(secrets=lambda request: (seen.append(request), "the-secret-of-acme")[1])
    body = make_body()
    request = HookRequest(io.BytesIO(body).read, signed(body, secret="the-secret-of-acme"), path="/acme")
    endpoint.open_request(request)
    assert [request] == seen
    assert (body, "/acme") == (seen[0].raw_body, seen[0].path)


@pytest.mark.parametrize("given", [None, "", " ", [], [""], b"bytes", 7, "your-webhook-secret", ["fine-secret", ""]])
def test_a_callable_that_gives_nothing_usable(make_endpoint, open_it, make_body, signed, given):
    """Row 8: an empty secret that appears later is 503, never an HMAC with an empty key."""
    body = make_body()
    with pytest.raises(ConfigurationError) as caught:
        open_it(make_endpoint(secrets=lambda _request: given), signed(body), body, "/")
    assert caught.value.status_hint == 503


@pytest.mark.parametrize(
    "error", [KeyError("the-secret-of-acme"), RuntimeError("x"), StopIteration(), RecursionError()]
)
def test_a_callable_that_raises(make_endpoint, open_it, make_body, signed, error):
    """What a lookup raises is a configuration error: its type is told, its message is not."""

    def secrets(_request):
        raise error

    async def secrets_later(_request):
        raise error

    body = make_body()
    for each in (secrets, secrets_later):
        with pytest.raises(ConfigurationError, match="the secrets callable raised") as caught:
            open_it(make_endpoint(secrets=each), signed(body), body, "/")
        assert "acme" not in str(caught.value)


def test_a_callable_that_interrupts(make_endpoint, make_body, signed):
    """Ctrl-C during a lookup is no configuration error."""

    def secrets(_request):
        raise KeyboardInterrupt

    body = make_body()
    with pytest.raises(KeyboardInterrupt):
        make_endpoint(secrets=secrets).open(signed(body), body)


def test_partials_and_objects(make_endpoint, make_body, signed):
    """Any callable will do."""

    def lookup(suffix, request):
        return SECRETS[request.path + suffix]

    body = make_body()
    endpoint = make_endpoint(secrets=functools.partial(lookup, "acme"))
    assert endpoint.open(signed(body, secret=SECRETS["/acme"]), body, path="/").id == "evt_1"


def test_a_receiver_answers_each_way(make_endpoint, tenants, make_body, signed, hooks, receive):
    """200, 401 and 503, in both hosts: an event, an unknown tenant, a lookup that failed."""
    body = make_body()
    headers = signed(body, secret=SECRETS["/acme"])
    receiver = Receiver(make_endpoint(secrets=tenants), hooks)
    broken = Receiver(make_endpoint(secrets=lambda _request: 1 / 0), hooks)
    assert receive(receiver, HookRequest(body, headers, path="/acme")).status == 200
    assert receive(receiver, HookRequest(body, headers, path="/nobody")).status == 401
    outcome = receive(broken, HookRequest(body, headers, path="/acme"))
    assert (outcome.name, outcome.status, outcome.reason) == ("unavailable", 503, "misconfigured")
    assert dict(outcome.reply.headers)["retry-after"] == "5"
    assert "ZeroDivisionError" in str(outcome.error)


def test_the_callable_is_shown_without_what_it_knows(make_endpoint, tenants):
    """Row 43: the repr of an endpoint with a callable holds no secret."""
    assert "the-secret" not in repr(make_endpoint(secrets=tenants))
