"""What Citus refuses in a statement, or does otherwise, whoever it is about."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pglast import ast
from pglast.enums import parsenodes, primnodes

from skilltree.gate.citus.layout import Layout
from skilltree.gate.citus.levels import expressions
from skilltree.gate.citus.order import reads_after_changes
from skilltree.gate.citus.text import Text
from skilltree.gate.citus.volatility import Volatility
from skilltree.gate.conditions import names_of
from skilltree.gate.facts import Node, walk
from skilltree.gate.report import Finding

LOCKING = re.compile(r"(pg_(try_)?advisory_|hold_)")
_MATERIALIZED = parsenodes.CTEMaterialize.CTEMaterializeAlways
_MODIFICATIONS = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)
_READ_BEFORE = {primnodes.SubLinkType.ARRAY_SUBLINK, primnodes.SubLinkType.EXPR_SUBLINK}
_UPDATED_AT = "updated_at"
_OPERATOR = parsenodes.A_Expr_Kind.AEXPR_OP
_EQUALITIES = {_OPERATOR, parsenodes.A_Expr_Kind.AEXPR_DISTINCT, parsenodes.A_Expr_Kind.AEXPR_NOT_DISTINCT}


@dataclass(frozen=True)
class Statement:
    """A statement, and what is known of its surroundings."""

    text: Text
    tree: Node
    layout: Layout
    volatility: Volatility
    is_of_one_learner: bool
    is_function: bool = False
    """Whether a function runs it, which may be called where no other server is concerned."""

    @property
    def ctes(self) -> dict[str, Node]:
        return {node.ctename: node for node in walk(self.tree) if isinstance(node, ast.CommonTableExpr)}

    def place(self, table: Node) -> str:
        return self.layout.place(table.relname) if table.schemaname in {None, "public"} else "local"


def check_statement(statement: Statement) -> Iterator[Finding]:
    """Yield the faults of a statement."""
    text, ctes = statement.text, statement.ctes
    for part in _parts(statement):
        yield from _advisory_locks(statement, part, ctes)
    for cte in ctes.values():
        yield from _row_locks_beside_results(statement, cte, ctes)
    yield from _locked_results_in_sub_selects(statement, ctes)
    yield from reads_after_changes(statement.tree, statement.layout, text)
    for node in walk(statement.tree):
        match node:
            case ast.MergeStmt() if statement.place(node.relation) != "local":
                yield text.found("merge", node.relation, f'table "{node.relation.relname}"')
            case ast.LockStmt() if not statement.is_function:
                for table in node.relations:
                    yield text.found("table_lock", table, f'table "{table.relname}"')
            case ast.VariableSetStmt(name="role" | "session_authorization"):
                yield text.found("role_by_set", statement.tree, "the statement")
            case ast.A_Expr() if column := _equals_now(node):
                yield text.found("time_of_another_server", node, f'column "{column}"')
            case ast.FuncCall() if not statement.is_function and _takes_row(statement, node):
                yield text.found("row_as_argument", node, f'function "{node.funcname[-1].sval}"')
            case ast.FuncCall() if _sets_own_setting(node):
                yield text.found("setting_by_function", node, 'function "set_config"')
            case ast.InsertStmt() | ast.UpdateStmt() | ast.DeleteStmt() if statement.place(node.relation) != "local":
                yield from _modification(statement, node, ctes)
            case _:
                pass


def inserts_in_ctes(tree: Node) -> int:
    """Return how many CTEs insert. Each splits the statement, which Citus then runs part by part."""
    return sum(
        isinstance(node, ast.CommonTableExpr) and isinstance(node.ctequery, ast.InsertStmt) for node in walk(tree)
    )


def _parts(statement: Statement) -> list[list[Node]]:
    """Return the nodes of each part: the main query, or a CTE, without the CTEs within."""
    return [list(_part(query)) for query in [statement.tree, *(cte.ctequery for cte in statement.ctes.values())]]


def _part(query: Node) -> Iterator[Node]:
    waiting = [query]
    while waiting:
        each = waiting.pop()
        if isinstance(each, tuple):
            waiting += each
        elif isinstance(each, ast.Node) and not isinstance(each, ast.WithClause):
            yield each
            waiting += [getattr(each, slot) for slot in type(each).__slots__]


def _advisory_locks(statement: Statement, part: Sequence[Node], ctes: dict[str, Node]) -> Iterator[Finding]:
    reads = [
        node
        for node in part
        if isinstance(node, ast.RangeVar)
        and node.schemaname not in {"pg_temp", "pg_catalog"}
        and (node.relname not in ctes or ctes[node.relname].ctematerialized != _MATERIALIZED)
        and not node.relname.startswith("pg_")
    ]
    for node in part:
        if reads and isinstance(node, ast.FuncCall) and LOCKING.match(node.funcname[-1].sval):
            yield statement.text.found("advisory_lock_beside_table", node, f'function "{node.funcname[-1].sval}"')


def _row_locks_beside_results(statement: Statement, cte: Node, ctes: dict[str, Node]) -> Iterator[Finding]:
    """A CTE that locks rows reads the result of another one. An array of it is read before, and does no harm."""
    query = cte.ctequery
    if not getattr(query, "lockingClause", None):
        return
    for each in expressions(query):
        is_array = isinstance(each, ast.SubLink) and each.subLinkType in _READ_BEFORE
        inside = walk(each.subselect) if isinstance(each, ast.SubLink) and not is_array else (each,)
        if any(isinstance(node, ast.RangeVar) and node.relname in ctes for node in inside):
            yield statement.text.found("row_lock_beside_result", each, f'CTE "{cte.ctename}"')
            return


def _locked_results_in_sub_selects(statement: Statement, ctes: dict[str, Node]) -> Iterator[Finding]:
    """A sub-select of a query without tables reads the result of a CTE that locks rows of a table with copies."""
    locked = {name for name, cte in ctes.items() if _locks_copies(statement, cte.ctequery)}
    for part in _parts(statement):
        if any(isinstance(each, ast.RangeVar) and each.relname not in ctes for each in part):
            continue
        for each in part:
            for table in walk(each.subselect) if isinstance(each, ast.SubLink) else ():
                if isinstance(table, ast.RangeVar) and table.relname in locked:
                    yield statement.text.found("locked_result_in_sub_select", table, f'CTE "{table.relname}"')


def _locks_copies(statement: Statement, query: Node) -> bool:
    tables = getattr(query, "fromClause", None) if getattr(query, "lockingClause", None) else None
    return any(isinstance(each, ast.RangeVar) and statement.place(each) == "copies" for each in walk(tables or ()))


def _takes_row(statement: Statement, node: Node) -> bool:
    """Return whether a function that a migration creates is called with the row of a table."""
    if node.funcname[-1].sval not in statement.volatility.own:
        return False
    tables = (each for each in walk(statement.tree) if isinstance(each, ast.RangeVar))
    names = {each.alias.aliasname if each.alias else each.relname for each in tables}
    return any(isinstance(each, ast.ColumnRef) and set(names_of(each)[-1:]) & names for each in node.args or ())


def _equals_now(node: Node) -> str:
    """Return the column that an expression compares with the time of the transaction, or an empty text."""
    if node.kind not in _EQUALITIES or (node.kind == _OPERATOR and node.name[-1].sval not in {"=", "<>"}):
        return ""
    for one, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
        # A name without a table is a parameter of a function.
        if isinstance(one, ast.ColumnRef) and len(names := names_of(one)) > 1 and _is_now(other):
            return ".".join(names)
    return ""


def _is_now(node: Node) -> bool:
    if isinstance(node, ast.FuncCall):
        return node.funcname[-1].sval in {"now", "transaction_timestamp"}
    return isinstance(node, ast.SQLValueFunction) and node.op == primnodes.SQLValueFunctionOp.SVFOP_CURRENT_TIMESTAMP


def _sets_own_setting(node: Node) -> bool:
    if node.funcname[-1].sval != "set_config" or not node.args:
        return False
    name = node.args[0]
    return isinstance(name, ast.A_Const) and isinstance(name.val, ast.String) and name.val.sval.startswith("app.")


def _modification(statement: Statement, node: Node, ctes: dict[str, Node]) -> Iterator[Finding]:
    text, table = statement.text, node.relation
    what = f'table "{table.relname}"'
    if table.relname in statement.layout.views:
        yield text.found("view_changed", table, what)
    yield from _values_of(statement, node, ctes)
    if isinstance(node, ast.InsertStmt):
        yield from _insert(statement, node)
    else:
        yield from _update(statement, node, ctes)
    targets = _targets(node)
    learner = statement.layout.learner_column(table.relname)
    names = {target.name: target for target in targets}
    if learner in names and not _is_excluded(names[learner].val, learner):
        yield text.found("learner_changed", names[learner], what)
    columns = statement.layout.columns.get(table.relname, ())
    if targets and _UPDATED_AT in columns and _UPDATED_AT not in names:
        yield text.found("updated_at_not_set", table, what)


def _targets(node: Node) -> Sequence[Node]:
    """Return what an UPDATE or an ON CONFLICT sets."""
    if isinstance(node, ast.UpdateStmt):
        return node.targetList or ()
    conflict = getattr(node, "onConflictClause", None)
    return (conflict.targetList or ()) if conflict is not None else ()


def _is_excluded(node: Node, column: str | None) -> bool:
    return isinstance(node, ast.ColumnRef) and names_of(node) == ["excluded", column]


def _insert(statement: Statement, node: Node) -> Iterator[Finding]:
    query = node.selectStmt
    values = getattr(query, "valuesLists", None) or ()
    for each in walk(values, into_queries=False):
        if isinstance(each, ast.SubLink):
            yield statement.text.found("values_with_sub_select", each, "a sub-select")
    sources = getattr(query, "fromClause", None) or ()
    is_copied = statement.place(node.relation) == "copies"
    if is_copied and node.returningClause is not None:
        for each in sources:
            if isinstance(each, ast.RangeVar) and each.relname == node.relation.relname and each.alias is None:
                yield statement.text.found("insert_from_itself", each, f'table "{each.relname}"')


def _update(statement: Statement, node: Node, ctes: dict[str, Node]) -> Iterator[Finding]:
    text, volatility = statement.text, statement.volatility
    own = list(expressions(node))
    for each in own:
        if volatility.is_volatile(each):
            yield text.found("volatile_in_update", each, volatility.name_of(each))
    changed = (getattr(node, "targetList", None), node.whereClause)
    for each in walk(changed, into_queries=False):
        if volatility.is_mutable(each) and not volatility.is_volatile(each) and _takes_column(each):
            yield text.found("stable_on_columns", each, volatility.name_of(each))
    if statement.place(node.relation) == "copies":
        yield from _reads_of_copies(statement, node, ctes)


def _reads_of_copies(statement: Statement, node: Node, ctes: dict[str, Node]) -> Iterator[Finding]:
    """A table with copies is changed on all servers, where no learner's table is read."""
    # Citus sends a statement about one learner as a whole; else it runs CTEs and sub-selects first.
    if node is statement.tree and statement.is_of_one_learner:
        inside = walk(node)
    else:
        inside = walk((getattr(node, "fromClause", None), getattr(node, "usingClause", None)))
    for each in inside:
        is_cte = isinstance(each, ast.RangeVar) and each.relname in ctes and each.schemaname is None
        if isinstance(each, ast.RangeVar) and not is_cte and statement.place(each) == "learner":
            yield statement.text.found("copies_from_learners", each, f'table "{each.relname}"')


