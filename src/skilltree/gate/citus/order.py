"""The order in which Citus runs the parts of a statement that it cannot send to one server as a whole.

PostgreSQL shows each part the rows of before the statement. Citus runs one part after the other, so that a later one
sees what an earlier one has changed.
"""

from collections.abc import Iterator, Mapping

from pglast import ast
from pglast.enums import parsenodes

from skilltree.gate.citus.layout import Layout
from skilltree.gate.citus.text import Text
from skilltree.gate.facts import Node, walk
from skilltree.gate.report import Finding

_MODIFICATIONS = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)
_MATERIALIZED = parsenodes.CTEMaterialize.CTEMaterializeAlways


def reads_after_changes(tree: Node, layout: Layout, text: Text) -> Iterator[Finding]:
    """Yield the tables that a part reads after another one has changed them."""
    ctes = {each.ctename: each for each in (getattr(tree, "withClause", None) and tree.withClause.ctes) or ()}
    changes = {name: each.ctequery for name, each in ctes.items() if isinstance(each.ctequery, _MODIFICATIONS)}
    if not any(_splits(each, layout) for each in (*changes.values(), tree)):
        return
    places = _places(tree, ctes)
    changed: dict[str, int] = {}
    for name, each in changes.items():
        changed.setdefault(each.relation.relname, places[name])
    for name, query in {**{name: each.ctequery for name, each in ctes.items()}, "": tree}.items():
        for table in _reads(query):
            for each in {table.relname, *layout.views.get(table.relname, ())} - ctes.keys():
                if changed.get(each, len(places)) < places[name]:
                    yield text.found("read_after_change", table, f'table "{each}"')


def _splits(query: Node, layout: Layout) -> bool:
    """Return whether a statement with this part is no longer sent to one server as a whole."""
    is_insert = isinstance(query, ast.InsertStmt)
    return is_insert or (isinstance(query, _MODIFICATIONS) and layout.place(query.relation.relname) == "copies")


def _places(tree: Node, ctes: Mapping[str, Node]) -> dict[str, int]:
    """Return the place of each CTE in the order, and of the main query under an empty name.

    A CTE that is read once becomes part of what reads it, unless it is materialized or changes rows.
    """
    readers: dict[str, list[str]] = {name: [] for name in ctes}
    for reader, query in {**{name: each.ctequery for name, each in ctes.items()}, "": tree}.items():
        for table in _reads(query):
            if table.relname in readers:
                readers[table.relname].append(reader)
    places = {"": len(ctes)}
    for number, (name, each) in reversed([*enumerate(ctes.items())]):
        is_own = (
            isinstance(each.ctequery, _MODIFICATIONS)
            or each.ctematerialized == _MATERIALIZED
            or len(readers[name]) != 1
        )
        places[name] = number if is_own else places[readers[name][0]]
    return places


def _reads(query: Node) -> Iterator[Node]:
    """Yield the tables and CTEs that a part reads, without its own CTEs and the table that it changes."""
    waiting = [getattr(query, slot) for slot in type(query).__slots__ if slot not in {"withClause", "relation"}]
    if not isinstance(query, _MODIFICATIONS):
        waiting = [getattr(query, slot) for slot in type(query).__slots__ if slot != "withClause"]
    for each in waiting:
        yield from (node for node in walk(each) if isinstance(node, ast.RangeVar))
