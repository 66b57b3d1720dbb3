"""A recipe for bare WSGI, without a framework.

Copy this file, then::

    app = routed({"/webhooks/licensechain": receiver.wsgi})

and serve it by ``gunicorn module:app``, or put it before an application of yours: ``routed({…}, otherwise=other_app)``.
With an inbox the worker starts at the first delivery; call ``receiver.start()`` in each process to have it before.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def not_found(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """An application that has nothing to show."""
    start_response("404 Not Found", [("Content-Length", "0")])
    return []


def routed(routes: Mapping[str, App], *, otherwise: App = not_found) -> App:
    """An application that leads each path to another one.

    Args:
        routes: by path, such as ``receiver.wsgi``, which answers every method.
        otherwise: for all other paths.
    """

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        return routes.get(path, otherwise)(environ, start_response)

    return app
