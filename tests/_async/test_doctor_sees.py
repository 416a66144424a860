"""Faults that the doctor once missed, or repaired to a learner's disadvantage."""

from datetime import timedelta

import pytest

from _async.factories import add_achievement, add_skills, add_tree, add_user, rows, value
from _async.test_doctor import NOON, STRANGER, check_repair, corrupt, school, stored_rows, summaries

__all__ = ["school"]


# --- awards and the ledger -------------------------------------------------------------------------------------------


async def forge_award(connection, learner, achievement, xp):
    """Write an award and its event in the ledger, as if it had been earned."""
    await corrupt(
        connection,
        "insert into user_achievements (user_id, achievement_id, earned_at) values (%s, %s, %s)",
        learner.id,
        achievement.id,
        NOON,
    )
    await corrupt(
        connection,
        "insert into xp_events (user_id, source_kind, source_id, xp, granted_at, granted_on)"
        " values (%s, 'ACHIEVEMENT', %s, %s, %s, %s)",
        learner.id,
        achievement.id,
        xp,
        NOON,
        NOON.date(),
    )


async def test_an_awards_own_xp_does_not_earn_it(db, connection, school):
    before = await stored_rows(connection)
    await forge_award(connection, school.ada, school.rich, 20)
    await corrupt(connection, "update user_profiles set total_xp = 65 where user_id = %s", school.ada.id)

    findings = await db.doctor.examine("award_is_entitled")
    repair = await db.doctor.repair()

    assert summaries(findings) == [
        ("award_is_entitled", "achievement", school.ada.id, school.rich.id, "xp_threshold", "60", "45")
    ]
    assert (repair.failures, repair.remaining) == ((), ())
    assert await stored_rows(connection) == before


async def test_awards_do_not_earn_each_other_in_a_circle(db, connection, school):
    higher = await add_achievement(db, "Higher", criteria={"type": "xp_threshold", "threshold": 75}, xp_reward=30)
    await corrupt(connection, "update achievements set updated_at = '2026-01-01'")
    before = await stored_rows(connection)
    # She has 45 XP of her own. The higher award pays for the lower one, and the lower for the higher.
    await forge_award(connection, school.ada, school.rich, 30)
    await forge_award(connection, school.ada, higher, 30)
    await corrupt(connection, "update user_profiles set total_xp = 105 where user_id = %s", school.ada.id)

    findings = await db.doctor.examine("award_is_entitled")
    repair = await db.doctor.repair()

    assert [each.subject_id for each in findings] == sorted([school.rich.id, higher.id])
    assert (repair.failures, repair.remaining) == ((), ())
    assert await stored_rows(connection) == before


async def test_an_award_may_be_earned_by_the_xp_of_a_lower_one(db, connection, school):
    await add_achievement(db, "Next", criteria={"type": "xp_threshold", "threshold": 72}, xp_reward=30)
    [extra] = await add_skills(db, school.tree, "extra")
    await db.skills.update(extra.id, xp_value=1)

    # She had 70 XP, 5 of them from Rich. She reaches Next with the XP of Rich.
    await db.progress.complete_skill(school.linus.id, extra.id)
    await db.skills.update(extra.id, xp_value=0)
    await db.skills.update(extra.id, xp_value=1)

    assert await db.doctor.examine() == []


@pytest.mark.parametrize("learner", ["ada", "grace"])
async def test_xp_of_a_missing_award_restores_the_award(db, connection, school, learner):
    before = await stored_rows(connection)
    user = getattr(school, learner)
    await corrupt(
        connection,
        "delete from user_achievements where user_id = %s and achievement_id = %s",
        user.id,
        school.first.id,
    )

    changes = await check_repair(
        db, ("event_has_award", "achievement", user.id, school.first.id, "award", "2026-03-04 12:00:00", None)
    )

    assert list(changes) == [("achievement", user.id, school.first.id, "award")]
    after = await stored_rows(connection)
    assert {table: after[table] for table in after if table != "user_achievements"} == {
        table: before[table] for table in before if table != "user_achievements"
    }


