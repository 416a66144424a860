from copy import deepcopy
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from _async.factories import add_progress, add_user, expect_nothing_written, expect_refusal
from skilltree import AsyncDatabase
from skilltree.errors import CyclicDependency, InvalidCurriculum, TreeNotFound, UnknownCurriculumKeys

NUMBERS = (
    "learners",
    "gain_open",
    "lose_open",
    "percent_up",
    "percent_down",
    "gain_completion",
    "lose_completion",
)


def curriculum(slug="web", **skills):
    """A curriculum: ``layout="html css"`` is a skill with two dependencies; a leading ``?`` makes it optional."""
    return {
        "slug": slug,
        "name": "Web",
        "category": "Programming",
        "skills": [
            {"key": key, "name": key, "dependencies": needed.strip("?").split(), "optional": needed.startswith("?")}
            for key, needed in skills.items()
        ],
    }


def edited(form, **changed):
    """The curriculum with edits: ``css=None`` removes a skill, ``css={"active": False}`` changes its fields."""
    form = deepcopy(form)
    given = {skill["key"]: skill for skill in form["skills"]}
    for key, change in changed.items():
        given[key] = None if change is None else {"key": key, "name": key, **given.get(key, {}), **change}
    form["skills"] = [skill for skill in given.values() if skill is not None]
    return form


async def add_learner_in_tree(db, connection, name, form, *, status="IN_PROGRESS", **statuses):
    """Add a learner who has started a tree. ``statuses`` gives the stored status of each skill by key."""
    learner = await add_user(db, name)
    await add_work(db, connection, learner, form["slug"], status, statuses)
    return learner


async def add_work(db, connection, learner, slug, status, statuses):
    loaded = await db.trees.find_by_slug(slug)
    await connection.execute(
        "insert into user_skill_tree_progress (user_id, skill_tree_id, status, completed_at) values (%s, %s, %s, %s)",
        [learner.id, loaded.id, status, datetime.now(UTC) if status == "COMPLETED" else None],
    )
    skills = {skill.key: skill for skill in await db.skills.list_for_tree(loaded.id, include_inactive=True)}
    for key, skill_status in statuses.items():
        await add_progress(connection, learner, skills[key], skill_status)


def nonzero_counts(impact):
    """The counts that are not 0."""
    return {name: getattr(impact, name) for name in NUMBERS if getattr(impact, name)}


def openings(impact):
    return {skill.key: (skill.gain_open, skill.lose_open) for skill in impact.skills}


# --- effects of an edit ----------------------------------------------------------------------------------------------


async def test_an_edit_of_texts_does_nothing_to_learners(db, connection):
    form = curriculum(html="", css="", layout="html css")
    await db.trees.import_tree(form)
    await add_learner_in_tree(db, connection, "ada", form, html="COMPLETED")

    impact = await db.trees.preview_changes(edited(form, html={"name": "HTML", "xp_value": 50}))

    assert nonzero_counts(impact) == {"learners": 1}
    assert (impact.skills, impact.added, impact.removed, impact.activated, impact.deactivated) == ((), (), (), (), ())


async def test_a_new_prerequisite_closes_a_skill_for_learners_who_lack_it(db, connection):
    form = curriculum(html="", css="", layout="html")
    await db.trees.import_tree(form)
    await add_learner_in_tree(db, connection, "closed", form, html="COMPLETED")
    await add_learner_in_tree(db, connection, "satisfied", form, html="COMPLETED", css="SKIPPED")
    await add_learner_in_tree(db, connection, "at-it-already", form, html="COMPLETED", layout="IN_PROGRESS")
    await add_learner_in_tree(db, connection, "locked-anyway", form)

    impact = await db.trees.preview_changes(edited(form, layout={"dependencies": ["html", "css"]}))

    assert nonzero_counts(impact) == {"learners": 4, "lose_open": 1}
    assert openings(impact) == {"layout": (0, 1)}


