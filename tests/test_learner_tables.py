"""All data about learners is exported, erased, and hidden from others. The system catalogs say which data there is.

A migration may add a table with learners' rows, a column to one, or a column that names who did something. It fails
here until ``queries/users/export.sql``, ``queries/erasure`` and the migration cover it, and ``ROWS`` has a row for it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from _sync.factories import add_achievement
from skilltree import Database
from skilltree.models.ids import UserId

LEARNER, CATEGORY, TREE, SKILL, ACHIEVEMENT = (UUID(int=(7 << 76) + (2 << 62) + number) for number in range(1, 6))

MARK = "quixotic"
MOMENT = "2026-01-02T03:04:05.678901Z"
ADDRESS = "203.0.113.77"
HASH = b"quixotic" * 4
TRACES = (str(LEARNER), MARK, "04:05.678901", ADDRESS)

ROWS: dict[str, dict[str, object]] = {
    "users": {
        "id": LEARNER,
        "password_hash": "$2b$04$" + "a" * 53,
        "email": f"{MARK}@example.org",
        "username": MARK,
        "first_name": MARK,
        "last_name": MARK,
        "avatar_url": f"https://example.org/{MARK}",
        "last_login_at": MOMENT,
        "created_at": MOMENT,
        "created_by": LEARNER,
        "updated_by": LEARNER,
    },
    "user_profiles": {
        "bio": MARK,
        "location": MARK,
        "website": f"https://example.org/{MARK}",
        "timezone": "Antarctica/Troll",
        "learning_goals": [MARK],
        "interests": [MARK],
        "preferences": Jsonb({"note": MARK}),
        "last_activity_at": MOMENT,
        "last_activity_on": "2026-01-02",
        "last_activity_offset": "02:03:00",
        "streak_started_at": MOMENT,
        "created_at": MOMENT,
    },
    "user_sessions": {
        "device_info": Jsonb({"userAgent": MARK}),
        "ip_address": ADDRESS,
        "started_at": MOMENT,
        "last_activity_at": MOMENT,
        "token_hash": HASH,
        "expires_at": "2026-02-03T04:05:06Z",
        "is_active": False,
        "ended_at": MOMENT,
    },
    "user_tokens": {
        "purpose": "PASSWORD_RESET",
        "token_hash": HASH,
        "email": f"{MARK}@example.org",
        "created_at": MOMENT,
        "expires_at": MOMENT,
    },
    "user_skill_tree_progress": {
        "skill_tree_id": TREE,
        "status": "COMPLETED",
        "started_at": MOMENT,
        "last_activity_at": MOMENT,
        "completed_at": MOMENT,
        "current_path": [SKILL],
        "created_at": MOMENT,
        "updated_at": MOMENT,
    },
    "user_skill_progress": {
        "skill_id": SKILL,
        "skill_tree_id": TREE,
        "status": "COMPLETED",
        "completion_method": "MANUAL",
        "completion_score": 77,
        "evidence_data": Jsonb({"type": "text", "content": MARK}),
        "struggling_indicators": Jsonb({"note": MARK}),
        "engagement_score": 0.5,
        "unlocked_at": MOMENT,
        "started_at": MOMENT,
        "last_activity_at": MOMENT,
        "completed_at": MOMENT,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    },
    "user_achievements": {
        "achievement_id": ACHIEVEMENT,
        "earned_at": MOMENT,
        "metadata": Jsonb({"note": MARK}),
    },
    "xp_events": {
        "source_kind": "SKILL",
        "source_id": SKILL,
        "xp": 10,
        "granted_at": MOMENT,
        "skill_tree_id": TREE,
        "category_id": CATEGORY,
        "difficulty": "BEGINNER",
        "skill_type": "PROJECT",
    },
    "user_activity_days": {"activity_date": "2026-01-02", "minutes": 7, "learnt_at": MOMENT, "excuse": MARK},
    "user_scores": {
        "board": "ALL_TIME",
        "starts_on": "1970-01-01",
        "xp": 10,
        "reached_at": MOMENT,
        "is_listed": False,
    },
}
"""A row for each table, without nulls. Its texts, times and addresses occur nowhere else."""

SECRET = {("users", "password_hash"), ("user_sessions", "token_hash"), ("user_tokens", "token_hash")}
"""Columns that nobody may see, not even the learner."""

Connection = psycopg.Connection[tuple[Any, ...]]

LEARNERS_TABLES = """
    select pg_class.relname
    from pg_class
    where pg_class.relnamespace = 'public'::regnamespace
        and pg_class.relkind in ('r', 'p')
        and not pg_class.relispartition
        and (
            pg_class.relname = 'users'
            or exists (
                select from pg_attribute
                where attrelid = pg_class.oid and attname = 'user_id' and not attisdropped
            )
            or exists (
                select from pg_constraint
                where contype = 'f' and conrelid = pg_class.oid and confrelid = 'users'::regclass
            )
        )
    order by 1
