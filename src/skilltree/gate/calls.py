"""Checks that a statement that only a function makes write says so: ``@writes``. Its text does not show it."""

import re
from collections.abc import Iterator

from pglast import ast

from skilltree._core.scopes import writes_by_its_text
from skilltree.gate.facts import walk
from skilltree.gate.files import QueryFile
from skilltree.gate.headers import line_of
from skilltree.gate.report import Finding
from skilltree.gate.schema import Schema

# They lock rows, or make settings of the transaction.
_KNOWN = re.compile(r"hold_|begin_as_|wait_briefly")


def check_calls(file: QueryFile, known: Schema) -> Iterator[Finding]:
    """Yield a finding for a call of a volatile function without ``@writes``, and for ``@writes`` without a call."""
    calls = [
        node
        for node in walk(file.statement)
        if isinstance(node, ast.FuncCall)
        and node.funcname[-1].sval in known.volatile
        and not _KNOWN.match(node.funcname[-1].sval)
    ]
    line = line_of(file, "writes")
    needed = [] if writes_by_its_text(file.query) else calls
    if line is not None and not needed:
        problem = (
            "is not needed: the statement itself shows that it writes, or calls no volatile function of the schema"
        )
        yield Finding(file.path, line, "@writes", problem, "remove the line")
    for node in needed if line is None else ():
        yield Finding(
            file.path,
            file.line_at(node.location),
            f'function "{node.funcname[-1].sval}"',
            "is volatile, so this statement may write, and must not be sent again after a lost connection",
            'add "-- @writes what it writes" to the header, or declare the function stable',
        )
