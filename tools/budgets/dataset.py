"""A large data set, the same for the same seed but for the day it ends on: what plans and budgets are seen on.

What learners did is made up here and written by COPY; what follows from it is derived in the database (derive.sql), so
that the doctor finds nothing.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import Connection, sql

from skilltree.errors import SkillTreeError
from tools.budgets import curricula
from tools.budgets.curricula import MadeSkill, MadeTree

SEED = 1
_DAYS = 365
_MINUTES = _DAYS * 1440
_ZONES = ("UTC", "UTC", "UTC", "Europe/Lisbon", "America/New_York", "Asia/Tokyo", "Australia/Sydney")
_CATEGORIES = 12
_BATCH = 20_000
_CRITERIA = (
    *(("skill_completion_count", n, None) for n in (1, 10, 25, 50, 100, 250, 500)),
    *(("skill_completion_count", n, {"difficulty": "EXPERT"}) for n in (5, 20)),
    *(("skill_completion_count", n, {"skillType": "PROJECT"}) for n in (3, 15)),
    *(("xp_threshold", n, None) for n in (100, 500, 1000, 2500, 5000, 10000, 25000)),
    *(("streak_days", n, None) for n in (3, 7, 14, 30)),
)


class Size(NamedTuple):
    """How much to load."""

    users: int
    trees: int
    skills: int
    progress: int

    @classmethod
    def of(cls, factor: float) -> "Size":
        """Return the full size, 1, or a part of it: so many fewer trees, skills and learners, each as busy."""
        users, progress = round(20_000 * factor), round(1_000_000 * factor)
        return cls(max(users, 20), max(round(200 * factor), 20), max(round(8_000 * factor), 400), max(progress, 1_000))


class _Tree(NamedTuple):
    made: MadeTree
    id: str
    skill_ids: tuple[str, ...]
    active: tuple[MadeSkill, ...]
    # What is open once the first so many of the active skills are done.
    opens: tuple[tuple[int, ...], ...]


Row = Sequence[object]


def load(connection: Connection[Any], size: Size) -> dict[str, int]:
    """Fill a migrated database that holds no users yet, and return how many rows each table has then.

    The connection must be in autocommit mode and a superuser's: foreign keys and triggers are not asked for each of
    millions of rows, that they hold is for the tests to show. Raises SkillTreeError when there are users.
    """
    if not _one(connection, b"select rolsuper from pg_roles where rolname = current_user"):
        raise SkillTreeError("the data set needs a superuser, who may load it without asking the triggers for each row")
    if _one(connection, b"select exists (select from users)"):
        raise SkillTreeError("the data set needs a database without users; this one has some")
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        trees = _load_catalogue(connection, size)
        _load_learners(connection, size, trees)
        connection.execute(_derivation())
    connection.execute("vacuum analyze")
    tables = connection.execute(
        "select relname from pg_stat_user_tables"
        " where schemaname = 'public' and relname !~ 'yoyo|migrations|^audit_log' order by relname"
    ).fetchall()
    return {table: _count(connection, table) for (table,) in tables}


def count_leaderboards(connection: Connection[Any]) -> None:
    """Count the learners of every leaderboard from their scores, where nothing is counted yet."""
    connection.execute(_file("count_leaderboards.sql"))


def _derivation() -> bytes:
    return _file("derive.sql") + _file("count_leaderboards.sql")


def _file(name: str) -> bytes:
    return (Path(__file__).parent / name).read_bytes()


def _count(connection: Connection[Any], table: str) -> int:
    return int(_one(connection, sql.SQL("select count(*) from {}").format(sql.Identifier(table))))


def _one(connection: Connection[Any], statement: bytes | sql.Composed) -> Any:
    row = connection.execute(statement).fetchone()
    return row[0] if row else None


def _chance(what: str) -> random.Random:
    """Return chance of its own for each part, so that another part leaves it as it is."""
    return random.Random(f"{SEED} {what}")  # noqa: S311 (not for secrets)


# --- the catalogue ----------------------------------------------------------------------------------------------------


def _load_catalogue(connection: Connection[Any], size: Size) -> list[_Tree]:
    chance = _chance("catalogue")
    categories = [_id(chance, 0) for _ in range(_CATEGORIES)]
    copy(
        connection,
        "skill_categories (id, name, slug, sort_order)",
        ((id_, f"Category {n}", f"category-{n}", n) for n, id_ in enumerate(categories)),
    )
    trees = [_identified(chance, made) for made in curricula.trees(chance, size.trees, size.skills)]
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
                _array(tree.made.tags),
                _array(trees[other].id for other in tree.made.prerequisites),
                tree.made.is_published,
                tree.made.is_featured,
                _moment(0),
                _moment(0),
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
                _id(chance, 0),
                f"Achievement {number}",
                "What it is for.",
                json.dumps({"type": kind, "threshold": threshold} | ({"additionalParams": params} if params else {})),
                25,
                _moment(0),
                _moment(0),
            )
            for number, (kind, threshold, params) in enumerate(_CRITERIA)
        ),
    )
    return trees


def _identified(chance: random.Random, made: MadeTree) -> _Tree:
    # What is inactive gates nothing, and nothing needs it.
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
    ids = tuple(_id(chance, 0) for _ in skills)
    return _Tree(made._replace(skills=skills), _id(chance, 0), ids, active, tuple(opens))


def _skill_rows(chance: random.Random, tree: _Tree) -> Iterator[Row]:
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
            _array(tree.skill_ids[needed] for needed in skill.needs),
            _array(dependents.get(skill.place, ())),
            skill.place % 10 * 200,
            skill.place // 10 * 200,
            True,
            json.dumps(curricula.content(chance)),
            json.dumps(curricula.resources(chance)),
            json.dumps(curricula.assessments()) if skill.skill_type == "ASSESSMENT" else None,
            skill.is_optional,
            skill.is_milestone,
            skill.is_active,
            _moment(0),
            _moment(0),
        )


# --- learners ---------------------------------------------------------------------------------------------------------


class _Visit(NamedTuple):
    """A learner's work in a tree: when it began, how many skills were done, and how many minutes went by for each."""

    starts: int
    user_id: str
    tree: _Tree
    done: int
    pace: int


