import json
from copy import deepcopy
from functools import cache
from itertools import pairwise

import networkx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from _async.factories import (
    add_category,
    add_progress,
    add_skills,
    all_rows_fingerprint,
    case,
    expect_nothing_written,
    expect_refusal,
    parameter_id,
    rows,
    value,
)
from concurrency import concurrently_async, failures
from skilltree import AsyncDatabase
from skilltree.curriculum import parse_file, parse_tree
from skilltree.errors import (
    CyclicDependency,
    CyclicParents,
    CyclicPrerequisites,
    InvalidCurriculum,
    SkillTreeError,
    UnknownCurriculumKeys,
)

REAL = {
    "exercism.json": (
        "exercism-python",
        "exercism-javascript",
        "exercism-csharp",
        "exercism-elixir",
        "exercism-julia",
    ),
    "metacademy.json": ("metacademy", "linear-algebra", "multivariable-calculus", "probability-theory"),
}


@cache
def _read(path):
    return {tree["slug"]: tree for tree in json.loads(path.read_text())["trees"]}


@pytest.fixture
def real(shared_data):
    """Every real tree by its slug, in the form of its file. Tests must not change it."""
    return {slug: tree for name in REAL for slug, tree in _read(shared_data / name).items()}


def unknown_keys(form):
    keys = {skill["key"] for skill in form["skills"]}
    return [(skill["key"], key) for skill in form["skills"] for key in skill["dependencies"] if key not in keys]


def without_unknown_keys(form):
    keys = {skill["key"] for skill in form["skills"]}
    skills = [
        {**skill, "dependencies": [key for key in skill["dependencies"] if key in keys]} for skill in form["skills"]
    ]
    return {**form, "skills": skills}


def curriculum(*names, slug="web", **needs):
    """A small curriculum: skills without dependencies, then ``layout=["html", "css"]``."""
    return {
        "slug": slug,
        "name": "Web",
        "category": "Programming",
        "description": None,
        "tags": [],
        "skills": [
            {
                "key": key,
                "name": key.upper(),
                "description": None,
                "dependencies": list(needed),
                "objectives": [],
                "resources": [],
                "position": None,
                "optional": False,
            }
            for key, needed in {**dict.fromkeys(names, ()), **needs}.items()
        ],
    }


def skill_of(form, key):
    [found] = [skill for skill in form["skills"] if skill["key"] == key]
    return found


async def exported(db, slug="web"):
    return (await db.trees.export_tree(slug)).to_form()


# --- real curricula --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", [slug for slugs in REAL.values() for slug in slugs])
async def test_a_real_curriculum_is_exported_as_it_was_imported(db, connection, real, slug):
    form = real[slug]

    report = await db.trees.import_tree(form, leave_out_unknown=True)

    assert report.tree_added
    assert list(report.added) == [skill["key"] for skill in form["skills"]]
    assert (report.changed, report.removed, report.unchanged) == ((), (), 0)
    assert list(report.left_out) == unknown_keys(form)
    assert await exported(db, slug) == without_unknown_keys(form)
    async with expect_nothing_written(connection):
        again = await db.trees.import_tree(await db.trees.export_tree(slug))
    assert again.is_unchanged
    assert again.unchanged == len(form["skills"])
    assert (again.tree_id, again.left_out) == (report.tree_id, ())


@pytest.mark.parametrize("slug", ["exercism-python", "exercism-csharp", "metacademy"])
async def test_unknown_keys_in_a_real_curriculum_are_all_named(db, connection, real, slug):
    async with expect_refusal(connection, UnknownCurriculumKeys) as refusal:
        await db.trees.import_tree(real[slug])

    assert list(refusal.value.unknown) == unknown_keys(real[slug])
    assert all(f"{skill}: {key}" in str(refusal.value) for skill, key in unknown_keys(real[slug]))


async def test_a_repeated_import_writes_nothing_and_reports_the_same_omissions(db, connection, real):
    first = await db.trees.import_tree(real["exercism-csharp"], leave_out_unknown=True)

    async with expect_nothing_written(connection):
        again = await db.trees.import_tree(real["exercism-csharp"], leave_out_unknown=True)

    assert again.is_unchanged
    assert again.left_out == first.left_out
    assert len(again.left_out) == 35


