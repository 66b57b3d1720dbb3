"""OpenTelemetry: a span for each attempt, what became of a delivery on the server's span, and metrics.

::

    Telemetry().watch(receiver)

A framework's instrumentation has a span for the request already, so none is opened for a delivery: the current span is
given ``licensechain.endpoint``, ``licensechain.outcome``, ``licensechain.reason`` (where there is one),
``licensechain.event.type`` and ``licensechain.event.id``. An attempt has a span of its own, ``licensechain process``,
around its handlers: with ``licensechain.attempt.number``, ``.state`` and the ``error.type``.

The metrics are ``licensechain.deliveries`` (by ``endpoint`` and ``outcome``), ``licensechain.acknowledge.duration``,
``licensechain.attempts`` (by ``endpoint`` and ``state``) and ``licensechain.attempt.duration``, both durations in
seconds; and of the inbox ``licensechain.inbox.up``, ``.backlog``, ``.oldest_age`` and ``.entries`` (by ``state``). No
metric has an attribute that holds anything of an event; no span holds its data, nor the text of an error, which may
quote them.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import perf_counter
from weakref import WeakSet

try:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter
    from opentelemetry.trace import SpanKind, StatusCode, TracerProvider, get_current_span, get_tracer
except ImportError as exc:
    msg = "this module needs OpenTelemetry: pip install 'licensechain-hooks[otel]'"
    raise ImportError(msg) from exc

from licensechain_hooks import Attempt, Health, HookRequest, Outcome, Receiver

__all__ = ["Telemetry"]

_NAME = "licensechain_hooks"
_FRESH = timedelta(seconds=1)
_ERRORS = {"failed", "unavailable"}  # outcomes
_BAD = {"failed", "dead"}  # states of attempts


class Telemetry:
    """Observes receivers; one of these is enough for a process.

    Args:
        tracer_provider: by default the global one.
        meter_provider: by default the global one.
    """

    def __init__(
        self, *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self._watched: WeakSet[Receiver] = WeakSet()
        self._tracer = get_tracer(_NAME, tracer_provider=tracer_provider)
        meter = get_meter(_NAME, meter_provider=meter_provider)
        self._deliveries = meter.create_counter("licensechain.deliveries", "{delivery}", "Deliveries by outcome.")
        self._acknowledged = meter.create_histogram(
            "licensechain.acknowledge.duration", "s", "From a delivery to its reply."
        )
        self._attempts = meter.create_counter("licensechain.attempts", "{attempt}", "Attempts by how they ended.")
        self._attempted = meter.create_histogram("licensechain.attempt.duration", "s", "The handlers of one event.")
        for name, unit, description, figures in _GAUGES:
            meter.create_observable_gauge(
                f"licensechain.inbox.{name}", [self._observer(figures)], unit=unit, description=description
            )

    def watch(self, receiver: Receiver) -> None:
        """Observe a receiver from now on, and the attempts of every worker in this process that has its hooks."""
        if receiver in self._watched:
            return
        self._watched.add(receiver)
        endpoint = receiver.endpoint.name

        @receiver.on_outcome
        def note(outcome: Outcome, _request: HookRequest, seconds: float) -> None:
            self._deliveries.add(1, {"endpoint": endpoint, "outcome": outcome.name})
            self._acknowledged.record(seconds, {"endpoint": endpoint})
            _describe(endpoint, outcome)

        receiver.hooks.around(self._around)

    @contextmanager
    def _around(self, attempt: Attempt) -> Iterator[None]:
        attributes: dict[str, str | int] = {
            "licensechain.endpoint": attempt.endpoint,
            "licensechain.event.type": attempt.event_type,
            "licensechain.event.id": attempt.event_id,
            "licensechain.attempt.number": attempt.number,
            "licensechain.attempt.mode": attempt.mode,
        }
        started = perf_counter()
        with self._tracer.start_as_current_span(
            "licensechain process", kind=SpanKind.CONSUMER, attributes=attributes
        ) as span:
            yield
            state = str(attempt.state)
            span.set_attribute("licensechain.attempt.state", state)
            if attempt.error_code:
                span.set_attribute("error.type", attempt.error_code)
            if state in _BAD:
                span.set_status(StatusCode.ERROR, state)
        labels = {"endpoint": attempt.endpoint, "state": state}
        self._attempts.add(1, labels)
        self._attempted.record(perf_counter() - started, labels)

    def _observer(
        self, figures: Callable[[Health], Iterator[Observation]]
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            for name, receiver in self._by_inbox():
                for observation in figures(receiver.health(max_age=_FRESH)):
                    yield Observation(observation.value, {**(observation.attributes or {}), "inbox": name})

        return observe

    def _by_inbox(self) -> list[tuple[str, Receiver]]:
        """A receiver of each inbox, and what to call the inbox: the names of its endpoints."""
        sharing: dict[int, list[Receiver]] = {}
        for receiver in tuple(self._watched):
            if receiver.inbox is not None:
                sharing.setdefault(id(receiver.inbox), []).append(receiver)
        return [
            ("+".join(sorted({each.endpoint.name for each in receivers})), receivers[0])
            for receivers in sharing.values()
        ]


def _describe(endpoint: str, outcome: Outcome) -> None:
    """Write on the span of the request what has become of the delivery."""
    span = get_current_span()
    if not span.is_recording():
        return
    span.set_attributes({"licensechain.endpoint": endpoint, "licensechain.outcome": outcome.name})
    if outcome.reason:
        span.set_attribute("licensechain.reason", outcome.reason)
    if outcome.event is not None:
        span.set_attributes({"licensechain.event.type": outcome.event.type, "licensechain.event.id": outcome.event.id})
    if outcome.name in _ERRORS:
        span.set_status(StatusCode.ERROR, outcome.name)


def _up(health: Health) -> Iterator[Observation]:
    yield Observation(int(health.inbox == "ok"))


def _backlog(health: Health) -> Iterator[Observation]:
    if health.backlog is not None:
        yield Observation(health.backlog)


def _oldest_age(health: Health) -> Iterator[Observation]:
    if health.oldest_age is not None:
        yield Observation(health.oldest_age.total_seconds())


def _entries(health: Health) -> Iterator[Observation]:
    for state, count in health.entries.items():
        yield Observation(count, {"state": state})


_GAUGES = (
    ("up", "1", "Whether the inbox answers.", _up),
    ("backlog", "{entry}", "Entries that wait for a worker.", _backlog),
    ("oldest_age", "s", "For how long the first of them has waited.", _oldest_age),
    ("entries", "{entry}", "Entries by state.", _entries),
)
