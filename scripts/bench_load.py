"""Time ``trees.load`` against hand-written psycopg: the specification's four queries with dict rows.

One process, one database (``DATABASE_URL``, migrated), interleaved; prints medians and the median of the ratios. The
tree has 100 skills with documents, of which the learner has completed 70. It is deleted in the end.
"""

import os
import random
import statistics
import time
from collections.abc import Callable

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from skilltree import Database
from skilltree.models.ids import UserId

ROUNDS = 300

TREE = """select id, category_id, name, slug, description, short_description, difficulty, estimated_hours,
    prerequisites, tags, version, layout_config, theme_config, is_published, is_featured, is_ai_generated,
    created_at, updated_at, created_by, updated_by from skill_trees where slug = %s"""
SKILLS = """select id, skill_tree_id, parent_skill_id, name, short_name, description, learning_objectives, skill_type,
    difficulty, estimated_minutes, xp_value, dependencies, dependents, position_x, position_y, node_size, content,
    resources, assessments, is_active, is_optional, is_milestone, created_at, updated_at, created_by, updated_by
    from skills where skill_tree_id = %s and is_active order by position_y, position_x"""
SKILL_PROGRESS = """select id, user_id, skill_id, skill_tree_id, status, progress_percent, time_spent_minutes,
    attempts_count, completion_method, completion_score, evidence_data, unlocked_at, started_at, last_activity_at,
    completed_at, struggling_indicators, engagement_score, created_at, updated_at
    from user_skill_progress where user_id = %s and skill_id = any(%s)"""
TREE_PROGRESS = """select id, user_id, skill_tree_id, status, progress_percent, skills_completed, total_skills,
    time_spent_minutes, started_at, last_activity_at, completed_at, milestones_reached, current_path, created_at,
    updated_at from user_skill_tree_progress where user_id = %s and skill_tree_id = %s"""


def hand_written(connection: Connection[DictRow], slug: str, user_id: UserId) -> DictRow:
    """Return the tree as dicts, by four queries."""
    tree = connection.execute(TREE, [slug]).fetchone()
    assert tree is not None  # noqa: S101 (tells the type)
    tree["skills"] = connection.execute(SKILLS, [tree["id"]]).fetchall()
    ids = [skill["id"] for skill in tree["skills"]]
    progress = {row["skill_id"]: row for row in connection.execute(SKILL_PROGRESS, [user_id, ids])}
    for skill in tree["skills"]:
        skill["progress"] = progress.get(skill["id"])
    tree["progress"] = connection.execute(TREE_PROGRESS, [user_id, tree["id"]]).fetchone()
    return tree


def curriculum(slug: str) -> dict[str, object]:
    """Return a tree of 100 skills with documents, always the same."""
    chance = random.Random(1)  # noqa: S311 (not for secrets)
    link = {"type": "link", "title": "A page", "url": "https://example.org/a/page"}
    skills = [
        {
            "key": f"skill-{number}",
            "name": f"Skill {number}",
            "description": "What it is about. " * 20,
            "dependencies": [f"skill-{n}" for n in {max(0, number - chance.randint(1, 9)) for _ in "ab"} - {number}],
            "objectives": ["To know one thing", "To know another", "To do a third"],
            "resources": [link, link],
            "position": [number % 10 * 200, number // 10 * 200],
            "optional": number % 7 == 0,
            "content": {
                "type": "structured",
                "modules": [
                    {"title": f"Module {n}", "type": "article", "estimatedMinutes": 20, "resources": [link, link]}
                    for n in range(3)
                ],
            },
        }
        for number in range(100)
    ]
    return {"slug": slug, "name": "Benchmark", "category": "Benchmark", "skills": skills}


def main() -> None:
    """Run the comparison."""
    url = os.environ["DATABASE_URL"]
    with Database(url) as db, psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        tree_id = db.trees.import_tree(curriculum("benchmark")).tree_id
        user = db.users.register(email="bench@example.org", username="bench", password="bench", bcrypt_cost=4)  # noqa: S106
        connection.execute(
            """insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, evidence_data, completed_at)
            select %s, id, skill_tree_id, 'COMPLETED', '{"type": "text", "content": "done"}', now()
            from skills where skill_tree_id = %s and position_y < 1400""",
            [user.id, tree_id],
        )
        connection.execute(
            "insert into user_skill_tree_progress (user_id, skill_tree_id) values (%s, %s)", [user.id, tree_id]
        )
        connection.execute("analyze")
        contenders: dict[str, Callable[[], object]] = {
            "four queries, dict rows": lambda: hand_written(connection, "benchmark", user.id),
            "trees.load": lambda: db.trees.load("benchmark", user.id),
            "trees.load_map": lambda: db.trees.load_map("benchmark", user.id),
        }
        try:
            compare(contenders)
        finally:
            db.trees.delete(tree_id)
            db.users.delete(user.id)


def compare(contenders: dict[str, Callable[[], object]]) -> None:
    """Print the median time of each contender, and of its ratio to the first."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(ROUNDS + 20):
        for name, contender in contenders.items():
            started = time.perf_counter()
            contender()
            if number >= 20:  # noqa: PLR2004 (the first runs prepare the statements)
                times[name].append(time.perf_counter() - started)
    floor = next(iter(times.values()))
    for name, taken in times.items():
        ratios = statistics.quantiles([mine / other for mine, other in zip(taken, floor, strict=True)], n=4)
        print(
            f"{name:25} {statistics.median(taken) * 1000:6.2f} ms   "
            f"ratio {ratios[1]:.2f} (middle half {ratios[0]:.2f} to {ratios[2]:.2f})"
        )


if __name__ == "__main__":
    main()
