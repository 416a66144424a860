"""Dumps are camelCase throughout with ``by_alias=True``, and snake_case throughout without it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, TypeAdapter

from skilltree import models
from skilltree.models.base import Document, Model, Page
from skilltree.models.content import LayoutConfig
from skilltree.models.curriculum import CurriculumSkill, CurriculumTree
from skilltree.models.trees import Tree

ID = UUID(int=1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROW = {
    **dict.fromkeys(("id", "category_id"), ID),
    **dict.fromkeys(("name", "slug", "version", "language"), "tree"),
    **dict.fromkeys(("description", "short_description", "estimated_hours", "created_by", "updated_by")),
    **dict.fromkeys(("is_published", "is_featured", "is_ai_generated"), True),
    **dict.fromkeys(("created_at", "updated_at"), NOW),
    **dict.fromkeys(("prerequisites", "tags"), ()),
    "difficulty": "BEGINNER",
    "layout_config": {"nodeSpacing": 4, "snapTo_grid": {"of_size": 2}},
    "theme_config": {},
}


def all_models() -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = [Model, Document]
    for each in found:
        found += [
            sub for sub in each.__subclasses__() if sub not in found and not sub.__pydantic_generic_metadata__["args"]
        ]
    return [each for each in found if each.__module__.startswith(models.__name__)]


def names_in(schema: Any) -> set[str]:
    """Return the names of all properties of a JSON schema."""
    if isinstance(schema, list):
        return {name for each in schema for name in names_in(each)}
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", ())) | {name for each in schema.values() for name in names_in(each)}


@pytest.mark.parametrize("model", all_models(), ids=lambda model: model.__name__)
def test_the_schema_of_a_dump_is_in_one_case(model: type[BaseModel]) -> None:
    camel = names_in(model.model_json_schema(mode="serialization", by_alias=True))
    snake = names_in(model.model_json_schema(mode="serialization", by_alias=False))

    assert [name for name in camel if "_" in name] == []
    assert [name for name in snake if name != name.lower()] == []
    assert len(camel) == len(snake)


def test_what_is_read_has_the_names_of_the_columns() -> None:
    assert list(Tree.model_json_schema(mode="validation")["properties"]) == list(Tree.model_fields)
    with pytest.raises(ValueError, match="categoryId"):
        Tree.model_validate({**ROW, "categoryId": ID})


def test_rows_and_their_documents_are_dumped_in_one_case() -> None:
    page = Page(items=(Tree.model_validate(ROW),), next_cursor=None)

    camel, snake = page.model_dump(by_alias=True), page.model_dump()

    assert list(camel) == ["items", "nextCursor"]
    assert {"categoryId", "isAiGenerated", "layoutConfig"} <= set(camel["items"][0])
    # The keys that an open document adds are its author's.
    grid = {"snapTo_grid": {"of_size": 2}}
    assert camel["items"][0]["layoutConfig"] == {"theme": None, "nodeSpacing": 4, "levelHeight": None, **grid}
    assert snake["items"][0]["layout_config"] == {"theme": None, "node_spacing": 4, "level_height": None, **grid}
    assert set(snake["items"][0]) == set(ROW)


def test_a_document_is_written_as_before() -> None:
    given = LayoutConfig.model_validate({"node_spacing": 4})

    assert TypeAdapter(LayoutConfig).dump_json(given, by_alias=True, exclude_unset=True) == b'{"nodeSpacing":4.0}'


def test_a_curriculum_file_keeps_its_names() -> None:
    skill = CurriculumSkill(
        key="html", name="HTML", short_name="H", xp_value=5, content={"type": "structured", "modules": []}
    )
    tree = CurriculumTree(slug="web", name="Web", category="Web", ai_generated=True, skills=(skill,))

    form = tree.to_form()

    assert CurriculumTree.model_validate(form) == tree
    assert form["ai_generated"] is True
    assert [list(each) for each in form["skills"]] == [  # type: ignore[attr-defined]
        [
            "key",
            "name",
            "short_name",
            "xp_value",
            "content",
            "description",
            "dependencies",
            "objectives",
            "resources",
            "position",
            "optional",
        ]
    ]
