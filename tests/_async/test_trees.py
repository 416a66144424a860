from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from _async.factories import (
    add_category,
    add_progress,
    add_skills,
    add_tree,
    add_user,
    all_pages,
    all_rows_fingerprint,
    case,
    expect_refusal,
    parameter_id,
    value,
)
from skilltree.errors import (
    CategoryNotFound,
    CyclicPrerequisites,
    IdTaken,
    InvalidCursor,
    InvalidDocument,
    InvalidValue,
    SlugTaken,
    TreeNotFound,
    UnknownPrerequisite,
)

UNKNOWN = UUID(int=0)


async def test_a_tree_is_created_with_defaults_and_not_published(db):
    category = await add_category(db)

    tree = await db.trees.create(category.id, name="Web", slug="web")

    assert tree.model_dump(exclude={"id", "created_at", "updated_at"}, exclude_unset=True) == {
        "category_id": category.id,
        "name": "Web",
        "slug": "web",
        "description": None,
        "short_description": None,
        "difficulty": "BEGINNER",
        "estimated_hours": None,
        "prerequisites": (),
        "tags": (),
        "version": "1.0.0",
        "language": "en",
        "layout_config": {},
        "theme_config": {},
        "is_published": False,
        "is_featured": False,
        "is_ai_generated": False,
        "created_by": None,
        "updated_by": None,
    }


async def test_a_tree_is_created_with_all_given_values(db, tree):
    own = uuid4()

    created = await db.trees.create(
        tree.category_id,
        id=own,
        name="Design",
        slug="design",
        description="Long",
        short_description="Short",
        difficulty="EXPERT",
        estimated_hours=1.5,
        prerequisites=[tree.id],
        tags=["art", "craft"],
        version="2.0",
        layout_config={"theme": "grid", "nodeSpacing": 80, "zoom": 2},
        theme_config={"primaryColor": "#112233"},
        is_featured=True,
        is_ai_generated=True,
    )

    assert created.id == own
    assert created.prerequisites == (tree.id,)
    assert (created.estimated_hours, created.tags, created.version) == (1.5, ("art", "craft"), "2.0")
    assert (created.layout_config.node_spacing, created.layout_config.model_extra) == (80, {"zoom": 2})
    assert created.theme_config.primary_color == "#112233"
    assert (created.is_featured, created.is_ai_generated, created.is_published) == (True, True, False)
    assert await db.trees.get(own) == created
    assert await db.trees.find_by_slug("design") == created


async def test_a_slug_in_use_is_refused(db, connection, tree):
    other = await add_tree(db, "other")

    async with expect_refusal(connection, SlugTaken):
        await add_tree(db, "web")
    async with expect_refusal(connection, SlugTaken):
        await db.trees.change_slug(other.id, "web")


async def test_a_tree_id_in_use_is_refused(db, connection, tree):
    async with expect_refusal(connection, IdTaken):
        await add_tree(db, "other", id=tree.id)


async def test_a_tree_in_an_unknown_category_is_refused(db, connection, tree):
    async with expect_refusal(connection, CategoryNotFound):
        await add_tree(db, "other", category_id=UNKNOWN)
    async with expect_refusal(connection, CategoryNotFound):
        await db.trees.update(tree.id, category_id=UNKNOWN)


async def test_a_tree_with_an_unknown_prerequisite_is_refused(db, connection, tree):
    async with expect_refusal(connection, UnknownPrerequisite) as refusal:
        await add_tree(db, "other", prerequisites=[tree.id, UNKNOWN])

    assert refusal.value.ids == (UNKNOWN,)


HOSTILE = [
    {"name": ""},
    {"name": "x" * 201},
    {"name": None},
    {"slug": "No Slug"},
    {"slug": "x" * 201},
    {"slug": ""},
    {"description": "x" * 100_001},
    {"short_description": "x" * 301},
    {"difficulty": "HARD"},
    {"difficulty": "beginner"},
    {"difficulty": None},
    {"estimated_hours": -0.1},
    {"tags": [""]},
    {"tags": ["x" * 101]},
    {"tags": ["x"] * 101},
    {"tags": [None]},
    {"version": ""},
    {"version": "x" * 51},
    {"is_featured": None},
    {"is_featured": "perhaps"},
    {"layout_config": {"nodeSpacing": 0}},
    {"layout_config": {"nodeSpacing": "wide"}},
    {"layout_config": [1]},
    {"layout_config": "grid"},
    {"theme_config": {"primaryColor": "red"}},
    {"category_id": "no uuid"},
]


