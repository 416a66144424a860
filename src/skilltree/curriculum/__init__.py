"""Curriculum files: what is checked before a tree is imported, and the rows that are sent."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from graphlib import TopologicalSorter
from typing import NamedTuple
from unicodedata import normalize
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ValidationError

from skilltree._core.arguments import path_shown, shown
from skilltree._core.documents import plain
from skilltree._core.rows import JsonText
from skilltree.curriculum.json_text import read_json
from skilltree.errors import (
    CyclicDependency,
    CyclicParents,
    CyclicPrerequisites,
    InvalidCurriculum,
    UnknownCurriculumKeys,
    limited,
)
from skilltree.models.content import is_relative_url
from skilltree.models.curriculum import Curriculum, CurriculumSkill, CurriculumTree

_NAMESPACE = uuid5(NAMESPACE_URL, "skilltree:curriculum")
_MOST_COMPARED = 200
_MOST_CYCLES = 1000
_FORMS = {
    "slug": "a slug is made of small letters and digits, with single hyphens between",
    "url": "a link has no spaces, and begins with http, https, ftp or mailto, or is relative",
}
# Soft hyphens, zero-width characters, marks of direction, variation selectors.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)


def parse_tree(given: CurriculumTree | Mapping[str, object]) -> CurriculumTree:
    """Return a tree in the form of a curriculum file. Raises InvalidCurriculum, which lists every fault."""
    try:
        document = plain(given)
        return CurriculumTree.model_validate(document)
    except ValidationError as error:
        raise _invalid(error, {"trees": [document]}, ("trees", 0)) from error
    except ValueError as error:
        raise InvalidCurriculum(f"the curriculum cannot be read: {error}") from error


def parse_file(text: str | bytes) -> Curriculum:
    """Return the trees of a JSON curriculum file. Raises InvalidCurriculum, which lists every fault."""
    return parse_document(read_json(text))


def parse_document(document: object) -> Curriculum:
    """Return the trees of a file that was read. Raises InvalidCurriculum, which lists every fault."""
    if not isinstance(document, Mapping):
        problem = f"it is {_kind(document)}"
        raise InvalidCurriculum('a curriculum file holds an object, {"trees": [...]}:', problems=(problem,))
    try:
        curriculum = Curriculum.model_validate(plain(document))
    except ValidationError as error:
        raise _invalid(error, document) from error
    except ValueError as error:
        raise InvalidCurriculum(f"the curriculum cannot be read: {error}") from error
    twice = [slug for slug, count in Counter(tree.slug for tree in curriculum.trees).items() if count > 1]
    if twice:
        raise InvalidCurriculum(
            "a file holds each tree once:",
            problems=tuple(
                f"tree {slug}: {_places([tree.slug for tree in curriculum.trees], slug)} of the file have this slug"
                for slug in twice
            ),
        )
    return curriculum


def _places(slugs: Sequence[str], wanted: str) -> str:
    *first, last = (str(place) for place, slug in enumerate(slugs, start=1) if slug == wanted)
    return f"trees {', '.join(first)} and {last}"


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return "null" if value is None else kinds.get(type(value), type(value).__name__)


def _invalid(error: ValidationError, document: object, root: tuple[str | int, ...] = ()) -> InvalidCurriculum:
    faults = error.errors(include_url=False, include_context=False)
    return InvalidCurriculum(
        "the curriculum does not have the form it must have:",
        problems=tuple(_fault(document, root + fault["loc"], fault["msg"], fault["type"]) for fault in faults),
    )


def _fault(document: object, place: tuple[str | int, ...], message: str, kind: str) -> str:
    """Return a fault with the tree and the skill it is in, by slug and key, the field, and the value."""
    path, names = list(place), []
    for collection, noun, name in (("trees", "tree", "slug"), ("skills", "skill", "key")):
        if path[:1] == [collection] and len(path) > 1:
            document = _part(_part(document, path[0]), path[1])
            names.append(f"{noun} {_name(document, name, path[1])}")
            del path[:2]
    value = document
    for step in path:
        value = _part(value, step)
    given = (
        "" if kind in {"missing", "extra_forbidden"} or value is None or value is document else f", not {shown(value)}"
    )
    where = ": ".join([*(path_shown(name) for name in names), *([path_shown(*path)] if path else [])])
    if kind == "string_pattern_mismatch":
        message = _FORMS.get(str(path[-1]) if path else "", message)
    return f"{where}: {path_shown(message)}{given}" if where else f"{path_shown(message)}{given}"


def _name(part: object, name: str, place: str | int) -> str:
    called = _part(part, name)
    return called if isinstance(called, str) and called else f"number {int(place) + 1}"


def _part(document: object, step: str | int) -> object:
    """Return a part of a document, ``None`` where it is not there: a fault may be about its absence."""
    if isinstance(document, BaseModel):
        return getattr(document, str(step), None)
    if isinstance(document, Mapping):
        return document.get(step)
    if isinstance(document, (list, tuple)) and isinstance(step, int) and step < len(document):
        part: object = document[step]
        return part
    return None


class Faults(NamedTuple):
    """What is wrong with a tree in itself."""

    slug: str
    contradictions: tuple[str, ...]
    unknown: tuple[tuple[str, str], ...]
    hints: tuple[str, ...]
    cycles: tuple[tuple[str, ...], ...]
    parent_cycles: tuple[tuple[str, ...], ...]

    def problems(self, *, leave_out_unknown: bool) -> list[str]:
        """Return all of it, each with its tree."""
        unknown = (
            []
            if leave_out_unknown
            else [
                f"{skill}: {key} is no skill of the tree{hint}"
                for (skill, key), hint in zip(self.unknown, self.hints, strict=True)
            ]
        )
        cycles = [f"dependency cycle: {' → '.join(cycle)}" for cycle in self.cycles]
        parents = [f"parent cycle: {' → '.join(cycle)}" for cycle in self.parent_cycles]
        return [f"tree {self.slug}: {each}" for each in (*self.contradictions, *unknown, *cycles, *parents)]


def faults(tree: CurriculumTree) -> Faults:
    """Return what is wrong with a tree in itself: all of it."""
    keys = Counter(skill.key for skill in tree.skills)
    alike: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        alike[looks(key)].append(key)
    problems = [f"{key}: {count} skills have this key" for key, count in keys.items() if count > 1]
    problems += [f"{', '.join(map(repr, same))}: keys that look the same" for same in alike.values() if len(same) > 1]
    for skill in tree.skills:
        twice = [key for key, count in Counter(skill.dependencies).items() if count > 1]
        problems += [f"{skill.key}: depends on {key} more than once" for key in twice]
        if skill.parent is not None and skill.parent not in keys:
            problems.append(f"{skill.key}: its parent {skill.parent} is no skill of the tree")
    unknown = tuple((skill.key, key) for skill in tree.skills for key in skill.dependencies if key not in keys)
    return Faults(
        tree.slug,
        tuple(problems),
        unknown,
        tuple(_did_you_mean(key, alike, keys) for _, key in unknown),
        _cycles({skill.key: skill.dependencies for skill in tree.skills}),
        _cycles({skill.key: (skill.parent,) for skill in tree.skills if skill.parent is not None}),
    )


def looks(key: str) -> str:
    """Return what keys that look the same have in common: without case, and without what is not seen."""
    return " ".join(_UNSEEN.sub("", normalize("NFC", key)).casefold().split())


def _did_you_mean(key: str, alike: Mapping[str, Sequence[str]], keys: Iterable[str]) -> str:
    close = alike.get(looks(key)) or get_close_matches(key[:_MOST_COMPARED], list(keys), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def check_file(curriculum: Curriculum, *, leave_out_unknown: bool) -> None:
    """Raise what check_tree raises for the trees of a file, with the faults of all of them at once.

    Raises CyclicPrerequisites for trees that need each other.
    """
    in_order(curriculum)
    found = [faults(tree) for tree in curriculum.trees]
    bad = [each for each in found if each.problems(leave_out_unknown=leave_out_unknown)]
    if len(bad) == 1:
        _refuse(bad[0], leave_out_unknown=leave_out_unknown)
    if bad:
        raise InvalidCurriculum(
            f"{len(bad)} trees of the file cannot be imported:",
            problems=tuple(one for each in bad for one in each.problems(leave_out_unknown=leave_out_unknown)),
        )


def in_order(curriculum: Curriculum) -> list[CurriculumTree]:
    """Return the trees of a file, each after those of the file that are its prerequisites.

    Raises CyclicPrerequisites for trees that need each other.
    """
    needed = {tree.slug: tree.prerequisites for tree in curriculum.trees}
    if cycles := _cycles(needed):
        raise CyclicPrerequisites(
            "\n  ".join(limited([f"prerequisite cycle: {' → '.join(cycle)}" for cycle in cycles])), ids=cycles[0]
        )
    trees = {tree.slug: tree for tree in curriculum.trees}
    return [trees[slug] for slug in TopologicalSorter(needed).static_order() if slug in trees]


def check_tree(tree: CurriculumTree, *, leave_out_unknown: bool) -> tuple[CurriculumTree, tuple[tuple[str, str], ...]]:
    """Return the tree to import, and the (skill, dependency) pairs left out of it because no skill has that key.

    Raises UnknownCurriculumKeys (unless they are to be left out), CyclicDependency, CyclicParents with the keys of the
    first path, and InvalidCurriculum for a key or a dependency given twice, keys that look the same, an unknown parent,
    and where faults of several kinds come together. The message names all of them.
    """
    found = faults(tree)
    _refuse(found, leave_out_unknown=leave_out_unknown)
    if found.unknown:
        keys = Counter(skill.key for skill in tree.skills)
        tree = tree.model_copy(update={"skills": tuple(_with_known(skill, keys) for skill in tree.skills)})
    return tree, found.unknown


def _refuse(found: Faults, *, leave_out_unknown: bool) -> None:
    problems = found.problems(leave_out_unknown=leave_out_unknown)
    if not problems:
        return
    missing = () if leave_out_unknown else found.unknown
    kinds = [kind for kind in (found.contradictions, missing, found.cycles, found.parent_cycles) if kind]
    if len(kinds) > 1 or found.contradictions:
        raise InvalidCurriculum(f"the tree {found.slug} contradicts itself:", problems=tuple(problems))
    if missing:
        raise UnknownCurriculumKeys(missing, tuple(problems))
    cyclic, cycles = (CyclicDependency, found.cycles) if found.cycles else (CyclicParents, found.parent_cycles)
    raise cyclic("\n  ".join(limited(problems)), ids=cycles[0])


def _with_known(skill: CurriculumSkill, keys: Mapping[str, int]) -> CurriculumSkill:
    if all(key in keys for key in skill.dependencies):
        return skill
    return skill.model_copy(update={"dependencies": tuple(key for key in skill.dependencies if key in keys)})


def _cycles(graph: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Return cycles, each from a key to itself by way of what it needs: with one edge of each taken out, none is left.

    A walk in depth finds one for each edge that leads back to where it is.
    """
    found: list[tuple[str, ...]] = []
    done: set[str] = set()
    for start in graph:
        path: dict[str, None] = {}
        steps = [(start, iter(graph[start]))] if start not in done else []
        path.update({start: None} if steps else {})
        while steps:
            key, needed = steps[-1]
            for other in needed:
                if other in path:
                    places = list(path)
                    found.append((*places[places.index(other) :], other))
                    if len(found) == _MOST_CYCLES:
                        return tuple(found)
                elif other in graph and other not in done:
                    path[other] = None
                    steps.append((other, iter(graph[other])))
                    break
            else:
                steps.pop()
                path.pop(key)
                done.add(key)
    return tuple(found)


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
