"""Checks the types of a binary COPY: ``@types`` names one for each column, in their order."""

from collections.abc import Iterator

from pglast import ast
from psycopg import postgres

from skilltree.gate.files import QueryFile
from skilltree.gate.headers import line_of
from skilltree.gate.report import Finding


def check_copy(file: QueryFile) -> Iterator[Finding]:
    """Yield a finding for a binary COPY whose types are missing, unknown or too few, and for types of no such COPY."""
    statement = file.statement
    is_binary = isinstance(statement, ast.CopyStmt) and any(
        option.defname == "format" and option.arg is not None and option.arg.sval == "binary"
        for option in statement.options or ()
    )
    line = line_of(file, "types")
    if not is_binary:
        if line is not None:
            yield Finding(file.path, line, "@types", "is only for a binary COPY", "remove the line")
        return
    if line is None:
        remedy = 'add "-- @types integer, uuid, …" to the header, a type for each column'
        yield Finding(file.path, 1, "@types", "is missing: a binary COPY needs the type of each column", remedy)
        return
    types = file.query.types
    unknown = [name for name in types if postgres.types.get(name) is None]
    if unknown:
        problem = f"{unknown[0]} is not a built-in type"
        yield Finding(file.path, line, "@types", problem, 'correct the name; for an enum, write "text"')
    columns = len(statement.attlist or ())
    if len(types) != columns:
        problem = f"names {len(types)} types for {columns} columns"
        yield Finding(file.path, line, "@types", problem, "name the columns, and a type for each")
