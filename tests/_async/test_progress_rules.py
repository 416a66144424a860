"""Contradictory progress is refused for every role, and learners must meet the author's requirements."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from _async.factories import add_skills, rows
from layout import earlier
from skilltree import AsyncDatabase
from skilltree.errors import AssessmentNotPassed, InvalidValue

SECOND = "interval '1 second'"


def ago(**given):
    return datetime.now(UTC) - timedelta(**given)


@pytest.mark.parametrize("at", [datetime(2, 1, 1, tzinfo=UTC), ago(days=60), ago(days=3), ago(days=-1)])
async def test_a_learner_cannot_report_from_before_the_account_or_from_the_future(db, learner, tree, at):
    (html,) = await add_skills(db, tree, "html")

    with pytest.raises(InvalidValue, match="at is (in the future|too far in the past)"):
        async with db.as_user(learner.id) as unit:
            await unit.progress.record_activity(learner.id, html.id, minutes=5, at=at)

    assert await db.progress.for_skill(learner.id, html.id) is None


async def test_operators_set_how_late_a_learner_may_report(db, connection, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await connection.execute("update user_profiles set created_at = now() - interval '1 year'")

    async with db.as_user(learner.id) as unit:
        await unit.progress.start_skill(learner.id, html.id, at=ago(days=6))

    with pytest.raises(InvalidValue, match="too far"):
        async with db.as_user(learner.id) as unit:
            await unit.progress.complete_skill(learner.id, html.id, at=ago(days=8))
    assert (await db.progress.for_skill(learner.id, html.id)).status == "IN_PROGRESS"


@pytest.mark.parametrize(
    ("window", "error"),
    [
        ("14 days", None),
        ("100000 years", None),
        ("3 days", "too far in the past"),
        ("-1 day", "late_window is negative"),
        ("a week", "late_window is not an interval"),
    ],
)
async def test_the_window_for_late_reports_can_be_any_interval(app_url, connection, learner, tree, db, window, error):
    (html,) = await add_skills(db, tree, "html")
    await connection.execute("update user_profiles set created_at = now() - interval '1 year'")
    options = "-c skilltree.late_window=" + window.replace(" ", "\\ ")

    async with AsyncDatabase(make_conninfo(app_url, options=options), max_size=1) as app:
        with pytest.raises(InvalidValue, match=error) if error else nullcontext():
            async with app.as_user(learner.id) as mine:
                await mine.progress.start_skill(learner.id, html.id, at=ago(days=10))

    assert (await db.progress.for_skill(learner.id, html.id) is None) == (error is not None)


async def test_the_owner_may_report_anything_since_the_year_2000(db, learner, tree):
    (html,) = await add_skills(db, tree, "html")

    with pytest.raises(InvalidValue, match="too far"):
        await db.progress.complete_skill(learner.id, html.id, at=datetime(1999, 12, 31, tzinfo=UTC))
    done = await db.progress.complete_skill(learner.id, html.id, at=datetime(2000, 1, 1, tzinfo=UTC))

    assert done.progress.completed_at == datetime(2000, 1, 1, tzinfo=UTC)


async def test_a_completion_before_the_start_moves_the_start_back(db, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await db.progress.start_skill(learner.id, html.id)

    done = await db.progress.complete_skill(learner.id, html.id, at=ago(days=5))

    assert done.progress.unlocked_at == done.progress.started_at == done.progress.completed_at
    assert done.tree_progress.started_at == done.tree_progress.completed_at


@pytest.mark.parametrize(
    "change",
    [
        "user_skill_progress set status = 'IN_PROGRESS'",
        "user_skill_progress set completed_at = null",
        "user_skill_progress set started_at = now() + interval '1 day'",
        "user_skill_progress set unlocked_at = now() + interval '1 day'",
        "user_skill_tree_progress set completed_at = now()",
        "user_skill_tree_progress set status = 'COMPLETED'",
        f"user_sessions set ended_at = {earlier('started_at', SECOND)}, is_active = false",
    ],
)
async def test_the_database_refuses_contradictory_progress(db, connection, learner, tree, change):
    html, _ = await add_skills(db, tree, "html", "css")
    await db.progress.complete_skill(learner.id, html.id)
    await db.sessions.start(learner.id)

    with pytest.raises(psycopg.errors.CheckViolation):
        await connection.execute(f"update {change}")

    assert (await db.progress.for_skill(learner.id, html.id)).status == "COMPLETED"


@pytest.mark.parametrize(("status", "percent"), [("COMPLETED", 60), ("IN_PROGRESS", 100)])
async def test_imported_rows_are_100_percent_exactly_when_completed(db, learner, tree, status, percent):
    html, css = await add_skills(db, tree, "html", "css")
    completed = {"user_id": learner.id, "skill_id": html.id, "status": "COMPLETED", "completed_at": ago(days=1)}
    wrong = {"user_id": learner.id, "skill_id": css.id, "status": status, "progress_percent": percent}
    wrong |= {"completed_at": ago(days=1)} if status == "COMPLETED" else {}

    with pytest.raises(InvalidValue, match="row 2: .*progress_percent must be 100"):
        await db.progress.import_rows([completed, wrong])
    await db.progress.import_rows([completed])

    assert (await db.progress.for_skill(learner.id, html.id)).progress_percent == 100
    assert await db.progress.for_skill(learner.id, css.id) is None


@pytest.mark.parametrize("score", [None, 10])
async def test_no_method_completes_a_skill_below_its_passing_score(db, connection, learner, tree, score):
    (html,) = await add_skills(db, tree, "html")
    await connection.execute("""update skills set assessments = '{"passingScore": 80}'""")

    with pytest.raises(AssessmentNotPassed, match="80"):
        async with db.as_user(learner.id) as unit:
            await unit.progress.complete_skill(learner.id, html.id, score=score)
    assert await db.progress.for_skill(learner.id, html.id) is None

    async with db.as_service() as unit:
        waived = await unit.progress.complete_skill(learner.id, html.id, score=score)
    assert waived.progress.passing_score_waived
    reset = await db.progress.reset_skill(learner.id, html.id)
    assert not reset.progress.passing_score_waived


@pytest.mark.parametrize(("days", "streak"), [(0, 1), (9, 0)])
async def test_actions_and_reads_tell_the_same_streak(db, learner, tree, days, streak):
    html, css = await add_skills(db, tree, "html", "css")
    await db.progress.complete_skill(learner.id, html.id, at=ago(days=days))

    told = [
        await db.progress.start_skill(learner.id, css.id),
        await db.users.get_profile(learner.id),
        *(await db.users.get_profiles([learner.id])),
        await db.progress.dashboard(learner.id),
        await db.users.update_profile(learner.id, bio="About me"),
    ]

    assert [each.current_streak for each in told] == 5 * [streak]


async def test_imported_work_can_be_continued_at_once(db, learner, tree):
    html, css, *_ = await add_skills(db, tree, "html", "css", "layout")
    await db.progress.import_rows(
        [{"user_id": learner.id, "skill_id": html.id, "status": "COMPLETED", "completed_at": ago(days=100)}]
    )

    again = await db.progress.complete_skill(learner.id, html.id)
    done = await db.progress.complete_skill(learner.id, css.id)

    assert again.already_completed
    counted = await db.progress.calculate_tree_progress(learner.id, tree.id)
    assert done.tree_progress.progress_percent == pytest.approx(counted.percent)
    assert done.tree_progress.skills_completed == counted.completed == 2


GOING_ON = {
    "start_skill": {},
    "record_activity": {"minutes": 5},
    "record_attempt": {"score": 50},
    "skip_skill": {},
    "complete_skill": {},
}


@pytest.mark.parametrize(
    ("status", "act"),
    [
        *((status, act) for status in ("AVAILABLE", "IN_PROGRESS", "SKIPPED") for act in GOING_ON),
        *(("COMPLETED", act) for act in ("record_activity", "record_attempt", "complete_skill")),
    ],
)
async def test_imported_work_without_times_can_be_continued(db, learner, tree, status, act):
    moments = {"unlocked_at": ago(days=3), "started_at": ago(days=2)}

    for number, given in enumerate(({}, *({one: moments[one]} for one in moments), moments)):
        html = await db.skills.create(tree.id, name="HTML", key=f"html-{number}")
        css = await db.skills.create(tree.id, name="CSS", dependencies=[html.id], is_optional=True)
        ends = {"completed_at": ago(days=1)} if status == "COMPLETED" else {}
        await db.progress.import_rows([{"user_id": learner.id, "skill_id": css.id, "status": status, **given, **ends}])

        await db.progress.complete_skill(learner.id, html.id)
        await getattr(db.progress, act)(learner.id, css.id, **GOING_ON[act])

        work = await db.progress.for_skill(learner.id, css.id)
        kept = [moment for moment in (work.unlocked_at, work.started_at, work.completed_at) if moment is not None]
        assert kept == sorted(kept)
        assert work.started_at == given.get("started_at", work.started_at)


async def test_progress_in_the_future_cannot_be_imported(db, connection, learner, tree):
    (html,) = await add_skills(db, tree, "html")

    with pytest.raises(InvalidValue, match="row 1: a time is in the future"):
        await db.progress.import_rows(
            [{"user_id": learner.id, "skill_id": html.id, "status": "COMPLETED", "completed_at": ago(days=-400)}]
        )

    assert await rows(connection, "select from user_skill_tree_progress") == []


async def test_a_chain_of_thousands_of_skills_is_followed_quickly(db):
    chain = [{"key": f"k{n}", "name": f"k{n}", "dependencies": [f"k{n - 1}"] if n else []} for n in range(3000)]
    report = await db.trees.import_tree({"slug": "chain", "name": "Chain", "category": "Chains", "skills": chain})
    by_key = {skill.name: skill for skill in await db.skills.list_for_tree(report.tree_id)}
    began = datetime.now(UTC)

    ancestors = await db.skills.ancestors(by_key["k2999"].id)
    descendants = await db.skills.descendants(by_key["k0"].id)

    assert [skill.depth for skill in ancestors] == [skill.depth for skill in descendants]
    assert datetime.now(UTC) - began < timedelta(seconds=5)
