from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest

from _async.factories import add_achievement, add_skills, add_tree, add_user, all_rows_fingerprint, rows, value
from concurrency import concurrently_async, failures

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
STRANGER = UUID("01900000-0000-7000-8000-000000000000")


async def corrupt(connection, statement, *values):
    """Write rows that triggers and foreign keys would refuse."""
    async with connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(statement, values)


@pytest.fixture
async def school(db, connection):
    """Three learners: grace has completed one skill of four, ada two, linus all. A skill pays 10 XP, an award 25."""
    tree = await add_tree(db)
    html, css, layout, grid = await add_skills(db, tree, "html", "css", layout=["html", "css"], grid=["layout"])
    await db.skills.update(html.id, is_milestone=True)
    ada, grace, linus = [await add_user(db, name) for name in ("ada", "grace", "linus")]
    first = await add_achievement(db, xp_reward=25)
    rich = await add_achievement(db, "Rich", criteria={"type": "xp_threshold", "threshold": 60}, xp_reward=5)
    three = await add_achievement(db, "Three", criteria={"type": "skill_completion_count", "threshold": 3})
    await corrupt(connection, "update achievements set updated_at = '2026-01-01'")
    for learner, skills in ((ada, [html, css]), (grace, [html]), (linus, [html, css, layout, grid])):
        for skill in skills:
            await db.progress.record_activity(learner.id, skill.id, minutes=30, at=NOON)
            await db.progress.complete_skill(learner.id, skill.id, at=NOON)
    return SimpleNamespace(
        tree=tree,
        html=html,
        css=css,
        layout=layout,
        grid=grid,
        ada=ada,
        grace=grace,
        linus=linus,
        first=first,
        rich=rich,
        three=three,
    )


def summaries(findings):
    return [
        (each.invariant, each.subject_kind, each.user_id, each.subject_id, each.what, each.expected, each.found)
        for each in findings
    ]


async def check_repair(db, *expected):
    """Check that the doctor finds exactly this, repairs it, and leaves nothing. Return values before and after."""
    assert summaries(await db.doctor.examine()) == list(expected)

    repair = await db.doctor.repair()

    assert (repair.failures, repair.remaining) == ((), ())
    assert await db.doctor.examine() == []
    return {
        (each.subject_kind, each.user_id, each.subject_id, each.what): (each.before, each.after)
        for each in repair.changes
    }


async def stored_rows(connection):
    """Return all stored rows, without the columns that record when and by whom a row was written."""
    marks = "array['updated_at', 'created_at', 'id', 'graph_change']"
    tables = ("user_profiles", "user_skill_tree_progress", "user_skill_progress", "xp_events", "user_achievements")
    return {
        table: sorted(await rows(connection, f"select (to_jsonb({table}) - {marks})::text from {table}"))
        for table in (*tables, "user_scores", "skills")
    }


# --- a healthy database ----------------------------------------------------------------------------------------------


async def test_ordinary_actions_cause_no_drift(db, connection, school):
    before = await all_rows_fingerprint(connection)

    findings = await db.doctor.examine()
    repair = await db.doctor.repair()

    assert findings == []
    assert (repair.changes, repair.failures, repair.remaining) == ((), (), ())
    assert await all_rows_fingerprint(connection) == before


async def test_resets_pauses_and_edits_cause_no_drift(db, school):
    await db.progress.reset_skill(school.linus.id, school.html.id)
    await db.progress.reset_tree(school.ada.id, school.tree.id)
    await db.progress.pause_tree(school.grace.id, school.tree.id)
    await db.skills.remove_dependency(school.layout.id, school.css.id)
    await db.skills.deactivate(school.grid.id)

    assert await db.doctor.examine() == []


async def test_an_empty_database_is_healthy(db):
    assert await db.doctor.examine() == []


async def test_one_invariant_can_be_examined_alone(db, connection, school):
    await corrupt(connection, "update user_profiles set total_xp = 700, current_level = 1")

    assert {each.invariant for each in await db.doctor.examine("level")} == {"level"}


# --- the catalogue ---------------------------------------------------------------------------------------------------


