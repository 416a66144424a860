"""The queries of a statement, one by one: their tables, and which columns each makes equal to the learner's parameter.

A level is a SELECT without its CTEs and sub-selects, or an UPDATE or DELETE.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from pglast import ast
from pglast.enums import nodes, parsenodes, primnodes

from skilltree.gate.citus.layout import Layout
from skilltree.gate.conditions import conjuncts, names_of
from skilltree.gate.facts import Node, walk

_JOIN = nodes.JoinType
PARAMETER = ("", "the learner")
CONSTANT = ("", "a constant")
"""Stand for the learner's parameter and for constants among columns that are equal. Other parameters have numbers."""

Column = tuple[str, str]
"""The name of an item of FROM, and a column of it."""


@dataclass(eq=False)
class Table:
    """A table of a level. ``learner`` is the column with the learner, if it is a learner's table."""

    name: str
    alias: str
    node: Node
    learner: str | None
    is_outer: bool = False
    """Whether an outer join may find no row of it."""

    @property
    def column(self) -> Column:
        return self.alias, self.learner or ""


@dataclass(eq=False)
class Level:
    """A query of a statement, without those within it."""

    node: Node
    around: "Level | None"
    is_sub_select: bool
    """Whether it is an expression of the level around it, or LATERAL, so that it may refer to its columns."""
    tables: list[Table] = field(default_factory=list)
    has_others: bool = False
    """Whether FROM has something else than tables: CTEs, sub-selects, functions."""
    names: set[str] = field(default_factory=set)
    """The names of the items of FROM."""
    derived: set[str] = field(default_factory=set)
    """The items that are sub-selects of learners' tables, or CTEs that become such."""
    groups: list[set[Column]] = field(default_factory=list)
    """Columns that are equal in every row."""
    joined: list[set[Column]] = field(default_factory=list)
    """Columns that are equal where no outer join has left one out."""
    compared: list[tuple[Table, Node]] = field(default_factory=list)
    """Learners' tables that an outer join finds by a condition with another parameter, and that parameter."""
    asked: list[tuple[Column, Node]] = field(default_factory=list)
    """Columns that are equal to a sub-select that holds the learner's parameter."""

    @property
    def learners(self) -> list[Table]:
        return [table for table in self.tables if table.learner]

    def is_tied(self, table: Table) -> bool:
        """Return whether a learner's table is tied to the learner's parameter, or to a constant."""
        return any(table.column in group and group & {PARAMETER, CONSTANT} for group in self.groups)

    def is_given(self, table: Table) -> bool:
        """Return whether a learner's table is tied to any parameter or constant, so that one server has the rows."""
        return any(table.column in group and any(not alias for alias, _ in group) for group in self.groups)

    def are_joined(self, one: Column, other: Column) -> bool:
        """Return whether two columns are equal in joined rows."""
        return one == other or any({one, other} <= group for group in self.joined)