def _takes_column(node: Node) -> bool:
    return any(
        isinstance(each, ast.ColumnRef) and len(names := names_of(each)) > 1 and names[0] not in {"new", "old"}
        for each in walk(node, into_queries=False)
    )


def _values_of(statement: Statement, node: Node, ctes: dict[str, Node]) -> Iterator[Finding]:
    """Values that each server would compute for itself, so that they must be the same on all."""
    if node.returningClause is not None:
        yield from _mutable(statement, node.returningClause.exprs, "returning_not_immutable", ctes)
    conflict = getattr(node, "onConflictClause", None)
    if conflict is not None:
        yield from _mutable(statement, (conflict.targetList, conflict.whereClause), "conflict_not_immutable", ctes)
    inside = (getattr(node, "targetList", None), getattr(node, "whereClause", None))
    for each in walk(inside, into_queries=False):
        if isinstance(each, ast.CaseExpr | ast.CoalesceExpr):
            yield from _mutable(statement, each, "choice_not_immutable", ctes)


def _mutable(statement: Statement, expression: Node, rule: str, ctes: dict[str, Node]) -> Iterator[Finding]:
    for node in walk(expression, into_queries=False):
        if isinstance(node, ast.SubLink):
            # The rows of a CTE come from a function, which a choice must not call.
            names = {each.relname for each in walk(node.subselect) if isinstance(each, ast.RangeVar)}
            if rule != "choice_not_immutable" or names & ctes.keys():
                yield statement.text.found(rule, node, "a sub-select")
        elif statement.volatility.is_mutable(node):
            yield statement.text.found(rule, node, statement.volatility.name_of(node))
