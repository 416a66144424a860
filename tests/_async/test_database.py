import time

import psycopg
import psycopg_pool
import pytest
from psycopg.conninfo import make_conninfo

from _async.factories import (
    add_category,
    add_skills,
    add_user,
    case,
    expect_refusal,
    rows,
    value,
    wait_for_lock_waiters,
)
from concurrency import concurrently_async, failures, in_background_async
from layout import HELD_UP
from proxy import Proxy
from skilltree import AsyncDatabase
from skilltree.errors import (
    ConcurrentUpdate,
    InvalidValue,
    LockTimeout,
    PermissionDenied,
    PoolExhausted,
    PoolNotOpen,
    SchemaOutdated,
    ServerUnavailable,
    StatementTimeout,
    UnsupportedIsolation,
)

OTHERS = "datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"


async def terminate_others(connection):
    """Terminate every other connection to this database, and return how many there were."""
    return len(await rows(connection, f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where {OTHERS}"))


async def locked_categories(url):
    """Return a connection that locks every category until it is closed."""
    connection = await psycopg.AsyncConnection.connect(url)
    await connection.execute("select from skill_categories for update")
    return connection


# --- connections that break ------------------------------------------------------------------------------------------


async def test_a_caller_does_not_notice_that_the_server_closed_its_connection(db, connection):
    art = await add_category(db, "art")

    ended = await terminate_others(connection)

    assert ended == 1
    assert await db.categories.find_by_slug("art") == art


async def test_a_unit_of_work_does_not_notice_that_the_server_closed_its_connection(db, connection):
    art = await add_category(db, "art")

    await terminate_others(connection)

    async with db.transaction() as unit:
        assert await unit.categories.find_by_slug("art") == art


async def test_a_pool_recovers_at_once_after_the_server_closed_its_connections(url, connection):
    async with AsyncDatabase(url, min_size=3, max_size=3) as db:
        art = await add_category(db, "art")
        ended = await terminate_others(connection)
        started = time.monotonic()

        found = [await db.categories.find_by_slug("art") for _ in range(3)]

        assert (ended, found) == (3, [art] * 3)
        assert time.monotonic() - started < 1


async def test_a_caller_does_not_notice_that_the_network_broke_its_connection(proxy, connection):
    async with AsyncDatabase(proxy.url, min_size=1, max_size=1) as db:
        art = await add_category(db, "art")

        proxy.cut()

        for _ in range(5):
            assert await db.categories.find_by_slug("art") == art


async def test_a_healthy_connection_is_used_without_a_check(proxy, proxied):
    for _ in range(3):
        await proxied.categories.find_by_slug("art")

    assert len(proxy.statements()) == 3
    assert all("categories/find_by_slug" in statement for statement in proxy.statements())
    assert proxy.round_trips == 3


async def test_a_connection_lost_during_a_statement_raises_and_the_statement_is_not_repeated(url, db, connection):
    art = await add_category(db, "art")
    update = in_background_async(lambda: db.categories.update(art.id, name="Changed"))
    async with await locked_categories(url), update as changed:
        await wait_for_lock_waiters(connection)
        await rows(connection, f"select pg_terminate_backend(pid) from pg_stat_activity where {HELD_UP}")

    assert isinstance(changed.exception(), ServerUnavailable)
    assert changed.exception().sqlstate == "57P01"
    assert await db.categories.find_by_slug("art") == art
    assert db.statistics()["retries"] == 0


async def test_a_connection_lost_in_a_unit_of_work_raises_and_nothing_is_written(db, connection):
    async with expect_refusal(connection, ServerUnavailable) as refusal, db.transaction() as unit:
        await add_category(unit, "art")
        await terminate_others(connection)
        await add_category(unit, "other")

    assert isinstance(refusal.value.__cause__, psycopg.OperationalError)
    assert await db.categories.list() == []
    assert db.statistics()["lent"] == 0


# --- servers that are not there --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"host": "/nowhere"}, "/nowhere"),
        ({"port": "1"}, "PGSQL.1"),
        ({"host": "127.0.0.1", "port": "1"}, "refused"),
        ({"dbname": "no_such_database"}, "no_such_database"),
        ({"user": "nobody_of_that_name"}, "nobody_of_that_name"),
    ],
    ids=["folder", "port", "address", "database", "user"],
)
async def test_an_unreachable_server_raises_at_once_with_the_reason(url, wrong, reason):
    db = AsyncDatabase(make_conninfo(url, **wrong), timeout=30)
    started = time.monotonic()

    with pytest.raises(ServerUnavailable, match=reason) as refusal:
        await db.open()

    assert time.monotonic() - started < 5
    assert isinstance(refusal.value.__cause__, psycopg.OperationalError)
    await db.close()


