"""The ids, slugs and rows that an import of a tree sends."""

import json
import re
from uuid import NAMESPACE_URL, UUID, uuid5

from skilltree._core.rows import JsonText
from skilltree.models.content import is_relative_url
from skilltree.models.curriculum import CurriculumSkill, CurriculumTree

_NAMESPACE = uuid5(NAMESPACE_URL, "skilltree:curriculum")


def relative_links(tree: CurriculumTree) -> tuple[tuple[str, str], ...]:
    """Return the (skill, URL) pairs of relative links."""
    return tuple(
        (skill.key, resource.url)
        for skill in tree.skills
        for resource in skill.resources
        if is_relative_url(resource.url)
    )


def tree_id(slug: str) -> UUID:
    """Return the id of a tree when it is first imported."""
    return uuid5(_NAMESPACE, slug)


def skill_id(slug: str, key: str) -> UUID:
    """Return the id of a skill when it is first imported. It depends only on the tree's slug and the skill's key."""
    return uuid5(tree_id(slug), key)


def slug_of(name: str) -> str:
    """Return a slug for a name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:100].rstrip("-") or f"c-{uuid5(_NAMESPACE, name).hex}"


def skill_rows(tree: CurriculumTree) -> JsonText:
    """Return the skills as the JSON array that ``trees/import_tree`` expects."""
    return JsonText(json.dumps([_row(tree.slug, place, skill) for place, skill in enumerate(tree.skills, start=1)]))


def _row(slug: str, place: int, skill: CurriculumSkill) -> dict[str, object]:
    documents = skill.model_dump(
        mode="json", by_alias=True, exclude_unset=True, include={"content", "resources", "assessments"}
    )
    x, y = skill.position or (0.0, 0.0)
    return {
        "place": place,
        "new_id": str(skill_id(slug, skill.key)),
        "key": skill.key,
        "name": skill.name,
        "short_name": skill.short_name,
        "description": skill.description,
        "learning_objectives": skill.objectives,
        "skill_type": skill.skill_type,
        "difficulty": skill.difficulty,
        "estimated_minutes": skill.estimated_minutes,
        "xp_value": skill.xp_value,
        "position_x": x,
        "position_y": y,
        "is_placed": skill.position is not None,
        "node_size": skill.node_size,
        "content": documents.get("content"),
        "resources": documents.get("resources", []),
        "assessments": documents.get("assessments"),
        "is_active": skill.active,
        "is_optional": skill.optional,
        "is_milestone": skill.milestone,
        "dependencies": skill.dependencies,
        "parent": skill.parent,
    }
