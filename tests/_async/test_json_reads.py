"""``db.json``: each read method with its answer as JSON, byte for byte the dump of its models."""

import inspect
import json
import os
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from _async.factories import add_skills, add_tree, add_user
from _async.method_calls import CATALOGUE_CALLS, LEARNER_CALLS, SERVICE_CALLS, add_course, add_sample_learner
from skilltree._core import json_text
from skilltree._core.json_text import dumped
from skilltree.errors import (
    InvalidCursor,
    InvalidStoredDocument,
    InvalidValue,
    PermissionDenied,
    ScopeMissing,
    SkillNotFound,
    SkillTreeError,
    TreeNotFound,
    UserNotFound,
)
from skilltree.models.enums import DifficultyLevel, SkillType

EXAMPLES = int(os.environ.get("SKILLTREE_JSON", "15"))
CALLS = {**LEARNER_CALLS, **CATALOGUE_CALLS, **SERVICE_CALLS}


def twins(json):
    """Return the names of the methods of ``db.json``."""
    return {
        f"{repository}.{name}"
        for repository, attribute in vars(type(json)).items()
        if isinstance(attribute, property)
        for name, method in inspect.getmembers(getattr(json, repository), inspect.ismethod)
        if not name.startswith("_")
    }


def calls_of_reads(json):
    """Return the calls of read methods, by name."""
    return {name: call for name, call in sorted(CALLS.items()) if name.partition(" ")[0] in twins(json)}


async def outcome(call, *arguments):
    """Return what a call returns, or its error."""
    try:
        return await call(*arguments)
    except SkillTreeError as error:
        return type(error), str(error)


async def assert_equal_answers(db, sample):
    for name, call in calls_of_reads(db.json).items():
        wanted = await outcome(call, db, sample)
        wanted = wanted if isinstance(wanted, tuple) else dumped(wanted)
        assert await outcome(call, db.json, sample) == wanted, name


@pytest.fixture
async def sample(db):
    course = await add_course(db)
    await add_sample_learner(db, "grace", course)
    return await add_sample_learner(db, "ada", course)


# --- hostile values --------------------------------------------------------------------------------------------------

# What JSON escapes, what it does not, what HTML or JavaScript would, and characters of each length in UTF-8.
texts = st.text(
    st.sampled_from(
        [*list("aZ09 \"\\/<>&'%$"), "\t", "\n", "\r", "\x08", "\x0c", "\x01", "\x02", "\x03", "\x1f", "\x7f"]
    )
    | st.sampled_from(["\x80", "é", "ß", "\u2028", "\u2029", "\ufeff", "\ufffd", "\uffff", "漢", "😀", "\U0010ffff"]),
    min_size=1,
    max_size=12,
)
names = texts.filter(lambda text: text.strip() and not set(text) & {chr(code) for code in range(0x20)})
# The limits of both notations, short and long numbers, and those that have neighbours of fewer digits.
floats = st.sampled_from(
    [0.0, 1.0, 0.1, 1 / 3, 1e-4, 9.999e-5, 1e-5, 1e-7, 5e-324, 99999.5, 1e15, 999999999999999.9, 1e16, 1e17, 1e22, 1e23]
) | st.floats(0, allow_nan=False, allow_infinity=False)
positions = floats | st.sampled_from([-0.0, -1.0, -1e-9]) | st.floats(allow_nan=False, allow_infinity=False)
percents = st.floats(0, 100) | st.sampled_from([0, 100, 5e-324, 33.333333333333336])
moments = st.sampled_from(
    [
        "2026-11-28 21:42:18.123456+00",
        "2026-11-28 21:42:18+00",
        "2026-11-28 21:42:18.1+00",
        "2026-11-28 00:00:00.000001+00",
        "0001-01-01 00:00:00+00",
        "9999-12-31 23:59:59.999999+00",
        "1969-12-31 23:59:59.999999+05:30",
    ]
)
ids = st.uuids()
plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | texts
    | st.sampled_from([0.5, 1e-7, 1.5e300, 2.0, 123456789.123456789]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
minutes = st.sampled_from([0, 5, 7.5, 1e-6, 12345678901234567890])
links = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["link", "file", "embed"]),
        "title": texts,
        "url": st.just("https://example.org/a?b=\u00e9"),
    }
)
modules = st.fixed_dictionaries(
    {
        "title": texts,
        "type": st.sampled_from(["article", "video"]),
        "estimatedMinutes": minutes,
        "resources": st.lists(links, max_size=2),
    }
)
contents = st.fixed_dictionaries(
    {"type": st.sampled_from(["structured", "simple"])},
    optional={"modules": st.none() | st.lists(modules, max_size=2)},
)
questions = st.fixed_dictionaries(
    {"prompt": texts, "type": st.just("text"), "answers": st.lists(texts, min_size=1, max_size=2)}
)
assessments = st.fixed_dictionaries(
    {}, optional={"passingScore": st.sampled_from([0, 70, 99.5]), "questions": st.lists(questions, max_size=2)}
)
criteria = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["skill_completion_count", "xp_threshold", "streak_days"]),
        "threshold": st.integers(1, 2**31 - 1),
    },
    optional={"additionalParams": st.none() | st.just({}) | st.just({"difficulty": "EXPERT"})},
)
evidence = st.fixed_dictionaries(
    {"type": st.just("text"), "content": texts},
    optional={"metadata": st.none() | st.dictionaries(texts, plain_json, max_size=3)},
)