async def test_xp_of_an_unearned_award_is_removed(db, connection, school):
    before = await stored_rows(connection)
    await corrupt(
        connection,
        "insert into xp_events (user_id, source_kind, source_id, xp, granted_at, granted_on)"
        " values (%s, 'ACHIEVEMENT', %s, 500, %s, %s)",
        school.ada.id,
        school.three.id,
        NOON,
        NOON.date(),
    )
    await corrupt(connection, "update user_profiles set total_xp = 545 where user_id = %s", school.ada.id)

    repair = await db.doctor.repair()

    assert (repair.failures, repair.remaining) == ((), ())
    after = await stored_rows(connection)
    # The level follows only once it is certain which XP stay. No level was ever reached with these.
    assert after == before


async def test_the_ledger_decides_where_an_achievement_was_edited_later(db, connection, school):
    await corrupt(
        connection,
        "update achievements set criteria = jsonb_set(criteria, '{threshold}', '1000'), updated_at = now()"
        " where id = %s",
        school.first.id,
    )
    await corrupt(connection, "delete from user_achievements where achievement_id = %s", school.first.id)

    repair = await db.doctor.repair()

    assert (repair.failures, repair.remaining) == ((), ())
    assert (
        await value(connection, "select count(*) from user_achievements where achievement_id = %s", school.first.id)
        == 3
    )
    assert await db.doctor.examine() == []


async def test_xp_stays_when_its_achievement_has_been_deleted(db, connection, school):
    await connection.execute("delete from achievements where id = %s", [school.first.id])

    assert await db.doctor.examine() == []


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("skill_tree_id", str(STRANGER)),
        ("skill_tree_id", None),
        ("category_id", None),
        ("difficulty", None),
        ("skill_type", None),
        ("granted_on", "2020-01-01"),
    ],
)
async def test_an_event_that_describes_its_source_wrongly_is_repaired(db, connection, school, column, wrong):
    before = await stored_rows(connection)
    right = await value(
        connection,
        f"select {column}::text from xp_events where user_id = %s and source_id = %s",
        school.ada.id,
        school.html.id,
    )
    await corrupt(
        connection,
        f"update xp_events set {column} = %s where user_id = %s and source_id = %s",
        wrong,
        school.ada.id,
        school.html.id,
    )

    findings = await db.doctor.examine("event_says_for_what")
    repair = await db.doctor.repair()

    what = f"xp event: {column}"
    assert summaries(findings) == [("event_says_for_what", "skill", school.ada.id, school.html.id, what, right, wrong)]
    assert (repair.failures, repair.remaining) == ((), ())
    assert [(each.what, each.before, each.after) for each in repair.changes if each.what == what] == [
        (what, wrong, right)
    ]
    after = await stored_rows(connection)
    assert after["xp_events"] == before["xp_events"]
    assert after["user_achievements"] == before["user_achievements"]


async def test_an_event_of_an_achievement_has_no_tree(db, connection, school):
    before = await stored_rows(connection)
    await corrupt(
        connection,
        "update xp_events set skill_tree_id = %s where user_id = %s and source_id = %s",
        school.tree.id,
        school.ada.id,
        school.first.id,
    )

    changes = await check_repair(
        db,
        (
            "event_says_for_what",
            "achievement",
            school.ada.id,
            school.first.id,
            "xp event: skill_tree_id",
            None,
            str(school.tree.id),
        ),
    )

    assert list(changes) == [("achievement", school.ada.id, school.first.id, "xp event: skill_tree_id")]
    assert await stored_rows(connection) == before


async def test_an_event_may_describe_the_skill_as_it_was(db, connection, school):
    category = await db.categories.create(name="Other", slug="other")
    await db.skills.update(school.html.id, difficulty="EXPERT", skill_type="PROJECT")
    await db.trees.update(school.tree.id, category_id=category.id)

    assert await db.doctor.examine() == []


