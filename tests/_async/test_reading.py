"""Reads of a learner's progress and next steps. For a real curriculum, networkx computes each answer again."""

import json
import random
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import networkx as nx
import pytest

from _async.factories import (
    add_achievement,
    add_progress,
    add_skills,
    add_tree,
    add_user,
    case,
    expect_nothing_written,
    rows,
    value,
)
from skilltree import AsyncDatabase
from skilltree.errors import InvalidValue, SkillNotFound, TreeNotFound, UserNotFound

UNKNOWN = UUID(int=0)
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


async def change(connection, skill, **columns):
    """Set columns of a skill directly, without updating what is derived from them."""
    for name, wanted in columns.items():
        await connection.execute(f"update skills set {name} = %s where id = %s", [wanted, skill.id])


async def add_tree_progress(connection, learner, tree, status="IN_PROGRESS", last_activity_at=None):
    await connection.execute(
        "insert into user_skill_tree_progress (user_id, skill_tree_id, status, last_activity_at, completed_at)"
        " values (%s, %s, %s, %s, %s)",
        [learner.id, tree.id, status, last_activity_at, last_activity_at if status == "COMPLETED" else None],
    )


async def award(connection, learner, achievement, earned_at, **columns):
    given = {"user_id": learner.id, "achievement_id": achievement.id, "earned_at": earned_at, **columns}
    await connection.execute(
        f"insert into user_achievements ({', '.join(given)}) values ({', '.join(f'%({name})s' for name in given)})",
        given,
    )


def names(found):
    return [each.name for each in found]


# --- why a skill is locked -------------------------------------------------------------------------------------------


async def explained(db, learner, skill):
    """Return the path as tuples: what to do with which skill, its status, its level."""
    explanation = await db.progress.explain_lock(learner.id, skill.id)
    return [(step.action, step.name, step.status, step.level) for step in explanation.path]


async def test_a_skill_without_prerequisites_is_not_locked(db, learner, tree):
    [html] = await add_skills(db, tree, "html")

    explanation = await db.progress.explain_lock(learner.id, html.id)

    assert (explanation.skill_id, explanation.name, explanation.is_active) == (html.id, "html", True)
    assert (explanation.status, explanation.is_locked) == ("AVAILABLE", False)
    assert (explanation.missing, explanation.path, explanation.remaining_minutes, explanation.xp) == ((), (), 0, 0)


async def test_a_skill_needed_on_two_paths_is_named_once(db, learner, tree):
    *_, d = await add_skills(db, tree, "a", b=["a"], c=["a"], d=["b", "c"])

    explanation = await db.progress.explain_lock(learner.id, d.id)

    assert (explanation.status, explanation.is_locked) == ("LOCKED", True)
    assert [(each.name, each.status, each.is_optional) for each in explanation.missing] == [
        ("b", "LOCKED", False),
        ("c", "LOCKED", False),
    ]
    assert await explained(db, learner, d) == [
        ("COMPLETE", "a", "AVAILABLE", 0),
        ("COMPLETE", "b", "LOCKED", 1),
        ("COMPLETE", "c", "LOCKED", 1),
    ]


async def test_the_path_skips_optional_skills(db, connection, learner, tree):
    a, b, c, d = await add_skills(db, tree, "a", b=["a"], c=["b"], d=["c"])
    await change(connection, b, is_optional=True, estimated_minutes=1000, xp_value=500)
    await change(connection, a, estimated_minutes=30, xp_value=20)
    await change(connection, c, estimated_minutes=45, xp_value=5)

    explanation = await db.progress.explain_lock(learner.id, d.id)

    assert [(step.action, step.name, step.remaining_minutes, step.xp) for step in explanation.path] == [
        ("COMPLETE", "a", 30, 20),
        ("SKIP", "b", 1000, 0),
        ("COMPLETE", "c", 45, 5),
    ]
    assert (explanation.remaining_minutes, explanation.xp) == (75, 25)


async def test_following_the_path_opens_the_skill(db, connection, learner, tree):
    _, b, _, _, _, f = await add_skills(db, tree, "a", b=["a"], c=["b"], d=["a"], e=["d", "c"], f=["e", "b"])
    await change(connection, b, is_optional=True)
    explanation = await db.progress.explain_lock(learner.id, f.id)

    for step in explanation.path:
        act = db.progress.skip_skill if step.action == "SKIP" else db.progress.complete_skill
        await act(learner.id, step.id)

    assert len(explanation.path) == 5
    assert (await db.progress.explain_lock(learner.id, f.id)).status == "AVAILABLE"
    assert (await db.users.get_profile(learner.id)).total_xp == explanation.xp


async def test_a_satisfied_prerequisite_is_not_on_the_path(db, connection, learner, tree):
    _, b, c, _, e = await add_skills(db, tree, "a", b=["a"], c=["a"], d=["b", "c"], e=["d"])
    await add_progress(connection, learner, b, "COMPLETED")
    await add_progress(connection, learner, c, "SKIPPED")

    assert await explained(db, learner, e) == [("COMPLETE", "d", "AVAILABLE", 0)]


async def test_nothing_behind_a_started_skill_is_on_the_path(db, connection, learner, tree):
    # c was started before it needed b, so it can be completed without b.
    *_, c, d = await add_skills(db, tree, "a", b=["a"], c=["b"], d=["c"])
    await add_progress(connection, learner, c, "IN_PROGRESS")

    assert await explained(db, learner, d) == [("COMPLETE", "c", "IN_PROGRESS", 0)]
    await db.progress.complete_skill(learner.id, c.id)
    assert (await db.progress.explain_lock(learner.id, d.id)).is_locked is False


async def test_a_started_skill_comes_after_its_prerequisites_if_they_are_on_the_path_anyway(
    db, connection, learner, tree
):
    a, b, c = await add_skills(db, tree, "a", b=["a"], c=["a", "b"])
    await change(connection, b, position_y=-10)
    await add_progress(connection, learner, b, "IN_PROGRESS")

    assert await explained(db, learner, c) == [("COMPLETE", "a", "AVAILABLE", 0), ("COMPLETE", "b", "IN_PROGRESS", 1)]
    assert [each.id for each in (await db.progress.explain_lock(learner.id, c.id)).missing] == [a.id, b.id]


