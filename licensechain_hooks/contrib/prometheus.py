"""Prometheus: what becomes of deliveries and attempts, and what waits in the inbox.

::

    metrics = PrometheusMetrics()
    metrics.watch(receiver)

Then the application's ``/metrics``, such as ``prometheus_client.make_asgi_app()``, has

===============================================  ==================================================================
``licensechain_hooks_deliveries_total``          by ``endpoint`` and ``outcome``, one of `OUTCOMES`
``licensechain_hooks_refusals_total``            by ``endpoint`` and ``reason``, such as ``signature_mismatch``
``licensechain_hooks_acknowledge_seconds``       a histogram by ``endpoint``: from the delivery to its reply
``licensechain_hooks_attempts_total``            by ``endpoint`` and ``state``, one of `ATTEMPT_STATES`
``licensechain_hooks_attempt_seconds``           a histogram by ``endpoint``: the handlers of one event
``licensechain_hooks_inbox_up``                  by ``inbox``: 1, or 0 where it cannot answer
``licensechain_hooks_inbox_backlog``             by ``inbox``: the entries that wait for a worker now
``licensechain_hooks_inbox_oldest_seconds``      by ``inbox``: for how long the first of them has
``licensechain_hooks_inbox_entries``             by ``inbox`` and ``state``; ``dead`` are the dead letters
===============================================  ==================================================================

No label holds anything of an event. Inboxes are called after their endpoints.

**Several processes.** With ``PROMETHEUS_MULTIPROC_DIR`` set, counters and histograms are summed over all processes that
share the folder: gunicorn's, and ``licensechain-hooks worker`` on the same machine, which has no port of its own.
Expose `PrometheusMetrics.scraped` there, made anew at each scrape. The figures of the inbox are asked for by whichever
process is scraped, for all see the same inbox; where none serves the web, nobody is asked. A folder must be emptied
before the first process starts, as Prometheus' own documentation says.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import perf_counter
from weakref import WeakSet

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
    from prometheus_client.metrics_core import GaugeMetricFamily, Metric
    from prometheus_client.multiprocess import MultiProcessCollector
    from prometheus_client.registry import Collector
except ImportError as exc:
    msg = "this module needs the Prometheus client: pip install 'licensechain-hooks[prometheus]'"
    raise ImportError(msg) from exc

from licensechain_hooks import ATTEMPT_STATES, OUTCOMES, Attempt, HookRequest, Outcome, Receiver

__all__ = ["PrometheusMetrics"]

_PREFIX = "licensechain_hooks"
_ACKNOWLEDGED = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)  # the sender waits 5 s
_ATTEMPTED = (0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300)  # a worker's time_limit is 300 s
_FRESH = timedelta(seconds=1)


class PrometheusMetrics:
    """Measures receivers; one of these is enough for a process.

    Args:
        registry: where the metrics are registered; by default Prometheus' own.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.registry = registry
        self._watched: WeakSet[Receiver] = WeakSet()
        self._inboxes = _Inboxes(self._watched)
        self._deliveries = Counter(
            "deliveries", "Deliveries by outcome.", ["endpoint", "outcome"], namespace=_PREFIX, registry=registry
        )
        self._refusals = Counter(
            "refusals",
            "Deliveries that were not accepted, by reason.",
            ["endpoint", "reason"],
            namespace=_PREFIX,
            registry=registry,
        )
        self._acknowledged = Histogram(
            "acknowledge_seconds",
            "From a delivery to its reply.",
            ["endpoint"],
            namespace=_PREFIX,
            registry=registry,
            buckets=_ACKNOWLEDGED,
        )
        self._attempts = Counter(
            "attempts",
            "Runs of the handlers of an event, by how they ended.",
            ["endpoint", "state"],
            namespace=_PREFIX,
            registry=registry,
        )
        self._attempted = Histogram(
            "attempt_seconds",
            "How long the handlers of an event ran.",
            ["endpoint"],
            namespace=_PREFIX,
            registry=registry,
            buckets=_ATTEMPTED,
        )
        registry.register(self._inboxes)

    def watch(self, receiver: Receiver) -> None:
        """Measure a receiver from now on, and the attempts of every worker in this process that has its hooks."""
        if receiver in self._watched:
            return
        self._watched.add(receiver)
        endpoint = receiver.endpoint.name
        for outcome in OUTCOMES:  # from 0 on, so that the first one is an increase
            self._deliveries.labels(endpoint, outcome)
        for state in ATTEMPT_STATES:
            self._attempts.labels(endpoint, state)

        @receiver.on_outcome
        def count(outcome: Outcome, _request: HookRequest, seconds: float) -> None:
            self._deliveries.labels(endpoint, outcome.name).inc()
            self._acknowledged.labels(endpoint).observe(seconds)
            if outcome.reason:
                self._refusals.labels(endpoint, outcome.reason).inc()

        receiver.hooks.around(self._around)

    def scraped(self) -> CollectorRegistry:
        """The registry to expose: with several processes a new one that adds them up, see above."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return self.registry
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        registry.register(self._inboxes)
        return registry

    @contextmanager
    def _around(self, attempt: Attempt) -> Iterator[None]:
        started = perf_counter()
        yield
        self._attempts.labels(attempt.endpoint, attempt.state).inc()
        self._attempted.labels(attempt.endpoint).observe(perf_counter() - started)


class _Inboxes(Collector):
    """Asks the inboxes when it is asked itself."""

    def __init__(self, watched: WeakSet[Receiver]) -> None:
        self._watched = watched

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering asks no inbox."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The figures of every inbox, each once however many receivers share it."""
        up = GaugeMetricFamily(f"{_PREFIX}_inbox_up", "Whether the inbox answers.", labels=["inbox"])
        backlog = GaugeMetricFamily(f"{_PREFIX}_inbox_backlog", "Entries that wait for a worker.", labels=["inbox"])
        oldest = GaugeMetricFamily(
            f"{_PREFIX}_inbox_oldest_seconds", "For how long the first of them has waited.", labels=["inbox"]
        )
        entries = GaugeMetricFamily(f"{_PREFIX}_inbox_entries", "Entries by state.", labels=["inbox", "state"])
        for name, receiver in self._by_inbox():
            health = receiver.health(max_age=_FRESH)
            up.add_metric([name], health.inbox == "ok")
            if health.backlog is not None and health.oldest_age is not None:
                backlog.add_metric([name], health.backlog)
                oldest.add_metric([name], health.oldest_age.total_seconds())
            for state, count in health.entries.items():
                entries.add_metric([name, state], count)
        return (up, backlog, oldest, entries)

    def _by_inbox(self) -> list[tuple[str, Receiver]]:
        """A receiver of each inbox, and what to call the inbox: the names of its endpoints.

        Of several inboxes of one name one is shown, for Prometheus takes nothing of a page where a sample is twice.
        """
        sharing: dict[int, list[Receiver]] = {}
        for receiver in tuple(self._watched):
            if receiver.inbox is not None:
                sharing.setdefault(id(receiver.inbox), []).append(receiver)
        named = {"+".join(sorted({each.endpoint.name for each in found})): found[0] for found in sharing.values()}
        return sorted(named.items(), key=lambda item: item[0])
