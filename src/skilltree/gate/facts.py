"""Facts about columns and expressions, and the scopes in which columns are looked up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from pglast import ast

Node = Any
"""A node of pglast's parse tree. The attributes of its classes are made at run time."""


class Null(IntEnum):
    """Whether a value can be null: proven that it never is, unknown, or proven that it can be."""

    NEVER = 0
    UNKNOWN = 1
    POSSIBLE = 2


@dataclass(frozen=True)
class Fact:
    """What is known of a value. ``why`` explains in an error what makes it null."""

    null: Null
    why: str = ""
    type: str | None = None
    """Its type, if it is obvious."""
    is_owner: bool = False
    """Whether it is the id of the statement's user."""
    element: "Fact | None" = None
    """What is known of the elements of an array, in SQL or JSON."""
    fields: "dict[str, Fact] | None" = None
    """What is known of the fields of a record or a JSON object."""


NEVER = Fact(Null.NEVER)


def unknown(why: str, **more: Any) -> Fact:
    return Fact(Null.UNKNOWN, why, **more)


def possible(why: str, **more: Any) -> Fact:
    return Fact(Null.POSSIBLE, why, **more)


def worst(facts: Iterable[Fact]) -> Fact:
    """Return the fact of a result that is null if any of the values is, as with most operators."""
    return max(facts, key=lambda fact: fact.null, default=NEVER)


def one_of(facts: Iterable[Fact]) -> Fact:
    """Return the fact of a result that is one of several values."""
    given = list(facts)
    found = worst(given)
    types = {fact.type for fact in given}
    elements = [fact.element for fact in given if fact.element is not None]
    shapes = [fact.fields for fact in given if fact.fields is not None]
    return replace(
        found,
        type=types.pop() if len(types) == 1 else None,
        is_owner=bool(given) and all(fact.is_owner for fact in given),
        element=one_of(elements) if elements else None,
        fields=shapes[0] if shapes else None,
    )


Columns = list[tuple[str, Fact]]


@dataclass(eq=False)
class Source:
    """An item of FROM and its name. ``joins`` are the outer joins, by node, that may find no row of it."""

    name: str
    columns: dict[str, Fact]
    node: Node
    table: str | None = None
    joins: set[int] = field(default_factory=set)
    is_known: bool = True
    implies: "set[tuple[Source, str]]" = field(default_factory=set)
    """The columns that cannot be null where this source has a row."""
    opposite: int | None = None
    """The node of the source on the other side of a full join."""


@dataclass(eq=False)
class Scope:
    """The sources of one SELECT, the scopes around it, and the visible CTEs."""

    outer: "Scope | None" = None
    sources: list[Source] = field(default_factory=list)
    ctes: dict[str, "Rows"] = field(default_factory=dict)
    windows: dict[str, Node] = field(default_factory=dict)
    has_groups: bool = False
    """Whether there is a GROUP BY, so that every group has a row."""

    def cte(self, name: str) -> "Rows | None":
        return self.ctes.get(name) or (self.outer.cte(name) if self.outer else None)

    def around(self) -> "Iterator[Scope]":
        """Yield this scope and those around it, from the inside out."""
        yield self
        if self.outer is not None:
            yield from self.outer.around()

    def find(self, fields: list[str]) -> tuple[Source, str] | None:
        """Return the source and column of a reference. The column is empty for a whole row."""
        for scope in self.around():
            for source in scope.sources:
                if (
                    len(fields) > 1
                    and source.name == fields[-2]
                    and (fields[-1] in source.columns or not source.is_known)
                ):
                    return source, fields[-1]
                if len(fields) == 1 and fields[0] in source.columns:
                    return source, fields[0]
            for source in scope.sources:
                if len(fields) == 1 and source.name == fields[0]:
                    return source, ""
            if len(fields) == 1 and any(not source.is_known for source in scope.sources):
                return None
        return None


@dataclass(frozen=True)
class Rows:
    """What a query returns: its columns, and whether it always returns exactly one row."""

    columns: Columns
    is_one: bool = False
    places: tuple[int | None, ...] = ()
    """The position of each column in the statement."""


def walk(node: Node, *, into_queries: bool = True) -> Iterator[Node]:
    """Yield a node and all nodes below it. Without ``into_queries``, sub-selects are skipped."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, tuple):
            waiting += each
        elif isinstance(each, ast.Node):
            yield each
            if into_queries or not isinstance(each, ast.SubLink):
                waiting += [getattr(each, slot) for slot in type(each).__slots__]
