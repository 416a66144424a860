"""Curriculum files: what is checked before a tree is imported, and the rows that are sent."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import ValidationError

from skilltree._arguments import path_shown
from skilltree._plain import plain
from skilltree._rows import JsonText
from skilltree.errors import CyclicDependency, CyclicParents, InvalidCurriculum, UnknownCurriculumKeys
from skilltree.models.content import is_relative_url
from skilltree.models.curriculum import Curriculum, CurriculumSkill, CurriculumTree

_NAMESPACE = uuid5(NAMESPACE_URL, "skilltree:curriculum")


def parse_tree(given: CurriculumTree | Mapping[str, object]) -> CurriculumTree:
    """Return a tree in the form of a curriculum file. Raises InvalidCurriculum, which lists every fault."""
    try:
        return CurriculumTree.model_validate(plain(given))
    except ValidationError as error:
        raise _invalid(error) from error
    except ValueError as error:
        raise InvalidCurriculum(f"the curriculum cannot be read: {error}") from error


def parse_file(text: str | bytes) -> Curriculum:
    """Return the trees of a curriculum file. Raises InvalidCurriculum, which lists every fault."""
    try:
        return Curriculum.model_validate_json(text)
    except ValidationError as error:
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> InvalidCurriculum:
    faults = error.errors(include_url=False, include_context=False)
    return InvalidCurriculum(
        "the curriculum does not have the form it must have:",
        problems=tuple(f"{path_shown(*fault['loc'])}: {path_shown(fault['msg'])}" for fault in faults),
    )


def check_tree(tree: CurriculumTree, *, leave_out_unknown: bool) -> tuple[CurriculumTree, tuple[tuple[str, str], ...]]:
    """Return the tree to import, and the (skill, dependency) pairs left out of it because no skill has that key.

    Raises UnknownCurriculumKeys (unless they are to be left out), CyclicDependency, CyclicParents with the keys of the
    path, and InvalidCurriculum for a key or a dependency given twice or an unknown parent.
    """
    keys = Counter(skill.key for skill in tree.skills)
    problems = [f"{key}: {count} skills have this key" for key, count in keys.items() if count > 1]
    for skill in tree.skills:
        twice = [key for key, count in Counter(skill.dependencies).items() if count > 1]
        problems += [f"{skill.key}: depends on {key} more than once" for key in twice]
        if skill.parent is not None and skill.parent not in keys:
            problems.append(f"{skill.key}: its parent {skill.parent} is no skill of the tree")
    if problems:
        raise InvalidCurriculum(f"the tree {tree.slug} contradicts itself:", problems=tuple(problems))

    unknown = tuple((skill.key, key) for skill in tree.skills for key in skill.dependencies if key not in keys)
    if unknown and not leave_out_unknown:
        raise UnknownCurriculumKeys(unknown)
    if unknown:
        tree = tree.model_copy(update={"skills": tuple(_with_known(skill, keys) for skill in tree.skills)})

    if cycle := _cycle({skill.key: skill.dependencies for skill in tree.skills}):
        raise CyclicDependency(f"dependency cycle: {' → '.join(cycle)}", ids=cycle)
    if cycle := _cycle({skill.key: (skill.parent,) for skill in tree.skills if skill.parent is not None}):
        raise CyclicParents(f"parent cycle: {' → '.join(cycle)}", ids=cycle)
    return tree, unknown


def _with_known(skill: CurriculumSkill, keys: Mapping[str, int]) -> CurriculumSkill:
    if all(key in keys for key in skill.dependencies):
        return skill
    return skill.model_copy(update={"dependencies": tuple(key for key in skill.dependencies if key in keys)})


def _cycle(graph: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib lists what comes before first; here each needs the next.
        return tuple(reversed(error.args[1]))
    return ()


def relative_links(tree: CurriculumTree) -> tuple[tuple[str, str], ...]:
    """Return the (skill, URL) pairs of links that only mean something relative to a page."""
    return tuple(
        (skill.key, resource.url)
        for skill in tree.skills
        for resource in skill.resources
        if is_relative_url(resource.url)
    )


def tree_id(slug: str) -> UUID:
    """Return the id that a tree gets when it is first imported."""
    return uuid5(_NAMESPACE, slug)


def skill_id(slug: str, key: str) -> UUID:
    """Return the id that a skill gets when it is first imported: the same for the same tree and key, everywhere."""
    return uuid5(tree_id(slug), key)


def slug_of(name: str) -> str:
    """Return a slug made of a name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:100].rstrip("-") or f"c-{uuid5(_NAMESPACE, name).hex}"


def skill_rows(tree: CurriculumTree) -> JsonText:
    """Return the skills as the JSON array that ``trees/import_tree`` takes."""
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
