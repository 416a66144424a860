"""Tries migrations on a database with rows: each forward, back and forward again, and then all together."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from skilltree import migrate
from skilltree.migrate.files import Migration, Problem, read_both
from skilltree.migrate.refusals import MigrationFailed
from skilltree.migrate.runs import Backend, turn
from skilltree.migration_gate.compatibility import incompatibilities, promise, queries_before
from skilltree.migration_gate.example_rows import Contents, ExampleRows, contents

_CHANGES = re.compile(r"-- @changes (?P<table>\w+): \w.*")
_ALTERS = re.compile(r"-- @alters (?P<object>.+?): \w.*")
_IS_PART = re.compile(r"column (?P<of_column>.+)\.[^.]+|policy .+ on (?P<of_policy>.+)")


@dataclass(frozen=True)
class _State:
    """The state of a database: its schema, and the rows of its tables."""

    schema: dict[str, str]
    rows: Contents


def _our_queries_before(migration: Path) -> Mapping[str, bytes]:
    return queries_before(migration, migration.parents[1] / "queries")


def walk(
    url: str,
    folder: Path | None = None,
    *,
    application: Path | None = None,
    examples: Mapping[str, str] | None = None,
    old_queries: Callable[[Path], Mapping[str, bytes]] = _our_queries_before,
) -> list[Problem]:
    """Apply each pending migration forward, back and forward again, with rows in every table. Stop at the first fault.

    With the folder ``application``, its migrations are tried, after all of SkillTree's; ``examples`` has values for
    columns of its tables. From an empty database, all migrations are then rolled back and applied together. The promise
    of ``-- @compatible`` is checked with the query files from before the migration, which ``old_queries`` returns.
    """
    with (
        turn(url, read_both(folder, application)) as backends,
        psycopg.connect(url, autocommit=True, client_encoding="utf8") as connection,
    ):
        *below, backend = backends
        for each in below:
            each.run("apply", [found for name, found in each.history.migrations.items() if name not in each.done])
        migrations = backend.history.migrations
        start = migrate.fingerprint(url)
        walked = _Walk(
            url,
            backend,
            connection,
            old_queries,
            rows=ExampleRows(connection, examples),
            foreign=start if below else {},
        )
        try:
            walked.rows.add()
            for name, migration in migrations.items():
                if name in backend.done:
                    continue
                if problems := list(walked.step(migration)):
                    return problems
                walked.rows.add()
            return [] if backend.done else list(walked.everything(list(migrations.values()), start))
        except MigrationFailed as error:
            return [Problem(error.file.name, error.line, str(error), "correct it: it must run on a database with rows")]


class _Walk:
    def __init__(
        self,
        url: str,
        backend: Backend,
        connection: psycopg.Connection,
        old_queries: Callable[[Path], Mapping[str, bytes]],
        *,
        rows: ExampleRows,
        foreign: Mapping[str, str],
    ) -> None:
        self._url = url
        self._backend = backend
        self._connection = connection
        self._old_queries = old_queries
        # The schema of SkillTree, which the application's migrations must leave alone.
        self._foreign = foreign
        self.rows = rows

    def step(self, migration: Migration) -> Iterator[Problem]:
        """Apply a migration, roll it back and apply it again."""
        forward, back = migration.apply.path, migration.rollback.path
        promised = promise(self._connection, self._old_queries(forward)) if migration.is_compatible else None

        before = self._state()
        self._backend.run("apply", [migration])
        after = self._state()
        yield from _lost_rows(forward, before, after, "it changes or loses rows of {table}")
        yield from _altered(forward, self._foreign, after.schema)
        if promised is not None:
            yield from incompatibilities(self._connection, forward, promised)

        self._backend.run("rollback", [migration])
        returned = self._state()
        yield from _differences(back, before.schema, returned.schema, "after it")
        yield from _lost_rows(back, before, returned, "rows of {table} do not come back as they were")
        if before.schema != returned.schema:
            return

        self._backend.run("apply", [migration])
        yield from _differences(forward, after.schema, self._state().schema, "applied again")

    def everything(self, migrations: list[Migration], start: dict[str, str]) -> Iterator[Problem]:
        """Roll back all migrations, and apply all of them again."""
        end = migrate.fingerprint(self._url)
        self._backend.run("rollback", migrations[::-1])
        yield from _differences(
            migrations[0].rollback.path, start, migrate.fingerprint(self._url), "after all rollbacks"
        )
        self._backend.run("apply", migrations)
        yield from _differences(
            migrations[-1].apply.path, end, migrate.fingerprint(self._url), "applied again with all"
        )

    def _state(self) -> _State:
        return _State(migrate.fingerprint(self._url), contents(self._connection))


def _altered(file: Path, foreign: Mapping[str, str], found: Mapping[str, str]) -> Iterator[Problem]:
    """Return which of SkillTree's objects the application's migration has altered, without a reason in its header."""
    declared = {match["object"] for line in file.read_text().splitlines() if (match := _ALTERS.fullmatch(line))}
    altered = [name for name, definition in foreign.items() if found.get(name) != definition]
    added = [name for name in found.keys() - foreign.keys() if _is_added_to(name, foreign)]
    for name in sorted({*altered, *added} - declared):
        yield Problem(
            file.name,
            None,
            f"it alters SkillTree's schema: {name}",
            f"use tables of your own, because a later version may change it; or give a reason: -- @alters {name}: why",
        )


def _is_added_to(name: str, foreign: Mapping[str, str]) -> bool:
    """Return whether an object is a new column or policy of one of these tables."""
    part = _IS_PART.fullmatch(name)
    return part is not None and f"table {part['of_column'] or part['of_policy']}" in foreign


def _differences(file: Path, expected: dict[str, str], found: dict[str, str], when: str) -> Iterator[Problem]:
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) == found.get(name):
            continue
        if name not in expected:
            problem, remedy = f"{when}, {name} is left over", "drop it"
        elif name not in found:
            problem, remedy = f"{when}, {name} is missing", "create it again"
        else:
            problem = f"{when}, {name} differs: {found[name]} instead of {expected[name]}"
            remedy = "restore its definition"
        yield Problem(file.name, None, problem, remedy)


def _lost_rows(file: Path, before: _State, after: _State, problem: str) -> Iterator[Problem]:
    declared = {match["table"] for line in file.read_text().splitlines() if (match := _CHANGES.fullmatch(line))}
    for table in sorted(before.rows.keys() - declared):
        if _kept(before.rows[table], after.rows.get(table, [])) < len(before.rows[table]):
            yield Problem(
                file.name,
                None,
                problem.format(table=table),
                f"keep them, or give a reason in its header: -- @changes {table}: why",
            )


def _kept(before: list[dict[str, object]], after: list[dict[str, object]]) -> int:
    """Return how many rows are unchanged in the columns that both have. Times of change may be later."""
    if not before or not after:
        return 0
    common = [name for name in before[0] if name in after[0] and name != "updated_at"]
    left = [[row[name] for name in common] for row in after]
    kept = 0
    for row in before:
        values = [row[name] for name in common]
        if values in left:
            left.remove(values)
            kept += 1
    return kept
