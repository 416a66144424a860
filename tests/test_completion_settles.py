"""progress/complete_skill awards the same achievements as progress/settle does after any other action.

Each completion runs twice: for one learner as it is, and for another while no achievement is active, followed by
progress/settle.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from skilltree import Database
from skilltree._core.queries import load
from skilltree.models.ids import SkillId, UserId

FIRST = datetime(2024, 5, 1, 20, tzinfo=UTC)
DIFFICULTIES = ("BEGINNER", "ADVANCED")
SLUGS = ("first", "second")
KINDS = ("KNOWLEDGE", "PROJECT")
ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago")


@pytest.fixture
def db(migrated_url: str) -> Iterator[Database]:
    with Database(migrated_url) as database:
        yield database


@pytest.fixture
def connection(migrated_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("seed", [*range(6), 7, 30])
def test_a_completion_awards_what_settling_it_would_award(
    db: Database, connection: psycopg.Connection[Any], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 (not for secrets)
    skills = _two_trees(db, chance)
    _achievements(db, chance)
    trees = [db.trees.load(slug).id for slug in SLUGS]
    categories = [db.trees.load(slug).category_id for slug in SLUGS]
    one, other = (
        db.users.register(email=f"{name}@example.org", username=name, password="a long password", bcrypt_cost=4).id
        for name in ("one", "other")
    )
    at = FIRST
    for skill in chance.choices(skills, k=20):
        # Days in a row, gaps of a day, and reports of an earlier day.
        at += timedelta(hours=chance.choice([-30, 1, 20, 24, 26, 26, 49]))
        # Over the date line, a day is skipped or repeated.
        connection.execute("update user_profiles set timezone = %s", [chance.choice(ZONES)])
        if chance.random() < 0.2:
            # An event keeps what its skill was when it paid.
            db.trees.update(chance.choice(trees), category_id=chance.choice(categories))
            db.skills.update(chance.choice(skills), difficulty=chance.choice(DIFFICULTIES))
        if chance.random() < 0.4:
            for learner in (one, other):
                db.progress.reset_skill(learner, skill)
        _complete(connection, one, skill, at)
        with connection.transaction():
            connection.execute("update achievements set is_active = false")
            _complete(connection, other, skill, at)
            connection.execute("update achievements set is_active = true")
            _run(connection, "progress/settle", user_id=other, skill_id=skill, at=at)

        assert _results(connection, one) == _results(connection, other)

    assert len(_results(connection, one)[0]) > 3


def _two_trees(db: Database, chance: random.Random) -> list[SkillId]:
    found: list[SkillId] = []
    for slug in SLUGS:
        skills = [
            {
                "key": f"skill-{number}",
                "name": f"Skill {number}",
                "xp_value": chance.choice([0, 10, 40]),
                "difficulty": chance.choice(DIFFICULTIES),
                "skill_type": chance.choice(KINDS),
            }
            for number in range(5)
        ]
        tree = db.trees.import_tree({"slug": slug, "name": slug, "category": slug, "skills": skills})
        db.trees.publish(tree.tree_id)
        found += [skill.id for skill in db.trees.load(slug).skills]
    return found


def _achievements(db: Database, chance: random.Random) -> None:
    trees = [db.trees.load(slug) for slug in SLUGS]
    limits: list[dict[str, str]] = [{}, {}, {}]
    limits += [{"treeId": str(tree.id)} for tree in trees]
    limits += [{"categoryId": str(tree.category_id)} for tree in trees]
    limits += [{"difficulty": each} for each in DIFFICULTIES]
    limits += [{"skillType": each} for each in KINDS]
    most = {"skill_completion_count": 5, "xp_threshold": 300, "streak_days": 4}
    asked = [(kind, chance.randint(1, most[kind]), chance.choice(limits)) for kind in chance.choices(list(most), k=40)]
    asked += [("skill_completion_count", count, {}) for count in range(1, 9)]
    asked += [("streak_days", days, limit) for days in (2, 3, 4) for limit in limits]
    for number, (kind, threshold, limit) in enumerate(asked):
        db.achievements.create(
            name=f"Achievement {number}",
            description="For this test",
            criteria={"type": kind, "threshold": threshold, "additionalParams": limit},
            xp_reward=chance.choice([0, 20, 60]),
        )


def _complete(connection: psycopg.Connection[Any], learner: UserId, skill: SkillId, at: datetime) -> None:
    _run(
        connection,
        "progress/complete_skill",
        user_id=learner,
        skill_id=skill,
        at=at,
        method="MANUAL",
        score=None,
        evidence=None,
    )


def _run(connection: psycopg.Connection[Any], name: str, **params: object) -> None:
    connection.execute(load(name), params)


def _results(connection: psycopg.Connection[Any], learner: UserId) -> tuple[list[Any], list[Any], list[Any]]:
    awards = "select achievement_id, earned_at, metadata from user_achievements where user_id = %s order by 1"
    events = "select source_id, xp, granted_at, granted_on from xp_events where user_id = %s order by source_kind, 1"
    profile = "select total_xp, current_level, current_streak, max_streak from user_profiles where user_id = %s"
    first, second, third = (connection.execute(query, [learner]).fetchall() for query in (awards, events, profile))
    return first, second, third
