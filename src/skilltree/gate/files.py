"""The query files of the gate, with numbered parameters and the line of each part."""

import re
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from pglast import parse_sql
from pglast.parser import ParseError

from skilltree._core.queries import Query, read
from skilltree.explain.samples import COMMON, DATASET
from skilltree.gate.subject import Subject

_STRAY = re.compile(rb"%(?:%|\(\w+\)s|(?P<stray>))")


class NotOneStatement(Exception):
    """The file does not parse as one statement."""


@dataclass(frozen=True)
class QueryFile:
    """A query file, and its statement as it is sent."""

    query: Query
    text: str
    folder: str = "queries"
    """The folder of the query files, as findings show it."""

    @property
    def name(self) -> str:
        return self.query.name

    @property
    def numbered(self) -> bytes:
        return self.query.numbered

    @property
    def parameters(self) -> tuple[str, ...]:
        return self.query.parameters

    @property
    def stray(self) -> list[int]:
        """The lines of percent signs that are neither a parameter nor doubled."""
        statement, first = self.query.statement, self.query.header.count("\n") + 1
        return [
            first + statement.count(b"\n", 0, match.start())
            for match in _STRAY.finditer(statement)
            if match["stray"] is not None
        ]

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}.sql"

    @property
    def digest(self) -> str:
        """A digest of the statement."""
        return sha256(self.numbered).hexdigest()[:16]

    @cached_property
    def statement(self) -> Any:
        """The statement's parse tree. Raises NotOneStatement."""
        try:
            statements = parse_sql(self.numbered.decode())
        except ParseError as error:
            raise NotOneStatement(str(error)) from error
        if len(statements) != 1:
            raise NotOneStatement(f"there are {len(statements)} statements")
        return statements[0].stmt

    def line_at(self, offset: int) -> int:
        """Return the line of the file for an offset in the numbered statement, in characters."""
        return self.query.header.count("\n") + self.numbered.decode().count("\n", 0, max(offset, 0)) + 1

    def line_of_parameter(self, name: str) -> int:
        """Return the first line with a parameter."""
        return self._line_of(f"%({name})s")

    def line_of_column(self, offset: int | None) -> int:
        """Return the line of a column of the result; if it is unknown, the line of the last statement."""
        return self.line_at(offset) if offset is not None else self.line_at(len(self.numbered.decode()) - 1)

    def _line_of(self, text: str) -> int:
        lines = self.text.splitlines()
        return next((number for number, line in enumerate(lines, start=1) if text in line), 1)


def read_queries(subject: Subject) -> dict[str, QueryFile]:
    """Return every query file by its name, in order, without ``json``: that is generated from the others."""
    root = subject.queries
    found = (path.relative_to(root).with_suffix("") for path in root.rglob("*.sql"))
    names = sorted(path.as_posix() for path in found if path.parts[0] not in {COMMON, DATASET, "json"})
    return {
        name: QueryFile(read(name, subject.place), (root / f"{name}.sql").read_text(), subject.shown(root))
        for name in names
    }
