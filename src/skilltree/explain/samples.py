"""Prepares query files to run as in real use: with sample parameters, in their role, after the queries before them.

The header of a file gives an SQL expression for a parameter; it may use other parameters. ``queries/samples.sql`` has
the expressions that most files share::

    -- @sample category_id: (select category_id from skill_trees where id = %(tree_id)s)
    -- @after progress/lock_learner, progress/complete_skill

``@setup`` is SQL that runs between those queries and this one.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from skilltree._core.queries import Query, made, read
from skilltree._core.roles import learner, service
from skilltree._core.sql_folders import folder
from skilltree.errors import InvalidValue, NotFound

_PARAMETER = re.compile(r"%\((\w+)\)s")
_ENGINE = "app_engine"
_SERVICE = "app_service"
COMMON = "samples"
"""The file with the samples that most query files share."""
DATASET = "dataset"
"""An application's statements that fill its tables for `skilltree budgets`."""
_WITHOUT_DATA = {"backup", "catalog", "distribute", "lint", "monitor", "partition"}
_METHODS_WITHOUT_DATA = {
    "drop_partitions",
    "ensure_partitions",
    # Of maintain: they read the server's catalogs and locks.
    "flush_statistics",
    "holder",
    "no_timeouts",
    "settings",
    "size",
    "take_turn",
}


class SampledStatement(NamedTuple):
    """A query with the values of its parameters."""

    query: Query
    params: Mapping[str, object]


def names(place: Path | None = None) -> list[str]:
    """Return the names of all query files below a folder. Without ``place``, they are SkillTree's own."""
    root = place or folder("queries")
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.glob("*/*.sql"))


def find(name: str, place: Path | None = None) -> Query:
    """Return a query file of an application, or else of SkillTree. Raises NotFound."""
    if place is not None and name in names(place):
        return read(name, place)
    if name not in names():
        raise NotFound(f"there is no query {name}{_instead_of(name, place)}")
    return read(name)


def is_about_the_schema(name: str) -> bool:
    """Return whether a query reads or changes the schema or the server's statistics. It touches no data."""
    aggregate, _, method = name.partition("/")
    return (aggregate in _WITHOUT_DATA and name != "monitor/learners") or method in _METHODS_WITHOUT_DATA


def has_plan(query: Query) -> bool:
    """Return whether PostgreSQL makes a plan for the statement; it makes none for ``copy``, for example."""
    return _first_word(query) in {"select", "with", "insert", "update", "delete", "values"}


def sampled(connection: Connection[Any], query: Query, given: Mapping[str, str]) -> list[SampledStatement]:
    """Return the statements of a transaction that ends with this query. ``given`` replaces samples.

    A parameter without a sample is null. Raises InvalidValue for a parameter that the query does not have, and NotFound
    if its header names a query that does not exist.
    """
    if unknown := given.keys() - set(query.parameters):
        has = ", ".join(query.parameters) or "none"
        raise InvalidValue(f"{query.name} has no parameter {', '.join(sorted(unknown))}; it has {has}")
    values = _Values(connection, query, given)
    steps = [SampledStatement(each, values.of(each)) for each in (*before(query), query)]
    # With no more rights than the headers say.
    roles = {step.query.role for step in steps}
    actor = (
        service(None)
        if _SERVICE in roles
        else learner(_uuid(values.value("user_id", query)), is_acting=_ENGINE in roles)
    )
    begin = [SampledStatement(actor.begin, actor.params)] if actor.begin else []
    return begin + steps


def before(query: Query) -> list[Query]:
    """Return the queries to run before: other query files, then the header's own statements in the query's role."""
    names = [name.strip() for each in query.directives if each.word == "after" for name in each.text.split(",")]
    setups = [
        made(f"{query.name}, @setup", f"{each.text};".encode(), query.header, query.place)
        for each in query.directives
        if each.word == "setup"
    ]
    return [*(find(name, query.place) for name in names), *setups]


def _instead_of(name: str, place: Path | None) -> str:
    """Return similar names of queries as a suggestion, else the queries of the folder, else all."""
    known = [*(names(place) if place else ()), *names()]
    close = get_close_matches(name[:100], known, n=3, cutoff=0.7)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    start = name.partition("/")[0] + "/"
    return f"; there are {', '.join([each for each in known if each.startswith(start)] or known)}"


def _uuid(value: object) -> UUID | None:
    """Return the learner's id, which the command line gives as text."""
    try:
        return None if value is None else UUID(str(value))
    except ValueError as error:
        raise InvalidValue(f"user_id must be a UUID, not {value!r}", field="user_id") from error


class _Values:
    """The parameters of a transaction: the given ones, else the query's samples, else the samples of the step."""

    def __init__(self, connection: Connection[Any], query: Query, given: Mapping[str, str]) -> None:
        self._connection = connection
        self._query = query
        self._found: dict[str, object] = dict(given)

    def of(self, step: Query) -> dict[str, object]:
        return {name: self.value(name, step) for name in step.parameters}

    def value(self, name: str, step: Query) -> object:
        if name not in self._found:
            known = _shared(self._query) | samples(step) | samples(self._query)
            expression = known.get(name)
            self._found[name] = None if expression is None else self._evaluated(expression, step)
        return self._found[name]

    def _evaluated(self, expression: str, step: Query) -> object:
        values = {name: self.value(name, step) for name in _PARAMETER.findall(expression)}
        row = self._connection.execute(f"select {expression}".encode(), values).fetchone()
        return row[0] if row else None


def samples(query: Query) -> dict[str, str]:
    """Return the expressions that a header gives for its parameters."""
    parts = (each.text.partition(":") for each in query.directives if each.word == "sample")
    return {name.strip(): expression.strip() for name, _, expression in parts}


def _shared(query: Query) -> dict[str, str]:
    """Return the samples that most query files share: SkillTree's, and those of the query's folder."""
    ours = samples(read(COMMON))
    if query.place is None or not (query.place / f"{COMMON}.sql").exists():
        return ours
    return ours | samples(read(COMMON, query.place))


def unsampled(query: Query) -> list[str]:
    """Return the parameters without a sample."""
    known = samples(query).keys() | _shared(query).keys()
    return [name for name in query.parameters if name not in known]


def not_found(step: SampledStatement) -> list[str]:
    """Return the parameters whose samples should have found a row and did not."""
    expressions = _shared(step.query) | samples(step.query)
    return [name for name, value in step.params.items() if value is None and expressions.get(name, "null") != "null"]


def _first_word(query: Query) -> str:
    return re.sub(r"(?s)/\*.*?\*/", "", query.statement.decode()).split(None, 1)[0].lower()