async def test_removing_a_prerequisite_opens_a_skill_for_learners_who_lacked_only_that(db, connection):
    form = curriculum(html="", css="", layout="html css", grid="layout")
    await db.trees.import_tree(form)
    await add_learner_in_tree(db, connection, "opened", form, html="COMPLETED")
    await add_learner_in_tree(db, connection, "open-already", form, html="COMPLETED", css="COMPLETED")
    await add_learner_in_tree(db, connection, "lacks-the-other", form, css="COMPLETED")

    impact = await db.trees.preview_changes(edited(form, layout={"dependencies": ["html"]}))

    assert nonzero_counts(impact) == {"learners": 3, "gain_open": 1}
    assert openings(impact) == {"layout": (1, 0)}


async def test_a_tree_is_completed_when_the_last_missing_skill_is_deactivated(db, connection):
    form = curriculum(html="", css="html", layout="css")
    await db.trees.import_tree(form)
    await add_learner_in_tree(db, connection, "done", form, html="COMPLETED", css="COMPLETED")
    await add_learner_in_tree(db, connection, "paused", form, status="PAUSED", html="COMPLETED", css="COMPLETED")
    await add_learner_in_tree(db, connection, "completed", form, status="COMPLETED", html="COMPLETED", css="COMPLETED")
    await add_learner_in_tree(db, connection, "half-way", form, html="COMPLETED", css="IN_PROGRESS")
    await add_learner_in_tree(db, connection, "not-begun", form, status="NOT_STARTED")

    impact = await db.trees.preview_changes(edited(form, layout={"active": False}))

    assert nonzero_counts(impact) == {"learners": 5, "lose_open": 3, "percent_up": 4, "gain_completion": 2}
    assert openings(impact) == {"layout": (0, 3)}
    assert impact.deactivated == ("layout",)


async def test_a_new_required_skill_lowers_the_percent_and_opens_for_some_learners(db, connection):
    form = curriculum(html="")
    await db.trees.import_tree(form)
    await add_learner_in_tree(db, connection, "completed", form, status="COMPLETED", html="COMPLETED")
    await add_learner_in_tree(db, connection, "under-way", form, html="IN_PROGRESS")

    impact = await db.trees.preview_changes(edited(form, css={"dependencies": ["html"]}, forms={}))

    assert nonzero_counts(impact) == {"learners": 2, "gain_open": 2, "percent_down": 1}
    assert openings(impact) == {"css": (1, 0), "forms": (2, 0)}
    assert impact.added == ("css", "forms")


async def test_a_skill_made_optional_no_longer_counts(db, connection):
    form = curriculum(html="", css="")
    await db.trees.import_tree(form)
    await add_learner_in_tree(db, connection, "with-it", form, css="COMPLETED")
    await add_learner_in_tree(db, connection, "without-it", form, html="COMPLETED")

    impact = await db.trees.preview_changes(edited(form, css={"optional": True}))

    assert nonzero_counts(impact) == {"learners": 2, "percent_up": 1, "percent_down": 1, "gain_completion": 1}


async def test_optional_skills_count_once_no_skill_is_required(db, connection):
    form = curriculum(html="", css="?")
    await db.trees.import_tree(form)
    await add_learner_in_tree(db, connection, "ada", form, html="COMPLETED")
    await add_learner_in_tree(db, connection, "grace", form, css="COMPLETED")

    impact = await db.trees.preview_changes(edited(form, html={"optional": True}))

    assert nonzero_counts(impact) == {"learners": 2, "percent_up": 1, "percent_down": 1}


async def test_a_removed_completed_skill_no_longer_counts_or_gates(db, connection):
    form = curriculum(html="", css="html", layout="css")
    await db.trees.import_tree(form)
    await add_learner_in_tree(db, connection, "loses", form, html="COMPLETED", css="COMPLETED")
    await add_learner_in_tree(db, connection, "gains", form, html="COMPLETED")

    impact = await db.trees.preview_changes(edited(form, css=None, layout={"dependencies": []}))

    assert nonzero_counts(impact) == {
        "learners": 2,
        "gain_open": 1,
        "lose_open": 1,
        "percent_up": 1,
        "percent_down": 1,
        "lose_completion": 1,
    }
    assert openings(impact) == {"css": (0, 1), "layout": (1, 0)}
    assert impact.removed == ("css",)


