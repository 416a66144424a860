"""Reads query files. A query's name is its path below ``queries/``: ``trees/load`` is ``queries/trees/load.sql``.

A file begins with a comment for its reader. Lines of the comment that begin with ``@`` are directives for the tools::

    -- @role app_engine
    -- @sample user_id: (select user_id from user_profiles order by user_id limit 1)

A directive can continue on the next line, indented by four spaces or more.
"""

import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from skilltree._core.sql_folders import folder
from skilltree.errors import MissingParameter, QueryFileNotFound

_PLACEHOLDER = re.compile(rb"%(?:%|\((\w+)\)s)")
_DIRECTIVE = re.compile(r"-- @(?P<word>[a-z_]+)(?: (?P<text>.*))?")


class Directive(NamedTuple):
    """A directive in the header of a query file, ``-- @word text``, and its line."""

    word: str
    text: str
    line: int


class Query(NamedTuple):
    """A query file: its statement, header and directives.

    ``numbered`` is the statement as it is sent, with ``$1`` for the first of ``parameters``. It is computed only once:
    psycopg does not cache this for statements of more than 4096 bytes.
    """

    name: str
    statement: bytes
    numbered: bytes
    parameters: tuple[str, ...]
    header: str
    directives: tuple[Directive, ...]
    place: Path | None = None
    """The folder of queries of an application; ``None`` is SkillTree's own."""

    def values(self, params: Mapping[str, object]) -> list[object]:
        """Return the values of the parameters, in their order. Raises MissingParameter."""
        try:
            return [params[name] for name in self.parameters]
        except KeyError as error:
            raise MissingParameter(f"{self.file} needs the parameter {error.args[0]}, which is not given") from None

    @property
    def file(self) -> str:
        """The path of the file, for messages."""
        return f"queries/{self.name}.sql" if self.place is None else str(self.place / f"{self.name}.sql")

    @property
    def digest(self) -> str:
        """A digest of the statement, which a change of the header leaves as it is."""
        return sha256(self.numbered).hexdigest()[:16]

    @property
    def types(self) -> list[str]:
        """The types of the columns of a binary COPY, ``@types``."""
        return [name.strip() for each in self.directives if each.word == "types" for name in each.text.split(",")]

    @property
    def role(self) -> str | None:
        """The role of ``@role``, which the statement needs. Without it, ``app_user`` is enough."""
        return next((directive.text for directive in self.directives if directive.word == "role"), None)


@cache
def read(name: str, place: Path | None = None) -> Query:
    """Return a query file below a folder. Without ``place``, it is SkillTree's own.

    Its name precedes the statement as a comment, so that the server's log shows the file. Raises QueryFileNotFound.
    """
    path = (place or folder("queries")) / f"{name}.sql"
    try:
        lines = _lines(path.read_bytes().decode("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise QueryFileNotFound(f"there is no query file {path}") from error
    except UnicodeDecodeError as error:
        raise QueryFileNotFound(f"the query file {path} cannot be read, because it is not UTF-8: {error}") from error
    end = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    statement = f"/* {name} */ {''.join(lines[end:])}".encode()
    return made(name, statement, "".join(lines[:end]), place)


def made(name: str, statement: bytes, header: str, place: Path | None = None) -> Query:
    """Return a query made of these parts."""
    return Query(name, statement, *numbered(statement), header, tuple(_directives(_lines(header))), place)


def _lines(text: str) -> list[str]:
    """Return the lines as PostgreSQL sees them. It does not know all the ends of lines that ``splitlines`` knows."""
    return [*StringIO(text, newline="")]


def load(name: str) -> bytes:
    """Return the statement of a query file."""
    return read(name).statement


def numbered(statement: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return a statement with ``$1`` for its first parameter and so on, and the names of the parameters."""
    numbers: dict[bytes, int] = {}

    def number(placeholder: re.Match[bytes]) -> bytes:
        name: bytes | None = placeholder[1]
        return b"%" if name is None else b"$%d" % numbers.setdefault(name, len(numbers) + 1)

    return _PLACEHOLDER.sub(number, statement), tuple(name.decode() for name in numbers)


def _directives(header: list[str]) -> list[Directive]:
    directives: list[Directive] = []
    for number, line in enumerate(header, start=1):
        if match := _DIRECTIVE.fullmatch(line.rstrip()):
            directives.append(Directive(match["word"], match["text"] or "", number))
        elif directives and line.startswith("--     "):
            directives[-1] = directives[-1]._replace(text=f"{directives[-1].text} {line[2:].strip()}")
    return directives
