"""A forked child never uses a socket of its parent. Tested with real processes, sync and async."""

import asyncio
import gc
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from skilltree import AsyncDatabase, Database
from skilltree._core import forks
from skilltree.errors import ForkedProcess, PoolNotOpen
from skilltree.models.categories import Category
from skilltree.models.ids import UserId

ALIVE = "select pid from pg_stat_activity where datname = current_database() and application_name = 'parent'"


def start_child(work: Callable[[], object]) -> int:
    """Fork a child that only runs this function. It exits with 0, or prints its error to standard error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of a fork while threads run
        pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        try:
            work()
        except BaseException as error:
            os.write(2, f"in the child: {error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    return pid


def exited_cleanly(pid: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def registered(db: Database, name: str) -> UserId:
    return db.users.register(email=f"{name}@example.org", username=name, password="a long password", bcrypt_cost=4).id


@pytest.fixture
def url(migrated_url: str) -> str:
    return f"{migrated_url} application_name=parent"


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    with Database(url, min_size=1, max_size=1, timeout=5) as db:
        yield db


@pytest.fixture
def connection(migrated_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        yield connection


def backends(connection: psycopg.Connection[Any]) -> set[int]:
    return {pid for (pid,) in connection.execute(ALIVE)}


def test_children_and_parent_each_get_their_own_rows(db: Database) -> None:
    learners = [registered(db, f"learner-{number}") for number in range(4)]

    def work(me: UserId) -> None:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert db.users.get(me).id == me

    children = [start_child(lambda me=me: work(me)) for me in learners[1:]]
    work(learners[0])

    assert all(exited_cleanly(child) for child in children)
    assert db.users.get(learners[0]).id == learners[0]


def test_a_child_does_not_change_the_parents_connections(db: Database, connection: psycopg.Connection[Any]) -> None:
    before = backends(connection)

    def work() -> None:
        db.categories.list()
        db.close()

    assert exited_cleanly(start_child(work))
    assert exited_cleanly(start_child(lambda: None))
    db.categories.list()
    assert before <= backends(connection)


def test_a_normal_exit_of_the_child_sends_nothing_on_the_parents_connections(
    db: Database, connection: psycopg.Connection[Any], url: str
) -> None:
    before = backends(connection)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pid = os.fork()
    if pid == 0:
        # At exit the interpreter collects all objects, even those that still have references.
        signal.alarm(30)
        db.__dict__.clear()
        gc.collect()
        os._exit(0)

    assert exited_cleanly(pid)
    db.categories.list()
    assert backends(connection) == before


def test_a_unit_of_work_is_refused_in_the_child_and_goes_on_in_the_parent(db: Database) -> None:
    def work() -> None:
        with pytest.raises(ForkedProcess):
            unit.categories.list()
        with pytest.raises(ForkedProcess), unit.transaction():
            raise AssertionError("not reached")
        # Outside the unit of work, the child can use the database.
        assert db.categories.list() == []

    with db.transaction() as unit:
        unit.categories.create(name="Art", slug="art")
        assert exited_cleanly(start_child(work))
        unit.categories.create(name="Other", slug="other")

    assert [category.slug for category in db.categories.list()] == ["art", "other"]


@pytest.mark.parametrize("ending", ["well", "badly"])
def test_leaving_a_block_in_the_child_does_not_end_the_parents(db: Database, ending: str) -> None:
    child = 0
    try:
        with db.transaction() as unit:
            unit.categories.create(name="Art", slug="art")
            with unit.transaction():
                unit.categories.create(name="Other", slug="other")
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    child = os.fork()
                if child == 0 and ending == "badly":
                    raise KeyError
                if child:
                    assert exited_cleanly(child)
    except ForkedProcess:
        assert child == 0
        os._exit(0 if ending == "well" else 1)
    except KeyError:
        os._exit(0 if ending == "badly" else 1)
    finally:
        if child == 0:
            os._exit(2)

    assert [category.slug for category in db.categories.list()] == ["art", "other"]


def test_a_stream_is_refused_in_the_child_and_goes_on_in_the_parent(db: Database) -> None:
    for slug in ("art", "other"):
        db.categories.create(name=slug, slug=slug)
    categories = db.categories.stream(Category, "categories/list", include_inactive=True)
    first = next(categories)

    def work() -> None:
        with pytest.raises(ForkedProcess):
            list(categories)

    assert exited_cleanly(start_child(work))
    assert [category.slug for category in (first, *categories)] == ["art", "other"]


def test_a_fork_during_work_of_another_thread_leaves_no_held_lock_in_the_child(url: str) -> None:
    with Database(url, min_size=1, max_size=2, timeout=5) as db:
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                db.categories.list()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            assert all(exited_cleanly(start_child(db.categories.list)) for _ in range(15))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert db.categories.list() == []


def test_a_fork_of_a_fork_and_a_fork_in_a_thread_work(db: Database) -> None:
    def work() -> None:
        db.categories.list()
        assert exited_cleanly(start_child(db.categories.list))
        db.categories.list()

    assert exited_cleanly(start_child(work))
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(exited_cleanly(start_child(work))))
    thread.start()
    thread.join()

    assert results == [True]
    assert db.categories.list() == []


def test_many_threads_of_a_child_open_one_pool(db: Database) -> None:
    def work() -> None:
        failures: list[BaseException] = []

        def one() -> None:
            try:
                db.categories.list()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=one) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert db.statistics()["pool_size"] == 1

    assert exited_cleanly(start_child(work))


def test_a_database_closed_in_the_parent_is_closed_in_the_child(url: str) -> None:
    db = Database(url)

    def work() -> None:
        with pytest.raises(PoolNotOpen):
            db.categories.list()
        with db:
            assert db.categories.list() == []

    assert exited_cleanly(start_child(work))
    with db:
        pass
    assert exited_cleanly(start_child(work))


def test_a_fork_unknown_to_python_is_noticed(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_after_fork", lambda: None)
    holders = list(forks.HOLDERS)
    forks.HOLDERS.clear()
    learners = [registered(db, f"learner-{number}") for number in range(2)]
    try:
        child = start_child(lambda: [db.users.get(learners[0]) for _ in range(50)])
        assert [db.users.get(learners[1]).id for _ in range(50)] == [learners[1]] * 50
        assert exited_cleanly(child)
    finally:
        for holder in holders:
            forks.HOLDERS.add(holder)


async def test_children_of_an_async_program_work_in_their_own_event_loop(url: str) -> None:
    async with AsyncDatabase(url, min_size=1, max_size=1, timeout=5) as db:

        def work() -> None:
            async def some() -> None:
                await asyncio.gather(*(db.categories.list() for _ in range(5)))

            asyncio.run(some())
            asyncio.run(some())

        child = start_child(lambda: run_in_thread(work))
        assert await db.categories.list() == []
        assert exited_cleanly(child)
        async with db.transaction() as unit:
            await unit.categories.create(name="Art", slug="art")

            def refused() -> None:
                async def use() -> None:
                    with pytest.raises(ForkedProcess):
                        await unit.categories.list()
                    assert await db.categories.list() == []

                asyncio.run(use())

            child = start_child(lambda: run_in_thread(refused))
            assert exited_cleanly(child)
        assert [category.slug for category in await db.categories.list()] == ["art"]


def run_in_thread(work: Callable[[], object]) -> None:
    """Run a function in a thread, which has no event loop from the parent."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def test_an_async_database_works_in_several_event_loops_in_turn(url: str) -> None:
    db = AsyncDatabase(url, timeout=5)

    async def start() -> None:
        async with db:
            await db.categories.list()

    async def open_only() -> None:
        await db.open()
        await db.categories.list()

    async def close_only() -> None:
        await db.close()

    for _ in range(2):
        asyncio.run(start())
    for _ in range(2):
        asyncio.run(open_only())
    asyncio.run(close_only())
    with pytest.raises(PoolNotOpen):
        asyncio.run(_listed(db))


async def _listed(db: AsyncDatabase) -> object:
    return await db.categories.list()
