"""Editing and retiring achievements."""

from uuid import uuid4

import pytest

from _async.factories import add_achievement, add_skills, add_user, expect_refusal, rows, value
from concurrency import concurrently_async, failures
from skilltree.errors import AchievementNotFound, InvalidDocument, InvalidValue, PermissionDenied

COUNT = {"type": "skill_completion_count", "threshold": 2}


async def test_an_update_changes_only_the_given_fields(db):
    before = await add_achievement(db, "Frist steps", xp_reward=5, badge_color="#336699")

    after = await db.achievements.update(before.id, name="First steps", badge_color=None)

    kept = before.model_dump(exclude={"name", "badge_color", "updated_at"})
    assert after.model_dump(exclude={"name", "badge_color", "updated_at"}) == kept
    assert (after.name, after.badge_color) == ("First steps", None)
    assert await db.achievements.get(before.id) == after


async def test_a_backfill_awards_learners_who_meet_the_new_criteria(db, learner, tree):
    achievement = await add_achievement(db, criteria=COUNT, xp_reward=5)
    (skill,) = await add_skills(db, tree, "html")
    await db.progress.complete_skill(learner.id, skill.id)

    await db.achievements.update(achievement.id, criteria={**COUNT, "threshold": 1})
    await db.achievements.backfill(achievement.id)

    [earned] = await db.achievements.for_user(learner.id)
    assert (earned.achievement_id, earned.metadata.model_extra["value"]) == (achievement.id, 1)
    assert (await db.users.get_profile(learner.id)).total_xp == 15
    assert await db.doctor.examine() == []


async def test_the_next_action_awards_a_learner_who_meets_the_new_criteria(db, learner, tree):
    achievement = await add_achievement(db, criteria={**COUNT, "threshold": 3})
    html, css = await add_skills(db, tree, "html", "css")
    await db.progress.complete_skill(learner.id, html.id)
    await db.achievements.update(achievement.id, criteria=COUNT)

    done = await db.progress.complete_skill(learner.id, css.id)

    assert [each.id for each in done.achievements] == [achievement.id]


async def test_a_learner_keeps_an_achievement_that_becomes_harder(db, learner, tree):
    achievement = await add_achievement(db, criteria={**COUNT, "threshold": 1}, xp_reward=5)
    (skill,) = await add_skills(db, tree, "html")
    await db.progress.complete_skill(learner.id, skill.id)

    await db.achievements.update(achievement.id, criteria={**COUNT, "threshold": 99}, xp_reward=500)

    assert [each.achievement_id for each in await db.achievements.for_user(learner.id)] == [achievement.id]
    assert await db.doctor.examine() == []
    await db.doctor.repair()
    assert (await db.users.get_profile(learner.id)).total_xp == 15


async def test_nobody_earns_a_retired_achievement_and_its_holders_keep_it(db, tree):
    early, late = await add_user(db, "early"), await add_user(db, "late")
    achievement = await add_achievement(db, criteria={**COUNT, "threshold": 1})
    (skill,) = await add_skills(db, tree, "html")
    await db.progress.complete_skill(early.id, skill.id)

    retired = await db.achievements.retire(achievement.id)
    done = await db.progress.complete_skill(late.id, skill.id)

    assert not retired.is_active
    assert done.achievements == ()
    assert [each.achievement_id for each in await db.achievements.for_user(early.id)] == [achievement.id]
    assert await db.achievements.standings(late.id) == []
    assert await db.achievements.list() == []
    assert await db.achievements.list(include_inactive=True) == [retired]


async def test_a_retired_achievement_can_be_reactivated(db, learner, tree):
    achievement = await add_achievement(db, criteria={**COUNT, "threshold": 1})
    await db.achievements.retire(achievement.id)
    (skill,) = await add_skills(db, tree, "html")
    await db.progress.complete_skill(learner.id, skill.id)

    await db.achievements.update(achievement.id, is_active=True)
    await db.achievements.backfill(achievement.id)

    assert [each.achievement_id for each in await db.achievements.for_user(learner.id)] == [achievement.id]


async def test_new_criteria_restart_an_interrupted_backfill(db, tree):
    """Otherwise it would miss the learners whom it judged by the old criteria."""
    learners = [await add_user(db, f"u{number}") for number in range(4)]
    (skill,) = await add_skills(db, tree, "html")
    for each in learners:
        await db.progress.complete_skill(each.id, skill.id)
    achievement = await add_achievement(db, criteria=COUNT)

    def stop(progress, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await db.achievements.backfill(achievement.id, batch_size=2, on_batch=stop)
    await db.achievements.update(achievement.id, criteria={**COUNT, "threshold": 1})

    done = await db.achievements.backfill(achievement.id)

    assert (done.learners_seen, done.awarded) == (4, 4)


async def test_a_new_name_does_not_restart_an_interrupted_backfill(db, connection):
    for number in range(4):
        await add_user(db, f"u{number}")
    achievement = await add_achievement(db, criteria=COUNT)

    def stop(progress, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await db.achievements.backfill(achievement.id, batch_size=3, on_batch=stop)

    await db.achievements.update(achievement.id, name="Two skills")

    assert await value(connection, "select learners_seen from achievement_backfills") == 3


async def test_concurrent_updates_of_two_columns_are_both_kept(db, connection):
    achievement = await add_achievement(db)

    changes = [{"name": "Ten"}, {"xp_reward": 7}] * 10

    results = await concurrently_async(
        *[lambda change=change: db.achievements.update(achievement.id, **change) for change in changes]
    )

    assert failures(results) == []
    assert await rows(connection, "select name, xp_reward from achievements") == [("Ten", 7)]


async def test_an_invalid_update_of_an_achievement_is_refused(db, connection, subtests):
    achievement = await add_achievement(db)

    for given, error, field in [
        ({"criteria": {"type": "moon_phase", "threshold": 1}}, InvalidValue, "criteria"),
        ({"criteria": {**COUNT, "threshold": 0}}, InvalidDocument, "criteria"),
        ({"criteria": None}, InvalidValue, "criteria"),
        ({"name": ""}, InvalidValue, "name"),
        ({"name": None}, InvalidValue, "name"),
        ({"xp_reward": -1}, InvalidValue, "xp_reward"),
        ({"badge_color": "red"}, InvalidValue, "badge_color"),
        ({"rarity": "MYTHIC"}, InvalidValue, "rarity"),
        ({"threshold": 3}, InvalidValue, "threshold"),
        ({}, InvalidValue, None),
    ]:
        with subtests.test(given=given):
            async with expect_refusal(connection, error) as refusal:
                await db.achievements.update(achievement.id, **given)
            assert refusal.value.field == field


async def test_an_achievement_that_does_not_exist_is_not_found(db):
    for ask in (db.achievements.get, db.achievements.retire, lambda unknown: db.achievements.update(unknown, name="x")):
        with pytest.raises(AchievementNotFound):
            await ask(uuid4())


async def test_a_learner_cannot_edit_achievements(db, app, connection, learner):
    achievement = await add_achievement(db)

    async with expect_refusal(connection, PermissionDenied):
        await app.as_user(learner.id).achievements.update(achievement.id, name="Mine")


async def test_the_audit_trail_keeps_earlier_values_of_an_achievement(db, app, learner):
    achievement = await add_achievement(db, "Frist steps")

    await app.as_service(learner.id).achievements.update(achievement.id, name="First steps")

    latest = (await db.audit.history("achievements", achievement.id)).items[0]
    assert (latest.actor_id, latest.before, latest.after) == (
        learner.id,
        {"name": "Frist steps"},
        {"name": "First steps"},
    )
