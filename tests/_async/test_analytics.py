from datetime import UTC, datetime, timedelta
from itertools import combinations
from statistics import median
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from _async.factories import add_skills, add_tree, case, parameter_id, rows
from skilltree.errors import InvalidValue, TreeNotFound

UNKNOWN = UUID(int=0)
NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=30)


@pytest.fixture
async def learners(connection):
    """The ids of a hundred learners."""
    return [
        learner_id
        for (learner_id,) in await rows(
            connection,
            "insert into users (email, username, password_hash)"
            " select 'u' || n || '@example.org', 'u' || n, '$2b$04$' || repeat('a', 53)"
            " from generate_series(1, 100) as n returning id",
        )
    ]


async def add_work(connection, skill, learners, status="COMPLETED", at=NOW, **columns):
    """Add the same work for several learners. A list in a column holds one value per learner."""
    for place, learner_id in enumerate(learners):
        given = {
            "user_id": learner_id,
            "skill_id": skill.id,
            "skill_tree_id": skill.skill_tree_id,
            "status": status,
            "started_at": at if status in {"IN_PROGRESS", "COMPLETED"} else None,
            "last_activity_at": at,
            "completed_at": at if status == "COMPLETED" else None,
            **{name: value[place] if isinstance(value, list) else value for name, value in columns.items()},
        }
        await connection.execute(
            f"insert into user_skill_progress ({', '.join(given)})"
            f" values ({', '.join(f'%({name})s' for name in given)})",
            given,
        )


async def statistics_of(db, skill, **given):
    [found] = [each for each in await db.analytics.skills(skill.skill_tree_id, **given) if each.id == skill.id]
    return found


# --- skills ----------------------------------------------------------------------------------------------------------


async def test_the_figures_of_a_skill_count_learners_who_started_it(db, connection, tree, learners):
    [html] = await add_skills(db, tree, "html")
    await add_work(
        connection,
        html,
        learners[:8],
        time_spent_minutes=[10, 20, 30, 40, 60, 70, 80, 900],
        attempts_count=[1, 1, 1, 2, 2, 2, 3, 4],
        failed_attempts=[0, 0, 0, 1, 1, 1, 2, 3],
    )
    await add_work(connection, html, learners[8:14], "IN_PROGRESS", LONG_AGO, attempts_count=4, failed_attempts=4)
    await add_work(connection, html, learners[14:20], "IN_PROGRESS", time_spent_minutes=5000)
    await add_work(connection, html, learners[20:40], "AVAILABLE", None)
    await add_work(connection, html, learners[40:60], "SKIPPED")

    found = await statistics_of(db, html)

    assert (found.id, found.key, found.name) == (html.id, "html", "html")
    assert (found.started, found.completed, found.stopped) == (20, 8, 6)
    assert (found.completion_rate, found.stopped_share) == (8 / 20, 6 / 20)
    assert (found.median_minutes, found.median_attempts) == (50, 2)
    assert found.failure_rate == (8 + 24) / (16 + 24)
    assert found.is_suppressed is False


async def test_a_skill_started_and_then_skipped_counts_as_started(db, connection, tree, learners):
    [html] = await add_skills(db, tree, "html")
    await add_work(connection, html, learners[:5], "SKIPPED", started_at=NOW)
    await add_work(connection, html, learners[5:10], "SKIPPED")

    found = await statistics_of(db, html)

    assert (found.started, found.completed) == (5, 0)


@pytest.mark.parametrize(
    "minutes",
    [
        [0] * 5,
        [1, 2, 3, 4, 5],
        [5, 1, 1, 1, 9],
        [1, 2, 3, 4, 5, 6],
        [1, 1, 1, 4, 4, 4],
        [3, 3, 3, 3, 0, 9],
        [9] * 5 + [0],
    ],
    ids=parameter_id,
)
async def test_the_median_is_the_middle_value(db, connection, tree, learners, minutes):
    [html] = await add_skills(db, tree, "html")
    await add_work(connection, html, learners[: len(minutes)], time_spent_minutes=minutes, attempts_count=minutes[::-1])

    found = await statistics_of(db, html)

    assert (found.median_minutes, found.median_attempts) == (median(minutes), median(minutes))


