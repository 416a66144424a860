"""Documents accept what the specification's Zod schemas accept. Fields are optional exactly where columns are null."""

import json
from collections.abc import Iterator
from enum import StrEnum
from types import NoneType
from typing import Any, get_args
from uuid import uuid4

import psycopg
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pytest_postgresql.executors import NoopExecutor

from conftest import _database
from hostile import LyingNumber, LyingText
from skilltree._core.rows import document
from skilltree.errors import InvalidDocument
from skilltree.models import (
    achievements,
    base,
    categories,
    content,
    curriculum,
    enums,
    progress,
    sessions,
    skills,
    trees,
    users,
)
from skilltree.models.content import (
    ASSESSMENTS,
    CONTENT,
    CRITERIA,
    DEVICE,
    LAYOUT,
    PREFERENCES,
    RESOURCES,
    THEME,
    ProgressEvidence,
    SkillCompletionCount,
    StreakDays,
    StrugglingIndicators,
    XpThreshold,
)

EVIDENCE = TypeAdapter(ProgressEvidence)
STRUGGLING = TypeAdapter(StrugglingIndicators)

MODULE = {"title": "HTML Basics", "type": "article", "estimatedMinutes": 60, "resources": []}
LINK = {
    "type": "link",
    "title": "MDN HTML Basics",
    "url": "https://developer.mozilla.org/en-US/docs/Learn/Getting_started_with_the_web/HTML_basics",
}
QUESTION = {"prompt": "1 + 1?", "type": "single_choice", "choices": ["1", "2"], "answers": ["2"]}

Adapter = TypeAdapter[Any]


def with_module(**fields: object) -> dict[str, object]:
    return {"type": "structured", "modules": [{**MODULE, **fields}]}


def with_link(**fields: object) -> dict[str, object]:
    return with_module(resources=[{**LINK, **fields}])


GOOD = [
    (CONTENT, {"type": "structured", "modules": [{**MODULE, "resources": [LINK]}]}),  # the seed's HTML
    (CONTENT, with_module(title="CSS Fundamentals", type="interactive", estimatedMinutes=90)),  # the seed's CSS
    (CONTENT, {"type": "simple"}),
    (CONTENT, {"type": "structured"}),
    (CONTENT, {"type": "simple", "modules": []}),
    (CONTENT, with_module(type="video")),
    (CONTENT, with_module(type="assessment")),
    (CONTENT, with_module(title="")),
    (CONTENT, with_module(estimatedMinutes=0)),
    (CONTENT, with_module(estimatedMinutes=7.5)),
    (CONTENT, with_link(type="file")),
    (CONTENT, with_link(type="embed")),
    (CONTENT, with_link(url="http://localhost:8000/?a=b#c")),
    (CONTENT, with_link(url="https://例え.jp/パス?q=ü")),
    (CONTENT, with_link(url="HTTPS://EXAMPLE.ORG")),
    (CONTENT, with_link(url="https://user:pass@[::1]:80/x(y)")),
    (CRITERIA, {"type": "skill_completion_count", "threshold": 1}),  # the seed's First Steps
    (CRITERIA, {"type": "xp_threshold", "threshold": 1000, "additionalParams": {}}),
    (CRITERIA, {"type": "streak_days", "threshold": 7}),
    (CRITERIA, {"type": "skill_completion_count", "threshold": 5, "additionalParams": {"categoryId": str(uuid4())}}),
    (CRITERIA, {"type": "skill_completion_count", "threshold": 5, "additionalParams": {"difficulty": "EXPERT"}}),
    (EVIDENCE, {"type": "text", "content": "I built it"}),
    (EVIDENCE, {"type": "url", "content": "https://example.org/me", "metadata": {}}),
    (EVIDENCE, {"type": "file", "content": "essay.pdf", "metadata": {"pages": 3, "final": True, "by": None}}),
    (EVIDENCE, {"type": "assessment_score", "content": "87.5", "metadata": {"scores": [1, 2.5, "x"]}}),
    (EVIDENCE, {"type": "assessment_score", "content": "9", "metadata": {"rubric": {"style": 4, "tests": 5}}}),
    (EVIDENCE, {"type": "file", "content": "a.zip", "metadata": {"files": [{"name": "a.py", "bytes": 120}]}}),
    (RESOURCES, []),
    (RESOURCES, [LINK, {**LINK, "url": "#page=2"}, {**LINK, "url": "../x.html"}, {**LINK, "url": "mailto:a@b.org"}]),
    (ASSESSMENTS, {}),
    (ASSESSMENTS, {"passingScore": 80, "questions": [QUESTION]}),
    (ASSESSMENTS, {"questions": [{**QUESTION, "type": "multiple_choice", "answers": ["1", "2"]}]}),
    (ASSESSMENTS, {"questions": [{"prompt": "Why?", "type": "text", "answers": ["Because"]}]}),
    (LAYOUT, {"theme": "modern", "nodeSpacing": 150, "levelHeight": 200}),  # the seed's tree
    (LAYOUT, {"somethingElse": {"nested": [1, None]}}),
    (THEME, {"primaryColor": "#3B82F6", "fontFamily": "serif"}),
    (PREFERENCES, {"theme": "dark", "emailNotifications": False, "dailyGoalMinutes": 30, "own": 1}),
    (DEVICE, {"browser": "Firefox", "os": "Linux", "userAgent": "x", "screen": [1, 2]}),
    (STRUGGLING, {"failedAttempts": 3, "hintsUsed": 1, "idleMinutes": 2.5, "more": "x"}),
]

