"""A pool of one connection: work that is cancelled at any await, or interrupted by Ctrl+C, leaves nothing behind.

This holds for a direct connection, and for one that PgBouncer gives to the next client.

Only tasks can be cancelled, and only the main thread is interrupted, so there is no sync twin.
"""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import _async.scope_endings
import _sync.scope_endings
from _sync.factories import wait_for_lock_waiters
from _sync.method_calls import SampleLearner, add_course, add_sample_learner
from pgbouncer import SURVIVES, needs_pgbouncer, pgbouncer
from skilltree import AsyncDatabase, Database
from skilltree.errors import SkillTreeError

Work = Callable[[AsyncDatabase, SampleLearner], Awaitable[object]]


async def a_call(db: AsyncDatabase, learner: SampleLearner) -> None:
    await db.as_user(learner.user_id).progress.record_activity(learner.user_id, learner.begun_id, minutes=1)


async def a_unit_of_work(db: AsyncDatabase, learner: SampleLearner) -> None:
    async with db.as_user(learner.user_id) as unit:
        await unit.progress.record_activity(learner.user_id, learner.begun_id, minutes=1)
        async with unit.transaction() as inner:
            await inner.progress.reset_skill(learner.user_id, learner.done_id)
        await unit.progress.complete_skill(learner.user_id, learner.done_id)


async def the_service(db: AsyncDatabase, learner: SampleLearner) -> None:
    async with db.as_service(learner.user_id) as unit:
        await unit.users.mark_email_verified(learner.user_id)
    await db.as_service(learner.user_id).leaderboards.top()


async def an_import(db: AsyncDatabase, learner: SampleLearner) -> None:
    await db.as_service(learner.user_id).progress.import_rows([])


class Cancelled:
    """Work whose task is cancelled at its nth await, and if ``twice``, also at the following one."""

    def __init__(self, work: Awaitable[object], nth: int, *, twice: bool) -> None:
        self._work = work
        self._at = {nth, nth + 1} if twice else {nth}
        self.waited = 0

    def __await__(self) -> Generator[Any, Any, object]:
        steps = self._work.__await__()
        go_on: Callable[[], Any] = partial(next, steps)
        task = asyncio.current_task()
        assert task is not None
        while True:
            try:
                future = go_on()
            except StopIteration as end:
                return end.value
            self.waited += 1
            if self.waited in self._at:
                task.cancel()
            try:
                yield future
            except BaseException as error:
                go_on = partial(steps.throw, error)
            else:
                go_on = partial(next, steps)


@pytest.fixture
def two_learners(migrated_url: str) -> tuple[SampleLearner, SampleLearner]:
    with Database(migrated_url) as db:
        course = add_course(db)
        return add_sample_learner(db, "ada", course), add_sample_learner(db, "grace", course)


@pytest.fixture
def app_url(migrated_url: str) -> str:
    return make_conninfo(migrated_url, user="skilltree_app")


DIRECTLY = "directly"
THROUGH_PGBOUNCER = [
    pytest.param("through PgBouncer", marks=needs_pgbouncer),
    pytest.param("through PgBouncer, prepared", marks=needs_pgbouncer),
]


@pytest.fixture
def route(request: pytest.FixtureRequest, migrated_url: str, app_url: str) -> Iterator[tuple[str, int | None]]:
    """The URL, direct or through PgBouncer, and the number of runs before a statement is prepared."""
    if request.param == DIRECTLY:
        yield app_url, 5
        return
    prepares = request.param.endswith("prepared")
    with pgbouncer(migrated_url, prepares=prepares) as url:
        yield url, 5 if prepares else None