async def test_active_skills_are_listed_top_to_bottom_started_or_not(db, connection, tree, learners):
    first, second, inactive = await add_skills(db, tree, "first", "second", "inactive")
    await db.skills.arrange(tree.id, {first.id: (0, 5), second.id: (0, 1)})
    await add_work(connection, inactive, learners[:10])
    await db.skills.deactivate(inactive.id)

    found = await db.analytics.skills(tree.id)

    assert [each.key for each in found] == ["second", "first"]
    assert [(each.started, each.completed, each.stopped) for each in found] == [(0, 0, 0)] * 2
    assert {each.completion_rate for each in found} | {each.median_minutes for each in found} == {None}
    assert {each.failure_rate for each in found} | {each.stopped_share for each in found} == {None}
    assert [each.is_suppressed for each in found] == [False, False]


async def test_work_in_another_tree_does_not_count(db, connection, tree, learners):
    [html] = await add_skills(db, tree, "html")
    [other] = await add_skills(db, await add_tree(db, "other"), "html")
    await add_work(connection, html, learners[:10], "IN_PROGRESS", LONG_AGO)
    await add_work(connection, other, learners[:10], "COMPLETED", NOW)

    found = await statistics_of(db, html)

    assert (found.started, found.stopped) == (10, 10)


# --- where learners stop ---------------------------------------------------------------------------------------------


async def test_learners_stop_at_the_skill_they_worked_on_last(db, connection, tree, learners):
    html, css = await add_skills(db, tree, "html", "css")
    await add_work(connection, html, learners[:10], "IN_PROGRESS", LONG_AGO)
    await add_work(connection, css, learners[:5], "IN_PROGRESS", LONG_AGO + timedelta(days=1))

    found = await db.analytics.skills(tree.id)

    assert [(each.key, each.started, each.stopped) for each in found] == [("html", 10, 5), ("css", 5, 5)]


async def test_learners_who_completed_their_last_skill_have_not_stopped(db, connection, tree, learners):
    html, css = await add_skills(db, tree, "html", "css")
    await add_work(connection, html, learners[:10], "IN_PROGRESS", LONG_AGO)
    await add_work(connection, css, learners[:10], "COMPLETED", LONG_AGO + timedelta(days=1))

    found = await db.analytics.skills(tree.id)

    assert [(each.key, each.stopped) for each in found] == [("html", 0), ("css", 0)]


async def test_learners_active_elsewhere_in_the_tree_have_not_stopped(db, connection, tree, learners):
    html, inactive = await add_skills(db, tree, "html", "inactive")
    await add_work(connection, html, learners[:10], "IN_PROGRESS", LONG_AGO)
    await add_work(connection, inactive, learners[:10], "COMPLETED", NOW)
    await db.skills.deactivate(inactive.id)

    assert (await statistics_of(db, html)).stopped == 0


async def test_the_number_of_days_without_work_can_be_chosen(db, connection, tree, learners):
    [html] = await add_skills(db, tree, "html")
    await add_work(connection, html, learners[:10], "IN_PROGRESS", NOW - timedelta(days=10))

    assert (await statistics_of(db, html)).stopped == 0
    assert (await statistics_of(db, html, idle_days=9)).stopped == 10
    assert (await statistics_of(db, html, idle_days=11)).stopped == 0


async def test_a_learner_stops_at_one_skill_only(db, connection, tree, learners):
    html, css = await add_skills(db, tree, "html", "css")
    for skill in (html, css):
        await add_work(connection, skill, learners[:10], "IN_PROGRESS", LONG_AGO)

    found = await db.analytics.skills(tree.id)

    assert sorted(each.stopped for each in found) == [0, 10]


# --- small groups ----------------------------------------------------------------------------------------------------


async def test_figures_are_hidden_for_four_learners_and_shown_for_five(db, connection, tree, learners):
    four, five = await add_skills(db, tree, "four", "five")
    for skill, count in ((four, 4), (five, 5)):
        await add_work(connection, skill, learners[:count], "COMPLETED", attempts_count=2, failed_attempts=1)

    of_four, of_five = await statistics_of(db, four), await statistics_of(db, five)

    told = of_four.model_dump(exclude={"id", "key", "name", "is_suppressed"})
    assert set(told.values()) == {None}
    assert (of_four.is_suppressed, of_five.is_suppressed) == (True, False)
    assert (of_five.started, of_five.completed, of_five.completion_rate, of_five.failure_rate) == (5, 5, 1, 0.5)


