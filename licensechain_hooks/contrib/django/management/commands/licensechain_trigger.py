"""``manage.py licensechain_trigger``: a made-up event, delivered to this project."""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter
from typing import Any

from django.conf import settings as django_settings
from django.core.management.base import CommandError

from licensechain_hooks import Event, HookRequest, Receiver
from licensechain_hooks.contrib.django.conf import Receivers, get_settings
from licensechain_hooks.contrib.django.management._command import HookCommand, usage_error
from licensechain_hooks.operations.deliveries import Attempted, WishError, deliver, event_of_wish, oddity
from licensechain_hooks.operations.sending import Answer, TargetError, parse_target
from licensechain_hooks.operations.words import printable
from licensechain_hooks.testing import Tamper, make_delivery

__all__ = ["Command"]

_MOST = 1000


class Command(HookCommand):
    """See ``help``."""

    help = (
        "Signs an event with the project's newest secret and delivers it to an endpoint of this project, in this "
        "process; or to a URL, as LicenseChain would. EVENT is an event type such as license.revoked. Exits with 1 "
        "unless every answer is a 2xx, or a 401 where something was tampered with."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to deliver, and where."""
        super().add_arguments(parser)
        parser.add_argument("event_type", metavar="EVENT")
        parser.add_argument("--endpoint", metavar="NAME", help="Which, where there are several.")
        parser.add_argument("--to", metavar="URL", help="Deliver it there, by HTTP.")
        parser.add_argument("--allow-remote", action="store_true", help="Allow other hosts than this machine.")
        parser.add_argument(
            "--data", metavar="KEY=VALUE", action="append", default=[], help="A field of its data; JSON, else text."
        )
        parser.add_argument("--id", dest="event_id", metavar="ID", help="The event's id. By default a new one.")
        parser.add_argument("--duplicate", type=int, default=0, metavar="N", help="Deliver it N more times.")
        parser.add_argument("--tamper", choices=("body", "signature", "timestamp"), help="Deliver it with a fault.")
        parser.add_argument("--run", action="store_true", help="Run here what is due, its handlers among it.")
        self.add_yes(parser)

    def handle(self, *_arguments: object, **options: Any) -> None:
        """Ask, unless DEBUG is on; deliver; say how it was answered."""
        if not 0 <= options["duplicate"] <= _MOST:
            msg = f"--duplicate: N is between 0 and {_MOST}"
            raise usage_error(msg)
        try:
            event = event_of_wish(options["event_type"], options["event_id"], options["data"])
            target = (
                None if options["to"] is None else parse_target(options["to"], allow_remote=options["allow_remote"])
            )
        except (WishError, TargetError) as exc:
            raise usage_error(str(exc)) from exc
        yes = options["yes"] or django_settings.DEBUG or target is not None
        self.require_answer(yes=yes)
        with self.reported():
            receivers = _receivers()
            receiver = receivers.get(options["endpoint"])
            secret = _secret(receiver)
            if odd := oddity(event):
                self.note(f"note: {odd}")
            what = f"A made-up {event.raw_type} is delivered to {receiver.endpoint.name!r}: its handlers run."
            if not self.is_allowed(what, yes=yes):
                raise SystemExit(1)
            times, tamper = 1 + options["duplicate"], options["tamper"]
            sent = (
                _deliver_here(event, receiver, secret, tamper=tamper, times=times)
                if target is None
                else deliver(event, target, secret, tamper=tamper, times=times)
            )
            attempts = [self._shown(attempted, options["form"]) for attempted in sent]
            if options["run"] and receiver.inbox is not None:
                receivers.worker.drain()
        self._conclude(attempts, options, receivers)

    def _shown(self, attempted: Attempted, form: str) -> Attempted:
        answer = attempted.answer
        if form == "text" and answer.status is not None:
            name = self.paint(f"{answer.outcome or '-':<11}", good=attempted.is_good)
            took = f"{answer.status}  {answer.milliseconds:7.1f} ms"
            event = attempted.event
            self.stdout.write(f"{name}  {took}  {event.raw_type}  {printable(event.id)}  {attempted.verdict}")
        return attempted

    def _conclude(self, attempts: list[Attempted], options: dict[str, Any], receivers: Receivers) -> None:
        is_good = all(attempted.is_good for attempted in attempts)
        ran = str(receivers.worker.counters) if options["run"] and receivers.settings.processing != "inline" else None
        if options["form"] == "json":
            deliveries = [attempted.facts() for attempted in attempts]
            self.say_json({"url": options["to"], "ok": is_good, "deliveries": deliveries, "ran": ran})
        elif ran is not None:
            self.say(ran)
        if error := attempts[-1].answer.error:
            raise CommandError(printable(error))
        if not is_good:
            raise SystemExit(1)


def _receivers() -> Receivers:
    """The project's, but that this process, which ends soon, starts no worker."""
    settings = get_settings()
    return Receivers(replace(settings, processing="worker") if settings.processing == "thread" else settings)


def _secret(receiver: Receiver) -> str:
    secrets: Any = receiver.endpoint.secrets
    if callable(secrets):
        msg = (
            f"the secrets of the endpoint {receiver.endpoint.name!r} come from a function, for each delivery its own: "
            "use `licensechain-hooks trigger --secret-file FILE --to URL`"
        )
        raise CommandError(msg)
    return str(secrets[0].get_secret_value())


def _deliver_here(
    event: Event, receiver: Receiver, secret: str, *, tamper: Tamper | None, times: int
) -> Iterator[Attempted]:
    """Deliver without a server: what a view does with a request."""
    for _ in range(times):
        delivery = make_delivery(event, secret, tamper=tamper)
        started = perf_counter()
        outcome = receiver.receive(HookRequest(delivery.body, delivery.headers))
        took = (perf_counter() - started) * 1000
        answer = Answer(status=outcome.status, outcome=outcome.name, milliseconds=took)
        yield Attempted(event=event, answer=answer, tamper=tamper)