class Reader:
    """Reads the levels of a statement."""

    def __init__(self, layout: Layout, learner: Collection[int]) -> None:
        """``learner`` are the numbers of the parameters with the learner's id."""
        self._layout, self._learner = layout, learner
        self._ctes: dict[str, Node] = {}
        self._uses: Counter[str] = Counter()

    def levels(self, statement: Node) -> list[Level]:
        """Return the levels of a statement, each after those around it."""
        self._ctes = {node.ctename: node for node in walk(statement) if isinstance(node, ast.CommonTableExpr)}
        self._uses = Counter(node.relname for node in walk(statement) if isinstance(node, ast.RangeVar))
        return list(self._query(statement, None, frozenset(), is_sub_select=False))

    def _query(self, node: Node, around: Level | None, ctes: frozenset[str], *, is_sub_select: bool) -> Iterator[Level]:
        if getattr(node, "withClause", None) is not None:
            for cte in node.withClause.ctes:
                known = ctes | {cte.ctename} if node.withClause.recursive else ctes
                yield from self._query(cte.ctequery, around, known, is_sub_select=is_sub_select)
                ctes |= {cte.ctename}
        match node:
            case ast.SelectStmt() if node.op is not parsenodes.SetOperation.SETOP_NONE:
                for side in (node.larg, node.rarg):
                    yield from self._query(side, around, ctes, is_sub_select=is_sub_select)
            case ast.SelectStmt():
                yield from self._level(node, node.fromClause or (), around, ctes, is_sub_select=is_sub_select)
            case ast.UpdateStmt():
                items = (node.relation, *(node.fromClause or ()))
                yield from self._level(node, items, around, ctes, is_sub_select=is_sub_select)
            case ast.DeleteStmt():
                items = (node.relation, *(node.usingClause or ()))
                yield from self._level(node, items, around, ctes, is_sub_select=is_sub_select)
            case ast.InsertStmt():
                if node.selectStmt is not None:
                    yield from self._query(node.selectStmt, around, ctes, is_sub_select=is_sub_select)
                yield from self._level(node, (), around, ctes, is_sub_select=is_sub_select)
            case _:
                pass

    def _level(
        self, node: Node, items: Sequence[Node], around: Level | None, ctes: frozenset[str], *, is_sub_select: bool
    ) -> Iterator[Level]:
        level = Level(node, around, is_sub_select)
        conditions = conjuncts(node.whereClause) if getattr(node, "whereClause", None) is not None else []
        for item in items:
            conditions += self._item(level, item, ctes, is_outer=False)
        self._equate(level, conditions)
        yield level
        for inner, is_expression in _inner_queries(node):
            yield from self._query(inner, level, ctes, is_sub_select=is_expression)

    def _item(self, level: Level, item: Node, ctes: frozenset[str], *, is_outer: bool) -> list[Node]:
        """Add an item of FROM, and return the conditions of its joins that hold for every row around it."""
        match item:
            case ast.JoinExpr():
                fills_left = item.jointype in {_JOIN.JOIN_RIGHT, _JOIN.JOIN_FULL}
                fills_right = item.jointype in {_JOIN.JOIN_LEFT, _JOIN.JOIN_FULL}
                before = len(level.tables)
                found = self._item(level, item.larg, ctes, is_outer=is_outer or fills_left)
                middle = len(level.tables)
                right = self._item(level, item.rarg, ctes, is_outer=is_outer or fills_right)
                own = conjuncts(item.quals) if item.quals is not None else []
                own += _of_using(item, level.tables[before:middle], level.tables[middle:])
                if not (fills_left or fills_right):
                    return found + right + own
                # The condition of an outer join holds where it finds a row.
                nullable = level.tables[before:middle] if fills_left else level.tables[middle:]
                within = [*own, *(found if fills_left else right)]
                if table := next((each for each in nullable if each.learner), None):
                    level.compared += (
                        (table, each)
                        for condition in within
                        for each in _strict_parameters(condition)
                        if each.number not in self._learner
                    )
                self._equate(level, within, only={each.alias for each in nullable})
                return right if fills_left else found
            case ast.RangeVar():
                alias = item.alias.aliasname if item.alias else item.relname
                level.names.add(alias)
                if item.relname in ctes and item.schemaname is None:
                    level.has_others = True
                    if self._reads_learners(item):
                        level.derived.add(alias)
                else:
                    is_public = item.schemaname in {None, "public"}
                    learner = self._layout.learner_column(item.relname) if is_public else None
                    level.tables.append(Table(item.relname, alias, item, learner, is_outer))
            case ast.RangeSubselect() | ast.RangeFunction():
                level.has_others = True
                alias = item.alias.aliasname if item.alias else ""
                level.names.add(alias)
                if isinstance(item, ast.RangeSubselect) and self._reads_learners(item.subquery):
                    level.derived.add(alias)
            case _:
                pass
        return []

    def _equate(self, level: Level, conditions: Sequence[Node], only: Collection[str] | None = None) -> None:
        """Add the equalities of conditions. With ``only``, these are of tables that an outer join may not find.

        Of these, only an equality with the parameter, or among themselves, is known to hold.
        """
        bases = {table.alias for table in level.tables}
        for condition in conditions:
            for left, right in _equalities(condition):
                one, other = self._column(level, left), self._column(level, right)
                for column, value in ((one, right), (other, left)):
                    if column and _holds_learner(value, self._learner):
                        level.asked.append((column, value))
                if one is None or other is None:
                    continue
                _join_groups(level.joined, one, other)
                sides = {side[0] for side in (one, other)} - {""}
                if sides <= bases and (only is None or sides <= set(only)):
                    _join_groups(level.groups, one, other)

    def _reads_learners(self, query: Node) -> bool:
        """Return whether a query reads learners' tables, also through CTEs that PostgreSQL makes sub-selects of."""
        for each in walk(query):
            if not isinstance(each, ast.RangeVar):
                continue
            cte = self._ctes.get(each.relname) if each.schemaname is None else None
            if cte is None:
                if self._layout.place(each.relname) == "learner":
                    return True
            elif (
                cte.ctematerialized is not parsenodes.CTEMaterialize.CTEMaterializeAlways
                and isinstance(cte.ctequery, ast.SelectStmt)
                and self._uses[each.relname] == 1
                and not cte.cterecursive
                and self._reads_learners(cte.ctequery)
            ):
                return True
        return False

    def _column(self, level: Level, node: Node) -> Column | None:
        node = uncast(node)
        if isinstance(node, ast.ParamRef):
            return PARAMETER if node.number in self._learner else ("", str(node.number))
        if isinstance(node, ast.A_Const) and not node.isnull:
            return CONSTANT
        if not isinstance(node, ast.ColumnRef):
            return None
        names = names_of(node)
        if len(names) == 1 and len(level.tables) == 1 and not level.has_others:
            return level.tables[0].alias, names[0]
        return (names[-2], names[-1]) if len(names) > 1 else None