@pytest.mark.parametrize(
    ("completed", "at_it", "stopped", "told"),
    [
        (10, 10, 10, (30, 10, 10)),
        (10, 10, 0, (20, 10, 0)),
        (10, 0, 0, (10, 10, 0)),
        (0, 10, 0, (10, 0, 0)),
        (4, 10, 10, (24, None, None)),
        (10, 10, 4, (24, 10, None)),
        (10, 4, 10, (24, 10, None)),
        (19, 1, 0, (20, None, None)),
        (19, 0, 1, (20, None, None)),
        (1, 0, 19, (20, None, None)),
        (0, 1, 19, (20, 0, None)),
        (2, 2, 0, (None, None, None)),
        (3, 1, 1, (5, None, None)),
    ],
)
async def test_a_count_that_reveals_a_small_one_by_subtraction_is_hidden(
    db, connection, tree, learners, completed, at_it, stopped, told
):
    [html] = await add_skills(db, tree, "html")
    await add_work(connection, html, learners[:completed])
    await add_work(connection, html, learners[completed : completed + at_it], "IN_PROGRESS")
    await add_work(connection, html, learners[completed + at_it : completed + at_it + stopped], "IN_PROGRESS", LONG_AGO)

    found = await statistics_of(db, html)

    assert (found.started, found.completed, found.stopped) == told
    assert (found.completion_rate is None, found.stopped_share is None) == (told[1] is None, told[2] is None)
    assert found.is_suppressed is (None in told)


async def test_the_failures_of_a_few_among_many_are_hidden(db, connection, tree, learners):
    [html] = await add_skills(db, tree, "html")
    await add_work(connection, html, learners[:4], attempts_count=3, failed_attempts=2)
    await add_work(connection, html, learners[4:20])

    found = await statistics_of(db, html)

    assert (found.started, found.failure_rate, found.is_suppressed) == (20, None, True)


async def test_the_smallest_group_can_be_chosen_down_to_three(db, connection, tree, learners, subtests):
    html, css = await add_skills(db, tree, "html", css=["html"])
    for skill in (html, css):
        await add_work(connection, skill, learners[:3])

    assert (await statistics_of(db, html, min_group=3)).started == 3
    assert (await statistics_of(db, html, min_group=4)).started is None
    asked = (db.analytics.skills, db.analytics.bottlenecks, db.analytics.prerequisites)
    for method in asked:
        for wrong in (2, 1, 0, -5, 2**40):
            async with case(subtests, (method, wrong)):
                with pytest.raises(InvalidValue, match="min_group must be") as refusal:
                    await method(tree.id, min_group=wrong)
                assert refusal.value.field == "min_group"


# --- bottlenecks -----------------------------------------------------------------------------------------------------


async def test_a_bottleneck_is_scored_by_stops_failures_time_and_dependents(db, connection, tree, learners):
    html, *_ = await add_skills(db, tree, "html", css=["html"], forms=["html"], layout=["css", "forms"], other=[])
    await db.skills.update(html.id, estimated_minutes=40)
    await add_work(
        connection, html, learners[:10], time_spent_minutes=50, attempts_count=2, failed_attempts=1, at=LONG_AGO
    )
    await add_work(connection, html, learners[10:20], "IN_PROGRESS", LONG_AGO)

    [found] = await db.analytics.bottlenecks(tree.id)

    assert (found.id, found.key, found.name) == (html.id, "html", "html")
    assert (found.started, found.stopped, found.stopped_share, found.failure_rate) == (20, 10, 0.5, 0.5)
    assert (found.median_minutes, found.estimated_minutes, found.overtime) == (50, 40, 0.25)
    assert found.skills_behind == 3
    assert found.score == pytest.approx((0.5 * 0.5 + 0.3 * 0.5 + 0.2 * 0.25) * (1 + 3 / 4))
    assert found.is_suppressed is False


