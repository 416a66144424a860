"""What OpenTelemetry gets to see of tasks, threads and contexts. Only tasks can be cancelled, so there is no twin."""

import asyncio
import gc
import logging
from contextvars import Context, copy_context

import psycopg
import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from _async.test_observer import Telemetry
from skilltree import AsyncDatabase, Database, Observer
from skilltree._core.observer import Calling
from skilltree._core.queries import read
from skilltree._sync.repository import Step
from skilltree.contrib.opentelemetry import OpenTelemetryObserver
from skilltree.errors import ServerUnavailable

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.fixture
def telemetry():
    return Telemetry()


async def test_a_cancelled_call_and_its_unit_of_work_end_their_spans(telemetry, migrated_url):
    async def work():
        async with db.transaction() as unit:
            await unit.categories.update(art.id, name="Changed")

    async with (
        AsyncDatabase(migrated_url, observer=telemetry.observer) as db,
        await psycopg.AsyncConnection.connect(migrated_url) as blocker,
        await psycopg.AsyncConnection.connect(migrated_url, autocommit=True) as watcher,
    ):
        art = await db.categories.create(name="Art", slug="art")
        telemetry.spans()
        await blocker.execute("select from skill_categories for update")
        task = asyncio.create_task(work())
        async with asyncio.timeout(10):
            while await (await watcher.execute(WAITING)).fetchone() != (1,):
                await asyncio.sleep(0.005)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await blocker.rollback()
        await db.categories.list()

    call, unit, after = telemetry.spans()
    assert (call.name, call.parent.span_id) == ("categories/update", unit.context.span_id)
    for span in (call, unit):
        assert (span.attributes["error.type"], span.status.status_code) == ("CancelledError", StatusCode.ERROR)
    assert (after.name, after.parent) == ("categories/list", None)


def test_a_unit_of_work_that_is_left_in_another_context_ends_its_span(telemetry, migrated_url, caplog):
    # FastAPI enters and leaves a sync dependency in copies of the context, each in a thread of its own.
    caplog.set_level(logging.DEBUG)
    with Database(migrated_url, observer=telemetry.observer) as db:
        scope = db.as_service()
        unit = copy_context().run(scope.__enter__)
        unit.categories.list()
        copy_context().run(scope.__exit__, None, None, None)
        Context().run(db.categories.list)

    assert telemetry.tree() == [
        ("transaction", None),
        ("categories/list", "transaction"),
        ("categories/list", None),
    ]
    assert [record for record in caplog.records if record.name.startswith("opentelemetry")] == []
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_call_that_is_tried_again_before_it_is_sent_has_one_span(telemetry, migrated_url):
    step = Step(read("categories/list"), {}, None)
    with Database(migrated_url, observer=telemetry.observer):
        with Calling(telemetry.observer.call((step,), None)) as call:
            call.retry(ServerUnavailable("no connection"))
            # Another library's instrumentation may have a span around what is sent.
            with telemetry.tracer.start_as_current_span("other"):
                call.sent()

    assert telemetry.tree() == [("categories/list", None), ("other", None)]


def test_without_an_sdk_the_observer_does_nothing(migrated_url):
    observer: Observer = OpenTelemetryObserver()
    with Database(migrated_url, observer=observer) as db, db.transaction() as unit:
        assert unit.categories.list() == []


def test_a_database_that_is_gone_leaves_no_numbers(telemetry, migrated_url):
    db = Database(migrated_url, observer=telemetry.observer)
    with db:
        assert telemetry.points("db.client.connection.max") != []

    del db
    gc.collect()

    assert telemetry.points("db.client.connection.max") == []
