"""The views.

`urls` and `async_urls` route them. A project may route them itself, each endpoint where it likes::

    path("webhooks/licensechain/", webhook)
    path("webhooks/eu/", async_webhook_view("eu"))

`health` and `live` are for probes, `health_urls` has both.

All are exempt from CSRF protection, from ``LoginRequiredMiddleware`` and from ``ATOMIC_REQUESTS``; and ``APPEND_SLASH``
never redirects to them, for a redirect loses the delivery.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.common import no_append_slash
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from licensechain_hooks import (
    ConfigurationError,
    Headers,
    Health,
    HookRequest,
    Outcome,
    Receiver,
    Reply,
    consumed_body,
)
from licensechain_hooks.contrib.django._host import in_tests_thread, run_in_thread
from licensechain_hooks.contrib.django._routes import CAPTURED
from licensechain_hooks.contrib.django.conf import get_receivers, receiver_or_stand_in
from licensechain_hooks.contrib.django.signals import asend_rejected, send_rejected

__all__ = [
    "async_health_view",
    "async_webhook",
    "async_webhook_view",
    "health",
    "health_view",
    "live",
    "to_django_response",
    "to_hook_request",
    "webhook",
    "webhook_view",
]

_MISCONFIGURED = Health(live=True, ready=False, inbox="misconfigured")
_View = TypeVar("_View", bound=Callable[..., Any])


def _exempt(view: _View) -> _View:
    """The view, untouched by what Django does to views that people use."""
    view = no_append_slash(login_not_required(csrf_exempt(view)))
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def webhook_view(endpoint: str | Receiver | None = None) -> Callable[..., HttpResponse]:
    """A view that receives deliveries; async handlers run too, each on an event loop of asgiref's.

    Args:
        endpoint: its name in ``settings.LICENSECHAIN_HOOKS``, not needed where there is one; or a receiver.
    """

    @_exempt
    def webhook(request: HttpRequest, **captured: Any) -> HttpResponse:
        hook_request = to_hook_request(request)
        outcome = _receiver(endpoint, captured).receive(hook_request)
        send_rejected(outcome, hook_request)
        return _answer(request, outcome)

    return webhook


def async_webhook_view(endpoint: str | Receiver | None = None) -> Callable[..., Awaitable[HttpResponse]]:
    """`webhook_view` for ASGI: async handlers are awaited, the others run in the thread Django keeps for a request.

    Args:
        endpoint: see `webhook_view`.
    """

    @_exempt
    async def webhook(request: HttpRequest, **captured: Any) -> HttpResponse:
        hook_request = to_hook_request(request)
        receiver = _receiver(endpoint, captured)
        if in_tests_thread():
            outcome = await run_in_thread(lambda: receiver.receive(hook_request))
        else:
            outcome = await receiver.areceive(hook_request)
        await asend_rejected(outcome, hook_request)
        return _answer(request, outcome)

    return webhook


def _receiver(endpoint: str | Receiver | None, captured: Mapping[str, Any]) -> Receiver:
    """The receiver of a view, or of the endpoint that the URL names."""
    if isinstance(endpoint, Receiver):
        return endpoint
    return receiver_or_stand_in(captured.get(CAPTURED, endpoint))


def health_view(
    receiver: Receiver | None = None, *, probe: Literal["ready", "live"] = "ready", details: bool = False
) -> Callable[..., HttpResponse]:
    """A view for probes: 200, or 503 where it is not so, or where the settings do not give a receiver.

    Args:
        receiver: by default those of ``settings.LICENSECHAIN_HOOKS``, which share the inbox; all have to be there.
        probe: see `Receiver.probe`.
        details: whether to tell everybody what the inbox holds, see `Health.reply`.
    """

    @_exempt
    @require_safe
    def health(_request: HttpRequest) -> HttpResponse:
        try:
            return _to_response((receiver or get_receivers().every()[0]).probe(probe, details=details))
        except ConfigurationError:
            return _to_response(_MISCONFIGURED.reply(probe, details=details))

    return health


def async_health_view(
    receiver: Receiver | None = None, *, probe: Literal["ready", "live"] = "ready", details: bool = False
) -> Callable[..., Awaitable[HttpResponse]]:
    """`health_view` for ASGI."""

    @_exempt
    @require_safe
    async def health(_request: HttpRequest) -> HttpResponse:
        try:
            return _to_response(await (receiver or get_receivers().every()[0]).aprobe(probe, details=details))
        except ConfigurationError:
            return _to_response(_MISCONFIGURED.reply(probe, details=details))

    return health


def to_hook_request(request: HttpRequest) -> HookRequest:
    """The `HookRequest` of a Django request, for a view of your own.

    The body is not taken from ``request.body``, which answers 400 above ``DATA_UPLOAD_MAX_MEMORY_SIZE`` and is empty
    where a WSGI server hands over a chunked body.
    """
    environ = getattr(request, "environ", None)
    if environ is not None:
        return HookRequest.from_wsgi(environ, None if _is_unread(request, environ) else _kept_body(request))
    body = _kept_body(request)
    scope = getattr(request, "scope", None)
    return HookRequest(
        request.read if body is None else body,
        Headers.from_environ(request.META),
        method=(request.method or "") if scope is None else scope["method"],
        path=request.path,
    )


def to_django_response(outcome: Outcome) -> HttpResponse:
    """The response that tells the sender of an outcome."""
    return _to_response(outcome.reply)


def _to_response(reply: Reply) -> HttpResponse:
    return HttpResponse(reply.body, status=reply.status, headers=dict(reply.headers))


def _answer(request: HttpRequest, outcome: Outcome) -> HttpResponse:
    response = to_django_response(outcome)
    if request.method == "HEAD":  # not every WSGI server drops the body itself
        response.content = b""
    return response


def _kept_body(request: HttpRequest) -> Any:
    """The body, where ``request.body`` has kept it; what refuses, where something has read it."""
    body = getattr(request, "_body", None)
    if body is None and getattr(request, "_read_started", False):
        return consumed_body
    return body


def _is_unread(request: HttpRequest, environ: dict[str, Any]) -> bool:
    """Whether the body is chunked: Django takes it for empty, keeps ``b""`` at best, and leaves it where it is."""
    return not environ.get("CONTENT_LENGTH") and not getattr(request, "_body", None)


webhook = webhook_view()
async_webhook = async_webhook_view()
health = health_view()
live = health_view(probe="live")