async def test_a_day_on_which_a_skill_was_completed_is_a_day_of_learning(db, connection, school):
    before = await stored_rows(connection)
    await corrupt(connection, "delete from user_activity_days where user_id = %s", school.ada.id)
    await corrupt(
        connection,
        "update user_profiles set current_streak = 0, max_streak = 0, last_activity_on = null, hours_learned = 0"
        " where user_id = %s",
        school.ada.id,
    )

    changes = await check_repair(
        db,
        *(
            ("event_has_day", "skill", school.ada.id, skill.id, "activity day", "2026-03-04", None)
            for skill in (school.html, school.css)
        ),
    )

    assert changes["learner", school.ada.id, None, "activity day 2026-03-04"] == (None, "0 minutes")
    assert changes["learner", school.ada.id, None, "max_streak"] == ("0", "1")
    after = await stored_rows(connection)
    assert {table: after[table] for table in after if table != "user_profiles"} == {
        table: before[table] for table in before if table != "user_profiles"
    }


# --- levels ----------------------------------------------------------------------------------------------------------


async def test_a_level_is_raised_to_match_the_xp(db, connection, school):
    [hard] = await add_skills(db, school.tree, "hard")
    await db.skills.update(hard.id, xp_value=1000)
    await db.progress.complete_skill(school.ada.id, hard.id, at=NOON)
    await corrupt(connection, "update user_profiles set current_level = 2 where user_id = %s", school.ada.id)

    changes = await check_repair(db, ("level", "learner", school.ada.id, None, "current_level", "5", "2"))

    assert changes == {("learner", school.ada.id, None, "current_level"): ("2", "5")}


async def test_a_level_never_falls_whatever_is_repaired(db, connection, school):
    await corrupt(
        connection, "update user_profiles set current_level = 7, total_xp = 44 where user_id = %s", school.ada.id
    )

    changes = await check_repair(db, ("xp_total", "learner", school.ada.id, None, "total_xp", "45", "44"))

    assert changes == {("learner", school.ada.id, None, "total_xp"): ("44", "45")}
    assert (await db.users.get_profile(school.ada.id)).current_level == 7


async def test_raised_thresholds_take_no_level_away(db, connection, school):
    await corrupt(connection, "update user_profiles set current_level = 3")
    await corrupt(connection, "update levels set min_xp = min_xp + 1000000 where level > 1")

    try:
        assert await db.doctor.examine() == []
    finally:
        await corrupt(connection, "update levels set min_xp = min_xp - 1000000 where level > 1")


@pytest.mark.parametrize(
    ("edit", "undo", "found"),
    [
        (
            "update levels set min_xp = 5 where level = 1",
            "update levels set min_xp = 0 where level = 1",
            ("level 1", "level 1 at 0 XP", "5 XP"),
        ),
        (
            "update levels set min_xp = 99 where level = 3",
            "update levels set min_xp = 300 where level = 3",
            ("level 3", "more than 100 XP", "99 XP"),
        ),
        (
            "delete from levels where level = 50",
            "insert into levels (level, min_xp) values (50, 122500)",
            ("level 51", "level 50 before it", "127500 XP"),
        ),
    ],
)
async def test_thresholds_that_do_not_rise_are_reported_and_not_repaired(db, connection, school, edit, undo, found):
    await corrupt(connection, edit)

    try:
        repair = await db.doctor.repair()
    finally:
        await corrupt(connection, undo)

    assert summaries(repair.remaining) == [("levels_climb", "level", None, None, *found)]
    assert (repair.changes, repair.failures) == ((), ())


# --- trees, places, accounts -----------------------------------------------------------------------------------------


async def test_a_tree_with_learners_is_recorded_as_started(db, connection, school):
    await connection.execute("delete from begun_trees")

    changes = await check_repair(db, ("begun_tree_is_noted", "tree", None, school.tree.id, "begun", "noted", None))

    assert changes == {("tree", None, school.tree.id, "begun"): (None, "noted")}
    assert await rows(connection, "select skill_tree_id from begun_trees") == [(school.tree.id,)]


