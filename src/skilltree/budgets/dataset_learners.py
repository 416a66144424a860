"""The learners of the data set: accounts, profiles, progress and sessions."""

import json
import random
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from psycopg import Connection

from skilltree.budgets import curricula
from skilltree.budgets.curricula import MadeSkill
from skilltree.budgets.dataset_catalogue import Tree
from skilltree.budgets.dataset_rows import MINUTES, Row, array, chance_of, copy, moment, new_id

_ZONES = ("UTC", "UTC", "UTC", "Europe/Lisbon", "America/New_York", "Asia/Tokyo", "Australia/Sydney")


class _Visit(NamedTuple):
    """A learner's work in a tree: its start, the number of completed skills, and the minutes between them."""

    starts: int
    user_id: str
    tree: Tree
    done: int
    pace: int


def load_learners(connection: Connection[Any], trees: list[Tree], *, user_count: int, row_count: int) -> None:
    """Write the learners, with at least this many rows of progress."""
    chance = chance_of("learners")
    users = [new_id(chance, 0) for _ in range(user_count)]
    copy(
        connection,
        "users (id, email, username, password_hash, is_active, email_verified, last_login_at)",
        (
            (
                id_,
                f"learner{number}@example.org",
                f"learner{number}",
                "$2b$04$" + "a" * 53,
                curricula.happens(chance, 0.98),
                curricula.happens(chance, 0.9),
                moment(chance.randrange(MINUTES)),
            )
            for number, id_ in enumerate(users)
        ),
    )
    copy(
        connection,
        "user_profiles (user_id, bio, timezone, is_on_leaderboard, learning_goals)",
        (
            (
                id_,
                curricula.text(chance, 20),
                chance.choice(_ZONES),
                curricula.happens(chance, 0.95),
                array(["To learn"]),
            )
            for id_ in users
        ),
    )
    visits = _visits(chance_of("visits"), row_count, users, trees)
    work = chance_of("work")
    copy(connection, _PROGRESS, (row for visit in visits for row in _worked(work, visit)))
    copy(
        connection,
        "user_sessions (user_id, id, device_info, ip_address, started_at, last_activity_at, expires_at, ended_at, "
        "is_active)",
        _sessions(chance_of("sessions"), users),
    )


_PROGRESS = """user_skill_progress (user_id, skill_id, id, skill_tree_id, status, progress_percent, time_spent_minutes,
    attempts_count, failed_attempts, completion_method, completion_score, unlocked_at, started_at, last_activity_at,
    completed_at, engagement_score, created_at, updated_at)"""


def _visits(chance: random.Random, row_count: int, users: list[str], trees: list[Tree]) -> list[_Visit]:
    """Return which learners work in which trees, in order of time. Most learners work in one or two trees."""
    by_learner = list(accumulate(chance.paretovariate(1.3) for _ in users))
    by_tree = list(accumulate(1 / (rank + 5) for rank in range(len(trees))))
    popular = chance.sample(trees, len(trees))
    seen: set[tuple[str, str]] = set()
    visits = []
    rows = 0
    while rows < row_count:
        (user_id,) = chance.choices(users, cum_weights=by_learner)
        (tree,) = chance.choices(popular, cum_weights=by_tree)
        if (user_id, tree.id) not in seen:
            seen.add((user_id, tree.id))
            visits.append(_visit(chance, user_id, tree))
            rows += visits[-1].done + len(tree.opens[visits[-1].done])
    return sorted(visits)


def _visit(chance: random.Random, user_id: str, tree: Tree) -> _Visit:
    starts, pace = chance.randrange(MINUTES - 1440), chance.randint(200, 2000)
    share = 1.0 if curricula.happens(chance, 0.25) else chance.betavariate(1.2, 2)
    # At least one minute, and no time in the future.
    done = min(max(1, round(share * len(tree.active))), 1 + (MINUTES - starts - 1) // pace)
    return _Visit(starts, user_id, tree, done, pace)


def _worked(chance: random.Random, visit: _Visit) -> Iterator[Row]:
    """Yield a learner's progress in a tree: first completed skills, then some that are open or in progress."""
    for number, skill in enumerate(visit.tree.active[: visit.done]):
        status = "SKIPPED" if skill.is_optional and curricula.happens(chance, 0.3) else "COMPLETED"
        yield _progress(chance, visit, skill, status, visit.starts + number * visit.pace)
    for number in visit.tree.opens[visit.done]:
        status = "IN_PROGRESS" if curricula.happens(chance, 0.3) else "AVAILABLE"
        yield _progress(chance, visit, visit.tree.active[number], status, visit.starts + (visit.done - 1) * visit.pace)


def _progress(chance: random.Random, visit: _Visit, skill: MadeSkill, status: str, minute: int) -> Row:
    at = moment(minute)
    is_done, is_begun = status == "COMPLETED", status in {"COMPLETED", "IN_PROGRESS"}
    is_tested = is_done and skill.skill_type == "ASSESSMENT"
    attempts = chance.randint(1, 3) if is_tested else 0
    return (
        visit.user_id,
        visit.tree.skill_ids[skill.place],
        new_id(chance, minute),
        visit.tree.id,
        status,
        100 if is_done else 0,
        chance.randint(5, 90) if is_begun else 0,
        attempts,
        max(attempts - 1, 0),
        ("ASSESSMENT" if is_tested else "MANUAL") if is_done else None,
        chance.randint(50, 100) if is_tested else None,
        at,
        at if is_begun else None,
        at if status != "AVAILABLE" else None,
        at if is_done else None,
        chance.randint(0, 100) / 100 if is_begun else None,
        at,
        at,
    )


def _sessions(chance: random.Random, users: list[str]) -> Iterator[Row]:
    for user_id in users:
        for _ in range(min(int(chance.paretovariate(1)), 50)):
            minute = chance.randrange(MINUTES - 60)
            # Within the 30 days of a session, minus a day, so that it is still active in later measurements.
            is_active = minute > MINUTES - 29 * 1440
            ended = None if is_active else moment(minute + 60)
            device = json.dumps({"browser": "Firefox", "os": "Linux"})
            yield (
                user_id,
                new_id(chance, minute),
                device,
                "192.0.2.1",
                moment(minute),
                moment(minute),
                moment(minute + 30 * 1440),
                ended,
                is_active,
            )
