"""The data for the benchmarks, always the same: trees with documents, a catalogue, an active learner, new learners."""

import random
from collections import deque
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from skilltree import Database
from skilltree.models.ids import SkillId, UserId

SLUG = "benchmark"
SEARCHED = 'curriculum "of words" or rivers'
_TREES = 300
_ACHIEVEMENTS = 20
_COMPLETED = 70
_AT_ONCE = 5_000

_CATALOGUE = """
insert into skill_trees (category_id, name, slug, description, tags, is_published)
select
    skill_categories.id,
    'Tree of ' || n,
    'tree-' || n,
    repeat('A curriculum of words about ' || case when mod(n, 10) = 0 then 'rivers' else 'hills' end || '. ', 10),
    array['tag-' || mod(n, 7), 'tag-' || mod(n, 11)],
    true
from skill_categories, generate_series(1, %s) as n
where skill_categories.name = 'Benchmark'
"""
LEARNERS = """
with new_user as (
    insert into users (email, username, password_hash)
    select name || '@example.org', name, '$2b$04$' || repeat('a', 53)
    from generate_series(1, %s) as n, lateral (select 'u' || n || '-' || %s as name) as named
    returning id
)

insert into user_profiles (user_id) select id from new_user returning user_id
"""
_WRITTEN = (
    *("user_skill_progress", "user_skill_tree_progress", "xp_events", "user_achievements", "user_activity_days"),
    *("user_scores", "user_profiles"),
)
# Values that differ between learners and between runs.
_OWN = ["id", "user_id", "created_at", "updated_at", "granted_at", "earned_at", "reached_at"]
_OWN += ["unlocked_at", "started_at", "last_activity_at", "completed_at", "learnt_at", "streak_started_at"]


class Data:
    """The contents of the database, and its unused new learners."""

    def __init__(self, db: Database, connection: Connection[Any], *, rows: int = 10_000) -> None:
        self.connection = connection
        self._new: deque[UserId] = deque()
        self._made = 0
        self._rows = rows
        tree = db.trees.import_tree(curriculum(SLUG))
        db.trees.publish(tree.tree_id)
        self.tree_id = tree.tree_id
        connection.execute(_CATALOGUE, [_TREES])
        self.root = first_steps(db)
        self.learner = self.new_learner()
        loaded = db.trees.load(SLUG)
        self.skills = [skill.id for skill in loaded.skills]
        for skill in self.skills[:_COMPLETED]:
            db.progress.complete_skill(self.learner, skill, evidence={"type": "text", "content": "done"})
        self.goal = self.skills[-1]
        # Statistics, so that the planner knows the tables' sizes.
        for _ in range(rows // 10):
            db.progress.complete_skill(self.new_learner(), self.root)
        connection.execute("vacuum analyze")

    def new_learner(self) -> UserId:
        """Return a learner who has done nothing yet."""
        if not self._new:
            self.make_learners(_AT_ONCE)
        return self._new.popleft()

    def make_learners(self, least: int) -> None:
        """Create new learners unless there are at least ``least``."""
        if len(self._new) < least:
            self._made += 1
            rows = self.connection.execute(LEARNERS, [max(least, _AT_ONCE), self._made])
            self._new.extend(UserId(row[0]) for row in rows)

    def bulk(self) -> list[dict[str, object]]:
        """Return a full tree of completed skills for several new learners."""
        now = datetime.now(UTC)
        work = {
            "status": "COMPLETED",
            "progress_percent": 100.0,
            "time_spent_minutes": 30,
            "attempts_count": 1,
            "completion_method": "MANUAL",
            **dict.fromkeys(("unlocked_at", "started_at", "last_activity_at", "completed_at"), now),
        }
        learners = [self.new_learner() for _ in range(self._rows // len(self.skills))]
        return [{"user_id": user_id, "skill_id": skill_id, **work} for user_id in learners for skill_id in self.skills]

    def written(self, user_id: UUID) -> list[object]:
        """Return a learner's stored rows, without the columns that differ between learners."""
        rows: list[object] = []
        for table in _WRITTEN:
            query = sql.SQL("select to_jsonb({}) - %s::text[] as row from {} where user_id = %s order by row")
            rows += self.connection.execute(
                query.format(sql.Identifier(table), sql.Identifier(table)), [_OWN, user_id]
            ).fetchall()
        return rows


def curriculum(slug: str) -> dict[str, object]:
    """Return a tree of 100 skills with documents."""
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


def first_steps(db: Database) -> SkillId:
    """Create a tree of 100 skills and 20 achievements. Returns the tree's root, which opens three skills."""
    skills: list[dict[str, object]] = [{"key": "root", "name": "Root", "xp_value": 50}]
    skills += [
        {"key": f"next-{n}", "name": f"Next {n}", "dependencies": ["root"], "position": [n * 200, 200]}
        for n in range(3)
    ]
    skills += [{"key": f"last-{n}", "name": f"Last {n}", "dependencies": [f"next-{n % 3}"]} for n in range(96)]
    steps = db.trees.import_tree({"slug": "steps", "name": "Steps", "category": "Steps", "skills": skills})
    db.trees.publish(steps.tree_id)
    for number in range(_ACHIEVEMENTS):
        kind, least = (("skill_completion_count", 1), ("xp_threshold", 5000), ("streak_days", 30))[number % 3]
        db.achievements.create(
            name=f"Achievement {number}",
            description="For the benchmark",
            criteria={"type": kind, "threshold": least + 10 * number},
            xp_reward=25,
        )
    return db.trees.load("steps").skills[0].id