"""

CHECKS = {
    "row-level security is not enabled and forced": """
        select from pg_class where oid = %(table)s::regclass and relrowsecurity and relforcerowsecurity
    """,
    "no policy lets learners see, and write, their own rows only": """
        select from pg_policies
        where tablename = %(table)s and cmd = 'ALL' and roles <@ array['app_user', 'app_engine']::name[]
            and qual ~ 'app.current_user_id' and with_check ~ 'app.current_user_id'
    """,
    "a policy lets others than the service see all rows": """
        select where not exists (
            select from pg_policies
            where tablename = %(table)s and roles <> '{app_service}'
                and (qual !~ 'app.current_user_id' or with_check !~ 'app.current_user_id')
        )
    """,
    "app_service may not read and delete": """
        select where has_table_privilege('app_service', %(table)s, 'select')
            and has_table_privilege('app_service', %(table)s, 'delete')
    """,
    "app_engine may not read any of it": """
        select where has_any_column_privilege('app_engine', %(table)s, 'select')
    """,
    "something is granted to public": """
        select where not exists (
            select from pg_class cross join aclexplode(relacl) as granted
            where oid = %(table)s::regclass and granted.grantee = 0
        )
    """,
}
"""Each rule holds where its query returns no row."""


Rows = Mapping[str, Mapping[str, object]]


def uncovered(connection: Connection, db: Database, rows: Rows = ROWS) -> set[tuple[str, str]]:
    """Return the missing rule and the table, for everything that is not covered."""
    tables = [str(table) for (table,) in connection.execute(LEARNERS_TABLES)]
    found = {
        (table, what)
        for table in tables
        for what, check in CHECKS.items()
        if not connection.execute(check.encode(), {"table": table}).fetchall()
    }
    add_learner(connection, db, rows)
    held = json.loads("".join(db.users.export(UserId(LEARNER))))
    found |= {(table, what) for table in tables for what in not_exported(connection, table, held)}
    leave_traces(connection)
    # The search finds the traces before the erasure.
    assert [table for table in rows if not is_traced(connection, table)] == []

    db.users.erase(UserId(LEARNER))

    everywhere = connection.execute("select relid::regclass::text from pg_stat_user_tables").fetchall()
    return found | {(table, "leads to an erased learner") for (table,) in everywhere if is_traced(connection, table)}


def add_learner(connection: Connection, db: Database, rows: Rows) -> None:
    """Add these rows, and the rows that they refer to."""
    db.categories.create(id=CATEGORY, name="Web", slug="web")
    db.trees.create(CATEGORY, id=TREE, name="Frontend", slug="frontend")
    db.skills.create(TREE, id=SKILL, name="HTML")
    add_achievement(db, id=ACHIEVEMENT)
    for table, columns in rows.items():
        values = columns if table == "users" else {"user_id": LEARNER, **columns}
        connection.execute(
            sql.SQL("insert into {} ({}) values ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, values)),
                sql.SQL(", ").join(map(sql.Placeholder, values)),
            ),
            values,
        )


def not_exported(connection: Connection, table: str, held: dict[str, Any]) -> list[str]:
    """Return the columns of a table that are null, or whose value no item of the export contains."""
    row = connection.execute(sql.SQL("select to_jsonb(held) from {} as held").format(sql.Identifier(table))).fetchone()
    if row is None:
        return ["has no row in ROWS"]
    # The export names the learner once, as the id of the account.
    wanted = {name: value for name, value in row[0].items() if (table, name) not in SECRET and name != "user_id"}
    items = [item for section in held.values() for item in (section if isinstance(section, list) else [section])]
    missing = min(
        ([name for name, value in wanted.items() if item.get(name, ...) != value] for item in items),
        key=len,
    )
    nulls = [f"{name} is null in ROWS" for name, value in wanted.items() if value is None]
    return nulls + [f"{name} is not exported" for name in missing]


def leave_traces(connection: Connection) -> None:
    """Put the learner's id into every column that names an author."""
    columns = connection.execute(
        "select table_name, column_name from information_schema.columns inner join information_schema.tables"
        " using (table_schema, table_name) where table_schema = 'public' and table_type = 'BASE TABLE'"
        " and column_name in ('created_by', 'updated_by', 'after_user_id')"
    ).fetchall()
    for table, column in columns:
        connection.execute(
            sql.SQL("update {} set {} = %s").format(sql.Identifier(table), sql.Identifier(column)), [LEARNER]
        )


