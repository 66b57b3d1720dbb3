"""What ``doctor`` looks at through LicenseChain's API: key, clocks, webhook, a test delivery and its log."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from licensechain_hooks import canonical_type
from licensechain_hooks._loopback import is_loopback
from licensechain_hooks.cli._api import same_url, spell_url
from licensechain_hooks.cli._output import printable
from licensechain_hooks.diagnosis.findings import Finding

if TYPE_CHECKING:
    from licensechain_hooks.client import DeliveryLog, LicenseChainClient, Webhook

__all__ = ["clock_finding", "find_webhook", "webhook_findings"]

_NOTICED = timedelta(seconds=30)  # clocks that are kept by NTP are not so far apart
_PATIENCE = 15.0  # seconds for a delivery to be logged: LicenseChain waits for five
_PAUSE = 0.2
_RECENT = 100
_ADVICE = {
    301: "register the URL that answers without a redirect (https, final slash)",
    302: "register the URL that answers without a redirect (https, final slash)",
    307: "register the URL that answers without a redirect (https, final slash)",
    308: "register the URL that answers without a redirect (https, final slash)",
    400: "the endpoint could not read the event; capture the delivery: licensechain-hooks listen --capture",
    401: "the endpoint has another secret than the webhook, or the body was changed on the way: doctor --capture FILE",
    403: "something before the endpoint refuses it: a login, a firewall, CSRF protection",
    404: "nothing is at this path; compare it with the route of the application",
    405: "the path takes no POST; compare it with the route of the application",
    408: "the body did not arrive in time; look at the proxy",
    409: "the event is being processed right now; nothing to do",
    411: "the proxy passes bodies on without a length that the server needs; see its documents",
    413: "the body is too large for the endpoint or the proxy before it",
    415: "something before the endpoint refuses the type of the body, or its compression",
    500: "a handler, or a setting of the endpoint, fails: see the application's log",
    502: "the proxy does not reach the application",
    503: "the endpoint has no inbox or no secret right now: see the application's log",
    504: "the application did not answer the proxy in time",
}


def clock_finding(client: "LicenseChainClient", tolerance: timedelta) -> Finding:
    """How far this machine's clock is from LicenseChain's."""
    before = datetime.now(UTC)
    theirs = client.server_time()
    now = before + (datetime.now(UTC) - before) / 2
    if theirs is None:
        why = "the API's replies have no Date"
        return Finding(code="clock", verdict="skipped", what="the clocks were not compared", why=why)
    distance = now - (theirs + timedelta(seconds=0.5))  # Date has whole seconds
    far = abs(distance)
    direction = "ahead of" if distance > timedelta(0) else "behind"
    if far <= _NOTICED:
        return Finding(code="clock", verdict="ok", what=f"within {max(1, round(far.total_seconds()))} s of the API's")
    return Finding(
        code="clock",
        verdict="fail" if far > tolerance else "warn",
        what=f"this machine's clock is {far.total_seconds():.0f} s {direction} the API's",
        why=f"deliveries more than {tolerance.total_seconds():.0f} s away are refused",
        todo="let NTP set the clock",
    )


def find_webhook(client: "LicenseChainClient", url: str | None, webhook_id: str | None) -> "Webhook | Finding":
    """The webhook that is meant, or why there is none."""
    if webhook_id is not None:
        return client.webhooks.get(webhook_id)
    found = [webhook for webhook in client.webhooks.iter() if url is not None and same_url(webhook.url, url)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = printable(", ".join(webhook.id for webhook in found[:5]))
        what = f"{len(found)} webhooks deliver to this URL, so each event comes more than once: {ids}"
        return Finding(code="webhook", verdict="fail", what=what, todo="delete all but one, or say which: --webhook ID")
    what = "no webhook delivers to this URL"
    todo = "licensechain-hooks webhooks create --url URL --events …"
    return Finding(code="webhook", verdict="fail", what=what, todo=todo)


def webhook_findings(
    client: "LicenseChainClient", webhook: "Webhook", *, url: str | None, wanted: Iterable[str]
) -> Iterator[Finding]:
    """What is to be said of a webhook, and of a test delivery to it.

    Args:
        client: of the API.
        webhook: which.
        url: where its deliveries should go.
        wanted: the event types that handlers listen for.
    """
    troubles = list(_registration(webhook, url, wanted))
    yield from troubles
    if not troubles:
        what = printable(f"{webhook.id} is active and delivers {len(webhook.events)} event types")
        yield Finding(code="webhook", verdict="ok", what=what)
    yield _try(client, webhook)


def _registration(webhook: "Webhook", url: str | None, wanted: Iterable[str]) -> Iterator[Finding]:
    there = printable(spell_url(webhook.url))
    if url is not None and not same_url(webhook.url, url):
        todo = "licensechain-hooks webhooks update ID --url URL"
        yield Finding(code="webhook", verdict="fail", what=f"it delivers to another URL: {there}", todo=todo)
    parts = urlsplit(webhook.url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        why = "the guide asks for HTTPS: what is sent in the clear can be read and sent again by others"
        yield Finding(
            code="webhook", verdict="warn", what=f"it delivers without TLS: {there}", why=why, todo="use https"
        )
    if not webhook.active:
        todo = "activate it at LicenseChain"
        yield Finding(code="webhook", verdict="fail", what="it is not active: nothing is delivered", todo=todo)
    subscribed = {canonical_type(name) for name in webhook.events}
    missing = sorted(set(wanted) - subscribed)
    if missing:
        names = printable(", ".join(missing[:5])) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        what = f"handlers listen for events it does not deliver: {names}"
        todo = "licensechain-hooks webhooks sync --app MODULE:NAME"
        yield Finding(code="webhook", verdict="fail", what=what, todo=todo)


def _try(client: "LicenseChainClient", webhook: "Webhook") -> Finding:
    known = {log.id for log in client.webhooks.logs(webhook.id, limit=_RECENT).items}
    client.webhooks.test(webhook.id)
    log = _wait_for(lambda: _new_log(client, webhook.id, known))
    if log is None:
        return Finding(
            code="delivery",
            verdict="fail",
            what=f"a test delivery was asked for, but no log of it came within {_PATIENCE:.0f} s",
            why="LicenseChain may be slow, or the endpoint takes very long to answer",
            todo="look again with licensechain-hooks webhooks logs ID",
        )
    return _judge(log)


def _new_log(client: "LicenseChainClient", webhook_id: str, known: set[str]) -> "DeliveryLog | None":
    """The first log since, once it says what came of the delivery."""
    new = [log for log in client.webhooks.logs(webhook_id, limit=_RECENT).items if log.id not in known]
    settled = [log for log in new if log.status_code is not None or log.error or log.success is not None]
    return settled[-1] if settled else None


def _judge(log: "DeliveryLog") -> Finding:
    status = log.status_code
    if status is None and not log.success:
        why = printable(log.error or "")[:200]
        return Finding(
            code="delivery",
            verdict="fail",
            what="LicenseChain got no answer to a test delivery",
            why=why,
            todo="is the URL reachable from the internet (DNS, firewall, TLS certificate), and does it answer within "
            "5 seconds? answer first and work in the background: give the Receiver an inbox",
        )
    if log.success or (status is not None and 200 <= status < 300):
        return Finding(code="delivery", verdict="ok", what=f"a test delivery was answered with {status or 'success'}")
    return Finding(
        code="delivery",
        verdict="fail",
        what=f"a test delivery was answered with {status}",
        todo=_ADVICE.get(status or 0, "see the log of the application and of the proxy before it"),
    )


def _wait_for(look: "Callable[[], DeliveryLog | None]") -> "DeliveryLog | None":
    end = time.monotonic() + _PATIENCE
    while (found := look()) is None and time.monotonic() < end:
        time.sleep(_PAUSE)
    return found
