"""Describes every query file with a freshly migrated server. The files are prepared, but not run.

One exception: a file that must run before another one (``@after``), for example to create a temporary table, is run and
rolled back.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pglast import parse_sql
from psycopg import Connection, pq

from skilltree._core.queries import load
from skilltree.gate.facts import Null
from skilltree.gate.files import QueryFile
from skilltree.gate.headers import line_of, names_of
from skilltree.gate.nullability import Prover
from skilltree.gate.report import Finding
from skilltree.gate.schema import Columns, Described, Schema
from skilltree.migrate.scratch import scratch_database

_MARKS = {"not null": " not null", "unknown": " ?", "null": ""}
_MARKS_OF_VIEWS = {Null.NEVER: " not null", Null.UNKNOWN: " ?", Null.POSSIBLE: ""}

# Nothing tells the server the type of a parameter, as in `$1 is null`.
_NO_TYPE = "42P18"
_NUMBER = re.compile(r"\$(\d+)")

_Raw = tuple[list[int], list[tuple[str, int]]]
"""The OIDs of a statement's parameters, and the names and OIDs of its columns."""


@contextmanager
def fresh_database(application: Path | None = None) -> Iterator[Connection[Any]]:
    """Yield a connection to a new database with all migrations, also an application's. It is dropped afterwards."""
    with scratch_database(application=application) as url, Connection.connect(url, autocommit=True) as connection:
        yield connection


def describe(
    connection: Connection[Any], files: Mapping[str, QueryFile], known: Mapping[str, QueryFile]
) -> tuple[Schema, list[Finding]]:
    """Return what the server tells about the schema and the files, and a finding for each invalid file.

    ``known`` are all files that headers may name.
    """
    schema = Schema(
        tables=_tables(connection),
        enums=dict(connection.execute(load("catalog/enums")).fetchall()),
        functions=dict(connection.execute(load("catalog/functions")).fetchall()),
        volatile=[name for (name,) in connection.execute(load("catalog/volatile_functions"))],
        owners=_owners(connection),
    )
    _add_views(connection, schema)
    findings: list[Finding] = []
    described: dict[str, _Raw] = {}
    for file in files.values():
        # A server need not have the extension that it reads.
        if line_of(file, "extension") is not None:
            continue
        found = _describe(connection, file, known)
        if isinstance(found, Finding):
            findings.append(found)
        else:
            described[file.name] = found
    names = _type_names(connection, described.values())
    for name, (parameters, columns) in described.items():
        schema.queries[name] = Described(
            files[name].digest,
            {parameter: names[oid] for parameter, oid in zip(files[name].parameters, parameters, strict=True)},
            [f"{column} {names[oid]}" for column, oid in columns],
        )
    return schema, findings


def _tables(connection: Connection[Any]) -> dict[str, Columns]:
    tables: dict[str, Columns] = {}
    for table, column, kind, nullability in connection.execute(load("catalog/tables")):
        tables.setdefault(table, {})[column] = f"{kind}{_MARKS[nullability]}"
    return tables


def _owners(connection: Connection[Any]) -> dict[str, str]:
    """Return the tables with a foreign key to the account of a learner, and its column."""
    keys = sorted(connection.execute(load("catalog/foreign_keys")).fetchall())
    owners: dict[str, str] = {}
    found, before = {("users", "id"), ("user_profiles", "user_id")}, 0
    # A key to a learner's row, such as a payment, holds the learner's id, too.
    while len(found) > before:
        before = len(found)
        for table, columns, referenced, referenced_columns in keys:
            for column, other in zip(columns, referenced_columns, strict=True):
                if (referenced, other) in found:
                    found.add((table, column))
                    owners.setdefault(table, column)
    return dict(sorted(owners.items(), reverse=True))


def _add_views(connection: Connection[Any], schema: Schema) -> None:
    """Add the views. Their definitions show which columns can be null."""
    definitions: dict[str, str] = {}
    kinds: dict[str, list[tuple[str, str]]] = {}
    for view, column, kind, definition in connection.execute(load("catalog/views")):
        definitions[view] = definition
        kinds.setdefault(view, []).append((column, kind))
    for view, definition in definitions.items():
        proved = Prover(schema, ()).prove(parse_sql(definition)[0].stmt)
        schema.views[view] = {
            column: f"{kind}{_MARKS_OF_VIEWS[fact.null]}"
            for (column, kind), (_, fact) in zip(kinds[view], proved.columns, strict=True)
        }


def _describe(connection: Connection[Any], file: QueryFile, files: Mapping[str, QueryFile]) -> "_Raw | Finding":
    # Of the files before it, only those that create a table matter.
    makers = [each.query for name in names_of(file, "after") if (each := files.get(name)) and _makes_a_table(each)]
    with connection.transaction(force_rollback=True):
        for maker in makers:
            connection.execute(maker.statement)
        return _prepared(connection.pgconn, file)


def _makes_a_table(file: QueryFile) -> bool:
    return b"*/ create temporary table" in file.query.statement


def _prepared(server: pq.abc.PGconn, file: QueryFile) -> "_Raw | Finding":
    if file.unseen is not None:
        name, line = file.unseen
        problem = "stands in a string, a name or a comment, where the server does not see it"
        remedy = "take it out of there, or double its percent sign"
        return Finding(file.path, line, f'parameter "{name}"', problem, remedy)
    for answer in (server.prepare(b"", file.numbered), server.describe_prepared(b"")):
        if answer.status != pq.ExecStatus.COMMAND_OK:
            return _refusal(file, answer)
    return (
        [answer.param_type(index) for index in range(answer.nparams)],
        [((answer.fname(index) or b"").decode(), answer.ftype(index)) for index in range(answer.nfields)],
    )


def _refusal(file: QueryFile, answer: pq.abc.PGresult) -> Finding:
    def said(field: pq.DiagnosticField) -> str:
        return (answer.error_field(field) or b"").decode()

    offset = int(said(pq.DiagnosticField.STATEMENT_POSITION) or 1) - 1
    message = said(pq.DiagnosticField.MESSAGE_PRIMARY)
    hint = said(pq.DiagnosticField.MESSAGE_HINT).rstrip(".")
    remedy = hint or "correct the statement, or write the migration that it needs"
    if said(pq.DiagnosticField.SQLSTATE) == _NO_TYPE and (number := _NUMBER.search(message)):
        name = f"%({file.parameters[int(number[1]) - 1]})s"
        message, remedy = message.replace(number[0], name), f"give it its type, for example {name}::uuid"
    problem = f"the server cannot prepare it: {message}"
    return Finding(file.path, file.line_at(offset), "statement", problem, remedy)


def _type_names(connection: Connection[Any], described: Iterable[_Raw]) -> dict[int, str]:
    oids = {oid for parameters, columns in described for oid in (*parameters, *(kind for _, kind in columns))}
    return dict(connection.execute(load("catalog/type_names"), {"oids": sorted(oids)}).fetchall())
