from itertools import pairwise
from uuid import UUID

import pytest

from _async.factories import add_progress, add_skills, add_tree, add_user, all_pages, case, parameter_id
from skilltree.errors import InvalidCursor, InvalidValue, SkillNotFound, TreeNotFound

UNKNOWN = UUID(int=0)


async def missing(db, learner, skill):
    return [
        (found.name, found.level, found.is_direct)
        for found in await db.progress.missing_prerequisites(learner.id, skill.id)
    ]


# --- stored progress -------------------------------------------------------------------------------------------------


async def test_for_skill_returns_the_stored_progress(db, connection, learner, tree):
    [html] = await add_skills(db, tree, "html")
    await add_progress(
        connection,
        learner,
        html,
        "IN_PROGRESS",
        progress_percent=12.5,
        attempts_count=3,
        evidence_data='{"type": "text", "content": "Done"}',
        unlocked_at="2026-01-02T03:04:05+02:00",
    )

    work = await db.progress.for_skill(learner.id, html.id)

    assert (work.user_id, work.skill_id, work.skill_tree_id) == (learner.id, html.id, tree.id)
    assert (work.status, work.progress_percent, work.attempts_count) == ("IN_PROGRESS", 12.5, 3)
    assert work.evidence_data.content == "Done"
    assert work.unlocked_at.utctimetuple()[:6] == (2026, 1, 2, 1, 4, 5)
    assert (work.completed_at, work.completion_method, work.struggling_indicators) == (None, None, None)


async def test_for_skill_returns_none_before_the_first_work(db, learner, tree):
    [html] = await add_skills(db, tree, "html")

    assert await db.progress.for_skill(learner.id, html.id) is None
    assert await db.progress.for_skill(learner.id, UNKNOWN) is None
    assert await db.progress.for_tree(learner.id, tree.id) is None
    assert (await db.progress.list_for_user(learner.id)).items == ()


async def test_for_tree_returns_the_stored_progress(db, connection, learner, tree):
    html, css = await add_skills(db, tree, "html", "css")
    await connection.execute(
        "insert into user_skill_tree_progress"
        " (user_id, skill_tree_id, status, progress_percent, skills_completed, total_skills, current_path)"
        " values (%s, %s, 'IN_PROGRESS', 50, 1, 2, %s)",
        [learner.id, tree.id, [css.id, html.id]],
    )

    way = await db.progress.for_tree(learner.id, tree.id)

    assert (way.status, way.progress_percent, way.skills_completed, way.total_skills) == ("IN_PROGRESS", 50, 1, 2)
    assert (way.current_path, way.milestones_reached) == ((css.id, html.id), ())
    assert await db.progress.for_tree((await add_user(db, "grace")).id, tree.id) is None


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 1000])
async def test_all_pages_together_contain_all_progress_of_a_learner(db, connection, learner, tree, limit):
    other = await add_user(db, "grace")
    # The lowest possible id must be listed as well.
    first = await db.skills.create(tree.id, name="First", id=UUID(int=0))
    skills = [first, *await add_skills(db, tree, *"abcd")]
    for skill in skills:
        await add_progress(connection, learner, skill)
    await add_progress(connection, other, skills[0])

    pages = await all_pages(db.progress.list_for_user, learner.id, limit=limit)

    assert [work.skill_id for page in pages for work in page.items] == sorted(skill.id for skill in skills)
    assert {work.user_id for page in pages for work in page.items} == {learner.id}
    assert all(len(page.items) == limit for page in pages[:-1])


async def test_progress_is_listed_by_status(db, connection, learner, tree):
    html, css = await add_skills(db, tree, "html", "css")
    await add_progress(connection, learner, html, "COMPLETED")
    await add_progress(connection, learner, css, "IN_PROGRESS")

    [only] = (await db.progress.list_for_user(learner.id, status="IN_PROGRESS")).items

    assert only.skill_id == css.id


async def test_rows_inserted_before_a_page_do_not_shift_it(db, connection, learner, tree):
    first, *others, last = await add_skills(db, tree, *"abcde")
    for skill in (*others, last):
        await add_progress(connection, learner, skill)
    page = await db.progress.list_for_user(learner.id, limit=2)

    await add_progress(connection, learner, first)
    rest = await db.progress.list_for_user(learner.id, limit=10, after=page.next_cursor)

    assert [work.skill_id for work in (*page.items, *rest.items)] == [skill.id for skill in (*others, last)]


