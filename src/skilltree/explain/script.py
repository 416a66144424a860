"""Writes a query as a script for psql or pgbench: one transaction, in the query's role, that is rolled back."""

import re
from collections.abc import Mapping
from typing import Any

from psycopg import Connection, sql

from skilltree._core.queries import Query
from skilltree.explain.samples import sampled

_PARAMETER = re.compile(r"%\((\w+)\)s|%%")
# pgbench would take this inside a literal for a variable.
_LIKE_A_VARIABLE = re.compile(r"(?<!:):(?=[A-Za-z_])")


def script(connection: Connection[Any], query: Query, given: Mapping[str, str], *, pgbench: bool = False) -> str:
    """Return the script. In psql, parameters are variables to edit; pgbench has only numbers, so they are literals.

    Raises InvalidValue.
    """
    steps = sampled(connection, query, given)
    literals = {
        param: sql.Literal(value).as_string(connection) for step in steps for param, value in step.params.items()
    }
    variables = [] if pgbench else [f"\\set {param} {_quoted(literal)}" for param, literal in literals.items()]

    def replaced(match: re.Match[str]) -> str:
        if match[1] is None:
            return "%"
        return _for_pgbench(literals[match[1]]) if pgbench else f":{match[1]}"

    statements = [_PARAMETER.sub(replaced, step.query.statement.decode()).strip() for step in steps]
    return "\n".join([*variables, "begin;", *statements, "rollback;"]) + "\n"


def _quoted(literal: str) -> str:
    """Return a literal as the value of a psql variable."""
    return "'" + literal.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n") + "'"


def _for_pgbench(literal: str) -> str:
    if not literal.startswith(("'", " E'")) or not _LIKE_A_VARIABLE.search(literal):
        return literal
    text, quote, cast = literal.rpartition("'")
    escaped = text.lstrip(" E") if text.startswith(" E") else text.replace("\\", "\\\\")
    return "E" + _LIKE_A_VARIABLE.sub(r"\\x3a", escaped) + quote + cast
