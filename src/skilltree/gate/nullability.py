"""Proves which columns of a statement can be null and whose rows it uses, from its parse tree and the catalogue.

CTEs, sub-selects, set operations and outer joins are followed from the tables up. What cannot be proven stays unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pglast import ast
from pglast.enums import parsenodes, primnodes

from skilltree.gate import sqlnames
from skilltree.gate.facts import Columns, Fact, Node, Null, Rows, Scope, Source, one_of, unknown, walk
from skilltree.gate.schema import Schema
from skilltree.gate.sources import Sources, named


@dataclass(frozen=True)
class Touch:
    """A per-user table that a statement uses without the user's id, and the node that names it."""

    table: str
    column: str
    offset: int


class Prover(Sources):
    """Proves facts about one statement."""

    def __init__(self, schema: Schema, parameters: Sequence[Fact]) -> None:
        super().__init__(parameters)
        self.schema = schema
        self._touches: list[Touch] = []
        self._seen: set[int] = set()

    def prove(self, statement: Node) -> Rows:
        """Return what a statement returns. Passes are repeated until nothing new follows."""
        while True:
            before = len(self.proved), len(self.matched), len(self.owned)
            self._touches = []
            rows = self.query(statement, None)
            if before == (len(self.proved), len(self.matched), len(self.owned)):
                self._add_unseen(statement)
                return rows

    def touches(self) -> list[Touch]:
        """Return the per-user tables that are used without the user's id or in a way that cannot be followed."""
        return self._touches

    def query(self, node: Node, outer: Scope | None) -> Rows:
        scope = Scope(outer)
        if getattr(node, "withClause", None) is not None:
            for cte in node.withClause.ctes:
                scope.ctes[cte.ctename] = self._cte(cte, scope, is_recursive=node.withClause.recursive)
        match node:
            case ast.SelectStmt():
                return self._select(node, scope)
            case ast.InsertStmt():
                return self._insert(node, scope)
            case ast.UpdateStmt():
                return self._change(node, scope, node.fromClause)
            case ast.DeleteStmt():
                return self._change(node, scope, node.usingClause)
            case _:
                return Rows([])

    def _cte(self, cte: Node, scope: Scope, *, is_recursive: bool) -> Rows:
        query = cte.ctequery
        names = [name.sval for name in cte.aliascolnames or ()]
        if is_recursive and _names(query, cte.ctename):
            first = named(self.query(query.larg, scope), names)
            # Each table of the recursive part must itself be restricted to the user's id.
            rows = Rows([(name, replace(fact, is_owner=False)) for name, fact in first.columns])
            while True:
                step = self.query(query.rarg, Scope(scope, ctes={cte.ctename: rows}))
                merged = _merged(rows, step)
                if [fact.null for _, fact in merged.columns] == [fact.null for _, fact in rows.columns]:
                    return merged
                rows = merged
        return named(self.query(query, scope), names)

    def _select(self, node: Node, scope: Scope) -> Rows:
        if node.op is not parsenodes.SetOperation.SETOP_NONE:
            left, right = self.query(node.larg, scope), self.query(node.rarg, scope)
            return (
                replace(left, is_one=False) if node.op is parsenodes.SetOperation.SETOP_EXCEPT else _merged(left, right)
            )
        if node.valuesLists:
            lists = [[self.fact(each, scope) for each in values] for values in node.valuesLists]
            columns = [(f"column{number}", one_of(facts)) for number, facts in enumerate(zip(*lists, strict=True), 1)]
            return Rows(columns, is_one=len(lists) == 1)
        for item in node.fromClause or ():
            self.source(item, scope)
        self._where(node.whereClause, scope)
        scope.windows = {window.name: window for window in node.windowClause or ()}
        scope.has_groups = bool(node.groupClause) and not any(_is_set(each) for each in node.groupClause)
        self.look_into(scope, node.havingClause, node.limitCount, node.limitOffset, *(node.sortClause or ()))
        rows = self._targets(node.targetList or (), scope)
        if any(_is_set(each) for each in node.groupClause or ()):
            rows = replace(rows, columns=[(name, _of_sets(fact)) for name, fact in rows.columns])
        aggregated = not node.groupClause and node.havingClause is None and _has_aggregate(node.targetList or ())
        one = all(self.is_one(item, scope) for item in node.fromClause or ())
        plain = one and node.whereClause is None and node.havingClause is None and not node.groupClause
        plain = plain and not _may_return_set(node.targetList or ())
        cut = node.limitCount is not None or node.limitOffset is not None
        return replace(rows, is_one=(aggregated or plain) and not cut)

    def _targets(self, targets: Sequence[Node], scope: Scope) -> Rows:
        columns: Columns = []
        places: list[int | None] = []
        self.look_into(scope, *(target.val for target in targets))
        for target in targets:
            columns.append((target.name or column_name(target.val), self.fact(target.val, scope)))
            places.append(target.location)
        self._check_owners(scope)
        return Rows(columns, places=tuple(places))

    def _insert(self, node: Node, scope: Scope) -> Rows:
        rows = self.query(node.selectStmt, scope) if node.selectStmt is not None else Rows([])
        source = self.table(node.relation, node.relation.relname, scope)
        for target, (_, fact) in zip(node.cols or (), rows.columns, strict=False):
            if fact.is_owner:
                self.owned.add((id(node.relation), target.name))
        conflict = node.onConflictClause
        if conflict is not None:
            excluded = Source("excluded", dict(source.columns), conflict)
            inner = Scope(scope, sources=[excluded])
            self.look_into(inner, conflict.whereClause, *(target.val for target in conflict.targetList or ()))
        return self._targets(node.returningClause.exprs if node.returningClause else (), scope)

    def _change(self, node: Node, scope: Scope, others: Sequence[Node] | None) -> Rows:
        name = node.relation.alias.aliasname if node.relation.alias else node.relation.relname
        self.table(node.relation, name, scope)
        for item in others or ():
            self.source(item, scope)
        self._where(node.whereClause, scope)
        changed = getattr(node, "targetList", None) or ()
        self.look_into(scope, *(target.val for target in changed))
        # Facts about the old value do not hold for the new one.
        self.proved -= {(id(node.relation), target.name) for target in changed}
        return self._targets(node.returningClause.exprs if node.returningClause else (), scope)

    def look_into(self, scope: Scope, *expressions: Node) -> None:
        for expression in expressions:
            for node in walk(expression, into_queries=False):
                if isinstance(node, ast.SubLink):
                    self.query(node.subselect, scope)

    def _where(self, node: Node, scope: Scope) -> None:
        if node is not None:
            self.look_into(scope, node)
            self.holds(node, scope, scope.sources)

    def _check_owners(self, scope: Scope) -> None:
        for source in scope.sources:
            self._seen.add(id(source.node))
            column = self.schema.owner_column(source.table) if source.table else None
            if column is not None and (id(source.node), column) not in self.owned:
                self._touch(source.node, column)

    def _add_unseen(self, statement: Node) -> None:
        """Add the tables of statements that are not analysed, such as MERGE and COPY."""
        nodes = list(walk(statement))
        ctes = {node.ctename for node in nodes if isinstance(node, ast.CommonTableExpr)}
        for node in nodes:
            if isinstance(node, ast.LockingClause):
                # These are names of other items in FROM.
                self._seen |= {id(locked) for locked in node.lockedRels or ()}
        for node in nodes:
            if isinstance(node, ast.RangeVar) and id(node) not in self._seen and node.relname not in ctes:
                column = self.schema.owner_column(node.relname)
                if column is not None:
                    self._touch(node, column)

    def _touch(self, node: Node, column: str) -> None:
        touch = Touch(node.relname, column, node.location or 0)
        self._touches += [touch] if touch not in self._touches else []


