"""The data for ``tools.bench.scale``: learners with all that follows from their work, written by COPY, and large trees.

Each learner has completed three skills of a tree, and others are open. XP are spread over 20,000 values.
"""

import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from skilltree.budgets.dataset import count_leaderboards
from skilltree.budgets.dataset_rows import MINUTES, Row, array, chance_of, copy, moment, new_id
from skilltree.models.ids import SkillId, UserId
from skilltree.models.trees import LoadedSkill, LoadedTree
from tools.bench.data import LEARNERS, curriculum

_AT_ONCE = 50_000
_COMPLETED = 3
_PASSWORD = "$2b$04$" + "a" * 53
_WIDTH = 50


class Place(NamedTuple):
    """Where the learners work: a tree, the three skills they have completed, and those that they have opened."""

    tree: LoadedTree
    done: Sequence[LoadedSkill]
    open: Sequence[LoadedSkill]


def place_in(tree: LoadedTree) -> Place:
    """Return three skills that can be learnt one after the other, and those that they open."""
    done: list[LoadedSkill] = []
    known: set[SkillId] = set()
    for _ in range(_COMPLETED):
        done.append(next(skill for skill in tree.skills if known.issuperset(skill.dependencies) and skill not in done))
        known.add(done[-1].id)
    after = (skill for skill in tree.skills if skill.dependencies and skill not in done)
    return Place(tree, done, [skill for skill in after if known.issuperset(skill.dependencies)])


def fill(connection: Connection[Any], first: int, last: int, place: Place) -> None:
    """Add the learners from ``first`` to ``last``. The connection must be a superuser's, in autocommit mode.

    Triggers are off, so it also writes what they would derive, and counts the leaderboards again at the end.
    """
    chance = chance_of(f"learners from {first}")
    min_xp = [row[0] for row in connection.execute("select min_xp from levels order by level")]
    connection.execute("set session_replication_role = replica")
    for start in range(first, last + 1, _AT_ONCE):
        with connection.transaction():
            _write(connection, _made(chance, range(start, min(start + _AT_ONCE, last + 1)), min_xp), place)
    connection.execute("insert into begun_trees (skill_tree_id) values (%s) on conflict do nothing", [place.tree.id])
    connection.execute("truncate leaderboard_counts")
    count_leaderboards(connection)
    connection.execute("set session_replication_role = origin")
    connection.execute("vacuum analyze")


class _Learner(NamedTuple):
    number: int
    id: str
    xp: int
    level: int


def _made(chance: random.Random, numbers: range, min_xp: Sequence[int]) -> list[_Learner]:
    made = []
    for number in numbers:
        xp = 5 + 5 * chance.randrange(20_000)
        made.append(_Learner(number, new_id(chance, MINUTES * number // 10_000_000), xp, bisect(min_xp, xp)))
    return made


def _write(connection: Connection[Any], learners: Sequence[_Learner], place: Place) -> None:
    now, today = moment(MINUTES), datetime.now(UTC).date()
    periods = [("ALL_TIME", date(1970, 1, 1)), ("WEEK", today - timedelta(days=today.weekday()))]
    periods.append(("MONTH", today.replace(day=1)))
    tree_id, done = place.tree.id, place.done
    paid = [(skill, (place.tree.category_id, skill.difficulty, skill.skill_type)) for skill in done]
    required, completed = (sum(not skill.is_optional for skill in skills) for skills in (place.tree.skills, done))
    milestones = array(str(skill.id) for skill in done if skill.is_milestone)

    def work() -> Iterator[Row]:
        for learner in learners:
            for skill in done:
                yield learner.id, skill.id, tree_id, "COMPLETED", 100, now, now, now, now
            for skill in place.open:
                yield learner.id, skill.id, tree_id, "AVAILABLE", 0, now, None, None, None

    copy(
        connection,
        "users (id, email, username, password_hash)",
        ((each.id, f"u{each.number}@example.org", f"u{each.number}", _PASSWORD) for each in learners),
    )
    copy(
        connection,
        "user_profiles (user_id, total_xp, current_level, current_streak, max_streak, last_activity_on, "
        "last_activity_at, skills_completed, trees_started)",
        ((each.id, each.xp, each.level, 1, 1, today, now, _COMPLETED, 1) for each in learners),
    )
    copy(
        connection,
        "user_skill_progress (user_id, skill_id, skill_tree_id, status, progress_percent, unlocked_at, started_at, "
        "last_activity_at, completed_at)",
        work(),
    )
    copy(
        connection,
        "user_skill_tree_progress (user_id, skill_tree_id, status, progress_percent, skills_completed, total_skills, "
        "started_at, last_activity_at, milestones_reached)",
        (
            (each.id, tree_id, "IN_PROGRESS", 100 * completed / required, completed, required, now, now, milestones)
            for each in learners
        ),
    )
    copy(connection, "user_activity_days (user_id, activity_date)", ((each.id, today) for each in learners))
    copy(
        connection,
        "xp_events (user_id, source_kind, source_id, xp, granted_at, granted_on, skill_tree_id, category_id, "
        "difficulty, skill_type)",
        (
            (each.id, "SKILL", skill.id, each.xp if skill is done[0] else 0, now, today, tree_id, *what)
            for each in learners
            for skill, what in paid
        ),
    )
    copy(
        connection,
        "user_scores (user_id, board, starts_on, xp, reached_at, is_listed)",
        ((each.id, board, starts_on, each.xp, now, True) for each in learners for board, starts_on in periods),
    )


def new_learners(connection: Connection[Any], count: int) -> list[UserId]:
    """Return learners who have done nothing yet."""
    return [UserId(row[0]) for row in connection.execute(LEARNERS, [count, "new"])]


def chosen(connection: Connection[Any], count: int) -> list[UserId]:
    """Return learners of ``fill`` who have done nothing since, from all over the table."""
    rows: list[tuple[UUID]] = connection.execute(
        "select user_id from user_profiles where skills_completed = %s order by md5(user_id::text) limit %s",
        [_COMPLETED, count],
    ).fetchall()
    return [UserId(row[0]) for row in rows]


def wide(slug: str, count: int) -> dict[str, object]:
    """Return a curriculum of so many skills, each with one or two prerequisites not far before it."""
    chance = chance_of(slug)
    tree = curriculum(slug)
    models = tree["skills"]
    assert isinstance(models, list)  # noqa: S101 (tells the type)
    tree["skills"] = [
        models[number % len(models)]
        | {
            "key": f"skill-{number}",
            "name": f"Skill {number}",
            "dependencies": [f"skill-{n}" for n in {max(0, number - chance.randint(1, 9)) for _ in "ab"} - {number}],
            "position": [number % _WIDTH * 200, number // _WIDTH * 200],
        }
        for number in range(count)
    ]
    return tree
