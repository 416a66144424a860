from contextlib import AsyncExitStack
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

import cluster
from _async.factories import (
    add_progress,
    add_skills,
    add_tree,
    case,
    expect_refusal,
    rows,
    value,
    wait_for_lock_waiters,
)
from concurrency import concurrently_async, failures, in_background_async
from skilltree.errors import (
    CyclicDependency,
    CyclicParents,
    IdTaken,
    InvalidDocument,
    InvalidValue,
    SkillKeyTaken,
    SkillNotFound,
    TreeNotFound,
    UnknownDependency,
    UnknownParent,
)

UNKNOWN = UUID(int=0)

CONTENT = {
    "type": "structured",
    "modules": [
        {
            "title": "Tags",
            "type": "article",
            "estimatedMinutes": 10,
            "resources": [{"type": "link", "title": "MDN", "url": "https://developer.mozilla.org/"}],
        }
    ],
}

ASSESSMENTS = {
    "passingScore": 80,
    "questions": [{"prompt": "?", "type": "single_choice", "choices": ["a", "b"], "answers": ["a"]}],
}


async def edges(connection):
    """Return the graph as (skill, dependency) by name, and check that both sides of it agree."""
    both = [
        "select a.name, b.name from skills as a cross join unnest(a.dependencies) as o join skills as b on b.id = o",
        "select b.name, a.name from skills as a cross join unnest(a.dependents) as o join skills as b on b.id = o",
    ]
    needs, needed = [sorted(await rows(connection, side)) for side in both]
    assert needs == needed
    return needs


# --- creating and changing -------------------------------------------------------------------------------------------


async def test_a_skill_is_created_with_defaults(db, tree):
    skill = await db.skills.create(tree.id, name="HTML")

    assert skill.model_dump(exclude={"id", "key", "created_at", "updated_at"}) == {
        "skill_tree_id": tree.id,
        "parent_skill_id": None,
        "sort_order": 0,
        "name": "HTML",
        "short_name": None,
        "description": None,
        "learning_objectives": (),
        "skill_type": "KNOWLEDGE",
        "difficulty": "BEGINNER",
        "estimated_minutes": None,
        "xp_value": 10,
        "dependencies": (),
        "dependents": (),
        "position_x": 0,
        "position_y": 0,
        "is_placed": False,
        "node_size": 1,
        "content": None,
        "resources": None,
        "assessments": None,
        "is_active": True,
        "is_optional": False,
        "is_milestone": False,
        "created_by": None,
        "updated_by": None,
    }
    assert skill.key == str(skill.id)


async def test_a_skill_is_created_with_all_given_values(db, connection, tree):
    html, css = await add_skills(db, tree, "html", "css")
    own = uuid4()

    skill = await db.skills.create(
        tree.id,
        id=own,
        name="Layout",
        dependencies=[css.id, html.id],
        parent_skill_id=html.id,
        key="layout",
        sort_order=7,
        short_name="Lay",
        description="Boxes",
        learning_objectives=["flex", "grid"],
        skill_type="PROJECT",
        difficulty="ADVANCED",
        estimated_minutes=90,
        xp_value=0,
        position=(-1.5, 2),
        node_size=3,
        content=CONTENT,
        resources=[{"type": "link", "title": "Page 2", "url": "#page=2"}],
        assessments=ASSESSMENTS,
        is_optional=True,
        is_milestone=True,
    )

    assert (skill.id, skill.key, skill.sort_order) == (own, "layout", 7)
    assert skill.dependencies == (css.id, html.id)
    assert skill.parent_skill_id == html.id
    assert (skill.position_x, skill.position_y, skill.is_placed) == (-1.5, 2, True)
    assert skill.content.model_dump(mode="json", by_alias=True) == CONTENT
    assert skill.resources[0].url == "#page=2"
    assert skill.assessments.passing_score == 80
    assert await db.skills.get(own) == skill
    assert await edges(connection) == [("Layout", "css"), ("Layout", "html")]


async def test_a_skill_at_the_origin_has_a_position(db, tree):
    skill = await db.skills.create(tree.id, name="HTML", position=(0, 0))

    assert skill.is_placed