async def test_of_two_similar_skills_the_one_with_more_dependents_scores_higher(db, connection, tree, learners):
    html, css, _, _ = await add_skills(db, tree, "html", "css", layout=["css"], grid=["layout"])
    for skill, group in ((html, learners[:10]), (css, learners[10:20])):
        await add_work(connection, skill, group, "IN_PROGRESS", LONG_AGO)

    found = await db.analytics.bottlenecks(tree.id)

    assert [(each.key, each.skills_behind) for each in found] == [("css", 2), ("html", 0)]
    assert [each.score for each in found] == pytest.approx([0.5 * (1 + 2 / 3), 0.5])
    assert [each.key for each in await db.analytics.bottlenecks(tree.id, limit=1)] == ["css"]


async def test_skills_behind_an_inactive_skill_alone_do_not_count(db, connection, tree, learners):
    html, css, *_ = await add_skills(db, tree, "html", css=["html"], layout=["css"], forms=["html"])
    await db.skills.deactivate(css.id)
    await add_work(connection, html, learners[:10], "IN_PROGRESS", LONG_AGO)

    [found] = await db.analytics.bottlenecks(tree.id)

    assert found.skills_behind == 1


async def test_time_counts_up_to_twice_the_estimate_and_not_without_one(db, connection, tree, learners):
    skills = await add_skills(db, tree, "fast", "slow", "slower", "unknown", "zero")
    for skill, estimate in zip(skills, [60, 30, 10, None, 0], strict=True):
        await db.skills.update(skill.id, estimated_minutes=estimate)
        await add_work(connection, skill, learners[:10], time_spent_minutes=60, attempts_count=10, failed_attempts=1)

    found = await db.analytics.bottlenecks(tree.id)

    assert {each.key: each.overtime for each in found} == {
        "fast": 0,
        "slow": 1,
        "slower": 1,
        "unknown": None,
        "zero": None,
    }
    assert [each.key for each in found] == ["slow", "slower", "fast", "unknown", "zero"]


async def test_skills_that_delay_nobody_or_have_few_learners_are_no_bottlenecks(db, connection, tree, learners):
    smooth, few, _ = await add_skills(db, tree, "smooth", "few", "untouched")
    await add_work(connection, smooth, learners[:10])
    await add_work(connection, few, learners[:4], "IN_PROGRESS", LONG_AGO, attempts_count=1, failed_attempts=1)

    assert await db.analytics.bottlenecks(tree.id) == []


async def test_hidden_counts_have_no_part_in_a_score(db, connection, tree, learners):
    [html] = await add_skills(db, tree, "html")
    await add_work(connection, html, learners[:10], attempts_count=2, failed_attempts=1)
    await add_work(connection, html, learners[10:14], "IN_PROGRESS", LONG_AGO)

    [found] = await db.analytics.bottlenecks(tree.id)

    assert (found.started, found.stopped, found.stopped_share, found.is_suppressed) == (14, None, None, True)
    assert found.score == pytest.approx(0.3 * 0.5)


async def test_bottlenecks_show_the_same_figures_as_skills(db, connection, tree, learners):
    skills = await add_skills(db, tree, *"abcd")
    for place, skill in enumerate(skills, start=1):
        done, stopped = learners[: 9 * place], learners[9 * place : 12 * place]
        await add_work(connection, skill, done, time_spent_minutes=place, attempts_count=2, failed_attempts=1)
        await add_work(connection, skill, stopped, "IN_PROGRESS", LONG_AGO)

    told = {each.key: each for each in await db.analytics.skills(tree.id)}
    found = await db.analytics.bottlenecks(tree.id)

    shared = {"started", "stopped", "stopped_share", "failure_rate", "median_minutes"}
    assert len(found) == 4
    assert all(each.model_dump(include=shared) == told[each.key].model_dump(include=shared) for each in found)


# --- prerequisites ---------------------------------------------------------------------------------------------------


async def add_scored(connection, prerequisite, skill, learners, score, completed):
    """Add learners with this score in a prerequisite. All have started the skill, and some have completed it."""
    await add_work(connection, prerequisite, learners, completion_score=score)
    await add_work(connection, skill, learners[:completed])
    await add_work(connection, skill, learners[completed:], "IN_PROGRESS")