@pytest.mark.parametrize("status", ["IN_PROGRESS", "COMPLETED"])
async def test_started_work_is_not_locked_by_a_later_prerequisite(db, connection, learner, tree, status):
    _, css = await add_skills(db, tree, "html", css=["html"])
    await add_progress(connection, learner, css, status)

    explanation = await db.progress.explain_lock(learner.id, css.id)

    assert (explanation.status, explanation.is_locked, explanation.path) == (status, False, ())
    assert names(explanation.missing) == (["html"] if status == "COMPLETED" else [])


async def test_a_skipped_skill_is_locked_by_a_later_prerequisite(db, connection, learner, tree):
    _, css = await add_skills(db, tree, "html", css=["html"])
    await add_progress(connection, learner, css, "SKIPPED")

    explanation = await db.progress.explain_lock(learner.id, css.id)

    assert (explanation.status, explanation.is_locked) == ("SKIPPED", True)
    assert names(explanation.missing) == names(explanation.path) == ["html"]


@pytest.mark.parametrize("stored", ["LOCKED", "AVAILABLE"])
async def test_the_status_is_derived_and_not_the_stored_one(db, connection, learner, tree, stored):
    html, css = await add_skills(db, tree, "html", css=["html"])
    await add_progress(connection, learner, html, stored)
    await add_progress(connection, learner, css, stored)

    explanation = await db.progress.explain_lock(learner.id, css.id)

    assert explanation.status == "LOCKED"
    assert [each.status for each in explanation.missing] == ["AVAILABLE"]


async def test_an_inactive_prerequisite_and_skills_behind_it_do_not_lock(db, learner, tree):
    _, b, _, d = await add_skills(db, tree, "a", b=["a"], c=[], d=["b", "c"])
    await db.skills.deactivate(b.id)

    explanation = await db.progress.explain_lock(learner.id, d.id)

    assert names(explanation.missing) == names(explanation.path) == ["c"]


async def test_an_inactive_skill_has_no_path_and_says_that_it_is_inactive(db, connection, learner, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])
    await db.skills.deactivate(css.id)

    locked = await db.progress.explain_lock(learner.id, css.id)
    await add_progress(connection, learner, html)
    still = await db.progress.explain_lock(learner.id, css.id)
    await add_progress(connection, learner, css)
    completed = await db.progress.explain_lock(learner.id, css.id)

    assert (locked.is_active, locked.status, names(locked.missing), locked.path) == (False, "LOCKED", ["html"], ())
    assert (still.is_active, still.status, still.is_locked, still.missing) == (False, "LOCKED", True, ())
    assert (completed.is_active, completed.status, completed.is_locked) == (False, "COMPLETED", False)


async def test_minutes_already_spent_are_subtracted(db, connection, learner, tree):
    a, b, _, d = await add_skills(db, tree, "a", "b", "c", d=["a", "b", "c"])
    await change(connection, a, estimated_minutes=60)
    await change(connection, b, estimated_minutes=60)
    await add_progress(connection, learner, a, "IN_PROGRESS", time_spent_minutes=25)
    await add_progress(connection, learner, b, "IN_PROGRESS", time_spent_minutes=90)

    explanation = await db.progress.explain_lock(learner.id, d.id)

    assert [step.remaining_minutes for step in explanation.path] == [35, 0, None]
    assert explanation.remaining_minutes == 35


async def test_xp_already_paid_is_not_promised_again_on_the_path(db, learner, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])
    await db.progress.complete_skill(learner.id, html.id)
    await db.progress.reset_skill(learner.id, html.id)

    explanation = await db.progress.explain_lock(learner.id, css.id)

    assert [(step.name, step.xp) for step in explanation.path] == [("html", 0)]
    assert explanation.xp == 0


async def test_another_learners_work_does_not_shorten_the_path(db, connection, learner, tree):
    other = await add_user(db, "grace")
    html, css = await add_skills(db, tree, "html", css=["html"])
    await add_progress(connection, other, html)

    assert names((await db.progress.explain_lock(learner.id, css.id)).path) == ["html"]
    assert (await db.progress.explain_lock(other.id, css.id)).is_locked is False


# --- learning paths --------------------------------------------------------------------------------------------------


async def test_a_path_contains_all_prerequisites_and_ends_at_the_goal(db, connection, learner, tree):
    a, b, c, d = await add_skills(db, tree, "a", b=["a"], c=["a"], d=["b", "c"])
    await change(connection, b, is_optional=True, estimated_minutes=10, xp_value=7)
    await change(connection, d, estimated_minutes=90, xp_value=100)
    await add_progress(connection, learner, b, "IN_PROGRESS", time_spent_minutes=4)

    path = await db.progress.learning_path(learner.id, d.id)

    assert (path.skill_id, path.name, path.is_active) == (d.id, "d", True)
    assert [step.id for step in path.steps] == [a.id, b.id, c.id, d.id]
    assert [
        (step.name, step.status, step.is_optional, step.remaining_minutes, step.xp, step.level) for step in path.steps
    ] == [
        ("a", "AVAILABLE", False, None, 10, 0),
        ("b", "IN_PROGRESS", True, 6, 7, 1),
        ("c", "LOCKED", False, None, 10, 1),
        ("d", "LOCKED", False, 90, 100, 2),
    ]
    assert (path.remaining_minutes, path.remaining_xp) == (96, 127)


async def test_a_path_omits_satisfied_skills_and_what_only_they_need(db, connection, learner, tree):
    # "shared" lies behind a satisfied skill, and behind another one that is not.
    *_, done, open_, goal = await add_skills(
        db, tree, "only", "shared", done=["only", "shared"], open=["shared"], goal=["done", "open"]
    )
    await add_progress(connection, learner, done, "SKIPPED")

    assert names((await db.progress.learning_path(learner.id, goal.id)).steps) == ["shared", "open", "goal"]
    await add_progress(connection, learner, open_, "COMPLETED")
    [only] = (await db.progress.learning_path(learner.id, goal.id)).steps
    assert (only.name, only.status) == ("goal", "AVAILABLE")


