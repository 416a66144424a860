"""An author waits briefly for learners and then gets an error. Learners can work meanwhile."""

from contextlib import asynccontextmanager
from time import monotonic

import pytest

from _async.factories import add_skills, add_tree, add_user, all_rows_fingerprint, rows, value, wait_for_lock_waiters
from concurrency import concurrently_async, failures, in_background_async
from skilltree.errors import LockTimeout, TreeBusy

# The author's two seconds, and some more for a busy machine.
PATIENCE = 3.5
PROMPT = 1


@pytest.fixture
async def skills(db, tree):
    """Skills worth 0 XP. With XP, a learner would wait for others who share the counts of a leaderboard."""
    skills = await add_skills(db, tree, "a", "b", "c", "d")
    for skill in skills:
        await db.skills.update(skill.id, xp_value=0)
    return skills


@pytest.fixture
async def learners(db, skills):
    learners = [await add_user(db, f"learner{number}") for number in range(4)]
    for learner in learners:
        await db.progress.start_skill(learner.id, skills[0].id)
    return learners


async def timed(work):
    """Do the work. Return the error, if any, and the seconds that it took."""
    began = monotonic()
    try:
        await work()
    except LockTimeout as error:
        return error, monotonic() - began
    return None, monotonic() - began


@asynccontextmanager
async def at_work(db, learner, skill):
    """Keep a unit of work of a learner open."""
    async with db.as_user(learner.id) as unit:
        await unit.progress.complete_skill(learner.id, skill.id)
        yield unit


EDITS = {
    "update": lambda db, tree, skills: db.skills.update(skills[3].id, is_optional=True),
    "create": lambda db, tree, skills: db.skills.create(tree.id, name="e"),
    "deactivate": lambda db, tree, skills: db.skills.deactivate(skills[3].id),
    "delete": lambda db, tree, skills: db.skills.delete(skills[3].id),
    "add_dependency": lambda db, tree, skills: db.skills.add_dependency(skills[3].id, skills[2].id),
    "set_dependencies": lambda db, tree, skills: db.skills.set_dependencies(skills[3].id, [skills[2].id]),
    "delete tree": lambda db, tree, skills: db.trees.delete(tree.id),
    "import": lambda db, tree, skills: db.trees.import_tree(
        {"slug": tree.slug, "name": "Other", "category": "Programming", "skills": [{"key": "a", "name": "a"}]}
    ),
}


@pytest.mark.parametrize("edit", EDITS)
async def test_learners_can_work_while_an_author_waits_for_a_slow_learner(db, connection, tree, skills, learners, edit):
    slow, *others = learners
    graph = "select id, is_active, is_optional, name, dependencies from skills order by id"
    before = await rows(connection, graph)

    async with (
        at_work(db, slow, skills[1]),
        in_background_async(lambda: timed(lambda: EDITS[edit](db, tree, skills))) as author,
    ):
        await wait_for_lock_waiters(connection)
        took = [await timed(lambda other=other: db.progress.complete_skill(other.id, skills[1].id)) for other in others]
    error, waited = author.result()

    assert [failure for failure, _ in took] == [None] * 3
    assert max(seconds for _, seconds in took) < PROMPT
    assert isinstance(error, TreeBusy)
    assert str(tree.id) in str(error)
    assert "Try again" in str(error)
    assert waited < PATIENCE
    assert await rows(connection, graph) == before
    assert await db.doctor.examine() == []
    # The slow learner has finished.
    await EDITS[edit](db, tree, skills)


async def test_an_author_who_waits_briefly_succeeds(db, connection, skills, learners):
    async def slow():
        async with at_work(db, learners[0], skills[1]) as unit:
            await rows(unit._connection, "select pg_sleep(0.6)")

    async with in_background_async(slow) as learner:
        await rows(connection, "select pg_sleep(0.2)")
        await db.skills.update(skills[3].id, is_optional=True)

    assert learner.exception() is None
    assert (await db.skills.get(skills[3].id)).is_optional