async def test_completion_is_grouped_by_the_score_in_the_prerequisite(db, connection, tree, learners):
    html, css = await add_skills(db, tree, "html", css=["html"])
    await add_scored(connection, html, css, learners[:10], None, 5)
    await add_scored(connection, html, css, learners[10:30], 20, 5)
    await add_scored(connection, html, css, learners[30:40], 60, 5)
    await add_scored(connection, html, css, learners[50:70], 95, 15)
    await add_work(connection, html, learners[70:], completion_score=80)

    [found] = await db.analytics.prerequisites(tree.id)

    assert (found.skill_id, found.skill_key, found.skill_name) == (css.id, "css", "css")
    assert (found.prerequisite_id, found.prerequisite_key, found.prerequisite_name) == (html.id, "html", "html")
    assert [(band.scores, band.learners, band.completed, band.completion_rate) for band in found.bands] == [
        ("none", 10, 5, 0.5),
        ("0-49", 20, 5, 0.25),
        ("50-69", 10, 5, 0.5),
        ("70-89", 0, 0, None),
        ("90-100", 20, 15, 0.75),
    ]
    assert (found.difference, found.is_suppressed) == (0.5, False)


@pytest.mark.parametrize(
    ("score", "band"),
    [
        (0, "0-49"),
        (49.99, "0-49"),
        (50, "50-69"),
        (69.99, "50-69"),
        (70, "70-89"),
        (89.99, "70-89"),
        (90, "90-100"),
        (100, "90-100"),
        (None, "none"),
    ],
)
async def test_a_score_belongs_to_one_band(db, connection, tree, learners, score, band):
    html, css = await add_skills(db, tree, "html", css=["html"])
    await add_scored(connection, html, css, learners[:10], score, 5)

    [found] = await db.analytics.prerequisites(tree.id)

    assert [each.scores for each in found.bands if each.learners] == [band]
    assert (found.difference, found.is_suppressed) == (None, False)


async def test_a_learner_who_never_worked_on_a_prerequisite_has_no_score_in_it(db, connection, tree, learners):
    html, css = await add_skills(db, tree, "html", css=["html"])
    await add_work(connection, css, learners[:5])
    await add_work(connection, html, learners[:2], "SKIPPED")

    [found] = await db.analytics.prerequisites(tree.id)

    assert [(each.scores, each.learners) for each in found.bands if each.learners] == [("none", 5)]


async def test_prerequisites_that_seem_not_to_matter_come_first_and_unjudged_ones_last(db, connection, tree, learners):
    html, css, forms, page, _ = await add_skills(
        db, tree, "html", "css", "forms", page=["html", "css", "forms"], site=["page"]
    )
    await add_work(connection, page, learners[:20])
    await add_work(connection, page, learners[20:40], "IN_PROGRESS")
    await add_work(connection, html, learners[:20], completion_score=95)
    await add_work(connection, html, learners[20:40], completion_score=20)
    await add_work(connection, css, learners[10:30], completion_score=95)
    await add_work(connection, forms, learners[:15] + learners[20:30], completion_score=95)

    found = await db.analytics.prerequisites(tree.id)

    assert [(each.skill_key, each.prerequisite_key) for each in found] == [
        ("page", "css"),
        ("page", "forms"),
        ("page", "html"),
        ("site", "page"),
    ]
    assert [each.difference for each in found] == [0, pytest.approx(15 / 25 - 5 / 15), 1, None]


async def test_only_active_skills_and_prerequisites_are_judged(db, connection, tree, learners):
    html, css, layout, _ = await add_skills(db, tree, "html", css=["html"], layout=["css", "html"], grid=["layout"])
    await add_scored(connection, html, layout, learners[:10], 95, 5)
    await db.skills.deactivate(css.id)
    await db.skills.deactivate(html.id)

    found = await db.analytics.prerequisites(tree.id)

    assert [(each.skill_key, each.prerequisite_key) for each in found] == [("grid", "layout")]


async def test_a_small_band_is_hidden_together_with_the_next_smallest(db, connection, tree, learners):
    html, css = await add_skills(db, tree, "html", css=["html"])
    await add_scored(connection, html, css, learners[:4], 20, 2)
    await add_scored(connection, html, css, learners[10:20], 60, 5)
    await add_scored(connection, html, css, learners[20:40], 80, 10)
    await add_scored(connection, html, css, learners[40:60], 95, 15)

    [found] = await db.analytics.prerequisites(tree.id)

    assert [(band.scores, band.learners, band.completed) for band in found.bands] == [
        ("none", 0, 0),
        ("0-49", None, None),
        ("50-69", None, None),
        ("70-89", 20, 10),
        ("90-100", 20, 15),
    ]
    assert (found.difference, found.is_suppressed) == (0.25, True)