async def test_an_invalid_server_option_raises_with_the_reason(url):
    db = AsyncDatabase(make_conninfo(url, options="-c no_such_option=1"))

    with pytest.raises(ServerUnavailable, match="no_such_option"):
        await db.open()


async def test_an_invalid_url_is_refused():
    with pytest.raises((ServerUnavailable, InvalidValue), match="no"):
        await AsyncDatabase("no url at all").open()


async def test_a_server_that_stops_raises_with_the_reason(url):
    with Proxy(url) as proxy:
        db = AsyncDatabase(proxy.url, min_size=1, max_size=2, timeout=1)
        await db.open()
    try:
        with pytest.raises(ServerUnavailable, match="socket") as refusal:
            await db.categories.list()
        assert refusal.value.__cause__ is not None
    finally:
        await db.close()


async def test_a_server_that_stops_raises_before_the_pool_times_out(url):
    with Proxy(url) as proxy:
        db = AsyncDatabase(proxy.url, min_size=1, max_size=2, timeout=2)
        await db.open()
    started = time.monotonic()
    try:
        with pytest.raises(ServerUnavailable):
            await db.categories.list()
        assert time.monotonic() - started < 1
    finally:
        await db.close()


async def test_a_database_without_the_schema_raises_schema_outdated(empty_url):
    async with AsyncDatabase(empty_url) as db:
        with pytest.raises(SchemaOutdated) as refusal:
            await db.categories.list()

    assert refusal.value.sqlstate == "42P01"
    assert isinstance(refusal.value.__cause__, psycopg.errors.UndefinedTable)


async def test_a_role_without_the_privilege_raises_permission_denied(url, connection):
    db = AsyncDatabase(make_conninfo(url, options="-c role=app_user"))

    async with db, expect_refusal(connection, PermissionDenied) as refusal:
        await db.categories.create(name="Art", slug="art")

    assert refusal.value.sqlstate == "42501"


# --- the pool --------------------------------------------------------------------------------------------------------


async def test_an_exhausted_pool_raises_pool_exhausted(url, connection):
    async with AsyncDatabase(url, min_size=1, max_size=1, timeout=0.1) as db:
        async with db.transaction():
            async with expect_refusal(connection, PoolExhausted) as refusal:
                await add_category(db)
            async with expect_refusal(connection, PoolExhausted), db.transaction():
                raise AssertionError("not reached")

        assert isinstance(refusal.value.__cause__, psycopg_pool.PoolTimeout)
        assert await add_category(db)


async def test_a_database_that_is_not_open_raises(url, connection):
    never = AsyncDatabase(url)
    closed = AsyncDatabase(url)
    async with closed:
        await closed.categories.list()

    for db in (never, closed):
        async with expect_refusal(connection, PoolNotOpen) as refusal:
            await add_category(db)
        assert isinstance(refusal.value.__cause__, psycopg_pool.PoolClosed)
        async with expect_refusal(connection, PoolNotOpen), db.transaction():
            raise AssertionError("not reached")


async def test_a_closed_database_can_be_opened_again(url, connection):
    db = AsyncDatabase(url, min_size=2)
    for _ in range(3):
        async with db:
            await db.open()
            assert await db.categories.list() == []
        assert await wait_for_other_connections(connection, 0)
        async with expect_refusal(connection, PoolNotOpen):
            await add_category(db)


async def test_closing_twice_or_without_opening_does_no_harm(url):
    db = AsyncDatabase(url)

    await db.close()
    await db.close()

    async with db:
        assert await db.trees.get_many([]) == []


async def wait_for_other_connections(connection, count):
    """Wait until there are this many other connections. The server takes a moment to end one."""
    for _ in range(1000):
        if await value(connection, f"select count(*) from pg_stat_activity where {OTHERS}") == count:
            return True
        await connection.execute("select pg_sleep(0.005)")
    return False


async def test_a_closed_database_leaves_no_connection(url, connection):
    async with AsyncDatabase(url, min_size=4, max_size=4) as db:
        await db.categories.list()
        assert await wait_for_other_connections(connection, 4)

    assert await wait_for_other_connections(connection, 0)


