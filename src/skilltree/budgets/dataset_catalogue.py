"""The catalogue of the data set: categories, trees, skills and achievements."""

import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from psycopg import Connection

from skilltree.budgets import curricula
from skilltree.budgets.curricula import MadeSkill, MadeTree
from skilltree.budgets.dataset_rows import Row, array, chance_of, copy, moment, new_id

_CATEGORIES = 12
_CRITERIA = (
    *(("skill_completion_count", n, None) for n in (1, 10, 25, 50, 100, 250, 500)),
    *(("skill_completion_count", n, {"difficulty": "EXPERT"}) for n in (5, 20)),
    *(("skill_completion_count", n, {"skillType": "PROJECT"}) for n in (3, 15)),
    *(("xp_threshold", n, None) for n in (100, 500, 1000, 2500, 5000, 10000, 25000)),
    *(("streak_days", n, None) for n in (3, 7, 14, 30)),
)


class Tree(NamedTuple):
    """A tree with its ids, and the skills that open as a learner completes it."""

    made: MadeTree
    id: str
    skill_ids: tuple[str, ...]
    active: tuple[MadeSkill, ...]
    # The skills that are open once the first n active skills are completed, by n.
    opens: tuple[tuple[int, ...], ...]


def load_catalogue(connection: Connection[Any], *, tree_count: int, skill_count: int) -> list[Tree]:
    """Write the catalogue, and return its trees."""
    chance = chance_of("catalogue")
    categories = [new_id(chance, 0) for _ in range(_CATEGORIES)]
    copy(
        connection,
        "skill_categories (id, name, slug, sort_order)",
        ((id_, f"Category {n}", f"category-{n}", n) for n, id_ in enumerate(categories)),
    )
    trees = [_identified(chance, made) for made in curricula.trees(chance, tree_count, skill_count)]
    copy(
        connection,
        "skill_trees (id, category_id, name, slug, description, difficulty, tags, prerequisites, is_published, "
        "is_featured, created_at, updated_at)",
        (
            (
                tree.id,
                categories[number % _CATEGORIES],
                tree.made.name,
                tree.made.slug,
                tree.made.description,
                tree.made.difficulty,
                array(tree.made.tags),
                array(trees[other].id for other in tree.made.prerequisites),
                tree.made.is_published,
                tree.made.is_featured,
                moment(0),
                moment(0),
            )
            for number, tree in enumerate(trees)
        ),
    )
    copy(
        connection,
        "skills (id, skill_tree_id, key, sort_order, name, description, skill_type, difficulty, xp_value, "
        "dependencies, dependents, position_x, position_y, is_placed, content, resources, assessments, is_optional, "
        "is_milestone, is_active, created_at, updated_at)",
        (row for tree in trees for row in _skill_rows(chance, tree)),
    )
    copy(
        connection,
        "achievements (id, name, description, criteria, xp_reward, created_at, updated_at)",
        (
            (
                new_id(chance, 0),
                f"Achievement {number}",
                "What it is for.",
                json.dumps({"type": kind, "threshold": threshold} | ({"additionalParams": params} if params else {})),
                25,
                moment(0),
                moment(0),
            )
            for number, (kind, threshold, params) in enumerate(_CRITERIA)
        ),
    )
    return trees


def _identified(chance: random.Random, made: MadeTree) -> Tree:
    # Inactive skills lock nothing, and no skill depends on them.
    inactive = {skill.place for skill in made.skills if not skill.is_active}
    skills = tuple(
        skill._replace(needs=tuple(n for n in skill.needs if n not in inactive) if skill.is_active else ())
        for skill in made.skills
    )
    active = tuple(skill for skill in skills if skill.is_active)
    opens = []
    for count in range(len(active) + 1):
        done = {skill.place for skill in active[:count]}
        opens.append(tuple(n for n, s in enumerate(active) if n >= count and s.needs and done.issuperset(s.needs)))
    ids = tuple(new_id(chance, 0) for _ in skills)
    return Tree(made._replace(skills=skills), new_id(chance, 0), ids, active, tuple(opens))


def _skill_rows(chance: random.Random, tree: Tree) -> Iterator[Row]:
    dependents: dict[int, list[str]] = {}
    for skill in tree.made.skills:
        for needed in skill.needs:
            dependents.setdefault(needed, []).append(tree.skill_ids[skill.place])
    for skill in tree.made.skills:
        yield (
            tree.skill_ids[skill.place],
            tree.id,
            f"skill-{skill.place}",
            skill.place,
            skill.name,
            skill.description,
            skill.skill_type,
            skill.difficulty,
            skill.xp_value,
            array(tree.skill_ids[needed] for needed in skill.needs),
            array(dependents.get(skill.place, ())),
            skill.place % 10 * 200,
            skill.place // 10 * 200,
            True,
            json.dumps(curricula.content(chance)),
            json.dumps(curricula.resources(chance)),
            json.dumps(curricula.assessments()) if skill.skill_type == "ASSESSMENT" else None,
            skill.is_optional,
            skill.is_milestone,
            skill.is_active,
            moment(0),
            moment(0),
        )