async def test_the_path_to_a_completed_goal_is_empty(db, connection, learner, tree):
    _, css = await add_skills(db, tree, "html", css=["html"])
    await add_progress(connection, learner, css, "COMPLETED")

    path = await db.progress.learning_path(learner.id, css.id)

    assert (path.steps, path.remaining_minutes, path.remaining_xp) == ((), 0, 0)


async def test_the_path_to_a_skipped_goal_contains_the_goal(db, connection, learner, tree):
    _, css = await add_skills(db, tree, "html", css=["html"])
    await add_progress(connection, learner, css, "SKIPPED")

    path = await db.progress.learning_path(learner.id, css.id)

    assert [(step.name, step.status) for step in path.steps] == [("html", "AVAILABLE"), ("css", "SKIPPED")]


async def test_a_path_omits_inactive_skills_and_reports_an_inactive_goal(db, learner, tree):
    _, b, c = await add_skills(db, tree, "a", b=["a"], c=["b"])
    await db.skills.deactivate(b.id)

    around = await db.progress.learning_path(learner.id, c.id)
    to_it = await db.progress.learning_path(learner.id, b.id)

    assert [(step.name, step.status) for step in around.steps] == [("c", "AVAILABLE")]
    assert to_it.is_active is False
    assert [(step.name, step.status) for step in to_it.steps] == [("a", "AVAILABLE"), ("b", "LOCKED")]


async def test_a_path_counts_only_xp_not_yet_paid(db, learner, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])
    await db.progress.complete_skill(learner.id, html.id)
    await db.progress.reset_skill(learner.id, html.id)

    path = await db.progress.learning_path(learner.id, css.id)

    assert [(step.name, step.xp) for step in path.steps] == [("html", 0), ("css", 10)]
    assert path.remaining_xp == 10


# --- next skills -----------------------------------------------------------------------------------------------------


async def next_of(db, learner, tree, **given):
    return await db.progress.next_skills(learner.id, tree_id=tree.id, **given)


async def test_next_skills_are_open_or_started(db, connection, learner, tree):
    done, skipped, begun, _, gone, *_ = await add_skills(
        db, tree, "done", "skipped", "begun", "free", "gone", after=["done", "gone"], later=["free"]
    )
    await add_progress(connection, learner, done, "COMPLETED")
    await add_progress(connection, learner, skipped, "SKIPPED")
    await add_progress(connection, learner, begun, "IN_PROGRESS")
    await db.skills.deactivate(gone.id)

    found = await next_of(db, learner, tree)

    assert [(skill.name, skill.status) for skill in found] == [
        ("begun", "IN_PROGRESS"),
        ("free", "AVAILABLE"),
        ("after", "AVAILABLE"),
    ]
    assert {skill.skill_tree_id for skill in found} == {tree.id}


async def test_next_skills_are_ranked_by_how_much_they_open(db, connection, learner, tree):
    # "hub" opens x and y. z also needs "leaf", which opens nothing alone. w is already started.
    *_, w = await add_skills(db, tree, "leaf", "hub", x=["hub"], far=["x"], y=["hub"], z=["hub", "leaf"], w=["hub"])
    await add_progress(connection, learner, w, "IN_PROGRESS")

    begun, hub, leaf = await next_of(db, learner, tree)

    assert (begun.name, begun.opens, begun.needed_by, begun.score) == ("w", 0, 0, 0)
    assert (hub.name, hub.opens, hub.needed_by, hub.score) == ("hub", 2, 4, 28)
    assert (leaf.name, leaf.opens, leaf.needed_by, leaf.score) == ("leaf", 0, 1, 2)
    assert begun.reasons == ("in progress", "fits your level")
    assert hub.reasons == ("opens 2 skills", "2 more skills need it", "fits your level")
    assert leaf.reasons == ("1 skill needs it", "fits your level")


async def test_inactive_and_finished_dependents_do_not_count(db, connection, learner, tree):
    _, done, gone, _ = await add_skills(db, tree, "a", done=["a"], gone=["a"], open=["a", "gone"])
    await add_progress(connection, learner, done)
    await db.skills.deactivate(gone.id)

    [only] = await next_of(db, learner, tree)

    assert (only.name, only.opens, only.needed_by) == ("a", 1, 1)
    assert only.reasons == ("opens 1 skill", "fits your level")


async def test_the_nearest_milestone_is_named_with_its_distance(db, connection, learner, tree):
    # a -> b -> c* and a -> d -> e -> f*. g* is a milestone itself. h leads to none.
    _, _, c, _, _, f, g, _ = await add_skills(db, tree, "a", b=["a"], c=["b"], d=["a"], e=["d"], f=["e"], g=[], h=[])
    for skill in (c, f, g):
        await change(connection, skill, is_milestone=True)

    found = {skill.name: skill for skill in await next_of(db, learner, tree)}

    assert (found["a"].milestone_id, found["a"].milestone_name, found["a"].milestone_distance) == (c.id, "c", 2)
    assert (found["g"].milestone_id, found["g"].milestone_distance) == (g.id, 0)
    assert (found["h"].milestone_id, found["h"].milestone_name, found["h"].milestone_distance) == (None, None, None)
    assert found["a"].reasons[-2:] == ("2 steps to the milestone c", "fits your level")
    assert found["g"].reasons == ("is a milestone", "fits your level")
    assert [found[name].score for name in "agh"] == [20 + 4 + 6.67, 20, 0]