async def test_many_callers_share_a_small_pool(url, connection):
    async with AsyncDatabase(url, min_size=1, max_size=2, timeout=20) as db:
        users = await concurrently_async(
            *[lambda number=number: add_user(db, f"learner-{number}") for number in range(8)]
        )

        assert failures(users) == []
        assert await value(connection, f"select count(*) from pg_stat_activity where {OTHERS}") <= 2
        assert db.statistics()["lent"] == 0
        assert db.statistics()["pool_max"] == 2

    assert await value(connection, "select count(*) from users") == 8


async def test_many_units_of_work_share_a_small_pool(url, connection):
    async def work(number):
        async with db.transaction() as unit:
            user = await add_user(unit, f"learner-{number}")
            await unit.users.update_profile(user.id, bio=str(number))

    async with AsyncDatabase(url, min_size=1, max_size=2, timeout=20) as db:
        results = await concurrently_async(*[lambda number=number: work(number) for number in range(8)])

        assert failures(results) == []

    assert await value(connection, "select count(distinct bio) from user_profiles") == 8


@pytest.mark.parametrize("prepare_threshold", [None, 0, 5])
async def test_statements_run_prepared_or_not(url, tree, prepare_threshold):
    async with AsyncDatabase(url, max_size=1, prepare_threshold=prepare_threshold) as db:
        html, css = await add_skills(db, tree, "html", "css")
        for _ in range(10):
            assert (await db.skills.set_dependencies(css.id, [html.id])).dependencies == (html.id,)
            assert (await db.trees.load("web")).slug == "web"


async def test_nothing_is_prepared_when_preparing_is_off(proxy, proxied):
    for _ in range(10):
        await proxied.categories.list()

    assert all(body.startswith(b"\0") for kind, body in proxy.messages if kind == b"P")


async def test_a_statement_run_often_is_prepared(proxy):
    async with AsyncDatabase(proxy.url, min_size=1, max_size=1) as db:
        for _ in range(10):
            await db.categories.list()

    assert any(not body.startswith(b"\0") for kind, body in proxy.messages if kind == b"P")
    assert proxy.statements()[-1] == ""


async def test_every_statement_names_its_query_file_in_the_servers_log(proxy, proxied, learner):
    await proxied.users.get(learner.id)
    async with proxied.transaction() as unit:
        await unit.users.get(learner.id)

    ours = [statement for statement in proxy.statements() if not statement.startswith(("BEGIN", "COMMIT"))]
    assert len(ours) == 2
    assert all(statement.startswith("/* users/get */") for statement in ours)


# --- time limits -----------------------------------------------------------------------------------------------------


async def test_a_statement_that_takes_too_long_raises_statement_timeout(url, connection, db):
    art = await add_category(db, "art")
    async with AsyncDatabase(url, statement_timeout=0.1) as hasty, await locked_categories(url):
        async with expect_refusal(connection, StatementTimeout) as refusal:
            await hasty.categories.update(art.id, name="Changed")
        async with expect_refusal(connection, StatementTimeout), hasty.transaction() as unit:
            await unit.categories.update(art.id, name="Changed")

    assert refusal.value.sqlstate == "57014"
    assert isinstance(refusal.value.__cause__, psycopg.errors.QueryCanceled)


async def test_a_wait_for_a_lock_that_takes_too_long_raises_lock_timeout(url, connection, db):
    art = await add_category(db, "art")
    hasty_url = make_conninfo(url, options="-c lock_timeout=50")
    async with (
        AsyncDatabase(hasty_url) as hasty,
        await locked_categories(url),
        expect_refusal(connection, LockTimeout) as refusal,
    ):
        await hasty.categories.update(art.id, name="Changed")

    assert refusal.value.sqlstate == "55P03"


async def test_the_options_of_a_url_are_kept_beside_a_statement_timeout(url, connection, db):
    art = await add_category(db, "art")
    hasty_url = make_conninfo(url, options="-c lock_timeout=50")
    async with (
        AsyncDatabase(hasty_url, statement_timeout=1) as hasty,
        await locked_categories(url),
        expect_refusal(connection, LockTimeout),
    ):
        await hasty.categories.update(art.id, name="Changed")


# --- conflicts -------------------------------------------------------------------------------------------------------


async def test_a_statement_is_retried_after_a_deadlock_and_counted(url, connection, db, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])
    # The session that waits first also checks for a deadlock first, and is cancelled.
    ours = make_conninfo(url, options="-c deadlock_timeout=500ms")
    theirs = make_conninfo(url, options="-c deadlock_timeout=60s")
    async with (
        AsyncDatabase(ours, max_size=1) as patient,
        await psycopg.AsyncConnection.connect(theirs) as other,
    ):
        await other.execute("select from skills where id = %s for update", [css.id])
        async with in_background_async(lambda: patient.skills.remove_dependency(css.id, html.id)) as changed:
            await wait_for_lock_waiters(connection)
            await other.execute("select from skills where id = %s for update", [html.id])
            await other.commit()

        assert changed.result().dependencies == ()
        # It may meet a second deadlock.
        assert 1 <= patient.statistics()["retries"] <= 2


