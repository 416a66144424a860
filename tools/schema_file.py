"""Writes ``schema.sql``: the whole schema after all migrations, for readers.

It is generated from the fingerprint of a new database, which ``skilltree drift`` also compares. An entry that does not
fit into the file is an error, so that nothing is left out. ``--check`` compares the file with the database of
``DATABASE_URL`` and writes nothing.
"""

import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from skilltree import embedded, migrate
from skilltree.migrate.scratch import scratch_database

ROOT = Path(__file__).parents[1]
FILE = ROOT / "schema.sql"

_HEAD = """\
-- The whole schema after all migrations: types, tables, views, then functions, each in the order in which the
-- migrations create them. The reasons are in migrations/. `skilltree format` generates this file on PostgreSQL 18, with
-- the definitions as that server shows them. It is only for readers: `skilltree migrate` creates a database.
--
-- Partitions of audit_log and the privileges of the owner are not shown.
"""
_COLUMN = re.compile(
    r"(?P<place>\d+) (?P<type>.+?)(?P<required> not null)?(?: identity (?P<identity>\w))?"
    r"(?: generated (?P<generated>\w))?(?: default (?P<default>.+))?",
    re.DOTALL,
)
_RELATION = re.compile(
    r"persistence p replica identity [dn](?: using heap)?(?: partition by (?P<partition>\w+ \(.+?\)))?"
    r"(?: with \{(?P<options>.+?)\})?(?P<secured> row level security forced row level security)?(?: as (?P<query>.+))?",
    re.DOTALL,
)
_POLICY = re.compile(
    r"permissive for (?P<command>\S) to (?P<role>\w+)(?: using (?P<using>.+?))?(?: with check (?P<check>.+))?",
    re.DOTALL,
)
_TYPE = re.compile(r"kind (?:c|e (?P<labels>.+))", re.DOTALL)
_COMMANDS = {"*": "all", "r": "select", "a": "insert", "w": "update", "d": "delete"}


def text(url: str) -> str:
    """Return the schema of a migrated database as SQL."""
    return _Schema(migrate.fingerprint(url), owner=str(conninfo_to_dict(url)["user"])).text()


def write() -> None:
    """Write the file again, with a temporary server."""
    with embedded.throw_away() as server, scratch_database(server) as url:
        FILE.write_text(text(url), encoding="utf-8")


