"""What OpenTelemetry gets to see: spans, metrics and log lines, and never a value that a caller has sent."""

import logging
from contextlib import aclosing, suppress
from time import time_ns
from typing import ClassVar

import psycopg
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from _async.factories import add_category, add_skills, add_tree, add_user, rows, wait_for_lock_waiters
from _async.method_calls import CATALOGUE_CALLS, LEARNER_CALLS, SERVICE_CALLS, add_course, add_sample_learner
from concurrency import concurrently_async, in_background_async
from layout import HELD_UP
from skilltree import AsyncDatabase
from skilltree._async.repository import AsyncStep
from skilltree._core.queries import read
from skilltree._core.rows import rows_of
from skilltree.contrib.opentelemetry import OpenTelemetryObserver
from skilltree.errors import (
    ConcurrentUpdate,
    InvalidValue,
    PermissionDenied,
    PoolExhausted,
    SkillTreeError,
    SlugTaken,
    UnitOfWorkEnded,
)
from skilltree.models import Category

EVERY = {**LEARNER_CALLS, **CATALOGUE_CALLS, **SERVICE_CALLS}

LIST = read("categories/list")
WAITS = f"select exists (select from pg_stat_activity where {HELD_UP})"
CATEGORIES = AsyncStep(LIST, {"include_inactive": True}, rows_of(Category, LIST))


class Telemetry:
    """An observer whose spans and metrics stay in memory."""

    def __init__(self, **options):
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("test")
        meters = MeterProvider([self.reader])
        self.observer = OpenTelemetryObserver(tracer_provider=self.provider, meter_provider=meters, **options)

    def spans(self):
        """Return the spans that have ended since the last call."""
        found = self.exporter.get_finished_spans()
        self.exporter.clear()
        return list(found)

    def tree(self):
        """Return the names of the ended spans and of their parents, by time of their start."""
        spans = sorted(self.spans(), key=lambda span: span.start_time)
        names = {span.context.span_id: span.name for span in spans}
        return [(span.name, names[span.parent.span_id] if span.parent else None) for span in spans]

    def points(self, name):
        """Return the data points of a metric."""
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def telemetry():
    return Telemetry()


@pytest.fixture
async def traced(url, telemetry):
    async with AsyncDatabase(url, min_size=1, max_size=8, observer=telemetry.observer) as traced:
        yield traced


@pytest.fixture
async def traced_app(app_url):
    """The telemetry of the application's login role, and its database."""
    telemetry = Telemetry()
    async with AsyncDatabase(app_url, max_size=8, observer=telemetry.observer) as app:
        yield telemetry, app


# --- calls -----------------------------------------------------------------------------------------------------------


async def test_a_call_of_one_statement_is_a_client_span_named_after_its_file(telemetry, traced, tree, url):
    place = conninfo_to_dict(url)

    await traced.trees.get(tree.id)

    (span,) = telemetry.spans()
    assert (span.name, span.kind, span.status.status_code) == ("trees/get", SpanKind.CLIENT, StatusCode.UNSET)
    assert dict(span.attributes) == {
        "db.system.name": "postgresql",
        "db.namespace": f"{place['dbname']}|public",
        "server.address": place["host"],
        **({} if str(place["port"]) == "5432" else {"server.port": int(place["port"])}),
        "db.query.summary": "trees/get",
        "db.query.text": read("trees/get").numbered.decode().strip(),
    }


async def test_a_call_of_several_statements_is_one_span_that_lists_them(telemetry, traced, learner, tree):
    (html,) = await add_skills(traced, tree, "html")
    telemetry.spans()

    await traced.progress.complete_skill(learner.id, html.id)

    (span,) = telemetry.spans()
    assert span.name == span.attributes["db.query.summary"] == "progress/complete_skill"
    assert span.attributes["db.operation.batch.size"] == 4
    assert span.attributes["skilltree.queries"] == (
        "progress/hold_tree_of_skill",
        "progress/lock_learner",
        "progress/complete_skill",
        "leaderboards/add_to_scores",
    )


async def test_a_stream_is_one_span_from_its_first_row_to_its_last(telemetry, traced, tree):
    ended = [len(telemetry.exporter.get_finished_spans()) async for _ in traced.stream(CATEGORIES)]

    assert ended == [0]
    assert telemetry.tree() == [("categories/list", None)]


async def test_a_stream_that_is_read_in_part_ends_its_span_without_an_error(telemetry, traced, tree):
    async with aclosing(traced.stream(CATEGORIES)) as categories:
        await anext(categories)

    (span,) = telemetry.spans()
    assert (span.name, span.status.status_code) == ("categories/list", StatusCode.UNSET)