HOSTILE = [
    {"name": ""},
    {"name": "x" * 201},
    {"name": None},
    {"short_name": "x" * 51},
    {"description": "x" * 100_001},
    {"learning_objectives": [""]},
    {"learning_objectives": ["x" * 2001]},
    {"learning_objectives": ["x"] * 201},
    {"skill_type": "SONG"},
    {"difficulty": "HARD"},
    {"difficulty": None},
    {"estimated_minutes": -1},
    {"estimated_minutes": 2**31},
    {"estimated_minutes": "long"},
    {"xp_value": -1},
    {"xp_value": 1_000_001},
    {"xp_value": None},
    {"node_size": 0},
    {"node_size": 4},
    {"sort_order": 2**40},
    {"key": ""},
    {"key": "x" * 201},
    {"is_optional": None},
    {"resources": [{"type": "link", "title": "x", "url": "javascript:alert(1)"}]},
    {"resources": {"type": "link", "title": "x", "url": "https://example.org"}},
    {"assessments": {"passingScore": 101}},
    {"assessments": []},
    {"parent_skill_id": "no uuid"},
]


async def test_a_skill_with_an_invalid_value_is_refused(db, connection, tree, subtests):
    for given in [*HOSTILE, {"content": {"type": "song"}}, {"id": "no uuid"}]:
        async with case(subtests, given), expect_refusal(connection, InvalidValue):
            await db.skills.create(tree.id, **{"name": "HTML", **given})


async def test_an_invalid_update_of_a_skill_is_refused(db, connection, tree, subtests):
    [html] = await add_skills(db, tree, "html")

    for given in [
        *HOSTILE,
        {},
        {"no_such_field": 1},
        {"id": UNKNOWN},
        {"dependencies": []},
        {"dependents": []},
        {"position_x": 1},
        {"skill_tree_id": UNKNOWN},
        {"key": None},
    ]:
        async with case(subtests, given), expect_refusal(connection, InvalidValue):
            await db.skills.update(html.id, **given)


async def test_a_skill_of_an_unknown_tree_is_refused(db, connection, tree):
    async with expect_refusal(connection, TreeNotFound):
        await db.skills.create(UNKNOWN, name="HTML")


async def test_a_key_is_unique_within_a_tree(db, connection, tree):
    html, _ = await add_skills(db, tree, "html", "css")
    await add_skills(db, await add_tree(db, "other"), "html")

    async with expect_refusal(connection, SkillKeyTaken):
        await db.skills.create(tree.id, name="HTML", key="html")
    async with expect_refusal(connection, SkillKeyTaken):
        await db.skills.change_key(html.id, "css")


async def test_a_skill_id_in_use_is_refused(db, connection, tree):
    [html] = await add_skills(db, tree, "html")

    async with expect_refusal(connection, IdTaken):
        await db.skills.create(tree.id, name="HTML", id=html.id)


async def test_a_skill_id_in_use_in_another_tree_is_refused(db, connection, tree):
    [html] = await add_skills(db, tree, "html")
    other = await add_tree(db, "other")

    async with expect_refusal(connection, IdTaken):
        await db.skills.create(other.id, name="HTML", id=html.id)


async def test_a_new_skill_cannot_depend_on_anything_outside_its_tree(db, connection, tree):
    [stranger] = await add_skills(db, await add_tree(db, "other"), "stranger")

    async with expect_refusal(connection, UnknownDependency) as unknown:
        await db.skills.create(tree.id, name="HTML", dependencies=[UNKNOWN])
    async with expect_refusal(connection, UnknownDependency) as of_another_tree:
        await db.skills.create(tree.id, name="HTML", dependencies=[stranger.id])

    assert UNKNOWN in unknown.value.ids
    # On a cluster, the other side of the edge may be found first.
    assert stranger.id in of_another_tree.value.ids or (cluster.URL and str(stranger.id) in str(of_another_tree.value))


async def test_a_new_skill_cannot_depend_on_itself_or_twice_on_one_skill(db, connection, tree):
    [html] = await add_skills(db, tree, "html")
    own = uuid4()

    async with expect_refusal(connection, CyclicDependency) as itself:
        await db.skills.create(tree.id, name="HTML", id=own, dependencies=[own])
    async with expect_refusal(connection, InvalidValue):
        await db.skills.create(tree.id, name="HTML", dependencies=[html.id, html.id])

    assert itself.value.path == (own, own)