async def test_the_language_tracks_have_all_their_skills_and_edges(db, connection, real):
    forms = [real[slug] for slug in REAL["exercism.json"]]

    for form in forms:
        await db.trees.import_tree(form, leave_out_unknown=True)

    given = sum(len(skill["dependencies"]) for form in forms for skill in form["skills"])
    left_out = sum(len(unknown_keys(form)) for form in forms)
    assert (given, left_out) == (3429, 36)
    assert await rows(
        connection, "select count(*), sum(cardinality(dependencies)), sum(cardinality(dependents)) from skills"
    ) == [(926, 3393, 3393)]
    assert await rows(connection, "select name, slug from skill_categories") == [("programming", "programming")]
    for form in forms:
        assert await exported(db, form["slug"]) == without_unknown_keys(form)


async def test_relative_links_are_reported_and_kept(db, real):
    report = await db.trees.import_tree(real["metacademy"], leave_out_unknown=True)

    expected = [
        (skill["key"], resource["url"])
        for skill in real["metacademy"]["skills"]
        for resource in skill["resources"]
        if resource["url"].startswith("#")
    ]
    assert len(expected) == 5
    assert list(report.relative_links) == expected
    kept = {link["url"] for skill in (await exported(db, "metacademy"))["skills"] for link in skill["resources"]}
    assert {url for _, url in expected} <= kept


async def test_a_file_of_real_curricula_can_be_parsed(shared_data):
    read = parse_file((shared_data / "exercism.json").read_bytes())

    assert [tree.slug for tree in read.trees] == list(REAL["exercism.json"])
    assert "MIT" in read.license


async def test_a_real_curriculum_loads_in_order_and_can_be_learned(db, connection, learner, real):
    form = without_unknown_keys(real["metacademy"])
    await db.trees.import_tree(form)

    loaded = await db.trees.load("metacademy", user_id=learner.id)

    assert [skill.key for skill in loaded.skills] == [skill["key"] for skill in form["skills"]]
    graph = networkx.DiGraph((key, skill["key"]) for skill in form["skills"] for key in skill["dependencies"])
    deepest = networkx.dag_longest_path(graph)
    last = next(skill for skill in loaded.skills if skill.key == deepest[-1])
    missing = await db.progress.missing_prerequisites(learner.id, last.id)
    assert len(missing) == len({found.id for found in missing}) == len(networkx.ancestors(graph, last.key))
    assert max(found.level for found in missing) == len(deepest) - 2
    open_now = {skill.key for skill in loaded.skills if skill.status == "AVAILABLE"}
    assert open_now == {skill["key"] for skill in form["skills"] if not skill["dependencies"]}


async def test_the_number_of_statements_does_not_depend_on_the_number_of_skills(proxy, proxied, real):
    await proxied.trees.import_tree(curriculum("a"))
    for_one = [statement[:30] for statement in proxy.statements()]
    proxy.reset()

    await proxied.trees.import_tree(real["exercism-elixir"])
    for_many = [statement[:30] for statement in proxy.statements()]
    proxy.reset()
    await proxied.trees.import_tree(real["exercism-elixir"])
    for_the_same = [statement[:30] for statement in proxy.statements()]

    assert for_one == for_many == for_the_same
    assert sum(statement.startswith("/*") for statement in for_one) == 6


async def test_importing_outside_a_transaction_is_one_round_trip(proxy, proxied):
    await proxied.trees.import_tree(curriculum("a"))

    assert proxy.round_trips == 1


async def test_exporting_is_one_statement_and_one_round_trip(proxy, proxied, real):
    await proxied.trees.import_tree(real["linear-algebra"])
    proxy.reset()

    await proxied.trees.export_tree("linear-algebra")

    assert len(proxy.statements()) == 1


# --- edited versions -------------------------------------------------------------------------------------------------


