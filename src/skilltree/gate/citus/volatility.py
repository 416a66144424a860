"""Which functions always return the same for the same arguments."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pglast import ast

from skilltree.gate.facts import Node

IMMUTABLE = frozenset(
    """
    abs array_append array_cat array_length array_position array_prepend array_remove array_replace array_to_string
    bit_length btrim cardinality ceil ceiling char_length decode div encode exp floor hashtext hashtextextended initcap
    int4range jsonb_array_length jsonb_object_keys jsonb_strip_nulls jsonb_typeof left length ln log lower lpad ltrim
    make_date make_interval md5 mod num_nonnulls num_nulls octet_length overlay position power range_merge regexp_match
    regexp_replace repeat replace reverse right round rpad rtrim sha256 sign split_part sqrt starts_with strpos substr
    substring translate trim trunc upper width_bucket
    """.split()
)
"""Functions of PostgreSQL of which every form is immutable. A test compares them with the server."""

VOLATILE = frozenset(
    """
    clock_timestamp gen_random_uuid lastval nextval pg_notify pg_sleep random set_config setval timeofday uuidv4 uuidv7
    """.split()
)
AGGREGATES = frozenset("array_agg avg bit_and bit_or bool_and bool_or count every max min sum".split())
_MOMENTS = frozenset("timestamptz timestamp date time timetz".split())


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
                # A day or a month more depends on the time zone, except for times without one.
                return any(_is_interval(side) for side in (left, right)) and not any(
                    _cast_to(side) in {"timestamp", "date", "time", "interval"}
                    for side in (left, right)
                    if side is not None and not _is_interval(side)
                )
            case _:
                return False

    def name_of(self, node: Node) -> str:
        """Return what a finding calls the expression."""
        if isinstance(node, ast.FuncCall):
            return f'function "{node.funcname[-1].sval}"'
        return "the current time or user" if isinstance(node, ast.SQLValueFunction) else "the sum with an interval"


def _is_interval(node: Node) -> bool:
    return _cast_to(node) == "interval" or (
        isinstance(node, ast.FuncCall) and node.funcname[-1].sval == "make_interval"
    )


def _cast_to(node: Node) -> str:
    return str(node.typeName.names[-1].sval) if isinstance(node, ast.TypeCast) else ""