def uncast(node: Node) -> Node:
    """Return an expression without its casts."""
    while isinstance(node, ast.TypeCast):
        node = node.arg
    return node


def expressions(node: Node) -> Iterator[Node]:
    """Yield the nodes of a query, without its CTEs and the queries within it."""
    waiting = [getattr(node, slot) for slot in type(node).__slots__ if slot not in {"withClause", "selectStmt"}]
    while waiting:
        each = waiting.pop()
        if isinstance(each, tuple):
            waiting += each
        elif isinstance(each, ast.SubLink):
            yield each
            waiting.append(each.testexpr)
        elif isinstance(each, ast.RangeSubselect):
            yield each
        elif isinstance(each, ast.Node):
            yield each
            waiting += [getattr(each, slot) for slot in type(each).__slots__]


def _strict_parameters(condition: Node) -> Iterator[ast.ParamRef]:
    """Yield the parameters that make a condition null if they are null, before any row is read."""
    match condition:
        case ast.ParamRef():
            yield condition
        case ast.SubLink() | ast.NullTest() | ast.BooleanTest() | ast.CoalesceExpr() | ast.CaseExpr():
            pass
        case ast.BoolExpr(boolop=primnodes.BoolExprType.OR_EXPR):
            pass
        case ast.A_Expr(kind=parsenodes.A_Expr_Kind.AEXPR_DISTINCT | parsenodes.A_Expr_Kind.AEXPR_NOT_DISTINCT):
            pass
        case ast.Node():
            for slot in type(condition).__slots__:
                yield from _strict_parameters(getattr(condition, slot))
        case tuple():
            for each in condition:
                yield from _strict_parameters(each)
        case _:
            pass


def _inner_queries(node: Node) -> Iterator[tuple[Node, bool]]:
    """Yield the queries within a query, and whether they may refer to it."""
    for each in expressions(node):
        if isinstance(each, ast.SubLink):
            yield each.subselect, True
        elif isinstance(each, ast.RangeSubselect):
            yield each.subquery, bool(each.lateral)


def _equalities(condition: Node) -> Iterator[tuple[Node, Node]]:
    if not isinstance(condition, ast.A_Expr) or condition.name[-1].sval != "=":
        return
    if condition.kind is not parsenodes.A_Expr_Kind.AEXPR_OP:
        return
    left, right = condition.lexpr, condition.rexpr
    if isinstance(left, ast.RowExpr) and isinstance(right, ast.RowExpr):
        yield from zip(left.args, right.args, strict=True)
    else:
        yield left, right


def _of_using(join: Node, left: Sequence[Table], right: Sequence[Table]) -> list[Node]:
    """Return the equalities of USING as conditions."""
    made = []
    for name in join.usingClause or ():
        for one in left:
            for other in right:
                sides = [ast.ColumnRef(fields=(ast.String(sval=each.alias), name)) for each in (one, other)]
                made.append(
                    ast.A_Expr(
                        kind=parsenodes.A_Expr_Kind.AEXPR_OP,
                        name=(ast.String(sval="="),),
                        lexpr=sides[0],
                        rexpr=sides[1],
                    )
                )
    return made


def _holds_learner(node: Node, learner: Collection[int]) -> bool:
    """Return whether an expression is a sub-select that only holds the learner's parameter."""
    node = uncast(node)
    if not isinstance(node, ast.SubLink) or node.subLinkType is not primnodes.SubLinkType.EXPR_SUBLINK:
        return False
    return any(isinstance(each, ast.ParamRef) and each.number in learner for each in walk(node.subselect))


def _join_groups(groups: list[set[Column]], one: Column, other: Column) -> None:
    touched = [group for group in groups if one in group or other in group]
    merged = {one, other}.union(*touched)
    groups[:] = [group for group in groups if group not in touched] + [merged]