BAD = [
    (CONTENT, {}, ("type",)),
    (CONTENT, {"type": "video"}, ("type",)),
    (CONTENT, {"type": "Simple"}, ("type",)),
    (CONTENT, [], ()),
    (CONTENT, "simple", ()),
    (CONTENT, {"type": "simple", "more": 1}, ("more",)),
    (CONTENT, {"type": "simple", "modules": {}}, ("modules",)),
    (CONTENT, with_module(type="game"), ("modules", 0, "type")),
    (CONTENT, with_module(title=None), ("modules", 0, "title")),
    (CONTENT, with_module(resources=None), ("modules", 0, "resources")),
    (CONTENT, with_module(estimatedMinutes="60"), ("modules", 0, "estimatedMinutes")),
    (CONTENT, with_module(estimatedMinutes=True), ("modules", 0, "estimatedMinutes")),
    (CONTENT, with_module(estimatedMinutes=float("nan")), ("modules", 0, "estimatedMinutes")),
    (CONTENT, with_module(estimatedMinutes=float("inf")), ("modules", 0, "estimatedMinutes")),
    (CONTENT, with_link(type="image"), ("modules", 0, "resources", 0, "type")),
    (CONTENT, with_link(url="not a url"), ("modules", 0, "resources", 0, "url")),
    (CONTENT, with_link(url=""), ("modules", 0, "resources", 0, "url")),
    (CONTENT, with_link(url="example.org"), ("modules", 0, "resources", 0, "url")),
    (CONTENT, with_link(url="https://"), ("modules", 0, "resources", 0, "url")),
    (CONTENT, with_link(url="https://a b.org"), ("modules", 0, "resources", 0, "url")),
    (CONTENT, with_link(url="https://a.org/\n"), ("modules", 0, "resources", 0, "url")),
    (CONTENT, with_link(url="javascript:alert(1)"), ("modules", 0, "resources", 0, "url")),
    (CRITERIA, {"type": "skill_completion_count"}, ("threshold",)),
    (CRITERIA, {"type": "xp_threshold", "threshold": "many"}, ("threshold",)),
    (CRITERIA, {"type": "xp_threshold", "threshold": 0}, ("threshold",)),
    (CRITERIA, {"type": "streak_days", "threshold": 1.5}, ("threshold",)),
    (CRITERIA, {"type": "streak_days", "threshold": True}, ("threshold",)),
    (CRITERIA, {"type": "streak_days", "threshold": 1, "additionalParams": []}, ("additionalParams",)),
    (
        CRITERIA,
        {"type": "streak_days", "threshold": 1, "additionalParams": {"treeId": "x"}},
        ("additionalParams", "treeId"),
    ),
    (CRITERIA, {"type": "likes", "threshold": 1}, ()),
    (CRITERIA, {"threshold": 1}, ()),
    (EVIDENCE, {"type": "text"}, ("content",)),
    (EVIDENCE, {"type": "text", "content": 1}, ("content",)),
    (EVIDENCE, {"type": "photo", "content": "x"}, ("type",)),
    (EVIDENCE, {"type": "text", "content": "x", "metadata": []}, ("metadata",)),
    (RESOURCES, {}, ()),
    (RESOURCES, [LINK, {"type": "link"}], (1, "title")),
    (RESOURCES, [{**LINK, "url": "javascript:alert(1)"}], (0, "url")),
    (ASSESSMENTS, {"passingScore": 101}, ("passingScore",)),
    (ASSESSMENTS, {"passingScore": float("nan")}, ("passingScore",)),
    (ASSESSMENTS, {"questions": [{**QUESTION, "answers": ["3"]}]}, ("questions", 0)),
    (ASSESSMENTS, {"questions": [{**QUESTION, "answers": ["1", "2"]}]}, ("questions", 0)),
    (ASSESSMENTS, {"questions": [{**QUESTION, "answers": []}]}, ("questions", 0, "answers")),
    (LAYOUT, {"nodeSpacing": 0}, ("nodeSpacing",)),
    (LAYOUT, [], ()),
    (THEME, {"primaryColor": "red"}, ("primaryColor",)),
    (PREFERENCES, {"theme": "blue"}, ("theme",)),
    (PREFERENCES, {"dailyGoalMinutes": 1441}, ("dailyGoalMinutes",)),
    (DEVICE, {"browser": 1}, ("browser",)),
    (STRUGGLING, {"failedAttempts": -1}, ("failedAttempts",)),
]