async def test_a_milestone_is_ahead_only_through_unfinished_skills(db, connection, learner, tree):
    # Three paths lead to m: through a finished skill, through an inactive one, and a long one.
    _, done, gone, _, _, m = await add_skills(
        db, tree, "a", done=["a"], gone=["a"], b=["a"], c=["b"], m=["done", "gone", "c"]
    )
    await change(connection, m, is_milestone=True)
    await add_progress(connection, learner, done)
    await db.skills.deactivate(gone.id)

    [before] = await next_of(db, learner, tree)
    await add_progress(connection, learner, m)
    [after] = await next_of(db, learner, tree)

    assert (before.name, before.milestone_distance) == ("a", 3)
    assert (after.name, after.milestone_distance) == ("a", None)


async def test_of_two_equally_near_milestones_the_upper_one_is_named(db, connection, learner, tree):
    _, low, high = await add_skills(db, tree, "a", low=["a"], high=["a"])
    await change(connection, low, is_milestone=True, position_y=200)
    await change(connection, high, is_milestone=True, position_y=100)

    [only] = await next_of(db, learner, tree)

    assert (only.milestone_name, only.reasons[1]) == ("high", "1 step to the milestone high")


async def test_the_fit_of_a_skill_compares_its_difficulty_with_completed_skills(
    db, connection, learner, tree, subtests
):
    _, same, above, expert = await add_skills(db, tree, "easy", "same", "above", "expert")
    for skill, difficulty in ((same, "INTERMEDIATE"), (above, "ADVANCED"), (expert, "EXPERT")):
        await change(connection, skill, difficulty=difficulty)
    other = await add_tree(db, "other")
    [hard] = await add_skills(db, other, "hard")
    await change(connection, hard, difficulty="EXPERT")
    await add_progress(connection, learner, hard)

    async with case(subtests, "nothing completed in the tree"):
        found = {skill.name: skill for skill in await next_of(db, learner, tree)}
        assert [found[name].difficulty_gap for name in ("easy", "same", "above", "expert")] == [0, 1, 2, 3]
        assert [found[name].score for name in ("easy", "same", "above", "expert")] == [0, -5, -10, -15]
        assert found["same"].reasons == ("1 level above yours",)
        assert found["expert"].reasons == ("3 levels above yours",)
    async with case(subtests, "an intermediate skill completed"):
        await add_progress(connection, learner, same)
        found = {skill.name: skill for skill in await next_of(db, learner, tree)}
        assert [found[name].difficulty_gap for name in ("easy", "above", "expert")] == [0, 1, 2]
    async with case(subtests, "a skipped skill shows nothing"):
        await add_progress(connection, learner, expert, "SKIPPED")
        found = {skill.name: skill for skill in await next_of(db, learner, tree)}
        assert [found[name].difficulty_gap for name in ("easy", "above")] == [0, 1]
    async with case(subtests, "what was completed counts after it is gone"):
        await db.skills.deactivate(same.id)
        assert (await next_of(db, learner, tree))[-1].difficulty_gap == 1


async def test_the_remaining_minutes_are_compared_with_the_daily_goal(db, connection, learner, tree):
    begun, short_, long_, _ = await add_skills(db, tree, "begun", "short", "long", "unknown")
    for skill, minutes in ((begun, 100), (short_, 30), (long_, 31)):
        await change(connection, skill, estimated_minutes=minutes)
    await add_progress(connection, learner, begun, "IN_PROGRESS", time_spent_minutes=80)
    without = await next_of(db, learner, tree)
    await db.users.update_profile(learner.id, preferences={"daily_goal_minutes": 0})
    nothing = await next_of(db, learner, tree)
    await db.users.update_profile(learner.id, preferences={"daily_goal_minutes": 30})

    found = {skill.name: skill for skill in await next_of(db, learner, tree)}

    assert {skill.fits_daily_goal for skill in (*without, *nothing)} == {None}
    assert [found[name].remaining_minutes for name in ("begun", "short", "long", "unknown")] == [20, 30, 31, None]
    assert [found[name].fits_daily_goal for name in ("begun", "short", "long", "unknown")] == [True, True, False, None]
    assert [found[name].score for name in ("begun", "short", "long", "unknown")] == [5, 5, 0, 0]
    assert found["short"].reasons == ("fits your level", "fits your daily goal of 30 minutes")
    assert found["long"].reasons == ("fits your level", "takes longer than your daily goal of 30 minutes")


async def test_started_skills_come_first_and_optional_ones_after_required_ones_of_equal_score(
    db, connection, learner, tree
):
    optional, _, _, begun, _ = await add_skills(db, tree, "optional", "required", "better", "begun", after=["better"])
    await change(connection, optional, is_optional=True, position_y=-100)
    await change(connection, begun, difficulty="EXPERT")
    await add_progress(connection, learner, begun, "IN_PROGRESS")

    found = await next_of(db, learner, tree)

    assert [(skill.name, skill.score) for skill in found] == [
        ("begun", -15),
        ("better", 12),
        ("required", 0),
        ("optional", 0),
    ]
    assert found[-1].reasons == ("fits your level", "optional")


async def find(db, tree, name):
    [found] = [skill for skill in await db.skills.list_for_tree(tree.id) if skill.name == name]
    return found


async def test_xp_already_paid_is_not_promised_again(db, learner, tree):
    html, _ = await add_skills(db, tree, "html", "css")
    await db.progress.complete_skill(learner.id, html.id)
    await db.progress.reset_skill(learner.id, html.id)

    assert {skill.name: skill.xp for skill in await next_of(db, learner, tree)} == {"html": 0, "css": 10}


async def test_without_a_tree_skills_of_all_started_trees_are_ranked_together(db, connection, learner):
    begun, other, paused, untouched = [await add_tree(db, slug) for slug in ("begun", "other", "paused", "untouched")]
    for tree in (begun, other, paused, untouched):
        await add_skills(db, tree, f"in {tree.slug}")
    await db.skills.create(other.id, name="after", dependencies=[(await find(db, other, "in other")).id])
    await add_tree_progress(connection, learner, begun)
    await add_tree_progress(connection, learner, other)
    await add_tree_progress(connection, learner, paused, "PAUSED")

    assert names(await db.progress.next_skills(learner.id)) == ["in other", "in begun"]
    assert names(await db.progress.next_skills(learner.id, tree_id=paused.id)) == ["in paused"]
    assert names(await db.progress.next_skills(learner.id, tree_id=untouched.id)) == ["in untouched"]


