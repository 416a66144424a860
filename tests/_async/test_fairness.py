"""Who waits for a connection is served in turn, and told at once when there will be none."""

import time
from statistics import median

import pytest

from _async.factories import add_category
from proxy import Proxy
from skilltree import AsyncDatabase
from skilltree._async.repository import step
from skilltree._core.queries import made
from skilltree.errors import PoolExhausted, ServerUnavailable
from together import failures, together_async

SLOW = made("tests/slow", b"select pg_sleep(0.02)", "")


async def test_a_backlog_is_served_in_turn_and_nobody_is_refused(url):
    async with AsyncDatabase(url, min_size=2, max_size=2, timeout=6) as db:
        waited = []

        # Who was served asks again: only a queue that others join shows who has lost a place in it.
        async def work():
            for _ in range(3):
                started = time.monotonic()
                await db.run([step("categories/list", {"include_inactive": True})._replace(query=SLOW)])
                waited.append(time.monotonic() - started)

        results = await together_async(*[work] * 150)

    assert failures(results) == []
    # The others' 149 statements of 20 ms on two connections are 1.5 s, for everybody.
    assert max(waited) < 4 * median(waited)


async def test_a_pool_in_use_is_told_at_its_time_out_and_not_before(url):
    async with AsyncDatabase(url, min_size=1, max_size=1, timeout=0.8) as db, db.transaction():
        started = time.monotonic()
        with pytest.raises(PoolExhausted):
            await db.categories.list()
        assert 0.7 < time.monotonic() - started < 2


async def test_all_who_wait_are_told_at_once_when_the_server_is_gone(url):
    with Proxy(url) as proxy:
        db = AsyncDatabase(proxy.url, min_size=1, max_size=2, timeout=20)
        await db.open()
    started = time.monotonic()
    try:
        for _ in range(3):
            results = await together_async(*[db.categories.list] * 20)
            assert [type(failure) for failure in failures(results)] == [ServerUnavailable] * 20
            assert "socket" in str(results[0])
        assert time.monotonic() - started < 5
    finally:
        await db.close()


async def test_a_server_that_comes_back_is_found_without_delay(url):
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


async def test_who_waits_goes_on_waiting_when_the_server_only_takes_no_more(app_url, connection):
    limit = f"alter database {connection.info.dbname} connection limit"
    # The superuser's connection counts, too.
    await connection.execute(f"{limit} 2")
    try:
        async with AsyncDatabase(app_url, min_size=1, max_size=4, timeout=10) as db:
            results = await together_async(*[lambda n=n: add_category(db.as_service(), f"art-{n}") for n in range(20)])
    finally:
        await connection.execute(f"{limit} -1")

    assert failures(results) == []
