"""What a condition proves: which columns are not null where it is true, and which hold the user's id."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

from pglast import ast
from pglast.enums import parsenodes, primnodes

from skilltree.gate import sqlnames
from skilltree.gate.facts import Fact, Node, Rows, Scope, Source

_EXPRESSION = parsenodes.A_Expr_Kind
BETWEEN = {
    _EXPRESSION.AEXPR_BETWEEN,
    _EXPRESSION.AEXPR_BETWEEN_SYM,
    _EXPRESSION.AEXPR_NOT_BETWEEN,
    _EXPRESSION.AEXPR_NOT_BETWEEN_SYM,
}

Place = tuple[int, str]
"""A column of a source, identified by the source's node."""


class Conditions(ABC):
    """The facts that the conditions of a statement prove. Sources are identified by their nodes."""

    def __init__(self) -> None:
        self.proved: set[Place] = set()
        """The columns that are not null where their source has a row."""
        self.matched: set[tuple[int, int]] = set()
        """Pairs of a source and an outer join without null-extended rows, because a condition filters them out."""
        self.owned: set[Place] = set()
        """The columns that hold the id of the statement's user."""

    @abstractmethod
    def query(self, node: Node, outer: Scope | None) -> Rows:
        """Return what a query returns."""

    @abstractmethod
    def fact(self, node: Node, scope: Scope) -> Fact:
        """Return what is known of an expression."""

    def is_absent(self, source: Source) -> bool:
        """Return whether an outer join may find no row of a source."""
        return any((id(source.node), join) not in self.matched for join in source.joins)

    def assume(self, places: Iterable[tuple[Source, str]]) -> None:
        """Record that these columns are not null, and what follows from that."""
        for source, name in places:
            place = (id(source.node), name)
            joins = {(id(source.node), join) for join in source.joins}
            if place not in self.proved or not joins <= self.matched:
                self.proved.add(place)
                self.matched |= joins
                self.assume(source.implies)

    def holds(self, node: Node, scope: Scope, sources: list[Source]) -> None:
        """Record what a condition proves that is true for every row of these sources."""
        self.assume((source, name) for source, name in self.true(node, scope) if source in sources)
        self.own(node, scope, sources)

    def holds_where_matched(self, node: Node, scope: Scope, sources: list[Source]) -> None:
        """Record what the condition of an outer join proves about the sources on its nullable side."""
        needed = self.true(node, scope)
        self.proved |= {(id(source.node), name) for source, name in needed if source in sources}
        for source in sources:
            source.implies |= needed
        self.own(node, scope, sources)

    def own(self, node: Node, scope: Scope, within: list[Source]) -> None:
        """Carry the user's id from one side of an equality in a condition to the other."""
        for part in conjuncts(node):
            for one, fact in self._equalities(part, scope):
                column = one
                while isinstance(column, ast.TypeCast):
                    column = column.arg
                if fact.is_owner and isinstance(column, ast.ColumnRef):
                    found = scope.find(names_of(column))
                    if found is not None and found[0] in within:
                        self.owned.add((id(found[0].node), found[1]))

    def _equalities(self, node: Node, scope: Scope) -> Iterator[tuple[Node, Fact]]:
        """Yield expressions with what is known of the expression they are equal to."""
        match node:
            case ast.A_Expr(
                kind=_EXPRESSION.AEXPR_OP | _EXPRESSION.AEXPR_NOT_DISTINCT, name=names, lexpr=left, rexpr=right
            ) if names[-1].sval == "=":
                rows = isinstance(left, ast.RowExpr) and isinstance(right, ast.RowExpr)
                for one, other in zip(left.args, right.args, strict=True) if rows else [(left, right)]:
                    yield one, self.fact(other, scope)
                    yield other, self.fact(one, scope)
            case ast.SubLink(subLinkType=primnodes.SubLinkType.ANY_SUBLINK, testexpr=tested, operName=None):
                tests = tested.args if isinstance(tested, ast.RowExpr) else [tested]
                for test, (_, fact) in zip(tests, self.query(node.subselect, scope).columns, strict=False):
                    yield test, fact
            case _:
                pass

    def true(self, node: Node, scope: Scope) -> set[tuple[Source, str]]:
        """Return the columns that are not null where a condition is true."""
        match node:
            case ast.BoolExpr(boolop=primnodes.BoolExprType.AND_EXPR, args=parts):
                return {place for part in parts for place in self.true(part, scope)}
            case ast.BoolExpr(boolop=primnodes.BoolExprType.OR_EXPR, args=parts):
                return set.intersection(*(self.true(part, scope) for part in parts))
            case ast.BoolExpr(boolop=primnodes.BoolExprType.NOT_EXPR, args=parts):
                return self.false(parts[0], scope) | self.needed(parts[0], scope)
            case ast.NullTest(nulltesttype=primnodes.NullTestType.IS_NOT_NULL, arg=inner):
                return self.needed(inner, scope)
            case ast.NullTest() | None:
                return set()
            case ast.SubLink(subLinkType=primnodes.SubLinkType.ANY_SUBLINK, testexpr=inner):
                return self.needed(inner, scope)
            case ast.BooleanTest(
                booltesttype=primnodes.BoolTestType.IS_TRUE | primnodes.BoolTestType.IS_FALSE, arg=inner
            ):
                return self.needed(inner, scope)
            case _:
                return self.needed(node, scope)

    def false(self, node: Node, scope: Scope) -> set[tuple[Source, str]]:
        """Return the columns that are not null where a condition is not true."""
        match node:
            case ast.NullTest(nulltesttype=primnodes.NullTestType.IS_NULL, arg=ast.ColumnRef() as inner):
                return self.needed(inner, scope)
            case ast.BoolExpr(boolop=primnodes.BoolExprType.OR_EXPR, args=parts):
                return {place for part in parts for place in self.false(part, scope)}
            case _:
                return set()

    def needed(self, node: Node, scope: Scope) -> set[tuple[Source, str]]:
        """Return the columns that make an expression null if they are null."""
        match node:
            case ast.ColumnRef():
                found = scope.find(names_of(node))
                return {found} if found is not None and found[1] else set()
            case ast.TypeCast(arg=inner):
                return self.needed(inner, scope)
            case ast.A_Expr(kind=kind, lexpr=left, rexpr=right, name=names) if kind in {
                _EXPRESSION.AEXPR_OP,
                _EXPRESSION.AEXPR_LIKE,
                _EXPRESSION.AEXPR_ILIKE,
            } and names[-1].sval in sqlnames.OPERATORS - {"||"}:
                return self.needed(left, scope) | self.needed(right, scope)
            case ast.A_Expr(kind=kind, lexpr=left) if kind in {
                _EXPRESSION.AEXPR_IN,
                _EXPRESSION.AEXPR_OP_ANY,
                *BETWEEN,
            }:
                return self.needed(left, scope)
            case ast.FuncCall(args=arguments, funcname=names) if (
                names[-1].sval in sqlnames.FUNCTIONS - sqlnames.NULL_SAFE
            ):
                return {place for argument in arguments or () for place in self.needed(argument, scope)}
            case ast.BoolExpr(boolop=primnodes.BoolExprType.NOT_EXPR, args=parts):
                return self.needed(parts[0], scope)
            case _:
                return set()


def conjuncts(node: Node) -> list[Node]:
    """Return the parts of a condition that must all be true."""
    if isinstance(node, ast.BoolExpr) and node.boolop is primnodes.BoolExprType.AND_EXPR:
        return [part for each in node.args for part in conjuncts(each)]
    return [node]


def names_of(node: Node) -> list[str]:
    """Return the parts of a column's name, or an empty list for a star."""
    parts = [part.sval for part in node.fields if isinstance(part, ast.String)]
    return parts if len(parts) == len(node.fields) else []