async def test_importing_an_edited_curriculum_changes_only_what_was_edited(db, connection, real):
    form = without_unknown_keys(real["exercism-elixir"])
    await db.trees.import_tree(form)
    before = dict(await rows(connection, "select key, id from skills"))
    edited = deepcopy(form)
    removed = edited["skills"].pop(100)["key"]
    needed_it = [skill["key"] for skill in edited["skills"] if removed in skill["dependencies"]]
    for key in needed_it:
        skill_of(edited, key)["dependencies"].remove(removed)
    renamed, described, moved, relinked = [
        skill for skill in edited["skills"] if skill["key"] not in needed_it and not skill["dependencies"]
    ][:4]
    renamed["name"] = "Another name"
    described["description"] = "Another description"
    moved["position"] = [10, -2.5]
    relinked["dependencies"] = [renamed["key"]]
    edited["skills"].insert(3, {**deepcopy(described), "key": "brand-new", "dependencies": [relinked["key"]]})

    report = await db.trees.import_tree(edited)

    assert (report.tree_added, report.tree_changed) == (False, False)
    assert report.added == ("brand-new",)
    assert report.removed == (removed,)
    assert set(report.changed) == {skill["key"] for skill in (renamed, described, moved, relinked)} | {*needed_it}
    assert report.unchanged == len(edited["skills"]) - 1 - len(report.changed)
    assert await exported(db, form["slug"]) == edited
    after = dict(await rows(connection, "select key, id from skills"))
    assert {key: after[key] for key in before} == before
    assert not await value(connection, "select is_active from skills where key = %s", removed)


async def test_importing_the_earlier_version_restores_everything(db, connection):
    form = curriculum("html", "css", layout=["html", "css"], grid=["layout"])
    await db.trees.import_tree(form)
    before = dict(await rows(connection, "select key, id from skills"))
    shorter = curriculum("html", "css", grid=["css"])
    await db.trees.import_tree(shorter)
    assert await exported(db) == shorter

    report = await db.trees.import_tree(form)

    assert (report.added, report.changed, report.removed) == (("layout",), ("grid",), ())
    assert await exported(db) == form
    assert dict(await rows(connection, "select key, id from skills")) == before


async def test_a_removed_skill_keeps_its_progress_until_it_returns(db, connection, learner):
    form = curriculum("html", css=["html"])
    await db.trees.import_tree(form)
    html, css = (await db.trees.load("web")).skills
    await add_progress(connection, learner, await db.skills.get(css.id), "COMPLETED")
    await db.trees.import_tree(curriculum("html"))

    work = await db.progress.for_skill(learner.id, css.id)
    removed = await db.skills.get(css.id)
    shown = [skill.key for skill in (await db.trees.load("web", user_id=learner.id)).skills]
    await db.trees.import_tree(form)
    back = {skill.key: skill.status for skill in (await db.trees.load("web", user_id=learner.id)).skills}

    assert work.status == "COMPLETED"
    assert (removed.is_active, removed.dependencies, removed.dependents) == (False, (), ())
    assert (await db.skills.get(html.id)).dependents == (css.id,)
    assert shown == ["html"]
    assert back == {"html": "AVAILABLE", "css": "COMPLETED"}


async def test_an_edited_skill_keeps_its_progress(db, connection, learner):
    form = curriculum("html", css=["html"])
    await db.trees.import_tree(form)
    html = (await db.trees.load("web")).skills[0]
    await add_progress(connection, learner, await db.skills.get(html.id), "COMPLETED")

    skill_of(form, "html")["description"] = "More"
    await db.trees.import_tree(form)

    assert (await db.progress.for_skill(learner.id, html.id)).status == "COMPLETED"


async def test_the_order_of_skills_is_kept(db):
    await db.trees.import_tree(curriculum(*"abcde"))
    turned = curriculum(*"cebad")

    await db.trees.import_tree(turned)

    assert await exported(db) == turned
    assert [skill.key for skill in (await db.trees.load("web")).skills] == list("cebad")


async def test_the_order_of_restored_skills_is_kept(db):
    for form in (curriculum("a", "b", "c"), curriculum("a"), curriculum("a", "c", "b")):
        await db.trees.import_tree(form)

    assert [skill["key"] for skill in (await exported(db))["skills"]] == ["a", "c", "b"]


async def test_an_import_that_changes_only_the_order_is_reported_as_a_change(db):
    await db.trees.import_tree(curriculum(*"abc"))

    report = await db.trees.import_tree(curriculum(*"cba"))

    assert not report.is_unchanged


async def test_the_order_of_dependencies_is_kept(db):
    await db.trees.import_tree(curriculum("a", "b", c=["a", "b"]))
    turned = curriculum("a", "b", c=["b", "a"])

    report = await db.trees.import_tree(turned)

    assert report.changed == ("c",)
    assert await exported(db) == turned


