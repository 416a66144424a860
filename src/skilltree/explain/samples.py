"""Query files as they would really run: with parameters that mean something, in the role they need, after what they
come after.

The header of a file gives for a parameter an SQL expression, which may refer to other parameters; those that most files
share are in ``queries/samples.sql``::

    -- @sample category_id: (select category_id from skill_trees where id = %(tree_id)s)
    -- @after progress/lock_for_skill, progress/complete_skill

``@setup`` is SQL to run between those and the query.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from skilltree._core.queries import Query, made, read
from skilltree._core.roles import learner, roles_taken, service
from skilltree._core.sql_folders import folder
from skilltree.errors import InvalidValue, NotFound

_PARAMETER = re.compile(r"%\((\w+)\)s")
_SERVICE = "app_service"
COMMON = "samples"


class SampledStatement(NamedTuple):
    """A query with the values of its parameters."""

    query: Query
    params: Mapping[str, object]


def names() -> list[str]:
    """Return the names of all query files."""
    root = folder("queries")
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.glob("*/*.sql"))


def is_about_the_schema(name: str) -> bool:
    """Tell whether a query looks at the schema or changes it, which is the owner's work, and no matter of the data."""
    aggregate, _, method = name.partition("/")
    return aggregate in {"catalog", "lint"} or method in {"ensure_partitions", "drop_partitions"}


def has_plan(query: Query) -> bool:
    """Tell whether the statement is one that PostgreSQL makes a plan for, which it does not for ``set role``."""
    return _first_word(query) in {"select", "with", "insert", "update", "delete", "values"}


def sampled(connection: Connection[Any], name: str, given: Mapping[str, str]) -> list[SampledStatement]:
    """Return the statements of a transaction of which the last is this query, with ``given`` before the samples.

    A parameter without a sample is null. Raises NotFound for a name that is no query's, InvalidValue for a parameter
    that the query does not have.
    """
    if name not in names():
        raise NotFound(f"there is no query {name}{_instead_of(name)}")
    query = read(name)
    if unknown := given.keys() - set(query.parameters):
        has = ", ".join(query.parameters) or "none"
        raise InvalidValue(f"{name} has no parameter {', '.join(sorted(unknown))}; it has {has}")
    values = _Values(connection, query, given)
    steps = [SampledStatement(each, values.of(each)) for each in (*_before(query), query)]
    works_for = (
        service(None)
        if any(step.query.role == _SERVICE for step in steps)
        else learner(_uuid(values.value("user_id", query)))
    )
    begin = [SampledStatement(works_for.begin, works_for.params)] if works_for.begin else []
    return begin + [
        step if isinstance(step, SampledStatement) else SampledStatement(step, {})
        for step in roles_taken(steps, works_for, goes_on=False)
    ]


def _instead_of(name: str) -> str:
    """Return which queries may be meant: those with a similar name, else those of the folder, else all."""
    close = get_close_matches(name[:100], names(), n=3, cutoff=0.7)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    start = name.partition("/")[0] + "/"
    return f"; there are {', '.join([each for each in names() if each.startswith(start)] or names())}"


def _uuid(value: object) -> UUID | None:
    """Return the learner for whom to work, also where the command line gives one as text."""
    try:
        return None if value is None else UUID(str(value))
    except ValueError as error:
        raise InvalidValue(f"user_id must be a UUID, not {value!r}", field="user_id") from error


class _Values:
    """The parameters of a transaction: those given, else those of the query's samples, else those of the step's own."""

    def __init__(self, connection: Connection[Any], query: Query, given: Mapping[str, str]) -> None:
        self._connection = connection
        self._query = query
        self._found: dict[str, object] = dict(given)

    def of(self, step: Query) -> dict[str, object]:
        return {name: self.value(name, step) for name in step.parameters}

    def value(self, name: str, step: Query) -> object:
        if name not in self._found:
            expression = samples(self._query).get(name) or samples(step).get(name) or samples(read(COMMON)).get(name)
            self._found[name] = None if expression is None else self._evaluated(expression, step)
        return self._found[name]

    def _evaluated(self, expression: str, step: Query) -> object:
        values = {name: self.value(name, step) for name in _PARAMETER.findall(expression)}
        row = self._connection.execute(f"select {expression}".encode(), values).fetchone()
        return row[0] if row else None


def samples(query: Query) -> dict[str, str]:
    """Return the expressions that a header gives for parameters."""
    parts = (each.text.partition(":") for each in query.directives if each.word == "sample")
    return {name.strip(): expression.strip() for name, _, expression in parts}


def unsampled(query: Query) -> list[str]:
    """Return the parameters for which there is no sample."""
    known = samples(query).keys() | samples(read(COMMON)).keys()
    return [name for name in query.parameters if name not in known]


def not_found(step: SampledStatement) -> list[str]:
    """Return the parameters whose samples should find something and did not."""
    expressions = samples(read(COMMON)) | samples(step.query)
    return [name for name, value in step.params.items() if value is None and expressions.get(name, "null") != "null"]


def _before(query: Query) -> list[Query]:
    """Return what is to run before: other query files, then statements of the header that take the query's role."""
    names = [name.strip() for each in query.directives if each.word == "after" for name in each.text.split(",")]
    setups = [
        made(f"{query.name}, @setup", f"{each.text};".encode(), query.header)
        for each in query.directives
        if each.word == "setup"
    ]
    return [*map(read, names), *setups]


def _first_word(query: Query) -> str:
    return re.sub(r"(?s)/\*.*?\*/", "", query.statement.decode()).split(None, 1)[0].lower()