async def test_a_deadlock_in_a_unit_of_work_raises(url, connection, db, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])
    ours = make_conninfo(url, options="-c deadlock_timeout=500ms")
    theirs = make_conninfo(url, options="-c deadlock_timeout=60s")

    async def work():
        async with patient.transaction() as unit:
            await unit.skills.remove_dependency(css.id, html.id)

    async with (
        AsyncDatabase(ours, max_size=1) as patient,
        await psycopg.AsyncConnection.connect(theirs) as other,
    ):
        await other.execute("select from skills where id = %s for update", [css.id])
        async with in_background_async(work) as changed:
            await wait_for_lock_waiters(connection)
            await other.execute("select from skills where id = %s for update", [html.id])
            await other.commit()

    assert isinstance(changed.exception(), ConcurrentUpdate)
    assert isinstance(changed.exception().__cause__, psycopg.errors.DeadlockDetected)
    assert (await db.skills.get(css.id)).dependencies == (html.id,)


REPEATABLE = r"-c default_transaction_isolation=repeatable\ read"


@pytest.mark.parametrize(("attempts", "retries"), [(1, 0), (2, 1), (3, 1)])
async def test_a_serialization_failure_is_retried_as_often_as_allowed(url, db, connection, attempts, retries):
    art = await add_category(db, "art")
    strict = AsyncDatabase(make_conninfo(url, options=REPEATABLE), max_size=1, attempts=attempts)

    async with strict:
        async with await psycopg.AsyncConnection.connect(url) as other:
            await other.execute("update skill_categories set sort_order = 7")
            async with in_background_async(lambda: strict.categories.update(art.id, name="Changed")) as changed:
                await wait_for_lock_waiters(connection)
                await other.commit()
        assert strict.statistics()["retries"] == retries

    if retries:
        assert (changed.result().name, changed.result().sort_order) == ("Changed", 7)
    else:
        assert isinstance(changed.exception(), ConcurrentUpdate)
        assert (await db.categories.find_by_slug("art")).name == "Art"


async def test_the_graph_can_be_edited_at_read_committed_only(url, db, connection, tree):
    html, css = await add_skills(db, tree, "html", "css")

    async with AsyncDatabase(make_conninfo(url, options=REPEATABLE)) as strict:
        async with expect_refusal(connection, UnsupportedIsolation):
            await strict.skills.add_dependency(css.id, html.id)
        async with expect_refusal(connection, UnsupportedIsolation):
            await strict.trees.set_prerequisites(tree.id, [tree.id])


async def test_an_error_does_not_show_a_password_hash(db, connection):
    async with expect_refusal(connection, InvalidValue) as refusal:
        await add_user(db, email="no address")

    assert "$2b$" not in str(refusal.value)


async def test_a_refused_statement_is_not_retried(db, learner, proxy, proxied):
    with pytest.raises(Exception, match="e-mail"):
        await add_user(proxied, "grace", email=learner.email)

    assert len(proxy.statements()) == 1
    assert proxied.statistics()["retries"] == 0


async def test_an_error_keeps_its_cause(db, learner, subtests):
    for case_name, call in {
        "taken": lambda db, learner: add_user(db, "grace", email=learner.email),
        "id": lambda db, learner: add_user(db, "grace", id=learner.id),
        "time zone": lambda db, learner: add_user(db, "grace", timezone="FOO3"),
        "field": lambda db, learner: db.users.update_profile(learner.id, no_such_field=1),
        "document": lambda db, learner: db.users.update_profile(learner.id, preferences={"theme": "pink"}),
        "address": lambda db, learner: db.sessions.start(learner.id, address="nowhere"),
        "check": lambda db, learner: db.categories.create(name="", slug="art"),
        "reference": lambda db, learner: db.trees.create(learner.id, name="Web", slug="web"),
        "cursor": lambda db, learner: db.trees.list(after="nonsense"),
    }.items():
        async with case(subtests, case_name):
            with pytest.raises(Exception, match=r".+") as refusal:
                await call(db, learner)

            assert refusal.value.__cause__ is not None
            assert type(refusal.value).__module__ == "skilltree.errors"