async def test_a_reversed_edge_is_kept(db):
    await db.trees.import_tree(curriculum("a", b=["a"]))
    turned = curriculum("b", a=["b"])

    report = await db.trees.import_tree(turned)

    assert set(report.changed) == {"a", "b"}
    assert await exported(db) == turned


@pytest.mark.parametrize(
    "change",
    [
        {"name": "The web"},
        {"category": "Design"},
        {"description": "All of it"},
        {"tags": ["b", "a"]},
        {"short_description": "Short"},
        {"difficulty": "EXPERT"},
        {"estimated_hours": 2.5},
        {"version": "2"},
        {"layout": {"nodeSpacing": 80, "zoom": 2}},
        {"theme": {"primaryColor": "#112233"}},
        {"ai_generated": True},
    ],
    ids=parameter_id,
)
async def test_a_change_of_the_tree_alone_is_reported_and_kept(db, change):
    form = curriculum("html")
    await db.trees.import_tree(form)
    changed = {**form, **change}

    report = await db.trees.import_tree(changed)

    assert (report.tree_changed, report.changed, report.unchanged) == (True, (), 1)
    assert await exported(db) == changed
    assert (await db.trees.import_tree(changed)).is_unchanged


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Mark-up"},
        {"description": ""},
        {"objectives": ["b", "a", "b"]},
        {"resources": [{"type": "embed", "title": "", "url": "../page?x=1#y"}]},
        {"position": [0, 0]},
        {"position": [-1.25, 1e300]},
        {"optional": True},
        {"short_name": "H"},
        {"parent": "css"},
        {"skill_type": "PROJECT"},
        {"difficulty": "ADVANCED"},
        {"estimated_minutes": 0},
        {"xp_value": 0},
        {"node_size": 3},
        {"milestone": True},
        {"active": False, "dependencies": ["css"]},
        {"content": {"type": "simple"}},
        {
            "content": {
                "type": "structured",
                "modules": [{"title": "", "type": "video", "estimatedMinutes": 1.5, "resources": []}],
            }
        },
        {"assessments": {"passingScore": 80.5, "questions": [{"prompt": "?", "type": "text", "answers": ["a"]}]}},
    ],
    ids=parameter_id,
)
async def test_a_change_of_a_skill_alone_is_reported_and_kept(db, change):
    form = curriculum("css", "html", "js")
    await db.trees.import_tree(form)
    skill_of(form, "html").update(change)

    report = await db.trees.import_tree(form)

    assert (report.tree_changed, report.added, report.changed, report.removed) == (False, (), ("html",), ())
    assert await exported(db) == form
    assert (await db.trees.import_tree(form)).is_unchanged


async def test_an_inactive_skill_without_edges_stays_inactive(db):
    form = curriculum("html", "css")
    skill_of(form, "html")["active"] = False

    await db.trees.import_tree(form)

    assert await exported(db) == form
    assert (await db.trees.import_tree(form)).is_unchanged


async def test_a_skill_without_a_position_differs_from_one_at_the_origin(db, connection):
    form = curriculum("a", "b")
    skill_of(form, "b")["position"] = [0, 0]
    await db.trees.import_tree(form)

    assert dict(await rows(connection, "select key, is_placed from skills")) == {"a": False, "b": True}
    assert [skill["position"] for skill in (await exported(db))["skills"]] == [None, [0, 0]]


async def test_fields_missing_from_a_file_get_their_defaults(db):
    form = curriculum("html")
    skill_of(form, "html").update(xp_value=50, short_name="H", milestone=True)
    await db.trees.import_tree({**form, "version": "9"})

    await db.trees.import_tree(curriculum("html"))

    [html] = (await db.trees.load("web")).skills
    assert (html.xp_value, html.short_name, html.is_milestone) == (10, None, False)
    assert (await db.trees.find_by_slug("web")).version == "1.0.0"


async def test_a_minimal_file_is_imported(db):
    least = {"slug": "web", "name": "Web", "category": "Art", "skills": [{"key": "html", "name": "HTML"}]}

    await db.trees.import_tree(least)

    assert (await db.trees.import_tree(least)).is_unchanged
    assert await exported(db) == {
        **curriculum("html"),
        "category": "Art",
        "skills": [{**curriculum("html")["skills"][0], "name": "HTML"}],
    }


