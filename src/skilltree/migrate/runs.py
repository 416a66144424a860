"""Runs migrations on one connection, under an advisory lock. A migration and its record are one transaction."""

import math
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import psycopg
from yoyo.backends import PostgresqlPsycopgBackend
from yoyo.migrations import default_migration_table

from skilltree._core.driver_errors import translated
from skilltree._core.server_requirements import refuse_unfit
from skilltree._core.urls import checked_url
from skilltree.errors import MigrationError, UnfitDatabase
from skilltree.migrate.connection import pin, refuse_unwritable
from skilltree.migrate.files import Mark, Migration, Statement

_LOCK = (0x736B696C, 0x74726565)  # "skil", "tree"
_SECONDS_BETWEEN_TRIES = 0.1
_LINES_SHOWN = 3
_FIRST_BEFORE_RELEASE = "0001.create-types-and-functions"
"""What every database has applied that was made before 0.1.0. Nothing is called so since."""


class MigrationEdited(MigrationError):
    """A file was edited after it was applied. ``file`` is its path. Nothing was run."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(f"{file.name} was edited after it was applied: restore it, and write a new migration instead")


class MigratedBeforeRelease(MigrationError):
    """The database was made by migrations from before 0.1.0, which are not continued. Nothing was run."""

    def __init__(self) -> None:
        super().__init__(
            "this database was made by migrations from before 0.1.0, the first release, which are not continued. Make a"
            " new, empty database, and run `skilltree migrate` and `skilltree seed`. In a checkout, `skilltree clean`"
            " removes the embedded server's data"
        )


class MigrationDeleted(MigrationError):
    """An applied migration is not in the folder. ``file`` is its path. Nothing was run."""

    def __init__(self, file: Path, *, newer: bool) -> None:
        self.file = file
        super().__init__(
            f"{file.name} is applied but not in {file.parent}: a newer version of the code migrated this database"
            if newer
            else f"{file.name} was deleted from {file.parent} after it was applied: restore it"
        )


class MigrationLocked(MigrationError):
    """Another process is still migrating. ``pid`` is its server process, if known."""

    def __init__(self, *, pid: int | None) -> None:
        self.pid = pid
        process = f" in server process {pid} (see pg_stat_activity)" if pid else ""
        super().__init__(f"timed out waiting for other migrations{process}: try again when they are done")


class MigrationFailed(MigrationError):
    """The server refused a statement of a migration: see ``file``, ``line`` and ``statement``.

    The file's changes are rolled back, unless it is marked ``-- transactional: false``. Earlier migrations stay.
    """

    def __init__(self, file: Path, statement: Statement, error: psycopg.Error, *, transactional: bool) -> None:
        self.file = file
        self.line = statement.line + statement.text.count("\n", 0, int(error.diag.statement_position or 1) - 1)
        self.statement = statement.text
        parts = [f"{file.name}, line {self.line}: {error.diag.message_primary or error}"]
        parts += [f"    {line}" for line in self.statement.splitlines()[:_LINES_SHOWN]]
        parts += filter(None, (error.diag.message_detail, error.diag.message_hint, error.diag.context))
        if isinstance(error, psycopg.errors.LockNotAvailable):
            parts.append("Other sessions use a table that it must lock: try again when the table is less busy.")
        if not transactional:
            parts.append("It ran outside a transaction: remove leftovers, such as an invalid index, and try again.")
        super().__init__("\n".join(parts))


def refuse_unreleased(migrations: dict[str, Migration], done: dict[str, Mark]) -> None:
    """Raise MigratedBeforeRelease for a database that was made before 0.1.0."""
    if _FIRST_BEFORE_RELEASE in done and _FIRST_BEFORE_RELEASE not in migrations:
        raise MigratedBeforeRelease


def _refuse_changes(migrations: dict[str, Migration], done: dict[str, Mark]) -> None:
    refuse_unreleased(migrations, done)
    for name, mark in done.items():
        if name not in migrations:
            place = next(iter(migrations.values())).apply.path.parent
            raise MigrationDeleted(place / f"{name}.sql", newer=name > max(migrations))
        if file := migrations[name].edited_since(mark):
            raise MigrationEdited(file)


@contextmanager
def turn(
    url: str, migrations: dict[str, Migration], wait: float = 600.0
) -> "Iterator[tuple[Backend, dict[str, Mark]]]":
    """Wait until no other process migrates, and yield the migrations that are applied then."""
    checked_url(url)
    with translated(), Backend(url, default_migration_table) as backend:
        backend.wait_for_turn(wait)
        done = backend.read_applied()
        _refuse_changes(migrations, done)
        yield backend, done


class Backend(PostgresqlPsycopgBackend):  # type: ignore[misc] # yoyo has no types
    """yoyo's tables, through any URL that libpq accepts, on one connection."""

    connection: psycopg.Connection

    def connect(self, dburi: str) -> psycopg.Connection:
        connection = psycopg.connect(dburi, autocommit=True, client_encoding="utf8")
        try:
            refuse_unfit(connection.info)
            pin(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def list_tables(self, **_: object) -> list[str]:
        """Return the tables that are visible without a schema name."""
        found = self.connection.execute("""
            select relname::text from pg_class where relkind in ('r', 'p') and pg_table_is_visible(oid) order by relname
        """)
        return [name for (name,) in found]

    def lock(self, timeout: float = 0) -> "nullcontext[None]":
        """Skip yoyo's lock, a row that outlives a killed process, because the advisory lock is held."""
        return nullcontext()

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, object]:
        """Return what yoyo logs, without asking for the user's name, which may not exist in a container."""
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
        # Not pg_advisory_lock(): `create index concurrently` waits for running statements, so that a session that
        # builds an index and one that waits for the lock would wait for each other.
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

    def read_applied(self) -> dict[str, Mark]:
        """Return the applied migrations, oldest first. Raises UnfitDatabase if this role may not read them."""
        try:
            return self._read_applied()
        except psycopg.errors.InsufficientPrivilege as error:
            raise UnfitDatabase(
                "this role may not read the list of applied migrations: connect as the role that migrates"
            ) from error

    def _read_applied(self) -> dict[str, Mark]:
        tables = self.list_tables()
        marks = {}
        if "skilltree_migrations" in tables:
            rows = self.connection.execute(
                "select migration_id, applied_at, checksum, rollback_checksum from skilltree_migrations"
            )
            marks = {name: Mark(*mark) for name, *mark in rows}
        if default_migration_table not in tables:
            return {}
        rows = self.connection.execute("select migration_id, applied_at_utc at time zone 'UTC' from _yoyo_migration")
        found = [(name, marks.get(name) or Mark(at)) for name, at in rows]
        return dict(sorted(found, key=lambda item: (item[1].at, item[0])))

    def run(
        self,
        direction: Literal["apply", "rollback"],
        migrations: list[Migration],
        lock_timeout: float = 5.0,
        statement_timeout: float = 600.0,
        applied: Callable[[str], None] | None = None,
    ) -> list[str]:
        if migrations:
            refuse_unwritable(self.connection)
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
        # The server then notices when this process is killed, and releases the lock. Some systems do not support it.
        with suppress(psycopg.errors.InvalidParameterValue):
            self.connection.execute("set client_connection_check_interval = '1s'")

    def _run_one(self, migration: Migration, direction: Literal["apply", "rollback"]) -> None:
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

    def _mark(self, migration: Migration, direction: Literal["apply", "rollback"]) -> None:
        # Settings of the migration, such as search_path, must not affect this statement or the next migration.
        self.connection.execute("reset role")
        self.connection.execute("reset all")
        pin(self.connection)
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
