"""The read methods of the repositories, as the query gate finds them: what they run, and how their rows are used."""

import ast
import inspect
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any, get_args

from pglast import ast as sql
from pglast import parse_sql

from skilltree._async.repository import AsyncRepository
from skilltree._core.queries import read
from skilltree.gate import skilltree
from skilltree.gate.facts import walk
from skilltree.gate.usage import read_usage
from skilltree.models.base import Model

LEFT_OUT = {
    "audit.ensure_partitions": "writes, by a function",
    "audit.drop_partitions": "writes, by a function",
    "doctor.require_sight": "returns nothing",
    "doctor.examine": "is for operators, and makes temporary tables",
    "users.export": "already yields JSON",
}
"""Methods whose statements have no INSERT, UPDATE or DELETE, and that still have no JSON twin."""

MODELS = {"trees.preview_changes": "its answer is put together in Python"}
"""Read methods whose JSON is the dump of their model, and why."""


@dataclass(frozen=True)
class Read:
    """A read method: the class that declares it, its queries with their models, and the columns that it looks at."""

    repository: str
    name: str
    declared: type[AsyncRepository]
    queries: dict[str, type[Model]] = field(hash=False)
    keys: tuple[str, ...]

    @property
    def function(self) -> Any:
        return getattr(self.declared, self.name)

    def is_taken_apart(self, model: type[Model]) -> bool:
        """Return whether the method returns fields of this row instead of the row."""
        returned = typing.get_type_hints(inspect.unwrap(self.function))["return"]
        # Of the rows that a method looks up afterwards, for its error, only the existence counts.
        return model is next(iter(self.queries.values())) and model not in _within(returned)


def read_methods() -> list[Read]:
    """Return every read method, by repository, in the order of their definition."""
    uses: dict[str, dict[str, type[Model] | None]] = {}
    for use in read_usage(skilltree()).uses:
        uses.setdefault(use.user.replace("/", "."), {})[use.query] = use.model
    found = []
    for repository, cls in repositories().items():
        for name, declared in _public(cls):
            ran = uses.get(f"{repository}.{name}", {})
            if ran and f"{repository}.{name}" not in LEFT_OUT and not any(_writes(query) for query in ran):
                queries = {query: model for query, model in ran.items() if model is not None}
                if f"{repository}.{name}" in MODELS:
                    queries = {}
                found.append(Read(repository, name, declared, queries, _keys(declared, name)))
    return found


def repositories() -> dict[str, type[AsyncRepository]]:
    """Return the public repositories by name. A base class belongs to the class that extends it."""
    found: list[type[AsyncRepository]] = [AsyncRepository]
    for each in found:
        found += each.__subclasses__()
    ours = [each for each in found if not each.__subclasses__() and each.__module__.startswith("skilltree._async.")]
    return {each.__module__.rpartition(".")[2]: each for each in sorted(ours, key=lambda each: each.__module__)}


def _writes(query: str) -> bool:
    statement = parse_sql(read(query).numbered.decode())[0].stmt
    writing = (sql.InsertStmt, sql.UpdateStmt, sql.DeleteStmt, sql.LockingClause)
    return not isinstance(statement, sql.SelectStmt) or any(isinstance(node, writing) for node in walk(statement))


def _public(cls: type[AsyncRepository]) -> Iterator[tuple[str, type[AsyncRepository]]]:
    for each in reversed(cls.__mro__):
        if issubclass(each, AsyncRepository) and each is not AsyncRepository:
            for name, function in vars(each).items():
                if not name.startswith("_") and inspect.isfunction(function):
                    yield name, each


def _keys(declared: type[AsyncRepository], name: str) -> tuple[str, ...]:
    """Return the columns that the method reads from its rows: the order of a page, or the key of a list of ids."""
    source = inspect.getsource(inspect.unwrap(getattr(declared, name)))
    for node in ast.walk(ast.parse(dedent(source))):
        if isinstance(node, ast.Call):
            given = {each.arg: each.value for each in node.keywords}
            if "order" in given:
                return tuple(ast.literal_eval(given["order"]))
            if isinstance(node.func, ast.Name) and node.func.id == "in_order":
                return (ast.literal_eval(given["key"]) if "key" in given else "id",)
    return ()


def _within(annotation: Any) -> set[Any]:
    found = {annotation}
    # The arguments of Page[…] are known only to Pydantic.
    arguments = getattr(annotation, "__pydantic_generic_metadata__", {}).get("args") or get_args(annotation)
    for each in arguments:
        found |= _within(each)
    return found
