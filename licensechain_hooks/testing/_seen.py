"""What a test client shows of the application behind it: its receiver, and where deliveries arrive.

No framework is imported: whoever has a client of one has loaded it.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from licensechain_hooks._asgi import ASGIReceiver
from licensechain_hooks._receiver import Receiver

__all__ = ["Kind", "Seen", "kind_of", "receiver_of", "see"]

Kind = Literal["django", "flask", "httpx"]

_PATH = "/webhooks/licensechain"
_FLASK_ENDPOINT = "licensechain_webhook.receive"
_DJANGO_CONF = "licensechain_hooks.contrib.django.conf"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of an application: ``receiver`` is ``None`` where it does not show its own."""

    path: str
    receiver: Receiver | None


def kind_of(client: Any) -> Kind | None:
    """The framework of a test client; by what it can do, so that subclasses and look-alikes count."""
    if hasattr(client, "generic") and hasattr(client, "post"):
        return "django"
    if hasattr(client, "application") and hasattr(client, "open"):
        return "flask"
    if hasattr(client, "build_request") and hasattr(client, "post"):
        return "httpx"
    return None


def see(client: Any) -> Seen:
    """What a client shows."""
    return _see_django() if kind_of(client) == "django" else _see_application(_application_of(client))


def receiver_of(application: Any) -> Receiver | None:
    """The receiver in an application of Flask, Starlette or FastAPI, or ``application`` itself if it is one."""
    return application if isinstance(application, Receiver) else _see_application(application).receiver


def _application_of(client: Any) -> Any:
    """The application that a client reaches in this process; ``None`` where it goes over the network."""
    for holder, name in ((client, "application"), (client, "app"), (getattr(client, "_transport", None), "app")):
        if getattr(holder, name, None) is not None:
            return getattr(holder, name)
    return None


def _see_application(application: Any) -> Seen:
    return _see_flask(application) if hasattr(application, "url_map") else _see_asgi(application)


def _see_django() -> Seen:
    conf, urls = sys.modules.get(_DJANGO_CONF), sys.modules.get("django.urls")
    # Of several endpoints nobody says here which is meant.
    receiver = None if conf is None or len(conf.endpoint_names()) > 1 else conf.get_receiver()
    try:
        path = f"{_PATH}/" if urls is None else urls.reverse("licensechain_hooks:webhook")
    except Exception:  # noqa: BLE001 - NoReverseMatch, or whatever the project's URLs raise
        path = f"{_PATH}/"
    return Seen(path, receiver)


def _see_flask(application: Any) -> Seen:
    receiver = getattr(application, "extensions", {}).get("licensechain_hooks")
    rules = application.url_map.iter_rules()
    paths = [rule.rule for rule in rules if f".{rule.endpoint}".endswith(f".{_FLASK_ENDPOINT}")]
    return Seen(paths[0] if paths else _PATH, receiver)


def _see_asgi(application: Any) -> Seen:
    while application is not None and not hasattr(application, "routes") and not isinstance(application, ASGIReceiver):
        application = getattr(application, "app", None)  # past middleware
    if isinstance(application, ASGIReceiver):
        return Seen(_PATH, application.receiver)
    if application is None:
        return Seen(_PATH, None)
    for route in _routes(application):
        if isinstance(getattr(route, "app", None), ASGIReceiver):
            return Seen(str(application.url_path_for(route.name)), route.app.receiver)
    return Seen(_PATH, None)


def _routes(holder: Any) -> Iterator[Any]:
    """All routes, those of mounted applications and of included routers too."""
    for route in getattr(holder, "routes", None) or ():
        yield route
        yield from _routes(getattr(route, "original_router", route))