def _names(query: Node, name: str) -> bool:
    """Return whether the second part of a union refers to the union itself."""
    is_union = isinstance(query, ast.SelectStmt) and query.op is parsenodes.SetOperation.SETOP_UNION
    return is_union and any(isinstance(node, ast.RangeVar) and node.relname == name for node in walk(query.rarg))


def _merged(left: Rows, right: Rows) -> Rows:
    columns = [
        (name, one_of([fact, other])) for (name, fact), (_, other) in zip(left.columns, right.columns, strict=False)
    ]
    return Rows(columns, places=left.places)


def column_name(node: Node) -> str:
    """Return the name that PostgreSQL gives to an unnamed column."""
    match node:
        case ast.ColumnRef():
            return node.fields[-1].sval if isinstance(node.fields[-1], ast.String) else "*"
        case ast.TypeCast():
            inner = column_name(node.arg)
            return inner if inner != "?column?" else str(node.typeName.names[-1].sval)
        case ast.FuncCall():
            return str(node.funcname[-1].sval)
        case ast.SubLink(subLinkType=primnodes.SubLinkType.EXPR_SUBLINK):
            target = node.subselect.targetList[0] if node.subselect.targetList else None
            return (target.name or column_name(target.val)) if target else "?column?"
        case ast.CoalesceExpr():
            return "coalesce"
        case ast.CaseExpr():
            return "case"
        case ast.A_Indirection():
            return column_name(node.arg)
        case _:
            return "?column?"


def _of_sets(fact: Fact) -> Fact:
    """Return a column of a query with grouping sets, some of which may leave it out."""
    sure = fact.null is Null.NEVER
    return unknown("is null in the grouping sets that leave it out", type=fact.type) if sure else fact


def _is_set(node: Node) -> bool:
    return isinstance(node, ast.GroupingSet)


def _has_aggregate(targets: Sequence[Node]) -> bool:
    return any(call.over is None and call.funcname[-1].sval in sqlnames.AGGREGATES for call in _calls(targets))


def _may_return_set(targets: Sequence[Node]) -> bool:
    known = sqlnames.FUNCTIONS | sqlnames.STRICT | sqlnames.OF_FIRST | sqlnames.OF_ARRAYS.keys()
    return any(call.funcname[-1].sval not in known for call in _calls(targets))


def _calls(targets: Sequence[Node]) -> list[Node]:
    found = (node for target in targets for node in walk(target, into_queries=False))
    return [node for node in found if isinstance(node, ast.FuncCall)]
