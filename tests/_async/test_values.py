"""Values that no caller should send, passed wherever a method takes a value."""

import pytest

from _async.factories import (
    add_achievement,
    add_category,
    add_skills,
    add_tree,
    add_user,
    all_rows_fingerprint,
    case,
    expect_refusal,
)
from skilltree.errors import InvalidValue

FLOATS = [float("nan"), float("inf"), float("-inf")]

TEXTS = {
    "users.register email": lambda db, text: add_user(db, "new", email=f"{text}@example.org"),
    "users.register username": lambda db, text: add_user(db, text, email="new@example.org"),
    "users.register last_name": lambda db, text: add_user(db, "new", last_name=text),
    "users.register timezone": lambda db, text: add_user(db, "new", timezone=text),
    "users.find_by_email": lambda db, text: db.users.find_by_email(text),
    "users.find_by_username": lambda db, text: db.users.find_by_username(text),
    "users.get": lambda db, text: db.users.get(text),
    "categories.create": lambda db, text: add_category(db, "new", name=text),
    "categories.find_by_slug": lambda db, text: db.categories.find_by_slug(text),
    "trees.create name": lambda db, text: add_tree(db, "new", name=text),
    "trees.create tags": lambda db, text: add_tree(db, "new", tags=["fine", text]),
    "trees.find_by_slug": lambda db, text: db.trees.find_by_slug(text),
    "trees.list all_tags": lambda db, text: db.trees.list(all_tags=[text]),
    "trees.list after": lambda db, text: db.trees.list(after=text),
    "trees.search": lambda db, text: db.trees.search(text),
    "trees.load": lambda db, text: db.trees.load(text),
    "trees.export_tree": lambda db, text: db.trees.export_tree(text),
    "skills.search": lambda db, text: db.skills.search(text),
    "achievements.create": lambda db, text: add_achievement(db, name=text),
}

CHANGES = {
    "users.update_profile": lambda db, row, text: db.users.update_profile(row["learner"].id, bio=text),
    "users.update_profile preferences": lambda db, row, text: db.users.update_profile(
        row["learner"].id, preferences={"language": text}
    ),
    "categories.update": lambda db, row, text: db.categories.update(row["tree"].category_id, description=text),
    "trees.update": lambda db, row, text: db.trees.update(row["tree"].id, description=text),
    "trees.update layout_config": lambda db, row, text: db.trees.update(row["tree"].id, layout_config={"theme": text}),
    "skills.update": lambda db, row, text: db.skills.update(row["skill"].id, description=text),
    "skills.update_content": lambda db, row, text: db.skills.update_content(
        row["skill"].id,
        {"type": "simple", "modules": [{"title": text, "type": "video", "estimatedMinutes": 1, "resources": []}]},
    ),
    "sessions.start device_info": lambda db, row, text: db.sessions.start(row["learner"].id, device_info={"os": text}),
    "sessions.start device_info, a key of the application": lambda db, row, text: db.sessions.start(
        row["learner"].id, device_info={text: 1}
    ),
}


@pytest.fixture
async def row(db, learner, tree):
    [skill] = await add_skills(db, tree, "html")
    return {"learner": learner, "tree": tree, "skill": skill}


async def test_a_nul_character_is_refused(db, connection, tree, subtests):
    for method, call in TEXTS.items():
        async with case(subtests, method), expect_refusal(connection, InvalidValue):
            await call(db, "nul\0inside")


async def test_a_lone_surrogate_is_refused(db, connection, tree, subtests):
    for method, call in TEXTS.items():
        async with case(subtests, method), expect_refusal(connection, InvalidValue):
            await call(db, "lone \ud800 surrogate")


async def test_a_nul_character_in_a_change_is_refused(db, connection, row, subtests):
    for method, call in CHANGES.items():
        async with case(subtests, method), expect_refusal(connection, InvalidValue):
            await call(db, row, "nul\0inside")


async def test_a_lone_surrogate_in_a_change_is_refused(db, connection, row, subtests):
    for method, call in CHANGES.items():
        async with case(subtests, method), expect_refusal(connection, InvalidValue):
            await call(db, row, "lone \ud800 surrogate")


async def test_every_valid_character_is_stored(db, tree):
    text = "".join(map(chr, range(1, 32))) + "\x7f\x85\u2028\ufeff\uffff 🎓 \U0010ffff ' \" \\ % %s %(id)s {} $1 :x"

    [skill] = await add_skills(db, tree, "html")
    skill = await db.skills.update(skill.id, description=text)

    assert skill.description == text
    assert (await db.trees.load("web")).skills[0].description == text


