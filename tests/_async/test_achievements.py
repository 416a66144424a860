from uuid import uuid4

import pytest

from _async.factories import add_achievement, add_user, case, expect_refusal
from skilltree.errors import IdTaken, InvalidDocument, InvalidValue
from skilltree.models.content import SkillCompletionCount
from skilltree.models.enums import AchievementCategory, AchievementRarity

ANY = {"type": "xp_threshold", "threshold": 10}


async def test_an_achievement_is_created_with_defaults(db):
    achievement = await db.achievements.create(name="Ten", description="Ten XP", criteria=ANY)

    assert (achievement.category, achievement.rarity, achievement.xp_reward) == ("PROGRESS", "COMMON", 0)
    assert (achievement.is_visible, achievement.is_active) == (True, True)
    assert (achievement.criteria.type, achievement.criteria.threshold) == ("xp_threshold", 10)
    assert (await db.achievements.list()) == [achievement]


async def test_an_achievement_is_created_with_all_given_values(db):
    own = uuid4()

    achievement = await db.achievements.create(
        id=own,
        name="Week",
        description="Seven days",
        criteria={"type": "streak_days", "threshold": 7},
        category=AchievementCategory.STREAK,
        xp_reward=50,
        badge_icon="flame",
        badge_color="#ff8800",
        rarity=AchievementRarity.RARE,
        is_visible=False,
    )

    assert achievement.model_dump(exclude={"created_at", "updated_at"}, exclude_unset=True) == {
        "id": own,
        "name": "Week",
        "description": "Seven days",
        "category": "STREAK",
        "criteria": {"type": "streak_days", "threshold": 7},
        "xp_reward": 50,
        "badge_icon": "flame",
        "badge_color": "#ff8800",
        "rarity": "RARE",
        "is_visible": False,
        "is_active": True,
    }


@pytest.mark.parametrize("key", ["additionalParams", "additional_params"])
async def test_criteria_are_stored_in_camel_case(db, connection, key):
    criteria = {"type": "skill_completion_count", "threshold": 3, key: {"difficulty": "EXPERT"}}

    achievement = await db.achievements.create(name="Three", description="Three experts", criteria=criteria)

    [(stored,)] = await (await connection.execute("select criteria from achievements")).fetchall()
    assert stored["additionalParams"] == {"difficulty": "EXPERT"}
    assert achievement.criteria.additional_params.difficulty == "EXPERT"


async def test_criteria_can_be_given_as_a_model(db):
    criteria = SkillCompletionCount(type="skill_completion_count", threshold=3)

    achievement = await add_achievement(db, criteria=criteria)

    assert achievement.criteria == criteria


async def test_invalid_criteria_are_refused_with_the_path_of_the_fault(db, connection, subtests):
    for criteria, path in [
        ({}, ()),
        ({"type": "moon_phase", "threshold": 1}, ()),
        ({"type": "xp_threshold"}, ("xp_threshold", "threshold")),
        ({**ANY, "threshold": 0}, ("xp_threshold", "threshold")),
        ({**ANY, "threshold": 2**31}, ("xp_threshold", "threshold")),
        ({**ANY, "threshold": 1.5}, ("xp_threshold", "threshold")),
        ({**ANY, "threshold": float("nan")}, ("xp_threshold", "threshold")),
        ({**ANY, "threshold": float("inf")}, ("xp_threshold", "threshold")),
        ({**ANY, "more": 1}, ("xp_threshold", "more")),
        ({**ANY, "additionalParams": {"treeId": "no uuid"}}, ("xp_threshold", "additionalParams", "treeId")),
        ({**ANY, "additionalParams": {"skillType": "SONG"}}, ("xp_threshold", "additionalParams", "skillType")),
        ([], ()),
        ("xp_threshold", ()),
    ]:
        async with case(subtests, criteria):
            async with expect_refusal(connection, InvalidDocument) as refusal:
                await add_achievement(db, criteria=criteria)

            assert (refusal.value.field, refusal.value.path) == ("criteria", path)


async def test_an_achievement_with_an_invalid_value_is_refused(db, connection, subtests):
    for given in [
        {"name": ""},
        {"name": "x" * 201},
        {"name": "\0"},
        {"description": ""},
        {"description": "x" * 10_001},
        {"description": None},
        {"criteria": None},
        {"category": "NOISE"},
        {"rarity": "common"},
        {"xp_reward": -1},
        {"xp_reward": 1_000_001},
        {"xp_reward": float("nan")},
        {"xp_reward": "much"},
        {"badge_color": "red"},
        {"badge_icon": "x" * 2049},
        {"is_visible": None},
        {"id": "no uuid"},
    ]:
        async with case(subtests, given), expect_refusal(connection, InvalidValue):
            await add_achievement(db, **given)


async def test_an_achievement_id_in_use_is_refused(db, connection):
    first = await add_achievement(db)

    async with expect_refusal(connection, IdTaken):
        await add_achievement(db, "Other", id=first.id)


async def test_achievements_are_listed_by_rarity_then_name(db):
    for name, rarity in {
        "Zeal": "COMMON",
        "Myth": "LEGENDARY",
        "Art": "RARE",
        "Begin": "COMMON",
        "Odd": "UNCOMMON",
    }.items():
        await add_achievement(db, name, rarity=rarity)

    assert [achievement.name for achievement in await db.achievements.list()] == ["Begin", "Zeal", "Odd", "Art", "Myth"]


async def test_achievements_are_listed_by_category(db):
    await add_achievement(db, "Streak", category="STREAK")
    await add_achievement(db, "Progress")

    [only] = await db.achievements.list(category=AchievementCategory.STREAK)

    assert only.name == "Streak"


async def test_an_unknown_category_of_achievements_is_refused(db):
    with pytest.raises(InvalidValue):
        await db.achievements.list(category="NOISE")


async def test_hidden_and_inactive_achievements_are_listed_only_when_asked_for(db, connection):
    await add_achievement(db, "Seen")
    await add_achievement(db, "Hidden", is_visible=False)
    old = await add_achievement(db, "Old")
    await connection.execute("update achievements set is_active = false where id = %s", [old.id])

    assert [found.name for found in await db.achievements.list()] == ["Seen"]
    assert [found.name for found in await db.achievements.list(include_hidden=True)] == ["Hidden", "Seen"]
    assert [found.name for found in await db.achievements.list(include_inactive=True)] == ["Old", "Seen"]


async def test_a_learners_achievements_are_listed_latest_first(db, connection, learner):
    other = await add_user(db, "grace")
    first = await add_achievement(db, "First")
    second = await add_achievement(db, "Second", xp_reward=5, badge_icon="star", badge_color="#ffffff")
    for user, achievement, day in ((learner, first, 1), (learner, second, 2), (other, first, 3)):
        await connection.execute(
            "insert into user_achievements (user_id, achievement_id, earned_at, progress, metadata)"
            " values (%s, %s, make_date(2026, 1, %s), 40, '{\"skillCount\": 3}')",
            [user.id, achievement.id, day],
        )

    latest, earliest = await db.achievements.for_user(learner.id)

    assert (latest.achievement_id, latest.name, latest.xp_reward, latest.badge_icon) == (second.id, "Second", 5, "star")
    assert (latest.progress, latest.metadata.model_dump()) == (40.0, {"skillCount": 3})
    assert (earliest.achievement_id, earliest.user_id) == (first.id, learner.id)


async def test_a_learner_without_achievements_has_none(db, learner):
    assert await db.achievements.for_user(learner.id) == []
    assert await db.achievements.for_user(uuid4()) == []