async def test_the_ranking_is_deterministic_and_a_limit_keeps_its_head(db, learner, tree):
    await add_skills(db, tree, *(f"skill {number:02}" for number in range(20)))
    all_rows_fingerprint = await next_of(db, learner, tree, limit=1000)

    assert [skill.id for skill in all_rows_fingerprint] == sorted(skill.id for skill in all_rows_fingerprint)
    for limit in (1, 7, 20):
        assert await next_of(db, learner, tree, limit=limit) == all_rows_fingerprint[:limit]
    assert await next_of(db, learner, tree) == all_rows_fingerprint[:10]


async def test_next_skills_is_empty_when_nothing_is_open(db, connection, learner, tree):
    [html] = await add_skills(db, tree, "html")
    await add_progress(connection, learner, html)

    assert await next_of(db, learner, tree) == []
    assert await db.progress.next_skills(learner.id) == []


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_an_invalid_number_of_next_skills_is_refused(db, learner, limit):
    with pytest.raises(InvalidValue, match="limit must be from 1 to 1000"):
        await db.progress.next_skills(learner.id, limit=limit)


# --- the dashboard ---------------------------------------------------------------------------------------------------


async def test_the_dashboard_of_a_new_learner_is_empty(db, learner):
    dashboard = await db.progress.dashboard(learner.id)

    assert (dashboard.user_id, dashboard.username) == (learner.id, "ada")
    assert (dashboard.total_xp, dashboard.current_level, dashboard.next_level_xp) == (0, 1, 100)
    assert (dashboard.current_streak, dashboard.max_streak) == (0, 0)
    assert (dashboard.skills_completed, dashboard.hours_learned) == (0, 0)
    assert (dashboard.trees, dashboard.open_skills, dashboard.recent_achievements) == ((), (), ())


async def test_the_dashboard_shows_the_results_of_a_learners_actions(db, learner, tree):
    html, css, *_ = await add_skills(db, tree, "html", css=["html"], layout=["css"], forms=["html"])
    await add_achievement(db, "Ten", criteria={"type": "xp_threshold", "threshold": 10}, xp_reward=95)
    await db.progress.record_activity(learner.id, html.id, minutes=90)
    await db.progress.complete_skill(learner.id, html.id)
    await db.progress.start_skill(learner.id, css.id)

    dashboard = await db.progress.dashboard(learner.id)

    assert (dashboard.total_xp, dashboard.current_level, dashboard.next_level_xp) == (105, 2, 300)
    assert (dashboard.current_streak, dashboard.max_streak) == (1, 1)
    assert (dashboard.skills_completed, dashboard.hours_learned) == (1, 1.5)
    [way] = dashboard.trees
    assert (way.id, way.name, way.slug, way.status) == (tree.id, "Web", "web", "IN_PROGRESS")
    assert (way.progress_percent, way.skills_completed, way.total_skills, way.time_spent_minutes) == (25, 1, 4, 90)
    assert way.last_activity_at == (await db.progress.for_tree(learner.id, tree.id)).last_activity_at
    assert [(skill.name, skill.status) for skill in dashboard.open_skills] == [
        ("css", "IN_PROGRESS"),
        ("forms", "AVAILABLE"),
    ]
    assert [(each.name, each.xp) for each in dashboard.recent_achievements] == [("Ten", 95)]


async def test_the_highest_level_has_no_next_level(db, connection, learner):
    await connection.execute("update user_profiles set total_xp = 600000, current_level = 100")

    dashboard = await db.progress.dashboard(learner.id)

    assert (dashboard.current_level, dashboard.next_level_xp) == (100, None)


@pytest.mark.parametrize(
    ("timezone", "days_ago", "streak"),
    [
        ("UTC", 0, 5),
        ("UTC", 1, 5),
        ("UTC", 2, 0),
        ("UTC", 400, 0),
        ("UTC", -1, 5),  # after travelling west
        (None, 1, 5),
        (None, 2, 0),
    ],
)
async def test_a_streak_lapses_when_a_whole_day_has_passed(db, connection, learner, timezone, days_ago, streak):
    await connection.execute(
        "update user_profiles set current_streak = 5, max_streak = 7, timezone = %s,"
        " last_activity_on = (now() at time zone 'UTC')::date - %s::integer",
        [timezone, days_ago],
    )

    dashboard = await db.progress.dashboard(learner.id)

    assert (dashboard.current_streak, dashboard.max_streak) == (streak, 7)


async def test_a_streak_lapses_by_the_calendar_of_the_learners_zone(db, connection, learner):
    # Kiritimati is always one or two days ahead of Pago Pago.
    await connection.execute(
        "update user_profiles set current_streak = 5, max_streak = 5,"
        " last_activity_on = (now() at time zone 'Pacific/Pago_Pago')::date - 1"
    )

    streaks = {}
    for zone in ("Pacific/Pago_Pago", "Pacific/Kiritimati"):
        await db.users.update_profile(learner.id, timezone=zone)
        streaks[zone] = (await db.progress.dashboard(learner.id)).current_streak

    assert streaks == {"Pacific/Pago_Pago": 5, "Pacific/Kiritimati": 0}


async def test_the_dashboard_lists_started_trees_latest_first(db, connection, learner):
    slugs = ("never", "early", "late", "paused", "completed", "reset")
    trees = {slug: await add_tree(db, slug) for slug in slugs}
    await add_tree_progress(connection, learner, trees["never"])
    await add_tree_progress(connection, learner, trees["early"], last_activity_at=NOON)
    await add_tree_progress(connection, learner, trees["late"], last_activity_at=NOON + timedelta(hours=2))
    await add_tree_progress(connection, learner, trees["paused"], "PAUSED", NOON + timedelta(hours=1))
    await add_tree_progress(connection, learner, trees["completed"], "COMPLETED", NOON)
    await add_tree_progress(connection, learner, trees["reset"], "NOT_STARTED", NOON)

    dashboard = await db.progress.dashboard(learner.id)

    assert [(tree.slug, tree.status) for tree in dashboard.trees] == [
        ("late", "IN_PROGRESS"),
        ("paused", "PAUSED"),
        ("early", "IN_PROGRESS"),
        ("never", "IN_PROGRESS"),
    ]
    assert dashboard.trees[0].last_activity_at == NOON + timedelta(hours=2)