@pytest.mark.parametrize("given", [{"limit": 0}, {"limit": 1001}, {"status": "DONE"}], ids=parameter_id)
async def test_invalid_arguments_of_a_list_are_refused(db, learner, given):
    with pytest.raises(InvalidValue):
        await db.progress.list_for_user(learner.id, **given)


async def test_a_cursor_of_another_list_is_refused(db, learner, subtests):
    for cursor in ["", "nonsense", "W10=", "WyJubyB1dWlkIl0=", "WzFd", "\ud800", "nul\0"]:
        async with case(subtests, cursor):
            with pytest.raises(InvalidCursor):
                await db.progress.list_for_user(learner.id, after=cursor)


# --- prerequisites ---------------------------------------------------------------------------------------------------


async def test_a_skill_without_prerequisites_is_open(db, learner, tree):
    [html] = await add_skills(db, tree, "html")

    assert await db.progress.can_unlock(learner.id, html.id) is True
    assert await missing(db, learner, html) == []


@pytest.mark.parametrize(
    ("first", "second", "is_open"),
    [
        ("COMPLETED", "COMPLETED", True),
        ("COMPLETED", "SKIPPED", True),
        ("SKIPPED", "SKIPPED", True),
        ("COMPLETED", "IN_PROGRESS", False),
        ("COMPLETED", "AVAILABLE", False),
        ("LOCKED", "SKIPPED", False),
        ("COMPLETED", None, False),
        (None, None, False),
    ],
)
async def test_a_skill_is_open_when_all_prerequisites_are_satisfied(
    db, connection, learner, tree, first, second, is_open
):
    html, css, layout = await add_skills(db, tree, "html", "css", layout=["html", "css"])
    for skill, status in ((html, first), (css, second)):
        if status is not None:
            await add_progress(connection, learner, skill, status)

    assert await db.progress.can_unlock(learner.id, layout.id) is is_open
    assert (await missing(db, learner, layout) == []) is is_open


async def test_another_learners_work_opens_nothing(db, connection, learner, tree):
    other = await add_user(db, "grace")
    html, css = await add_skills(db, tree, "html", css=["html"])
    await add_progress(connection, other, html)

    assert await db.progress.can_unlock(learner.id, css.id) is False
    assert await db.progress.can_unlock(other.id, css.id) is True


async def test_only_direct_prerequisites_decide_whether_a_skill_is_open(db, connection, learner, tree):
    *_, c, d = await add_skills(db, tree, "a", b=["a"], c=["b"], d=["c"])
    await add_progress(connection, learner, c)

    assert await db.progress.can_unlock(learner.id, d.id) is True
    assert await missing(db, learner, d) == []


async def test_an_inactive_prerequisite_does_not_gate(db, connection, learner, tree):
    html, css, layout = await add_skills(db, tree, "html", "css", layout=["html", "css"])
    await db.skills.deactivate(html.id)
    await add_progress(connection, learner, css)

    assert await db.progress.can_unlock(learner.id, layout.id) is True
    assert await missing(db, learner, layout) == []


async def test_skills_behind_an_inactive_prerequisite_are_not_missing(db, learner, tree):
    _, b, c = await add_skills(db, tree, "a", b=["a"], c=["b"])
    await db.skills.deactivate(b.id)

    assert await missing(db, learner, c) == []


async def test_a_skill_needed_on_two_paths_is_named_once(db, learner, tree):
    *_, d = await add_skills(db, tree, "a", b=["a"], c=["a"], d=["b", "c"])

    assert await missing(db, learner, d) == [("a", 0, False), ("b", 1, True), ("c", 1, True)]


async def test_missing_prerequisites_are_found_at_any_depth(db, learner, tree):
    names = [f"skill {number:02}" for number in range(20)]
    *_, last = await add_skills(db, tree, names[0], **{b: [a] for a, b in pairwise(names)})

    assert await missing(db, learner, last) == [(name, level, level == 18) for level, name in enumerate(names[:-1])]