def is_traced(connection: Connection, table: str) -> bool:
    """Return whether anything in a table identifies the learner."""
    query = f"select from {table} as held where held::text like any(%s) limit 1"
    return bool(connection.execute(query.encode(), [[f"%{trace}%" for trace in TRACES]]).fetchall())


@pytest.fixture
def connection(migrated_url: str) -> Iterator[Connection]:
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def db(migrated_url: str) -> Iterator[Database]:
    with Database(migrated_url) as db:
        yield db


def test_all_data_about_learners_is_covered(connection: Connection, db: Database) -> None:
    assert uncovered(connection, db) == set()


def test_a_new_table_that_is_not_covered_is_reported(connection: Connection, db: Database) -> None:
    connection.execute("create table user_notes (user_id uuid, note text)")
    connection.execute("grant select on user_notes to public")

    found = uncovered(connection, db, {**ROWS, "user_notes": {"note": MARK}})

    assert found == {
        ("user_notes", "row-level security is not enabled and forced"),
        ("user_notes", "no policy lets learners see, and write, their own rows only"),
        ("user_notes", "app_service may not read and delete"),
        ("user_notes", "something is granted to public"),
        ("user_notes", "note is not exported"),
        ("user_notes", "leads to an erased learner"),
    }


def test_a_new_table_that_refers_to_accounts_is_reported(connection: Connection, db: Database) -> None:
    connection.execute("create table mentors (mentor_id uuid references users on delete cascade)")

    found = uncovered(connection, db)

    assert ("mentors", "has no row in ROWS") in found


def test_a_new_table_that_all_learners_can_read_is_reported(connection: Connection, db: Database) -> None:
    connection.execute("create policy user_sessions_all on user_sessions for select to app_user using (true)")

    found = uncovered(connection, db)

    assert found == {("user_sessions", "a policy lets others than the service see all rows")}


def test_a_new_column_is_reported(connection: Connection, db: Database) -> None:
    connection.execute("alter table user_profiles add phone text, add pronouns text")

    found = uncovered(connection, db, {**ROWS, "user_profiles": {**ROWS["user_profiles"], "phone": MARK}})

    assert found == {
        ("user_profiles", "phone is not exported"),
        ("user_profiles", "pronouns is not exported"),
        ("user_profiles", "pronouns is null in ROWS"),
    }


def test_a_new_column_that_names_an_author_is_reported(connection: Connection, db: Database) -> None:
    connection.execute("alter table achievements add created_by uuid")

    found = uncovered(connection, db)

    assert found == {("achievements", "leads to an erased learner")}
