"""Migrations: each is applied exactly once, entirely or not at all, and refused when a file was edited afterwards.

yoyo reads the folder, puts the migrations in order and keeps the tables of what was applied. How they run is decided
here: on one connection, under an advisory lock, a migration and its mark as applied in one transaction.
"""

import hashlib
import math
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import psycopg
from yoyo import read_migrations
from yoyo.backends import PostgresqlPsycopgBackend
from yoyo.exceptions import BadMigration
from yoyo.migrations import default_migration_table, read_sql_migration, topological_sort

from skilltree import _files
from skilltree._sql import load
from skilltree._translation import translated
from skilltree.errors import InvalidValue, MigrationError

_FILE_NAME = re.compile(r"[0-9]{4}\.[a-z0-9-]+(\.rollback)?\.sql")
_BETWEEN_STATEMENTS = re.compile(r"(?:[\s;]|--[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TRANSACTION_CONTROL = re.compile(r"(begin|start|commit|end|rollback|abort|prepare\s+transaction)\b", re.IGNORECASE)
_LOCK = (0x736B696C, 0x74726565)  # "skil", "tree"
_SECONDS_BETWEEN_TRIES = 0.1
_LINES_SHOWN = 3


class InvalidMigration(MigrationError):
    """A file in the folder of migrations is not what it must be. Nothing was run."""


class MigrationEdited(MigrationError):
    """A file was edited after it was applied: ``file`` says which. Nothing was run."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(f"{file.name} was edited after it was applied: restore it, and write a new migration instead")


class MigrationDeleted(MigrationError):
    """A migration that is applied is not in the folder: ``file`` says which. Nothing was run."""

    def __init__(self, file: Path, *, newer: bool) -> None:
        self.file = file
        super().__init__(
            f"{file.name} is applied but not in {file.parent}: a newer version of the code migrated this database"
            if newer
            else f"{file.name} was deleted from {file.parent} after it was applied: restore it"
        )


class MigrationLocked(MigrationError):
    """Other migrations are still running. ``pid`` is the server process that runs them, when it can be told."""

    def __init__(self, *, pid: int | None) -> None:
        self.pid = pid
        process = f" in server process {pid} (see pg_stat_activity)" if pid else ""
        super().__init__(f"other migrations are still running{process}: try again when they are done")


@dataclass(frozen=True)
class Statement:
    """A statement of a file, and the line where it starts."""

    line: int
    text: str


class MigrationFailed(MigrationError):
    """The server refused a statement: ``file``, ``line`` and ``statement`` say which.

    What the file did is undone, unless it says ``-- transactional: false``. The migrations before it stay.
    """

    def __init__(self, file: Path, statement: Statement, error: psycopg.Error, *, transactional: bool) -> None:
        self.file = file
        self.line = statement.line + statement.text.count("\n", 0, int(error.diag.statement_position or 1) - 1)
        self.statement = statement.text
        parts = [f"{file.name}, line {self.line}: {error.diag.message_primary or error}"]
        parts += [f"    {line}" for line in self.statement.splitlines()[:_LINES_SHOWN]]
        parts += filter(None, (error.diag.message_detail, error.diag.message_hint, error.diag.context))
        if isinstance(error, psycopg.errors.LockNotAvailable):
            parts.append("Others use what it has to lock: try again when the table is less busy.")
        if not transactional:
            parts.append("It ran outside a transaction: remove what it left, such as an invalid index, and try again.")
        super().__init__("\n".join(parts))


@dataclass(frozen=True)
class MigrationStatus:
    """A migration, when it was applied if it was, and what happened to its files since."""

    id: str
    applied_at: datetime | None
    problem: Literal["edited", "deleted"] | None


def folder() -> Path:
    """Return the folder of SkillTree's own migrations."""
    return _files.folder("migrations")


def migrate(
    url: str,
    *,
    folder: Path | None = None,
    lock_timeout: float = 5.0,
    statement_timeout: float = 600.0,
    wait: float = 600.0,
    applied: Callable[[str], None] | None = None,
) -> list[str]:
    """Apply what is not applied yet, and return the ids in order; ``applied`` is called with each once it is.

    A statement waits at most ``lock_timeout`` seconds for a lock and runs at most ``statement_timeout`` (0: no limit).
    Migrations that another process runs are waited for ``wait`` seconds. The URL must lead to the server itself: a
    transaction pooler would lose the lock.
    """
    migrations = _read(folder)
    with _turn(url, migrations, wait) as (backend, done):
        pending = [migration for migration in migrations.values() if migration.id not in done]
        return backend.run("apply", pending, lock_timeout, statement_timeout, applied)


def rollback(
    url: str,
    *,
    count: int | None = 1,
    folder: Path | None = None,
    lock_timeout: float = 5.0,
    statement_timeout: float = 600.0,
    wait: float = 600.0,
    applied: Callable[[str], None] | None = None,
) -> list[str]:
    """Roll back the ``count`` migrations that were applied last (``None``: all), and return their ids, newest first.

    The options are those of ``migrate``; ``applied`` is called with each id once it is rolled back.
    """
    if count is not None and count < 0:
        raise InvalidValue(f"{count} migrations cannot be rolled back: count from 0", field="count")
    migrations = _read(folder)
    with _turn(url, migrations, wait) as (backend, done):
        newest = [migrations[name] for name in reversed(done)][:count]
        return backend.run("rollback", newest, lock_timeout, statement_timeout, applied)


def status(url: str, *, folder: Path | None = None) -> list[MigrationStatus]:
    """Return every migration of the folder in order, then those that are applied but not in it. Writes nothing."""
    migrations = _read(folder)
    with translated(), _Backend(url, default_migration_table) as backend:
        done = backend.read_applied()
    return [
        *(
            MigrationStatus(name, None, None)
            if name not in done
            else MigrationStatus(name, done[name].at, "edited" if migration.edited_since(done[name]) else None)
            for name, migration in migrations.items()
        ),
        *(MigrationStatus(name, mark.at, "deleted") for name, mark in done.items() if name not in migrations),
    ]


def fingerprint(url: str) -> dict[str, str]:
    """Return a definition of every object that is neither PostgreSQL's, an extension's nor these migrations' own.

    Two databases with the same schema give the same, whatever their data and their history.
    """
    with translated(), psycopg.connect(url, autocommit=True, client_encoding="utf8") as connection:
        # What the server's deparsing of definitions depends on; with an empty search path every name is qualified.
        connection.execute("""
            select
                set_config('search_path', '', false),
                set_config('timezone', 'UTC', false),
                set_config('datestyle', 'ISO', false),
                set_config('intervalstyle', 'postgres', false),
                set_config('quote_all_identifiers', 'off', false)
        """)
        return dict(sorted(connection.execute(load("catalog/fingerprint")).fetchall()))


def statements(file: Path) -> tuple[Statement, ...]:
    """Return what is sent to the server of a file, one message each. Comments in front of a statement are left out."""
    return _parse(file)[1]


def _parse(file: Path) -> tuple[dict[str, str], tuple[Statement, ...]]:
    """Return the directives and the statements that yoyo finds in a file."""
    directives, _, pieces = read_sql_migration(str(file))
    text = file.read_text(encoding="utf-8")
    position = 0
    found = []
    for piece in pieces:
        code = _BETWEEN_STATEMENTS.sub("", piece, count=1)
        if code:
            position = len(text) - len(_BETWEEN_STATEMENTS.sub("", text[position:], count=1))
            found.append(Statement(text.count("\n", 0, position) + 1, code))
            position += len(code)
    return directives, tuple(found)


@dataclass(frozen=True)
class _Mark:
    """What is kept of an applied migration; no checksums when yoyo itself applied it."""

    at: datetime
    checksum: str | None = None
    rollback_checksum: str | None = None


@dataclass(frozen=True)
class _File:
    path: Path
    directives: dict[str, str]
    statements: tuple[Statement, ...]
    checksum: str


@dataclass(frozen=True)
class _Migration:
    """What yoyo read, and the two files."""

    yoyo: Any
    apply: _File
    rollback: _File

    @property
    def id(self) -> str:
        return str(self.yoyo.id)

    @property
    def transactional(self) -> bool:
        return bool(self.yoyo.use_transactions)

    def edited_since(self, mark: _Mark) -> Path | None:
        for file, checksum in ((self.apply, mark.checksum), (self.rollback, mark.rollback_checksum)):
            if checksum not in (None, file.checksum):
                return file.path
        return None


def _read(place: Path | None) -> dict[str, _Migration]:
    place = place or folder()
    _refuse_strangers(place)
    found = read_migrations(escape(str(place)))
    migrations = {yoyo.id: _read_migration(yoyo, set(found)) for yoyo in found}
    try:
        return {yoyo.id: migrations[yoyo.id] for yoyo in topological_sort(found)}
    except ValueError as error:
        raise InvalidMigration(f"the migrations in {place} cannot be put in order: {error.args[0]}") from error


def _refuse_strangers(place: Path) -> None:
    names = {path.name for path in place.glob("[!.]*") if path.is_file()}
    if not names:
        raise InvalidMigration(f"there are no migrations in {place}")
    for name in sorted(names):
        if not _FILE_NAME.fullmatch(name):
            raise InvalidMigration(f"{name} is no migration: name it like 0001.create-users.sql, or put it elsewhere")
        stem, is_rollback = name.removesuffix(".sql").removesuffix(".rollback"), name.endswith(".rollback.sql")
        partner = f"{stem}.sql" if is_rollback else f"{stem}.rollback.sql"
        if partner not in names:
            raise InvalidMigration(f"{name} has no {partner} beside it")


def _read_migration(yoyo: Any, known: set[Any]) -> _Migration:
    path = Path(yoyo.path)
    try:
        yoyo.load()
        forward, back = _read_file(path), _read_file(path.with_suffix(".rollback.sql"))
    except (BadMigration, KeyError, ValueError) as error:
        raise InvalidMigration(f"yoyo cannot read {path.name}, or what it says it depends on: {error!r}") from error
    # yoyo remembers the migrations of every folder that it ever read.
    if not yoyo.depends <= known:
        raise InvalidMigration(f"{path.name} depends on a migration that is not in {path.parent}")
    if not back.directives.items() <= forward.directives.items():
        raise InvalidMigration(f"{back.path.name} has directives that {path.name} lacks: those of the latter rule both")
    for file in (forward, back):
        if len(file.statements) > 1 and not yoyo.use_transactions:
            raise InvalidMigration(f"{file.path.name} is not transactional but holds more than one statement")
    return _Migration(yoyo, forward, back)


def _read_file(path: Path) -> _File:
    directives, found = _parse(path)
    if not found:
        raise InvalidMigration(f"{path.name} holds no statement")
    for statement in found:
        if _TRANSACTION_CONTROL.match(statement.text):
            raise InvalidMigration(f"{path.name}, line {statement.line}: migrations begin and end no transactions")
    return _File(path, directives, found, hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest())


def _refuse_changes(migrations: dict[str, _Migration], done: dict[str, _Mark]) -> None:
    for name, mark in done.items():
        if name not in migrations:
            place = next(iter(migrations.values())).apply.path.parent
            raise MigrationDeleted(place / f"{name}.sql", newer=name > max(migrations))
        if file := migrations[name].edited_since(mark):
            raise MigrationEdited(file)


@contextmanager
def _turn(url: str, migrations: dict[str, _Migration], wait: float) -> "Iterator[tuple[_Backend, dict[str, _Mark]]]":
    """Wait until no other process migrates, and yield what is applied by then."""
    with translated(), _Backend(url, default_migration_table) as backend:
        backend.wait_for_turn(wait)
        done = backend.read_applied()
        _refuse_changes(migrations, done)
        yield backend, done


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc] # yoyo has no types
    """yoyo's tables, through any URL that libpq takes, on one connection."""

    connection: psycopg.Connection

    def connect(self, dburi: str) -> psycopg.Connection:
        return psycopg.connect(dburi, autocommit=True, client_encoding="utf8")

    def list_tables(self, **_: object) -> list[str]:
        """Return the tables that a name without a schema can mean."""
        found = self.connection.execute("""
            select relname::text from pg_class where relkind in ('r', 'p') and pg_table_is_visible(oid) order by relname
        """)
        return [name for (name,) in found]

    def lock(self, timeout: float = 0) -> "nullcontext[None]":
        """Do without yoyo's lock, a row that outlives a killed process: the advisory lock is held."""
        return nullcontext()

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, object]:
        """Return what yoyo logs, without asking for a user's name that a container may not know."""
        return {
            "id": str(uuid4()),
            "migration_id": migration.id,
            "migration_hash": migration.hash,
            "username": self.connection.info.user,
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }

    def wait_for_turn(self, seconds: float) -> None:
        # Not pg_advisory_lock(): `create index concurrently` waits for whoever is inside of a statement, so that who
        # builds an index and who waits for a turn would wait for each other.
        deadline = time.monotonic() + seconds
        while self.connection.execute("select pg_try_advisory_lock(%s, %s)", _LOCK).fetchone() != (True,):
            if time.monotonic() >= deadline:
                raise MigrationLocked(pid=self._lock_holder())
            time.sleep(_SECONDS_BETWEEN_TRIES)

    def _lock_holder(self) -> int | None:
        holder = self.connection.execute(
            """
            select pg_locks.pid
            from pg_locks
            inner join pg_database on pg_database.oid = pg_locks.database
            where pg_locks.locktype = 'advisory'
                and pg_database.datname = current_database()
                and (pg_locks.classid, pg_locks.objid) = (%s, %s)
                and pg_locks.granted
            """,
            _LOCK,
        ).fetchone()
        return holder[0] if holder else None

    def read_applied(self) -> dict[str, _Mark]:
        """Return what is applied, oldest first."""
        tables = self.list_tables()
        marks = {}
        if "skilltree_migrations" in tables:
            rows = self.connection.execute(
                "select migration_id, applied_at, checksum, rollback_checksum from skilltree_migrations"
            )
            marks = {name: _Mark(*mark) for name, *mark in rows}
        if default_migration_table not in tables:
            return {}
        rows = self.connection.execute("select migration_id, applied_at_utc at time zone 'UTC' from _yoyo_migration")
        found = [(name, marks.get(name) or _Mark(at)) for name, at in rows]
        return dict(sorted(found, key=lambda item: (item[1].at, item[0])))

    def run(
        self,
        direction: Literal["apply", "rollback"],
        migrations: list[_Migration],
        lock_timeout: float,
        statement_timeout: float,
        applied: Callable[[str], None] | None,
    ) -> list[str]:
        if migrations:
            self._create_tables()
        for migration in migrations:
            self._configure(lock_timeout, statement_timeout)
            self._run_one(migration, direction)
            if applied is not None:
                applied(migration.id)
        return [migration.id for migration in migrations]

    def _create_tables(self) -> None:
        self.ensure_internal_schema_updated()
        tables = self.list_tables()
        if "skilltree_migrations" not in tables:
            self.connection.execute("""
                create table skilltree_migrations (
                    migration_id text not null,
                    checksum text not null,
                    rollback_checksum text not null,
                    applied_at timestamptz not null default now(),
                    constraint skilltree_migrations_pkey primary key (migration_id)
                )
            """)
        if self.lock_table in tables:
            self.break_lock()

    def _configure(self, lock_timeout: float, statement_timeout: float) -> None:
        self.connection.execute(
            "select set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)",
            [str(math.ceil(seconds * 1000)) for seconds in (lock_timeout, statement_timeout)],
        )
        # So that the server notices when this process is killed, and lets go of the lock. Not every system can.
        with suppress(psycopg.errors.InvalidParameterValue):
            self.connection.execute("set client_connection_check_interval = '1s'")

    def _run_one(self, migration: _Migration, direction: Literal["apply", "rollback"]) -> None:
        file = migration.apply if direction == "apply" else migration.rollback
        statement = Statement(1, "begin")
        try:
            with self.connection.transaction() if migration.transactional else nullcontext():
                for statement in file.statements:
                    # `binary` makes psycopg use the protocol that refuses a second statement in one message.
                    self.connection.execute(statement.text.encode(), binary=True)
                statement = Statement(file.statements[-1].line, "commit")
                with self.connection.transaction():
                    self._mark(migration, direction)
        except psycopg.Error as error:
            raise MigrationFailed(file.path, statement, error, transactional=migration.transactional) from error

    def _mark(self, migration: _Migration, direction: Literal["apply", "rollback"]) -> None:
        # What the migration set for its session, such as search_path, is neither for this nor for the next migration.
        self.connection.execute("reset role")
        self.connection.execute("reset all")
        self.log_migration(migration.yoyo, direction)
        if direction == "rollback":
            self.unmark_one(migration.yoyo, log=False)
            self.connection.execute("delete from skilltree_migrations where migration_id = %s", [migration.id])
            return
        self.mark_one(migration.yoyo, log=False)
        self.connection.execute(
            """
            insert into skilltree_migrations (migration_id, checksum, rollback_checksum)
            values (%s, %s, %s)
            on conflict (migration_id) do update
            set checksum = excluded.checksum,
                rollback_checksum = excluded.rollback_checksum,
                applied_at = excluded.applied_at
            """,
            [migration.id, migration.apply.checksum, migration.rollback.checksum],
        )