async def test_a_parent_must_be_a_skill_of_the_same_tree(db, connection, tree):
    [html] = await add_skills(db, tree, "html")
    [stranger] = await add_skills(db, await add_tree(db, "other"), "stranger")

    for parent in (UNKNOWN, stranger.id):
        async with expect_refusal(connection, UnknownParent):
            await db.skills.create(tree.id, name="CSS", parent_skill_id=parent)
        async with expect_refusal(connection, UnknownParent):
            await db.skills.update(html.id, parent_skill_id=parent)


async def test_a_cycle_of_parents_is_refused(db, connection, tree):
    html, css = await add_skills(db, tree, "html", "css")
    await db.skills.update(css.id, parent_skill_id=html.id)

    async with expect_refusal(connection, CyclicParents) as refusal:
        await db.skills.update(html.id, parent_skill_id=css.id)
    async with expect_refusal(connection, CyclicParents) as itself:
        await db.skills.update(html.id, parent_skill_id=html.id)

    assert refusal.value.path[0] == refusal.value.path[-1]
    assert set(refusal.value.path) == {html.id, css.id}
    assert itself.value.path == (html.id, html.id)


async def test_an_update_changes_only_the_given_fields(db, tree):
    [html] = await add_skills(db, tree, "html")
    before = await db.skills.create(
        tree.id,
        name="CSS",
        description="Style",
        estimated_minutes=5,
        dependencies=[html.id],
        position=(1, 2),
        content=CONTENT,
        resources=[{"type": "link", "title": "x", "url": "https://example.org"}],
    )

    after = await db.skills.update(before.id, name="Style sheets")

    assert after.name == "Style sheets"
    assert after.updated_at > before.updated_at
    assert after.model_copy(update={"name": "CSS", "updated_at": before.updated_at}) == before


async def test_optional_values_of_a_skill_can_be_removed(db, tree):
    [html] = await add_skills(db, tree, "html")
    skill = await db.skills.create(
        tree.id,
        name="CSS",
        short_name="C",
        description="Style",
        estimated_minutes=5,
        parent_skill_id=html.id,
        learning_objectives=["x"],
        assessments=ASSESSMENTS,
        resources=[],
    )
    lost = ("short_name", "description", "estimated_minutes", "parent_skill_id", "assessments", "resources")

    changed = await db.skills.update(skill.id, **dict.fromkeys(lost), learning_objectives=[])

    assert [getattr(changed, name) for name in lost] == [None] * 6
    assert changed.learning_objectives == ()


async def test_content_can_be_replaced_and_removed(db, tree):
    [html] = await add_skills(db, tree, "html")

    filled = await db.skills.update_content(html.id, CONTENT)
    again = await db.skills.update_content(html.id, filled.content)
    emptied = await db.skills.update_content(html.id, None)

    assert filled.content.modules[0].estimated_minutes == 10
    assert again.content == filled.content
    assert emptied.content is None


async def test_content_is_stored_in_camel_case_with_nothing_added(db, connection, tree):
    [html] = await add_skills(db, tree, "html")

    await db.skills.update_content(html.id, CONTENT)

    assert await value(connection, "select content from skills") == CONTENT


def with_module(**changes):
    return {"type": "structured", "modules": [{**CONTENT["modules"][0], **changes}]}