def open_documents(**known):
    """Return documents with known keys, present or not, and others."""
    return st.builds(
        lambda one, other: {**other, **one},
        st.fixed_dictionaries({}, optional=known),
        st.dictionaries(texts.filter(lambda key: key.isidentifier() is False), plain_json, max_size=2),
    )


VALUES = {
    ("users", "first_name"): st.none() | names,
    ("users", "last_name"): st.none() | names,
    ("users", "last_login_at"): st.none() | moments,
    ("users", "created_by"): st.none() | ids,
    ("user_profiles", "bio"): st.none() | texts,
    ("user_profiles", "interests"): st.lists(texts, max_size=3),
    ("user_profiles", "preferences"): open_documents(theme=st.none() | st.just("dark"), dailyGoalMinutes=st.just(30)),
    ("user_profiles", "total_xp"): st.integers(0, 2**63 - 1),
    ("user_profiles", "hours_learned"): floats,
    ("skill_categories", "description"): st.none() | texts,
    ("skill_trees", "name"): names,
    ("skill_trees", "description"): st.none() | texts,
    ("skill_trees", "estimated_hours"): st.none() | floats,
    ("skill_trees", "tags"): st.lists(names, max_size=3),
    ("skill_trees", "layout_config"): open_documents(
        nodeSpacing=st.sampled_from([1, 0.5, 1e-9]), theme=st.none() | texts
    ),
    ("skill_trees", "theme_config"): open_documents(primaryColor=st.just("#00ffAA"), icon=texts),
    ("skill_trees", "created_at"): moments,
    ("skills", "name"): names,
    ("skills", "short_name"): st.none() | names,
    ("skills", "description"): st.none() | texts,
    ("skills", "learning_objectives"): st.lists(texts, max_size=3),
    ("skills", "difficulty"): st.sampled_from([each.value for each in DifficultyLevel]),
    ("skills", "skill_type"): st.sampled_from([each.value for each in SkillType]),
    ("skills", "estimated_minutes"): st.none() | st.integers(0, 2**31 - 1),
    ("skills", "position_x"): positions,
    ("skills", "position_y"): positions,
    ("skills", "content"): st.none() | contents,
    ("skills", "resources"): st.none() | st.lists(links, max_size=3),
    ("skills", "assessments"): st.none() | assessments,
    ("skills", "updated_by"): st.none() | ids,
    ("user_skill_progress", "progress_percent"): percents,
    ("user_skill_progress", "completion_score"): st.none() | percents,
    ("user_skill_progress", "evidence_data"): st.none() | evidence,
    ("user_skill_progress", "struggling_indicators"): st.none() | open_documents(idleMinutes=minutes),
    ("user_skill_progress", "engagement_score"): st.none() | st.floats(0, 1),
    ("user_skill_progress", "last_activity_at"): st.none() | moments,
    ("user_skill_tree_progress", "progress_percent"): percents,
    ("user_skill_tree_progress", "last_activity_at"): moments,
    ("user_sessions", "device_info"): st.none() | open_documents(os=st.none() | texts),
    ("user_sessions", "ip_address"): st.sampled_from(
        [None, "192.0.2.1", "::1", "2001:db8::1:0:0:1", "::ffff:192.0.2.1", "::192.0.2.1", "fe80::"]
    ),
    ("achievements", "description"): texts,
    ("achievements", "criteria"): criteria,
    ("achievements", "badge_icon"): st.none() | names,
    ("user_achievements", "metadata"): st.none() | open_documents(),
    ("user_achievements", "progress"): st.just(100.0),
}
DOCUMENTS = ("content", "resources", "assessments", "criteria", "metadata", "preferences", "device_info")
DOCUMENTS += ("layout_config", "theme_config", "evidence_data", "struggling_indicators")


async def put(connection, column, value):
    """Store a value in all rows of a table, without triggers."""
    table, name = column
    sent = Jsonb(value) if name in DOCUMENTS and value is not None else value
    async with connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(f"update {table} set {name} = %s", [sent])


@settings(
    max_examples=int(os.environ.get("SKILLTREE_JSON", "15")), deadline=None, suppress_health_check=list(HealthCheck)
)
@given(stored=st.fixed_dictionaries(VALUES))
async def test_any_stored_value_has_the_json_of_its_model(db, connection, sample, stored):
    for column, value in stored.items():
        await put(connection, column, value)

    await assert_equal_answers(db, sample)


# --- errors, roles, pages --------------------------------------------------------------------------------------------