async def test_dependents_are_repaired_from_dependencies(db, connection, school):
    html, layout, grid = school.html.id, school.layout.id, school.grid.id
    await corrupt(connection, "update skills set dependents = %s where id = %s", [grid], html)

    changes = await check_repair(
        db,
        ("dependents_are_inverse", "skill", None, html, "dependents", str(layout), None),
        ("dependents_are_inverse", "skill", None, html, "dependents", None, str(grid)),
    )

    assert changes == {("skill", None, html, "dependents"): (f"{{{grid}}}", f"{{{layout}}}")}
    assert (await db.skills.get(html)).dependents == (layout,)


@pytest.mark.parametrize("column", ["dependencies", "dependents"])
async def test_dangling_ids_are_removed_from_the_edges_of_skills(db, connection, school, column):
    before = await stored_rows(connection)
    await corrupt(connection, f"update skills set {column} = {column} || %s where id = %s", STRANGER, school.layout.id)

    changes = await check_repair(
        db, ("no_orphan", "skill", None, school.layout.id, column, "skills of the tree", str(STRANGER))
    )

    assert list(changes) == [("skill", None, school.layout.id, column)]
    assert await stored_rows(connection) == before


async def test_a_dependency_on_another_tree_is_removed_and_no_longer_gates(db, connection, school):
    other = await add_tree(db, "other")
    [foreign] = await add_skills(db, other, "foreign")
    await corrupt(
        connection,
        "update skills set dependencies = dependencies || %s where id = %s",
        foreign.id,
        school.layout.id,
    )
    await corrupt(
        connection,
        "delete from user_skill_progress where user_id = %s and skill_id = %s",
        school.ada.id,
        school.layout.id,
    )

    changes = await check_repair(
        db, ("no_orphan", "skill", None, school.layout.id, "dependencies", "skills of the tree", str(foreign.id))
    )

    # Without it, ada has satisfied all prerequisites. The same repair unlocks the skill.
    assert changes["skill", school.ada.id, school.layout.id, "status"] == (None, "AVAILABLE")


async def test_trees_whose_skills_refer_to_each_other_are_repaired_together(db, connection, school):
    other = await add_tree(db, "other")
    one, two = await add_skills(db, other, "one", two=["one"])
    await corrupt(connection, "update skills set dependencies = %s where id = %s", [school.html.id], one.id)
    await corrupt(connection, "update skills set dependents = '{}' where id in (%s, %s)", one.id, school.html.id)
    await corrupt(connection, "update skills set dependencies = %s where id = %s", [two.id], school.css.id)

    repair = await db.doctor.repair()

    assert (repair.failures, repair.remaining) == ((), ())
    assert (await db.skills.get(one.id)).dependents == (two.id,)
    assert (await db.skills.get(school.css.id)).dependencies == ()


async def test_dangling_ids_are_removed_from_prerequisites(db, connection, school):
    other = await add_tree(db, "other")
    await corrupt(
        connection, "update skill_trees set prerequisites = %s where id = %s", [STRANGER, other.id], school.tree.id
    )

    changes = await check_repair(
        db, ("no_orphan", "tree", None, school.tree.id, "prerequisites", "trees", str(STRANGER))
    )

    assert changes == {
        ("tree", None, school.tree.id, "prerequisites"): (f"{{{STRANGER},{other.id}}}", f"{{{other.id}}}")
    }


async def test_dangling_ids_are_removed_from_paths_and_milestones(db, connection, school):
    await corrupt(
        connection,
        "update user_skill_tree_progress set current_path = %s, milestones_reached = milestones_reached || %s"
        " where user_id = %s",
        [school.css.id, STRANGER, school.html.id],
        STRANGER,
        school.ada.id,
    )

    changes = await check_repair(
        db,
        ("no_orphan", "tree", school.ada.id, school.tree.id, "current_path", "skills of the tree", str(STRANGER)),
        ("no_orphan", "tree", school.ada.id, school.tree.id, "milestones_reached", "skills of the tree", str(STRANGER)),
        (
            "tree_progress",
            "tree",
            school.ada.id,
            school.tree.id,
            "milestones_reached",
            f"{{{school.html.id}}}",
            f"{{{school.html.id},{STRANGER}}}",
        ),
    )

    assert {what for _, _, _, what in changes} == {"current_path", "milestones_reached"}
    assert (await db.progress.for_tree(school.ada.id, school.tree.id)).current_path == (school.css.id, school.html.id)