def _load_learners(connection: Connection[Any], size: Size, trees: list[_Tree]) -> None:
    chance = _chance("learners")
    users = [_id(chance, 0) for _ in range(size.users)]
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
                _moment(chance.randrange(_MINUTES)),
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
                _array(["To learn"]),
            )
            for id_ in users
        ),
    )
    visits = _visits(_chance("visits"), size, users, trees)
    work = _chance("work")
    copy(connection, _PROGRESS, (row for visit in visits for row in _worked(work, visit)))
    copy(
        connection,
        "user_sessions (user_id, id, device_info, ip_address, started_at, last_activity_at, expires_at, ended_at, "
        "is_active)",
        _sessions(_chance("sessions"), users),
    )


_PROGRESS = """user_skill_progress (user_id, skill_id, id, skill_tree_id, status, progress_percent, time_spent_minutes,
    attempts_count, failed_attempts, completion_method, completion_score, unlocked_at, started_at, last_activity_at,
    completed_at, engagement_score, created_at, updated_at)"""


def _visits(chance: random.Random, size: Size, users: list[str], trees: list[_Tree]) -> list[_Visit]:
    """Return who worked in which tree, in the order of time; a few learners in many trees, most in one or two."""
    by_learner = list(accumulate(chance.paretovariate(1.3) for _ in users))
    by_tree = list(accumulate(1 / (rank + 5) for rank in range(len(trees))))
    popular = chance.sample(trees, len(trees))
    seen: set[tuple[str, str]] = set()
    visits = []
    rows = 0
    while rows < size.progress:
        (user_id,) = chance.choices(users, cum_weights=by_learner)
        (tree,) = chance.choices(popular, cum_weights=by_tree)
        if (user_id, tree.id) not in seen:
            seen.add((user_id, tree.id))
            visits.append(_visit(chance, user_id, tree))
            rows += visits[-1].done + len(tree.opens[visits[-1].done])
    return sorted(visits)


