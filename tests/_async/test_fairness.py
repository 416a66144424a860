"""Callers that wait for a connection are served in turn. They get an error at once when there will be none."""

import time
from statistics import median

import pytest
from psycopg import OperationalError

from _async.factories import add_category
from concurrency import concurrently_async, failures, in_background_async
from proxy import Proxy
from skilltree import AsyncDatabase
from skilltree._async.connection import AsyncPinnedConnection
from skilltree._core.queries import made
from skilltree.errors import DatabaseFailure, PoolExhausted, ServerUnavailable

SLOW = made("tests/slow", b"select pg_sleep(0.02)", "")


async def test_waiting_callers_are_served_in_turn_and_none_is_refused(url):
    async with AsyncDatabase(url, min_size=2, max_size=2, timeout=6) as db:
        waited = []

        # Each caller comes back twice: only a queue that others join shows who has lost a place in it.
        async def work():
            for _ in range(3):
                started = time.monotonic()
                await db.run([db.categories.step("categories/list", {"include_inactive": True})._replace(query=SLOW)])
                waited.append(time.monotonic() - started)

        results = await concurrently_async(*[work] * 150)

    assert failures(results) == []
    # Every caller waits for the others' 149 statements of 20 ms on two connections: 1.5 s.
    assert max(waited) < 4 * median(waited)


async def test_a_busy_pool_raises_at_its_timeout_and_not_before(url):
    async with AsyncDatabase(url, min_size=1, max_size=1, timeout=0.8) as db, db.transaction():
        started = time.monotonic()
        with pytest.raises(PoolExhausted):
            await db.categories.list()
        assert 0.7 < time.monotonic() - started < 2


async def test_all_waiting_callers_get_an_error_at_once_when_the_server_stops(url):
    with Proxy(url) as proxy:
        db = AsyncDatabase(proxy.url, min_size=1, max_size=2, timeout=20)
        await db.open()
    started = time.monotonic()
    try:
        for _ in range(3):
            results = await concurrently_async(*[db.categories.list] * 20)
            assert [type(failure) for failure in failures(results)] == [ServerUnavailable] * 20
            assert "socket" in str(results[0])
        assert time.monotonic() - started < 5
    finally:
        await db.close()


async def test_a_restarted_server_is_used_without_delay(url):
    with Proxy(url) as proxy:
        db = AsyncDatabase(proxy.url, min_size=1, max_size=1, timeout=5)
        await db.open()
        try:
            for _ in range(4):
                stopped = proxy.stop()
                with pytest.raises(ServerUnavailable):
                    await db.categories.list()
                stopped()
                started = time.monotonic()
                assert await db.categories.list() == []
                assert time.monotonic() - started < 1
        finally:
            await db.close()


async def test_a_call_outlives_an_attempt_to_connect_that_began_before_it(url, connection, monkeypatch):
    connect, attempts = AsyncPinnedConnection.connect, []

    async def first_fails(*given, **options):
        attempts.append(given)
        if len(attempts) > 1:
            return await connect(*given, **options)
        while db.statistics()["requests_waiting"] < 2:
            await connection.execute("select pg_sleep(0.005)")
        raise OperationalError("the server is gone")

    async with AsyncDatabase(url, min_size=1, max_size=2, timeout=5) as db:
        monkeypatch.setattr(AsyncPinnedConnection, "connect", first_fails)
        async with db.transaction(), in_background_async(db.categories.list) as first:
            while not attempts:
                await connection.execute("select pg_sleep(0.005)")
            assert await db.categories.list() == []

    assert isinstance(first.exception(), ServerUnavailable)


async def test_what_prevents_connecting_is_raised_at_once_whatever_it_is(url, monkeypatch):
    attempts = []

    async def pin(connection, kept):
        attempts.append(connection)
        raise UnicodeError("no such letter")

    async with AsyncDatabase(url, min_size=1, max_size=2, timeout=20) as db, db.transaction():
        monkeypatch.setattr(AsyncPinnedConnection, "pin", pin)
        started = time.monotonic()
        with pytest.raises(DatabaseFailure, match="no such letter") as raised:
            await db.categories.list()
        assert time.monotonic() - started < 5

    # psycopg tries twice.
    assert len(attempts) <= 2
    assert isinstance(raised.value.__cause__.__cause__, UnicodeError)


async def test_callers_of_a_pool_that_opens_again_in_vain_get_the_reason(url, connection, monkeypatch):
    attempts = []

    async def fail(*given, **_):
        attempts.append(given)
        for _ in range(10):
            await connection.execute("select pg_sleep(0.005)")
        raise OperationalError("the server is gone")

    async with AsyncDatabase(url, min_size=1, max_size=2, timeout=5) as db:
        monkeypatch.setattr(AsyncPinnedConnection, "connect", fail)
        # As in a process that was forked.
        db._pool.forget()
        async with in_background_async(db.categories.list) as first:
            while not attempts:
                await connection.execute("select pg_sleep(0.005)")
            results = await concurrently_async(*[db.categories.list] * 5)

    assert [type(failure) for failure in (first.exception(), *failures(results))] == [ServerUnavailable] * 6


async def test_waiting_callers_keep_waiting_while_the_server_has_too_many_clients(app_url, connection):
    limit = f"alter database {connection.info.dbname} connection limit"
    # The superuser's connection counts as well.
    await connection.execute(f"{limit} 2")
    try:
        async with AsyncDatabase(app_url, min_size=1, max_size=4, timeout=10) as db:
            results = await concurrently_async(
                *[lambda n=n: add_category(db.as_service(), f"art-{n}") for n in range(20)]
            )
    finally:
        await connection.execute(f"{limit} -1")

    assert failures(results) == []