async def test_invalid_content_is_refused_with_the_path_of_the_fault(db, connection, tree, subtests):
    [html] = await add_skills(db, tree, "html")

    for content, path in [
        ({}, ("type",)),
        ({"type": "song"}, ("type",)),
        ({"type": "simple", "more": 1}, ("more",)),
        ({"type": "simple", "modules": 5}, ("modules",)),
        (with_module(estimatedMinutes=-5), ("modules", 0, "estimatedMinutes")),
        (with_module(estimatedMinutes="soon"), ("modules", 0, "estimatedMinutes")),
        (with_module(estimatedMinutes=None), ("modules", 0, "estimatedMinutes")),
        (with_module(type="song"), ("modules", 0, "type")),
        (with_module(resources=[{"type": "link", "title": "", "url": "#2"}]), ("modules", 0, "resources", 0, "url")),
        (
            with_module(resources=[{"type": "link", "title": "", "url": "javascript:alert(1)"}]),
            ("modules", 0, "resources", 0, "url"),
        ),
        (with_module(resources=[{"type": "link", "url": "https://x"}]), ("modules", 0, "resources", 0, "title")),
        ([], ()),
        ("simple", ()),
        (5, ()),
    ]:
        async with case(subtests, content):
            async with expect_refusal(connection, InvalidDocument) as refusal:
                await db.skills.update_content(html.id, content)
            async with expect_refusal(connection, InvalidDocument):
                await db.skills.create(tree.id, name="CSS", content=content)

            assert refusal.value.field == "content"
            assert refusal.value.path[: len(path)] == path
            assert ".".join(map(str, ("content", *path))) in str(refusal.value)


async def test_the_path_of_a_fault_names_only_parts_of_the_document(db, connection, tree):
    [html] = await add_skills(db, tree, "html")

    async with expect_refusal(connection, InvalidDocument) as refusal:
        await db.skills.update_content(html.id, with_module(estimatedMinutes=-5))

    assert refusal.value.path == ("modules", 0, "estimatedMinutes")
    assert str(refusal.value).startswith("content.modules.0.estimatedMinutes: ")


async def test_an_invalid_document_of_a_skill_is_refused_with_the_path(db, connection, tree, subtests):
    [html] = await add_skills(db, tree, "html")

    for given, field, path in [
        ({"resources": [{"type": "song", "title": "", "url": "x"}]}, "resources", (0, "type")),
        ({"resources": [{"type": "link", "title": "", "url": ""}]}, "resources", (0, "url")),
        ({"assessments": {"passingScore": -1}}, "assessments", ("passingScore",)),
        (
            {"assessments": {"questions": [{"prompt": "?", "type": "text", "answers": []}]}},
            "assessments",
            ("questions", 0, "answers"),
        ),
        (
            {"assessments": {"questions": [{"prompt": "?", "type": "single_choice", "choices": [], "answers": ["a"]}]}},
            "assessments",
            ("questions", 0),
        ),
    ]:
        async with case(subtests, given):
            async with expect_refusal(connection, InvalidDocument) as on_create:
                await db.skills.create(tree.id, name="CSS", **given)
            async with expect_refusal(connection, InvalidDocument) as on_update:
                await db.skills.update(html.id, **given)

            assert (on_create.value.field, on_create.value.path) == (field, path)
            assert (on_update.value.field, on_update.value.path) == (field, path)


async def test_an_unknown_skill_is_not_found(db, connection, tree, subtests):
    [html] = await add_skills(db, tree, "html")

    for case_name, call in {
        "get": lambda db, known: db.skills.get(UNKNOWN),
        "update": lambda db, known: db.skills.update(UNKNOWN, name="Nothing"),
        "update_content": lambda db, known: db.skills.update_content(UNKNOWN, None),
        "add_dependency": lambda db, known: db.skills.add_dependency(UNKNOWN, known.id),
        "add_dependency, prerequisite": lambda db, known: db.skills.add_dependency(known.id, UNKNOWN),
        "add_dependency, both": lambda db, known: db.skills.add_dependency(UNKNOWN, UNKNOWN),
        "remove_dependency": lambda db, known: db.skills.remove_dependency(UNKNOWN, known.id),
        "set_dependencies": lambda db, known: db.skills.set_dependencies(UNKNOWN, [known.id]),
        "set_dependencies, none": lambda db, known: db.skills.set_dependencies(UNKNOWN, []),
        "deactivate": lambda db, known: db.skills.deactivate(UNKNOWN),
        "delete": lambda db, known: db.skills.delete(UNKNOWN),
        "arrange": lambda db, known: db.skills.arrange(known.skill_tree_id, {known.id: (1, 1), UNKNOWN: (2, 2)}),
        "arrange, tree": lambda db, known: db.skills.arrange(UNKNOWN, {known.id: (1, 1)}),
        "ancestors": lambda db, known: db.skills.ancestors(UNKNOWN),
        "descendants": lambda db, known: db.skills.descendants(UNKNOWN),
        "learning_path": lambda db, known: db.skills.learning_path(UNKNOWN),
    }.items():
        async with case(subtests, case_name), expect_refusal(connection, SkillNotFound):
            await call(db, html)