async def test_a_unit_of_work_is_usable_after_its_author_gave_up(db, tree, skills, learners):
    async with at_work(db, learners[0], skills[1]), db.transaction() as unit:
        await unit.trees.update(tree.id, name="Renamed")
        with pytest.raises(TreeBusy):
            async with unit.transaction():
                await unit.skills.update(skills[3].id, is_optional=True)
        await unit.trees.update(tree.id, short_description="All the same")

    changed = await db.trees.get(tree.id)
    assert (changed.name, changed.short_description) == ("Renamed", "All the same")
    assert not (await db.skills.get(skills[3].id)).is_optional


async def test_an_author_succeeds_among_learners_who_hardly_pause(db, skills, learners):
    async def learn(learner):
        for _ in range(60):
            await db.progress.record_activity(learner.id, skills[0].id, minutes=1)

    async def edit():
        for number in range(6):
            await db.skills.update(skills[3].id, is_optional=number % 2 == 0)

    results = await concurrently_async(edit, *(lambda learner=learner: learn(learner) for learner in learners))

    assert failures(results) == []
    assert await db.doctor.examine() == []


async def test_an_author_who_blocks_learners_waits_only_briefly_for_other_locks(db, connection, skills, learners):
    """The learner works in another tree, and the edit would complete this tree for that learner."""
    slow, other, *_ = learners
    [elsewhere] = await add_skills(db, await add_tree(db, "other"), "elsewhere")
    for skill in skills[:3]:
        await db.progress.complete_skill(slow.id, skill.id)

    async with at_work(db, slow, elsewhere):
        before = await all_rows_fingerprint(connection)
        error, waited = await timed(lambda: db.skills.deactivate(skills[3].id))
        after = await all_rows_fingerprint(connection)
        failure, took = await timed(lambda: db.progress.complete_skill(other.id, skills[1].id))

    assert isinstance(error, LockTimeout)
    assert waited < PROMPT + 0.5
    assert after == before
    assert (failure, took < PROMPT) == (None, True)


async def test_a_shorter_lock_timeout_is_kept(db, skills, learners):
    async with db.as_service() as unit:
        await unit._connection.execute("set local lock_timeout = '20ms'")
        await unit.skills.update(skills[3].id, is_optional=True)
        shown = await rows(unit._connection, "show lock_timeout")

    assert shown == [("20ms",)]


async def test_the_short_lock_timeout_ends_with_the_transaction(db, skills, learners):
    async with db.transaction() as unit:
        await unit.skills.update(skills[3].id, is_optional=True)
        connection = unit._connection
        inside = await rows(connection, "show lock_timeout")

    assert inside == [("500ms",)]
    assert await rows(connection, "show lock_timeout") == [("0",)]


async def test_authors_of_a_tree_without_learners_wait_for_each_other(db, connection, skills, learners):
    await connection.execute("delete from begun_trees")

    async def edit(skill):
        async with db.transaction() as unit:
            await unit.skills.update(skill.id, is_active=False)
            await rows(unit._connection, "select pg_sleep(0.2)")

    results = await concurrently_async(*(lambda skill=skill: edit(skill) for skill in skills[1:3]))

    assert failures(results) == []
    assert {finding.invariant for finding in await db.doctor.examine()} == {"begun_tree_is_noted"}


async def test_the_doctor_reports_a_busy_tree_and_repairs_the_others(db, connection, tree, skills, learners):
    await add_skills(db, await add_tree(db, "other"), "one", two=["one"])
    async with connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        await connection.execute("update skills set dependents = array[uuidv7()]")

    async with at_work(db, learners[0], skills[1]):
        repair = await db.doctor.repair()
    again = await db.doctor.repair()

    [failure] = repair.failures
    assert failure.subject == f"tree {tree.id}"
    assert failure.error.startswith("TreeBusy: ")
    assert {finding.subject_id for finding in repair.remaining} == {skill.id for skill in skills}
    assert (again.failures, again.remaining) == ((), ())
    assert await value(connection, "select count(*) from skills where dependents <> '{}'") == 1