async def test_a_cycle_of_dependencies_is_reported_with_its_path_and_not_repaired(db, connection, school):
    html, css, layout = school.html.id, school.css.id, school.layout.id
    await corrupt(connection, "update skills set dependencies = array[%s::uuid] where id = %s", layout, html)
    await corrupt(connection, "update skills set dependents = dependents || %s where id = %s", html, layout)
    path = " → ".join(["html", "layout", "html"] if html < layout else ["layout", "html", "layout"])
    expected = ("no_dependency_cycle", "tree", None, school.tree.id, "dependencies", "no cycle", path)

    findings = await db.doctor.examine()
    repair = await db.doctor.repair()

    assert summaries(findings) == [expected]
    assert summaries(repair.remaining) == [expected]
    assert (repair.changes, repair.failures) == ((), ())
    assert (await db.skills.get(css)).dependents == (layout,)


async def test_a_tree_with_a_cycle_is_not_repaired(db, connection, school):
    html, layout, grid = school.html.id, school.layout.id, school.grid.id
    await corrupt(connection, "update skills set dependencies = array[%s::uuid] where id = %s", layout, html)
    other = await add_tree(db, "other")
    [alone] = await add_skills(db, other, "alone")
    await corrupt(connection, "update skills set dependents = %s where id = %s", [STRANGER], alone.id)

    repair = await db.doctor.repair()

    [failure] = repair.failures
    assert failure.subject == f"tree {school.tree.id}"
    assert failure.error.startswith("CyclicDependency: dependency cycle")
    assert {(each.subject_id, each.what) for each in repair.changes} == {(alone.id, "dependents")}
    assert {(each.invariant, each.subject_id) for each in repair.remaining} == {
        ("dependents_are_inverse", layout),
        ("no_dependency_cycle", school.tree.id),
    }
    assert (await db.skills.get(grid)).dependencies == (layout,)


async def test_a_cycle_of_parents_is_reported_with_its_path(db, connection, school):
    html, css = school.html.id, school.css.id
    await corrupt(
        connection,
        "update skills set parent_skill_id = case when id = %s then %s::uuid else %s end where id in (%s, %s)",
        html,
        css,
        html,
        html,
        css,
    )

    repair = await db.doctor.repair()

    expected = ("no_parent_cycle", "tree", None, school.tree.id, "parents", "no cycle", "html → css → html")
    assert summaries(repair.remaining) == [expected]


async def test_a_cycle_of_prerequisites_is_reported_with_its_path(db, connection, school):
    other = await add_tree(db, "other")
    await corrupt(connection, "update skill_trees set prerequisites = %s where id = %s", [other.id], school.tree.id)
    await corrupt(connection, "update skill_trees set prerequisites = %s where id = %s", [school.tree.id], other.id)

    repair = await db.doctor.repair()

    expected = ("no_prerequisite_cycle", "tree", None, school.tree.id, "prerequisites", "no cycle", "Web → Other → Web")
    assert summaries(repair.remaining) == [expected]


# --- progress of a learner -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("invariant", "column", "wrong", "right"),
    [
        ("xp_total", "total_xp", "44", "45"),
        ("streak", "current_streak", "0", "1"),
        ("streak", "max_streak", "9", "1"),
        ("streak", "last_activity_on", "2026-03-05", "2026-03-04"),
        ("streak", "last_activity_on", None, "2026-03-04"),
        ("profile_counts", "skills_completed", "0", "2"),
        ("profile_counts", "trees_started", "3", "1"),
        ("profile_counts", "trees_completed", "1", "0"),
        ("profile_counts", "hours_learned", "2.5", "1"),
    ],
)
async def test_counts_of_a_profile_are_repaired(db, connection, school, invariant, column, wrong, right):
    before = await stored_rows(connection)
    await corrupt(connection, f"update user_profiles set {column} = %s where user_id = %s", wrong, school.ada.id)

    changes = await check_repair(db, (invariant, "learner", school.ada.id, None, column, right, wrong))

    assert changes == {("learner", school.ada.id, None, column): (wrong, right)}
    assert await stored_rows(connection) == before


