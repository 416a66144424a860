"""Whether an expression can be null, according to its parse tree and what is known of its columns."""

from collections.abc import Sequence
from dataclasses import replace

from pglast import ast
from pglast.enums import parsenodes, primnodes

from skilltree.gate import sqlnames
from skilltree.gate.conditions import BETWEEN, Conditions, names_of
from skilltree.gate.facts import NEVER, Fact, Node, Null, Scope, Source, one_of, possible, unknown, worst

_EXPRESSION = parsenodes.A_Expr_Kind
_SUBLINK = primnodes.SubLinkType
_PLAIN = {_EXPRESSION.AEXPR_OP, _EXPRESSION.AEXPR_LIKE, _EXPRESSION.AEXPR_ILIKE, _EXPRESSION.AEXPR_IN, *BETWEEN}
# Frames that contain the current row, because they start at or before it, end at or after it, and exclude nothing.
_STARTS_BY_ROW = (
    parsenodes.FRAMEOPTION_START_UNBOUNDED_PRECEDING
    | parsenodes.FRAMEOPTION_START_OFFSET_PRECEDING
    | parsenodes.FRAMEOPTION_START_CURRENT_ROW
)
_ENDS_BY_ROW = (
    parsenodes.FRAMEOPTION_END_CURRENT_ROW
    | parsenodes.FRAMEOPTION_END_UNBOUNDED_FOLLOWING
    | parsenodes.FRAMEOPTION_END_OFFSET_FOLLOWING
)
_LEAVES_OUT = (
    parsenodes.FRAMEOPTION_EXCLUDE_CURRENT_ROW
    | parsenodes.FRAMEOPTION_EXCLUDE_GROUP
    | parsenodes.FRAMEOPTION_EXCLUDE_TIES
)


