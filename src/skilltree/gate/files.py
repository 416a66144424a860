"""The query files of the gate, with numbered parameters and the line of each part."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pglast import parse_sql
from pglast.parser import ParseError, scan

from skilltree._core.queries import Query, read
from skilltree.errors import QueryFileNotFound
from skilltree.explain.samples import COMMON, DATASET
from skilltree.gate.report import Finding
from skilltree.gate.subject import Subject

_STRAY = re.compile(rb"%(?:%|\(\w+\)s|(?P<stray>))")
_PLACEHOLDER = re.compile(r"%(?:%|\((\w+)\)s)")
_COMMENTS = {"SQL_COMMENT", "C_COMMENT"}
_GENERATED = ("json", "routed")
"""The folders of what is generated from the other query files."""


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

    @cached_property
    def unseen(self) -> tuple[str, int] | None:
        """The first parameter that the server does not see, and its line.

        It stands in a string or in a name, where its number would become a part of the text, or only in comments.
        """
        text, end, placed = "", 0, dict[int, str]()
        statement = self.query.statement.decode()
        for match in _PLACEHOLDER.finditer(statement):
            text += statement[end : match.start()]
            if match[1] is not None:
                placed[len(text)] = match[1]
            text += "%" if match[1] is None else "$1"
            end = match.end()
        try:
            tokens = scan(text + statement[end:])
        except ParseError:
            return None
        seen = {placed[token.start] for token in tokens if token.name == "PARAM" and token.start in placed}
        for token in tokens:
            for offset, name in placed.items():
                is_inside = token.name != "PARAM" and token.start <= offset <= token.end
                if is_inside and not (token.name in _COMMENTS and name in seen):
                    return name, self.query.header.count("\n") + text.count("\n", 0, offset) + 1
        return None

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}.sql"

    @property
    def digest(self) -> str:
        """A digest of the statement."""
        return self.query.digest

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
    """Return every query file by its name, in order, without those that cannot be read."""
    root = subject.queries
    return {
        name: QueryFile(query, (root / f"{name}.sql").read_text("utf-8-sig"), subject.shown(root))
        for name, query in _read(subject)
        if isinstance(query, Query)
    }


def check_readable(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each query file that cannot be read."""
    for name, error in _read(subject):
        if not isinstance(error, Query):
            file = f"{subject.shown(subject.queries)}/{name}.sql"
            yield Finding(file, 1, "file", str(error), "save it as UTF-8")


def _read(subject: Subject) -> Iterator[tuple[str, Query | QueryFileNotFound]]:
    """Yield the name of every query file that somebody wrote, in order, and what it holds."""
    found = (path.relative_to(subject.queries).with_suffix("") for path in subject.queries.rglob("*.sql"))
    for name in sorted(path.as_posix() for path in found if path.parts[0] not in {COMMON, DATASET, *_GENERATED}):
        try:
            yield name, read(name, subject.place)
        except QueryFileNotFound as error:
            yield name, error