async def test_a_tree_that_loses_all_its_skills_is_empty(db):
    await db.trees.import_tree(curriculum("a", b=["a"]))

    report = await db.trees.import_tree(curriculum())

    assert report.removed == ("a", "b")
    assert await exported(db) == curriculum()


async def test_an_import_does_not_change_published_and_featured(db):
    report = await db.trees.import_tree(curriculum("a"))
    assert not (await db.trees.get(report.tree_id)).is_published
    await db.trees.publish(report.tree_id)
    await db.trees.update(report.tree_id, is_featured=True)

    again = await db.trees.import_tree({**curriculum("a", "b"), "name": "Changed"})

    tree = await db.trees.get(again.tree_id)
    assert (tree.name, tree.is_published, tree.is_featured) == ("Changed", True, True)


async def test_a_tree_gets_the_same_ids_in_every_database(db):
    first = await db.trees.import_tree(curriculum("a"))
    ids = {skill.id for skill in (await db.trees.load("web")).skills}
    await db.trees.delete(first.tree_id)

    second = await db.trees.import_tree(curriculum("a"))

    assert second.tree_id == first.tree_id
    assert {skill.id for skill in (await db.trees.load("web")).skills} == ids


async def test_a_tree_whose_slug_changed_is_not_the_tree_of_the_file(db):
    first = await db.trees.import_tree(curriculum("a"))
    await db.trees.change_slug(first.tree_id, "old-web")

    second = await db.trees.import_tree(curriculum("a"))

    assert second.tree_added
    assert second.tree_id != first.tree_id
    assert await exported(db, "old-web") == curriculum("a", slug="old-web")


@pytest.mark.parametrize("category", ["Programming", "programming", "PROGRAMMING"])
async def test_a_category_is_found_by_name_or_slug(db, category):
    known = await add_category(db, "programming")

    await db.trees.import_tree({**curriculum("a"), "category": category})

    assert (await db.trees.find_by_slug("web")).category_id == known.id


@pytest.mark.parametrize("category", ["Machine Learning & AI", "数学", "!", "x" * 100])
async def test_a_missing_category_is_created(db, connection, category):
    await db.trees.import_tree({**curriculum("a"), "category": category})

    assert (await exported(db))["category"] == category
    assert await value(connection, "select name from skill_categories") == category


async def test_prerequisites_of_a_tree_are_given_by_slug(db):
    await db.trees.import_tree(curriculum("a", slug="first"))
    await db.trees.import_tree(curriculum("a", slug="second"))
    form = {**curriculum("b"), "prerequisites": ["second", "first"]}

    await db.trees.import_tree(form)

    assert await exported(db) == form
    assert (await db.trees.import_tree(form)).is_unchanged


# --- other trees -----------------------------------------------------------------------------------------------------


async def test_a_tree_created_through_repositories_is_unchanged_after_export_and_import(db, connection, tree):
    html, css, _ = await add_skills(db, tree, "html", "css", layout=["css", "html"])
    await db.skills.create(
        tree.id,
        name="All of it",
        dependencies=[css.id],
        parent_skill_id=html.id,
        position=(1.5, -2),
        description="Text\n\twith 'everything' \\ \u2028 🎓",
        content={"type": "structured", "modules": []},
        resources=[{"type": "link", "title": "x", "url": "#page=2"}],
        assessments={"questions": []},
        learning_objectives=["x"],
        xp_value=3,
        is_optional=True,
    )
    await db.skills.update(html.id, resources=[], is_milestone=True)
    inactive = await db.skills.create(tree.id, name="Inactive", dependencies=[html.id])
    await db.skills.deactivate(inactive.id)
    await db.trees.update(tree.id, tags=["a"], estimated_hours=1.5, layout_config={"theme": "grid"})
    before = await all_rows_fingerprint(connection)

    report = await db.trees.import_tree(await db.trees.export_tree("web"))

    assert report.is_unchanged
    assert await all_rows_fingerprint(connection) == before
    form = json.loads(json.dumps(await exported(db)))
    assert (await db.trees.import_tree(form)).is_unchanged