async def test_missing_prerequisites_come_in_learning_order(db, learner, tree):
    # A long and a short path lead to the same skill. It comes after both.
    *_, last = await add_skills(db, tree, "a", b=["a"], c=["b"], d=["a", "c"], e=["d", "a"])

    assert [name for name, _, _ in await missing(db, learner, last)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("status", ["COMPLETED", "SKIPPED"])
async def test_skills_behind_a_satisfied_prerequisite_are_not_missing(db, connection, learner, tree, status):
    _, b, c, d = await add_skills(db, tree, "a", b=["a"], c=["a"], d=["b", "c"])
    await add_progress(connection, learner, b, status)

    assert await missing(db, learner, d) == [("a", 0, False), ("c", 1, True)]
    await add_progress(connection, learner, c, status)
    assert await missing(db, learner, d) == []


async def test_missing_prerequisites_of_a_completed_skill_are_still_returned(db, connection, learner, tree):
    _, css = await add_skills(db, tree, "html", css=["html"])
    await add_progress(connection, learner, css)

    assert await missing(db, learner, css) == [("html", 0, True)]


async def test_missing_prerequisites_have_their_minutes_and_xp(db, learner, tree):
    html = await db.skills.create(tree.id, name="HTML", difficulty="EXPERT", estimated_minutes=30)
    css = await db.skills.create(tree.id, name="CSS", dependencies=[html.id])

    [found] = await db.progress.missing_prerequisites(learner.id, css.id)

    assert (found.id, found.difficulty, found.estimated_minutes) == (html.id, "EXPERT", 30)


async def test_asking_about_an_unknown_skill_raises_skill_not_found(db, learner):
    with pytest.raises(SkillNotFound):
        await db.progress.can_unlock(learner.id, UNKNOWN)
    with pytest.raises(SkillNotFound):
        await db.progress.missing_prerequisites(learner.id, UNKNOWN)


async def test_an_unknown_learner_has_no_progress(db, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])

    assert await db.progress.can_unlock(UNKNOWN, html.id) is True
    assert await db.progress.can_unlock(UNKNOWN, css.id) is False


# --- percent ---------------------------------------------------------------------------------------------------------


async def counted(db, learner, tree):
    progress = await db.progress.calculate_tree_progress(learner.id, tree.id)
    return progress.completed, progress.total, progress.percent


async def test_an_empty_tree_is_at_zero(db, learner, tree):
    assert await counted(db, learner, tree) == (0, 0, 0)


async def test_only_required_skills_count_toward_the_percent(db, connection, learner, tree):
    html, css, _ = await add_skills(db, tree, "html", "css", "js")
    await db.skills.update(css.id, is_optional=True)
    await add_progress(connection, learner, html)
    await add_progress(connection, learner, css)

    assert await counted(db, learner, tree) == (1, 2, 50)


async def test_a_tree_of_optional_skills_counts_all_of_them(db, connection, learner, tree):
    html, css, js = await add_skills(db, tree, "html", "css", "js")
    for skill in (html, css, js):
        await db.skills.update(skill.id, is_optional=True)
    await add_progress(connection, learner, html)

    completed, total, percent = await counted(db, learner, tree)

    assert (completed, total) == (1, 3)
    assert percent == pytest.approx(100 / 3)


async def test_inactive_skills_do_not_count(db, connection, learner, tree):
    html, css, _ = await add_skills(db, tree, "html", "css", "js")
    for skill in (html, css):
        await add_progress(connection, learner, skill)
    await db.skills.deactivate(css.id)

    assert await counted(db, learner, tree) == (1, 2, 50)


async def test_optional_skills_count_if_all_required_ones_are_inactive(db, connection, learner, tree):
    html, css = await add_skills(db, tree, "html", "css")
    await db.skills.update(css.id, is_optional=True)
    await db.skills.deactivate(html.id)
    await add_progress(connection, learner, css)

    assert await counted(db, learner, tree) == (1, 1, 100)


@pytest.mark.parametrize("status", ["LOCKED", "AVAILABLE", "IN_PROGRESS", "SKIPPED"])
async def test_only_completed_skills_count(db, connection, learner, tree, status):
    [html] = await add_skills(db, tree, "html")
    await add_progress(connection, learner, html, status, progress_percent=90)

    assert await counted(db, learner, tree) == (0, 1, 0)


async def test_skills_of_other_trees_and_work_of_other_learners_do_not_count(db, connection, learner, tree):
    other = await add_user(db, "grace")
    [html] = await add_skills(db, tree, "html")
    [kept] = await add_skills(db, await add_tree(db, "other"), "kept")
    await add_progress(connection, learner, kept)
    await add_progress(connection, other, html)

    assert await counted(db, learner, tree) == (0, 1, 0)
    assert await counted(db, other, tree) == (1, 1, 100)


async def test_progress_in_an_unknown_tree_raises_tree_not_found(db, learner):
    with pytest.raises(TreeNotFound):
        await db.progress.calculate_tree_progress(learner.id, UNKNOWN)
