"""Traces and metrics for OpenTelemetry, by its stable conventions for databases. ``docs/observability.md`` lists them.

Nothing here holds a value that a caller has sent, and no message of an error: a message may repeat a value.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter, time_ns
from types import TracebackType
from typing import Any, NamedTuple, Self
from weakref import WeakMethod

from opentelemetry import context, metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import Span, SpanKind, StatusCode

from skilltree._core import observer
from skilltree._core.observer import Sent, Watched, main_of
from skilltree.errors import InvalidValue, PoolExhausted

_SCOPE = "skilltree"
_DEFAULT_PORT = "5432"
_MOST_KEPT = 1000
# The boundaries that the conventions advise, in seconds.
_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
# The unit of work that code works in. Tasks that it starts inherit the key.
_UNIT = context.create_key("skilltree-unit")

Attributes = dict[str, Any]


class _Named(NamedTuple):
    """The name of a call, and the attributes of its span and of its metrics."""

    name: str
    span: Attributes
    metric: Attributes


class OpenTelemetryObserver:
    """Traces one database, and measures its calls and its pool. Pass it as ``observer``.

    Without providers, OpenTelemetry's global ones are used. With ``query_text=False``, spans do not have the text of
    the statements; it never holds values. ``pool_name`` tells apart the pools of several databases with the same URL.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        query_text: bool = True,
        pool_name: str | None = None,
    ) -> None:
        self.tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self._meter = metrics.get_meter(_SCOPE, meter_provider=meter_provider)
        self._query_text = query_text
        self._pool_name = pool_name
        self._calls: dict[tuple[tuple[Path | None, str], ...], _Named] = {}
        self.server: Attributes = {}
        self._pool: Attributes = {}
        self.duration = self._meter.create_histogram(
            "db.client.operation.duration",
            unit="s",
            description="Duration of database client operations.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self.retries = self._meter.create_counter(
            "skilltree.retries", unit="{retry}", description="Calls that were tried again, by the error before."
        )
        self._wait_time = self._meter.create_histogram(
            "db.client.connection.wait_time",
            unit="s",
            description="The time it took to obtain an open connection from the pool.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._timeouts = self._meter.create_counter(
            "db.client.connection.timeouts",
            unit="{timeout}",
            description="The number of timeouts while waiting for a connection from the pool.",
        )

    def watch(self, database: Watched) -> None:
        if self.server:
            raise InvalidValue("an observer belongs to one database: make another", field="observer")
        # Every connection pins its search_path to the schema public.
        namespace = f"{database.name}|public"
        self.server = {"db.system.name": "postgresql", "db.namespace": namespace}
        place = namespace
        if database.host is not None:
            self.server["server.address"] = database.host
            place = f"{database.host}:{database.port}/{namespace}"
            if database.port != _DEFAULT_PORT and database.port.isdecimal():
                self.server["server.port"] = int(database.port)
        self._pool = {"db.client.connection.pool.name": self._pool_name or place}
        self._observe_pool(database.statistics)

    def call(self, steps: Sequence[Sent], unit: observer.Observation | None) -> "_Call":
        # An application's query files may have the names of ours.
        key = tuple([(step.query.place, step.query.name) for step in steps])
        named = self._calls.get(key)
        if named is None:
            named = self._named(steps)
            # A repair has a statement for each tree, so that the number of different calls has no limit.
            if len(self._calls) < _MOST_KEPT:
                self._calls[key] = named
        parent = unit.parent() if isinstance(unit, _Unit) else None
        return _Call(self, named, parent or context.get_current())

    def unit(self, outer: observer.Observation | None) -> "_Unit":
        return _Unit(self, outer if isinstance(outer, _Unit) else None)

    def waited(self, seconds: float, error: BaseException | None) -> None:
        # Nearly every caller finds a free connection, and recording that would take 5 % of the time of a short call.
        if seconds >= _BUCKETS[0]:
            self._wait_time.record(seconds, self._pool)
        if isinstance(error, PoolExhausted):
            self._timeouts.add(1, self._pool)

    def _named(self, steps: Sequence[Sent]) -> _Named:
        summary = main_of(steps).name
        metric = {**self.server, "db.query.summary": summary}
        span = dict(metric)
        queries = {step.query.name: step.query for step in steps}
        if len(steps) > 1:
            span["db.operation.batch.size"] = len(steps)
            span["skilltree.queries"] = tuple(queries)
        if self._query_text:
            span["db.query.text"] = "; ".join(query.numbered.decode().strip() for query in queries.values())
        return _Named(summary, span, metric)

    def _observe_pool(self, statistics: Callable[[], Mapping[str, int]]) -> None:
        # Instruments live as long as the process, and must not keep the pool alive.
        pool = WeakMethod(statistics)

        def now() -> Mapping[str, int] | None:
            current = pool()
            return None if current is None else current()

        def gauge(name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
            return lambda _: [Observation(found.get(name, 0), self._pool)] if (found := now()) else []

        def by_state(_: CallbackOptions) -> Iterable[Observation]:
            if found := now():
                for state, name in (("used", "lent"), ("idle", "pool_available")):
                    yield Observation(found[name], {**self._pool, "db.client.connection.state": state})

        self._meter.create_observable_up_down_counter(
            "db.client.connection.count",
            [by_state],
            unit="{connection}",
            description="The number of connections that are in the state of the attribute.",
        )
        self._meter.create_observable_up_down_counter(
            "db.client.connection.max",
            [gauge("pool_max")],
            unit="{connection}",
            description="The maximum number of open connections allowed.",
        )
        self._meter.create_observable_up_down_counter(
            "db.client.connection.pending_requests",
            [gauge("requests_waiting")],
            unit="{request}",
            description="The number of callers that wait for a connection.",
        )


class _Call:
    """The span of a call. It is never the current span: nothing happens within a call that has spans of its own.

    An SDK needs as long to make a span as a short query takes. So the span is made while the server works.
    """

    __slots__ = ("_began", "_named", "_observer", "_parent", "_span", "_started")

    def __init__(self, observer: OpenTelemetryObserver, named: _Named, parent: Context) -> None:
        self._observer = observer
        self._named = named
        self._parent = parent
        self._span: Span | None = None
        self._began = time_ns()
        self._started = perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        seconds = perf_counter() - self._started
        span = self._span or self._made()
        attributes = self._named.metric
        # Code that reads only the first rows of a stream ends it by GeneratorExit.
        if error is not None and not isinstance(error, GeneratorExit):
            attributes = {**attributes, **_ended_by(span, error)}
        self._observer.duration.record(seconds, attributes)
        span.end()

    def sent(self) -> None:
        if self._span is None:
            self._made()

    def retry(self, error: BaseException) -> None:
        failure = _described(error)
        (self._span or self._made()).add_event("retry", failure)
        self._observer.retries.add(1, {**self._named.metric, **failure})

    def _made(self) -> Span:
        named = self._named
        self._span = self._observer.tracer.start_span(
            named.name, self._parent, SpanKind.CLIENT, named.span, start_time=self._began
        )
        return self._span


class _Unit:
    """The span of a unit of work or savepoint. It is the current span of the code in the block."""

    def __init__(self, observer: OpenTelemetryObserver, outer: "_Unit | None") -> None:
        name = "transaction" if outer is None else "savepoint"
        self._root: _Unit = self if outer is None else outer._root
        parent = None if outer is None else outer.parent()
        self._span = observer.tracer.start_span(name, parent, SpanKind.INTERNAL, observer.server)

    def __enter__(self) -> Self:
        inside = trace.set_span_in_context(self._span, context.set_value(_UNIT, self._root))
        self._token = context.attach(inside)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Some frameworks leave a block in another thread or context than they entered it in.
        if context.get_value(_UNIT) is self._root:
            context.detach(self._token)
        if error is not None and not isinstance(error, GeneratorExit):
            _ended_by(self._span, error)
        self._span.end()

    def sent(self) -> None:
        """Do nothing: the span is made before the unit of work begins."""

    def retry(self, error: BaseException) -> None:
        """Do nothing: a unit of work is never tried again."""

    def parent(self) -> Context | None:
        """Return the parent of a span within: the current one, or this one for a thread that has no current span."""
        return None if context.get_value(_UNIT) is self._root else trace.set_span_in_context(self._span)


def _described(error: BaseException) -> Attributes:
    """Return the name of an error, and its SQLSTATE if the server raised it."""
    sqlstate = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None)
    described: Attributes = {"error.type": type(error).__qualname__}
    return {**described, "db.response.status_code": sqlstate} if isinstance(sqlstate, str) else described


def _ended_by(span: Span, error: BaseException) -> Attributes:
    """Mark a span as failed, and return what describes the error."""
    failure = _described(error)
    span.set_attributes(failure)
    span.set_status(StatusCode.ERROR)
    return failure
