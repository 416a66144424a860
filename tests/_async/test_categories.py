from uuid import UUID, uuid4

from _async.factories import add_category, case, expect_refusal
from skilltree.errors import CategoryNameTaken, CategoryNotFound, IdTaken, InvalidValue, SlugTaken

UNKNOWN = UUID(int=0)


async def test_a_category_is_created_with_defaults(db):
    category = await db.categories.create(name="Programming", slug="programming")

    assert (category.name, category.slug, category.sort_order, category.is_active) == (
        "Programming",
        "programming",
        0,
        True,
    )
    assert (category.description, category.color, category.icon) == (None, None, None)


async def test_a_category_is_created_with_all_given_values(db):
    own = uuid4()

    category = await db.categories.create(
        id=own,
        name="Art",
        slug="art",
        description="Fine",
        color="#00ffAA",
        icon="brush",
        sort_order=-3,
        is_active=False,
    )

    assert category.id == own
    assert category.model_dump(exclude={"id", "created_at", "updated_at"}) == {
        "name": "Art",
        "slug": "art",
        "description": "Fine",
        "color": "#00ffAA",
        "icon": "brush",
        "sort_order": -3,
        "is_active": False,
    }
    assert await db.categories.find_by_slug("art") == category


async def test_a_category_name_in_use_is_refused(db, connection):
    await add_category(db, "art")

    async with expect_refusal(connection, CategoryNameTaken):
        await add_category(db, "other", name="Art")


async def test_a_category_slug_in_use_is_refused(db, connection):
    await add_category(db, "art")

    async with expect_refusal(connection, SlugTaken):
        await add_category(db, "art", name="Other")


async def test_a_category_id_in_use_is_refused(db, connection):
    art = await add_category(db, "art")

    async with expect_refusal(connection, IdTaken):
        await add_category(db, "other", id=art.id)


HOSTILE = [
    {"name": ""},
    {"name": "x" * 101},
    {"name": "a\0"},
    {"name": None},
    {"slug": ""},
    {"slug": "Upper"},
    {"slug": "two--dashes"},
    {"slug": "-start"},
    {"slug": "end-"},
    {"slug": "with space"},
    {"slug": "line\n"},
    {"slug": "é"},
    {"slug": "x" * 101},
    {"slug": None},
    {"color": "red"},
    {"color": "#12345"},
    {"color": "#1234567"},
    {"color": "#12345g"},
    {"color": "#123456\n"},
    {"icon": "x" * 101},
    {"description": "x" * 100_001},
    {"sort_order": 2**31},
    {"sort_order": 2**70},
    {"sort_order": -(2**31) - 1},
    {"sort_order": float("nan")},
    {"sort_order": float("inf")},
    {"sort_order": "first"},
    {"sort_order": None},
    {"is_active": None},
    {"is_active": "perhaps"},
]


async def test_a_category_with_an_invalid_value_is_refused(db, connection, subtests):
    for given in [*HOSTILE, {"id": "no uuid"}]:
        async with case(subtests, given), expect_refusal(connection, InvalidValue):
            await db.categories.create(**{"name": "Art", "slug": "art", **given})


async def test_an_invalid_update_of_a_category_is_refused(db, connection, subtests):
    art = await add_category(db, "art")

    for given in [*HOSTILE, {"no_such_field": 1}, {"id": UNKNOWN}, {"created_at": None}, {}]:
        async with case(subtests, given), expect_refusal(connection, InvalidValue):
            await db.categories.update(art.id, **given)


async def test_an_update_changes_only_the_given_fields(db):
    before = await add_category(db, "art", description="Fine", color="#112233", icon="brush", sort_order=4)

    after = await db.categories.update(before.id, sort_order=5)

    assert after.sort_order == 5
    assert after.updated_at > before.updated_at
    assert after.model_copy(update={"sort_order": 4, "updated_at": before.updated_at}) == before


async def test_optional_values_of_a_category_can_be_removed(db):
    art = await add_category(db, "art", description="Fine", color="#112233", icon="brush")

    changed = await db.categories.update(art.id, description=None, color=None, icon=None)

    assert (changed.description, changed.color, changed.icon) == (None, None, None)


async def test_a_category_cannot_take_the_name_of_another(db, connection):
    await add_category(db, "art")
    other = await add_category(db, "other")

    async with expect_refusal(connection, CategoryNameTaken):
        await db.categories.update(other.id, name="Art")
    async with expect_refusal(connection, SlugTaken):
        await db.categories.update(other.id, slug="art")


async def test_an_unknown_category_cannot_be_changed(db, connection):
    async with expect_refusal(connection, CategoryNotFound) as refusal:
        await db.categories.update(UNKNOWN, name="Nothing")

    assert refusal.value.key == {"id": UNKNOWN}


async def test_find_by_slug_returns_none_for_an_unknown_slug(db):
    assert await db.categories.find_by_slug("nothing") is None


async def test_categories_are_listed_by_sort_order_and_name(db):
    for slug, sort_order in {"zoology": 1, "art": 2, "botany": 1}.items():
        await add_category(db, slug, sort_order=sort_order)

    assert [category.slug for category in await db.categories.list()] == ["botany", "zoology", "art"]


async def test_inactive_categories_are_listed_only_when_asked_for(db):
    await add_category(db, "art")
    await add_category(db, "hidden", is_active=False)

    assert [category.slug for category in await db.categories.list()] == ["art"]
    assert [category.slug for category in await db.categories.list(include_inactive=True)] == ["art", "hidden"]