async def test_hours_may_be_off_by_half_a_minute(db, connection, school):
    await corrupt(connection, "update user_profiles set hours_learned = hours_learned + 0.4 / 60")

    assert await db.doctor.examine() == []


@pytest.mark.parametrize(
    ("column", "wrong", "right"),
    [
        ("total_skills", "5", "4"),
        ("skills_completed", "1", "2"),
        ("progress_percent", "49.9", "50"),
        ("milestones_reached", "{}", "{%s}"),
        ("time_spent_minutes", "61", "60"),
    ],
)
async def test_counts_of_tree_progress_are_repaired(db, connection, school, column, wrong, right):
    right = right.replace("%s", str(school.html.id))
    before = await stored_rows(connection)
    await corrupt(
        connection, f"update user_skill_tree_progress set {column} = %s where user_id = %s", wrong, school.ada.id
    )

    changes = await check_repair(db, ("tree_progress", "tree", school.ada.id, school.tree.id, column, right, wrong))

    assert changes == {("tree", school.ada.id, school.tree.id, column): (wrong, right)}
    assert await stored_rows(connection) == before


async def test_the_order_of_milestones_does_not_matter(db, connection, school):
    await db.skills.update(school.css.id, is_milestone=True)
    await corrupt(
        connection,
        "update user_skill_tree_progress set milestones_reached = %s where user_id = %s",
        [school.css.id, school.html.id],
        school.ada.id,
    )

    assert await db.doctor.examine() == []


@pytest.mark.parametrize("status", ["IN_PROGRESS", "PAUSED"])
async def test_a_tree_whose_skills_are_all_completed_becomes_completed(db, connection, school, status):
    before = await stored_rows(connection)
    await corrupt(
        connection,
        "update user_skill_tree_progress set status = %s, completed_at = null where user_id = %s",
        status,
        school.linus.id,
    )

    changes = await check_repair(
        db,
        ("profile_counts", "learner", school.linus.id, None, "trees_completed", "0", "1"),
        ("tree_progress", "tree", school.linus.id, school.tree.id, "status", "COMPLETED", status),
    )

    assert changes["tree", school.linus.id, school.tree.id, "status"] == (status, "COMPLETED")
    assert await stored_rows(connection) == before


async def test_a_completed_tree_gets_its_time_of_completion(db, connection, school):
    before = await stored_rows(connection)
    rule = "user_skill_tree_progress_completed_at_agrees"
    # As in a database from before this constraint.
    await connection.execute(f"alter table user_skill_tree_progress drop constraint {rule}")
    try:
        await corrupt(connection, "update user_skill_tree_progress set completed_at = null where status = 'COMPLETED'")

        await check_repair(
            db, ("tree_progress", "tree", school.linus.id, school.tree.id, "completed_at", "a moment", None)
        )
    finally:
        await connection.execute(
            f"alter table user_skill_tree_progress add constraint {rule}"
            " check ((status = 'COMPLETED') = (completed_at is not null)) not valid"
        )

    assert await stored_rows(connection) == before


async def test_a_tree_with_work_in_it_becomes_started(db, connection, school):
    await corrupt(connection, "delete from user_skill_tree_progress where user_id = %s", school.grace.id)
    await corrupt(
        connection,
        "update user_skill_tree_progress set status = 'NOT_STARTED', started_at = null where user_id = %s",
        school.ada.id,
    )

    changes = await check_repair(
        db,
        *(
            ("profile_counts", "learner", learner.id, None, "trees_started", "0", "1")
            for learner in (school.ada, school.grace)
        ),
        ("tree_progress", "tree", school.ada.id, school.tree.id, "status", "IN_PROGRESS", "NOT_STARTED"),
        ("tree_progress", "tree", school.grace.id, school.tree.id, "status", "IN_PROGRESS", None),
    )

    assert changes["tree", school.grace.id, school.tree.id, "status"] == (None, "IN_PROGRESS")
    assert changes["tree", school.grace.id, school.tree.id, "skills_completed"] == (None, "1")
    assert (await db.progress.for_tree(school.grace.id, school.tree.id)).started_at == NOON


