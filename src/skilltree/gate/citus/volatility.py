"""Which functions always return the same for the same arguments."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pglast import ast

from skilltree.gate.facts import Node
from skilltree.gate.sqlnames import AGGREGATES, IMMUTABLE, VOLATILE

_WITHOUT_ZONE = {"date", "time", "timestamp"}


@dataclass(frozen=True)
class Volatility:
    """What is known of functions: PostgreSQL's, and those that migrations create."""

    own: Mapping[str, str] = field(default_factory=dict)
    """The name of each function -> immutable, stable or volatile."""

    def is_volatile(self, node: Node) -> bool:
        """Return whether an expression is the call of a volatile function."""
        if not isinstance(node, ast.FuncCall):
            return False
        name = node.funcname[-1].sval
        return self.own.get(name) == "volatile" or name in VOLATILE or name.startswith("pg_advisory_")

    def is_mutable(self, node: Node) -> bool:
        """Return whether an expression is a call that is not known to be immutable, such as arithmetic of times."""
        match node:
            case ast.FuncCall():
                name = node.funcname[-1].sval
                is_own = name in self.own
                return self.own[name] != "immutable" if is_own else name not in IMMUTABLE | AGGREGATES
            case ast.SQLValueFunction():
                return True
            case ast.A_Expr(name=names, lexpr=left, rexpr=right) if names[-1].sval in {"+", "-"}:
                # A day more depends on the time zone, except for times without one.
                sides = [_cast_to(side) for side in (left, right)]
                return "interval" in sides and not _WITHOUT_ZONE & {*sides} and sides != ["interval", "interval"]
            case _:
                return False

    def name_of(self, node: Node) -> str:
        """Return what a finding calls the expression."""
        if isinstance(node, ast.FuncCall):
            return f'function "{node.funcname[-1].sval}"'
        return "the current time or user" if isinstance(node, ast.SQLValueFunction) else "the sum with an interval"


def _cast_to(node: Node) -> str:
    """Return the type to which an expression is cast, or an empty text."""
    if isinstance(node, ast.FuncCall) and node.funcname[-1].sval == "make_interval":
        return "interval"
    return str(node.typeName.names[-1].sval) if isinstance(node, ast.TypeCast) else ""
