"""Checks that learners see no unpublished trees: their query files must read trees through ``visible_trees``."""

from collections.abc import Iterator

from pglast import ast

from skilltree.gate.facts import walk
from skilltree.gate.files import QueryFile
from skilltree.gate.headers import line_of
from skilltree.gate.report import Finding

_RULE = "visible_trees"
_SERVICE = "app_service"
_EXCEPTION = 'or add "-- @drafts why" to the header'


def check_drafts(file: QueryFile) -> Iterator[Finding]:
    """Yield a finding for each table through which learners could see unpublished trees or their skills."""
    found = [] if file.query.role == _SERVICE else list(_past_the_rule(file))
    line = line_of(file, "drafts")
    if line is None:
        yield from found
    elif not found:
        problem = "is not needed: learners cannot run it, or it reads all trees through visible_trees"
        yield Finding(file.path, line, "@drafts", problem, "remove the line")


def _past_the_rule(file: QueryFile) -> Iterator[Finding]:
    nodes = list(walk(file.statement))
    ctes = {node.ctename for node in nodes if isinstance(node, ast.CommonTableExpr)}
    tables = [node for node in nodes if isinstance(node, ast.RangeVar) and node.relname not in ctes]
    names = {table.relname for table in tables}
    for table in tables:
        if table.relname == "skill_trees":
            problem, remedy = "shows learners unpublished trees", "read visible_trees as skill_trees"
        elif table.relname == "skills" and _RULE not in names:
            problem, remedy = "shows learners skills of unpublished trees", "join visible_trees"
        else:
            continue
        place = file.line_at(table.location or 0)
        yield Finding(file.path, place, f'table "{table.relname}"', problem, f"{remedy}, {_EXCEPTION}")