async def test_a_value_of_the_wrong_type_is_refused(db, connection, row, subtests):
    for case_name, call in {
        "a number as id": lambda db, row: add_user(db, "new", id=7),
        "a number as id to find": lambda db, row: db.users.get(7),
        "an object as id to find": lambda db, row: db.users.get(object()),
        "a number as IP address": lambda db, row: db.sessions.start(row["learner"].id, address=7),
        "bytes as IP address": lambda db, row: db.sessions.start(row["learner"].id, address=b"\0\0\0\0"),
        "a number as interval": lambda db, row: db.sessions.expire_idle(5),
        "a word as flag": lambda db, row: db.trees.list(featured="perhaps"),
        "a list as XP": lambda db, row: db.skills.create(row["tree"].id, name="x", xp_value=[10]),
        "words as position": lambda db, row: db.skills.create(row["tree"].id, name="x", position=("left", "top")),
        "a number as dependency of a new skill": lambda db, row: db.skills.create(
            row["tree"].id, name="x", dependencies=[7]
        ),
        "a number as dependency": lambda db, row: db.skills.add_dependency(row["skill"].id, 7),
        "an object among dependencies": lambda db, row: db.skills.set_dependencies(row["skill"].id, [object()]),
        "none among dependencies": lambda db, row: db.skills.set_dependencies(row["skill"].id, [None]),
        "a word among dependencies": lambda db, row: db.skills.set_dependencies(row["skill"].id, ["no uuid"]),
    }.items():
        async with case(subtests, case_name), expect_refusal(connection, InvalidValue):
            await call(db, row)


@pytest.mark.parametrize("number", FLOATS)
async def test_nan_and_infinity_are_refused(db, connection, row, number, subtests):
    for case_name, call in {
        "hours": lambda db, row, number: add_tree(db, "new", estimated_hours=number),
        "changed hours": lambda db, row, number: db.trees.update(row["tree"].id, estimated_hours=number),
        "layout": lambda db, row, number: add_tree(db, "new", layout_config={"nodeSpacing": number}),
        "changed layout": lambda db, row, number: db.trees.update(
            row["tree"].id, layout_config={"nodeSpacing": number}
        ),
        "x": lambda db, row, number: db.skills.create(row["tree"].id, name="x", position=(number, 0)),
        "y": lambda db, row, number: db.skills.create(row["tree"].id, name="x", position=(0, number)),
        "XP": lambda db, row, number: db.skills.create(row["tree"].id, name="x", xp_value=number),
        "place x": lambda db, row, number: db.skills.arrange(row["tree"].id, {row["skill"].id: (number, 0)}),
        "place y": lambda db, row, number: db.skills.arrange(row["tree"].id, {row["skill"].id: (0, number)}),
        "assessments": lambda db, row, number: db.skills.update(row["skill"].id, assessments={"passingScore": number}),
        "content": lambda db, row, number: db.skills.update_content(
            row["skill"].id,
            {
                "type": "simple",
                "modules": [{"title": "", "type": "video", "estimatedMinutes": number, "resources": []}],
            },
        ),
    }.items():
        async with case(subtests, case_name), expect_refusal(connection, InvalidValue):
            await call(db, row, number)


@pytest.mark.parametrize("number", FLOATS)
async def test_nan_and_infinity_are_refused_in_a_document_that_takes_any_key(db, connection, row, number):
    async with expect_refusal(connection, InvalidValue):
        await db.sessions.start(row["learner"].id, device_info={"dpi": number})
    async with expect_refusal(connection, InvalidValue):
        await add_tree(db, "new", layout_config={"zoom": number})


@pytest.mark.parametrize("value", [object(), b"\xff", {"a": object()}], ids=["object", "bytes", "nested"])
async def test_values_unknown_to_json_are_refused_in_a_document_that_takes_any_key(db, connection, row, value):
    async with expect_refusal(connection, InvalidValue):
        await db.sessions.start(row["learner"].id, device_info={"dpi": value})


async def test_a_document_that_contains_itself_is_refused(db, connection, row):
    endless = {}
    endless["again"] = endless
    deep = {}
    for _ in range(100_000):
        deep = {"deeper": deep}

    async with expect_refusal(connection, InvalidValue):
        await db.sessions.start(row["learner"].id, device_info=endless)
    async with expect_refusal(connection, InvalidValue):
        await db.sessions.start(row["learner"].id, device_info=deep)


async def test_an_empty_list_of_ids_changes_nothing(db, connection, row):
    before = await all_rows_fingerprint(connection)

    await db.skills.arrange(row["tree"].id, {})

    assert await all_rows_fingerprint(connection) == before