async def test_a_stream_is_not_the_parent_of_what_its_reader_does(telemetry, traced, tree):
    async for _ in traced.stream(CATEGORIES):
        await traced.trees.get(tree.id)
    async with traced.transaction() as unit:
        async for _ in unit.stream(CATEGORIES):
            await unit.trees.get(tree.id)

    assert telemetry.tree() == [
        ("categories/list", None),
        ("trees/get", None),
        ("transaction", None),
        ("categories/list", "transaction"),
        ("trees/get", "transaction"),
    ]


async def test_the_span_of_a_call_is_made_while_the_server_works(telemetry, traced, tree, url):
    class Looks(SpanProcessor):
        """Looks whether a statement waits for a lock when a span is made."""

        at_work: ClassVar[list[bool]] = []

        def on_start(self, span, parent_context=None):
            with psycopg.Connection.connect(url, autocommit=True) as watcher:
                waits = None
                for _ in range(200):
                    ((waits,),) = watcher.execute(WAITS).fetchall()
                    if waits:
                        break
                    watcher.execute("select pg_sleep(0.005)")
                self.at_work.append(waits)

    async with await psycopg.AsyncConnection.connect(url) as blocker:
        await blocker.execute("select from skill_trees for update")
        telemetry.provider.add_span_processor(Looks())
        async with in_background_async(lambda: traced.trees.update(tree.id, name="Changed")):
            while not Looks.at_work:
                await blocker.execute("select pg_sleep(0.005)")
            await blocker.rollback()

    assert Looks.at_work == [True]
    (span,) = telemetry.spans()
    assert span.name == "trees/update"


async def test_a_span_starts_when_the_call_does(telemetry, traced, url, connection):
    async with await psycopg.AsyncConnection.connect(url) as blocker:
        await blocker.execute("lock table skill_categories")
        before = time_ns()
        async with in_background_async(traced.categories.list):
            await wait_for_lock_waiters(connection)
            await blocker.rollback()

    (span,) = telemetry.spans()
    assert before <= span.start_time < span.end_time <= time_ns()
    (point,) = telemetry.points("db.client.operation.duration")
    assert point.sum == pytest.approx((span.end_time - span.start_time) / 1e9, abs=0.05)


async def test_a_call_without_query_text_is_the_same_otherwise(url):
    telemetry = Telemetry(query_text=False)
    async with AsyncDatabase(url, observer=telemetry.observer) as traced:
        await traced.categories.list()

    (span,) = telemetry.spans()
    assert "db.query.text" not in span.attributes
    assert span.attributes["db.query.summary"] == "categories/list"


# --- units of work ---------------------------------------------------------------------------------------------------


async def test_calls_have_the_unit_of_work_and_its_savepoints_as_parents(telemetry, traced):
    async with traced.transaction() as unit:
        await unit.categories.list()
        async with unit.transaction():
            await unit.trees.list()
            async with unit.transaction():
                await unit.achievements.list()
        await unit.categories.find_by_slug("art")

    spans = {span.name: span for span in telemetry.exporter.get_finished_spans()}
    assert (spans["transaction"].kind, spans["savepoint"].kind) == (SpanKind.INTERNAL, SpanKind.INTERNAL)
    assert telemetry.tree() == [
        ("transaction", None),
        ("categories/list", "transaction"),
        ("savepoint", "transaction"),
        ("trees/list", "savepoint"),
        ("savepoint", "savepoint"),
        ("achievements/list", "savepoint"),
        ("categories/find_by_slug", "transaction"),
    ]


async def test_spans_of_the_application_stand_between_a_unit_of_work_and_its_calls(telemetry, traced):
    with telemetry.tracer.start_as_current_span("request"):
        async with traced.as_service() as unit:
            with telemetry.tracer.start_as_current_span("step"):
                await unit.categories.list()
        await traced.categories.list()

    assert telemetry.tree() == [
        ("request", None),
        ("transaction", "request"),
        ("step", "transaction"),
        ("categories/list", "step"),
        ("categories/list", "request"),
    ]


async def test_those_who_share_a_unit_of_work_have_it_as_their_parent(telemetry, traced):
    async with traced.transaction() as unit:
        await concurrently_async(*[unit.categories.list] * 4)

    assert telemetry.tree() == [("transaction", None), *[("categories/list", "transaction")] * 4]