async def test_importing_an_export_under_another_slug_makes_a_copy(db, tree):
    await add_skills(db, tree, "html", "css", layout=["css", "html"])
    form = {**(await exported(db)), "slug": "copy"}

    await db.trees.import_tree(form)

    assert await exported(db, "copy") == form
    assert (await exported(db)) == {**form, "slug": "web"}


# --- refused imports -------------------------------------------------------------------------------------------------


def changed(key, /, **change):
    form = curriculum("html", "css", layout=["html", "css"])
    skill_of(form, key).update(change)
    return form


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
async def test_an_invalid_curriculum_is_refused_and_nothing_is_written(db, connection, known, subtests):
    if known:
        await db.trees.import_tree(curriculum("html", js=["html"]))

    for form, error, words in [
        (
            {**curriculum(), "skills": curriculum("html")["skills"] * 2},
            InvalidCurriculum,
            ["html", "2 skills"],
        ),
        (changed("layout", dependencies=["css", "css"]), InvalidCurriculum, ["layout", "css", "more than once"]),
        (changed("layout", parent="nothing"), InvalidCurriculum, ["layout", "nothing"]),
        (changed("html", dependencies=["layout"]), CyclicDependency, ["html → layout → html"]),
        (changed("html", dependencies=["html"]), CyclicDependency, ["html → html"]),
        (changed("html", parent="html"), CyclicParents, ["html → html"]),
        (changed("html", dependencies=["nothing", "less"]), UnknownCurriculumKeys, ["html: nothing", "html: less"]),
        ({**curriculum("html"), "prerequisites": ["nothing", "less"]}, InvalidCurriculum, ["nothing", "less"]),
        ({**curriculum("html"), "prerequisites": ["web"]}, SkillTreeError, []),
        ({}, InvalidCurriculum, ["slug", "name", "category"]),
        ({**curriculum(), "slug": "No Slug"}, InvalidCurriculum, ["slug"]),
        ({**curriculum(), "skills": None}, InvalidCurriculum, ["skills"]),
        ({**curriculum(), "more": 1}, InvalidCurriculum, ["more"]),
        ({**curriculum(), "tags": [""]}, SkillTreeError, []),
        ({**curriculum(), "tags": ["x"] * 101}, SkillTreeError, []),
        ({**curriculum(), "estimated_hours": float("nan")}, InvalidCurriculum, ["estimated_hours"]),
        ({**curriculum(), "layout": {"nodeSpacing": 0}}, InvalidCurriculum, ["layout.nodeSpacing"]),
        (changed("html", key=""), InvalidCurriculum, ["skill number 1: key"]),
        (changed("html", name="x" * 201), InvalidCurriculum, ["skill html: name"]),
        (changed("html", more=1), InvalidCurriculum, ["skill html: more"]),
        (changed("html", position=[1]), InvalidCurriculum, ["skill html: position"]),
        (changed("html", position=[float("inf"), 0]), InvalidCurriculum, ["skill html: position"]),
        (changed("html", xp_value=-1), InvalidCurriculum, ["skill html: xp_value"]),
        (changed("html", xp_value=2**40), InvalidCurriculum, ["skill html: xp_value"]),
        (changed("html", estimated_minutes=2**31), SkillTreeError, []),
        (changed("html", objectives=[""]), SkillTreeError, []),
        (changed("html", content={"type": "song"}), InvalidCurriculum, ["skill html: content.type"]),
        (
            changed("html", resources=[{"type": "link", "title": "", "url": "javascript:alert(1)"}]),
            InvalidCurriculum,
            ["skill html: resources.0.url"],
        ),
        (changed("html", description="nul\0"), SkillTreeError, []),
        (changed("html", description="\ud800"), SkillTreeError, []),
        (changed("html", key="\ud800"), SkillTreeError, []),
        ({**curriculum(), "description": "nul\0"}, SkillTreeError, []),
        ({**curriculum(), "description": "\ud800"}, SkillTreeError, []),
    ]:
        async with case(subtests, form):
            async with expect_refusal(connection, error) as refusal:
                await db.trees.import_tree(form)

            assert all(word in str(refusal.value) for word in words)


async def test_all_faults_of_a_curriculum_are_reported_together(db, connection):
    form = changed("layout", dependencies=["css", "css"], parent="nothing")
    form["skills"].append(deepcopy(form["skills"][0]))

    async with expect_refusal(connection, InvalidCurriculum) as refusal:
        await db.trees.import_tree(form)

    assert len(refusal.value.problems) == 3