# --- the graph -------------------------------------------------------------------------------------------------------


async def test_a_dependency_is_written_on_both_sides(db, connection, tree):
    html, css = await add_skills(db, tree, "html", "css")

    changed = await db.skills.add_dependency(css.id, html.id)

    assert changed.dependencies == (html.id,)
    assert (await db.skills.get(html.id)).dependents == (css.id,)
    assert await edges(connection) == [("css", "html")]


async def test_a_dependency_added_twice_is_stored_once(db, connection, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])

    changed = await db.skills.add_dependency(css.id, html.id)

    assert changed.dependencies == (html.id,)
    assert await edges(connection) == [("css", "html")]


async def test_a_dependency_is_removed_on_both_sides_and_only_once(db, connection, tree):
    html, css, _ = await add_skills(db, tree, "html", css=["html"], js=["html"])

    changed = await db.skills.remove_dependency(css.id, html.id)
    again = await db.skills.remove_dependency(css.id, html.id)

    assert changed.dependencies == again.dependencies == ()
    assert await edges(connection) == [("js", "html")]


async def test_removing_a_dependency_that_does_not_exist_changes_nothing(db, connection, tree):
    _, css = await add_skills(db, tree, "html", css=["html"])

    await db.skills.remove_dependency(css.id, UNKNOWN)

    assert await edges(connection) == [("css", "html")]


async def test_setting_dependencies_replaces_them_and_keeps_their_order(db, connection, tree):
    html, css, js, layout = await add_skills(db, tree, "html", "css", "js", layout=["html"])

    changed = await db.skills.set_dependencies(layout.id, [js.id, css.id])

    assert changed.dependencies == (js.id, css.id)
    assert await edges(connection) == [("layout", "css"), ("layout", "js")]
    assert (await db.skills.set_dependencies(layout.id, [])).dependencies == ()
    assert await edges(connection) == []
    assert (await db.skills.get(html.id)).dependents == ()


async def test_one_invalid_dependency_refuses_all_of_them(db, connection, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])
    [stranger] = await add_skills(db, await add_tree(db, "other"), "stranger")

    async with expect_refusal(connection, UnknownDependency):
        await db.skills.set_dependencies(css.id, [html.id, UNKNOWN])
    async with expect_refusal(connection, UnknownDependency):
        await db.skills.set_dependencies(css.id, [html.id, stranger.id])
    async with expect_refusal(connection, UnknownDependency):
        await db.skills.add_dependency(css.id, stranger.id)
    async with expect_refusal(connection, InvalidValue):
        await db.skills.set_dependencies(css.id, [html.id, html.id])


async def test_a_skill_cannot_depend_on_itself(db, connection, tree):
    [html] = await add_skills(db, tree, "html")

    async with expect_refusal(connection, CyclicDependency) as added:
        await db.skills.add_dependency(html.id, html.id)
    async with expect_refusal(connection, CyclicDependency) as replaced:
        await db.skills.set_dependencies(html.id, [html.id])

    assert added.value.path == replaced.value.path == (html.id, html.id)


@pytest.mark.parametrize("length", [2, 3, 30])
async def test_a_cycle_of_any_length_is_refused_with_its_path(db, connection, tree, length):
    names = [f"skill {number}" for number in range(length)]
    needs = {name: [before] for before, name in pairwise(names)}
    chain = await add_skills(db, tree, names[0], **needs)
    first, last = chain[0], chain[-1]

    async with expect_refusal(connection, CyclicDependency) as refusal:
        await db.skills.add_dependency(first.id, last.id)
    async with expect_refusal(connection, CyclicDependency):
        await db.skills.set_dependencies(first.id, [last.id])

    path = refusal.value.path
    assert path[0] == path[-1]
    assert len(path) == length + 1
    assert set(path) == {skill.id for skill in chain}
    needed = {skill.id: {*skill.dependencies} for skill in chain}
    needed[first.id] = {last.id}
    assert all(following in needed[skill] for skill, following in pairwise(path))
    assert "skill 0" in str(refusal.value)


