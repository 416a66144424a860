"""Whether a query file that a learner may run shows what is not published: trees are read through ``visible_trees``."""

from collections.abc import Iterator

from pglast import ast

from skilltree.gate.facts import walk
from skilltree.gate.files import QueryFile
from skilltree.gate.headers import line_of
from skilltree.gate.report import Finding

_RULE = "visible_trees"
_SERVICE = "app_service"
_EXCEPTION = 'or say "-- @drafts why" in the header'


def check_drafts(file: QueryFile) -> Iterator[Finding]:
    """Yield where trees are read past the rule of what a learner sees, and skills without it."""
    found = [] if file.query.role == _SERVICE else list(_past_the_rule(file))
    line = line_of(file, "drafts")
    if line is None:
        yield from found
    elif not found:
        problem = "is not needed: no learner may run it, or all that it reads goes through visible_trees"
        yield Finding(file.path, line, "@drafts", problem, "remove the line")


def _past_the_rule(file: QueryFile) -> Iterator[Finding]:
    nodes = list(walk(file.statement))
    ctes = {node.ctename for node in nodes if isinstance(node, ast.CommonTableExpr)}
    tables = [node for node in nodes if isinstance(node, ast.RangeVar) and node.relname not in ctes]
    names = {table.relname for table in tables}
    for table in tables:
        if table.relname == "skill_trees":
            problem, remedy = "is read with its drafts by learners", "read visible_trees as skill_trees"
        elif table.relname == "skills" and _RULE not in names:
            problem, remedy = "is read with those of drafts by learners", "join visible_trees"
        else:
            continue
        place = file.line_at(table.location or 0)
        yield Finding(file.path, place, f'table "{table.relname}"', problem, f"{remedy}, {_EXCEPTION}")
