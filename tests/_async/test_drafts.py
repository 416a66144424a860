"""Unpublished trees: they do not exist for learners, except for those who have already started them."""

import re
from uuid import uuid4

import pytest

from _async.factories import (
    add_skills,
    add_tree,
    add_user,
    all_rows_fingerprint,
    case,
    expect_refusal,
    rows,
    value,
)
from _async.method_calls import CATALOGUE_CALLS, LEARNER_CALLS, add_course, add_sample_learner
from _async.test_strangers import answer_in_unit, answer_text
from skilltree.errors import PrerequisitesNotMet, SkillNotFound, TreeNotFound

CALLS = {**LEARNER_CALLS, **CATALOGUE_CALLS}
IDS = [
    "tree_id",
    "done_id",
    "begun_id",
    "open_id",
    "successor_id",
    "locked_id",
    "untouched_tree_id",
    "untouched_id",
]


def with_unknown_catalogue(learner):
    """Return a copy of the learner whose trees and skills have unknown ids."""
    return learner._replace(slug="nowhere", **{field: uuid4() for field in IDS})


def without_identity(learner, text):
    """Return a text in which field names replace the values that identify the trees."""
    for field in IDS:
        text = text.replace(str(getattr(learner, field)), field)
    return re.sub(rf"\b{learner.slug}\b", "slug", text)


def answer_kind(answer):
    """Return the class of the first value in an answer, or of its error."""
    return answer.partition("(")[0].partition(":")[0]


@pytest.fixture
async def ada(db):
    """A learner who has started the tree ``web``, and not the tree ``untouched``."""
    return await add_sample_learner(db, "ada", await add_course(db))


@pytest.fixture
async def grace(db, ada):
    """A learner who has started no tree. She asks for ada's trees, which have become drafts."""
    learner = await add_user(db, "grace")
    await db.trees.unpublish(ada.tree_id)
    await db.trees.unpublish(ada.untouched_tree_id)
    return ada._replace(user_id=learner.id, email=learner.email, username="grace", session_id=uuid4())


@pytest.fixture
async def draft(db):
    """A tree that was never published, and its two skills."""
    tree = await add_tree(db, "draft", published=False, description="Hidden")
    return tree, await add_skills(db, tree, "first", second=["first"])


# --- learners outside the tree ---------------------------------------------------------------------------------------

WHO = {
    "a learner": lambda app, grace: app.as_user(grace.user_id),
    "a visitor": lambda app, _: app.as_user(None),
}


@pytest.mark.parametrize("who", WHO)
async def test_a_draft_looks_like_a_tree_that_does_not_exist(app, grace, subtests, who):
    absent = with_unknown_catalogue(grace)

    for name, call in CALLS.items():
        async with case(subtests, name):
            of_draft = await answer_in_unit(call, WHO[who](app, grace), grace)
            of_nothing = await answer_in_unit(call, WHO[who](app, grace), absent)
            if not name.startswith(("users.", "sessions.")):
                assert without_identity(grace, of_draft) == without_identity(absent, of_nothing)
            assert [field for field in IDS if str(getattr(grace, field)) in of_nothing] == []


async def test_a_draft_looks_absent_outside_a_unit_of_work_too(app, grace, subtests):
    absent = with_unknown_catalogue(grace)

    for name, call in CATALOGUE_CALLS.items():
        async with case(subtests, name):
            of_draft, of_nothing = await answer_text(call, app, grace), await answer_text(call, app, absent)
            assert without_identity(grace, of_draft) == without_identity(absent, of_nothing)
            assert [field for field in IDS if str(getattr(grace, field)) in of_nothing] == []


async def test_actions_in_a_draft_write_nothing(app, connection, grace, subtests):
    before = await all_rows_fingerprint(connection)

    for name, call in LEARNER_CALLS.items():
        if name.startswith("progress."):
            async with case(subtests, name):
                async with app.as_user(grace.user_id) as unit:
                    await answer_text(call, unit, grace)
                assert await all_rows_fingerprint(connection) == before