async def test_a_tree_with_an_invalid_value_is_refused(db, connection, tree, subtests):
    for given in [*HOSTILE, {"prerequisites": [None]}, {"prerequisites": ["no uuid"]}]:
        async with case(subtests, given):
            wanted = {"category_id": tree.category_id, "name": "Other", "slug": "other", **given}

            async with expect_refusal(connection, InvalidValue):
                await db.trees.create(**wanted)


async def test_an_invalid_update_of_a_tree_is_refused(db, connection, tree, subtests):
    for given in [
        *HOSTILE,
        {},
        {"no_such_field": 1},
        {"id": UNKNOWN},
        {"is_published": True},
        {"prerequisites": []},
        {"layout_config": None},
        {"category_id": None},
    ]:
        async with case(subtests, given), expect_refusal(connection, InvalidValue):
            await db.trees.update(tree.id, **given)


async def test_a_prerequisite_given_twice_is_refused(db, connection, tree):
    other = await add_tree(db, "other")

    async with expect_refusal(connection, InvalidValue):
        await db.trees.set_prerequisites(other.id, [tree.id, tree.id])


@pytest.mark.parametrize(
    ("given", "field", "path"),
    [
        ({"layout_config": {"levelHeight": -1}}, "layout_config", ("levelHeight",)),
        ({"theme_config": {"accentColor": "red"}}, "theme_config", ("accentColor",)),
    ],
    ids=parameter_id,
)
async def test_an_invalid_document_of_a_tree_is_refused_with_the_path_of_the_fault(
    db, connection, tree, given, field, path
):
    async with expect_refusal(connection, InvalidDocument, match=f"{field}.{path[0]}") as on_create:
        await add_tree(db, "other", **given)
    async with expect_refusal(connection, InvalidDocument, match=f"{field}.{path[0]}") as on_update:
        await db.trees.update(tree.id, **given)

    assert (on_create.value.field, on_create.value.path) == (field, path)
    assert (on_update.value.field, on_update.value.path) == (field, path)


async def test_an_update_changes_only_the_given_fields(db):
    before = await add_tree(
        db, description="Long", estimated_hours=3, tags=["a"], layout_config={"theme": "grid"}, is_featured=True
    )

    after = await db.trees.update(before.id, name="The web")

    assert after.name == "The web"
    assert after.updated_at > before.updated_at
    assert after.model_copy(update={"name": before.name, "updated_at": before.updated_at}) == before


async def test_optional_values_of_a_tree_can_be_removed(db):
    tree = await add_tree(db, description="Long", short_description="Short", estimated_hours=3, tags=["a"])

    changed = await db.trees.update(tree.id, description=None, short_description=None, estimated_hours=None, tags=[])

    assert (changed.description, changed.short_description, changed.estimated_hours) == (None, None, None)
    assert changed.tags == ()


async def test_a_changed_layout_keeps_keys_of_the_application(db, tree):
    changed = await db.trees.update(tree.id, layout_config={"theme": "grid", "zoom": 2})

    assert changed.layout_config.model_dump(exclude_unset=True) == {"theme": "grid", "zoom": 2}


async def test_a_tree_is_published_and_unpublished(db):
    tree = await add_tree(db, published=False)

    published = await db.trees.publish(tree.id)
    again = await db.trees.publish(tree.id)
    unpublished = await db.trees.unpublish(tree.id)

    assert (published.is_published, again.is_published, unpublished.is_published) == (True, True, False)


async def test_an_unknown_tree_is_not_found(db, connection, tree, subtests):
    for case_name, call in {
        "get": lambda db: db.trees.get(UNKNOWN),
        "change_language": lambda db: db.trees.change_language(UNKNOWN, "de"),
        "update": lambda db: db.trees.update(UNKNOWN, name="Nothing"),
        "publish": lambda db: db.trees.publish(UNKNOWN),
        "unpublish": lambda db: db.trees.unpublish(UNKNOWN),
        "set_prerequisites": lambda db: db.trees.set_prerequisites(UNKNOWN, []),
        "delete": lambda db: db.trees.delete(UNKNOWN),
        "load": lambda db: db.trees.load("nothing"),
        "load_map": lambda db: db.trees.load_map("nothing"),
        "export_tree": lambda db: db.trees.export_tree("nothing"),
    }.items():
        async with case(subtests, case_name):
            async with expect_refusal(connection, TreeNotFound) as refusal:
                await call(db)

            assert refusal.value.key in ({"id": UNKNOWN}, {"slug": "nothing"})