async def test_the_dashboard_shows_open_skills_of_trees_that_are_not_paused(db, connection, learner):
    early, late, paused = [await add_tree(db, slug) for slug in ("early", "late", "paused")]
    e1, e2, _, e4, _ = await add_skills(db, early, "e1", "e2", "e3", "e4", e5=["e4"])
    l1, l2, _, l4, _ = await add_skills(db, late, "l1", "l2", l3=["l1"], l4=[], l5=["l2", "l4"])
    await add_skills(db, paused, "p1")
    await change(connection, e2, estimated_minutes=50, is_milestone=True)
    await db.skills.deactivate(e4.id)
    await add_tree_progress(connection, learner, early, last_activity_at=NOON)
    await add_tree_progress(connection, learner, late, last_activity_at=NOON + timedelta(hours=1))
    await add_tree_progress(connection, learner, paused, "PAUSED", NOON + timedelta(hours=2))
    await add_progress(connection, learner, e1, "IN_PROGRESS", last_activity_at=NOON)
    await add_progress(
        connection, learner, e2, "IN_PROGRESS", last_activity_at=NOON + timedelta(hours=3), time_spent_minutes=20
    )
    await add_progress(connection, learner, l1, "COMPLETED")
    await add_progress(connection, learner, l2, "SKIPPED")

    dashboard = await db.progress.dashboard(learner.id)

    # The latest work first, then the rest by tree. l5 needs l4. e5 does not need the inactive e4.
    assert names(dashboard.open_skills) == ["e2", "e1", "l3", "l4", "e3", "e5"]
    first = dashboard.open_skills[0]
    assert (first.id, first.skill_tree_id, first.status) == (e2.id, early.id, "IN_PROGRESS")
    assert (first.skill_type, first.difficulty) == ("KNOWLEDGE", "BEGINNER")
    assert (first.is_optional, first.is_milestone, first.remaining_minutes) == (False, True, 30)
    assert l4.id in {skill.id for skill in dashboard.open_skills if skill.status == "AVAILABLE"}


async def test_the_dashboard_shows_at_most_twenty_open_skills_in_a_fixed_order(db, connection, learner, tree):
    skills = await add_skills(db, tree, *(f"skill {number:02}" for number in range(30)))
    await add_tree_progress(connection, learner, tree)

    dashboard = await db.progress.dashboard(learner.id)

    assert [skill.id for skill in dashboard.open_skills] == [skill.id for skill in skills[:20]]
    assert await db.progress.dashboard(learner.id) == dashboard


async def test_the_dashboard_shows_the_latest_five_achievements(db, connection, learner):
    for number in range(7):
        achievement = await add_achievement(db, f"number {number}", criteria={"type": "streak_days", "threshold": 99})
        await award(connection, learner, achievement, NOON + timedelta(days=number))
    on_the_way = await add_achievement(db, "on the way", criteria={"type": "streak_days", "threshold": 99})
    await award(connection, learner, on_the_way, NOON + timedelta(days=9), progress=50)

    latest = (await db.progress.dashboard(learner.id)).recent_achievements

    assert [(each.name, each.xp) for each in latest] == [(f"number {number}", 0) for number in (6, 5, 4, 3, 2)]
    assert latest[0].earned_at == NOON + timedelta(days=6)


async def test_a_dashboard_shows_no_data_of_another_learner(db, connection, learner, tree):
    other = await add_user(db, "grace")
    [html] = await add_skills(db, tree, "html")
    await add_achievement(db)
    before = await db.progress.dashboard(learner.id)

    await db.progress.complete_skill(other.id, html.id)

    assert await db.progress.dashboard(learner.id) == before
    assert len((await db.progress.dashboard(other.id)).recent_achievements) == 1


# --- activity --------------------------------------------------------------------------------------------------------


async def by_day(db, learner, since, until):
    days = await db.progress.activity_by_day(learner.id, since=since, until=until)
    return [(day.activity_date.day, day.minutes, day.skills_completed, day.xp) for day in days]


async def test_every_day_has_a_row_even_without_activity(db, learner, tree):
    html, css = await add_skills(db, tree, "html", "css")
    await add_achievement(db, criteria={"type": "xp_threshold", "threshold": 20}, xp_reward=7)
    await db.progress.record_activity(learner.id, html.id, minutes=30, at=NOON)
    await db.progress.record_activity(learner.id, html.id, minutes=15, at=NOON)
    await db.progress.complete_skill(learner.id, html.id, at=NOON + timedelta(days=2))
    await db.progress.complete_skill(learner.id, css.id, at=NOON + timedelta(days=2))
    await db.progress.record_activity(learner.id, css.id, minutes=5, at=NOON + timedelta(days=4))

    found = await by_day(db, learner, date(2025, 2, 28), date(2025, 3, 5))

    assert found == [(28, 0, 0, 0), (1, 45, 0, 0), (2, 0, 0, 0), (3, 0, 2, 27), (4, 0, 0, 0), (5, 5, 0, 0)]
    assert await by_day(db, learner, date(2025, 3, 3), date(2025, 3, 3)) == [(3, 0, 2, 27)]


