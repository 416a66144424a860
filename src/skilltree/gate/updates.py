"""Checks that updates set ``updated_at``, because a trigger would set a different time on each node of a cluster."""

from collections.abc import Iterator

from pglast import ast

from skilltree.gate.facts import walk
from skilltree.gate.files import QueryFile
from skilltree.gate.report import Finding
from skilltree.gate.schema import Schema

_COLUMN = "updated_at"


def check_updates(file: QueryFile, known: Schema) -> Iterator[Finding]:
    """Yield a finding for each update of a table with ``updated_at`` that does not set the column."""
    for node in walk(file.statement):
        if isinstance(node, ast.UpdateStmt):
            table, targets, value = node.relation, node.targetList, "now()"
        elif isinstance(node, ast.InsertStmt) and node.onConflictClause and node.onConflictClause.targetList:
            table, targets, value = node.relation, node.onConflictClause.targetList, f"excluded.{_COLUMN}"
        else:
            continue
        if _COLUMN in known.tables.get(table.relname, {}) and _COLUMN not in {target.name for target in targets}:
            place = file.line_at(table.location or 0)
            problem = f"is updated without setting {_COLUMN}"
            yield Finding(file.path, place, f'table "{table.relname}"', problem, f"set {_COLUMN} = {value}")
