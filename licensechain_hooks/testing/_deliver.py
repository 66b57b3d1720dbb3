"""Delivering events to an application through the test client of its framework."""

from collections.abc import Awaitable
from inspect import isawaitable
from typing import Any

from licensechain_hooks._endpoint import secrets_from_env
from licensechain_hooks._receiver import Receiver
from licensechain_hooks.events import Event
from licensechain_hooks.exceptions import ConfigurationError
from licensechain_hooks.testing._made import Delivery, Tamper, make_delivery
from licensechain_hooks.testing._seen import Kind, kind_of, see

__all__ = ["deliver", "newest_secret"]

_CONTENT_TYPE = "Content-Type"


def deliver(
    client: Any,
    event: Event | bytes | Delivery,
    *,
    path: str | None = None,
    secret: str | None = None,
    tamper: Tamper | None = None,
    timestamp: float | None = None,
) -> Any:
    """Sign an event and deliver it through a test client.

    ::

        response = deliver(client, make_event("license.revoked", data={"id": "lic_1"}))
        response = await deliver(async_client, event)

    Path, secret and time come from the receiver that the client's application shows: that of Django's settings, of the
    Flask extension, of a route of Starlette or FastAPI. Where it shows none, the path is ``/webhooks/licensechain``
    (with Django ``/webhooks/licensechain/``), the secret that of the environment, see `Endpoint.from_env`, and the time
    now.

    Args:
        client: Django's ``Client`` or ``AsyncClient``, Flask's test client, Starlette's ``TestClient``,
            ``httpx2.Client`` or ``httpx2.AsyncClient``.
        event: what is delivered; or any raw body, to be signed; or a `Delivery`, to be sent as it is.
        path: where deliveries arrive.
        secret: what signs.
        tamper: what is wrong with it, see `make_delivery`.
        timestamp: Unix time in seconds at which it is sent.

    Returns:
        The client's response; an awaitable one of an asynchronous client.

    Raises:
        TypeError: not a client that is known.
        ConfigurationError: no signing secret is found.
        LookupError: nothing receives deliveries at that path.
    """
    kind = kind_of(client)
    if kind is None:
        msg = (
            f"deliver() cannot post with a {type(client).__name__}: it takes a test client of Django, Flask or "
            "Starlette, or a client of httpx2; with another one post event_body(event) and the headers of "
            "sign_request(event, secret)"
        )
        raise TypeError(msg)
    seen = see(client)
    where = path or seen.path
    if not isinstance(event, Delivery):
        key = secret or (_secret_of_environment() if seen.receiver is None else newest_secret(seen.receiver))
        if timestamp is None and seen.receiver is not None:
            timestamp = seen.receiver.endpoint.clock()
        event = make_delivery(event, key, tamper=tamper, timestamp=timestamp)
    response = _post(client, kind, where, event)
    return _achecked(response, where) if isawaitable(response) else _checked(response, where)


def newest_secret(receiver: Receiver) -> str:
    """The secret that a receiver's deliveries are signed with.

    Raises:
        ConfigurationError: it depends on the request.
    """
    secrets: Any = receiver.endpoint.secrets
    if callable(secrets):
        msg = "this endpoint's secrets depend on the request: say which by secret=…"
        raise ConfigurationError(msg)
    return str(secrets[0].get_secret_value())


def _secret_of_environment() -> str:
    """The newest signing secret of the environment.

    Raises:
        ConfigurationError: there is none.
    """
    try:
        return secrets_from_env()[0]
    except ConfigurationError as exc:
        msg = f"deliver() finds no receiver behind this client, so give it secret=…, or: {exc}"
        raise ConfigurationError(msg) from exc


def _post(client: Any, kind: Kind, path: str, delivery: Delivery) -> Any:
    headers = dict(delivery.headers)
    if kind == "httpx":
        return client.post(path, content=delivery.body, headers=headers)
    if kind == "flask":
        return client.post(path, data=delivery.body, headers=headers)
    content_type = headers.pop(_CONTENT_TYPE, "")
    return client.generic("POST", path, delivery.body, content_type=content_type, headers=headers)


async def _achecked(response: Awaitable[Any], path: str) -> Any:
    return _checked(await response, path)


def _checked(response: Any, path: str) -> Any:
    status = getattr(response, "status_code", None)
    if status == 404:
        msg = f"nothing receives deliveries at {path}: give deliver() the path=… at which your application does"
        raise LookupError(msg)
    if status in {301, 302, 303, 307, 308}:
        msg = (
            f"{path} redirects to {response.headers.get('location')}, and LicenseChain does not follow: "
            "give deliver() the path=… at which your application receives"
        )
        raise LookupError(msg)
    return response