async def test_completions_are_hidden_where_one_of_them_is_small(db, connection, tree, learners):
    html, css = await add_skills(db, tree, "html", css=["html"])
    await add_scored(connection, html, css, learners[:20], 20, 19)
    await add_scored(connection, html, css, learners[20:30], 60, 5)
    await add_scored(connection, html, css, learners[40:60], 95, 15)

    [found] = await db.analytics.prerequisites(tree.id)

    assert [(band.scores, band.learners, band.completed) for band in found.bands] == [
        ("none", 0, None),
        ("0-49", 20, None),
        ("50-69", 10, None),
        ("70-89", 0, None),
        ("90-100", 20, None),
    ]
    assert (found.difference, found.is_suppressed) == (None, True)


COUNTS = st.integers(0, 9)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(counts=st.tuples(*[st.tuples(COUNTS, COUNTS)] * 5), min_group=st.sampled_from([3, 5]))
async def test_no_small_band_can_be_computed_from_the_others(db, connection, tree, learners, counts, min_group):
    await connection.execute("delete from skills")
    html, css = await add_skills(db, tree, "html", css=["html"])
    place = 0
    for score, (completed, others) in zip([None, 10, 60, 80, 95], counts, strict=True):
        group = learners[place : place + completed + others]
        await add_scored(connection, html, css, group, score, completed)
        place += len(group)

    [found] = await db.analytics.prerequisites(tree.id, min_group=min_group)

    def is_few(number):
        return 0 < number < min_group

    bands = list(zip(found.bands, counts, strict=True))
    for band, (completed, others) in bands:
        assert band.learners in {None, completed + others}
        assert band.completed in {None, completed}
        assert band.learners is None or not is_few(completed + others)
        assert band.completed is None or not (is_few(completed) or is_few(others))
        assert band.learners is not None or band.completed is None
        assert (band.completion_rate is None) == (band.completed is None or band.learners == 0)
    hidden = [sum(both) for band, both in bands if band.learners is None]
    unsplit = [both for band, both in bands if band.completed is None]
    # The sum of all hidden counts is known. A hidden count may not be alone, and one of them must be large.
    assert len(hidden) != 1 or is_few(sum(map(sum, counts)))
    assert not hidden or max(hidden) >= min_group or len(hidden) in {sum(map(any, counts)), len(bands)}
    assert len(unsplit) != 1 or sum(map(any, counts)) == 1
    rates = [band.completion_rate for band in found.bands if band.completion_rate is not None]
    expected = max((abs(one - other) for one, other in combinations(rates, 2)), default=None)
    assert found.difference == (None if expected is None else pytest.approx(expected))
    assert found.is_suppressed is bool(hidden or unsplit)


# --- arguments -------------------------------------------------------------------------------------------------------


async def test_a_tree_without_skills_has_no_figures_and_an_unknown_one_is_not_found(db, tree):
    for method in (db.analytics.skills, db.analytics.bottlenecks, db.analytics.prerequisites):
        assert await method(tree.id) == []
        with pytest.raises(TreeNotFound):
            await method(UNKNOWN)


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("skills", {"idle_days": 0}),
        ("skills", {"idle_days": 10**9}),
        ("bottlenecks", {"idle_days": 0}),
        ("bottlenecks", {"limit": 0}),
        ("bottlenecks", {"limit": 1001}),
    ],
    ids=parameter_id,
)
async def test_invalid_arguments_are_refused(db, tree, method, given):
    with pytest.raises(InvalidValue) as refusal:
        await getattr(db.analytics, method)(tree.id, **given)

    assert refusal.value.field in given


async def test_each_method_runs_one_statement(proxy, proxied):
    tree = await add_tree(proxied)
    proxy.reset()

    for method in (
        proxied.analytics.skills,
        proxied.analytics.bottlenecks,
        proxied.analytics.prerequisites,
    ):
        await method(tree.id)

    assert len(proxy.statements()) == 3
