"""Connections that can no longer be used: they leave the pool, and statements that were not executed are retried."""

import time

import psycopg
import pytest

from _async.factories import add_category, add_skills, add_user, expect_refusal, rows, value
from proxy import Proxy
from skilltree import AsyncDatabase
from skilltree._core.sqlstates import BY_SQLSTATE
from skilltree.errors import (
    ConcurrentUpdate,
    DatabaseFailure,
    InvalidValue,
    OutcomeUnknown,
    ServerReadOnly,
    ServerUnavailable,
    StatementOutdated,
    UnfitDatabase,
    UnitOfWorkTimeout,
)

OTHERS = "datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
PREPARED = 8


async def set_for_all(connection, setting):
    """Change a setting for all new sessions of this database."""
    await connection.execute(f"alter database {await value(connection, 'select current_database()')} {setting}")


async def end_others(connection):
    await rows(connection, f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where {OTHERS}")


# --- prepared statements ---------------------------------------------------------------------------------------------


async def test_a_statement_whose_result_type_changes_is_prepared_again_silently(url, connection):
    async with AsyncDatabase(url, min_size=3, max_size=3) as db:
        for _ in range(3 * PREPARED):
            await db.categories.list()
        await connection.execute("alter table skill_categories alter column sort_order type bigint")
        try:
            for _ in range(9):
                assert await db.categories.list() == []
        finally:
            await connection.execute("alter table skill_categories alter column sort_order type integer")
        for _ in range(9):
            assert await db.categories.list() == []
        assert db.statistics()["retries"] >= 1


async def test_a_learners_statements_are_prepared_again_too(app_url, connection, learner):
    async with AsyncDatabase(app_url, max_size=1) as app:
        me = app.as_user(learner.id)
        for _ in range(PREPARED):
            await me.categories.list()
        await connection.execute("alter table skill_categories alter column sort_order type bigint")
        try:
            assert await me.categories.list() == []
        finally:
            await connection.execute("alter table skill_categories alter column sort_order type integer")
        assert await me.categories.list() == []


async def test_a_changed_result_type_fails_one_unit_of_work_and_the_next_works(url, connection):
    async with AsyncDatabase(url, max_size=1) as db:
        for _ in range(PREPARED):
            await db.categories.list()
        await connection.execute("alter table skill_categories alter column sort_order type bigint")
        try:
            with pytest.raises(StatementOutdated) as refusal:
                async with db.transaction() as unit:
                    await unit.categories.list()
            async with db.transaction() as unit:
                assert await unit.categories.list() == []
        finally:
            await connection.execute("alter table skill_categories alter column sort_order type integer")

    assert refusal.value.sqlstate == "0A000"


@pytest.mark.parametrize("command", ["deallocate all", "discard plans; deallocate all"])
async def test_deallocated_statements_are_prepared_again_silently(app_url, learner, command):
    async with AsyncDatabase(app_url, max_size=1) as app:
        me = app.as_user(learner.id)
        for call in (app.categories.list, me.categories.list, lambda: me.users.get(learner.id)):
            for _ in range(PREPARED):
                await call()
            async with app._pool.connection() as lent:
                for statement in command.split(";"):
                    # Sent through libpq directly, so that psycopg does not notice.
                    lent.pgconn.exec_(statement.encode())
            await call()
        assert app.statistics()["retries"] >= 1


# --- failover --------------------------------------------------------------------------------------------------------


async def test_a_server_that_becomes_a_standby_raises_and_its_connections_are_replaced(url, connection):
    async with AsyncDatabase(url, min_size=2, max_size=2, timeout=5) as db:
        await set_for_all(connection, "set default_transaction_read_only = on")
        try:
            await end_others(connection)
            async with expect_refusal(connection, ServerReadOnly) as refusal:
                await add_category(db, "art")
            with pytest.raises(ServerReadOnly):
                async with db.transaction() as unit:
                    await add_category(unit, "art")
            assert await db.categories.list() == []
        finally:
            await set_for_all(connection, "reset default_transaction_read_only")

        # The pool still has old connections, which are read-only.
        assert await add_category(db, "art")
        assert db.statistics()["lent"] == 0

    assert refusal.value.sqlstate == "25006"
    assert "target_session_attrs" in str(refusal.value)


# --- time limits -----------------------------------------------------------------------------------------------------


async def test_an_idle_unit_of_work_that_the_server_ends_raises_and_writes_nothing(url, connection):
    async with AsyncDatabase(f"{url} options='-c idle_in_transaction_session_timeout=50'", max_size=1) as db:
        async with expect_refusal(connection, UnitOfWorkTimeout) as refusal, db.transaction() as unit:
            await add_category(unit, "art")
            await connection.execute("select pg_sleep(0.3)")
            await add_category(unit, "other")
        assert await db.categories.list() == []

    assert refusal.value.sqlstate == "25P03"
    assert "idle_in_transaction_session_timeout" in str(refusal.value)


async def test_a_caller_does_not_notice_that_the_server_ended_an_idle_session(url, connection):
    async with AsyncDatabase(f"{url} options='-c idle_session_timeout=50'", max_size=1) as db:
        for _ in range(3):
            assert await db.categories.list() == []
            await connection.execute("select pg_sleep(0.15)")


# --- lost connections ------------------------------------------------------------------------------------------------


async def test_a_stream_whose_backend_ends_raises(url, connection, db, tree):
    await add_skills(db, tree, *(f"skill-{number}" for number in range(3)))
    learner = await add_user(db, "grace")
    async with AsyncDatabase(url, max_size=1) as streaming:
        async with expect_refusal(connection, ServerUnavailable), streaming.transaction() as unit:
            chunks = unit.users.export(learner.id)
            await anext(chunks)
            await rows(connection, f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where {OTHERS}")
            await unit.categories.list()
        assert len(await streaming.categories.list()) == 1
        assert streaming.statistics()["lent"] == 0


async def test_a_scoped_unit_of_work_raises_with_the_servers_reason_for_its_end(url, connection):
    async with AsyncDatabase(url, max_size=1) as db:
        for scope in (db.as_user(None), db.as_service()):
            async with expect_refusal(connection, ServerUnavailable) as refusal, scope as unit:
                await unit.trees.list()
                await end_others(connection)
                await unit.trees.list()

            assert refusal.value.sqlstate == "57P01"
            assert "administrator command" in str(refusal.value)


async def test_a_connection_lost_during_commit_raises_outcome_unknown(url, connection):
    with Proxy(url) as proxy:
        async with AsyncDatabase(proxy.url, max_size=1, timeout=5) as db:
            with pytest.raises(OutcomeUnknown):
                async with db.transaction() as unit:
                    await add_category(unit, "art")
                    proxy.cut()
            assert await db.categories.list() == []
            assert db.statistics()["retries"] == 0


async def test_a_connection_lost_before_commit_writes_nothing(url, connection):
    with Proxy(url) as proxy:
        async with AsyncDatabase(proxy.url, max_size=1, timeout=5) as db:
            with pytest.raises(ServerUnavailable) as refusal:
                async with db.transaction() as unit:
                    await add_category(unit, "art")
                    proxy.cut()
                    await add_category(unit, "other")

    assert not isinstance(refusal.value, OutcomeUnknown)


# --- retries ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempts", [0, -1, True, False, 1.5, "3", None, 101, 10**30, float("inf")])
async def test_an_invalid_number_of_attempts_is_refused(url, attempts):
    with pytest.raises(InvalidValue, match="attempts must be a whole number from 1 to 100") as refusal:
        AsyncDatabase(url, attempts=attempts)

    assert refusal.value.field == "attempts"


async def test_an_action_gives_up_if_its_prerequisites_keep_changing(db, learner, tree, monkeypatch):
    (html, css) = await add_skills(db, tree, "html", css=["html"])

    async def none_missing(*_):
        return []

    # As if the skill opened between each attempt and the query of what is missing, and then locked again.
    monkeypatch.setattr(db.progress, "missing_prerequisites", none_missing)
    for action in (db.progress.complete_skill, db.progress.start_skill):
        with pytest.raises(ConcurrentUpdate, match="try again"):
            await action(learner.id, css.id)
    assert html.id != css.id


@pytest.mark.parametrize("state", sorted(BY_SQLSTATE))
async def test_every_mapped_sqlstate_has_a_documented_error_and_no_unsafe_retry(state):
    kind = BY_SQLSTATE[state]

    assert issubclass(kind, DatabaseFailure)
    assert kind.__doc__
    # A statement with unknown outcome is not executed again.
    assert not (issubclass(kind, OutcomeUnknown) and kind.is_retried)
    assert not kind.are_others_unfit or kind.is_connection_unfit


async def test_a_pool_does_not_spin_while_a_server_stays_read_only(url, connection):
    async with AsyncDatabase(url, min_size=1, max_size=1, timeout=5) as db:
        await set_for_all(connection, "set default_transaction_read_only = on")
        try:
            await end_others(connection)
            started = time.monotonic()
            for _ in range(5):
                with pytest.raises(ServerReadOnly):
                    await add_category(db, "art")
            assert time.monotonic() - started < 5
            assert db.statistics()["connections_num"] < 40
        finally:
            await set_for_all(connection, "reset default_transaction_read_only")
    assert psycopg.errors.ReadOnlySqlTransaction.sqlstate == "25006"


# --- disabled triggers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("min_size", [0, 1])
async def test_a_database_with_disabled_triggers_is_not_opened(url, app_url, connection, min_size):
    await set_for_all(connection, "set session_replication_role = replica")

    for one in (url, app_url):
        with pytest.raises(UnfitDatabase, match="no trigger runs: reset it"):
            await AsyncDatabase(one, min_size=min_size).open()

    await set_for_all(connection, "set session_replication_role = local")
    async with AsyncDatabase(url, min_size=min_size) as db:
        assert await db.categories.list() == []


async def test_a_session_whose_triggers_are_disabled_later_is_not_used(url, connection):
    async with AsyncDatabase(url, min_size=1, max_size=2) as db:
        await set_for_all(connection, "set session_replication_role = replica")
        await end_others(connection)
        async with expect_refusal(connection, UnfitDatabase, match="no trigger runs"):
            await add_category(db)

        await set_for_all(connection, "reset session_replication_role")
        assert await add_category(db)