async def test_a_day_is_the_date_in_the_learners_time_zone_at_that_time(db, learner, tree):
    html, css, forms = await add_skills(db, tree, "html", "css", "forms")
    late = datetime(2025, 3, 1, 23, 30, tzinfo=UTC)
    await db.users.update_profile(learner.id, timezone="Pacific/Auckland")
    await db.progress.record_activity(learner.id, html.id, minutes=10, at=late)
    await db.progress.complete_skill(learner.id, html.id, at=late)
    await db.users.update_profile(learner.id, timezone="America/Los_Angeles")
    await db.progress.record_activity(learner.id, css.id, minutes=20, at=late)
    await db.progress.complete_skill(learner.id, css.id, at=late)
    await db.users.update_profile(learner.id, timezone="UTC")
    await db.progress.complete_skill(learner.id, forms.id, at=datetime(2025, 3, 2, 0, 30, tzinfo=UTC))

    assert await by_day(db, learner, date(2025, 3, 1), date(2025, 3, 2)) == [(1, 20, 1, 10), (2, 10, 2, 20)]


async def test_days_with_a_clock_change_are_listed_once(url, learner):
    # In this zone clocks change at midnight, so a day starts at one o'clock.
    async with AsyncDatabase(f"{url} options='-c timezone=America/Sao_Paulo'") as db:
        days = await db.progress.activity_by_day(learner.id, since=date(2018, 10, 1), until=date(2019, 3, 31))

    assert [day.activity_date for day in days] == [date(2018, 10, 1) + timedelta(days=n) for n in range(182)]


async def test_activity_by_day_shows_no_other_learners_work(db, learner, tree):
    other = await add_user(db, "grace")
    [html] = await add_skills(db, tree, "html")
    await db.progress.record_activity(other.id, html.id, minutes=10, at=NOON)
    await db.progress.complete_skill(other.id, html.id, at=NOON)

    assert await by_day(db, learner, NOON.date(), NOON.date()) == [(1, 0, 0, 0)]
    assert await by_day(db, other, NOON.date(), NOON.date()) == [(1, 10, 1, 10)]


async def test_activity_can_be_read_for_ten_years_and_not_a_day_more(db, learner):
    since = date(2016, 1, 1)

    days = await db.progress.activity_by_day(learner.id, since=since, until=since + timedelta(days=3659))

    assert len(days) == 3660
    for until in (since + timedelta(days=3660), since - timedelta(days=1), date.max):
        with pytest.raises(InvalidValue, match="until must be from 0 to 3659 days after since"):
            await db.progress.activity_by_day(learner.id, since=since, until=until)


# --- all reads -------------------------------------------------------------------------------------------------------


async def test_an_unknown_learner_tree_or_skill_is_named(db, learner, tree):
    [html] = await add_skills(db, tree, "html")
    today = {"since": NOON.date(), "until": NOON.date()}

    for ask in (db.progress.explain_lock, db.progress.learning_path):
        with pytest.raises(SkillNotFound):
            await ask(learner.id, UNKNOWN)
        for skill_id in (html.id, UNKNOWN):
            with pytest.raises(UserNotFound):
                await ask(UNKNOWN, skill_id)
    with pytest.raises(TreeNotFound):
        await db.progress.next_skills(learner.id, tree_id=UNKNOWN)
    for tree_id in (tree.id, None, UNKNOWN):
        with pytest.raises(UserNotFound):
            await db.progress.next_skills(UNKNOWN, tree_id=tree_id)
    with pytest.raises(UserNotFound):
        await db.progress.dashboard(UNKNOWN)
    with pytest.raises(UserNotFound):
        await db.progress.activity_by_day(UNKNOWN, **today)


def reading_calls(db, learner, tree, skill):
    """Return a call of each reading method, by name."""
    return {
        "explain_lock": lambda: db.progress.explain_lock(learner.id, skill.id),
        "learning_path": lambda: db.progress.learning_path(learner.id, skill.id),
        "next_skills": lambda: db.progress.next_skills(learner.id, tree_id=tree.id),
        "dashboard": lambda: db.progress.dashboard(learner.id),
        "activity_by_day": lambda: db.progress.activity_by_day(learner.id, since=NOON.date(), until=NOON.date()),
    }


async def test_each_read_takes_one_statement_and_one_round_trip(db, learner, tree, proxy, proxied, subtests):
    *_, css = await add_skills(db, tree, "html", css=["html"])
    await db.progress.start_tree(learner.id, tree.id)
    files = {"explain_lock": "way_to_skill", "learning_path": "way_to_skill"}

    for name, ask in reading_calls(proxied, learner, tree, css).items():
        async with case(subtests, name):
            proxy.reset()
            await ask()
            file = files.get(name, name)
            assert [statement.split("*/")[0] for statement in proxy.statements()] == [f"/* progress/{file} "]
            assert proxy.round_trips == 1


async def test_no_read_writes_anything(db, connection, learner, tree):
    *_, css = await add_skills(db, tree, "html", css=["html"])
    await db.progress.start_tree(learner.id, tree.id)

    async with expect_nothing_written(connection):
        for ask in reading_calls(db, learner, tree, css).values():
            await ask()


# --- a real curriculum -----------------------------------------------------------------------------------------------


@pytest.fixture
async def real(db, connection, learner, shared_data):
    """The largest real tree, half completed, with milestones, optional and inactive skills at random places."""
    forms = json.loads((shared_data / "metacademy.json").read_text())["trees"]
    largest = max(forms, key=lambda form: len(form["skills"]))
    report = await db.trees.import_tree(largest, leave_out_unknown=True)
    tree = await db.trees.get(report.tree_id)
    chance = random.Random(3)  # noqa: S311 (the same every time)
    statuses = ["COMPLETED"] * 4 + ["SKIPPED", "IN_PROGRESS", "AVAILABLE", "LOCKED"] + [None] * 12
    for skill in await db.skills.list_for_tree(tree.id):
        await change(
            connection,
            skill,
            is_milestone=chance.random() < 0.05,
            is_optional=chance.random() < 0.2,
            is_active=chance.random() < 0.95,
            xp_value=chance.randrange(50),
        )
        status = chance.choice(statuses)
        if status is not None:
            await add_progress(connection, learner, skill, status)
    return tree