async def test_a_restored_skill_is_reported_as_added_and_an_inactive_one_as_activated(db, connection):
    form = edited(curriculum(html="", css="", layout=""), layout={"active": False})
    await db.trees.import_tree(form)
    await add_learner_in_tree(db, connection, "ada", form, css="COMPLETED")
    await db.trees.import_tree(edited(form, css=None))

    impact = await db.trees.preview_changes(edited(form, layout={"active": True}))

    assert (impact.added, impact.removed, impact.activated, impact.deactivated) == (("css",), (), ("layout",), ())
    assert openings(impact) == {"layout": (1, 0)}
    assert nonzero_counts(impact) == {"learners": 1, "gain_open": 1, "percent_up": 1}


async def test_removing_all_skills_completes_the_tree_for_nobody(db, connection):
    form = curriculum(html="")
    await db.trees.import_tree(form)
    await add_learner_in_tree(db, connection, "ada", form)

    impact = await db.trees.preview_changes(edited(form, html=None))

    assert nonzero_counts(impact) == {"learners": 1, "lose_open": 1}


async def test_work_in_other_trees_does_not_count(db, connection):
    form, other = curriculum(html="", css="html"), curriculum(slug="other", html="", css="html")
    await db.trees.import_tree(form)
    await db.trees.import_tree(other)
    await add_learner_in_tree(db, connection, "ada", other, html="COMPLETED")

    impact = await db.trees.preview_changes(edited(form, css={"dependencies": []}))

    assert nonzero_counts(impact) == {}


# --- the call --------------------------------------------------------------------------------------------------------


async def test_an_exported_curriculum_can_be_previewed_as_it_is(db, connection):
    form = curriculum(html="", css="html")
    await db.trees.import_tree(form)
    await add_learner_in_tree(db, connection, "ada", form, html="COMPLETED")

    impact = await db.trees.preview_changes(await db.trees.export_tree("web"))

    assert nonzero_counts(impact) == {"learners": 1}


async def test_a_preview_writes_nothing_and_works_in_a_read_only_transaction(db, connection, url):
    form = curriculum(html="", css="html")
    await db.trees.import_tree(form)
    await add_learner_in_tree(db, connection, "ada", form)

    async with AsyncDatabase(f"{url} options='-c default_transaction_read_only=on'") as reading:
        async with expect_nothing_written(connection):
            impact = await reading.trees.preview_changes(edited(form, css={"dependencies": []}))

    assert openings(impact) == {"css": (1, 0)}


async def test_a_preview_does_not_wait_for_an_import(db):
    form = curriculum(html="", css="html")
    await db.trees.import_tree(form)

    async with db.transaction() as unit:
        await unit.trees.import_tree(edited(form, css=None))
        impact = await db.trees.preview_changes(edited(form, css=None))

    assert impact.removed == ("css",)


async def test_a_preview_is_one_statement(proxy, proxied):
    form = curriculum(html="", css="html")
    await proxied.trees.import_tree(form)
    proxy.reset()

    await proxied.trees.preview_changes(form)

    assert len(proxy.statements()) == 1


async def test_a_preview_refuses_what_an_import_refuses(db, connection):
    form = curriculum(html="", css="html")
    await db.trees.import_tree(form)

    for error, wrong in [
        (InvalidCurriculum, edited(form, html={"name": ""})),
        (InvalidCurriculum, {**form, "skills": [*form["skills"], *form["skills"]]}),
        (InvalidCurriculum, {**form, "prerequisites": ["unknown"]}),
        (UnknownCurriculumKeys, edited(form, html={"dependencies": ["unknown"]})),
        (CyclicDependency, edited(form, html={"dependencies": ["css"]})),
        (TreeNotFound, {**form, "slug": "unknown"}),
    ]:
        async with expect_refusal(connection, error):
            await db.trees.preview_changes(wrong)


async def test_unknown_dependencies_can_be_left_out_and_are_reported(db):
    form = curriculum(html="", css="html")
    await db.trees.import_tree(form)

    impact = await db.trees.preview_changes(edited(form, html={"dependencies": ["unknown"]}), leave_out_unknown=True)

    assert impact.left_out == (("html", "unknown"),)