async def test_a_draft_pays_no_xp(app, db, connection, draft):
    ada = await add_user(db)
    tree, (first, _) = draft

    async with expect_refusal(connection, SkillNotFound, match=str(first.id)), app.as_user(ada.id) as unit:
        await unit.progress.complete_skill(ada.id, first.id)
    async with expect_refusal(connection, TreeNotFound, match=str(tree.id)), app.as_user(ada.id) as unit:
        await unit.progress.start_tree(ada.id, tree.id)
    assert await rows(connection, "select skill_tree_id from begun_trees") == []


async def test_only_authors_load_search_and_list_a_draft(app, db, draft):
    tree, _ = draft

    async with app.as_user(None) as unit:
        with pytest.raises(TreeNotFound):
            await unit.trees.load("draft")
        assert await unit.trees.search("hidden", published=None) == []
        assert await unit.skills.search("first", published=None) == []
        assert (await unit.trees.list(published=False)).items == ()
    async with app.as_service(None) as unit:
        assert (await unit.trees.load("draft")).id == tree.id
        assert [hit.id for hit in await unit.trees.search("hidden", published=None)] == [tree.id]
        assert [hit.tree_slug for hit in await unit.skills.search("first", published=False)] == ["draft"]
    assert [found.id for found in (await db.trees.list(published=False)).items] == [tree.id]


async def test_a_tree_is_visible_once_it_is_published(app, db, draft):
    ada = await add_user(db)
    tree, (first, _) = draft
    await db.trees.publish(tree.id)

    async with app.as_user(ada.id) as unit:
        await unit.progress.complete_skill(ada.id, first.id)
        loaded = await unit.trees.load("draft", ada.id)

    assert [skill.status for skill in loaded.skills] == ["COMPLETED", "AVAILABLE"]


# --- learners in the tree --------------------------------------------------------------------------------------------


async def test_an_unpublished_tree_stays_visible_to_its_learners(app, db, ada, subtests):
    before = {name: await answer_in_unit(call, app.as_user(ada.user_id), ada) for name, call in CALLS.items()}

    await db.trees.unpublish(ada.tree_id)

    for name, call in CALLS.items():
        async with case(subtests, name):
            assert answer_kind(await answer_in_unit(call, app.as_user(ada.user_id), ada)) == answer_kind(before[name])


async def test_an_unpublished_tree_is_hidden_from_other_learners(app, db, ada):
    await db.trees.unpublish(ada.tree_id)
    grace = await add_user(db, "grace")

    async with app.as_user(ada.user_id) as unit:
        assert [tree.id for tree in (await unit.trees.list(published=False)).items] == [ada.tree_id]
        assert [hit.id for hit in await unit.trees.search("web", published=None)] == [ada.tree_id]
        await unit.progress.complete_skill(ada.user_id, ada.begun_id)
    async with app.as_user(grace.id) as unit:
        assert (await unit.trees.list(published=False)).items == ()
        # Another learner's id gives no access.
        with pytest.raises(TreeNotFound):
            await unit.trees.load("web", ada.user_id)


async def test_a_reset_tree_stays_visible_after_it_is_unpublished(app, db, ada):
    async with app.as_user(ada.user_id) as unit:
        await unit.progress.reset_tree(ada.user_id, ada.tree_id)
    await db.trees.unpublish(ada.tree_id)

    async with app.as_user(ada.user_id) as unit:
        assert (await unit.progress.start_tree(ada.user_id, ada.tree_id)).status == "IN_PROGRESS"


# --- authors ---------------------------------------------------------------------------------------------------------


async def test_authors_read_a_draft_like_a_published_tree(app, db, ada, subtests):
    before = {name: await answer_in_unit(call, app.as_service(None), ada) for name, call in CALLS.items()}

    await db.trees.unpublish(ada.tree_id)
    await db.trees.unpublish(ada.untouched_tree_id)

    for name, call in CALLS.items():
        async with case(subtests, name):
            assert answer_kind(await answer_in_unit(call, app.as_service(None), ada)) == answer_kind(before[name])