async def test_find_by_slug_returns_none_for_an_unknown_slug(db):
    assert await db.trees.find_by_slug("nothing") is None


async def test_setting_prerequisites_replaces_them_and_keeps_their_order(db, tree):
    first = await add_tree(db, "first")
    second = await add_tree(db, "second")

    await db.trees.set_prerequisites(tree.id, [first.id])
    changed = await db.trees.set_prerequisites(tree.id, [second.id, first.id])

    assert changed.prerequisites == (second.id, first.id)
    assert (await db.trees.set_prerequisites(tree.id, [])).prerequisites == ()


async def test_a_cycle_of_prerequisites_is_refused_with_its_path(db, connection):
    first = await add_tree(db, "first")
    second = await add_tree(db, "second", prerequisites=[first.id])
    third = await add_tree(db, "third", prerequisites=[second.id])

    async with expect_refusal(connection, CyclicPrerequisites) as refusal:
        await db.trees.set_prerequisites(first.id, [third.id])

    path = refusal.value.path
    assert path[0] == path[-1]
    assert set(path) == {first.id, second.id, third.id}
    needs = {first.id: third.id, third.id: second.id, second.id: first.id}
    assert all(needs[tree] == needed for tree, needed in pairwise(path))


async def test_a_tree_cannot_be_its_own_prerequisite(db, connection, tree):
    async with expect_refusal(connection, CyclicPrerequisites) as refusal:
        await db.trees.set_prerequisites(tree.id, [tree.id])

    assert refusal.value.path == (tree.id, tree.id)


async def test_an_unknown_prerequisite_is_refused(db, connection, tree):
    async with expect_refusal(connection, UnknownPrerequisite):
        await db.trees.set_prerequisites(tree.id, [UNKNOWN])


async def test_deleting_a_tree_deletes_its_skills_progress_and_references(db, connection, learner, tree):
    other = await add_tree(db, "other", prerequisites=[tree.id])
    html, css = await add_skills(db, tree, "html", css=["html"])
    [kept] = await add_skills(db, other, "kept")
    for skill in (html, css, kept):
        await add_progress(connection, learner, skill)

    await db.trees.delete(tree.id)

    assert (await db.trees.get(other.id)).prerequisites == ()
    assert await value(connection, "select array_agg(id) from skills") == [kept.id]
    assert await value(connection, "select array_agg(skill_id) from user_skill_progress") == [kept.id]
    with pytest.raises(TreeNotFound):
        await db.trees.get(tree.id)


# --- the catalogue ---------------------------------------------------------------------------------------------------


async def names(db, **filters):
    return [tree.slug for tree in (await db.trees.list(**filters)).items]


async def test_the_catalogue_lists_published_trees_by_name(db):
    for slug in ("web", "art", "music"):
        await add_tree(db, slug)
    await add_tree(db, "draft", published=False)

    assert await names(db) == ["art", "music", "web"]
    assert await names(db, published=False) == ["draft"]
    assert await names(db, published=None) == ["art", "draft", "music", "web"]


async def test_the_catalogue_is_filtered(db):
    art = await add_category(db, "art")
    await add_tree(db, "easy")
    await add_tree(db, "hard", difficulty="EXPERT", is_featured=True)
    await add_tree(db, "painting", category_id=art.id)

    assert await names(db, difficulty="EXPERT") == ["hard"]
    assert await names(db, featured=True) == ["hard"]
    assert await names(db, featured=False) == ["easy", "painting"]
    assert await names(db, category_id=art.id) == ["painting"]
    assert await names(db, category_id=art.id, difficulty="EXPERT") == []


async def test_the_catalogue_is_filtered_by_tags(db, subtests):
    await add_tree(db, "both", tags=["html", "css"])
    await add_tree(db, "one", tags=["css"])
    await add_tree(db, "none")

    for filters, expected in [
        ({"all_tags": ["css"]}, ["both", "one"]),
        ({"all_tags": ["css", "html"]}, ["both"]),
        ({"all_tags": ["html", "css", "html"]}, ["both"]),
        ({"all_tags": []}, ["both", "none", "one"]),
        ({"any_tags": ["html", "js"]}, ["both"]),
        ({"any_tags": ["css", "js"]}, ["both", "one"]),
        ({"any_tags": []}, []),
        ({"any_tags": ["CSS"]}, []),
        ({"all_tags": ["css"], "any_tags": ["html"]}, ["both"]),
        ({"all_tags": ("css",)}, ["both", "one"]),
    ]:
        async with case(subtests, filters):
            assert await names(db, **filters) == expected


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 1000])
async def test_all_pages_together_contain_the_whole_catalogue(db, limit):
    for number in range(7):
        await add_tree(db, f"tree-{number}", name="Same" if number % 2 else f"Other {number}")

    pages = await all_pages(db.trees.list, limit=limit)

    trees = [tree for page in pages for tree in page.items]
    assert len(trees) == 7
    assert trees == sorted(trees, key=lambda tree: (tree.name, tree.id))
    assert all(len(page.items) == limit for page in pages[:-1])
    assert 0 < len(pages[-1].items) <= limit