@pytest.mark.parametrize("status", ["LOCKED", None])
async def test_a_skill_with_satisfied_prerequisites_is_unlocked(db, connection, school, status):
    before = await stored_rows(connection)
    where = "where user_id = %s and skill_id = %s"
    await corrupt(
        connection,
        f"update user_skill_progress set status = 'LOCKED' {where}"
        if status
        else f"delete from user_skill_progress {where}",
        school.ada.id,
        school.layout.id,
    )

    changes = await check_repair(
        db, ("unlocked_where_due", "skill", school.ada.id, school.layout.id, "status", "AVAILABLE", status)
    )

    assert changes == {("skill", school.ada.id, school.layout.id, "status"): (status, "AVAILABLE")}
    assert await stored_rows(connection) == before


async def test_a_repaired_unlock_is_not_later_than_the_start(db, connection, school):
    await corrupt(
        connection,
        "update user_skill_progress set status = 'LOCKED', started_at = '2026-03-01', unlocked_at = null"
        " where user_id = %s and skill_id = %s",
        school.ada.id,
        school.layout.id,
    )

    await check_repair(
        db, ("unlocked_where_due", "skill", school.ada.id, school.layout.id, "status", "AVAILABLE", "LOCKED")
    )

    assert (await db.progress.for_skill(school.ada.id, school.layout.id)).unlocked_at.month == 3


async def test_a_skill_stays_locked_while_a_prerequisite_is_missing(db, connection, school):
    await corrupt(connection, "update user_skill_progress set status = 'LOCKED' where status = 'AVAILABLE'")
    await corrupt(connection, "update skills set is_active = false where id = %s", school.html.id)

    unlocked = await db.doctor.examine("unlocked_where_due")

    # Without html, layout needs only css, which ada and linus have completed.
    assert summaries(unlocked) == [
        ("unlocked_where_due", "skill", school.ada.id, school.layout.id, "status", "AVAILABLE", "LOCKED")
    ]


# --- the ledger and awards -------------------------------------------------------------------------------------------


async def test_a_completed_skill_without_an_event_gets_one(db, connection, school):
    before = await stored_rows(connection)
    await corrupt(
        connection,
        "delete from xp_events where user_id = %s and source_id = %s",
        school.grace.id,
        school.html.id,
    )
    await corrupt(connection, "update user_profiles set total_xp = 25 where user_id = %s", school.grace.id)
    await corrupt(connection, "update user_scores set xp = 25 where user_id = %s", school.grace.id)

    findings = summaries(await db.doctor.examine())
    repair = await db.doctor.repair()

    assert findings[0] == (
        "completed_skill_has_event",
        "skill",
        school.grace.id,
        school.html.id,
        "xp event",
        "10",
        None,
    )
    assert {invariant for invariant, *_ in findings[1:]} == {"leaderboard_counts"}
    assert (repair.failures, repair.remaining) == ((), ())
    assert await stored_rows(connection) == before


async def test_an_unearned_award_is_withdrawn_with_its_xp(db, connection, school):
    before = await stored_rows(connection)
    await corrupt(
        connection,
        "insert into user_achievements (user_id, achievement_id) values (%s, %s)",
        school.ada.id,
        school.three.id,
    )
    await corrupt(
        connection,
        "insert into xp_events (user_id, source_kind, source_id, xp, granted_at, granted_on)"
        " values (%s, 'ACHIEVEMENT', %s, 0, %s, %s)",
        school.ada.id,
        school.three.id,
        NOON,
        NOON.date(),
    )

    changes = await check_repair(
        db, ("award_is_entitled", "achievement", school.ada.id, school.three.id, "skill_completion_count", "3", "2")
    )

    assert {(what, after) for (_, _, _, what), (_, after) in changes.items()} == {("award", None), ("xp event", None)}
    assert await stored_rows(connection) == before


