"""Example rows for every table of any schema, to try migrations on."""

import hashlib
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from itertools import count
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

import psycopg
from psycopg import Connection, sql

from skilltree._core.queries import load
from skilltree.errors import MigrationError

EXAMPLES: dict[str, str | None] = {
    "achievements.criteria": '{"type": "xp_threshold", "threshold": 10}',
    "audit_log.transaction_id": "1",
    "leaderboard_counts.counts": "{" + ",".join(["1"] * 64) + "}",
    "shared_audit_log.transaction_id": "1",
    "skill_trees.language": "en",
    "skills.resources": "[]",
    "user_profiles.timezone": "Europe/Lisbon",
    "user_sessions.is_active": "false",
    "user_skill_progress.status": "COMPLETED",
    "user_skill_tree_progress.status": "COMPLETED",
    "user_tokens.email": "learner{number}@example.org",
    "user_tokens.purpose": "PASSWORD_RESET",
    "users.avatar_url": "https://example.org/{number}.png",
    "users.email": "learner{number}@example.org",
    "users.password_hash": "$2b$04$" + "a" * 53,
    "xp_events.source_kind": "SKILL",
}
"""Values for columns that refuse a value made up from their type. ``{number}`` differs in each row."""

_OUR_HOME = "EXAMPLES in skilltree.migration_gate.example_rows"
_OWN_HOME = "[tool.skilltree.examples] in pyproject.toml"

_BY_NAME = {"badge_color": "#0088ff", "color": "#0088ff", "slug": "slug-{number}"}
_BY_TYPE = {"uuid": "{uuid}", "bytea": "\\x{digest}", "json": "{{}}", "jsonb": "{{}}"}
_BY_CATEGORY = {
    "A": "{{}}",
    "B": "true",
    "D": "now",
    "I": "127.0.0.1",
    "N": "1",
    "S": "{column} {number}",
    "T": "1 hour",
}

Row = dict[str, object]
Contents = dict[str, list[Row]]


class Column(NamedTuple):
    """A column to write, as returned by ``queries/catalog/columns.sql``."""

    table: str
    name: str
    type_name: str
    category: str
    first_label: str | None
    is_required: bool


class ForeignKey(NamedTuple):
    """A foreign key, as returned by ``queries/catalog/foreign_keys.sql``."""

    table: str
    columns: list[str]
    referenced_table: str
    referenced_columns: list[str]


def columns(connection: Connection) -> dict[str, list[Column]]:
    """Return the columns of every table."""
    found: dict[str, list[Column]] = {}
    for row in connection.execute(load("catalog/columns")):
        found.setdefault(row[0], []).append(Column(*row))
    return found


def contents(connection: Connection) -> Contents:
    """Return every row of every table, in any order."""
    return {table: _rows(connection, table) for table in columns(connection)}


class ExampleRows:
    """Adds two rows to every table at each call: one with only the required columns, and one with all."""

    def __init__(self, connection: Connection, examples: Mapping[str, str] | None = None) -> None:
        self._connection = connection
        self._examples: Mapping[str, str | None] = EXAMPLES | dict(examples or {})
        self._home = _OUR_HOME if examples is None else _OWN_HOME
        self._numbers = count(1)

    def add(self) -> None:
        """Add two rows to every table. Raises MigrationError for a table whose rows cannot be made up."""
        tables = columns(self._connection)
        keys = [ForeignKey(*row) for row in self._connection.execute(load("catalog/foreign_keys"))]
        referenced = {
            table: [key.referenced_table for key in keys if key.table == table and key.referenced_table != table]
            for table in tables
        }
        for complete in (False, True):
            number = next(self._numbers)
            rows: dict[str, Row] = {}
            for table in TopologicalSorter(referenced).static_order():
                given = [column for column in tables[table] if complete or column.is_required]
                values = self._made_up(given, [key for key in keys if key.table == table], rows, number)
                rows[table] = self._insert(table, values)

    def _insert(self, table: str, values: dict[str, object]) -> Row:
        statement = sql.SQL("insert into {} as made {} on conflict do nothing returning to_jsonb(made)").format(
            _table(table),
            sql.SQL("({}) values ({})").format(
                sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(map(sql.Literal, values.values()))
            )
            if values
            else sql.SQL("default values"),
        )
        try:
            made = self._connection.execute(statement).fetchone()
        except psycopg.Error as error:
            raise MigrationError(
                f"no example row can be made up for {table}: {error.diag.message_primary or error}. Add a value for its"
                f" column to {self._home}"
            ) from error
        # The migrations themselves have filled the table, for example the levels.
        return made[0] if made else _rows(self._connection, table)[0]

    def _made_up(
        self, given: Iterable[Column], keys: list[ForeignKey], rows: dict[str, Row], number: int
    ) -> dict[str, object]:
        values: dict[str, object] = {column.name: self._value(column, number) for column in given}
        taken: set[str] = set()
        for key in keys:
            if key.referenced_table == key.table:
                # There may be no row to refer to yet.
                values |= {name: None for name in key.columns if name in values and name not in taken}
                continue
            for name, referenced in zip(key.columns, key.referenced_columns, strict=True):
                if name in values and name not in taken:
                    values[name] = rows[key.referenced_table][referenced]
                    taken.add(name)
        return values

    def _value(self, column: Column, number: int) -> str | None:
        key = f"{column.table}.{column.name}"
        form = self._examples.get(key) or _BY_NAME.get(column.name) or column.first_label
        if form is None:
            form = _BY_TYPE.get(column.type_name) or _BY_CATEGORY.get(column.category)
            if form is None:
                raise MigrationError(
                    f"no value can be made up for {key}, a {column.type_name}: add one to {self._home}"
                )
            unique = f"{key} {number}"
            return form.format(
                column=column.name,
                number=number,
                uuid=uuid5(NAMESPACE_URL, unique),
                digest=hashlib.sha256(unique.encode()).hexdigest(),
            )
        return form.replace("{number}", str(number))


def _rows(connection: Connection, table: str) -> list[Row]:
    found = connection.execute(sql.SQL("select to_jsonb(kept) from {} as kept").format(_table(table)))
    return [row for (row,) in found]


def _table(name: str) -> sql.Composable:
    """Return a table's name for a statement. The server has already quoted it where necessary."""
    return sql.SQL(name)