class Curriculum:
    """The rules written again with networkx. Edges lead from a prerequisite to the skill that needs it."""

    def __init__(self, found):
        columns = ("name", "dependencies", "is_active", "is_optional", "is_milestone", "xp_value", "status")
        self.skills = {id_: dict(zip(columns, values, strict=True)) for id_, *values in found}
        self.unfinished = {
            id_
            for id_, skill in self.skills.items()
            if skill["is_active"] and skill["status"] not in {"COMPLETED", "SKIPPED"}
        }
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(self.skills)
        self.graph.add_edges_from(
            (needed, id_)
            for id_, skill in self.skills.items()
            for needed in skill["dependencies"]
            if needed in self.unfinished
        )

    def way_to(self, goal):
        """Return the levels of the skills before a goal, without those that only started skills need."""
        walked = self.graph.copy()
        goes_on = {id_ for id_, skill in self.skills.items() if skill["status"] == "IN_PROGRESS"}
        walked.remove_edges_from(list(walked.in_edges(goes_on)))
        way = self.graph.subgraph(nx.ancestors(walked, goal) | {goal})
        return {id_: level for level, ids in enumerate(nx.topological_generations(way)) for id_ in ids}

    def status_of(self, id_):
        skill = self.skills[id_]
        if skill["status"] in {"COMPLETED", "SKIPPED", "IN_PROGRESS"}:
            return skill["status"]
        return "AVAILABLE" if skill["is_active"] and not self.graph.in_degree(id_) else "LOCKED"

    def milestones_ahead(self, id_):
        """Return (distance, id) of every unfinished milestone ahead."""
        reached = nx.single_source_shortest_path_length(self.graph.subgraph(self.unfinished), id_)
        return {(steps, other) for other, steps in reached.items() if self.skills[other]["is_milestone"]}


@pytest.fixture
async def curriculum(connection, learner, real):
    return Curriculum(
        await rows(
            connection,
            "select skills.id, skills.name, dependencies, is_active, is_optional, is_milestone, xp_value, status::text"
            " from skills left join user_skill_progress on user_id = %s and skill_id = skills.id"
            " where skills.skill_tree_id = %s",
            learner.id,
            real.id,
        )
    )


async def test_paths_through_a_real_curriculum_equal_those_of_networkx(db, learner, curriculum):
    for goal, skill in curriculum.skills.items():
        path = await db.progress.learning_path(learner.id, goal)

        found = [(step.id, step.level, step.status) for step in path.steps]
        completed = skill["status"] == "COMPLETED"
        levels = {} if completed else curriculum.way_to(goal)
        assert set(found) == {(id_, level, curriculum.status_of(id_)) for id_, level in levels.items()}
        assert [level for _, level, _ in found] == sorted(level for _, level, _ in found)
        assert len(found) == len(levels)
        assert completed or found[-1][0] == goal
        assert path.remaining_xp == sum(curriculum.skills[id_]["xp_value"] for id_ in levels)


async def test_locks_of_a_real_curriculum_equal_those_of_networkx(db, learner, curriculum):
    for goal, skill in curriculum.skills.items():
        explanation = await db.progress.explain_lock(learner.id, goal)

        assert explanation.status == curriculum.status_of(goal)
        assert explanation.is_active is skill["is_active"]
        goes_on = skill["status"] == "IN_PROGRESS"
        assert {each.id: each.status for each in explanation.missing} == {
            id_: curriculum.status_of(id_) for id_ in curriculum.graph.predecessors(goal) if not goes_on
        }
        levels = {}
        if skill["is_active"] and explanation.is_locked:
            levels = {id_: at for id_, at in curriculum.way_to(goal).items() if id_ != goal}
        assert {step.id: step.level for step in explanation.path} == levels
        assert all((step.action == "SKIP") is curriculum.skills[step.id]["is_optional"] for step in explanation.path)
        required = [id_ for id_ in levels if not curriculum.skills[id_]["is_optional"]]
        assert explanation.xp == sum(curriculum.skills[id_]["xp_value"] for id_ in required)


async def test_next_skills_of_a_real_curriculum_equal_those_of_networkx(db, learner, real, curriculum):
    found = await db.progress.next_skills(learner.id, tree_id=real.id, limit=1000)

    open_now = {id_ for id_ in curriculum.unfinished if curriculum.status_of(id_) != "LOCKED"}
    assert {skill.id: skill.status for skill in found} == {id_: curriculum.status_of(id_) for id_ in open_now}
    for skill in found:
        dependents = [id_ for id_ in curriculum.graph.successors(skill.id) if id_ in curriculum.unfinished]
        assert skill.needed_by == len(dependents)
        assert skill.opens == sum(
            curriculum.status_of(id_) == "LOCKED" and curriculum.graph.in_degree(id_) == 1 for id_ in dependents
        )
        ahead = curriculum.milestones_ahead(skill.id)
        assert skill.milestone_distance == min((steps for steps, _ in ahead), default=None)
        assert skill.milestone_id is None or (skill.milestone_distance, skill.milestone_id) in ahead
        near = 0 if skill.milestone_distance is None else 20 / (1 + skill.milestone_distance)
        assert skill.score == pytest.approx(10 * skill.opens + 2 * skill.needed_by + near, abs=0.005)
    ranks = [
        (skill.status != "IN_PROGRESS", -skill.score, curriculum.skills[skill.id]["is_optional"]) for skill in found
    ]
    assert ranks == sorted(ranks)
    assert len({skill.milestone_distance for skill in found}) > 2


async def test_following_a_real_path_completes_its_goal(db, connection, learner, real):
    goals = await rows(
        connection,
        "select id from skills where skill_tree_id = %s and is_active and dependents = '{}' order by id",
        real.id,
    )
    paths = [await db.progress.learning_path(learner.id, goal) for (goal,) in goals]
    longest = max(paths, key=lambda path: len(path.steps))
    before = await value(connection, "select total_xp from user_profiles where user_id = %s", learner.id)

    for step in longest.steps:
        await db.progress.complete_skill(learner.id, step.id)

    assert len(longest.steps) > 5
    assert (await db.progress.learning_path(learner.id, longest.skill_id)).steps == ()
    assert (await db.users.get_profile(learner.id)).total_xp == before + longest.remaining_xp