async def test_withdrawing_an_award_also_withdraws_those_earned_by_its_xp(db, connection, school):
    before = await stored_rows(connection)
    for achievement, xp in ((school.three, 20), (school.rich, 5)):
        await corrupt(
            connection,
            "insert into user_achievements (user_id, achievement_id) values (%s, %s)",
            school.ada.id,
            achievement.id,
        )
        await corrupt(
            connection,
            "insert into xp_events (user_id, source_kind, source_id, xp, granted_at, granted_on)"
            " values (%s, 'ACHIEVEMENT', %s, %s, %s, %s)",
            school.ada.id,
            achievement.id,
            xp,
            NOON,
            NOON.date(),
        )
    await corrupt(connection, "update user_profiles set total_xp = 70 where user_id = %s", school.ada.id)

    findings = await db.doctor.examine("award_is_entitled")
    repair = await db.doctor.repair()

    assert [each.subject_id for each in findings] == [school.three.id]
    assert (repair.failures, repair.remaining) == ((), ())
    withdrawn = {each.subject_id for each in repair.changes if each.what == "award"}
    assert withdrawn == {school.three.id, school.rich.id}
    assert await stored_rows(connection) == before


async def test_an_award_is_judged_by_the_threshold_at_its_time(db, connection, school):
    await corrupt(
        connection,
        "update achievements set criteria = jsonb_set(criteria, '{threshold}', '1000'), updated_at = now()"
        " where id in (%s, %s)",
        school.first.id,
        school.three.id,
    )

    assert await db.doctor.examine() == []


async def test_an_award_is_kept_after_its_criteria_change_type(db, connection, school):
    await corrupt(
        connection,
        """update achievements set criteria = '{"type": "streak_days", "threshold": 30}' where id = %s""",
        school.first.id,
    )

    assert await db.doctor.examine() == []


@pytest.mark.parametrize(
    "metadata", ["null", "{}", '{"criteria": null}', '{"criteria": {"threshold": "?"}, "value": []}', '{"criteria": 1}']
)
async def test_unreadable_metadata_of_an_award_is_ignored(db, connection, school, metadata):
    await corrupt(connection, "update user_achievements set metadata = nullif(%s::jsonb, 'null')", metadata)

    assert await db.doctor.examine() == []


async def test_an_award_without_an_event_gets_one(db, connection, school):
    before = await stored_rows(connection)
    await corrupt(
        connection,
        "delete from xp_events where user_id = %s and source_id = %s",
        school.linus.id,
        school.three.id,
    )

    changes = await check_repair(
        db, ("award_is_entitled", "achievement", school.linus.id, school.three.id, "xp event", "0", None)
    )

    assert changes == {("achievement", school.linus.id, school.three.id, "xp event"): (None, "0")}
    assert await stored_rows(connection) == before


async def test_a_missing_award_with_an_event_is_restored_without_paying_again(db, connection, school):
    await corrupt(
        connection,
        "delete from user_achievements where user_id = %s and achievement_id = %s",
        school.linus.id,
        school.rich.id,
    )

    changes = await check_repair(
        db, ("event_has_award", "achievement", school.linus.id, school.rich.id, "award", "2026-03-04 12:00:00", None)
    )

    assert list(changes) == [("achievement", school.linus.id, school.rich.id, "award")]


@pytest.mark.parametrize(
    ("backfill", "is_due"),
    [(None, False), ("2026-12-01 00:00+00", True), ("under way", False), ("2026-01-01 00:00+00", False)],
)
async def test_a_later_achievement_is_due_only_after_its_backfill(db, connection, school, backfill, is_due):
    later = await add_achievement(db, "Later", criteria={"type": "xp_threshold", "threshold": 70})
    await corrupt(connection, "update achievements set updated_at = '2026-06-01' where id = %s", later.id)
    if backfill is not None:
        moment = "2026-12-01 00:00+00" if backfill == "under way" else backfill
        await connection.execute(
            "insert into achievement_backfills (achievement_id, started_at, finished_at) values (%s, %s, %s)",
            [later.id, moment, None if backfill == "under way" else moment],
        )

    findings = await db.doctor.examine()

    assert [(each.invariant, each.user_id) for each in findings] == (
        [("award_is_due", school.linus.id)] if is_due else []
    )