async def test_rows_inserted_or_deleted_before_a_page_do_not_shift_it(db):
    trees = [await add_tree(db, slug) for slug in ("b", "d", "f", "h")]
    first = await db.trees.list(limit=2)

    await add_tree(db, "a")
    await add_tree(db, "e")
    await db.trees.delete(trees[1].id)
    second = await db.trees.list(limit=2, after=first.next_cursor)
    third = await db.trees.list(limit=2, after=second.next_cursor)

    assert [tree.slug for page in (first, second, third) for tree in page.items] == ["b", "d", "e", "f", "h"]
    assert third.next_cursor is None


async def test_an_empty_catalogue_has_one_empty_page(db):
    page = await db.trees.list()

    assert (page.items, page.next_cursor) == ((), None)


async def test_an_invalid_cursor_is_refused(db, subtests):
    for cursor in ["", "nonsense", "bnVsbA==", "W10=", "WyJhIl0=", "WyJhIiwiYiJd", "é", "W251bGwsbnVsbF0="]:
        async with case(subtests, cursor):
            with pytest.raises(InvalidCursor) as refusal:
                await db.trees.list(after=cursor)

            assert refusal.value.field == "after"


async def test_a_cursor_of_another_list_is_refused(db, connection, learner, tree):
    for skill in await add_skills(db, tree, "html", "css"):
        await add_progress(connection, learner, skill)
    page = await db.progress.list_for_user(learner.id, limit=1)

    with pytest.raises(InvalidCursor):
        await db.trees.list(after=page.next_cursor)


@pytest.mark.parametrize("limit", [0, -1, 1001, 2**63])
async def test_an_invalid_page_size_is_refused(db, limit):
    with pytest.raises(InvalidValue) as refusal:
        await db.trees.list(limit=limit)

    assert refusal.value.field == "limit"


# --- search ----------------------------------------------------------------------------------------------------------


async def found(db, text, **filters):
    return [hit.slug for hit in await db.trees.search(text, **filters)]


async def test_a_word_in_the_name_counts_more_than_one_in_the_description(db):
    await add_tree(db, "a", name="Cooking", description="Gardens, gardens and gardening")
    await add_tree(db, "b", name="Gardens")

    hits = await db.trees.search("garden")

    assert [hit.slug for hit in hits] == ["b", "a"]
    assert hits[0].rank > hits[1].rank > 0


async def test_a_snippet_shows_the_words_that_matched(db):
    await add_tree(db, name="Cooking", description="How to boil an egg in a pan")

    [hit] = await db.trees.search("eggs")

    assert "boil an **egg**" in hit.snippet
    assert hit.snippet.count("**") == 2


async def test_a_search_has_the_syntax_of_web_search_engines(db, subtests):
    await add_tree(db, "egg", name="One", description="boil an egg")
    await add_tree(db, "bread", name="Two", description="bake the bread")

    for text, expected in [
        ("boil egg", ["egg"]),
        ("boil or bake", ["bread", "egg"]),
        ('"boil an egg"', ["egg"]),
        ('"egg boil"', []),
        ("bake -bread", []),
        ("-egg", ["bread"]),
        ("BAKING", ["bread"]),
        ("", []),
        ("   ", []),
        ("the", []),
        ("!!! & | ( :*", []),
        ("'; drop table skills; --", []),
        ('unbalanced "quote', []),
        ("%", []),
    ]:
        async with case(subtests, text):
            assert sorted(await found(db, text)) == expected


async def test_drafts_are_found_only_when_asked_for(db):
    await add_tree(db, "draft", description="secret", published=False)

    assert await found(db, "secret") == []
    assert await found(db, "secret", published=None) == ["draft"]
    assert await found(db, "secret", published=False) == ["draft"]


