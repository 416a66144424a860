"""Several tasks or threads share one unit of work: they take turns, or get an error where they cannot."""

import pytest

from _async.factories import add_category, add_user, expect_refusal
from concurrency import concurrently_async, failures, in_background_async
from skilltree._async.unit import _INSIDE
from skilltree.errors import EmailTaken, UnitOfWorkBroken, UnitOfWorkBusy, UnitOfWorkEnded, UnitOfWorkOpen


async def test_concurrent_calls_in_a_unit_of_work_take_turns(db, learner):
    async with db.transaction() as unit:
        work = [lambda: unit.users.get(learner.id) for _ in range(8)]
        work += [lambda number=number: add_category(unit, f"art-{number}") for number in range(8)]
        results = await concurrently_async(*work)
        assert failures(results) == []

    assert len(await db.categories.list()) == 8


async def test_concurrent_calls_as_a_learner_take_turns(app, db, learner):
    for _ in range(4):  # often enough for statements to be prepared
        async with app.as_user(learner.id) as unit:
            results = await concurrently_async(
                *[lambda: unit.users.get(learner.id) for _ in range(5)],
                *[lambda n=n: unit.users.update_profile(learner.id, bio=str(n)) for n in range(5)],
                *[lambda: unit.categories.list() for _ in range(5)],
            )
            assert failures(results) == []

    assert (await db.users.get_profile(learner.id)).bio in set("01234")


async def test_streams_and_calls_take_turns(app, learner):
    async with app.as_user(learner.id) as unit:

        async def read():
            async for chunk in unit.users.export(learner.id):
                assert chunk

        results = await concurrently_async(read, read, *[lambda: unit.users.get(learner.id) for _ in range(5)])

    assert failures(results) == []


async def test_calls_by_other_tasks_in_an_open_savepoint_are_refused(db, connection):
    async with db.transaction() as unit:
        async with unit.transaction() as inner:
            await add_category(inner, "art")
            async with in_background_async(lambda: outside(unit)) as others:
                pass
        await add_category(unit, "other")

    assert others.exception() is None
    assert [category.slug for category in await db.categories.list()] == ["art", "other"]


async def outside(unit):
    """Use a unit of work from a task that was started before the savepoint."""
    inside = _INSIDE.get()
    _INSIDE.set(frozenset())
    with pytest.raises(UnitOfWorkBusy):
        await unit.categories.list()
    with pytest.raises(UnitOfWorkBusy):
        async with unit.transaction():
            raise AssertionError("not reached")
    _INSIDE.set(inside)


async def test_two_concurrent_savepoints_do_not_break_the_unit_of_work(db, connection):
    async def work(unit, name):
        async with unit.transaction() as inner:
            await add_category(inner, name)

    async with db.transaction() as unit:
        results = await concurrently_async(lambda: work(unit, "art"), lambda: work(unit, "other"))
        assert all(isinstance(failure, UnitOfWorkBusy) for failure in failures(results))
        done = 2 - len(failures(results))
        await add_category(unit, "last")

    assert len(await db.categories.list()) == done + 1


async def test_after_a_failed_statement_other_calls_and_the_end_of_the_unit_raise(db, connection, learner):
    async with expect_refusal(connection, UnitOfWorkBroken), db.transaction() as unit:
        with pytest.raises(EmailTaken):
            await add_user(unit, "grace", email=learner.email)
        with pytest.raises(UnitOfWorkBroken) as refusal:
            await unit.users.get(learner.id)

    assert refusal.value.sqlstate == "25P02"
    assert db.statistics()["lent"] == 0


async def test_a_call_after_the_end_of_the_unit_raises(db, learner):
    async with db.transaction() as unit:
        pass

    results = await concurrently_async(lambda: unit.users.get(learner.id), lambda: unit.categories.list())

    assert [type(failure) for failure in failures(results)] == [UnitOfWorkEnded] * 2


async def test_a_shared_scope_opens_for_one_task_at_a_time(app, learner):
    scope = app.as_user(learner.id)
    opened = []

    async def work():
        async with scope as unit:
            opened.append(await unit.users.get(learner.id))
            await unit.categories.list()

    results = await concurrently_async(work, work, work)

    assert len(opened) == 3 - len(failures(results))
    assert opened
    assert {type(failure) for failure in failures(results)} <= {UnitOfWorkOpen}
    await work()
    assert app.statistics()["lent"] == 0
