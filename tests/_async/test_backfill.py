"""Back-filling achievements that were created later, and progress toward achievements not yet earned."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from _async.factories import add_skills, add_user, expect_refusal, rows, value
from skilltree.errors import AchievementNotFound, InvalidValue, ServerUnavailable


async def add_count(db, threshold, *, name=None, xp_reward=5, **limits):
    criteria = {"type": "skill_completion_count", "threshold": threshold}
    if limits:
        criteria["additionalParams"] = limits
    name = name or f"{threshold} skills"
    return await db.achievements.create(name=name, description=name, criteria=criteria, xp_reward=xp_reward)


async def learners_with(db, tree, counts):
    """Add one learner for each count, who has completed that many skills."""
    skills = await add_skills(db, tree, "a", "b", "c", "d")
    learners = []
    for number, count in enumerate(counts):
        learners.append(await add_user(db, f"u{number}"))
        for skill in skills[:count]:
            await db.progress.complete_skill(learners[-1].id, skill.id)
    return learners


async def test_a_backfill_awards_and_pays_every_entitled_learner(db, connection, tree):
    learners = await learners_with(db, tree, [0, 1, 2, 3])
    achievement = await add_count(db, 2)

    done = await db.achievements.backfill(achievement.id)

    assert (done.learners_seen, done.awarded, done.is_finished) == (4, 2, True)
    earned = [[each.name for each in await db.achievements.for_user(learner.id)] for learner in learners]
    assert earned == [[], [], ["2 skills"], ["2 skills"]]
    profiles = [await db.users.get_profile(learner.id) for learner in learners]
    assert [profile.total_xp for profile in profiles] == [0, 10, 25, 35]
    assert [place.xp for place in await db.leaderboards.top()] == [35, 25, 10]


async def test_the_xp_of_a_backfill_earns_further_achievements(db, tree):
    (learner,) = await learners_with(db, tree, [2])
    achievement = await add_count(db, 2, xp_reward=80)
    await db.achievements.create(name="100", description="100", criteria={"type": "xp_threshold", "threshold": 100})

    await db.achievements.backfill(achievement.id)

    assert {each.name for each in await db.achievements.for_user(learner.id)} == {"2 skills", "100"}
    assert (await db.users.get_profile(learner.id)).current_level == 2


async def test_a_second_run_awards_nobody_twice(db, connection, tree):
    await learners_with(db, tree, [2, 2])
    achievement = await add_count(db, 1)
    await db.achievements.backfill(achievement.id)
    before = await rows(connection, "select user_id, total_xp from user_profiles order by user_id")

    again = await db.achievements.backfill(achievement.id)

    assert (again.learners_seen, again.awarded) == (2, 0)
    assert await rows(connection, "select user_id, total_xp from user_profiles order by user_id") == before


async def test_an_interrupted_run_resumes_where_it_stopped(db, connection, tree):
    await learners_with(db, tree, [1, 1, 1, 1, 1])
    achievement = await add_count(db, 1)
    seen = []

    def stop_after_two(progress, learners):
        seen.append((progress.learners_seen, learners))
        if len(seen) == 2:
            raise ServerUnavailable

    with pytest.raises(ServerUnavailable):
        await db.achievements.backfill(achievement.id, batch_size=2, on_batch=stop_after_two)
    half = await value(connection, "select count(*) from user_achievements")
    done = await db.achievements.backfill(
        achievement.id,
        batch_size=2,
        on_batch=lambda progress, learners: seen.append((progress.learners_seen, learners)),
    )

    assert half == 4
    assert (done.learners_seen, done.awarded) == (5, 5)
    assert seen == [(2, 5), (4, 5), (5, 5), (5, 5)]
    assert await value(connection, "select count(*) from xp_events where source_kind = 'ACHIEVEMENT'") == 5


async def test_an_unknown_achievement_and_a_wrong_batch_size_are_refused(db, connection):
    achievement = await add_count(db, 1)

    async with expect_refusal(connection, AchievementNotFound):
        await db.achievements.backfill(uuid4())
    async with expect_refusal(connection, InvalidValue, match="batch_size"):
        await db.achievements.backfill(achievement.id, batch_size=0)


async def test_criteria_match_skills_as_they_were_when_they_paid(db, connection, tree, learner):
    easy = await db.skills.create(tree.id, name="easy")
    hard = await db.skills.create(tree.id, name="hard", difficulty="EXPERT", skill_type="PROJECT")
    for skill in (easy, hard):
        await db.progress.complete_skill(learner.id, skill.id)
    await db.skills.update(hard.id, difficulty="BEGINNER")
    made = {
        "expert": await add_count(db, 1, name="expert", difficulty="EXPERT"),
        "beginner": await add_count(db, 2, name="beginner", difficulty="BEGINNER"),
        "project": await add_count(db, 1, name="project", skillType="PROJECT"),
        "tree": await add_count(db, 2, name="tree", treeId=str(tree.id)),
        "category": await add_count(db, 2, name="category", categoryId=str(tree.category_id)),
        "elsewhere": await add_count(db, 1, name="elsewhere", treeId=str(uuid4())),
    }

    for achievement in made.values():
        await db.achievements.backfill(achievement.id)

    earned = {each.name for each in await db.achievements.for_user(learner.id)}
    assert earned == {"expert", "project", "tree", "category"}


async def test_standings_show_how_far_a_learner_is(db, tree):
    (learner,) = await learners_with(db, tree, [1])
    await add_count(db, 4, name="four")
    await add_count(db, 2, name="two")
    await db.achievements.create(name="xp", description="xp", criteria={"type": "xp_threshold", "threshold": 40})
    await db.achievements.create(name="days", description="days", criteria={"type": "streak_days", "threshold": 5})
    hidden = await db.achievements.create(
        name="hidden", description="hidden", criteria={"type": "streak_days", "threshold": 2}, is_visible=False
    )
    skills = await db.skills.list_for_tree(tree.id)
    await db.progress.complete_skill(learner.id, skills[1].id)

    standings = await db.achievements.standings(learner.id)

    assert [(each.name, each.value, each.threshold, each.progress) for each in standings] == [
        ("two", 2, 2, 100),
        ("xp", 25, 40, 62.5),
        ("four", 2, 4, 50),
        ("days", 1, 5, 20),
    ]
    assert standings[0].earned_at is not None
    assert hidden.id not in {each.id for each in standings}


async def test_a_streak_within_a_tree_counts_days_on_which_its_skills_paid(db, tree, learner):
    skills = await add_skills(db, tree, "a", "b", "c", "d")
    achievement = await db.achievements.create(
        name="three days",
        description="three days",
        criteria={"type": "streak_days", "threshold": 3, "additionalParams": {"treeId": str(tree.id)}},
    )
    start = datetime(2025, 5, 1, 12, tzinfo=UTC)
    for skill, day in zip(skills, [0, 1, 3, 2], strict=True):
        result = await db.progress.complete_skill(learner.id, skill.id, at=start + timedelta(days=day))

    assert [each.id for each in result.achievements] == [achievement.id]