def _visit(chance: random.Random, user_id: str, tree: _Tree) -> _Visit:
    starts, pace = chance.randrange(_MINUTES - 1440), chance.randint(200, 2000)
    share = 1.0 if curricula.happens(chance, 0.25) else chance.betavariate(1.2, 2)
    # At least one, and none in the future.
    done = min(max(1, round(share * len(tree.active))), 1 + (_MINUTES - starts - 1) // pace)
    return _Visit(starts, user_id, tree, done, pace)


def _worked(chance: random.Random, visit: _Visit) -> Iterator[Row]:
    """Yield what a learner did in a tree: the first skills of the curriculum done, then some open and under way."""
    for number, skill in enumerate(visit.tree.active[: visit.done]):
        status = "SKIPPED" if skill.is_optional and curricula.happens(chance, 0.3) else "COMPLETED"
        yield _progress(chance, visit, skill, status, visit.starts + number * visit.pace)
    for number in visit.tree.opens[visit.done]:
        status = "IN_PROGRESS" if curricula.happens(chance, 0.3) else "AVAILABLE"
        yield _progress(chance, visit, visit.tree.active[number], status, visit.starts + (visit.done - 1) * visit.pace)


def _progress(chance: random.Random, visit: _Visit, skill: MadeSkill, status: str, minute: int) -> Row:
    at = _moment(minute)
    is_done, is_begun = status == "COMPLETED", status in {"COMPLETED", "IN_PROGRESS"}
    is_tested = is_done and skill.skill_type == "ASSESSMENT"
    attempts = chance.randint(1, 3) if is_tested else 0
    return (
        visit.user_id,
        visit.tree.skill_ids[skill.place],
        _id(chance, minute),
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
            minute = chance.randrange(_MINUTES - 60)
            # Within the 30 days of a session, with a day to spare for whoever measures later.
            is_active = minute > _MINUTES - 29 * 1440
            ended = None if is_active else _moment(minute + 60)
            device = json.dumps({"browser": "Firefox", "os": "Linux"})
            yield (
                user_id,
                _id(chance, minute),
                device,
                "192.0.2.1",
                _moment(minute),
                _moment(minute),
                _moment(minute + 30 * 1440),
                ended,
                is_active,
            )


# --- writing ----------------------------------------------------------------------------------------------------------

_END = datetime.now(UTC).replace(second=0, microsecond=0)
_START = _END - timedelta(days=_DAYS)
_START_MS = int(_START.timestamp() * 1000)


def _moment(minute: int) -> str:
    """Return the moment so many minutes after the start, as PostgreSQL reads it."""
    return (_START + timedelta(minutes=minute)).isoformat()


def _id(chance: random.Random, minute: int) -> str:
    """Return a UUID of version 7 of that minute."""
    bits = chance.getrandbits(74)
    return f"{_START_MS + minute * 60_000:012x}7{bits >> 62:03x}{0x8000000000000000 | (bits & (2**62 - 1)):016x}"


def _array(items: Iterable[str]) -> str:
    return "{" + ",".join(f'"{item}"' for item in items) + "}"


def copy(connection: Connection[Any], target: str, rows: Iterable[Row]) -> None:
    """Write rows by COPY as text; the values need no escaping but for the backslash that JSON may have."""
    with connection.cursor().copy(f"copy {target} from stdin".encode()) as stream:
        batch: list[str] = []
        for row in rows:
            batch.append("\t".join(["\\N" if value is None else str(value) for value in row]))
            if len(batch) == _BATCH:
                stream.write("\n".join(batch) + "\n")
                batch.clear()
        if batch:
            stream.write("\n".join(batch) + "\n")
