"""Hand-written statements, their order, and what is made of their rows, without a driver.

A generator yields the name of a statement and its parameters, receives the rows, and returns the result. So every
driver runs the same statements.
"""

import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

FILE = Path(__file__).with_suffix(".sql")
PAGE = 50
BROUGHT = (
    *("user_id", "skill_id", "status", "progress_percent", "time_spent_minutes", "attempts_count"),
    *("completion_method", "unlocked_at", "started_at", "last_activity_at", "completed_at"),
)
"""The columns of the rows of the bulk operation."""

_NAMED = re.compile(r"-- name: (\w+)\((.*)\)\S*\n([^;]*?)(?=\n\n-- name:|\Z)")
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")

T = TypeVar("T")
Row = Any
"""A row of any driver: a tuple, or an object that is indexed like one."""
Asked = tuple[str, dict[str, object]]
Steps = Generator[Asked, Sequence[Row], T]


class Statement(NamedTuple):
    """A statement and the names of its parameters, in order."""

    sql: str
    parameters: tuple[str, ...]

    @property
    def for_psycopg(self) -> bytes:
        return _PARAMETER.sub(r"%(\1)s", self.sql).encode()

    @property
    def for_asyncpg(self) -> str:
        return _PARAMETER.sub(lambda match: f"${self.parameters.index(match[1]) + 1}", self.sql)


STATEMENTS = {
    name: Statement(sql.strip(), tuple(parameters.split(", ")) if parameters else ())
    for name, parameters, sql in _NAMED.findall(FILE.read_text())
}


class Loaded(NamedTuple):
    """A tree with its skills, and a learner's work in each of them."""

    tree: Row
    skills: list[tuple[Row, Row | None]]
    progress: Row | None


class Completed(NamedTuple):
    """The result of completing a skill."""

    progress: Row
    tree_progress: Row
    unlocked: Sequence[Row]
    achievements: Sequence[Row]
    xp_awarded: int
    total_xp: int
    level_before: int
    level_after: int
    current_streak: int
    max_streak: int


class Reads(NamedTuple):
    """How to read the values of a row that a caller needs."""

    id: Callable[[Row], Any]
    skill_id: Callable[[Row], Any]
    xp: Callable[[Row], Any]
    name_and_id: Callable[[Row], Any]


BY_PLACE = Reads(itemgetter(0), itemgetter(2), itemgetter(6), itemgetter(2, 0))
"""For tuples."""
BY_NAME = Reads(attrgetter("id"), attrgetter("skill_id"), attrgetter("xp"), attrgetter("name", "id"))
"""For models."""


def loading(slug: str, user_id: UUID, reads: Reads = BY_PLACE) -> Steps[Loaded]:
    """Load a tree with the four queries of the specification."""
    (tree,) = yield "tree_by_slug", {"slug": slug}
    skills = yield "skills_of_tree", {"tree_id": reads.id(tree)}
    rows = yield "skill_progress", {"user_id": user_id, "skill_ids": [reads.id(skill) for skill in skills]}
    work = {reads.skill_id(row): row for row in rows}
    progress = yield "tree_progress", {"user_id": user_id, "tree_id": reads.id(tree)}
    return Loaded(tree, [(skill, work.get(reads.id(skill))) for skill in skills], progress[0] if progress else None)


def completing(user_id: UUID, skill_id: UUID, reads: Reads = BY_PLACE) -> Steps[Completed]:
    """Complete a skill with ten statements in one transaction."""
    ((total, level, streak, _, last_on, zone),) = yield "lock_learner", {"user_id": user_id}
    (skill,) = yield "skill_to_complete", {"user_id": user_id, "skill_id": skill_id}
    tree_id, xp, difficulty, skill_type, category_id, dependents, status, missing = skill
    if missing or status == "COMPLETED":
        raise ValueError("not now")
    day = today(zone)
    streak = streak_on(streak, last_on, day)
    work = yield "complete", {"user_id": user_id, "skill_id": skill_id, "tree_id": tree_id}
    event = {"xp": xp, "day": day, "category_id": category_id, "difficulty": difficulty, "skill_type": skill_type}
    yield "pay", {"user_id": user_id, "skill_id": skill_id, "tree_id": tree_id, **event}
    unlocked = yield "unlock", {"user_id": user_id, "dependents": dependents}
    tree = yield "count_in_tree", {"user_id": user_id, "tree_id": tree_id}
    yield "note_day", {"user_id": user_id, "day": day}
    awards = yield "award", {"user_id": user_id, "xp": total + xp, "streak": streak, "day": day}
    gain = xp + sum(reads.xp(award) for award in awards)
    profile = yield "update_profile", {"user_id": user_id, "xp": total + gain, "streak": streak, "day": day}
    yield "add_scores", {"user_id": user_id, "gain": gain}
    reached, new_level, current, longest = profile[0]
    return Completed(work[0], tree[0], unlocked, awards, gain, reached, level, new_level, current, longest)


def today(zone: str | None) -> date:
    """Return the current day in a learner's time zone."""
    return datetime.now(UTC).astimezone(ZoneInfo(zone or "UTC")).date()


def offset(zone: str | None) -> timedelta | None:
    """Return how far a learner's clock is ahead of UTC."""
    return datetime.now(UTC).astimezone(ZoneInfo(zone or "UTC")).utcoffset()


def streak_on(streak: int, last_on: date | None, day: date) -> int:
    """Return the streak in days after another day of learning."""
    if last_on == day:
        return streak
    return streak + 1 if last_on == day - timedelta(days=1) else 1


def page_and_cursor(rows: Sequence[Row], reads: Reads = BY_PLACE) -> tuple[Sequence[Row], tuple[str, UUID] | None]:
    """Return a page of trees, and the key after which the next page begins."""
    if len(rows) <= PAGE:
        return rows, None
    return rows[:PAGE], reads.name_and_id(rows[PAGE - 1])


def percent(total: int, completed: int) -> tuple[int, int, float]:
    """Return the counts of skills and the percentage."""
    return total, completed, 100.0 * completed / total if total else 0.0


def in_order(rows: Iterable[Row], skill_id: UUID) -> list[tuple[object, ...]]:
    """Return the missing prerequisites of a skill with their level, in the order to learn them."""
    known = {row[0]: row for row in rows}
    direct = set(known[skill_id][4])
    levels: dict[UUID, int] = {}

    def level(skill: UUID) -> int:
        if skill not in levels:
            levels[skill] = 1 + max((level(each) for each in known[skill][4] if each in known), default=-1)
        return levels[skill]

    found = [(*tuple(row)[:4], row[0] in direct, level(row[0])) for row in known.values() if row[0] != skill_id]
    return sorted(found, key=lambda row: int(row[5]))


def values(row: Mapping[str, object]) -> tuple[object, ...]:
    """Return a row of the bulk operation as a tuple."""
    return tuple(row[name] for name in BROUGHT)
