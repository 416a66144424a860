"""Checks that an application's tables with rows of learners are covered by ``users.export`` and ``users.erase``."""

from collections.abc import Iterator, Mapping

from pglast import ast

from skilltree._core.sql_folders import folder
from skilltree.gate import schema
from skilltree.gate.facts import walk
from skilltree.gate.files import NotOneStatement, QueryFile
from skilltree.gate.headers import line_of
from skilltree.gate.report import Finding
from skilltree.gate.schema import Schema
from skilltree.gate.subject import Subject

_CHANGES = (ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)


def check_personal_data(subject: Subject, files: Mapping[str, QueryFile], known: Schema) -> Iterator[Finding]:
    """Yield a finding for each table of the application with learners' rows that its repositories forget."""
    ours = schema.from_text((folder("queries") / "schema.json").read_text()).tables
    exports = [files[name] for each in subject.repositories for name in each.exports if name in files]
    erases = [files[name] for each in subject.repositories for name in each.erases if name in files]
    read = {table for file in exports for table in _tables(file, ast.RangeVar)}
    changed = {table for file in erases for table in _tables(file, *_CHANGES)} | {
        each.text.partition(":")[0]
        for file in (*exports, *erases)
        for each in file.query.directives
        if each.word == "cascade"
    }
    for file in exports:
        if (line := line_of(file, "role")) is not None:
            problem = "learners export their own data (`as_user`), and this file would refuse them"
            yield Finding(file.path, line, "@role", problem, "remove the line")
    place = subject.shown(subject.migrations or subject.root)
    for table in sorted((known.tables.keys() | known.owners.keys()) - ours.keys()):
        column = known.owner_column(table) or known.owners.get(table)
        if column is None:
            continue
        field, holds = f'table "{table}"', f"has rows of learners ({column})"
        if table not in read:
            remedy = "read it in a query that a repository names in exports="
            yield Finding(place, 1, field, f"{holds}, but users.export leaves them out", remedy)
        if table not in changed:
            remedy = (
                'update or delete its rows in a query that a repository names in erases=, or add "-- @cascade'
                f' {table}: why" to the header of such a query if its foreign key deletes them'
            )
            yield Finding(place, 1, field, f"{holds}, but users.erase does not mention them", remedy)


def _tables(file: QueryFile, *kinds: type[ast.Node]) -> Iterator[str]:
    try:
        nodes = [*walk(file.statement)]
    except NotOneStatement:
        return
    for node in nodes:
        if isinstance(node, kinds):
            named = node if isinstance(node, ast.RangeVar) else node.relation
            yield named.relname if named.schemaname in {None, "public"} else f"{named.schemaname}.{named.relname}"
