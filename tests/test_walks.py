"""Learners walk through the real curricula by random allowed actions, until each has completed a tree.

The trees are assigned in turn, so each of the nine is completed by equally many learners.
By default 45 learners walk, which is fast enough for every run. ``SKILLTREE_WALKS=1000`` makes it 1,000, as many as the
project promises: 111 in each tree. With ``SKILLTREE_WALKS_TREES=9``, each learner completes nine trees in turn.
"""

import json
import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pytest_postgresql.executors import NoopExecutor

from _sync.factories import add_achievement, add_user, rows
from conftest import _database
from drift import drift
from skilltree import Database
from skilltree.errors import PrerequisitesNotMet
from skilltree.models.enums import CompletionMethod
from skilltree.models.ids import SkillId, TreeId, UserId
from skilltree.models.progress import TreeProgress
from skilltree.models.skills import Skill

LEARNERS = int(os.environ.get("SKILLTREE_WALKS", "45"))
TREES_EACH = int(os.environ.get("SKILLTREE_WALKS_TREES", "1"))
CONNECTIONS = 8
WEEKS = 8
START = datetime(2020, 1, 1, tzinfo=UTC)
ZONES = ("UTC", "Pacific/Auckland", "America/Los_Angeles", "Europe/London", "Asia/Kolkata")

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def url(template: NoopExecutor) -> Iterator[str]:
    yield from _database(template, "walks", clone=True)


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    with Database(url, max_size=CONNECTIONS) as db:
        yield db


@dataclass
class Walk:
    """The record that a walk keeps of what the learner did in a tree."""

    learner: UserId
    tree: TreeId
    completed: set[SkillId]
    skipped: set[SkillId]
    minutes: int
    unlocked: list[SkillId]
    last: TreeProgress


class Walker:
    """A learner who works on random open skills: spends time, attempts, fails, completes, and skips optional ones."""

    def __init__(self, db: Database, number: int) -> None:
        self._db = db
        self._chance = random.Random(number)  # noqa: S311 (not for secrets)
        self._at = START + timedelta(days=self._chance.uniform(0, 60))
        self.id = add_user(db, f"walker{number}", timezone=self._chance.choice(ZONES)).id

    def walk(self, skills: list[Skill]) -> Walk:
        """Work in a tree until the database says that it is completed."""
        left = {skill.id: skill for skill in skills}
        walk = Walk(self.id, skills[0].skill_tree_id, set(), set(), 0, [], None)  # type: ignore[arg-type]
        # Half of the learners do the required skills and only some optional ones.
        diligence = self._chance.choice([0.1, 0.1, 0.5, 1])
        step = timedelta(weeks=WEEKS * self._chance.uniform(0.1, 1)) / len(skills)
        while walk.last is None or walk.last.status != "COMPLETED":
            satisfied = walk.completed | walk.skipped
            is_open = [skill for skill in left.values() if satisfied.issuperset(skill.dependencies)]
            self._at += self._chance.random() * 2 * step
            self._try_a_locked_one(left, is_open)
            self._act(walk, left.pop(self._chance.choice(is_open).id), diligence)
        return walk

    def _act(self, walk: Walk, skill: Skill, diligence: float) -> None:
        progress, given = self._db.progress, {"at": self._at}
        if self._chance.random() < 0.03:
            progress.record_attempt(self.id, skill.id, score=self._chance.uniform(0, 60), failed=True, **given)
        if self._chance.random() < 0.05:
            minutes = self._chance.randint(1, 90)
            progress.record_activity(self.id, skill.id, minutes=minutes, engagement=self._chance.random(), **given)
            walk.minutes += minutes
        if skill.is_optional and self._chance.random() > diligence:
            outcome = progress.skip_skill(self.id, skill.id, **given)
            walk.skipped.add(skill.id)
        else:
            score = self._chance.uniform(70, 100) if self._chance.random() < 0.2 else None
            method = CompletionMethod.MANUAL if score is None else CompletionMethod.ASSESSMENT
            completion = progress.complete_skill(self.id, skill.id, method=method, score=score, **given)
            assert not completion.already_completed
            walk.completed.add(skill.id)
            outcome = completion
        walk.unlocked += [unlocked.id for unlocked in outcome.unlocked]
        walk.last = outcome.tree_progress or walk.last

    def _try_a_locked_one(self, left: dict[SkillId, Skill], is_open: list[Skill]) -> None:
        if self._chance.random() < 0.01 and len(is_open) < len(left):
            locked = self._chance.choice([skill for skill in left.values() if skill not in is_open])
            with pytest.raises(PrerequisitesNotMet):
                self._db.progress.complete_skill(self.id, locked.id, at=self._at)


