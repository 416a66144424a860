"""Checks trees before an import. Every fault is reported: cycles, unknown keys, keys that look the same."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from graphlib import TopologicalSorter
from typing import NamedTuple
from unicodedata import normalize

from skilltree.errors import (
    CyclicDependency,
    CyclicParents,
    CyclicPrerequisites,
    InvalidCurriculum,
    UnknownCurriculumKeys,
    limited,
)
from skilltree.models.curriculum import Curriculum, CurriculumSkill, CurriculumTree

_MOST_COMPARED = 200
_MOST_CYCLES = 1000
# Soft hyphens, zero-width characters, direction marks, variation selectors.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)


class Faults(NamedTuple):
    """The faults of a tree by itself."""

    slug: str
    contradictions: tuple[str, ...]
    unknown: tuple[tuple[str, str], ...]
    hints: tuple[str, ...]
    cycles: tuple[tuple[str, ...], ...]
    parent_cycles: tuple[tuple[str, ...], ...]

    def problems(self, *, leave_out_unknown: bool) -> list[str]:
        """Return all faults as lines, each with the tree's slug."""
        unknown = (
            []
            if leave_out_unknown
            else [
                f"{skill}: {key} is not a skill of the tree{hint}"
                for (skill, key), hint in zip(self.unknown, self.hints, strict=True)
            ]
        )
        cycles = [f"dependency cycle: {' → '.join(cycle)}" for cycle in self.cycles]
        parents = [f"parent cycle: {' → '.join(cycle)}" for cycle in self.parent_cycles]
        return [f"tree {self.slug}: {each}" for each in (*self.contradictions, *unknown, *cycles, *parents)]


def faults(tree: CurriculumTree) -> Faults:
    """Return all faults of a tree by itself."""
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
            problems.append(f"{skill.key}: its parent {skill.parent} is not a skill of the tree")
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
    """Return the part of a key that readers can tell apart: no case, and no invisible characters."""
    return " ".join(_UNSEEN.sub("", normalize("NFC", key)).casefold().split())


def _did_you_mean(key: str, alike: Mapping[str, Sequence[str]], keys: Iterable[str]) -> str:
    close = alike.get(looks(key)) or get_close_matches(key[:_MOST_COMPARED], list(keys), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def check_file(curriculum: Curriculum, *, leave_out_unknown: bool) -> None:
    """Raise the errors of ``check_tree`` for the trees of a file, with all faults at once.

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
    """Return the trees of a file, each after its prerequisites in the file.

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
    """Return the tree to import, and the (skill, dependency) pairs left out because no skill has that key.

    Raises UnknownCurriculumKeys unless they are left out; CyclicDependency and CyclicParents with the keys of the first
    cycle. Raises InvalidCurriculum for a duplicate key or dependency, keys that look the same, an unknown parent, or
    several kinds of faults. The message lists all faults.
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
    """Return cycles, each from a key back to itself. Without one edge of each cycle, the graph has none.

    A depth-first search finds one cycle for each edge that leads back to the current path.
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
