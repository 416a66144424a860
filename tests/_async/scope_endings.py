"""The ways in which a learner's work can end, and checks that the connection keeps nothing of it."""

import os
import socket

import psycopg
import pytest
from psycopg.pq import PipelineStatus, TransactionStatus

from _async.factories import value, wait_for_lock_waiters
from concurrency import in_background_async
from skilltree.errors import (
    InvalidValue,
    PermissionDenied,
    PoolExhausted,
    PrerequisitesNotMet,
    ScopeMissing,
    ServerUnavailable,
    StatementTimeout,
    UserNotFound,
)


class Abandoned(Exception):
    """An exception of the caller's own."""


async def work(db, learner):
    """Read and write, for one learner."""
    assert (await db.users.get(learner.user_id)).username == learner.username
    await db.progress.record_activity(learner.user_id, learner.begun_id, minutes=1)


async def normally(db, connection, learner):
    async with db.as_user(learner.user_id) as unit:
        await work(unit, learner)
    await work(db.as_user(learner.user_id), learner)


async def as_the_service(db, connection, learner):
    async with db.as_service(learner.user_id) as unit:
        assert await unit.leaderboards.rank(learner.user_id)
    await db.as_service(learner.user_id).users.get(learner.user_id)


async def by_an_exception(db, connection, learner):
    with pytest.raises(Abandoned):
        async with db.as_user(learner.user_id) as unit:
            await work(unit, learner)
            raise Abandoned


async def by_a_refusal(db, connection, learner):
    with pytest.raises(PrerequisitesNotMet):
        await db.as_user(learner.user_id).progress.start_skill(learner.user_id, learner.locked_id)
    with pytest.raises(PermissionDenied):
        async with db.as_user(learner.user_id) as unit:
            await work(unit, learner)
            await unit.leaderboards.top()


async def by_an_error_of_the_server(db, connection, learner):
    with pytest.raises(InvalidValue):
        async with db.as_user(learner.user_id) as unit:
            await work(unit, learner)
            await unit.progress.record_activity(learner.user_id, learner.begun_id, minutes=2**31)
    with pytest.raises(InvalidValue):
        await db.as_user(learner.user_id).progress.record_activity(learner.user_id, learner.begun_id, minutes=2**31)


async def by_an_error_before_anything_is_sent(db, connection, learner):
    with pytest.raises(InvalidValue):
        async with db.as_user(learner.user_id) as unit:
            await work(unit, learner)
            await unit.progress.start_skill(learner.user_id, "\ud800")
    with pytest.raises(InvalidValue):
        await db.as_user(learner.user_id).progress.start_skill(learner.user_id, "\ud800")


async def by_a_time_out(db, connection, learner):
    async with connection.transaction():
        await connection.execute("select from user_profiles where user_id = %s for update", [learner.user_id])
        with pytest.raises(StatementTimeout):
            await work(db.as_user(learner.user_id), learner)
        with pytest.raises(StatementTimeout):
            async with db.as_user(learner.user_id) as unit:
                await work(unit, learner)


async def by_a_killed_backend(db, connection, learner):
    with pytest.raises(ServerUnavailable):
        async with db.as_user(learner.user_id) as unit:
            await work(unit, learner)
            await kill(connection, "state = 'idle in transaction'")
            await work(unit, learner)

    async def killed_at_work():
        with pytest.raises(ServerUnavailable):
            await work(db.as_user(learner.user_id), learner)

    async with await psycopg.AsyncConnection.connect(connection.info.dsn) as other:
        await other.execute("select from user_profiles where user_id = %s for update", [learner.user_id])
        async with in_background_async(killed_at_work) as done:
            await wait_for_lock_waiters(connection)
            await kill(connection, "state = 'active'")
    assert done.exception() is None


async def kill(connection, which):
    """Terminate the backends of the application that match a condition."""
    statement = "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where datname = current_database()"
    assert await value(connection, f"{statement} and usename = 'skilltree_app' and {which}") == 1


async def by_a_cut_connection(db, connection, learner):
    before = await db.as_user(learner.user_id).progress.for_skill(learner.user_id, learner.begun_id)
    with pytest.raises(ServerUnavailable):
        async with db.as_user(learner.user_id) as unit:
            await work(unit, learner)
            cut(unit._connection)
            await work(unit, learner)

    working = []

    async def cut_at_work():
        with pytest.raises(ServerUnavailable):
            async with db.as_user(learner.user_id) as unit:
                working.append(unit._connection)
                await work(unit, learner)

    async with await psycopg.AsyncConnection.connect(connection.info.dsn) as other:
        await other.execute("select from user_profiles where user_id = %s for update", [learner.user_id])
        async with in_background_async(cut_at_work) as done:
            await wait_for_lock_waiters(connection)
            cut(working[0])
    assert done.exception() is None
    assert await db.as_user(learner.user_id).progress.for_skill(learner.user_id, learner.begun_id) == before


def cut(connection):
    """Break a connection as a network failure does: neither side closes it."""
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


async def by_a_pool_time_out(db, connection, learner):
    async with db.as_user(learner.user_id) as unit:
        await work(unit, learner)
        with pytest.raises(PoolExhausted):
            await work(db.as_user(learner.user_id), learner)


ENDINGS = {
    end.__name__.replace("_", " "): end
    for end in (
        normally,
        as_the_service,
        by_an_exception,
        by_a_refusal,
        by_an_error_of_the_server,
        by_an_error_before_anything_is_sent,
        by_a_time_out,
        by_a_killed_backend,
        by_a_cut_connection,
        by_a_pool_time_out,
    )
}


async def check_nothing_leaks(db, ada, grace, statement_timeout="10s"):
    """Check that a connection carries nothing over from one learner to the next, or to a call without a learner.

    The second learner spends a minute on a skill, as in ``work``.
    """
    await check_no_learner_is_set(db, ada, statement_timeout)
    async with db.as_user(grace.user_id) as unit:
        await work(unit, grace)
        await check_sees_no_rows_of(unit, ada)
    await check_no_learner_is_set(db, grace, statement_timeout)
    await check_sees_no_rows_of(db.as_user(grace.user_id), ada)
    await check_no_learner_is_set(db, grace, statement_timeout)
    await check_sees_no_rows_of(db.as_user(None), grace)
    assert db.statistics()["lent"] == 0


async def check_no_learner_is_set(db, last, statement_timeout):
    """Check that no learner, role or transaction is left on the connection. The check itself sets none of them."""
    with pytest.raises(ScopeMissing):
        await db.users.get(last.user_id)
    async with db._pool.connection() as connection:
        assert await value(connection, "select count(*) from users") == 0
        assert connection.info.transaction_status == TransactionStatus.IDLE
        assert connection.info.pipeline_status == PipelineStatus.OFF
        asked = await connection.execute(
            "select current_user, coalesce(current_setting('app.current_user_id', true), ''),"
            " coalesce(current_setting('app.actor_id', true), ''), current_setting('statement_timeout')"
        )
        assert await asked.fetchone() == ("app_user", "", "", statement_timeout)


async def check_sees_no_rows_of(scope, learner):
    with pytest.raises(UserNotFound):
        await scope.users.get(learner.user_id)
    assert await scope.sessions.list_active(learner.user_id) == []
    assert (await scope.progress.list_for_user(learner.user_id)).items == ()