def import_trees(db: Database, shared_data: Path) -> list[list[Skill]]:
    """Import the real curricula, and return the skills of each tree."""
    forms = [
        form
        for name in ("exercism.json", "metacademy.json")
        for form in json.loads((shared_data / name).read_text())["trees"]
    ]
    reports = [db.trees.import_tree(form, leave_out_unknown=True) for form in forms]
    return [db.skills.list_for_tree(report.tree_id) for report in reports]


def add_achievements(db: Database, trees: list[list[Skill]]) -> None:
    for threshold in (1, 10, 50, 100, 300):
        add_achievement(db, f"{threshold} skills", criteria={"type": "skill_completion_count", "threshold": threshold})
    for threshold in (100, 500, 2000):
        add_achievement(
            db, f"{threshold} XP", criteria={"type": "xp_threshold", "threshold": threshold}, xp_reward=threshold // 4
        )
    for threshold in (2, 7):
        add_achievement(db, f"{threshold} days", criteria={"type": "streak_days", "threshold": threshold}, xp_reward=15)
    for skills in trees:
        criteria = {
            "type": "skill_completion_count",
            "threshold": 20,
            "additionalParams": {"treeId": str(skills[0].skill_tree_id)},
        }
        add_achievement(db, f"20 skills of {skills[0].skill_tree_id}", criteria=criteria, xp_reward=30)


def test_learners_complete_the_real_trees_by_random_walks(db: Database, url: str, shared_data: Path) -> None:
    trees = import_trees(db, shared_data)
    add_achievements(db, trees)

    def go(number: int) -> list[Walk]:
        walker = Walker(db, number)
        return [walker.walk(trees[(number + turn) % len(trees)]) for turn in range(TREES_EACH)]

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        walks = [walk for walked in threads.map(go, range(LEARNERS)) for walk in walked]

    required = {skills[0].skill_tree_id: {one.id for one in skills if not one.is_optional} for skills in trees}
    xp = {skill.id: skill.xp_value for skills in trees for skill in skills}
    needing = {skill.id for skills in trees for skill in skills if skill.dependencies}
    for walk in walks:
        assert required[walk.tree] <= walk.completed
        assert (walk.last.progress_percent, walk.last.skills_completed) == (100, len(required[walk.tree]))
        assert walk.last.time_spent_minutes == walk.minutes
        assert len(set(walk.unlocked)) == len(walk.unlocked)
        assert (walk.completed | walk.skipped) & needing <= set(walk.unlocked)
    with psycopg.connect(url, autocommit=True) as connection:
        assert events_of(connection, "SKILL") == {
            (walk.learner, skill): xp[skill] for walk in walks for skill in walk.completed
        }
        assert events_of(connection, "ACHIEVEMENT").keys() == awards(connection)
        assert rows(connection, "select status::text, count(*) from user_skill_tree_progress group by status") == [
            ("COMPLETED", LEARNERS * TREES_EACH)
        ]
        assert drift(connection) == {}
    assert db.doctor.examine() == []


def events_of(connection: Connection, kind: str) -> dict[tuple[UserId, SkillId], int]:
    statement = "select user_id, source_id, xp from xp_events where source_kind = %s"
    return {(learner, source): xp for learner, source, xp in rows(connection, statement, kind)}


def awards(connection: Connection) -> set[tuple[UserId, SkillId]]:
    return {
        (learner, one) for learner, one in rows(connection, "select user_id, achievement_id from user_achievements")
    }