async def test_concurrent_units_of_work_do_not_mix_their_calls(telemetry, traced):
    async def work():
        async with traced.transaction() as unit:
            await unit.categories.list()
            async with unit.transaction():
                await unit.trees.list()
            await unit.categories.list()

    await concurrently_async(*[work] * 8)

    spans = telemetry.spans()
    children = {span.context.span_id: [] for span in spans}
    for span in spans:
        if span.parent is not None:
            children[span.parent.span_id].append(span.name)
    units = [sorted(children[span.context.span_id]) for span in spans if span.name == "transaction"]
    savepoints = [children[span.context.span_id] for span in spans if span.name == "savepoint"]
    assert units == [["categories/list", "categories/list", "savepoint"]] * 8
    assert savepoints == [["trees/list"]] * 8
    assert len({span.context.trace_id for span in spans}) == 8


async def test_what_follows_a_unit_of_work_is_not_within_it(telemetry, traced):
    with pytest.raises(ValueError, match="own"):
        async with traced.transaction():
            raise ValueError("the caller's own error, with a value")
    await traced.categories.list()

    unit, after = telemetry.spans()
    assert after.parent is None
    assert (unit.attributes["error.type"], unit.status.status_code) == ("ValueError", StatusCode.ERROR)
    assert (unit.status.description, unit.events) == (None, ())


# --- errors ----------------------------------------------------------------------------------------------------------


async def test_a_call_that_the_database_refuses_has_the_names_of_the_error_and_no_message(telemetry, traced):
    await add_category(traced, "art")
    telemetry.spans()

    with pytest.raises(SlugTaken):
        await add_category(traced, "art", name="Other")

    (span,) = telemetry.spans()
    assert span.status.status_code == StatusCode.ERROR
    assert (span.status.description, span.events) == (None, ())
    assert span.attributes["error.type"] == "SlugTaken"
    assert span.attributes["db.response.status_code"] == "23505"


async def test_a_call_that_is_not_sent_has_the_name_of_its_error(telemetry, traced, learner):
    with pytest.raises(PermissionDenied):
        await traced.as_user(learner.id).leaderboards.top()

    (span,) = telemetry.spans()
    assert (span.name, span.attributes["error.type"]) == ("leaderboards/top", "PermissionDenied")


async def test_a_refused_call_and_its_unit_of_work_both_have_the_error(telemetry, traced, learner):
    with pytest.raises(PermissionDenied):
        async with traced.as_user(learner.id) as unit:
            await unit.leaderboards.top()

    assert [(span.name, span.attributes["error.type"]) for span in telemetry.spans()] == [
        ("leaderboards/top", "PermissionDenied"),
        ("transaction", "PermissionDenied"),
    ]


async def test_a_call_of_a_unit_of_work_that_has_ended_has_the_error(telemetry, traced):
    async with traced.transaction() as unit:
        pass
    with pytest.raises(UnitOfWorkEnded):
        await unit.categories.list()

    _, late = telemetry.spans()
    assert (late.name, late.attributes["error.type"]) == ("categories/list", "UnitOfWorkEnded")


async def test_a_call_without_a_connection_has_a_span_and_counts_as_a_timeout(telemetry, url):
    async with (
        AsyncDatabase(url, max_size=1, timeout=0.05, observer=telemetry.observer) as narrow,
        narrow.transaction(),
    ):
        with pytest.raises(PoolExhausted):
            await narrow.categories.list()

    failed, unit = telemetry.spans()
    assert (failed.name, failed.attributes["error.type"]) == ("categories/list", "PoolExhausted")
    assert "error.type" not in unit.attributes
    assert [point.value for point in telemetry.points("db.client.connection.timeouts")] == [1]
    assert [point.count for point in telemetry.points("db.client.connection.wait_time")] == [1]


# --- retries ---------------------------------------------------------------------------------------------------------


async def test_a_retried_call_is_one_span_with_an_event_for_each_retry(url, connection, db, tree, telemetry, caplog):
    caplog.set_level(logging.INFO, logger="skilltree")
    html, css = await add_skills(db, tree, "html", css=["html"])
    ours = make_conninfo(url, options="-c deadlock_timeout=500ms")
    theirs = make_conninfo(url, options="-c deadlock_timeout=60s")
    async with (
        AsyncDatabase(ours, max_size=1, observer=telemetry.observer) as patient,
        await psycopg.AsyncConnection.connect(theirs) as other,
    ):
        await other.execute("select from skills where id = %s for update", [css.id])
        async with in_background_async(lambda: patient.skills.remove_dependency(css.id, html.id)) as changed:
            await wait_for_lock_waiters(connection)
            await other.execute("select from skills where id = %s for update", [html.id])
            await other.commit()
        retries = patient.statistics()["retries"]

    assert changed.result().dependencies == ()
    (span,) = telemetry.spans()
    failure = {"error.type": ConcurrentUpdate.__name__, "db.response.status_code": "40P01"}
    assert (span.name, span.status.status_code) == ("skills/change_dependencies", StatusCode.UNSET)
    assert [(event.name, dict(event.attributes)) for event in span.events] == [("retry", failure)] * retries
    (counted,) = telemetry.points("skilltree.retries")
    assert counted.value == retries
    assert {"db.query.summary": span.name, **failure}.items() <= counted.attributes.items()
    (first, *_) = [record for record in caplog.records if record.name == "skilltree.database"]
    assert first.getMessage() == "skills/change_dependencies is tried again after ConcurrentUpdate (40P01), attempt 2"


