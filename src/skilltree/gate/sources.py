"""The items of FROM: tables, views, CTEs, sub-selects, functions, and the joins between them."""

from abc import abstractmethod
from dataclasses import replace

from pglast import ast
from pglast.enums import nodes

from skilltree.gate.expressions import Expressions, type_name
from skilltree.gate.facts import NEVER, Columns, Fact, Node, Null, Rows, Scope, Source, possible, unknown
from skilltree.gate.schema import Schema

_JOIN = nodes.JoinType


class Sources(Expressions):
    """The sources of a SELECT, and what their joins prove."""

    schema: Schema

    @abstractmethod
    def look_into(self, scope: Scope, *expressions: Node) -> None:
        """Look for queries in expressions whose value does not matter."""

    def source(self, node: Node, scope: Scope) -> list[Source]:
        """Add an item of FROM to a scope, and return its sources."""
        match node:
            case ast.RangeVar():
                name = node.alias.aliasname if node.alias else node.relname
                rows = scope.cte(node.relname) if node.schemaname is None else None
                return [self.table(node, name, scope) if rows is None else self._rows(node, name, rows, scope)]
            case ast.RangeSubselect():
                rows = self.query(node.subquery, scope)
                return [self._rows(node, node.alias.aliasname if node.alias else "", rows, scope)]
            case ast.RangeFunction():
                return [self._function_source(node, scope)]
            case ast.JoinExpr():
                return self._join(node, scope)
            case _:
                source = Source("", {}, node, is_known=False)
                scope.sources.append(source)
                return [source]

    def table(self, node: Node, name: str, scope: Scope) -> Source:
        columns = self.schema.relation(node.relname) or {}
        known = bool(columns) and node.schemaname in {None, "public"}
        facts = {column: of_table(node.relname, column, kind) for column, kind in columns.items()} if known else {}
        source = Source(name, facts, node, table=node.relname if known else None, is_known=known)
        scope.sources.append(source)
        return source

    def _rows(self, node: Node, name: str, rows: Rows, scope: Scope) -> Source:
        names = [column.sval for column in (node.alias.colnames or ())] if node.alias else []
        source = Source(name, dict(named(rows, names).columns), node)
        scope.sources.append(source)
        return source

    def _function_source(self, node: Node, scope: Scope) -> Source:
        columns: Columns = []
        for call, _ in node.functions:
            columns += self._function_columns(call, scope)
        definitions = node.coldeflist or ()
        if definitions:
            missing = "is a column of a JSON record, which may lack it"
            columns = [(each.colname, unknown(missing, type=type_name(each.typeName))) for each in definitions]
        if node.ordinality:
            columns.append(("ordinality", replace(NEVER, type="bigint")))
        alias = node.alias.aliasname if node.alias else ""
        names = [column.sval for column in (node.alias.colnames or ())] if node.alias else []
        if alias and not names and len(columns) == 1 and not definitions:
            names = [alias]
        known = bool(columns) and not (len(names) > len(columns))
        facts = dict(named(Rows(columns), names).columns)
        if not known:
            facts = {name: unknown(f"comes from {alias}, a function with unknown columns") for name in names}
        source = Source(alias, facts, node, is_known=known)
        scope.sources.append(source)
        return source

    def _function_columns(self, call: Node, scope: Scope) -> Columns:
        if not isinstance(call, ast.FuncCall):
            return []
        name = call.funcname[-1].sval
        arguments = [self.fact(each, scope) for each in call.args or ()]
        self.look_into(scope, *(call.args or ()))
        if name == "unnest":
            nothing = unknown("is an element of an array, which may hold nulls")
            found = [fact.element or nothing for fact in arguments]
            if len(found) > 1:
                filled = unknown("is an element of one of several arrays, and nulls fill up the shorter ones")
                return [("unnest", filled)] * len(found)
            return [("unnest", fact) for fact in found]
        if name == "generate_series":
            return [(name, NEVER)]
        if name in {"jsonb_array_elements", "json_array_elements"}:
            # A null in JSON is an SQL value.
            return [("value", replace((arguments and arguments[0].element) or NEVER, null=Null.NEVER))]
        if name in {"regexp_split_to_table", "string_to_table", "generate_subscripts"}:
            return [(name, NEVER)]
        return [
            (column, unknown(f"comes from {name}(), which may or may not be null", type=kind))
            for column, kind in self.schema.table_function(name) or [(name, "")]
        ]

    def _join(self, node: Node, scope: Scope) -> list[Source]:
        left = self.source(node.larg, scope)
        right = self.source(node.rarg, scope)
        fills_left = node.jointype in {_JOIN.JOIN_RIGHT, _JOIN.JOIN_FULL}
        fills_right = node.jointype in {_JOIN.JOIN_LEFT, _JOIN.JOIN_FULL}
        if node.jointype is _JOIN.JOIN_FULL and len(left) == len(right) == 1:
            left[0].opposite, right[0].opposite = id(right[0].node), id(left[0].node)
        kept = [*(() if fills_left and not fills_right else right), *(() if fills_right and not fills_left else left)]
        if node.quals is not None:
            self.look_into(scope, node.quals)
            if not (fills_left or fills_right):
                self.holds(node.quals, scope, kept)
            elif not (fills_left and fills_right):
                self.holds_where_matched(node.quals, scope, kept)
        for name in (part.sval for part in node.usingClause or ()):
            sides = [self.column_of(source, name) for source in (*left, *right) if name in source.columns]
            if any(side.is_owner for side in sides) and node.jointype is not _JOIN.JOIN_FULL:
                self.owned |= {(id(source.node), name) for source in kept if name in source.columns}
        for source in left if fills_left else ():
            source.joins.add(id(node))
        for source in right if fills_right and not self._always_joins(node, scope) else ():
            source.joins.add(id(node))
        return [*left, *right]

    def _always_joins(self, node: Node, scope: Scope) -> bool:
        """Return whether the right side is joined to every row, because it is one row on true."""
        quals = node.quals
        is_true = isinstance(quals, ast.A_Const) and isinstance(quals.val, ast.Boolean) and quals.val.boolval
        return is_true and self.is_one(node.rarg, scope)

    def is_one(self, node: Node, scope: Scope) -> bool:
        """Return whether an item of FROM always has exactly one row."""
        match node:
            case ast.RangeSubselect():
                return self.query(node.subquery, scope).is_one
            case ast.RangeVar():
                rows = scope.cte(node.relname)
                return rows is not None and rows.is_one
            case ast.JoinExpr(jointype=_JOIN.JOIN_INNER, quals=None):
                return self.is_one(node.larg, scope) and self.is_one(node.rarg, scope)
            case _:
                return False


def of_table(table: str, column: str, kind: str) -> Fact:
    """Return what the schema tells about a column."""
    if kind.endswith(" not null"):
        return Fact(Null.NEVER, type=kind.removesuffix(" not null"))
    if kind.endswith(" ?"):
        return unknown(f"is {table}.{column}, which is generated or a view's", type=kind.removesuffix(" ?"))
    return possible(f"is {table}.{column}, which can be null", type=kind)


def named(rows: Rows, names: list[str]) -> Rows:
    """Return rows with new names for their first columns."""
    renamed = [(name, fact) for name, (_, fact) in zip(names, rows.columns, strict=False)]
    return replace(rows, columns=renamed + rows.columns[len(renamed) :])