async def test_a_cycle_is_reported_as_a_path_of_keys_each_needing_the_next(db, connection):
    form = curriculum("x", a=["d", "x"], b=["a"], c=["b"], d=["c"])

    async with expect_refusal(connection, CyclicDependency) as refusal:
        await db.trees.import_tree(form)

    path = refusal.value.path
    assert path[0] == path[-1]
    assert len(path) == 5
    assert all(needed in skill_of(form, key)["dependencies"] for key, needed in pairwise(path))


async def test_a_cycle_of_parents_is_reported_as_a_path_of_keys(db, connection):
    form = curriculum("a", "b", "c")
    for key, parent in {"a": "b", "b": "c", "c": "a"}.items():
        skill_of(form, key)["parent"] = parent

    async with expect_refusal(connection, CyclicParents) as refusal:
        await db.trees.import_tree(form)

    path = refusal.value.path
    assert path[0] == path[-1]
    assert all(skill_of(form, key)["parent"] == parent for key, parent in pairwise(path))


async def test_trees_that_need_each_other_are_refused(db, connection):
    await db.trees.import_tree(curriculum("a", slug="first"))
    await db.trees.import_tree({**curriculum("a", slug="second"), "prerequisites": ["first"]})

    async with expect_refusal(connection, CyclicPrerequisites):
        await db.trees.import_tree({**curriculum("a", slug="first"), "prerequisites": ["second"]})


async def test_unknown_prerequisites_create_no_category(db, connection):
    async with expect_refusal(connection, InvalidCurriculum) as refusal:
        await db.trees.import_tree({**curriculum("a"), "prerequisites": ["nothing", "less"]})

    assert refusal.value.problems == ("nothing", "less")


async def test_unknown_keys_are_left_out_when_asked(db, connection):
    form = curriculum("html", css=["html", "nothing"], js=["less"])

    report = await db.trees.import_tree(form, leave_out_unknown=True)

    assert report.left_out == (("css", "nothing"), ("js", "less"))
    assert await exported(db) == without_unknown_keys(form)


# --- concurrency and units of work -----------------------------------------------------------------------------------


@pytest.mark.parametrize("statistics", [None, "vacuum analyze"])
async def test_concurrent_imports_of_one_new_tree_create_one_tree(db, connection, statistics):
    # A plan starts with tables that statistics show as empty, and may then read no other table.
    if statistics is not None:
        await connection.execute(statistics)
    form = curriculum("html", css=["html"])

    results = await concurrently_async(*[lambda: db.trees.import_tree(form) for _ in range(4)])

    assert failures(results) == []
    assert sum(report.tree_added for report in results) == 1
    assert sum(report.is_unchanged for report in results) == 3
    assert await rows(connection, "select (select count(*) from skill_trees), (select count(*) from skills)") == [
        (1, 2)
    ]
    assert await exported(db) == form


@pytest.mark.parametrize("statistics", [None, "vacuum analyze"])
async def test_concurrent_imports_of_trees_of_one_new_category_all_succeed(db, connection, statistics):
    if statistics is not None:
        await connection.execute(statistics)
    results = await concurrently_async(
        *[
            lambda slug=slug: db.trees.import_tree(curriculum("a", slug=slug))
            for slug in ("one", "two", "three", "four")
        ]
    )

    assert failures(results) == []
    assert await rows(
        connection, "select (select count(*) from skill_categories), (select count(*) from skill_trees)"
    ) == [(1, 4)]


async def test_concurrent_imports_of_two_versions_leave_one_of_them(db):
    versions = [curriculum("a", "b", c=["a"]), curriculum("b", a=["b"]), curriculum("d", c=["d"], a=["c"])]
    await db.trees.import_tree(versions[0])

    results = await concurrently_async(*[lambda form=form: db.trees.import_tree(form) for form in versions])

    assert failures(results) == []
    assert await exported(db) in versions