async def test_a_cycle_through_an_inactive_skill_is_refused(db, connection, tree):
    html, css, js = await add_skills(db, tree, "html", css=["html"], js=["css"])
    await db.skills.deactivate(css.id)

    async with expect_refusal(connection, CyclicDependency):
        await db.skills.add_dependency(html.id, js.id)


async def test_two_concurrent_halves_of_a_cycle_do_not_close_it(db, connection, tree):
    html, css = await add_skills(db, tree, "html", "css")

    results = await concurrently_async(
        lambda: db.skills.add_dependency(html.id, css.id), lambda: db.skills.add_dependency(css.id, html.id)
    )

    [refusal] = failures(results)
    assert isinstance(refusal, CyclicDependency)
    assert len(await edges(connection)) == 1


async def test_dependencies_added_concurrently_are_all_stored(db, connection, tree):
    *needed, last = await add_skills(db, tree, *"abcdefgh")

    results = await concurrently_async(*[lambda one=one: db.skills.add_dependency(last.id, one.id) for one in needed])

    assert failures(results) == []
    assert len(await edges(connection)) == 7


async def test_dependencies_replaced_concurrently_are_those_of_one_caller(db, connection, tree):
    html, css, js, layout = await add_skills(db, tree, "html", "css", "js", "layout")
    wishes = [[html.id, css.id], [js.id], [css.id, js.id], []]

    results = await concurrently_async(
        *[lambda wish=wish: db.skills.set_dependencies(layout.id, wish) for wish in wishes]
    )

    assert failures(results) == []
    assert [*(await db.skills.get(layout.id)).dependencies] in wishes
    await edges(connection)


async def test_an_edge_added_while_dependencies_are_replaced_is_not_lost(db, connection, tree):
    html, css, js = await add_skills(db, tree, "html", "css", "js")

    async with AsyncExitStack() as until_added, db.transaction() as unit:
        await unit.skills.set_dependencies(js.id, [html.id])
        added = await until_added.enter_async_context(
            in_background_async(lambda: db.skills.add_dependency(js.id, css.id))
        )
        await wait_for_lock_waiters(connection)

    assert added.exception() is None
    assert await edges(connection) == [("js", "css"), ("js", "html")]


async def test_setting_dependencies_outside_a_transaction_takes_one_round_trip(db, connection, proxy, proxied, tree):
    html, css = await add_skills(db, tree, "html", "css")
    proxy.reset()

    await proxied.skills.set_dependencies(css.id, [html.id])

    assert proxy.round_trips == 1
    assert await edges(connection) == [("css", "html")]


async def test_adding_a_dependency_and_its_unlocks_takes_one_round_trip(db, connection, proxy, proxied, tree):
    html, css = await add_skills(db, tree, "html", "css")
    proxy.reset()

    await proxied.skills.add_dependency(css.id, html.id)

    assert [statement.split(" */")[0] for statement in proxy.statements()] == [
        "begin isolation level read committed",
        "/* skills/lock_learners",
        "/* skills/change_dependencies",
        "/* progress/unlock_for_learners",
        "commit",
    ]
    assert proxy.round_trips == 1


async def test_a_deactivated_skill_keeps_its_place_in_the_graph_and_its_progress(db, connection, learner, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])
    await add_progress(connection, learner, html)

    closed = await db.skills.deactivate(html.id)
    again = await db.skills.update(html.id, is_active=True)

    assert (closed.is_active, again.is_active) == (False, True)
    assert closed.dependents == (css.id,)
    assert await edges(connection) == [("css", "html")]
    assert (await db.progress.for_skill(learner.id, html.id)).status == "COMPLETED"


