"""The files of migrations: yoyo's view of them, and the rules that are checked before any is run."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from glob import escape
from pathlib import Path
from typing import Any, Literal

from yoyo import read_migrations
from yoyo.exceptions import BadMigration
from yoyo.migrations import read_sql_migration, topological_sort

from skilltree._core import sql_folders
from skilltree.errors import MigrationError

CHECKSUMS = "SHA256SUMS"
"""The file beside the migrations with the checksums of those on the main branch."""

_FILE_NAME = re.compile(r"[0-9]{4}\.[a-z0-9-]+(\.rollback)?\.sql")
_BETWEEN_STATEMENTS = re.compile(r"(?:[\s;]|--[^\n]*|/\*.*?\*/)*", re.DOTALL)
_COMPATIBLE = re.compile(r"^-- @compatible$", re.MULTILINE)
_TRANSACTION_CONTROL = re.compile(r"(begin|start|commit|end|rollback|abort|prepare\s+transaction)\b", re.IGNORECASE)


HistoryName = Literal["skilltree", "application"]
"""Whose migrations: SkillTree's own, or those of the application that is built on it."""


class MigrationId(str):
    """The id of a migration, which is its file's name without the end. ``history`` tells whose migration it is."""

    history: HistoryName

    def __new__(cls, value: str, history: HistoryName = "skilltree") -> "MigrationId":
        made = super().__new__(cls, value)
        made.history = history
        return made


def titled(name: str, history: HistoryName) -> str:
    """Return the name of a migration or file as messages show it, since both histories may have the same one."""
    return name if history == "skilltree" else f"the application's {name}"


@dataclass(frozen=True)
class Problem:
    """A fault of a file, its line if there is one, and what to do about it."""

    file: str
    line: int | None
    problem: str
    remedy: str


class InvalidMigration(MigrationError):
    """A file in the folder of migrations breaks a rule. Nothing was run."""


@dataclass(frozen=True)
class Statement:
    """A statement of a file, and its first line."""

    line: int
    text: str


@dataclass(frozen=True)
class Mark:
    """The record of an applied migration. It has no checksums if yoyo itself applied the migration.

    ``is_compatible`` is the promise of its header, for older code, which does not have the file.
    """

    at: datetime
    checksum: str | None = None
    rollback_checksum: str | None = None
    is_compatible: bool = False


@dataclass(frozen=True)
class File:
    path: Path
    directives: dict[str, str]
    statements: tuple[Statement, ...]
    checksum: str


@dataclass(frozen=True)
class Migration:
    """A migration as yoyo reads it, and its two files."""

    yoyo: Any
    apply: File
    rollback: File
    history: HistoryName = "skilltree"

    @property
    def id(self) -> MigrationId:
        return MigrationId(self.yoyo.id, self.history)

    @property
    def transactional(self) -> bool:
        return bool(self.yoyo.use_transactions)

    @property
    def is_compatible(self) -> bool:
        """Whether the header promises that the code before it still works after this migration."""
        return _COMPATIBLE.search(self.apply.path.read_text(encoding="utf-8")) is not None

    def edited_since(self, mark: Mark) -> Path | None:
        for file, checksum in ((self.apply, mark.checksum), (self.rollback, mark.rollback_checksum)):
            if checksum not in (None, file.checksum):
                return file.path
        return None


def folder() -> Path:
    """Return the folder of SkillTree's own migrations."""
    return sql_folders.folder("migrations")


@dataclass(frozen=True)
class History:
    """The migrations of a folder, in order."""

    name: HistoryName
    migrations: dict[str, Migration]


def read_both(ours: Path | None, application: Path | None) -> list[History]:
    """Return SkillTree's history, and then that of the application, if it has one. The default is our own folder.

    Raises InvalidMigration for a file that breaks a rule.
    """
    found = [History("skilltree", read(ours))]
    if application is not None:
        found.append(History("application", read(application, "application")))
    return found


def read(place: Path | None, history: HistoryName = "skilltree") -> dict[str, Migration]:
    try:
        return _read(place or folder(), history)
    except InvalidMigration as error:
        if history == "skilltree":
            raise
        raise InvalidMigration(f"in the application's migrations: {error}") from error


