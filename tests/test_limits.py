"""Every stored value has a size limit, and every argument is checked."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from pytest_postgresql.executors import NoopExecutor

from conftest import _database
from skilltree import Database
from skilltree._core.arguments import checks_of
from skilltree._core.limits import LIMITS
from skilltree._sync.repository import Repository

Connection = psycopg.Connection[tuple[Any, ...]]

# Types without a size limit.
UNBOUNDED = "'text'::regtype, 'varchar'::regtype, 'bytea'::regtype, 'json'::regtype, 'jsonb'::regtype, 'xml'::regtype"

# Values to try: larger than any value should be, in forms that the checks of a format accept.
TOO_MUCH = {
    "text": ["repeat('x', 1000000)", "'a@' || repeat('x', 1000000)", "'#' || repeat('0', 1000000)"],
    "character varying": ["repeat('x', 1000000)"],
    "bytea": ["convert_to(repeat('x', 1000000), 'utf8')"],
    "text[]": ["array_fill('x'::text, array[100000])", "array[repeat('x', 1000000)]"],
    "uuid[]": ["array(select gen_random_uuid() from generate_series(1, 100000))"],
    "bigint[]": ["array_fill(1::bigint, array[100000])"],
    "integer[]": ["array_fill(1, array[100000])"],
    "jsonb": [
        "jsonb_build_object('a', repeat('x', 20000000))",
        "jsonb_build_array(repeat('x', 20000000))",
        "(repeat('{\"a\":', 5000) || '1' || repeat('}', 5000))::jsonb",
        "(repeat('[', 5000) || repeat(']', 5000))::jsonb",
    ],
}

# Columns whose values from clients are discarded, or must equal a value in another table.
LIMITED_ELSEWHERE = {("skills", "graph_change"), ("skills", "language")}

# Hashes, and copies of an account's values or of an address that were checked before.
NOT_FROM_CALLERS = {
    "login_attempts_identifier_hash_length",
    "login_attempts_network_length",
    "user_sessions_token_hash_length",
    "user_tokens_token_hash_length",
}

DOCUMENTS = {
    *("assessments", "content", "criteria", "device_info", "evidence", "layout_config", "preferences"),
    *("struggling_indicators", "theme_config", "tree"),
}
"""Arguments that their model checks."""

OF_THEIR_OWN = {"after", "bcrypt_cost", "current", "new", "password", "token"}
"""Arguments that their methods check themselves: cursors, and secrets that no message may show."""


@pytest.fixture(scope="module")
def connection(template: NoopExecutor) -> Iterator[Connection]:
    for url in _database(template, "limits", clone=True):
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


# --- what rows hold --------------------------------------------------------------------------------------------------


def growing_columns(connection: Connection) -> list[tuple[str, str, str]]:
    """Return the columns of types without a size limit: table, column and type."""
    return connection.execute(f"""
        select pg_class.relname, pg_attribute.attname, format_type(pg_attribute.atttypid, null)
        from pg_attribute
        inner join pg_class on pg_class.oid = pg_attribute.attrelid
        inner join pg_type on pg_type.oid = pg_attribute.atttypid
        where
            pg_class.relnamespace = 'public'::regnamespace
            and pg_class.relkind in ('r', 'p')
            and not pg_class.relispartition
            -- The trail holds what is within limits elsewhere.
            and pg_class.relname !~ 'yoyo|^skilltree_|^(shared_)?audit_log'
            and pg_attribute.attnum > 0
            and not pg_attribute.attisdropped
            and pg_attribute.attgenerated = ''
            and (pg_attribute.atttypid in ({UNBOUNDED}) or pg_type.typcategory = 'A')
        order by 1, 2
    """).fetchall()  # type: ignore[return-value]


def checks_on(connection: Connection, table: str, column: str) -> list[str]:
    """Return the conditions on a column alone."""
    found = connection.execute(
        """
        select pg_get_expr(conbin, conrelid)
        from pg_constraint
        inner join pg_attribute on attrelid = conrelid and conkey = array[attnum]
        where contype = 'c' and convalidated and conrelid = %s::regclass and attname = %s
        """,
        [table, column],
    )
    return [condition for (condition,) in found]


def test_every_column_of_an_unlimited_type_has_a_size_limit(connection: Connection) -> None:
    columns = growing_columns(connection)

    unlimited = [
        (table, column, value)
        for table, column, kind in columns
        for value in TOO_MUCH[kind]
        if (table, column) not in LIMITED_ELSEWHERE and holds(connection, table, column, kind, value)
    ]

    assert len(columns) > 40
    assert unlimited == []


def holds(connection: Connection, table: str, column: str, kind: str, value: str) -> bool:
    """Return whether the checks of a column accept a value."""
    conditions = checks_on(connection, table, column)
    every = " and ".join(f"coalesce({condition}, true)" for condition in conditions) or "true"
    ((passes,),) = connection.execute(f'select {every} from (select {value}::{kind} as "{column}") as tried').fetchall()
    return bool(passes)


WORDS = {
    r"\(char_length\(\w+\) <= (\d+)\)": "have at most {} characters",
    r"\(\(char_length\(\w+\) >= (\d+)\) AND \(char_length\(\w+\) <= (\d+)\)\)": "have {} to {} characters",
    r"\(cardinality\(\w+\) <= (\d+)\)": "have at most {} items",
    r"is_text_list\(\w+, (\d+), (\d+)\)": "have at most {} items of 1 to {} characters",
    r"\(pg_column_size\(\w+\) <= (\d+)\)": "take at most {} bytes",
    r".*'\$\.\*\*\{(\d+)\}'::jsonpath.*": "be nested at most {} levels deep",
    r"\(\(\w+ >= \(?(\d+)\)?(?:::double precision)?\) AND \(\w+ <= \(?(\d+)\)?(?:::double precision)?\)\)": (
        "be from {} to {}"
    ),
    r"\(\w+ >= (\d+)\)": "be {} or more",
}


def test_every_limit_in_a_message_equals_that_of_the_database(connection: Connection) -> None:
    found = dict(
        connection.execute(
            "select conname, pg_get_expr(conbin, conrelid) from pg_constraint"
            " where contype = 'c' and connamespace = 'public'::regnamespace"
        ).fetchall()
    )

    wrong = {
        name: said
        for name, said in LIMITS.items()
        for pattern, words in WORDS.items()
        if (match := re.fullmatch(pattern, found[name])) and said != words.format(*match.groups())
    }
    unsaid = {name for name in found if name.endswith(("_length", "_count", "_size", "_depth")) and name not in LIMITS}

    assert wrong == {}
    assert unsaid == NOT_FROM_CALLERS


# --- what methods take -----------------------------------------------------------------------------------------------


def test_every_argument_is_checked_by_its_annotation_or_its_model() -> None:
    repositories = [*Database.attached.values()]

    unchecked = {
        argument
        for repository in repositories
        for name, method in inspect.getmembers(repository, inspect.isfunction)
        if not name.startswith("_") and not hasattr(Repository, name)
        for argument, check in checks_of(inspect.unwrap(method)).items()
        if check is None
    }

    assert len(repositories) >= 10
    assert unchecked == DOCUMENTS | OF_THEIR_OWN