# --- documents -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("adapter", "given"), GOOD)
def test_a_valid_document_is_written_as_it_was_given(adapter: Adapter, given: object) -> None:
    written = document(adapter, given, "field")

    assert written is not None
    assert json.loads(written) == given


@pytest.mark.parametrize(("adapter", "given"), GOOD)
def test_a_written_document_is_read_as_the_same(adapter: Adapter, given: object) -> None:
    valid = adapter.validate_python(given)

    again = adapter.validate_json(document(adapter, valid, "field") or "")

    assert again == valid


@pytest.mark.parametrize(("adapter", "given", "path"), BAD)
def test_an_invalid_document_is_refused_with_the_path_of_the_fault(
    adapter: Adapter, given: object, path: tuple[str | int, ...]
) -> None:
    with pytest.raises(InvalidDocument) as caught:
        document(adapter, given, "field")

    found = tuple(
        part for part in caught.value.path if part not in ("skill_completion_count", "xp_threshold", "streak_days")
    )
    assert found[: len(path)] == path
    assert caught.value.field == "field"
    assert str(caught.value).startswith(".".join(map(str, ("field", *caught.value.path))))


def test_an_absent_document_is_stored_as_null() -> None:
    assert document(CONTENT, None, "content") is None


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_text_that_is_not_valid_unicode_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocument):
        document(CONTENT, with_module(title=text), "content")


@pytest.mark.parametrize(
    "given", [{LyingText("type"): "xp_threshold"}, {"type": LyingText("xp_threshold")}], ids=["key", "value"]
)
def test_text_with_hostile_methods_is_read_by_its_value(given: object) -> None:
    with pytest.raises(InvalidDocument) as refusal:
        document(CRITERIA, given, "criteria")

    assert refusal.value.path == ("xp_threshold", "threshold")


@pytest.mark.parametrize("key", [1, None, LyingNumber(1)], ids=["number", "none", "liar"])
def test_a_key_that_is_not_text_is_refused(key: object) -> None:
    with pytest.raises(InvalidDocument, match="must be text"):
        document(CRITERIA, {"type": "xp_threshold", "threshold": 1, key: 1}, "criteria")


def test_documents_are_camel_case_outside_and_snake_case_inside() -> None:
    outside = with_module()

    inside = CONTENT.validate_python(outside)

    assert inside.modules is not None
    assert inside.modules[0].estimated_minutes == 60
    assert CONTENT.dump_python(inside, mode="json", by_alias=True, exclude_unset=True) == outside


def test_documents_may_be_given_in_snake_case() -> None:
    given = {"type": "structured", "modules": [{**MODULE, "estimated_minutes": 60}]}
    del given["modules"][0]["estimatedMinutes"]  # type: ignore[attr-defined]

    assert json.loads(document(CONTENT, given, "content") or "") == with_module()


def test_minutes_keep_their_value() -> None:
    for minutes in (60, 60.5):
        written = json.loads(document(CONTENT, with_module(estimatedMinutes=minutes), "content") or "")

        assert written == with_module(estimatedMinutes=minutes)