async def test_an_achievement_created_after_a_report_from_a_fast_clock_is_not_due(db, school):
    now = datetime.now(UTC)
    await db.progress.record_activity(school.linus.id, school.html.id, minutes=5, at=now + timedelta(seconds=50))

    await add_achievement(db, "Later", criteria={"type": "xp_threshold", "threshold": 70})

    assert await db.doctor.examine() == []


# --- leaderboards ----------------------------------------------------------------------------------------------------

WEEK = "WEEK 2026-03-02"


@pytest.mark.parametrize(
    ("column", "wrong", "right"),
    [("xp", "44", "45"), ("reached_at", "2026-03-04 13:00:00+00", "2026-03-04 12:00:00+00")],
)
async def test_a_leaderboard_score_is_repaired(db, connection, school, column, wrong, right):
    before = await stored_rows(connection)
    await corrupt(
        connection,
        f"update user_scores set {column} = %s where user_id = %s and board = 'WEEK'",
        wrong,
        school.ada.id,
    )

    findings = await db.doctor.examine("leaderboard_scores")
    repair = await db.doctor.repair()

    expected = ("leaderboard_scores", "leaderboard", school.ada.id, None, f"{WEEK}: {column}", right, wrong)
    assert summaries(findings) == [expected]
    assert (repair.failures, repair.remaining) == ((), ())
    assert (f"{WEEK}: {column}", wrong, right) in {(each.what, each.before, each.after) for each in repair.changes}
    assert await stored_rows(connection) == before


async def test_the_visibility_of_a_score_follows_the_profile(db, connection, school):
    await corrupt(connection, "update user_profiles set is_on_leaderboard = false where user_id = %s", school.ada.id)
    await corrupt(connection, "update users set is_active = false where id = %s", school.grace.id)

    changes = await check_repair(
        db,
        *(
            ("leaderboard_scores", "leaderboard", learner.id, None, f"{board}: is_listed", "false", "true")
            for learner in (school.ada, school.grace)
            for board in ("ALL_TIME 1970-01-01", WEEK, "MONTH 2026-03-01")
        ),
    )

    assert changes["leaderboard", school.ada.id, None, f"{WEEK}: is_listed"] == ("true", "false")
    shown = "select sum(learners) from leaderboard_counts, unnest(counts) as learners where level = 0"
    assert await value(connection, shown) == 3


async def test_missing_and_superfluous_scores_are_repaired(db, connection, school):
    before = await stored_rows(connection)
    await corrupt(connection, "delete from user_scores where user_id = %s and board = 'MONTH'", school.ada.id)
    await corrupt(
        connection,
        "insert into user_scores (user_id, board, starts_on, xp, reached_at, is_listed)"
        " values (%s, 'WEEK', '2026-03-03', 10, now(), true)",
        school.ada.id,
    )

    findings = await db.doctor.examine("leaderboard_scores")
    repair = await db.doctor.repair()

    assert [(each.what, each.found is None) for each in findings if each.what.endswith("xp")] == [
        ("WEEK 2026-03-03: xp", False),
        ("MONTH 2026-03-01: xp", True),
    ]
    assert (repair.failures, repair.remaining) == ((), ())
    assert await stored_rows(connection) == before


async def test_leaderboard_counts_are_repaired_from_the_scores(db, connection, school):
    await corrupt(
        connection,
        "update leaderboard_counts set counts = add_counts(counts, array_fill(0, array[45]) || 2 || array_fill(0,"
        " array[18])) where board = 'WEEK' and level = 0 and bucket = 0 and slot = %s",
        school.ada.id.bytes[15] & 7,
    )
    what = f"{WEEK}: learners with XP from 45, level 0"

    changes = await check_repair(db, ("leaderboard_counts", "leaderboard", None, None, what, "1", "3"))

    slot = school.ada.id.bytes[15] & 7
    assert changes == {("leaderboard", None, None, f"{what}, slot {slot}"): ("3", "1")}