# --- agreement with the import ---------------------------------------------------------------------------------------

KEYS = "abcdef"
SLUGS = count()


@st.composite
def curricula(draw):
    """Draw skills, each of which may depend on any skill with an earlier letter."""
    keys = sorted(draw(st.sets(st.sampled_from(KEYS))))
    return {
        "name": "Web",
        "category": "Programming",
        "skills": [
            {
                "key": key,
                "name": key,
                "dependencies": sorted(draw(st.sets(st.sampled_from(keys[:place]), max_size=3))) if place else [],
                "optional": draw(st.booleans()),
                "active": draw(st.sampled_from([True, True, True, False])),
            }
            for place, key in enumerate(keys)
        ],
    }


STATUSES = st.sampled_from(["COMPLETED", "COMPLETED", "SKIPPED", "IN_PROGRESS", "AVAILABLE", "LOCKED"])
LEARNERS = st.lists(
    st.tuples(
        st.sampled_from(["NOT_STARTED", "IN_PROGRESS", "PAUSED", "COMPLETED"]),
        st.dictionaries(st.sampled_from(KEYS), STATUSES),
    ),
    max_size=3,
)


async def learner_view(db, learner, slug):
    """What a learner sees: status of the tree, percent, open skills, completed skills."""
    loaded = await db.trees.load(slug, user_id=learner.id)
    calculated = await db.progress.calculate_tree_progress(learner.id, loaded.id)
    return (
        loaded.progress.status,
        calculated.percent,
        {skill.key for skill in loaded.skills if skill.status == "AVAILABLE"},
        {skill.key for skill in loaded.skills if skill.status == "COMPLETED"},
    )


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(earlier=curricula(), form=curricula(), edit=curricula(), learners=LEARNERS)
async def test_a_preview_equals_the_difference_learners_see_after_the_import(
    db, connection, earlier, form, edit, learners
):
    slug = f"tree-{next(SLUGS)}"
    await db.trees.import_tree({**earlier, "slug": slug})
    imported = await db.trees.import_tree({**form, "slug": slug})
    keys = {skill.key for skill in await db.skills.list_for_tree(imported.tree_id, include_inactive=True)}
    people = [await add_user(db, uuid4().hex) for _ in learners]
    for learner, (status, statuses) in zip(people, learners, strict=True):
        known = {key: status for key, status in statuses.items() if key in keys}
        await add_work(db, connection, learner, slug, status, known)
    # The import updates what is stored about the learners.
    await db.trees.import_tree({**form, "slug": slug})
    before = [await learner_view(db, learner, slug) for learner in people]

    impact = await db.trees.preview_changes({**edit, "slug": slug})

    report = await db.trees.import_tree({**edit, "slug": slug})
    after = [await learner_view(db, learner, slug) for learner in people]
    moves = list(zip(before, after, strict=True))
    assert nonzero_counts(impact) == {
        name: number
        for name, number in {
            "learners": len(people),
            "gain_open": sum(bool(now[2] - then[2]) for then, now in moves),
            "lose_open": sum(bool(then[2] - now[2]) for then, now in moves),
            "percent_up": sum(now[1] > then[1] for then, now in moves),
            "percent_down": sum(now[1] < then[1] for then, now in moves),
            "gain_completion": sum(now[0] != then[0] for then, now in moves),
            "lose_completion": sum(bool(then[3] - now[3]) for then, now in moves),
        }.items()
        if number
    }
    assert openings(impact) == {
        key: (gained, lost)
        for key in KEYS
        if any(
            (
                gained := sum(key in now[2] - then[2] for then, now in moves),
                lost := sum(key in then[2] - now[2] for then, now in moves),
            )
        )
    }
    assert (impact.added, impact.removed) == (report.added, report.removed)
    active_before = {skill["key"]: skill["active"] for skill in form["skills"]}
    active_after = {skill["key"]: skill["active"] for skill in edit["skills"]}
    both = active_before.keys() & active_after.keys()
    assert set(impact.activated) == {key for key in both if active_after[key] and not active_before[key]}
    assert set(impact.deactivated) == {key for key in both if active_before[key] and not active_after[key]}