async def test_a_connection_that_is_closed_after_an_error_is_logged_without_a_value(url, connection, caplog):
    async with AsyncDatabase(url, max_size=1) as db:
        for _ in range(8):
            await db.categories.list()
        await connection.execute("alter table skill_categories alter column sort_order type bigint")
        try:
            await db.categories.list()
            with suppress(SkillTreeError):
                async with db.transaction() as unit:
                    await rows(connection, f"select pg_terminate_backend({unit._connection.info.backend_pid}, 5000)")
                    await unit.categories.list()
        finally:
            await connection.execute("alter table skill_categories alter column sort_order type integer")

    lines = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert ("skilltree.pool", "WARNING", "a connection is closed after ServerUnavailable (57P01)") in lines


# --- metrics ---------------------------------------------------------------------------------------------------------


async def test_durations_are_counted_by_query_file_and_error(telemetry, traced, tree):
    for _ in range(3):
        await traced.trees.get(tree.id)
    with pytest.raises(SlugTaken):
        await add_category(traced, "programming", name="Other")

    points = {point.attributes["db.query.summary"]: point for point in telemetry.points("db.client.operation.duration")}
    assert points.keys() == {"trees/get", "categories/create"}
    assert points["trees/get"].count == 3
    assert points["trees/get"].explicit_bounds == (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
    assert points["categories/create"].attributes["error.type"] == "SlugTaken"


async def test_the_pool_shows_its_connections_and_not_the_callers_that_need_not_wait(telemetry, url):
    async with AsyncDatabase(url, min_size=2, max_size=3, observer=telemetry.observer) as traced:
        for _ in range(20):
            await traced.categories.list()
        # The machine itself may let some of them wait.
        assert sum(point.count for point in telemetry.points("db.client.connection.wait_time")) < 10
        async with traced.transaction():
            counts = telemetry.points("db.client.connection.count")
            (most,) = telemetry.points("db.client.connection.max")
            (pending,) = telemetry.points("db.client.connection.pending_requests")

    assert {point.attributes["db.client.connection.state"]: point.value for point in counts} == {"used": 1, "idle": 1}
    assert (most.value, pending.value) == (3, 0)
    names = {point.attributes["db.client.connection.pool.name"] for point in [*counts, most, pending]}
    assert len(names) == 1


async def test_an_observer_belongs_to_one_database(telemetry, traced, url):
    with pytest.raises(InvalidValue, match="one database"):
        AsyncDatabase(url, observer=telemetry.observer)


# --- every method ----------------------------------------------------------------------------------------------------


async def test_no_call_shows_who_it_is_about_and_each_is_named_after_what_it_does(telemetry, traced, db, traced_app):
    ada = await add_sample_learner(db, "ada", await add_course(db))
    seen, app = traced_app

    for call in EVERY.values():
        with suppress(SkillTreeError):
            await call(app.as_service(), ada)
        with suppress(SkillTreeError):
            await call(app.as_user(ada.user_id), ada)
    await add_tree(traced, "last")
    await add_user(traced, "last")

    spans = [*seen.spans(), *telemetry.spans()]
    shown = " ".join(str([span.name, dict(span.attributes), span.status.description, span.events]) for span in spans)
    for value in (ada.user_id, ada.email, ada.session_id, ada.done_id, ada.tree_id, "@example.org", "Changed"):
        assert str(value) not in shown
    names = {span.name for span in spans}
    assert len(names) > 100
    files = {f"{name.partition(' ')[0]}".replace(".", "/", 1) for name in EVERY}
    steps = {name for name in names - files if any(word in name for word in ("lock_", "hold_", "/lock", "/hold"))}
    assert steps == set()
    series = seen.points("db.client.operation.duration")
    assert {point.attributes["db.query.summary"] for point in series} <= names
    assert {name for point in series for name in point.attributes} <= {
        "db.system.name",
        "db.namespace",
        "server.address",
        "server.port",
        "db.query.summary",
        "error.type",
        "db.response.status_code",
    }
