"""Reading several rows by their ids in one statement."""

from uuid import uuid4

import pytest

from _async.factories import add_achievement, add_skills, add_tree, add_user
from skilltree.errors import (
    AchievementNotFound,
    InvalidValue,
    PermissionDenied,
    SkillNotFound,
    TreeNotFound,
    UserNotFound,
)


@pytest.fixture
async def lookups(db):
    """For each kind of row: its get_many, its get, its not-found error, and ids."""
    users = [(await add_user(db, name)).id for name in ("ada", "grace", "joan")]
    trees = [(await add_tree(db, slug)).id for slug in ("c", "a", "b")]
    skills = [skill.id for skill in await add_skills(db, await db.trees.get(trees[0]), "x", "z", "y")]
    achievements = [(await add_achievement(db, name)).id for name in ("two", "one", "three")]
    return {
        "users": (db.users.get_many, db.users.get, UserNotFound, users),
        "profiles": (db.users.get_profiles, db.users.get_profile, UserNotFound, users),
        "trees": (db.trees.get_many, db.trees.get, TreeNotFound, trees),
        "skills": (db.skills.get_many, db.skills.get, SkillNotFound, skills),
        "achievements": (db.achievements.get_many, db.achievements.get, AchievementNotFound, achievements),
    }


async def test_rows_come_in_the_requested_order_and_as_get_returns_them(lookups, subtests):
    for kind, (get_many, get, _, ids) in lookups.items():
        with subtests.test(kind):
            wanted = [ids[2], ids[0], ids[2], ids[1]]
            assert await get_many(wanted) == [await get(each) for each in wanted]


async def test_an_empty_list_of_ids_returns_no_rows(lookups, subtests):
    for kind, (get_many, *_) in lookups.items():
        with subtests.test(kind):
            assert await get_many([]) == []


async def test_a_missing_id_is_named(lookups, subtests):
    for kind, (get_many, _, error, ids) in lookups.items():
        absent = uuid4()
        with subtests.test(kind), pytest.raises(error, match=str(absent)) as refusal:
            await get_many([ids[0], absent, ids[1]])
        assert str(ids[0]) not in str(refusal.value)


async def test_more_than_a_thousand_ids_are_refused(lookups, subtests):
    for kind, (get_many, _, _, ids) in lookups.items():
        with subtests.test(kind), pytest.raises(InvalidValue, match="at most 1000 ids, not 1001"):
            await get_many(ids[:1] * 1001)


async def test_all_rows_are_read_by_one_statement(proxied, proxy, lookups):
    _, _, _, ids = lookups["skills"]

    await proxied.skills.get_many(ids)

    assert proxy.round_trips == 1


async def test_a_learner_cannot_read_accounts(app, lookups):
    _, _, _, ids = lookups["users"]

    for ask in (app.as_user(ids[0]).users.get_many, app.as_user(ids[0]).users.get_profiles):
        with pytest.raises(PermissionDenied):
            await ask(ids)