async def test_an_import_during_an_edit_leaves_the_graph_of_the_file(url, connection, tree):
    form = curriculum("a", "b", "c", d=["a"])
    async with AsyncDatabase(url, max_size=8) as db:
        await db.trees.import_tree(form)
        ids = {skill.key: skill.id for skill in (await db.trees.load("web")).skills}

        results = await concurrently_async(
            lambda: db.trees.import_tree(form),
            lambda: db.skills.add_dependency(ids["b"], ids["a"]),
            lambda: db.skills.add_dependency(ids["c"], ids["b"]),
            lambda: db.trees.import_tree(form),
            lambda: db.skills.set_dependencies(ids["d"], [ids["c"]]),
        )

        assert failures(results) == []
        await db.trees.import_tree(form)
        assert await exported(db) == form


async def test_an_import_within_a_transaction_that_fails_leaves_nothing(db, connection):
    async with expect_refusal(connection, ZeroDivisionError), db.transaction() as unit:
        await unit.trees.import_tree(curriculum("html", css=["html"]))
        assert (await unit.trees.export_tree("web")).slug == "web"
        raise ZeroDivisionError


async def test_several_trees_are_imported_all_or_none(db, connection):
    async with expect_refusal(connection, CyclicDependency), db.transaction() as unit:
        await unit.trees.import_tree(curriculum("a", slug="first"))
        await unit.trees.import_tree(curriculum("a", slug="second", b=["b"]))

    async with db.transaction() as unit:
        for slug in ("first", "second"):
            await unit.trees.import_tree(curriculum("a", slug=slug))
        await unit.trees.import_tree({**curriculum("b", slug="first"), "prerequisites": ["second"]})

    assert await exported(db, "first") == {**curriculum("b", slug="first"), "prerequisites": ["second"]}


# --- random curricula ------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
KEYS = [*"abcdef", "é\n'\"", " "]
LINK = st.fixed_dictionaries({"type": st.just("link"), "title": TEXT, "url": st.just("#1")})
RARE = st.fixed_dictionaries({}, optional={"milestone": st.just(True), "xp_value": st.integers(11, 99)})


async def empty_of_trees(connection):
    await connection.execute("delete from skill_trees")


@st.composite
def curricula(draw, acyclic=False):
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=7))
    skills = []
    for place, key in enumerate(keys):
        others = keys[:place] if acyclic else keys
        skill = {
            "key": key,
            "name": draw(TEXT),
            "description": draw(st.none() | TEXT),
            "dependencies": draw(st.lists(st.sampled_from(others), unique=True, max_size=2)) if others else [],
            "objectives": draw(st.lists(TEXT, max_size=2)),
            "resources": draw(st.lists(LINK, max_size=1)),
            "position": draw(st.none() | st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=2)),
            "optional": draw(st.booleans()),
        }
        skills.append(skill | draw(RARE))
    return {**curriculum(), "tags": draw(st.lists(TEXT, max_size=2)), "skills": skills}


EDGES = (
    "select a.key, b.key from skills as a cross join unnest(a.dependencies) as dependency (id)"
    " inner join skills as b on b.id = dependency.id"
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(curricula(acyclic=True), max_size=2), form=curricula())
async def test_a_random_curriculum_imported_over_another_is_kept_or_refused_for_its_cycle(db, connection, before, form):
    await empty_of_trees(connection)
    for earlier in before:
        await db.trees.import_tree(earlier)
    graph = networkx.DiGraph((skill["key"], key) for skill in form["skills"] for key in skill["dependencies"])
    if not networkx.is_directed_acyclic_graph(graph):
        async with expect_refusal(connection, CyclicDependency) as refusal:
            await db.trees.import_tree(form)
        assert all(graph.has_edge(*edge) for edge in pairwise(refusal.value.path))
        return

    await db.trees.import_tree(form)

    assert await exported(db) == parse_tree(form).to_form() == form
    assert set(await rows(connection, EDGES)) == set(graph.edges)
    async with expect_nothing_written(connection):
        assert (await db.trees.import_tree(form)).is_unchanged


async def test_categories_whose_names_give_the_same_slug_stay_separate(db, connection):
    for category in ("C++", "C#", "c++ ", "C"):
        slug = "tree-" + category.encode().hex()
        await db.trees.import_tree({"slug": slug, "name": "a", "category": category.strip(), "skills": []})

    categories = await db.categories.list()
    assert sorted(each.name for each in categories) == ["C", "C#", "C++"]
    assert len({each.slug for each in categories}) == 3