def _read(place: Path, history: HistoryName) -> dict[str, Migration]:
    _refuse_strangers(place)
    files = tuple((path.name, path.read_bytes()) for path in sorted(place.glob("[!.]*.sql")))
    return dict(_read_once(place, history, files))


@lru_cache(maxsize=8)
def _read_once(place: Path, history: HistoryName, files: tuple[tuple[str, bytes], ...]) -> dict[str, Migration]:
    """Read a folder again only if a file has changed, because yoyo needs a quarter of a second to parse ours."""
    found, contents = read_migrations(escape(str(place))), dict(files)
    migrations = {yoyo.id: _read_migration(yoyo, set(found), history, contents) for yoyo in found}
    try:
        return {yoyo.id: migrations[yoyo.id] for yoyo in topological_sort(found)}
    except ValueError as error:
        raise InvalidMigration(f"the migrations in {place} cannot be put in order: {error.args[0]}") from error


def _refuse_strangers(place: Path) -> None:
    names = {path.name for path in place.glob("[!.]*") if path.is_file()} - {CHECKSUMS}
    if not names:
        raise InvalidMigration(f"there are no migrations in {place}")
    for name in sorted(names):
        if not _FILE_NAME.fullmatch(name):
            raise InvalidMigration(
                f"{name} is not a migration: give it a name like 0001.create-users.sql, or move it elsewhere"
            )
        stem, is_rollback = name.removesuffix(".sql").removesuffix(".rollback"), name.endswith(".rollback.sql")
        partner = f"{stem}.sql" if is_rollback else f"{stem}.rollback.sql"
        if partner not in names:
            raise InvalidMigration(f"{name} has no {partner} beside it")


def _read_migration(yoyo: Any, known: set[Any], history: HistoryName, contents: dict[str, bytes]) -> Migration:
    path = Path(yoyo.path)
    try:
        yoyo.load()
        forward, back = (_read_file(each, contents[each.name]) for each in (path, path.with_suffix(".rollback.sql")))
    except (BadMigration, KeyError, ValueError) as error:
        raise InvalidMigration(f"yoyo cannot read {path.name} or its dependencies: {error!r}") from error
    # yoyo remembers the migrations of every folder that it has read.
    if not yoyo.depends <= known:
        raise InvalidMigration(f"{path.name} depends on a migration that is not in {path.parent}")
    if not back.directives.items() <= forward.directives.items():
        raise InvalidMigration(
            f"{back.path.name} has directives that {path.name} lacks: write them in {path.name}, they hold for both"
        )
    for file in (forward, back):
        if len(file.statements) > 1 and not yoyo.use_transactions:
            raise InvalidMigration(f"{file.path.name} is not transactional but holds more than one statement")
    return Migration(yoyo, forward, back, history)


def _read_file(path: Path, content: bytes) -> File:
    directives, found = _parse(path)
    if not found:
        raise InvalidMigration(f"{path.name} holds no statement")
    for statement in found:
        if _TRANSACTION_CONTROL.match(statement.text):
            raise InvalidMigration(
                f"{path.name}, line {statement.line}: a migration must not begin or end a transaction"
            )
    return File(path, directives, found, hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest())


def statements(file: Path) -> tuple[Statement, ...]:
    """Return the statements of a file as they are sent, one at a time. Comments before a statement are left out."""
    return _parse(file)[1]


def _parse(file: Path) -> tuple[dict[str, str], tuple[Statement, ...]]:
    """Return the directives and the statements that yoyo finds in a file."""
    return _parse_text(file, file.read_text(encoding="utf-8"))


@cache
def _parse_text(file: Path, text: str) -> tuple[dict[str, str], tuple[Statement, ...]]:
    directives, _, pieces = read_sql_migration(str(file))
    position = 0
    found = []
    for piece in pieces:
        code = _BETWEEN_STATEMENTS.sub("", piece, count=1)
        if code:
            position = len(text) - len(_BETWEEN_STATEMENTS.sub("", text[position:], count=1))
            found.append(Statement(text.count("\n", 0, position) + 1, code))
            position += len(code)
    return directives, tuple(found)
