"""What an observer costs on ``trees.get``, in turns in one process: ``python -m tools.bench.observed``.

It compares no observer with OpenTelemetry's: with the API alone, with metrics of the SDK, with its traces (in batches
that are forgotten), with both, and with both where one trace in ten is sampled. Prints the time of a call, the CPU time
that the process adds to it, and the ratio to the time without an observer: the median and the middle half.
"""

import argparse
import os
import random
import statistics
import sys
import time
from contextlib import ExitStack
from typing import Any

import psycopg
from opentelemetry.metrics import MeterProvider as AnyMeterProvider
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import NoOpTracerProvider

from skilltree import AsyncDatabase, Database, embedded
from skilltree.contrib.opentelemetry import OpenTelemetryObserver
from skilltree.migrate.scratch import scratch_database
from tools.bench import cores
from tools.bench.data import Data
from tools.bench.measure import Loop, atimed, timed
from tools.bench.network import delayed
from tools.bench.worker import WAYS

_WARM_UP = 3
_BATCH = 40
_OFF = "off"


class _Nowhere(SpanExporter):
    """Takes spans and forgets them."""

    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def _traces(sampler: Sampler = ALWAYS_ON) -> TracerProvider:
    provider = TracerProvider(sampler=sampler)
    provider.add_span_processor(BatchSpanProcessor(_Nowhere()))
    return provider


def _metrics() -> AnyMeterProvider:
    return MeterProvider([InMemoryMetricReader()])


def _observers() -> dict[str, OpenTelemetryObserver | None]:
    tenth = ParentBased(TraceIdRatioBased(0.1))
    no_traces, no_metrics = NoOpTracerProvider(), NoOpMeterProvider()
    return {
        _OFF: None,
        "API alone": OpenTelemetryObserver(tracer_provider=no_traces, meter_provider=no_metrics),
        "metrics": OpenTelemetryObserver(tracer_provider=no_traces, meter_provider=_metrics()),
        "traces": OpenTelemetryObserver(tracer_provider=_traces(), meter_provider=no_metrics),
        "both": OpenTelemetryObserver(tracer_provider=_traces(), meter_provider=_metrics()),
        "both, 1 in 10": OpenTelemetryObserver(tracer_provider=_traces(tenth), meter_provider=_metrics()),
    }


def measure(url: str, near: str, rounds: int) -> None:
    """Print a line for each way to call and each observer."""
    loop = Loop()
    with ExitStack() as stack:
        stack.callback(loop.close)
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        print("cores:", stack.enter_context(cores.placed(connection, cores.APART)), file=sys.stderr)
        data = Data(stack.enter_context(Database(url)), connection)
        for way in WAYS:
            databases: dict[str, Any] = {
                name: (AsyncDatabase if way == "async" else Database)(near, max_size=1, observer=observer)
                for name, observer in _observers().items()
            }
            times: dict[str, list[float]] = {name: [] for name in databases}
            work: dict[str, list[float]] = {name: [] for name in databases}
            for database in databases.values():
                loop.finish(database.open())
            for number in range(rounds + _WARM_UP):
                for name in random.sample(sorted(databases), len(databases)):
                    scope = databases[name].as_user(data.learner) if way == "as_user" else databases[name]
                    batch: list[tuple[object, ...]] = [(data.tree_id,)] * _BATCH
                    call = scope.trees.get
                    worked = time.process_time()
                    taken = loop.finish(atimed(call, batch)) if way == "async" else timed(call, batch)
                    if number >= _WARM_UP:
                        times[name].append(taken / _BATCH)
                        work[name].append((time.process_time() - worked) / _BATCH)
            for database in databases.values():
                loop.finish(database.close())
            for name, seconds in times.items():
                low, ratio, high = statistics.quantiles(
                    [on / off for on, off in zip(seconds, times[_OFF], strict=True)], n=4
                )
                added = statistics.median(on - off for on, off in zip(work[name], work[_OFF], strict=True))
                shown = f"{statistics.median(seconds) * 1e6:7.1f} µs {added * 1e6:+6.1f} µs"
                print(f"{way:8}{name:14}{shown}  {ratio:5.2f}  ({low:.2f} to {high:.2f})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.observed", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=60, help="how often each observer is measured")
    parser.add_argument("--pg", type=int, default=18, choices=embedded.SUPPORTED_VERSIONS, help="the embedded server")
    parser.add_argument("--delay", type=float, default=0, help="milliseconds by which to delay each packet")
    given = parser.parse_args()
    with ExitStack() as stack:
        server = os.environ.get("DATABASE_URL") or stack.enter_context(embedded.throw_away(version=given.pg))
        url = stack.enter_context(scratch_database(server))
        near = stack.enter_context(delayed(url, given.delay / 1000)) if given.delay else url
        measure(url, near, given.rounds)


if __name__ == "__main__":
    main()