async def test_missing_leaderboard_counts_are_restored_at_every_level(db, connection, school):
    [long] = await add_skills(db, school.tree, "long")
    await db.skills.update(long.id, xp_value=1_000_000)
    await db.progress.complete_skill(school.ada.id, long.id, at=NOON)
    counts = "select board, level, bucket, slot, counts from leaderboard_counts order by 1, 2, 3, 4"
    before = await rows(connection, counts)
    await corrupt(connection, "delete from leaderboard_counts")

    findings = await db.doctor.examine()
    repair = await db.doctor.repair()

    assert {each.invariant for each in findings} == {"leaderboard_counts"}
    assert {each.what.rpartition("level ")[2] for each in findings} == set("0123")
    assert (repair.failures, repair.remaining) == ((), ())
    assert await rows(connection, counts) == [row for row in before if any(row[4])]


async def test_a_negative_count_is_reported_even_if_the_sum_is_right(db, connection, school):
    slot = school.ada.id.bytes[15] & 7
    change = "array_fill(0, array[45]) || %s || array_fill(0, array[18])"
    for moved, by in ((slot, -2), ((slot + 1) & 7, 2)):
        await corrupt(
            connection,
            "insert into leaderboard_counts (board, starts_on, level, bucket, slot, counts)"
            f" values ('WEEK', '2026-03-02', 0, 0, %s, {change})"
            " on conflict (board, starts_on, level, bucket, slot) do update"
            " set counts = add_counts(leaderboard_counts.counts, excluded.counts)",
            moved,
            by,
        )
    what = f"{WEEK}: learners with XP from 45, level 0, slot {slot}"

    changes = await check_repair(db, ("leaderboard_counts", "leaderboard", None, None, what, "0 or more", "-1"))

    assert changes["leaderboard", None, None, what] == ("-1", "1")


# --- concurrent repairs ----------------------------------------------------------------------------------------------


async def test_a_learner_who_cannot_be_repaired_does_not_stop_other_repairs(db, connection, school):
    await corrupt(connection, "update user_profiles set skills_completed = 99")
    await corrupt(
        connection, "delete from user_skill_progress where skill_id = %s and status = 'AVAILABLE'", school.layout.id
    )
    await connection.execute(
        f"""
        create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not this one'; end $$;
        create trigger refuse before update on user_profiles
        for each row when (new.user_id = '{school.ada.id}') execute function refuse()
        """
    )

    try:
        repair = await db.doctor.repair()
    finally:
        await connection.execute("drop trigger refuse on user_profiles; drop function refuse()")
    again = await db.doctor.repair()

    assert [failure.subject for failure in repair.failures] == [f"learner {school.ada.id}"]
    assert "not this one" in repair.failures[0].error
    # Nothing for ada: the unlock of her skill was rolled back with the rest.
    assert {each.user_id for each in repair.changes} == {school.grace.id, school.linus.id}
    assert {(each.invariant, each.user_id) for each in repair.remaining} == {
        ("profile_counts", school.ada.id),
        ("unlocked_where_due", school.ada.id),
    }
    assert (again.failures, again.remaining) == ((), ())


async def test_learners_can_work_during_a_repair(db, connection, school):
    learners = [await add_user(db, f"learner{number}") for number in range(6)]
    skills = [school.html, school.css, school.layout, school.grid]
    for learner in learners:
        await db.progress.complete_skill(learner.id, school.html.id, at=NOON)
    await corrupt(connection, "update user_profiles set total_xp = 1, skills_completed = 7, max_streak = 5")
    await corrupt(connection, "delete from user_scores where board = 'MONTH'")
    await corrupt(connection, "update leaderboard_counts set counts = array_fill(1, array[64]) where level < 2")
    await corrupt(connection, "update skills set dependents = '{}' where id = %s", school.css.id)

    async def learn(learner):
        return [await db.progress.complete_skill(learner.id, skill.id) for skill in skills]

    results = await concurrently_async(
        db.doctor.repair, db.doctor.repair, *(lambda learner=learner: learn(learner) for learner in learners)
    )
    last = await db.doctor.repair()

    assert failures(results) == []
    assert [repair.failures for repair in results[:2]] == [(), ()]
    assert (last.failures, last.remaining) == ((), ())
    assert await value(connection, "select count(*) from user_skill_tree_progress where status = 'COMPLETED'") == 7