class _Schema:
    """The entries of a fingerprint. Each entry is used once."""

    def __init__(self, entries: dict[str, str], *, owner: str) -> None:
        self._left = {
            # The text of a function stays as it was written.
            _unqualified(name): definition if name.startswith(("function ", "procedure ")) else _unqualified(definition)
            for name, definition in entries.items()
        }
        self._owner = owner
        self._source = "".join(
            file.read_text(encoding="utf-8")
            for file in sorted(migrate.folder().glob("*.sql"))
            if not file.name.endswith(".rollback.sql")
        )

    def text(self) -> str:
        parts = [_HEAD, *self._defaults()]
        for kind, describe in (
            ("type", self._type),
            ("sequence", self._sequence),
            ("table", self._table),
            ("view", self._view),
            ("function", self._routine),
            ("procedure", self._routine),
        ):
            for name in self._names(kind):
                parts += describe(kind, name)
        if self._left:
            raise ValueError(f"schema.sql has no place for {', '.join(self._left)}")
        return "\n".join(parts)

    def _names(self, kind: str) -> list[str]:
        """Return the objects of a kind in the order of the migrations. Objects that a migration generates come last."""
        names = [name.removeprefix(f"{kind} ") for name in self._left if name.startswith(f"{kind} ")]

        def place(name: str) -> tuple[int, str]:
            bare = re.escape(name.partition("(")[0])
            found = re.search(rf"create (?:type|sequence|table|view|function|procedure) {bare}\b", self._source)
            return (found.start() if found else len(self._source), name)

        return sorted(names, key=place)

    def _taken(self, pattern: str) -> Iterator[tuple[str, str]]:
        """Remove the entries whose names match, and yield the group that the pattern matched, with the definition."""
        for name in list(self._left):
            if found := re.fullmatch(pattern, name):
                yield found[1], self._left.pop(name)

    def _defaults(self) -> Iterator[str]:
        for what, granted in self._taken(rf"grants on (default acl for role {self._owner} .*|schema public)"):
            yield f"-- {what.replace(f'for role {self._owner} ', '')}: {granted}"
        yield ""

    def _type(self, kind: str, name: str) -> Iterator[str]:
        found = _match(_TYPE, self._left.pop(f"{kind} {name}"))
        if found["labels"]:
            yield f"create type {name} as enum ({found['labels']});\n"
        else:
            yield f"create type {name} as (\n{_listed(self._columns(name))}\n);\n"
        yield from self._grants(kind, name)

    def _sequence(self, kind: str, name: str) -> Iterator[str]:
        definition = self._left.pop(f"{kind} {name}")
        if " owned by " not in definition:
            yield f"-- {definition}\ncreate sequence {name};\n"
        yield from self._grants(kind, name)

    def _table(self, kind: str, name: str) -> Iterator[str]:
        relation = _match(_RELATION, self._left.pop(f"{kind} {name}"))
        columns = self._columns(name)
        constraints = dict(self._taken(rf"constraint (\w+) on {name}"))
        for column, definition in columns.items():
            # The column already has `not null`.
            if definition.endswith(" not null") or " not null " in definition:
                constraints.pop(f"{name}_{column}_not_null", None)
        inside = [*_lines(columns), *(f"constraint {key} {value}" for key, value in sorted(constraints.items()))]
        partition = f"\npartition by {relation['partition']}" if relation["partition"] else ""
        options = f"\nwith ({relation['options']})" if relation["options"] else ""
        yield f"create table {name} (\n" + ",\n".join(f"    {line}" for line in inside) + f"\n){partition}{options};\n"
        indexed = [
            index
            for index, definition in self._left.items()
            if index.startswith("index ") and re.search(rf" ON (ONLY )?{name} ", definition)
        ]
        for index in indexed:
            definition = self._left.pop(index)
            if index.removeprefix("index ") not in constraints:
                yield f"{definition};\n"
        for _, definition in self._taken(rf"trigger (\w+) on {name}"):
            yield f"{definition.removesuffix(' enabled O')};\n"
        if relation["secured"]:
            yield f"alter table {name} enable row level security, force row level security;\n"
        for policy, definition in self._taken(rf"policy (\w+) on {name}"):
            yield self._policy(policy, name, definition)
        yield from self._grants(kind, name)

    def _policy(self, policy: str, table: str, definition: str) -> str:
        found = _match(_POLICY, definition)
        command = _COMMANDS[str(found["command"])]
        role = "current_user" if found["role"] == self._owner else found["role"]
        rules = [f"    using ({found['using']})"] if found["using"] else []
        rules += [f"    with check ({found['check']})"] if found["check"] else []
        return f"create policy {policy} on {table} for {command} to {role}\n" + "\n".join(rules) + ";\n"

    def _view(self, kind: str, name: str) -> Iterator[str]:
        relation = _match(_RELATION, self._left.pop(f"{kind} {name}"))
        self._columns(name)
        yield f"create view {name} with ({relation['options']}) as\n{relation['query']}\n"
        yield from self._grants(kind, name)

    def _routine(self, kind: str, name: str) -> Iterator[str]:
        definition = self._left.pop(f"{kind} {name}").replace("CREATE OR REPLACE ", "CREATE ", 1).rstrip()
        yield f"{definition};\n"
        yield from self._grants(kind, name)

    def _columns(self, name: str) -> dict[str, str]:
        found = {column: _match(_COLUMN, definition) for column, definition in self._taken(rf"column {name}\.(\w+)")}
        return {
            column: _column(parts)
            for column, parts in sorted(found.items(), key=lambda item: int(item[1]["place"] or 0))
        }

    def _grants(self, kind: str, name: str) -> Iterator[str]:
        """Yield the privileges of roles other than the owner on an object."""
        granted: dict[tuple[str, str], list[str]] = defaultdict(list)
        for _, definition in self._taken(rf"grants on ({kind} {re.escape(name)})"):
            for role, privilege in _privileges(definition):
                granted[role, ""].append(privilege)
        by_column: dict[tuple[str, str], list[str]] = defaultdict(list)
        for column, definition in self._taken(rf"grants on table column {re.escape(name)}\.(\w+)"):
            for role, privilege in _privileges(definition):
                by_column[role, privilege].append(column)
        for (role, _), privileges in sorted(granted.items()):
            yield f"grant {', '.join(privileges)} on {kind} {name} to {role};\n"
        for (role, privilege), columns in sorted(by_column.items()):
            yield f"grant {privilege} ({', '.join(columns)}) on {name} to {role};\n"


def _unqualified(words: str) -> str:
    return words.replace("public.", "").replace("pg_catalog.", "")


def _match(pattern: re.Pattern[str], definition: str) -> dict[str, str | None]:
    found = pattern.fullmatch(definition)
    if found is None:
        raise ValueError(f"schema.sql cannot show: {definition}")
    return found.groupdict()


def _column(parts: dict[str, str | None]) -> str:
    made = f"{parts['type']}{parts['required'] or ''}"
    if parts["identity"]:
        return f"{made} generated {'always' if parts['identity'] == 'a' else 'by default'} as identity"
    if parts["generated"]:
        return f"{made} generated always as ({parts['default']}) stored"
    return f"{made} default {parts['default']}" if parts["default"] else made


def _lines(columns: dict[str, str]) -> Iterator[str]:
    for column, definition in columns.items():
        yield f"{column} {definition}"


def _listed(columns: dict[str, str]) -> str:
    return ",\n".join(f"    {line}" for line in _lines(columns))


def _privileges(definition: str) -> Iterator[tuple[str, str]]:
    for item in definition.split(", "):
        role, _, privilege = item.partition(" ")
        if role != "owner":
            yield role, privilege.lower()


def main(arguments: list[str]) -> int:
    if arguments != ["--check"]:
        write()
        return 0
    if FILE.exists() and FILE.read_text(encoding="utf-8") == text(os.environ["DATABASE_URL"]):
        return 0
    print("schema.sql is not what the migrations make: run make format", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