async def test_errors_are_those_of_the_methods(db, sample):
    unknown = uuid4()

    for error, call in (
        (TreeNotFound, lambda: db.json.trees.load("nowhere")),
        (TreeNotFound, lambda: db.json.trees.get(unknown)),
        (SkillNotFound, lambda: db.json.skills.get_many([sample.done_id, unknown])),
        (SkillNotFound, lambda: db.json.progress.explain_lock(sample.user_id, unknown)),
        (UserNotFound, lambda: db.json.progress.learning_path(unknown, sample.done_id)),
        (UserNotFound, lambda: db.json.progress.next_skills(unknown)),
        (InvalidCursor, lambda: db.json.trees.list(after="nonsense")),
        (InvalidValue, lambda: db.json.trees.list(limit=0)),
        (InvalidValue, lambda: db.json.trees.get("web")),
    ):
        with pytest.raises(error):
            await call()


async def test_what_is_not_found_is_null(db, sample):
    assert await db.json.trees.find_by_slug("nowhere") == b"null"
    assert await db.json.progress.for_tree(sample.user_id, sample.untouched_tree_id) == b"null"
    assert await db.json.leaderboards.rank(uuid4()) == b"null"
    assert await db.json.achievements.for_user(uuid4()) == b"[]"


async def test_pages_follow_each_other(db, tree):
    for number in range(4):
        await add_tree(db, f"tree-{number}")

    first = json.loads(await db.json.trees.list(limit=3))
    second = json.loads(await db.json.trees.list(limit=3, after=first["nextCursor"]))

    assert [each["slug"] for each in first["items"] + second["items"]] == [f"tree-{number}" for number in range(4)] + [
        tree.slug
    ]
    assert second["nextCursor"] is None


async def test_many_come_in_the_order_of_their_ids(db, tree):
    one, two = await add_skills(db, tree, "one", "two")

    found = json.loads(await db.json.skills.get_many([two.id, one.id, two.id]))

    assert [each["id"] for each in found] == [str(two.id), str(one.id), str(two.id)]


async def test_a_learner_reads_only_their_own_rows(app, db, sample):
    other = await add_user(db, "grace2")

    as_other = app.as_user(other.id)

    assert await as_other.json.progress.for_skill(sample.user_id, sample.done_id) == b"null"
    assert b'"progress":null' in await as_other.json.trees.load(sample.slug, sample.user_id)
    with pytest.raises(PermissionDenied):
        await as_other.json.leaderboards.top()
    with pytest.raises(ScopeMissing):
        await app.json.progress.dashboard(sample.user_id)


async def test_a_unit_of_work_reads_what_it_wrote(db, tree):
    async with db.transaction() as unit:
        await unit.trees.update(tree.id, name="Changed")
        assert json.loads(await unit.json.trees.get(tree.id))["name"] == "Changed"


async def test_json_is_read_in_one_round_trip(proxied, proxy, sample):
    scope = proxied.as_user(sample.user_id)
    await scope.json.trees.load(sample.slug, sample.user_id)
    proxy.reset()

    await scope.json.trees.load(sample.slug, sample.user_id)

    assert proxy.round_trips == 1


async def test_only_generated_queries_run(proxied, proxy, sample):
    for name, call in calls_of_reads(proxied.json).items():
        proxy.reset()
        await outcome(call, proxied.json, sample)
        ran = [text for text in proxy.statements() if text.startswith("/*")]
        plain = {"leaderboards.rank", "progress.can_unlock", "trees.preview_changes"}
        assert ran, name
        assert name in plain or all(text.startswith("/* json/") for text in ran), name


# --- what PostgreSQL cannot write ------------------------------------------------------------------------------------


async def test_a_document_that_its_model_refuses_has_the_error_of_the_method(db, connection, sample):
    await put(connection, ("skills", "content"), {"type": "simple", "unknown": 1})

    with pytest.raises(InvalidStoredDocument) as refusal:
        await db.json.skills.get(sample.done_id)

    assert refusal.value.row["id"] == str(sample.done_id)
    assert refusal.value.path == ("content", "unknown")
    await assert_equal_answers(db, sample)


async def test_a_time_that_python_cannot_hold_has_the_error_of_the_method(db, connection, sample):
    for moment in ("infinity", "-infinity", "10000-01-01 00:00:00+00", "0044-03-15 12:00:00+00 BC"):
        await put(connection, ("skill_trees", "created_at"), moment)
        await assert_equal_answers(db, sample)


async def test_numbers_of_documents_are_those_of_their_models(db, connection, sample):
    for document in (
        '{"a": 1.10}',
        '{"a": 0.00000012}',
        '{"a": 1e400}',
        '{"a": -0.0}',
        '{"nodeSpacing": 3}',
        '{"nodeSpacing": 3.50}',
    ):
        await connection.execute("update skill_trees set layout_config = %s", [document])
        await assert_equal_answers(db, sample)


async def test_documents_of_learners_are_not_kept_in_memory(db, sample):
    json_text._kept.cache_clear()

    await db.json.users.get_profile(sample.user_id)
    await db.json.progress.for_skill(sample.user_id, sample.done_id)
    await db.json.sessions.list_active(sample.user_id)
    assert json_text._kept.cache_info().currsize == 0

    await db.json.trees.get(sample.tree_id)
    assert json_text._kept.cache_info().currsize == 2