@pytest.mark.parametrize(
    ("kind", "model"),
    [("skill_completion_count", SkillCompletionCount), ("xp_threshold", XpThreshold), ("streak_days", StreakDays)],
)
def test_the_type_of_criteria_selects_the_model(kind: str, model: type[BaseModel]) -> None:
    found = CRITERIA.validate_python({"type": kind, "threshold": 3})

    assert type(found) is model


# --- all models ------------------------------------------------------------------------------------------------------


def models() -> list[type[BaseModel]]:
    modules = (achievements, categories, content, curriculum, progress, sessions, skills, trees, users)
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == module.__name__
    }
    return sorted(found, key=lambda model: model.__name__)


@pytest.mark.parametrize("model", models())
def test_every_model_is_frozen_and_has_a_docstring(model: type[BaseModel]) -> None:
    assert model.model_config.get("frozen") is True
    assert model.__name__.startswith("_") or (model.__doc__ or "").strip()


@pytest.mark.parametrize("model", models())
def test_every_model_declares_what_happens_to_unknown_keys(model: type[BaseModel]) -> None:
    expected = "allow" if issubclass(model, base.OpenDocument) else "forbid"

    assert model.model_config.get("extra") == expected


def test_a_document_cannot_be_changed() -> None:
    skill_content = CONTENT.validate_python({"type": "simple"})

    with pytest.raises(ValidationError):
        skill_content.type = "structured"


def test_lists_of_a_document_cannot_be_changed() -> None:
    skill_content = CONTENT.validate_python(with_module())

    assert isinstance(skill_content.modules, tuple)
    assert isinstance(skill_content.modules[0].resources, tuple)


# --- models of tables ------------------------------------------------------------------------------------------------

# The table of each model, and the columns that the model leaves out.
TABLES: dict[type[BaseModel], tuple[str, set[str]]] = {
    users.User: ("users", {"password_hash"}),
    users.UserProfile: ("user_profiles", {"last_activity_offset", "streak_started_at"}),
    categories.Category: ("skill_categories", set()),
    trees.Tree: ("skill_trees", {"search_document"}),
    skills.Skill: ("skills", {"search_document", "graph_change", "removed_at", "language"}),
    progress.TreeProgress: ("user_skill_tree_progress", set()),
    progress.SkillProgress: ("user_skill_progress", set()),
    achievements.Achievement: (
        "achievements",
        {
            "criterion",
            "threshold",
            "is_limited",
            "for_category_id",
            "for_tree_id",
            "for_difficulty",
            "for_skill_type",
        },
    ),
    sessions.Session: ("user_sessions", {"token_hash"}),
}


@pytest.fixture(scope="module")
def connection(template: NoopExecutor) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    for url in _database(template, "models", clone=True):
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


def is_optional(annotation: object) -> bool:
    return NoneType in get_args(annotation)


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_a_field_is_optional_exactly_where_its_column_can_be_null(
    connection: psycopg.Connection[tuple[Any, ...]], model: type[BaseModel]
) -> None:
    table, left_out = TABLES[model]
    query = "select column_name, is_nullable = 'YES' from information_schema.columns where table_name = %s"
    columns = {name: nullable for name, nullable in connection.execute(query, [table]) if name not in left_out}

    fields = {name: is_optional(field.annotation) for name, field in model.model_fields.items()}

    assert fields == columns


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_no_field_of_a_row_model_has_a_default(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.is_required()] == []


def test_enums_have_the_labels_of_the_database_in_the_same_order(
    connection: psycopg.Connection[tuple[Any, ...]],
) -> None:
    query = """
        select typname, array_agg(enumlabel::text order by enumsortorder)
        from pg_enum inner join pg_type on pg_type.oid = enumtypid
        group by typname
    """
    ours = [value for value in vars(enums).values() if isinstance(value, type) and issubclass(value, StrEnum)]

    found = {name.replace("_", ""): labels for name, labels in connection.execute(query)}

    assert {one.__name__.lower(): [member.value for member in one] for one in ours if one is not StrEnum} == found
    assert all(member.name == member.value for one in ours for member in one)


def test_no_model_has_the_password_hash() -> None:
    fields = {name for model in models() for name in model.model_fields}

    assert {name for name in fields if "password" in name or "hash" in name} == set()
