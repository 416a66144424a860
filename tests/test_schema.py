"""The migrated database has everything that SPECIFICATION.md names, with the changes of DESIGN.md.

The tables below are written by hand from the specification: ids are uuid, JSON is jsonb, times are timestamptz, a
limited text is a text with a named check, and an array is never null. The not-null constraints that PostgreSQL 18 names
by itself are not looked at.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb
from pytest_postgresql.executors import NoopExecutor

from conftest import _database

COLUMNS = {
    "users": """
        id                     uuid               not null  uuidv7()
        email                  text               not null
        username               text               not null
        password_hash          text               not null
        first_name             text               null
        last_name              text               null
        avatar_url             text               null
        is_active              boolean            not null  true
        email_verified         boolean            not null  false
        last_login_at          timestamptz        null
        created_at             timestamptz        not null  now()
        updated_at             timestamptz        not null  now()
        created_by             uuid               null
        updated_by             uuid               null
    """,
    "user_profiles": """
        user_id                uuid               not null
        bio                    text               null
        location               text               null
        website                text               null
        timezone               text               null      'UTC'
        learning_goals         text[]             not null  '{}'
        interests              text[]             not null  '{}'
        preferences            jsonb              not null  '{}'
        total_xp               bigint             not null  0
        current_level          integer            not null  1
        current_streak         integer            not null  0
        max_streak             integer            not null  0
        last_activity_at       timestamptz        null
        skills_completed       integer            not null  0
        hours_learned          double precision   not null  0
        trees_started          integer            not null  0
        trees_completed        integer            not null  0
        created_at             timestamptz        not null  now()
        updated_at             timestamptz        not null  now()
    """,
    "skill_categories": """
        id                     uuid               not null  uuidv7()
        name                   text               not null
        slug                   text               not null
        description            text               null
        color                  text               null
        icon                   text               null
        sort_order             integer            not null  0
        is_active              boolean            not null  true
        created_at             timestamptz        not null  now()
        updated_at             timestamptz        not null  now()
    """,
    "skill_trees": """
        id                     uuid               not null  uuidv7()
        category_id            uuid               not null
        name                   text               not null
        slug                   text               not null
        description            text               null
        short_description      text               null
        difficulty             difficulty_level   not null  'BEGINNER'
        estimated_hours        double precision   null
        prerequisites          uuid[]             not null  '{}'
        tags                   text[]             not null  '{}'
        version                text               not null  '1.0.0'
        layout_config          jsonb              not null  '{}'
        theme_config           jsonb              not null  '{}'
        is_published           boolean            not null  false
        is_featured            boolean            not null  false
        is_ai_generated        boolean            not null  false
        created_at             timestamptz        not null  now()
        updated_at             timestamptz        not null  now()
        created_by             uuid               null
        updated_by             uuid               null
    """,
    "skills": """
        id                     uuid               not null  uuidv7()
        skill_tree_id          uuid               not null
        parent_skill_id        uuid               null
        name                   text               not null
        short_name             text               null
        description            text               null
        learning_objectives    text[]             not null  '{}'
        skill_type             skill_type         not null  'KNOWLEDGE'
        difficulty             difficulty_level   not null  'BEGINNER'
        estimated_minutes      integer            null
        xp_value               integer            not null  10
        dependencies           uuid[]             not null  '{}'
        dependents             uuid[]             not null  '{}'
        position_x             double precision   not null  0
        position_y             double precision   not null  0
        node_size              integer            not null  1
        content                jsonb              null
        resources              jsonb              null
        assessments            jsonb              null
        is_active              boolean            not null  true
        is_optional            boolean            not null  false
        is_milestone           boolean            not null  false
        created_at             timestamptz        not null  now()
        updated_at             timestamptz        not null  now()
        created_by             uuid               null
        updated_by             uuid               null
    """,
    "user_skill_tree_progress": """
        id                     uuid               not null  uuidv7()
        user_id                uuid               not null
        skill_tree_id          uuid               not null
        status                 tree_progress_status  not null  'NOT_STARTED'
        progress_percent       double precision   not null  0
        skills_completed       integer            not null  0
        total_skills           integer            not null  0
        time_spent_minutes     bigint             not null  0
        started_at             timestamptz        null
        last_activity_at       timestamptz        null
        completed_at           timestamptz        null
        milestones_reached     uuid[]             not null  '{}'
        current_path           uuid[]             not null  '{}'
        created_at             timestamptz        not null  now()
        updated_at             timestamptz        not null  now()
    """,
    "user_skill_progress": """
        id                     uuid               not null  uuidv7()
        user_id                uuid               not null
        skill_id               uuid               not null
        skill_tree_id          uuid               not null
        status                 skill_progress_status  not null  'LOCKED'
        progress_percent       double precision   not null  0
        time_spent_minutes     bigint             not null  0
        attempts_count         bigint             not null  0
        completion_method      completion_method  null
        completion_score       double precision   null
        evidence_data          jsonb              null
        unlocked_at            timestamptz        null
        started_at             timestamptz        null
        last_activity_at       timestamptz        null
        completed_at           timestamptz        null
        struggling_indicators  jsonb              null
        engagement_score       double precision   null
        created_at             timestamptz        not null  now()
        updated_at             timestamptz        not null  now()
    """,
    "achievements": """
        id                     uuid               not null  uuidv7()
        name                   text               not null
        description            text               not null
        category               achievement_category  not null  'PROGRESS'
        criteria               jsonb              not null
        xp_reward              integer            not null  0
        badge_icon             text               null
        badge_color            text               null
        rarity                 achievement_rarity not null  'COMMON'
        is_visible             boolean            not null  true
        is_active              boolean            not null  true
        created_at             timestamptz        not null  now()
        updated_at             timestamptz        not null  now()
    """,
    "user_achievements": """
        id                     uuid               not null  uuidv7()
        user_id                uuid               not null
        achievement_id         uuid               not null
        earned_at              timestamptz        not null  now()
        progress               double precision   not null  100
        metadata               jsonb              null
    """,
    "user_sessions": """
        id                     uuid               not null  uuidv7()
        user_id                uuid               not null
        device_info            jsonb              null
        ip_address             inet               null
        started_at             timestamptz        not null  now()
        last_activity_at       timestamptz        not null  now()
        ended_at               timestamptz        null
        is_active              boolean            not null  true
    """,
}

ENUMS = {
    "difficulty_level": ["BEGINNER", "INTERMEDIATE", "ADVANCED", "EXPERT"],
    "skill_type": ["KNOWLEDGE", "PRACTICAL", "PROJECT", "ASSESSMENT", "MILESTONE"],
    "tree_progress_status": ["NOT_STARTED", "IN_PROGRESS", "COMPLETED", "PAUSED"],
    "skill_progress_status": ["LOCKED", "AVAILABLE", "IN_PROGRESS", "COMPLETED", "SKIPPED"],
    "completion_method": ["MANUAL", "ASSESSMENT", "PROJECT", "TIME_BASED", "EXTERNAL"],
    "achievement_category": ["PROGRESS", "STREAK", "EXPLORATION", "MASTERY", "SOCIAL", "TIME"],
    "achievement_rarity": ["COMMON", "UNCOMMON", "RARE", "LEGENDARY"],
    # Not in the specification: the progress engine adds these.
    "leaderboard": ["ALL_TIME", "WEEK", "MONTH"],
    "audit_action": ["INSERT", "UPDATE", "DELETE", "ANONYMISE"],
}

INDEXES = {
    "idx_user_email": "users unique btree (fold_name(email))",
    "idx_user_username": "users unique btree (fold_name(username))",
    "idx_user_activity": "users btree (is_active, last_login_at)",
    "idx_profile_xp": "user_profiles btree (total_xp)",
    "idx_profile_level": "user_profiles btree (current_level)",
    "idx_profile_activity": "user_profiles btree (last_activity_at)",
    "idx_category_slug": "skill_categories unique btree (slug)",
    "idx_category_sort": "skill_categories btree (sort_order)",
    "idx_tree_category_published": "skill_trees btree (category_id, is_published)",
    "idx_tree_slug": "skill_trees unique btree (slug)",
    "idx_tree_difficulty": "skill_trees btree (difficulty, is_published)",
    "idx_tree_tags": "skill_trees gin (tags)",
    "idx_tree_prerequisites": "skill_trees gin (prerequisites)",
    "idx_tree_fulltext": "skill_trees gin (search_document)",
    "idx_skill_tree_active": "skills btree (skill_tree_id, is_active)",
    "idx_skill_parent": "skills btree (parent_skill_id)",
    "idx_skill_dependencies": "skills gin (dependencies)",
    "idx_skill_dependents": "skills gin (dependents)",
    "idx_skill_type_difficulty": "skills btree (skill_type, difficulty)",
    "idx_skill_position": "skills btree (position_x, position_y)",
    "idx_skill_milestones": "skills btree (is_milestone, is_active)",
    "idx_skill_fulltext": "skills gin (search_document)",
    "unique_user_tree_progress": "user_skill_tree_progress primary btree (user_id, skill_tree_id)",
    "idx_user_tree_status": "user_skill_tree_progress btree (user_id, status)",
    "idx_tree_user_status": "user_skill_tree_progress btree (skill_tree_id, status)",
    "idx_tree_progress_activity": "user_skill_tree_progress btree (last_activity_at)",
    "unique_user_skill_progress": "user_skill_progress primary btree (user_id, skill_id)",
    "idx_user_skill_status": "user_skill_progress btree (user_id, status)",
    "idx_skill_user_status": "user_skill_progress btree (skill_id, status)",
    "idx_tree_user_progress": "user_skill_progress btree (skill_tree_id, user_id)",
    "idx_skill_progress_activity": "user_skill_progress btree (last_activity_at)",
    "idx_skill_completion": "user_skill_progress btree (completed_at)",
    "idx_achievement_category": "achievements btree (category, is_active)",
    "idx_achievement_rarity": "achievements btree (rarity)",
    "unique_user_achievement": "user_achievements primary btree (user_id, achievement_id)",
    "idx_user_achievement_date": "user_achievements btree (user_id, earned_at)",
    "idx_achievement_users": "user_achievements btree (achievement_id)",
    "idx_user_session_active": "user_sessions btree (user_id, is_active)",
    # Active sessions only: no query needs the last use of an ended session.
    "idx_session_activity": "user_sessions btree (last_activity_at) partial",
}

# (table, columns) -> (referenced table, action on delete). Prisma's defaults are `restrict`, and `set null` for
# optional relations.
FOREIGN_KEYS = {
    ("user_profiles", "user_id"): ("users", "cascade"),
    ("skill_trees", "category_id"): ("skill_categories", "no action"),
    ("skills", "skill_tree_id"): ("skill_trees", "cascade"),
    ("skills", "skill_tree_id, language"): ("skill_trees", "cascade"),
    ("skills", "parent_skill_id, skill_tree_id"): ("skills", "set null (parent_skill_id)"),
    ("user_skill_tree_progress", "user_id"): ("users", "cascade"),
    ("user_skill_tree_progress", "skill_tree_id"): ("skill_trees", "cascade"),
    ("user_skill_progress", "user_id"): ("users", "cascade"),
    ("user_skill_progress", "skill_id, skill_tree_id"): ("skills", "cascade"),
    ("user_achievements", "user_id"): ("users", "cascade"),
    ("user_achievements", "achievement_id"): ("achievements", "cascade"),
    ("user_sessions", "user_id"): ("users", "cascade"),
    ("user_tokens", "user_id"): ("users", "cascade"),
    ("xp_events", "user_id"): ("users", "cascade"),
    ("user_activity_days", "user_id"): ("users", "cascade"),
    ("user_scores", "user_id"): ("users", "cascade"),
    ("achievement_backfills", "achievement_id"): ("achievements", "cascade"),
    ("begun_trees", "skill_tree_id"): ("skill_trees", "cascade"),
}

LENGTHS = [
    ("users", "username", 50),
    ("users", "first_name", 100),
    ("users", "last_name", 100),
    ("user_profiles", "location", 200),
    ("skill_categories", "name", 100),
    ("skill_categories", "slug", 100),
    ("skill_categories", "icon", 100),
    ("skill_trees", "name", 200),
    ("skill_trees", "slug", 200),
    ("skill_trees", "short_description", 300),
    ("skills", "name", 200),
    ("skills", "short_name", 50),
    ("achievements", "name", 200),
]

PER_USER = [
    "user_achievements",
    "user_activity_days",
    "user_profiles",
    "user_scores",
    "user_sessions",
    "user_skill_progress",
    "user_skill_tree_progress",
    "user_tokens",
]
CATALOGUE = [
    "achievement_backfills",
    "achievements",
    "begun_trees",
    "levels",
    "login_attempts",
    "skill_categories",
    "skill_trees",
    "skills",
]

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def schema_url(template: NoopExecutor) -> Iterator[str]:
    yield from _database(template, "schema", clone=True)


@pytest.fixture
def connection(schema_url: str) -> Iterator[Connection]:
    """A transaction that is rolled back after the test."""
    with psycopg.connect(schema_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def rows(connection: Connection) -> dict[str, UUID]:
    """One row in each table, inserted in that transaction: ids by table name."""
    found: dict[str, UUID] = {}
    found["users"] = insert(connection, "users", email="ada@example.org", username="ada", password_hash=HASH)
    insert(connection, "user_profiles", "user_id", user_id=found["users"])
    found["user_profiles"] = found["users"]
    found["skill_categories"] = insert(connection, "skill_categories", name="Web", slug="web")
    category = found["skill_categories"]
    found["skill_trees"] = insert(connection, "skill_trees", category_id=category, name="Frontend", slug="frontend")
    found["skills"] = insert(connection, "skills", skill_tree_id=found["skill_trees"], name="HTML")
    found["achievements"] = insert(
        connection, "achievements", name="First", description="One skill", criteria=Jsonb(CRITERIA)
    )
    user = {"user_id": found["users"]}
    found["user_sessions"] = insert(connection, "user_sessions", **user)
    found["user_achievements"] = insert(connection, "user_achievements", **user, achievement_id=found["achievements"])
    found["user_skill_tree_progress"] = insert(
        connection, "user_skill_tree_progress", **user, skill_tree_id=found["skill_trees"]
    )
    found["user_skill_progress"] = insert(
        connection, "user_skill_progress", **user, skill_id=found["skills"], skill_tree_id=found["skill_trees"]
    )
    insert(connection, "user_activity_days", "user_id", **user, activity_date="2025-01-01")
    score = {"board": "ALL_TIME", "starts_on": "1970-01-01", "xp": 1, "reached_at": "2025-01-01", "is_listed": True}
    insert(connection, "user_scores", "user_id", **user, **score)
    return found


HASH = "$2b$04$" + "a" * 53
CRITERIA = {"type": "xp_threshold", "threshold": 1}


def insert(connection: Connection, table: str, key: str = "id", /, **values: object) -> UUID:
    statement = sql.SQL("insert into {} ({}) values ({}) returning {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Placeholder, values)),
        sql.Identifier(key),
    )
    row = connection.execute(statement, values).fetchone()
    assert row is not None
    assert isinstance(row[0], UUID)
    return row[0]


def change(connection: Connection, table: str, column: str, value: object, *, type: str | None = None) -> None:  # noqa: A002
    """Set one column of every row, and roll back if the database refuses."""
    cast = sql.SQL("::" + type if type else "")
    statement = sql.SQL("update {} set {} = {}{}").format(
        sql.Identifier(table), sql.Identifier(column), sql.Placeholder(), cast
    )
    with connection.transaction():
        connection.execute(statement, [value])


def refused_by(connection: Connection, table: str, column: str, value: object, *, type: str | None = None) -> str:  # noqa: A002
    """Return the constraint that refuses a value."""
    with pytest.raises(psycopg.DatabaseError) as caught:
        change(connection, table, column, value, type=type)
    return caught.value.diag.constraint_name or ""


def column_of(connection: Connection, query: str, *params: object) -> list[object]:
    return [row[0] for row in connection.execute(query, params)]


# --- tables, columns, enums ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", COLUMNS)
def test_every_table_has_the_columns_of_the_specification(connection: Connection, table: str) -> None:
    specified = {}
    for line in COLUMNS[table].strip().splitlines():
        match = re.fullmatch(r"\s*(\w+)\s+(\S+(?: precision)?)\s+(not null|null)\s*(.*)", line)
        assert match is not None, line
        specified[match[1]] = (match[2], match[3], match[4] or None)

    found = {
        name: (
            type_.replace("timestamp with time zone", "timestamptz"),
            "not null" if not_null else "null",
            default and re.sub(r"::[\w\[\]]+$", "", default),
        )
        for name, type_, not_null, default in connection.execute(
            """
            select attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)
            from pg_attribute
            left join pg_attrdef on adrelid = attrelid and adnum = attnum
            where attrelid = %s::regclass and attnum > 0 and not attisdropped
            """,
            [table],
        )
    }

    assert {name: found.get(name) for name in specified} == specified


def test_enums_have_the_labels_of_the_specification_in_the_same_order(connection: Connection) -> None:
    query = """
        select typname, array_agg(enumlabel::text order by enumsortorder)
        from pg_enum inner join pg_type on pg_type.oid = enumtypid
        group by typname
    """

    found: dict[str, list[str]] = dict(connection.execute(query).fetchall())

    assert found == ENUMS


def test_every_timestamp_has_a_time_zone(connection: Connection) -> None:
    query = """
        select table_name || '.' || column_name from information_schema.columns
        where table_schema = 'public' and table_name !~ 'yoyo|^skilltree_'
            and data_type in ('timestamp without time zone', 'time without time zone')
    """

    found = column_of(connection, query)

    assert found == []


def test_no_text_column_is_limited_by_its_type(connection: Connection) -> None:
    query = """
        select table_name || '.' || column_name from information_schema.columns
        where table_schema = 'public' and table_name !~ 'yoyo|^skilltree_'
            and data_type in ('character varying', 'character', 'json')
    """

    found = column_of(connection, query)

    assert found == []


def test_no_extension_is_installed(connection: Connection) -> None:
    query = "select extname from pg_extension where extname <> 'plpgsql'"

    found = column_of(connection, query)

    assert found == []


# --- indexes and keys ------------------------------------------------------------------------------------------------


@pytest.fixture
def indexes(connection: Connection) -> dict[str, str]:
    """The definition of each index by name, in the notation of INDEXES."""
    query = """
        select
            index.relname,
            format(
                '%s%s %s (%s)',
                indrelid::regclass,
                case when indisprimary then ' primary' when indisunique then ' unique' end,
                amname,
                (
                    select string_agg(pg_get_indexdef(indexrelid, place, true), ', ' order by place)
                    from generate_series(1, indnkeyatts) as place
                )
            ) || case when indpred is null then '' else ' partial' end
        from pg_index
        inner join pg_class as index on index.oid = indexrelid
        inner join pg_am on pg_am.oid = index.relam
        where index.relnamespace = 'public'::regnamespace
    """
    return dict(connection.execute(query).fetchall())


@pytest.mark.parametrize("name", INDEXES)
def test_every_index_of_the_specification_exists(indexes: dict[str, str], name: str) -> None:
    found = indexes.get(name)

    assert found == INDEXES[name]


def test_no_index_exists_twice(indexes: dict[str, str]) -> None:
    by_columns: dict[str, list[str]] = {}

    for name, definition in indexes.items():
        by_columns.setdefault(re.sub(" (primary|unique)", "", definition), []).append(name)

    assert {columns: names for columns, names in by_columns.items() if len(names) > 1} == {}


def test_foreign_keys_refer_and_cascade_as_specified(connection: Connection) -> None:
    query = """
        select conrelid::regclass::text, confrelid::regclass::text, pg_get_constraintdef(oid)
        from pg_constraint
        where contype = 'f' and connamespace = 'public'::regnamespace
            and conrelid in (select oid from pg_class where not relispartition)
    """
    found = {}

    for table, target, definition in connection.execute(query):
        columns = re.match(r"FOREIGN KEY \((.*?)\)", str(definition))
        action = re.search(r"ON DELETE (CASCADE|SET NULL(?: \(.*?\))?)", str(definition))
        assert columns is not None
        found[str(table), columns[1]] = (str(target), action[1].lower() if action else "no action")

    assert found == FOREIGN_KEYS


def test_every_foreign_key_has_an_index_that_begins_with_its_first_column(connection: Connection) -> None:
    query = """
        select conname from pg_constraint
        where contype = 'f' and connamespace = 'public'::regnamespace
            and not exists (
                select from pg_index where indrelid = conrelid and indkey[0] = conkey[1] and indpred is null
            )
    """

    found = column_of(connection, query)

    assert found == []


def test_every_constraint_has_an_explicit_name(connection: Connection) -> None:
    query = """
        select conname, conrelid::regclass::text, contype from pg_constraint
        where connamespace = 'public'::regnamespace and contype <> 'n' and contype <> 't'
            and conrelid in (select oid from pg_class where not relispartition)
    """
    ours = "pkey|fkey|length|count|size|depth|form|range|distinct|known|agrees"

    found = [
        name
        for name, table, _ in connection.execute(query)
        if not re.fullmatch(rf"(unique|idx)_\w+|{table}_(\w+_)?({ours})", str(name))
    ]

    assert found == []


@pytest.mark.parametrize("kind", ["p", "u"])
def test_keys_of_per_user_tables_begin_with_the_user(connection: Connection, kind: str) -> None:
    query = """
        select conname, attname from pg_constraint
        inner join pg_attribute on attrelid = conrelid and attnum = conkey[1]
        where contype::text = %s and conrelid = any(%s::regclass[])
    """

    found: dict[str, str] = dict(connection.execute(query, [kind, [*PER_USER, "xp_events"]]).fetchall())

    assert set(found.values()) <= {"user_id"}
    assert kind == "u" or len(found) == len(PER_USER) + 1


def test_unique_indexes_of_per_user_tables_begin_with_the_user(connection: Connection) -> None:
    query = """
        select indexrelid::regclass::text from pg_index
        inner join pg_attribute on attrelid = indrelid and attname = 'user_id'
        where indisunique and indrelid = any(%s::regclass[]) and indkey[0] <> attnum
    """

    found = column_of(connection, query, [*PER_USER, "xp_events"])

    assert found == []


def test_the_catalogue_refers_to_no_per_user_table(connection: Connection) -> None:
    query = """
        select conname from pg_constraint
        where contype = 'f' and conrelid = any(%s::regclass[]) and confrelid = any(%s::regclass[])
    """

    found = column_of(connection, query, CATALOGUE, [*PER_USER, "users", "xp_events"])

    assert found == []


# --- levels and the ledger -------------------------------------------------------------------------------------------


def test_the_hundred_levels_start_at_50_n_n_minus_1_xp(connection: Connection) -> None:
    expected = [(level, 50 * level * (level - 1)) for level in range(1, 101)]

    found = connection.execute("select level, min_xp from levels order by level").fetchall()

    assert found == expected


def test_an_event_is_granted_once_for_each_source(connection: Connection, rows: dict[str, UUID]) -> None:
    event = {"user_id": rows["users"], "source_kind": "SKILL", "source_id": rows["skills"], "xp": 0}
    insert(connection, "xp_events", **event)

    with pytest.raises(psycopg.errors.UniqueViolation) as caught, connection.transaction():
        insert(connection, "xp_events", **event)

    assert re.fullmatch(r"xp_events_pkey(_p\d\d)?", str(caught.value.diag.constraint_name))
    assert column_of(connection, "select count(*) from xp_events") == [1]


def test_an_event_outlives_the_skill_it_was_granted_for(connection: Connection, rows: dict[str, UUID]) -> None:
    insert(connection, "xp_events", user_id=rows["users"], source_kind="SKILL", source_id=rows["skills"], xp=5)

    connection.execute("delete from skills")

    assert column_of(connection, "select xp from xp_events") == [5]


@pytest.mark.parametrize(
    ("column", "value"), [("xp", -1), ("xp", 1_000_001), ("source_kind", "GIFT"), ("source_kind", "skill")]
)
def test_the_ledger_refuses_an_invalid_event(
    connection: Connection, rows: dict[str, UUID], column: str, value: object
) -> None:
    insert(connection, "xp_events", user_id=rows["users"], source_kind="SKILL", source_id=rows["skills"], xp=5)

    constraint = refused_by(connection, "xp_events", column, value)

    assert constraint.startswith(f"xp_events_{column}")


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "column", "limit"), LENGTHS)
def test_text_has_the_length_limits_of_the_specification(
    connection: Connection, rows: dict[str, UUID], table: str, column: str, limit: int
) -> None:
    letter = "a" if column == "slug" else "ß"

    change(connection, table, column, letter * limit)
    constraint = refused_by(connection, table, column, letter * (limit + 1))

    assert constraint == f"{table}_{column}_length"
    assert column_of(connection, f"select char_length({column}) from {table}") == [limit]


@pytest.mark.usefixtures("rows")
def test_an_email_may_have_254_characters(connection: Connection) -> None:
    longest = "a" * 242 + "@example.org"

    change(connection, "users", "email", longest)
    constraint = refused_by(connection, "users", "email", "a" + longest)

    assert constraint == "users_email_length"


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@@example.org",
        "a b@example.org",
        "ada@example.org\n",
        "ada@exam\tple.org",
    ],
)
@pytest.mark.usefixtures("rows")
def test_an_invalid_email_is_refused(connection: Connection, email: str) -> None:
    constraint = refused_by(connection, "users", "email", email)

    assert constraint in {"users_email_form", "users_email_length", "users_names_seen"}


@pytest.mark.usefixtures("rows")
def test_email_is_unique_whatever_its_case(connection: Connection) -> None:
    connection.execute("insert into users (email, username, password_hash) values ('b@x.org', 'b', %s)", [HASH])

    with pytest.raises(psycopg.errors.UniqueViolation) as caught, connection.transaction():
        connection.execute("update users set email = 'ADA@Example.ORG' where username = 'b'")

    assert caught.value.diag.constraint_name == "idx_user_email"


@pytest.mark.parametrize("username", ["", " ada", "ada ", "a\nda", "ada\n", "\u0007"])
@pytest.mark.usefixtures("rows")
def test_bad_username_is_refused(connection: Connection, username: str) -> None:
    constraint = refused_by(connection, "users", "username", username)

    assert constraint in {"users_username_form", "users_username_length", "users_names_seen"}


@pytest.mark.parametrize(
    "value", ["", "password123", "$2b$04$short", HASH + "a", HASH.replace("$2b", "$1"), f"{HASH}\n"]
)
@pytest.mark.usefixtures("rows")
def test_only_a_bcrypt_hash_is_accepted(connection: Connection, value: str) -> None:
    constraint = refused_by(connection, "users", "password_hash", value)

    assert constraint == "users_password_hash_form"


@pytest.mark.parametrize(("table", "column"), [("skill_categories", "color"), ("achievements", "badge_color")])
@pytest.mark.parametrize(
    "color",
    [
        "",
        "#",
        "#12345",
        "#1234567",
        "123456",
        "#GGGGGG",
        "red",
        " #123456",
        "#123456 ",
        "#123456\n",
        "#\uff11\uff12\uff13\uff14\uff15\uff16",
    ],
)
@pytest.mark.usefixtures("rows")
def test_an_invalid_colour_is_refused(connection: Connection, table: str, column: str, color: str) -> None:
    constraint = refused_by(connection, table, column, color)

    assert constraint == f"{table}_{column}_form"


@pytest.mark.parametrize(("table", "column"), [("skill_categories", "color"), ("achievements", "badge_color")])
@pytest.mark.parametrize("color", ["#3B82F6", "#3b82f6", "#000000", None])
@pytest.mark.usefixtures("rows")
def test_a_valid_colour_is_accepted(connection: Connection, table: str, column: str, color: str | None) -> None:
    change(connection, table, column, color)

    assert column_of(connection, f"select {column} from {table}") == [color]


@pytest.mark.parametrize("table", ["skill_categories", "skill_trees"])
@pytest.mark.parametrize("slug", ["", "-", "-a", "a-", "a--b", "A", "a b", "a_b", "ä", "a\n", "a/b", "a.b", "%"])
@pytest.mark.usefixtures("rows")
def test_an_invalid_slug_is_refused(connection: Connection, table: str, slug: str) -> None:
    constraint = refused_by(connection, table, "slug", slug)

    assert constraint == f"{table}_slug_form"


def test_no_float_column_accepts_nan_or_infinity(connection: Connection, rows: dict[str, UUID]) -> None:
    query = """
        select relname::text, attname::text from pg_class
        inner join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
            and atttypid = any('{double precision, real, numeric}'::regtype[])
    """
    columns = connection.execute(query).fetchall()
    assert {table for table, _ in columns} <= set(rows)

    refused = {
        (table, column, value): refused_by(connection, str(table), str(column), value)
        for table, column in columns
        for value in (float("nan"), float("inf"), float("-inf"))
    }

    assert len(refused) >= 9 * 3
    assert {key: name for key, name in refused.items() if name != f"{key[0]}_{key[1]}_range"} == {}


@pytest.mark.parametrize(
    ("table", "column", "low", "high"),
    [
        ("user_skill_tree_progress", "progress_percent", 0, 100),
        ("user_skill_progress", "progress_percent", 0, 100),
        ("user_skill_progress", "completion_score", 0, 100),
        ("user_skill_progress", "engagement_score", 0, 1),
        ("user_achievements", "progress", 0, 100),
        ("skills", "node_size", 1, 3),
        ("user_profiles", "current_level", 1, 100),
    ],
)
@pytest.mark.usefixtures("rows")
def test_a_number_outside_its_limits_is_refused(
    connection: Connection, table: str, column: str, low: int, high: int
) -> None:
    change(connection, table, column, low)
    change(connection, table, column, high)

    refused = [refused_by(connection, table, column, value) for value in (low - 1, high + 1)]

    assert refused == [f"{table}_{column}_range"] * 2


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("user_profiles", "total_xp"),
        ("user_profiles", "skills_completed"),
        ("user_profiles", "hours_learned"),
        ("user_profiles", "trees_started"),
        ("user_profiles", "trees_completed"),
        ("skill_trees", "estimated_hours"),
        ("skills", "estimated_minutes"),
        ("skills", "xp_value"),
        ("achievements", "xp_reward"),
        ("user_skill_tree_progress", "skills_completed"),
        ("user_skill_tree_progress", "total_skills"),
        ("user_skill_tree_progress", "time_spent_minutes"),
        ("user_skill_progress", "time_spent_minutes"),
        ("user_skill_progress", "attempts_count"),
    ],
)
@pytest.mark.usefixtures("rows")
def test_a_negative_count_is_refused(connection: Connection, table: str, column: str) -> None:
    constraint = refused_by(connection, table, column, -1)

    assert constraint == f"{table}_{column}_range"


@pytest.mark.usefixtures("rows")
def test_the_longest_streak_is_never_below_the_current_one(connection: Connection) -> None:
    connection.execute("update user_profiles set current_streak = 3, max_streak = 3")

    constraint = refused_by(connection, "user_profiles", "max_streak", 2)

    assert constraint == "user_profiles_current_streak_range"


@pytest.mark.parametrize(
    ("table", "column", "good"),
    [
        ("user_profiles", "preferences", "{}"),
        ("skill_trees", "layout_config", "{}"),
        ("skill_trees", "theme_config", "{}"),
        ("skills", "content", "{}"),
        ("skills", "resources", "[]"),
        ("skills", "assessments", "{}"),
        ("user_skill_progress", "evidence_data", "{}"),
        ("user_skill_progress", "struggling_indicators", "{}"),
        ("achievements", "criteria", '{"type": "xp_threshold", "threshold": 1}'),
        ("user_achievements", "metadata", "{}"),
        ("user_sessions", "device_info", "{}"),
    ],
)
@pytest.mark.usefixtures("rows")
def test_json_of_the_wrong_kind_is_refused(connection: Connection, table: str, column: str, good: str) -> None:
    bad = {"null", "true", "1", '"text"', "[]", "{}"} - {good}
    if column == "criteria":
        bad |= {'{"type": "x", "threshold": 1}', '{"type": "xp_threshold", "threshold": "1"}', '{"threshold": 1}'}
    change(connection, table, column, good, type="jsonb")

    refused = {refused_by(connection, table, column, value, type="jsonb") for value in bad - {good}}

    assert refused == {f"{table}_{column}_form"}


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("skill_trees", "prerequisites"),
        ("skills", "dependencies"),
        ("skills", "dependents"),
        ("user_skill_tree_progress", "milestones_reached"),
        ("user_skill_tree_progress", "current_path"),
    ],
)
@pytest.mark.parametrize("ids", ["{A,A}", "{A,B,A}", "{NULL}", "{A,NULL}", "{{A},{B}}", "{{A,B},{A,B}}"])
@pytest.mark.usefixtures("rows")
def test_ids_given_twice_or_null_or_in_two_dimensions_are_refused(
    connection: Connection, table: str, column: str, ids: str
) -> None:
    value = re.sub(r"\b[AB]\b", lambda match: str(UUID(int=ord(match[0]))), ids)

    constraint = refused_by(connection, table, column, value, type="uuid[]")

    assert constraint == f"{table}_{column}_distinct"


@pytest.mark.parametrize(
    ("table", "column", "most_items", "most_characters"),
    [
        ("skill_trees", "tags", 100, 100),
        ("skills", "learning_objectives", 200, 2000),
        ("user_profiles", "learning_goals", 100, 500),
        ("user_profiles", "interests", 100, 100),
    ],
)
@pytest.mark.usefixtures("rows")
def test_a_list_of_texts_refuses_empty_null_long_and_nested_ones(
    connection: Connection, table: str, column: str, most_items: int, most_characters: int
) -> None:
    items = [str(number) for number in range(most_items)]
    change(connection, table, column, items)
    change(connection, table, column, ["ß" * most_characters])
    bad: list[object] = [
        [""],
        ["a", ""],
        [None],
        ["a", None],
        [["a"], ["b"]],
        [*items, "more"],
        ["ß" * (most_characters + 1)],
    ]

    refused = [refused_by(connection, table, column, value, type="text[]") for value in bad]

    assert refused == [f"{table}_{column}_form"] * len(bad)


@pytest.mark.parametrize("timezone", ["Europe/Lisbon", "UTC", "America/Argentina/Buenos_Aires", None])
@pytest.mark.usefixtures("rows")
def test_a_time_zone_of_the_iana_database_is_accepted(connection: Connection, timezone: str | None) -> None:
    change(connection, "user_profiles", "timezone", timezone)

    assert column_of(connection, "select timezone from user_profiles") == [timezone]


@pytest.mark.parametrize("timezone", ["", "Mars/Olympus", "FOO3", "+02:00", "Europe/Lisbon ", "localtime", "Factory"])
@pytest.mark.usefixtures("rows")
def test_a_time_zone_outside_the_iana_database_is_refused(connection: Connection, timezone: str) -> None:
    constraint = refused_by(connection, "user_profiles", "timezone", timezone)

    assert constraint == "user_profiles_timezone_known"


@pytest.mark.usefixtures("rows")
def test_a_session_is_active_exactly_until_it_ends(connection: Connection) -> None:
    refused = [
        refused_by(connection, "user_sessions", "is_active", False),
        refused_by(connection, "user_sessions", "ended_at", "2026-01-01T00:00Z"),
    ]

    assert refused == ["user_sessions_ended_at_agrees"] * 2


def test_the_tree_of_skill_progress_must_be_that_of_the_skill(connection: Connection, rows: dict[str, UUID]) -> None:
    other = insert(connection, "skill_trees", category_id=rows["skill_categories"], name="Other", slug="other")

    constraint = refused_by(connection, "user_skill_progress", "skill_tree_id", other)

    assert constraint == "user_skill_progress_skill_id_fkey"


def test_a_category_with_trees_cannot_be_deleted(connection: Connection, rows: dict[str, UUID]) -> None:
    assert rows["skill_trees"]

    with pytest.raises(psycopg.errors.ForeignKeyViolation) as caught, connection.transaction():
        connection.execute("delete from skill_categories")

    assert caught.value.diag.constraint_name == "skill_trees_category_id_fkey"
    assert column_of(connection, "select count(*) from skill_categories") == [1]


@pytest.mark.usefixtures("rows")
def test_deleting_a_user_deletes_their_rows_and_nothing_else(connection: Connection) -> None:
    connection.execute("delete from users")

    tables = {*COLUMNS, *PER_USER}
    counts = {table: column_of(connection, f"select count(*) from {table}")[0] for table in tables}

    assert {table for table, count in counts.items() if count == 0} == {"users", *PER_USER}


# --- generated values ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [table for table, columns in COLUMNS.items() if "updated_at" in columns])
@pytest.mark.usefixtures("rows")
def test_updated_at_is_set_by_the_database_when_a_row_changes(connection: Connection, table: str) -> None:
    connection.execute("set local session_replication_role = replica")
    connection.execute(f"update {table} set updated_at = '2020-01-01', created_at = '2020-01-01'")
    connection.execute("set local session_replication_role = origin")

    connection.execute(f"update {table} set updated_at = '2020-01-02'")

    found = connection.execute(f"select updated_at = now(), created_at = '2020-01-01' from {table}").fetchall()
    assert found == [(True, True)]


@pytest.mark.parametrize("table", [table for table, columns in COLUMNS.items() if "updated_at" in columns])
@pytest.mark.usefixtures("rows")
def test_updated_at_moves_for_a_statement_that_does_not_set_it(connection: Connection, table: str) -> None:
    connection.execute("set local session_replication_role = replica")
    connection.execute(f"update {table} set updated_at = now() - interval '10 seconds'")
    connection.execute("set local session_replication_role = origin")

    connection.execute(f"update {table} set created_at = created_at")

    assert column_of(connection, f"select distinct updated_at = now() from {table}") == [True]


def test_ids_are_version_7_and_in_the_order_of_creation(connection: Connection) -> None:
    count = 10_000

    ids = column_of(connection, "select uuidv7() from generate_series(1, %s)", count)

    assert all(isinstance(id_, UUID) and (id_.version, id_.variant) == (7, "specified in RFC 4122") for id_ in ids)
    assert len(set(ids)) == count
    milliseconds = [UUID(str(id_)).int >> 80 for id_ in ids]
    assert all(one <= next_ for one, next_ in pairwise(milliseconds))


def test_ids_contain_their_time_of_creation(connection: Connection) -> None:
    before, id_, after = connection.execute(
        "select extract(epoch from clock_timestamp()), uuidv7(), extract(epoch from clock_timestamp())"
    ).fetchone() or (0, 0, 0)

    seconds = (UUID(str(id_)).int >> 80) / 1000

    assert float(str(before)) - 0.001 <= seconds <= float(str(after)) + 0.001


def test_ids_of_different_milliseconds_sort_by_time(connection: Connection) -> None:
    ids = column_of(
        connection, "select uuidv7() from generate_series(1, 20) cross join lateral (select pg_sleep(0.002)) as pause"
    )

    assert ids == sorted(ids, key=str)


def test_ids_have_a_random_part_that_does_not_repeat(connection: Connection) -> None:
    ids = column_of(connection, "select uuidv7() from generate_series(1, 1000)")

    random_bits = {UUID(str(id_)).int & ((1 << 62) - 1) for id_ in ids}

    assert len(random_bits) == 1000


def test_the_search_vector_follows_name_and_description(connection: Connection, rows: dict[str, UUID]) -> None:
    connection.execute(
        "update skills set name = 'Rendering', description = 'browsers paint' where id = %s", [rows["skills"]]
    )

    found = column_of(
        connection,
        "select search_document @@ websearch_to_tsquery('english', 'render browser') from skills",
    )

    assert found == [True]
