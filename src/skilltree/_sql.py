"""Query name -> SQL. The path below ``queries/`` is the name: ``trees/load`` is ``queries/trees/load.sql``.

A file begins with a comment for its reader. Lines of it that begin with ``@`` are for the tools::

    -- @role app_engine
    -- @sample user_id: (select user_id from user_profiles order by user_id limit 1)

What goes on in the next line is indented by four spaces or more.
"""

import re
from functools import cache
from typing import NamedTuple

from skilltree._files import folder

_DIRECTIVE = re.compile(r"-- @(?P<word>[a-z_]+)(?: (?P<text>.*))?")


class Directive(NamedTuple):
    """A line for the tools in the header of a query file: ``-- @word text``, and where it stands."""

    word: str
    text: str
    line: int


class Query(NamedTuple):
    """A query file: the statement as it is sent, its header, and the directives in the header."""

    name: str
    statement: bytes
    header: str
    directives: tuple[Directive, ...]

    @property
    def role(self) -> str | None:
        """The role that ``@role`` names: the one that a learner's unit of work takes for this statement."""
        return next((directive.text for directive in self.directives if directive.word == "role"), None)


@cache
def read(name: str) -> Query:
    """Return a query file. The statement has the name in front, so that the server's log leads back to the file."""
    lines = (folder("queries") / f"{name}.sql").read_bytes().decode().splitlines(keepends=True)
    end = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    statement = f"/* {name} */ {''.join(lines[end:])}".encode()
    return Query(name, statement, "".join(lines[:end]), tuple(_directives(lines[:end])))


def load(name: str) -> bytes:
    """Return the statement of a query file."""
    return read(name).statement


def _directives(header: list[str]) -> list[Directive]:
    directives: list[Directive] = []
    for number, line in enumerate(header, start=1):
        if match := _DIRECTIVE.fullmatch(line.rstrip()):
            directives.append(Directive(match["word"], match["text"] or "", number))
        elif directives and line.startswith("--     "):
            directives[-1] = directives[-1]._replace(text=f"{directives[-1].text} {line[2:].strip()}")
    return directives