async def test_progress_in_the_wrong_tree_is_repaired(db, connection, school):
    other = await add_tree(db, "other")
    before = await stored_rows(connection)
    await corrupt(
        connection,
        "update user_skill_progress set skill_tree_id = %s where user_id = %s and skill_id = %s",
        other.id,
        school.grace.id,
        school.html.id,
    )

    findings = await db.doctor.examine("progress_is_in_its_tree")
    repair = await db.doctor.repair()

    assert summaries(findings) == [
        (
            "progress_is_in_its_tree",
            "skill",
            school.grace.id,
            school.html.id,
            "skill_tree_id",
            str(school.tree.id),
            str(other.id),
        )
    ]
    assert (repair.failures, repair.remaining) == ((), ())
    assert [(each.what, each.before, each.after) for each in repair.changes] == [
        ("skill_tree_id", str(other.id), str(school.tree.id))
    ]
    assert await stored_rows(connection) == before


@pytest.mark.parametrize("is_shown", [True, False])
async def test_an_account_without_a_profile_gets_one_with_correct_counts(db, connection, school, is_shown):
    await db.users.update_profile(school.ada.id, is_on_leaderboard=is_shown)
    was = await db.users.get_profile(school.ada.id)
    await corrupt(connection, "delete from user_profiles where user_id = %s", school.ada.id)

    findings = await db.doctor.examine("account_has_profile")
    repair = await db.doctor.repair()

    profile = await db.users.get_profile(school.ada.id)
    assert summaries(findings) == [
        ("account_has_profile", "learner", school.ada.id, None, "profile", "a profile", None)
    ]
    assert (repair.failures, repair.remaining) == ((), ())
    assert (profile.total_xp, profile.skills_completed, profile.max_streak) == (
        was.total_xp,
        was.skills_completed,
        was.max_streak,
    )
    shown = "select is_on_leaderboard from user_profiles where user_id = %s"
    assert await value(connection, shown, school.ada.id) is is_shown


async def test_scores_without_an_account_are_removed(db, connection, school):
    before = await stored_rows(connection)
    await corrupt(
        connection,
        "insert into user_scores (user_id, board, starts_on, xp, reached_at, is_listed)"
        " values (%s, 'ALL_TIME', 'epoch', 999, now(), true)",
        STRANGER,
    )

    repair = await db.doctor.repair()

    assert (repair.failures, repair.remaining) == ((), ())
    assert await stored_rows(connection) == before


@pytest.mark.parametrize(
    ("table", "columns", "kind"),
    [
        ("user_profiles", "(user_id) values (%s)", "account"),
        ("user_activity_days", "(user_id, activity_date) values (%s, '2026-01-01')", "account"),
        ("begun_trees", "(skill_tree_id) values (%s)", "tree"),
        ("skills", "(skill_tree_id, name) values (%s, 'lost')", "tree"),
    ],
)
async def test_rows_without_an_owner_are_reported_and_not_repaired(db, connection, school, table, columns, kind):
    await corrupt(connection, f"insert into {table} {columns}", STRANGER)

    findings = await db.doctor.examine("row_has_owner")
    repair = await db.doctor.repair()

    expected = ("row_has_owner", kind, None, STRANGER, f"rows in {table}", "one that is there", "1 rows")
    assert summaries(findings) == [expected]
    assert expected in summaries(repair.remaining)


async def test_a_repair_derives_everything_from_imported_rows(db, connection, school):
    learner = await add_user(db, "mary")
    moments = [NOON - timedelta(days=10 - number) for number in range(3)]
    skills = [school.html, school.css, school.layout]
    await db.progress.import_rows(
        {"user_id": learner.id, "skill_id": skill.id, "status": "COMPLETED", "completed_at": moment}
        for skill, moment in zip(skills, moments, strict=True)
    )

    repair = await db.doctor.repair()

    assert (repair.failures, repair.remaining) == ((), ())
    found = await rows(connection, "select activity_date from user_activity_days where user_id = %s", learner.id)
    assert sorted(day for (day,) in found) == [moment.date() for moment in moments]
    assert (await db.users.get_profile(learner.id)).max_streak == 3