async def test_hits_come_in_pages(db):
    for slug in ("a", "b", "c"):
        await add_tree(db, slug, description="common words")

    assert await found(db, "common", limit=2) == ["a", "b"]
    assert await found(db, "common", limit=2, offset=2) == ["c"]
    assert await found(db, "common", limit=0) == []


@pytest.mark.parametrize(
    "given", [{"limit": -1}, {"offset": -1}, {"limit": 2**70}, {"offset": "next"}], ids=parameter_id
)
async def test_an_invalid_limit_or_offset_of_hits_is_refused(db, given):
    with pytest.raises(InvalidValue):
        await db.trees.search("common", **given)


async def test_a_search_finds_the_current_name_of_a_tree(db, tree):
    await db.trees.update(tree.id, name="Typography")

    assert await found(db, "typography") == ["web"]
    assert await found(db, "web") == []


# --- loading a tree --------------------------------------------------------------------------------------------------


async def statuses(db, learner, slug="web"):
    """Return the derived status of each skill, after checking that ``load`` and ``load_map`` agree."""
    loaded = await db.trees.load(slug, user_id=learner.id)
    drawn = await db.trees.load_map(slug, user_id=learner.id)
    told = {skill.name: skill.status for skill in loaded.skills}
    assert {skill.name: skill.status for skill in drawn.skills} == told
    return told


async def test_a_tree_is_loaded_with_its_skills(db, learner, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])

    loaded = await db.trees.load("web", user_id=learner.id)

    assert loaded.model_dump(exclude={"skills", "progress"}) == tree.model_dump()
    assert loaded.progress is None
    for given, got in zip((html, css), loaded.skills, strict=True):
        body = got.model_dump(exclude={"status", "progress"})
        assert body == {name: getattr(given, name) for name in body}
        assert got.progress is None


async def test_a_tree_without_skills_is_loaded(db, learner, tree):
    assert (await db.trees.load("web", user_id=learner.id)).skills == ()
    assert (await db.trees.load_map("web", user_id=learner.id)).skills == ()


async def test_loading_a_tree_without_a_learner_shows_no_progress(db, learner, tree):
    await add_skills(db, tree, "html", css=["html"])

    nobodys = await db.trees.load("web")

    assert nobodys == await db.trees.load("web", user_id=learner.id)
    assert nobodys == await db.trees.load("web", user_id=UNKNOWN)
    assert [skill.status for skill in nobodys.skills] == ["AVAILABLE", "LOCKED"]


async def test_a_skill_is_open_when_all_prerequisites_are_completed_or_skipped(db, connection, learner, tree):
    html, css, *_ = await add_skills(db, tree, "html", "css", layout=["html", "css"], grid=["layout"])

    assert await statuses(db, learner) == {
        "html": "AVAILABLE",
        "css": "AVAILABLE",
        "layout": "LOCKED",
        "grid": "LOCKED",
    }
    await add_progress(connection, learner, html, "COMPLETED")
    assert (await statuses(db, learner))["layout"] == "LOCKED"
    await add_progress(connection, learner, css, "SKIPPED")
    assert await statuses(db, learner) == {
        "html": "COMPLETED",
        "css": "SKIPPED",
        "layout": "AVAILABLE",
        "grid": "LOCKED",
    }


@pytest.mark.parametrize("stored", ["LOCKED", "AVAILABLE", "IN_PROGRESS"])
async def test_an_unfinished_skill_opens_nothing(db, connection, learner, tree, stored):
    html, _ = await add_skills(db, tree, "html", css=["html"])
    await add_progress(connection, learner, html, stored)

    assert (await statuses(db, learner))["css"] == "LOCKED"


async def test_locked_and_available_are_derived_and_not_the_stored_status(db, connection, learner, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])
    await add_progress(connection, learner, html, "LOCKED")
    await add_progress(connection, learner, css, "AVAILABLE")

    assert await statuses(db, learner) == {"html": "AVAILABLE", "css": "LOCKED"}


@pytest.mark.parametrize("stored", ["IN_PROGRESS", "COMPLETED", "SKIPPED"])
async def test_a_new_prerequisite_does_not_change_existing_work(db, connection, learner, tree, stored):
    html, css = await add_skills(db, tree, "html", "css")
    await add_progress(connection, learner, css, stored)

    await db.skills.add_dependency(css.id, html.id)

    assert await statuses(db, learner) == {"html": "AVAILABLE", "css": stored}


async def test_an_inactive_skill_is_not_shown_and_does_not_gate(db, connection, learner, tree):
    html, *_ = await add_skills(db, tree, "html", css=["html"])

    await db.skills.deactivate(html.id)

    assert await statuses(db, learner) == {"css": "AVAILABLE"}