async def test_deleting_a_skill_removes_it_from_the_graph(db, connection, learner, tree):
    html, css, js, _ = await add_skills(db, tree, "html", css=["html"], js=["css"], layout=["html", "css"])
    child = await db.skills.create(tree.id, name="child", parent_skill_id=css.id)
    for skill in (html, css):
        await add_progress(connection, learner, skill)

    await db.skills.delete(css.id)

    assert await edges(connection) == [("layout", "html")]
    assert (await db.skills.get(child.id)).parent_skill_id is None
    progress = "select array_agg(skill_id) from user_skill_progress where status = %s"
    assert await value(connection, progress, "COMPLETED") == [html.id]
    with pytest.raises(SkillNotFound):
        await db.skills.get(css.id)
    assert (await db.skills.get(js.id)).dependencies == ()


async def test_a_skill_deleted_while_it_becomes_a_dependency_leaves_no_dangling_edge(db, connection, tree):
    html, css = await add_skills(db, tree, "html", "css")

    results = await concurrently_async(
        lambda: db.skills.delete(html.id), lambda: db.skills.add_dependency(css.id, html.id)
    )

    assert results[0] is None
    assert all(isinstance(failure, (SkillNotFound, UnknownDependency)) for failure in failures(results))
    assert await edges(connection) == []


# --- positions, lists, searches --------------------------------------------------------------------------------------


async def test_many_skills_are_positioned_in_one_call(db, tree):
    html, css, _ = await add_skills(db, tree, "html", "css", "js")

    await db.skills.arrange(tree.id, {html.id: (1, 2.5), css.id: (-3, 0)})

    placed = {skill.name: skill for skill in await db.skills.list_for_tree(tree.id)}
    assert (placed["html"].position_x, placed["html"].position_y, placed["html"].is_placed) == (1, 2.5, True)
    assert (placed["css"].position_x, placed["css"].position_y, placed["css"].is_placed) == (-3, 0, True)
    assert not placed["js"].is_placed


async def test_skills_of_another_tree_are_not_positioned(db, connection, tree):
    [html] = await add_skills(db, tree, "html")
    [stranger] = await add_skills(db, await add_tree(db, "other"), "stranger")

    async with expect_refusal(connection, SkillNotFound):
        await db.skills.arrange(tree.id, {html.id: (1, 1), stranger.id: (2, 2)})


async def test_skills_are_listed_top_to_bottom_and_left_to_right(db, tree):
    for name, position in {"d": (0, 2), "c": (5, 1), "a": (-1, 0.5), "b": (0, 1)}.items():
        await db.skills.create(tree.id, name=name, position=position)

    assert [skill.name for skill in await db.skills.list_for_tree(tree.id)] == ["a", "b", "c", "d"]


async def test_skills_at_one_position_are_listed_in_their_order(db, tree):
    for name, sort_order in {"b": 2, "c": 3, "a": 1}.items():
        await db.skills.create(tree.id, name=name, sort_order=sort_order)

    assert [skill.name for skill in await db.skills.list_for_tree(tree.id)] == ["a", "b", "c"]


async def test_inactive_skills_are_listed_only_when_asked_for(db, tree):
    html, _ = await add_skills(db, tree, "html", "css")
    await db.skills.deactivate(html.id)

    assert [skill.name for skill in await db.skills.list_for_tree(tree.id)] == ["css"]
    assert len(await db.skills.list_for_tree(tree.id, include_inactive=True)) == 2
    assert await db.skills.list_for_tree(UNKNOWN) == []


async def test_the_active_children_of_a_skill_are_listed_in_order(db, tree):
    [html] = await add_skills(db, tree, "html")
    for name, y in {"b": 2, "a": 1, "closed": 3}.items():
        child = await db.skills.create(tree.id, name=name, parent_skill_id=html.id, position=(0, y))
    await db.skills.deactivate(child.id)

    assert [skill.name for skill in await db.skills.children(html.id)] == ["a", "b"]
    assert await db.skills.children(child.id) == []


async def found(db, text, **filters):
    return [hit.name for hit in await db.skills.search(text, **filters)]


async def test_a_word_in_the_name_of_a_skill_counts_more_than_one_in_its_description(db, tree):
    await db.skills.create(tree.id, name="Alpha", description="Gardens, gardens and gardening")
    await db.skills.create(tree.id, name="Gardens")

    hits = await db.skills.search("garden")

    assert [hit.name for hit in hits] == ["Gardens", "Alpha"]
    assert hits[0].rank > hits[1].rank > 0
    assert hits[0].snippet == "**Gardens**"
    assert (hits[0].tree_slug, hits[0].skill_tree_id) == ("web", tree.id)