@pytest.mark.parametrize(
    ("route", "twice"),
    [
        (DIRECTLY, False),
        (DIRECTLY, True),
        *(pytest.param(*way.values, False, marks=way.marks) for way in THROUGH_PGBOUNCER),
        *(pytest.param(*way.values, True, marks=way.marks) for way in THROUGH_PGBOUNCER if SURVIVES),
    ],
    indirect=["route"],
)
# Sometimes psycopg lets other tasks run without waiting. If it is cancelled there, leaving the pipeline warns that the
# connection is closed. This is expected, because the connection is discarded.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <generator object BasePipeline._exit_gen:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("work", [a_call, a_unit_of_work, the_service, an_import])
async def test_nothing_leaks_after_work_is_cancelled_at_any_await(migrated_url, route, two_learners, work, twice):
    ada, grace = two_learners
    url, prepare_threshold = route
    cancelled = 0
    with Database(migrated_url) as owner:
        before = minutes(owner, grace)

    async with AsyncDatabase(url, min_size=1, max_size=1, timeout=5, prepare_threshold=prepare_threshold) as db:
        for nth in range(1, 1000):
            interrupted = Cancelled(work(db, ada), nth, twice=twice)
            try:
                # A separate task, which ends with the cancellation.
                await asyncio.create_task(await_it(interrupted))
            except asyncio.CancelledError:
                cancelled += 1
            await _async.scope_endings.check_nothing_leaks(db, ada, grace)
            if interrupted.waited < nth:
                break

    assert cancelled == nth - 1
    with Database(migrated_url) as owner:
        assert owner.doctor.examine() == []
        # Everything acknowledged to the other learner is stored.
        assert minutes(owner, grace) == before + nth


def minutes(db: Database, learner: SampleLearner) -> int:
    work = db.progress.for_skill(learner.user_id, learner.begun_id)
    return 0 if work is None else work.time_spent_minutes


async def await_it(work: Awaitable[object]) -> object:
    return await work


@pytest.mark.parametrize("route", [DIRECTLY, *THROUGH_PGBOUNCER], indirect=True)
@pytest.mark.parametrize("in_a_unit", [False, True], ids=["a call", "a unit of work"])
def test_nothing_leaks_after_work_is_interrupted_by_ctrl_c(migrated_url, route, two_learners, in_a_unit):
    ada, grace = two_learners
    url, prepare_threshold = route

    with Database(url, min_size=1, max_size=1, timeout=5, prepare_threshold=prepare_threshold) as db:
        with psycopg.connect(migrated_url) as other, psycopg.connect(migrated_url, autocommit=True) as observer:
            other.execute("select from user_profiles for update")
            interrupt = threading.Thread(target=interrupt_lock_waiter, args=[observer])
            interrupt.start()
            with pytest.raises(KeyboardInterrupt):
                if in_a_unit:
                    with db.as_user(ada.user_id) as unit:
                        _sync.scope_endings.work(unit, ada)
                else:
                    _sync.scope_endings.work(db.as_user(ada.user_id), ada)
            interrupt.join()
        _sync.scope_endings.check_nothing_leaks(db, ada, grace)

    with Database(migrated_url) as owner:
        assert owner.doctor.examine() == []


async def test_an_interrupted_unit_of_work_refuses_further_calls(migrated_url, app_url, two_learners):
    ada, _ = two_learners

    async with AsyncDatabase(app_url, min_size=1, max_size=1, timeout=5) as db:
        before = await db.as_user(ada.user_id).users.get_profile(ada.user_id)
        with pytest.raises(SkillTreeError):
            async with db.as_user(ada.user_id) as unit:
                await unit.users.update_profile(ada.user_id, bio="Undone")
                with pytest.raises(asyncio.CancelledError):
                    await asyncio.create_task(await_it(Cancelled(a_call(Within(unit), ada), 1, twice=False)))
                await unit.users.update_profile(ada.user_id, bio="Undone, too")

        assert await db.as_user(ada.user_id).users.get_profile(ada.user_id) == before


class Within:
    """A stand-in for the database that uses an open unit of work."""

    def __init__(self, unit: Any) -> None:
        self._unit = unit

    def as_user(self, _: object) -> Any:
        return self._unit


def interrupt_lock_waiter(observer: psycopg.Connection[Any]) -> None:
    wait_for_lock_waiters(observer)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