async def test_a_tree_shows_the_progress_of_its_learner_only(db, connection, learner, tree):
    other = await add_user(db, "grace")
    html, _ = await add_skills(db, tree, "html", css=["html"])
    await add_progress(connection, other, html)

    assert await statuses(db, learner) == {"html": "AVAILABLE", "css": "LOCKED"}
    assert await statuses(db, other) == {"html": "COMPLETED", "css": "AVAILABLE"}


async def test_a_tree_is_loaded_with_the_learners_progress(db, connection, learner, tree):
    [html] = await add_skills(db, tree, "html")
    await add_progress(
        connection,
        learner,
        html,
        progress_percent=100,
        time_spent_minutes=30,
        attempts_count=2,
        completion_method="ASSESSMENT",
        completion_score=87.5,
        evidence_data='{"type": "url", "content": "https://example.org", "metadata": {"pages": [1, 2]}}',
        struggling_indicators='{"failedAttempts": 1}',
        engagement_score=0.5,
        completed_at="2026-01-02T03:04:05Z",
    )
    await connection.execute(
        "insert into user_skill_tree_progress (user_id, skill_tree_id, status, progress_percent, milestones_reached,"
        " completed_at) values (%s, %s, 'COMPLETED', 100, %s, now())",
        [learner.id, tree.id, [html.id]],
    )

    loaded = await db.trees.load("web", user_id=learner.id)

    work = loaded.skills[0].progress
    assert (work.status, work.time_spent_minutes, work.attempts_count) == ("COMPLETED", 30, 2)
    assert (work.completion_method, work.completion_score, work.engagement_score) == ("ASSESSMENT", 87.5, 0.5)
    assert work.evidence_data.metadata == {"pages": [1, 2]}
    assert work.struggling_indicators.failed_attempts == 1
    assert work.completed_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert loaded.progress.milestones_reached == (html.id,)
    assert loaded.progress == await db.progress.for_tree(learner.id, tree.id)
    drawn = await db.trees.load_map("web", user_id=learner.id)
    assert (drawn.progress_percent, drawn.skills[0].progress_percent) == (100, 100)


async def test_skills_are_loaded_top_to_bottom_and_left_to_right(db, learner, tree):
    places = {"d": (0, 2), "c": (5, 1), "a": (-1, 0.5), "b": (0, 1)}
    for name, position in places.items():
        await db.skills.create(tree.id, name=name, position=position)

    assert list(await statuses(db, learner)) == ["a", "b", "c", "d"]
    assert [skill.name for skill in (await db.trees.load_map("web")).skills] == ["a", "b", "c", "d"]


async def test_a_map_has_what_a_drawing_needs(db, learner, tree):
    html = await db.skills.create(tree.id, name="HTML", short_name="H", position=(1, 2), node_size=3, is_milestone=True)
    css = await db.skills.create(tree.id, name="CSS", dependencies=[html.id], parent_skill_id=html.id, position=(1, 3))

    drawn = await db.trees.load_map("web", user_id=learner.id)

    assert (drawn.id, drawn.name, drawn.slug, drawn.progress_percent) == (tree.id, "Web", "web", 0)
    first, second = drawn.skills
    assert (first.short_name, first.position_x, first.position_y, first.node_size) == ("H", 1, 2, 3)
    assert (second.dependencies, second.parent_skill_id, second.progress_percent) == ((html.id,), html.id, 0)
    assert second.id == css.id


async def test_the_owner_can_load_drafts(db):
    await add_tree(db, "draft", published=False)

    assert not (await db.trees.load("draft")).is_published


async def test_loading_a_tree_takes_one_statement_and_one_round_trip(db, proxy, proxied, connection, learner, tree):
    skills = await add_skills(db, tree, *(f"skill {number}" for number in range(30)))
    for skill in skills[:10]:
        await add_progress(connection, learner, skill)
    proxy.reset()

    await proxied.trees.load("web", user_id=learner.id)

    assert len(proxy.statements()) == 1
    assert proxy.statements()[0].startswith("/* trees/load */")
    assert proxy.round_trips == 1


async def test_reading_writes_nothing(db, connection, learner, tree):
    await add_skills(db, tree, "html", css=["html"])
    before = await all_rows_fingerprint(connection)

    await statuses(db, learner)
    await db.trees.list()
    await db.trees.search("web")
    await db.trees.export_tree("web")

    assert await all_rows_fingerprint(connection) == before
