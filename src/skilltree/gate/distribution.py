"""Whether a statement would also run on a distributed server, where learners' tables are spread over many servers.

A part of a statement is its main query or one of its CTEs, without the CTEs within.
"""

import re
from collections.abc import Iterator

from pglast import ast
from pglast.enums import nodes, parsenodes

from skilltree.gate.conditions import conjuncts, names_of
from skilltree.gate.facts import Node, walk
from skilltree.gate.files import QueryFile
from skilltree.gate.headers import line_of
from skilltree.gate.report import Finding
from skilltree.gate.schema import Schema
from skilltree.gate.sqlnames import IMMUTABLE

_LOCKING = re.compile(r"pg_(try_)?advisory_|hold_")
_MATERIALIZED = parsenodes.CTEMaterialize.CTEMaterializeAlways
_CHOICE = "CASE or COALESCE"
_MODIFICATIONS = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)


def check_distribution(file: QueryFile, known: Schema) -> Iterator[Finding]:
    """Yield what a distributed server would refuse, or would do on the wrong server."""
    ctes = {node.ctename: node for node in walk(file.statement) if isinstance(node, ast.CommonTableExpr)}
    parts = [list(_part(query)) for query in [file.statement, *(cte.ctequery for cte in ctes.values())]]
    for part in parts:
        yield from _locks(file, part, ctes)
    if line_of(file, "across") is None:
        for part in parts:
            yield from _outer_joins(file, part, known, ctes)
    for part in parts:
        yield from _changing_values(file, part, ctes)


def _part(query: Node) -> Iterator[Node]:
    """Yield the nodes of a query, without its CTEs."""
    waiting = [query]
    while waiting:
        each = waiting.pop()
        if isinstance(each, tuple):
            waiting += each
        elif isinstance(each, ast.Node) and not isinstance(each, ast.WithClause):
            yield each
            waiting += [getattr(each, slot) for slot in type(each).__slots__]


def _locks(file: QueryFile, part: list[Node], ctes: dict[str, Node]) -> Iterator[Finding]:
    """A part that reads a table runs on the server of its rows, and a lock there excludes nobody elsewhere."""
    reads = [
        node.relname
        for node in part
        if isinstance(node, ast.RangeVar)
        and node.schemaname != "pg_temp"
        and (node.relname not in ctes or ctes[node.relname].ctematerialized != _MATERIALIZED)
    ]
    for node in part:
        if reads and isinstance(node, ast.FuncCall) and _LOCKING.match(node.funcname[-1].sval):
            problem = f'takes a lock where "{reads[0]}" is read'
            remedy = "call it where only parameters, materialized CTEs and temporary tables are read"
            yield _finding(file, node, f'function "{node.funcname[-1].sval}"', problem, remedy)


def _outer_joins(file: QueryFile, part: list[Node], known: Schema, ctes: dict[str, Node]) -> Iterator[Finding]:
    """An outer join finds the learner's server only by a parameter."""
    for join in part:
        if not isinstance(join, ast.JoinExpr) or join.jointype is not nodes.JoinType.JOIN_LEFT:
            continue
        table = join.rarg
        if not isinstance(table, ast.RangeVar) or table.relname in {*ctes, "users"}:
            continue
        column = known.owner_column(table.relname)
        name = table.alias.aliasname if table.alias else table.relname
        if column and not any(_is_given(each, [name, column]) for each in conjuncts(join.quals)):
            problem = "is joined on something other than the parameter"
            yield _finding(file, table, f'table "{table.relname}"', problem, f"add {name}.{column} = %(user_id)s")


def _is_given(condition: Node, column: list[str]) -> bool:
    """Return whether a condition says that a column is equal to a parameter."""
    if not isinstance(condition, ast.A_Expr) or condition.name[-1].sval != "=":
        return False
    sides = [_uncast(condition.lexpr), _uncast(condition.rexpr)]
    return any(isinstance(side, ast.ParamRef) for side in sides) and any(
        isinstance(side, ast.ColumnRef) and names_of(side) == column for side in sides
    )


def _uncast(node: Node) -> Node:
    while isinstance(node, ast.TypeCast):
        node = node.arg
    return node


def _changing_values(file: QueryFile, part: list[Node], ctes: dict[str, Node]) -> Iterator[Finding]:
    """Each server would compute these values for itself, so that they must be the same on all."""
    for node in part:
        if isinstance(node, _MODIFICATIONS):
            for place, expression in _fixed(node):
                yield from _not_immutable(file, expression, place, ctes)


def _fixed(statement: Node) -> Iterator[tuple[str, Node]]:
    """Yield the expressions of a modification that must be immutable, and where they stand."""
    if statement.returningClause is not None:
        yield "RETURNING", statement.returningClause.exprs
    conflict = getattr(statement, "onConflictClause", None)
    if conflict is not None:
        yield "ON CONFLICT", (conflict.targetList, conflict.whereClause)
    inside = [getattr(statement, slot, None) for slot in ("targetList", "whereClause")]
    for each in walk(tuple(inside), into_queries=False):
        if isinstance(each, ast.CaseExpr | ast.CoalesceExpr):
            yield _CHOICE, each


def _not_immutable(file: QueryFile, expression: Node, place: str, ctes: dict[str, Node]) -> Iterator[Finding]:
    for node in walk(expression, into_queries=False):
        if isinstance(node, ast.SubLink):
            # The rows of a CTE come from a function, which a choice must not call.
            if place == _CHOICE and not any(getattr(each, "relname", None) in ctes for each in walk(node.subselect)):
                continue
            yield _finding(file, node, "sub-select", f"stands in {place}", "compute the value in a CTE")
        elif isinstance(node, ast.SQLValueFunction):
            yield _finding(file, node, "current time or user", f"stands in {place}", "compute the value in a CTE")
        elif isinstance(node, ast.FuncCall) and node.funcname[-1].sval not in IMMUTABLE:
            name = node.funcname[-1].sval
            remedy = "compute the value in a CTE, or add an immutable function to IMMUTABLE in gate/sqlnames.py"
            yield _finding(file, node, f'function "{name}"', f"stands in {place} and is not known as immutable", remedy)


def _finding(file: QueryFile, node: Node, field: str, problem: str, remedy: str) -> Finding:
    return Finding(file.path, file.line_at(node.location or 0), field, problem, remedy)
