"""Actions of learners and their immediate effects. tests/test_transitions.py covers every transition."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from _async.factories import add_achievement, add_category, add_skills, expect_refusal, rows, value
from skilltree._async.progress import AsyncProgress
from skilltree.errors import (
    AssessmentNotPassed,
    InvalidDocument,
    InvalidValue,
    PrerequisitesNotMet,
    SkillInactive,
    UserNotFound,
)
from skilltree.models.enums import CompletionMethod, SkillProgressStatus, TreeProgressStatus
from skilltree.models.progress import Standing

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)


def noon(days_ago):
    """Return noon of a recent day. A streak is reported only while it lasts, so days must be recent."""
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)


async def learn(db, learner, skill, at):
    """Spend a minute on a skill, and return the streak as of the last activity."""
    await db.progress.record_activity(learner.id, skill.id, minutes=1, at=at)
    ((standing,),) = await db.progress.run(db.progress.step("progress/lock_learner", {"user_id": learner.id}, Standing))
    return standing.current_streak


# --- completing ------------------------------------------------------------------------------------------------------


async def test_completion_returns_everything_that_follows(db, learner, tree):
    html, css, layout = await add_skills(db, tree, "html", "css", layout=["html", "css"])
    await db.skills.update(html.id, xp_value=90)
    await add_achievement(db, "Ninety", criteria={"type": "xp_threshold", "threshold": 90}, xp_reward=10)
    await db.progress.complete_skill(learner.id, css.id)

    done = await db.progress.complete_skill(
        learner.id, html.id, method="PROJECT", score=80, evidence={"type": "url", "content": "https://example.org"}
    )

    assert (done.xp_awarded, done.total_xp, done.level_before, done.level_after) == (100, 110, 1, 2)
    assert [(skill.id, skill.name) for skill in done.unlocked] == [(layout.id, "layout")]
    assert [(earned.name, earned.xp) for earned in done.achievements] == [("Ninety", 10)]
    assert (done.progress.status, done.progress.completion_method) == ("COMPLETED", "PROJECT")
    assert (done.progress.completion_score, done.progress.progress_percent) == (80, 100)
    assert done.progress.evidence_data.content == "https://example.org"
    assert (done.tree_progress.skills_completed, done.tree_progress.total_skills) == (2, 3)
    assert done.tree_progress.progress_percent == pytest.approx(200 / 3)
    assert (done.current_streak, done.max_streak, done.already_completed) == (1, 1, False)


async def test_a_repeat_returns_the_first_completion_and_only_raises_the_score(db, connection, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    evidence = {"type": "url", "content": "https://example.org"}
    first = await db.progress.complete_skill(learner.id, html.id, score=70, evidence=evidence, at=NOON)
    ledger = await rows(connection, "select * from xp_events")
    kept = """
        select to_jsonb(work) - '{completion_score,updated_at}'::text[], to_jsonb(way), to_jsonb(profile)
        from user_skill_progress as work
        inner join user_skill_tree_progress as way on way.user_id = work.user_id
        inner join user_profiles as profile on profile.user_id = work.user_id
    """
    before = await rows(connection, kept)

    lower = await db.progress.complete_skill(learner.id, html.id, score=60)
    without = await db.progress.complete_skill(learner.id, html.id)
    higher = await db.progress.complete_skill(learner.id, html.id, score=95, method="EXTERNAL")

    assert await rows(connection, kept) == before
    assert [repeat.progress for repeat in (lower, without)] == [first.progress, first.progress]
    assert [repeat.tree_progress for repeat in (lower, without, higher)] == [first.tree_progress] * 3
    assert [repeat.already_completed for repeat in (lower, higher)] == [True, True]
    assert [repeat.progress.completion_score for repeat in (lower, higher)] == [70, 95]
    assert (higher.progress.completed_at, higher.progress.completion_method) == (NOON, "MANUAL")
    assert (higher.xp_awarded, higher.achievements, higher.unlocked) == (0, (), ())
    # The streak has lapsed since the first completion.
    assert (first.current_streak, higher.current_streak, higher.total_xp) == (1, 0, first.total_xp)
    assert await rows(connection, "select * from xp_events") == ledger


class Interposed:
    """An executor that calls a function after its first transaction."""

    def __init__(self, executor, work):
        self.executor = executor
        self.todo = [work]

    async def run(self, steps):
        results = await self.executor.run(steps)
        while self.todo:
            await self.todo.pop()()
        return results


async def test_a_skill_reset_during_a_repeated_completion_is_completed_again(db, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await db.progress.complete_skill(learner.id, html.id, score=70)
    progress = AsyncProgress(Interposed(db, lambda: db.progress.reset_skill(learner.id, html.id)))

    again = await progress.complete_skill(learner.id, html.id, score=60)

    assert (again.already_completed, again.xp_awarded, again.progress.status) == (False, 0, "COMPLETED")
    assert again.progress.completion_score == 60


async def test_a_learner_erased_during_a_repeated_completion_is_not_found(db, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await db.progress.complete_skill(learner.id, html.id)
    progress = AsyncProgress(Interposed(db, lambda: db.users.erase(learner.id)))

    with pytest.raises(UserNotFound):
        await progress.complete_skill(learner.id, html.id)


async def test_an_event_keeps_its_xp_when_the_skills_xp_changes(db, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await db.progress.complete_skill(learner.id, html.id)

    await db.skills.update(html.id, xp_value=500)
    await db.progress.reset_skill(learner.id, html.id)
    again = await db.progress.complete_skill(learner.id, html.id)

    assert (again.xp_awarded, again.total_xp, again.already_completed) == (0, 10, False)


async def test_xp_of_an_achievement_earns_the_next_in_the_same_call(db, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await add_achievement(db, "A", criteria={"type": "skill_completion_count", "threshold": 1}, xp_reward=40)
    await add_achievement(db, "B", criteria={"type": "xp_threshold", "threshold": 50}, xp_reward=50)
    await add_achievement(db, "C", criteria={"type": "xp_threshold", "threshold": 100}, xp_reward=200)
    await add_achievement(db, "D", criteria={"type": "xp_threshold", "threshold": 301}, xp_reward=1000)

    done = await db.progress.complete_skill(learner.id, html.id)

    assert {earned.name for earned in done.achievements} == {"A", "B", "C"}
    assert (done.xp_awarded, done.level_after) == (300, 3)


async def test_repeats_and_refusals_award_nothing_that_became_due_meanwhile(db, connection, learner, tree):
    html, css, layout = await add_skills(db, tree, "html", "css", layout=["css"])
    await db.progress.complete_skill(learner.id, html.id)
    await add_achievement(db, "Late", criteria={"type": "skill_completion_count", "threshold": 1}, xp_reward=5)

    repeat = await db.progress.complete_skill(learner.id, html.id, score=90)
    async with expect_refusal(connection, PrerequisitesNotMet):
        await db.progress.start_skill(learner.id, layout.id)
    async with expect_refusal(connection, InvalidValue):
        await db.progress.record_activity(learner.id, css.id, minutes=-1)
    learnt = await db.progress.record_activity(learner.id, css.id, minutes=1)

    assert (repeat.achievements, repeat.xp_awarded) == ((), 0)
    assert [earned.name for earned in learnt.achievements] == ["Late"]


async def test_a_locked_skill_names_missing_skills_in_learning_order(db, connection, learner, tree):
    html, css, layout, page = await add_skills(db, tree, "html", css=["html"], layout=["css"], page=["layout", "html"])

    async with expect_refusal(connection, PrerequisitesNotMet, match="html, css, layout first") as refusal:
        await db.progress.complete_skill(learner.id, page.id)

    assert refusal.value.ids == (html.id, css.id, layout.id)


async def test_a_refusal_leaves_a_unit_of_work_usable(db, learner, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])

    async with db.transaction() as unit:
        with pytest.raises(PrerequisitesNotMet):
            await unit.progress.complete_skill(learner.id, css.id)
        await unit.progress.complete_skill(learner.id, html.id)
        done = await unit.progress.complete_skill(learner.id, css.id)

    assert done.tree_progress.status == TreeProgressStatus.COMPLETED
    assert (await db.users.get_profile(learner.id)).total_xp == 20


async def test_an_assessment_needs_a_passing_score(db, connection, learner, tree):
    html = await db.skills.create(tree.id, name="html", assessments={"passingScore": 60, "questions": []})
    assess = CompletionMethod.ASSESSMENT

    async with expect_refusal(connection, InvalidValue, match="score is required"):
        await db.progress.complete_skill(learner.id, html.id, method=assess)
    async with expect_refusal(connection, AssessmentNotPassed, match="is below 60"):
        await db.progress.complete_skill(learner.id, html.id, method=assess, score=59)
    await db.progress.record_attempt(learner.id, html.id, score=61)
    done = await db.progress.complete_skill(learner.id, html.id, method=assess)

    assert done.progress.completion_score == 61


@pytest.mark.parametrize("score", [-1, 100.1, float("nan"), float("inf"), 10**30])
async def test_a_score_out_of_range_is_refused(db, connection, learner, tree, score):
    (html,) = await add_skills(db, tree, "html")

    async with expect_refusal(connection, InvalidValue):
        await db.progress.complete_skill(learner.id, html.id, score=score)
    async with expect_refusal(connection, InvalidValue):
        await db.progress.record_attempt(learner.id, html.id, score=score)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"minutes": -1}, InvalidValue),
        ({"minutes": 1441}, InvalidValue),
        ({"minutes": 2**40}, InvalidValue),
        ({"minutes": 1.5}, InvalidValue),
        ({"minutes": None}, InvalidValue),
        ({"minutes": "ten"}, InvalidValue),
        ({"minutes": 1, "at": "yesterday"}, InvalidValue),
        ({"minutes": 1, "engagement": 1.01}, InvalidValue),
        ({"minutes": 1, "engagement": float("nan")}, InvalidValue),
        ({"minutes": 1, "struggling_indicators": {"hintsUsed": -1}}, InvalidDocument),
        ({"minutes": 1, "at": datetime(2025, 1, 1)}, InvalidValue),  # noqa: DTZ001 (what is refused)
        ({"minutes": 1, "at": datetime.now(UTC) + timedelta(hours=1)}, InvalidValue),
    ],
)
async def test_invalid_activity_is_refused(db, connection, learner, tree, wrong, error):
    (html,) = await add_skills(db, tree, "html")

    async with expect_refusal(connection, error):
        await db.progress.record_activity(learner.id, html.id, **wrong)


async def test_bad_evidence_is_refused_with_its_path(db, connection, learner, tree):
    (html,) = await add_skills(db, tree, "html")

    async with expect_refusal(connection, InvalidDocument, match="evidence.type"):
        await db.progress.complete_skill(learner.id, html.id, evidence={"type": "rumour", "content": "x"})


async def test_activity_adds_up_and_keeps_the_latest_engagement(db, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await db.progress.record_activity(
        learner.id, html.id, minutes=20, engagement=0.9, struggling_indicators={"hintsUsed": 1, "mood": "fine"}
    )

    done = await db.progress.record_activity(
        learner.id, html.id, minutes=25, engagement=0.4, struggling_indicators={"hintsUsed": 3}
    )

    assert (done.progress.time_spent_minutes, done.progress.engagement_score) == (45, 0.4)
    assert (done.progress.struggling_indicators.hints_used, done.progress.struggling_indicators.mood) == (3, "fine")
    assert done.tree_progress.time_spent_minutes == 45
    assert (await db.users.get_profile(learner.id)).hours_learned == 0.75


@pytest.mark.parametrize(
    "action",
    [
        lambda unit, user, skill: unit.progress.start_skill(user, skill),
        lambda unit, user, skill: unit.progress.record_activity(user, skill, minutes=5),
        lambda unit, user, skill: unit.progress.record_attempt(user, skill, score=50),
        lambda unit, user, skill: unit.progress.complete_skill(user, skill),
        lambda unit, user, skill: unit.progress.reset_skill(user, skill),
    ],
)
async def test_an_action_is_one_network_round_trip(db, learner, tree, proxy, proxied, action):
    (html,) = await add_skills(db, tree, "html")
    proxy.reset()

    await action(proxied, learner.id, html.id)

    assert proxy.round_trips == 1


async def test_a_repeated_completion_is_two_network_round_trips(db, learner, tree, proxy, proxied):
    (html,) = await add_skills(db, tree, "html")
    await db.progress.complete_skill(learner.id, html.id)
    proxy.reset()

    await proxied.progress.complete_skill(learner.id, html.id, score=90)

    assert proxy.round_trips == 2
    assert proxy.statements()[0] == "begin isolation level read committed"
    assert proxy.statements()[-1] == "commit"


# --- trees -----------------------------------------------------------------------------------------------------------


async def test_an_edit_that_leaves_nothing_to_do_completes_the_tree(db, learner, tree):
    html, css = await add_skills(db, tree, "html", "css")
    await db.progress.complete_skill(learner.id, html.id)

    await db.skills.deactivate(css.id)

    progress = await db.progress.for_tree(learner.id, tree.id)
    assert (progress.status, progress.progress_percent, progress.total_skills) == ("COMPLETED", 100, 1)
    assert (await db.users.get_profile(learner.id)).trees_completed == 1


async def test_a_completed_tree_stays_so_when_it_grows(db, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await db.progress.complete_skill(learner.id, html.id)

    new = await db.skills.create(tree.id, name="css", dependencies=[html.id])

    progress = await db.progress.for_tree(learner.id, tree.id)
    assert (progress.status, progress.progress_percent, progress.total_skills) == ("COMPLETED", 50, 2)
    assert (await db.progress.for_skill(learner.id, new.id)).status == SkillProgressStatus.AVAILABLE


async def test_an_inactive_skill_cannot_be_worked_on(db, connection, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await db.skills.deactivate(html.id)

    async with expect_refusal(connection, SkillInactive):
        await db.progress.start_skill(learner.id, html.id)


# --- streaks ---------------------------------------------------------------------------------------------------------


async def test_a_streak_counts_consecutive_days_and_restarts_after_a_gap(db, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    days = [0, 0, 1, 2, 4, 5]

    streaks = [await learn(db, learner, html, NOON + timedelta(days=day)) for day in days]

    assert streaks == [1, 1, 2, 3, 1, 2]
    assert (await db.progress.record_activity(learner.id, html.id, minutes=1, at=NOON)).max_streak == 3


@pytest.mark.parametrize(
    ("timezone", "moments", "days"),
    [
        # 23:30 and 00:30 on the learner's clock are two days, even if they are one in UTC.
        ("Pacific/Auckland", ["2025-06-01 11:30", "2025-06-01 12:30"], ["2025-06-01", "2025-06-02"]),
        ("America/Los_Angeles", ["2025-06-02 06:30", "2025-06-02 07:30"], ["2025-06-01", "2025-06-02"]),
        ("Asia/Kathmandu", ["2025-06-01 18:14", "2025-06-01 18:15"], ["2025-06-01", "2025-06-02"]),
        # The night in which clocks go forward, and the one in which they go back.
        ("Europe/Lisbon", ["2025-03-29 23:59", "2025-03-30 00:00", "2025-03-30 22:59"], ["2025-03-29", "2025-03-30"]),
        (
            "America/New_York",
            ["2025-11-02 03:59", "2025-11-02 04:00", "2025-11-03 04:59"],
            ["2025-11-01", "2025-11-02"],
        ),
    ],
)
async def test_a_day_is_one_of_the_learners_time_zone(db, connection, learner, tree, timezone, moments, days):
    (html,) = await add_skills(db, tree, "html")
    await db.users.update_profile(learner.id, timezone=timezone)

    streaks = [await learn(db, learner, html, datetime.fromisoformat(f"{moment}+00:00")) for moment in moments]

    noted = await rows(connection, "select activity_date from user_activity_days order by activity_date")
    assert noted == [(date.fromisoformat(day),) for day in days]
    assert streaks[-1] == 2


async def test_a_stored_day_does_not_change_with_the_time_zone(db, connection, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await db.users.update_profile(learner.id, timezone="Pacific/Auckland")
    await learn(db, learner, html, datetime(2025, 6, 10, 1, tzinfo=UTC))  # the 10th in Auckland
    await db.users.update_profile(learner.id, timezone="America/Los_Angeles")

    # The 9th in Los Angeles, later; then the 10th again, and the 11th.
    streaks = [
        await learn(db, learner, html, datetime(2025, 6, 10, 2, tzinfo=UTC) + timedelta(days=n)) for n in range(3)
    ]

    noted = await rows(connection, "select activity_date from user_activity_days order by activity_date")
    assert [day.day for (day,) in noted] == [9, 10, 11]
    assert streaks == [2, 2, 3]


async def test_a_late_report_closes_a_gap(db, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await add_achievement(db, "Three", criteria={"type": "streak_days", "threshold": 3})
    for days_ago in (3, 1):
        await learn(db, learner, html, noon(days_ago))

    late = await db.progress.record_activity(learner.id, html.id, minutes=1, at=noon(2))

    assert (late.current_streak, late.max_streak) == (3, 3)
    assert [earned.name for earned in late.achievements] == ["Three"]


async def test_a_late_completion_closes_a_gap_and_earns_the_achievement(db, learner, tree):
    skills = await add_skills(db, tree, "a", "b", "c", "d", "e", "f")
    within = {"type": "streak_days", "threshold": 5, "additionalParams": {"treeId": str(tree.id)}}
    await add_achievement(db, "Five", criteria={"type": "streak_days", "threshold": 5})
    await add_achievement(db, "Five here", criteria=within)
    await add_achievement(db, "Six", criteria={"type": "streak_days", "threshold": 6})
    # One early day, a gap, two days, a gap, two days; then the days of the second gap.
    done = [
        await db.progress.complete_skill(learner.id, skill.id, at=noon(days_ago))
        for skill, days_ago in zip(skills, (7, 5, 4, 2, 1, 3), strict=True)
    ]

    assert [(each.current_streak, each.max_streak) for each in done] == [(1, 1), (1, 1), (2, 2), (1, 2), (2, 2), (5, 5)]
    assert [earned.name for each in done for earned in each.achievements] == ["Five", "Five here"]


async def test_completing_again_after_a_reset_adds_no_day_to_a_limited_streak(db, learner, tree):
    html, css = await add_skills(db, tree, "html", "css")
    within = {"type": "streak_days", "threshold": 2, "additionalParams": {"treeId": str(tree.id)}}
    await add_achievement(db, "Two here", criteria=within)
    await db.progress.complete_skill(learner.id, html.id, at=noon(2))
    await db.progress.reset_skill(learner.id, html.id)

    again = await db.progress.complete_skill(learner.id, html.id, at=noon(1))
    other = await db.progress.complete_skill(learner.id, css.id, at=noon(1))

    assert (again.xp_awarded, again.current_streak, again.achievements) == (0, 2, ())
    assert [earned.name for earned in other.achievements] == ["Two here"]


async def test_a_skill_completed_again_after_its_tree_moved_counts_where_it_was_paid(db, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await db.progress.complete_skill(learner.id, html.id)
    new_category = await add_category(db, "music")
    await db.trees.update(tree.id, category_id=new_category.id)
    await db.progress.reset_skill(learner.id, html.id)
    day = {"type": "streak_days", "threshold": 1}
    in_new = await add_achievement(db, criteria={**day, "additionalParams": {"categoryId": str(new_category.id)}})
    in_old = await add_achievement(db, criteria={**day, "additionalParams": {"categoryId": str(tree.category_id)}})

    again = await db.progress.complete_skill(learner.id, html.id)

    assert [each.id for each in again.achievements] == [in_old.id]
    assert in_new.id not in {each.achievement_id for each in await db.achievements.for_user(learner.id)}
    assert await db.doctor.examine() == []


async def test_streaks_from_an_array_equal_streaks_from_the_table(connection, learner):
    chance = random.Random(1)  # noqa: S311 (not for secrets)
    late = """
        select late.streak, late.started_at, late.longest
        from (select array_agg(activity_date), array_agg(learnt_at), array_agg(is_counted) from user_activity_days)
            as known (dates, moments, counted)
        cross join lateral late_day(dates, moments, counted, dates[1], now()) as late
    """
    for _ in range(50):
        days = {date(2025, 3, 1) + timedelta(days=chance.randrange(40)) for _ in range(chance.randint(1, 30))}
        await connection.execute("delete from user_activity_days")
        for day in days:
            await connection.execute(
                "insert into user_activity_days (user_id, activity_date, learnt_at, is_counted)"
                " values (%s, %s, %s, %s)",
                [learner.id, day, NOON if chance.random() < 0.5 else None, chance.random() < 0.8],
            )
        counted = [day for (day,) in await rows(connection, "select activity_date from user_activity_days")]
        joining = await rows(connection, "select activity_date from user_activity_days where not is_counted")

        [(latest, _, longest)] = found = await rows(connection, late)

        assert found == await rows(
            connection,
            """
            select latest.days, min(coalesce(learnt_at, activity_date::timestamp at time zone 'UTC')), latest.longest
            from (
                select user_id, days, begins_on, max(days) over (partition by user_id) as longest from streaks
                where user_id = %s order by ends_on desc limit 1
            ) as latest
            left join user_activity_days
                on user_activity_days.user_id = latest.user_id and is_counted and activity_date >= latest.begins_on
            group by latest.days, latest.longest
            """,
            learner.id,
        )
        assert longest == await value(
            connection, "select longest_streak(%s::date[], %s::date[])", counted, [day for (day,) in joining]
        )
        assert latest <= longest
    assert await rows(connection, "select longest_streak('{}', '{}'), longest_streak(null, '{}')") == [(None, None)]


async def test_a_lapsed_streak_is_reported_as_0_and_the_longest_stays(db, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    for ago in (5, 4, 3):
        await learn(db, learner, html, datetime.now(UTC) - timedelta(days=ago))
    lapsed = await db.users.get_profile(learner.id)
    await learn(db, learner, html, datetime.now(UTC) - timedelta(days=1))
    alive = await db.users.get_profile(learner.id)

    assert (lapsed.current_streak, lapsed.max_streak) == (0, 3)
    assert (alive.current_streak, alive.max_streak) == (1, 3)


async def test_a_completion_counts_as_a_day_of_activity_and_a_repeat_does_not(db, connection, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await db.progress.complete_skill(learner.id, html.id, at=NOON)

    await db.progress.complete_skill(learner.id, html.id, score=99, at=NOON + timedelta(days=1))

    assert await value(connection, "select count(*) from user_activity_days") == 1