class Expressions(Conditions):
    """Facts about expressions, together with what their conditions prove."""

    def __init__(self, parameters: Sequence[Fact]) -> None:
        super().__init__()
        self._parameters = parameters

    def fact(self, node: Node, scope: Scope) -> Fact:
        """Return what is known of an expression."""
        match node:
            case ast.A_Const():
                return possible("is the literal null") if node.isnull else NEVER
            case ast.ColumnRef():
                return self._column(node, scope)
            case ast.ParamRef():
                parameter: Fact = self._parameters[node.number - 1]
                return parameter
            case ast.TypeCast():
                inner = self.fact(node.arg, scope)
                return replace(inner, type=type_name(node.typeName))
            case ast.CoalesceExpr():
                found = self._coalesce([self.fact(each, scope) for each in node.args])
                sure = self._one_side_is_there(node.args, scope)
                return replace(found, null=Null.NEVER, why="") if sure else found
            case ast.MinMaxExpr():
                return self._coalesce([self.fact(each, scope) for each in node.args])
            case ast.CaseExpr():
                return self._case(node, scope)
            case ast.FuncCall():
                return self._function(node, scope)
            case ast.A_Expr():
                return self._operator(node, scope)
            case ast.BoolExpr():
                return self._boolean([self.fact(each, scope) for each in node.args])
            case ast.NullTest() | ast.BooleanTest() | ast.GroupingFunc():
                return replace(NEVER, type="integer" if isinstance(node, ast.GroupingFunc) else "boolean")
            case ast.SQLValueFunction():
                return NEVER
            case ast.RowExpr():
                return NEVER
            case ast.SubLink():
                return self._sublink(node, scope)
            case ast.A_ArrayExpr():
                return Fact(Null.NEVER, element=one_of(self.fact(each, scope) for each in node.elements or ()))
            case ast.A_Indirection():
                return self._indirection(node, scope)
            case ast.CollateClause():
                return self.fact(node.arg, scope)
            case ast.NamedArgExpr():
                return self.fact(node.arg, scope)
            case _:
                return unknown(f"is a kind of expression that cannot be judged ({type(node).__name__})")

    def column_of(self, source: Source, name: str) -> Fact:
        """Return what is known of a column of a source."""
        place = (id(source.node), name)
        found = source.columns.get(name, unknown(f"is an unknown column of {source.name}"))
        if place in self.proved:
            found = replace(found, null=Null.NEVER, why="")
        if self.is_absent(source) and found.null is not Null.POSSIBLE:
            found = replace(found, null=Null.POSSIBLE, why=f"is null where the outer join finds no {source.name}")
        return replace(found, is_owner=True) if place in self.owned else found

    def _column(self, node: Node, scope: Scope) -> Fact:
        found = scope.find(names_of(node))
        if found is None:
            return unknown(f"refers to {'.'.join(names_of(node))}, which is unknown")
        source, name = found
        if name:
            return self.column_of(source, name)
        if self.is_absent(source):
            # Within the record, a column keeps its own nullability.
            return possible(f"is null where the outer join finds no {source.name}", fields=dict(source.columns))
        return Fact(Null.NEVER, fields={column: self.column_of(source, column) for column in source.columns})

    def _coalesce(self, facts: list[Fact]) -> Fact:
        shape = one_of(facts)
        if any(fact.null is Null.NEVER for fact in facts):
            return replace(shape, null=Null.NEVER, why="")
        real = [fact for fact in facts if fact.why != "is the literal null"]
        if len(real) > 1 and shape.null is Null.POSSIBLE:
            # One of the values may always be set, even if each of them can be null.
            return replace(shape, null=Null.UNKNOWN, why="chooses among values that can all be null")
        return shape

    def _one_side_is_there(self, nodes: Sequence[Node], scope: Scope) -> bool:
        """Return whether the nodes are columns of both sides of a full join: one side always has a row."""
        places = [place for node in nodes if isinstance(node, ast.ColumnRef) for place in self.needed(node, scope)]
        there = {
            id(source.node): source.opposite
            for source, name in places
            # Only the full join may make it absent.
            if name in source.columns and source.columns[name].null is Null.NEVER and len(source.joins) == 1
        }
        return any(opposite in there for opposite in there.values())

    def _boolean(self, facts: list[Fact]) -> Fact:
        found = worst(facts)
        # `false and null` is false.
        sure = len(facts) > 1 and found.null is Null.POSSIBLE
        return replace(found, null=Null.UNKNOWN if sure else found.null, type="boolean", is_owner=False)

    def _case(self, node: Node, scope: Scope) -> Fact:
        branches: list[Fact] = []
        before = set(self.proved), set(self.matched)
        for when in node.args:
            inside = set(self.proved), set(self.matched)
            condition = when.expr if node.arg is None else None
            self.assume(self.true(condition, scope))
            branches.append(self._branch(self.fact(when.result, scope)))
            self.proved, self.matched = inside
            self.assume(self.false(condition, scope))
        if node.defresult is None:
            branches.append(possible("is a case without else"))
        else:
            branches.append(self._branch(self.fact(node.defresult, scope)))
        self.proved, self.matched = before
        return replace(one_of(branches), is_owner=False)

    def _branch(self, fact: Fact) -> Fact:
        """Return a branch's fact. A value that can be null may never be so where its branch is taken."""
        sure = fact.null is Null.POSSIBLE and fact.why != "is the literal null"
        return replace(fact, null=Null.UNKNOWN, why=f"is a case with a branch that {fact.why}") if sure else fact

    def _function(self, node: Node, scope: Scope) -> Fact:
        name = node.funcname[-1].sval
        arguments = [self.fact(each, scope) for each in node.args or ()]
        if node.agg_within_group:
            arguments += [self.fact(each.node, scope) for each in node.agg_order]
        if node.over is not None:
            return self._window(scope.windows.get(node.over.name, node.over), node, name, arguments)
        if name in sqlnames.AGGREGATES:
            return self._aggregate(node, name, arguments, scope)
        if name in sqlnames.JSON_OBJECT:
            return self._json_object(node, arguments)
        if name in sqlnames.NULL_SAFE:
            return NEVER
        if name in sqlnames.JSON_OF_ROW and arguments:
            return replace(arguments[0], type=None, is_owner=False)
        if name in sqlnames.OF_ARRAYS and arguments:
            return self._array_function(node, name, arguments)
        if name in sqlnames.OF_FIRST and arguments:
            return Fact(arguments[0].null, arguments[0].why)
        if name in sqlnames.FUNCTIONS:
            return replace(worst(arguments), type=None, is_owner=False, element=None, fields=None)
        if name in sqlnames.STRICT and worst(arguments).null is Null.POSSIBLE:
            return Fact(Null.POSSIBLE, worst(arguments).why)
        return unknown(f"is the result of {name}(), which may or may not be null")

    def _array_function(self, node: Node, name: str, arguments: list[Fact]) -> Fact:
        arrays = sqlnames.OF_ARRAYS[name]
        whole = [arguments[place] for place in arrays]
        single = [fact for place, fact in enumerate(arguments) if place not in arrays]
        found = replace(min(whole, key=lambda fact: fact.null), type=None, is_owner=False, fields=None)
        if name == "array_remove" and isinstance(node.args[1], ast.A_Const) and node.args[1].isnull:
            return replace(found, element=NEVER)
        elements = [fact.element or unknown("is an element of an array, which may hold nulls") for fact in whole]
        return replace(found, element=one_of(elements if name == "array_remove" else [*elements, *single]))

    def _json_object(self, node: Node, arguments: list[Fact]) -> Fact:
        keys = [each.val.sval for each in (node.args or ())[::2] if isinstance(each, ast.A_Const) and not each.isnull]
        whole = len(keys) * 2 == len(arguments)
        return Fact(Null.NEVER, fields=dict(zip(keys, arguments[1::2], strict=True)) if whole else None)

    def _aggregate(self, node: Node, name: str, arguments: list[Fact], scope: Scope) -> Fact:
        if name == "count":
            return replace(NEVER, type="bigint")
        first = arguments[0] if arguments else NEVER
        kept = name in sqlnames.COLLECTING
        shape = {"element": first} if kept else {"type": first.type if name in {"min", "max"} else None}
        if not scope.has_groups:
            return possible(f"is {name}(), which may get no rows", **shape)
        if node.agg_filter is not None:
            return possible(f"is {name}(), which may get no rows after its filter", **shape)
        inner = worst(arguments)
        return Fact(Null.NEVER if kept else inner.null, inner.why, **shape)

    def _window(self, window: Node, node: Node, name: str, arguments: list[Fact]) -> Fact:
        if name in sqlnames.RANKING or name == "count":
            return replace(NEVER, type="double precision" if name in {"percent_rank", "cume_dist"} else None)
        if name in {"lag", "lead"} and len(arguments) < 3:  # noqa: PLR2004 (its default)
            return possible(f"is {name}() without a default")
        options = window.frameOptions
        whole = (
            window.refname is None and options & _STARTS_BY_ROW and options & _ENDS_BY_ROW and not options & _LEAVES_OUT
        )
        if (name not in {"lag", "lead"} and not whole) or node.agg_filter is not None:
            return possible(f"is {name}(), whose frame may have no rows")
        if name in sqlnames.AGGREGATES or name in {"lag", "lead", "first_value", "last_value"}:
            return replace(worst(arguments), type=None, is_owner=False)
        return unknown(f"is the window function {name}(), which may or may not be null")

    def _operator(self, node: Node, scope: Scope) -> Fact:
        kind = node.kind
        if kind in {_EXPRESSION.AEXPR_DISTINCT, _EXPRESSION.AEXPR_NOT_DISTINCT}:
            return replace(NEVER, type="boolean")
        if kind is _EXPRESSION.AEXPR_NULLIF:
            return possible("is a nullif")
        sides = [*_listed(node.lexpr), *_listed(node.rexpr)]
        facts = [self.fact(each, scope) for each in sides]
        found = replace(worst(facts), type=None, is_owner=False, fields=None, element=None)
        operator = node.name[-1].sval
        if operator == "-" and facts[0].fields is not None and isinstance(node.rexpr, ast.A_Const):
            # The operator removes a key from the JSON object.
            fields = {key: fact for key, fact in facts[0].fields.items() if key != node.rexpr.val.sval}
            return replace(facts[0], fields=fields)
        if kind in BETWEEN or (kind in _PLAIN and operator in sqlnames.OPERATORS):
            if operator == "||":
                elements = [fact.element for fact in facts if fact.element is not None]
                found = replace(found, element=one_of(elements) if elements else None)
                if elements and found.null is Null.POSSIBLE:
                    # An array with null appended stays as it is.
                    found = replace(found, null=Null.UNKNOWN)
            return found
        if found.null is Null.NEVER:
            return unknown(f"is an expression with {operator}, which can be null even if its operands are not")
        return found

    def _sublink(self, node: Node, scope: Scope) -> Fact:
        rows = self.query(node.subselect, scope)
        if node.subLinkType is _SUBLINK.EXISTS_SUBLINK:
            return replace(NEVER, type="boolean")
        inner = rows.columns[0][1] if rows.columns else NEVER
        if node.subLinkType is _SUBLINK.ARRAY_SUBLINK:
            return Fact(Null.NEVER, element=inner)
        if node.subLinkType is _SUBLINK.EXPR_SUBLINK:
            if rows.is_one or inner.null is Null.POSSIBLE:
                return inner
            return replace(inner, null=Null.UNKNOWN, why="is a sub-select that may find no row")
        return replace(worst([inner, self.fact(node.testexpr, scope)]), type="boolean", is_owner=False)

    def _indirection(self, node: Node, scope: Scope) -> Fact:
        inner = self.fact(node.arg, scope)
        last = node.indirection[-1]
        if isinstance(last, ast.A_Indices) and last.is_slice:
            return inner
        if isinstance(last, ast.String) and inner.fields is not None and last.sval in inner.fields:
            return worst([inner, inner.fields[last.sval]])
        return unknown("is an element of an array, which may not exist")


def type_name(node: Node) -> str:
    """Return the name of a type like ``format_type``."""
    name = str(node.names[-1].sval)
    return sqlnames.TYPES.get(name, name) + ("[]" if node.arrayBounds else "")


def _listed(node: Node) -> list[Node]:
    return [] if node is None else [*node] if isinstance(node, tuple) else [node]
