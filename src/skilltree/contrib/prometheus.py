"""Metrics for Prometheus: what the server knows, and what this process knows about its own calls and its pool.

``docs/monitoring.md`` lists the series. No series has a value that a caller has sent.
"""

import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from time import perf_counter
from types import TracebackType
from typing import Self
from weakref import WeakMethod

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from skilltree._core import observer
from skilltree._core.observer import Sent, Watched, main_of
from skilltree._core.urls import checked_url
from skilltree.errors import InvalidValue, PoolExhausted, SkillTreeError
from skilltree.monitor import LEAST_INDEX_BYTES, Connection, Part, connect, report
from skilltree.monitor.series import CLIENT, OUTAGES, UP, Sample, Series, samples

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""The content type of the response to a scrape."""

_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
_CLIENT = {series.name: series for series in CLIENT}


def exposition(*collectors: Collector) -> bytes:
    """Return the current values of these collectors as the text that Prometheus reads."""
    return generate_latest(_registry(*collectors))


def serve(url: str, *, address: str = "127.0.0.1", port: int = 9187, queries: Path | None = None) -> Callable[[], None]:
    """Answer scrapes about a database from a thread of its own. Returns a function that stops it."""
    collector = DatabaseCollector(url, queries=queries)
    server, thread = start_http_server(port, address, _registry(collector))

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()
        collector.close()

    return stop


class DatabaseCollector(Collector):
    """What the server knows, by the queries of ``skilltree monitor``. One process of a platform should have it.

    It has a connection of its own, so that it still answers when the server accepts no more. Each statement may take
    ``timeout`` seconds. ``queries`` is the folder of an application's query files, which are told apart, too.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10,
        least_index_bytes: int = LEAST_INDEX_BYTES,
        queries: Path | None = None,
    ) -> None:
        checked_url(url)
        self._url = url
        self._timeout = timeout
        self._least_index_bytes = least_index_bytes
        self._queries = queries
        self._connection: Connection | None = None
        self._pid = os.getpid()
        # Scrapes that arrive at once share the connection.
        self._turn = Lock()

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering it does not use the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the series; only ``skilltree_up`` if the database cannot be reached."""
        with self._turn:
            try:
                parts = self._report()
            except SkillTreeError:
                self.close()
                parts = []
        yield _family(UP, [Sample((), float(bool(parts)))])
        if parts:
            for series, values in samples(parts):
                yield _family(series, values)

    def close(self) -> None:
        """Close the connection. The next scrape opens another."""
        if self._connection is not None and self._pid == os.getpid():
            self._connection.close()
        self._connection = None

    def _report(self) -> list[Part]:
        if self._connection is None or self._connection.closed or self._pid != os.getpid():
            self._connection = connect(self._url, name="skilltree metrics", timeout=self._timeout)
            self._pid = os.getpid()
        return report(self._connection, least_index_bytes=self._least_index_bytes, queries=self._queries)


class PrometheusObserver(Collector):
    """Counts the calls of one database, and shows its pool. Pass it as ``observer``, and to ``exposition``.

    Each process counts for itself: scrape each, or give them different ports.
    """

    def __init__(self) -> None:
        self._statistics: WeakMethod[Callable[[], Mapping[str, int]]] | None = None
        self._lock = Lock()
        self._calls: defaultdict[str, int] = defaultdict(int)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._buckets = [0] * (len(_BUCKETS) + 1)
        self._errors: defaultdict[str, int] = defaultdict(int, dict.fromkeys(OUTAGES, 0))
        self._retries: defaultdict[str, int] = defaultdict(int)
        self._waited = 0.0
        self._timeouts = 0

    def watch(self, database: Watched) -> None:
        if self._statistics is not None:
            raise InvalidValue("an observer belongs to one database: make another", field="observer")
        # A registry lives as long as the process, and must not keep the pool alive.
        self._statistics = WeakMethod(database.statistics)

    def call(self, steps: Sequence[Sent], unit: observer.Observation | None) -> "_Call":
        return _Call(self, main_of(steps).name)

    def unit(self, outer: observer.Observation | None) -> "_Unit":
        return _Unit()

    def waited(self, seconds: float, error: BaseException | None) -> None:
        with self._lock:
            self._waited += seconds
            self._timeouts += isinstance(error, PoolExhausted)

    def ended(self, name: str, seconds: float, error: BaseException | None) -> None:
        """Count a call that has ended."""
        with self._lock:
            self._calls[name] += 1
            self._seconds[name] += seconds
            self._buckets[bisect_left(_BUCKETS, seconds)] += 1
            # Code that reads only the first rows of a stream ends it by GeneratorExit.
            if error is not None and not isinstance(error, GeneratorExit):
                self._errors[type(error).__name__] += 1

    def tried_again(self, error: BaseException) -> None:
        """Count a retry."""
        with self._lock:
            self._retries[type(error).__name__] += 1

    def describe(self) -> list[Metric]:
        """Return nothing: the series are not known before the first call."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the series of this process."""
        with self._lock:
            counted: dict[str, Mapping[str, float]] = {
                "skilltree_client_calls_total": dict(self._calls),
                "skilltree_client_call_seconds_total": dict(self._seconds),
                "skilltree_client_errors_total": dict(self._errors),
                "skilltree_client_retries_total": dict(self._retries),
            }
            single: dict[str, float] = {
                "skilltree_client_pool_wait_seconds_total": self._waited,
                "skilltree_client_pool_timeouts_total": self._timeouts,
            }
            buckets, total = list(self._buckets), sum(self._seconds.values())
        for name, values in counted.items():
            yield _family(_CLIENT[name], [Sample((label,), value) for label, value in sorted(values.items())])
        yield _histogram(_CLIENT["skilltree_client_seconds"], buckets, total)
        statistics = self._statistics() if self._statistics is not None else None
        if statistics is not None:
            now = statistics()
            yield _family(
                _CLIENT["skilltree_client_pool_connections"],
                [Sample(("idle",), now["pool_available"]), Sample(("used",), now["lent"])],
            )
            single["skilltree_client_pool_max"] = now["pool_max"]
            single["skilltree_client_pool_waiting"] = now.get("requests_waiting", 0)
        for name, value in single.items():
            yield _family(_CLIENT[name], [Sample((), value)])


class _Call:
    """A call while it runs."""

    __slots__ = ("_name", "_observer", "_started")

    def __init__(self, observer: PrometheusObserver, name: str) -> None:
        self._observer = observer
        self._name = name
        self._started = perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._observer.ended(self._name, perf_counter() - self._started, error)

    def sent(self) -> None: ...

    def retry(self, error: BaseException) -> None:
        self._observer.tried_again(error)


class _Unit:
    """A unit of work. Only the calls in it are counted."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def sent(self) -> None: ...

    def retry(self, error: BaseException) -> None: ...


def _registry(*collectors: Collector) -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return registry


def _family(series: Series, values: Sequence[Sample]) -> Metric:
    family = CounterMetricFamily if series.kind == "counter" else GaugeMetricFamily
    metric = family(series.name, series.help, labels=list(series.labels))
    for sample in values:
        metric.add_metric(list(sample.labels), sample.value)
    return metric


def _histogram(series: Series, counts: Sequence[int], total: float) -> Metric:
    metric = HistogramMetricFamily(series.name, series.help)
    reached = [sum(counts[: place + 1]) for place in range(len(counts))]
    bounds = [*(str(bound) for bound in _BUCKETS), "+Inf"]
    metric.add_metric([], list(zip(bounds, reached, strict=True)), total)
    return metric