async def test_a_search_for_skills_has_the_syntax_of_web_search_engines(db, tree, subtests):
    await db.skills.create(tree.id, name="one", description="boil an egg")
    await db.skills.create(tree.id, name="two", description="bake the bread")

    for text, expected in [
        ("boil egg", ["one"]),
        ("boil or bake", ["one", "two"]),
        ('"boil an egg"', ["one"]),
        ('"egg boil"', []),
        ("bake -bread", []),
        ("BAKING", ["two"]),
        ("", []),
        ("the", []),
        ("!!! & | ( :*", []),
    ]:
        async with case(subtests, text):
            assert sorted(await found(db, text)) == expected


async def test_skills_of_drafts_are_found_only_when_asked_for(db, tree):
    draft = await add_tree(db, "draft", published=False)
    await db.skills.create(tree.id, name="Public garden")
    await db.skills.create(draft.id, name="Secret garden")
    closed = await db.skills.create(tree.id, name="Closed garden")
    await db.skills.deactivate(closed.id)

    assert await found(db, "garden") == ["Public garden"]
    assert await found(db, "garden", published=None) == ["Public garden", "Secret garden"]
    assert await found(db, "garden", published=False) == ["Secret garden"]
    assert await found(db, "garden", tree_id=draft.id, published=None) == ["Secret garden"]
    assert await found(db, "garden", tree_id=UNKNOWN) == []


async def test_hits_come_in_pages(db, tree):
    for name in ("garden a", "garden b", "garden c"):
        await db.skills.create(tree.id, name=name)

    pages = [await found(db, "garden", limit=2), await found(db, "garden", limit=2, offset=2)]

    assert pages == [["garden a", "garden b"], ["garden c"]]
    with pytest.raises(InvalidValue):
        await db.skills.search("garden", limit=-1)


# --- paths through the graph -----------------------------------------------------------------------------------------


async def test_ancestors_and_descendants_are_listed_once_at_their_shortest_distance(db, tree):
    a, *_, e = await add_skills(db, tree, "a", b=["a"], c=["a"], d=["b", "c"], e=["d", "a"])

    assert [(skill.name, skill.depth) for skill in await db.skills.ancestors(e.id)] == [
        ("a", 1),
        ("d", 1),
        ("b", 2),
        ("c", 2),
    ]
    assert {(skill.name, skill.depth) for skill in await db.skills.descendants(a.id)} == {
        ("b", 1),
        ("c", 1),
        ("e", 1),
        ("d", 2),
    }
    assert await db.skills.ancestors(a.id) == []
    assert await db.skills.descendants(e.id) == []


async def test_a_learning_path_lists_each_skill_after_its_dependencies(db, tree):
    *_, e, _ = await add_skills(db, tree, "a", b=["a"], c=["a"], d=["b", "c"], e=["d", "a"], f=["e"])

    path = await db.skills.learning_path(e.id)

    assert [(step.name, step.level) for step in path] == [("a", 0), ("b", 1), ("c", 1), ("d", 2), ("e", 3)]


async def test_a_learning_path_through_a_ladder_of_diamonds_is_fast(db, tree):
    needs = {}
    for number in range(1, 25):
        needs[f"left {number}"] = needs[f"right {number}"] = (
            [f"left {number - 1}", f"right {number - 1}"] if number > 1 else []
        )
    *_, last = await add_skills(db, tree, **needs)

    path = await db.skills.learning_path(last.id)

    assert len(path) == 47
    assert path[-1].level == 23
    assert len(await db.skills.ancestors(last.id)) == 46


async def test_a_learning_path_omits_inactive_skills(db, tree):
    a, b, c = await add_skills(db, tree, "a", b=["a"], c=["b"])
    await db.skills.deactivate(b.id)

    assert [step.name for step in await db.skills.learning_path(c.id)] == ["c"]
    assert [step.name for step in await db.skills.learning_path(a.id)] == ["a"]
    assert [(skill.name, skill.is_active) for skill in await db.skills.ancestors(c.id)] == [("b", False), ("a", True)]