# --- prerequisites ---------------------------------------------------------------------------------------------------


async def test_a_draft_that_the_learner_has_not_started_does_not_gate(app, db, draft):
    ada = await add_user(db)
    tree, _ = draft
    # A prerequisite of the draft does not gate through it either.
    before = await add_tree(db, "before")
    await db.trees.set_prerequisites(tree.id, [before.id])
    web = await add_tree(db, "web", prerequisites=[tree.id])

    async with app.as_user(ada.id) as unit:
        assert (await unit.progress.start_tree(ada.id, web.id)).status == "IN_PROGRESS"


async def test_a_draft_does_not_gate_when_the_service_acts_for_the_learner(app, db, draft):
    ada = await add_user(db)
    web = await add_tree(db, "web", prerequisites=[draft[0].id])

    async with app.as_service(None) as unit:
        assert (await unit.progress.start_tree(ada.id, web.id)).status == "IN_PROGRESS"


async def test_a_draft_that_the_learner_has_started_gates(app, db, connection, draft):
    ada = await add_user(db)
    tree, (first, second) = draft
    web = await add_tree(db, "web", prerequisites=[tree.id])
    await db.progress.start_tree(ada.id, tree.id)

    async with expect_refusal(connection, PrerequisitesNotMet, match="Draft"), app.as_user(ada.id) as unit:
        await unit.progress.start_tree(ada.id, web.id)

    async with app.as_user(ada.id) as unit:
        for skill in (first, second):
            await unit.progress.complete_skill(ada.id, skill.id)
        assert (await unit.progress.start_tree(ada.id, web.id)).status == "IN_PROGRESS"


async def test_an_error_names_no_draft(app, db, connection, draft):
    ada = await add_user(db)
    open_tree = await add_tree(db, "open")
    web = await add_tree(db, "web", prerequisites=[draft[0].id, open_tree.id])

    async with expect_refusal(connection, PrerequisitesNotMet) as refusal, app.as_user(ada.id) as unit:
        await unit.progress.start_tree(ada.id, web.id)

    assert refusal.value.missing == ((open_tree.id, "Open"),)


async def test_an_export_by_a_visitor_names_no_draft(app, db, draft):
    open_tree = await add_tree(db, "open")
    await add_tree(db, "web", prerequisites=[draft[0].id, open_tree.id])

    async with app.as_user(None) as unit:
        assert (await unit.trees.export_tree("web")).prerequisites == ("open",)
    assert (await db.trees.export_tree("web")).prerequisites == ("draft", "open")


# --- concurrency -----------------------------------------------------------------------------------------------------


async def test_a_learner_who_starts_before_the_tree_is_unpublished_keeps_it(app, db, ada):
    grace = await add_user(db, "grace")

    async with app.as_service(None) as author:
        await author.trees.unpublish(ada.untouched_tree_id)
        async with app.as_user(grace.id) as unit:
            await unit.progress.start_tree(grace.id, ada.untouched_tree_id)

    async with app.as_user(grace.id) as unit:
        assert (await unit.trees.load("untouched", grace.id)).progress.status == "IN_PROGRESS"
        assert (await unit.progress.complete_skill(grace.id, ada.untouched_id)).progress.status == "COMPLETED"


# --- the view --------------------------------------------------------------------------------------------------------


async def test_the_view_has_every_column_of_the_table(connection):
    columns = "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"

    of_view = await rows(connection, f"{columns} order by 1", "visible_trees")
    of_table = await rows(connection, f"{columns} order by 1", "skill_trees")

    assert of_view == of_table


async def test_the_view_checks_the_privileges_of_its_reader(connection):
    options = await value(connection, "select reloptions from pg_class where oid = 'visible_trees'::regclass")

    assert options == ["security_invoker=true"]
