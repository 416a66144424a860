"""Runs migrations on one connection, under an advisory lock. A migration and its record are one transaction."""

import math
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from uuid import uuid4

import psycopg
from psycopg import sql
from yoyo.backends import PostgresqlPsycopgBackend

from skilltree._core.driver_errors import translated
from skilltree._core.server_requirements import refuse_unfit
from skilltree._core.urls import checked_url
from skilltree.errors import UnfitDatabase
from skilltree.migrate.connection import pin, refuse_unwritable
from skilltree.migrate.files import History, HistoryName, Mark, Migration, MigrationId, Statement
from skilltree.migrate.refusals import MigrationFailed, MigrationLocked, refuse_changes

_LOCK = (0x736B696C, 0x74726565)  # "skil", "tree"
_SECONDS_BETWEEN_TRIES = 0.1
_HAS_PROMISES = """
    select 1
    from pg_attribute
    where attrelid = to_regclass(quote_ident(%s)) and attname = 'is_compatible' and not attisdropped
"""


class Tables(NamedTuple):
    """The tables of a history: three of yoyo's, and ours with the checksums."""

    applied: str
    log: str
    version: str
    checksums: str


_TABLES: dict[HistoryName, Tables] = {
    "skilltree": Tables("_yoyo_migration", "_yoyo_log", "_yoyo_version", "skilltree_migrations"),
    "application": Tables(
        "_yoyo_application_migration",
        "_yoyo_application_log",
        "_yoyo_application_version",
        "skilltree_application_migrations",
    ),
}


def tables() -> list[str]:
    """Return the names of the tables of both histories."""
    return [name for each in _TABLES.values() for name in each]


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    """Yield a connection for migrations. Raises UnfitDatabase for a server that SkillTree cannot use."""
    checked_url(url)
    with translated(), closing(psycopg.connect(url, autocommit=True, client_encoding="utf8")) as connection:
        refuse_unfit(connection.info)
        pin(connection)
        yield connection


@contextmanager
def turn(
    url: str, histories: Sequence[History], wait: float = 600.0, *, may_be_ahead: bool = False
) -> "Iterator[list[Backend]]":
    """Wait until no other process migrates, and yield a backend for each history. Nothing was edited or deleted.

    ``may_be_ahead`` accepts compatible migrations of a newer version.
    """
    with connected(url) as connection:
        _wait_for_turn(connection, wait)
        backends = [Backend(connection, history) for history in histories]
        for backend in backends:
            refuse_changes(backend.history, backend.done, may_be_ahead=may_be_ahead)
        yield backends


def _wait_for_turn(connection: psycopg.Connection, seconds: float) -> None:
    # Not pg_advisory_lock(): `create index concurrently` waits for running statements, so that a session that builds
    # an index and one that waits for the lock would wait for each other.
    deadline = time.monotonic() + seconds
    while connection.execute("select pg_try_advisory_lock(%s, %s)", _LOCK).fetchone() != (True,):
        if time.monotonic() >= deadline:
            raise MigrationLocked(pid=_lock_holder(connection))
        time.sleep(_SECONDS_BETWEEN_TRIES)


def _lock_holder(connection: psycopg.Connection) -> int | None:
    holder = connection.execute(
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


def read_applied(connection: psycopg.Connection, history: HistoryName) -> dict[str, Mark]:
    """Return the applied migrations, oldest first. Raises UnfitDatabase if this role may not read them."""
    try:
        return _read_applied(connection, _TABLES[history])
    except psycopg.errors.InsufficientPrivilege as error:
        raise UnfitDatabase(
            "this role may not read the list of applied migrations: connect as the role that migrates"
        ) from error


def _read_applied(connection: psycopg.Connection, tables: Tables) -> dict[str, Mark]:
    present = _visible_tables(connection)
    if tables.applied not in present:
        return {}
    marks = {}
    if tables.checksums in present:
        # As JSON, because a table from before 0.1.0 lacks the last column until the next migration.
        rows = connection.execute(
            sql.SQL("""
                select
                    migration_id,
                    applied_at,
                    checksum,
                    rollback_checksum,
                    coalesce((to_jsonb(marks) ->> 'is_compatible')::boolean, false)
                from {} as marks
            """).format(sql.Identifier(tables.checksums))
        )
        marks = {name: Mark(*mark) for name, *mark in rows}
    rows = connection.execute(
        sql.SQL("select migration_id, applied_at_utc at time zone 'UTC' from {}").format(sql.Identifier(tables.applied))
    )
    found = [(name, marks.get(name) or Mark(at)) for name, at in rows]
    return dict(sorted(found, key=lambda item: (item[1].at, item[0])))


def _visible_tables(connection: psycopg.Connection) -> list[str]:
    """Return the tables that are visible without a schema name."""
    found = connection.execute("""
        select relname::text from pg_class where relkind in ('r', 'p') and pg_table_is_visible(oid) order by relname
    """)
    return [name for (name,) in found]


class Backend(PostgresqlPsycopgBackend):  # type: ignore[misc] # yoyo has no types
    """yoyo's tables of one history, on a connection that both histories share. ``done``: what was applied before."""

    connection: psycopg.Connection

    def __init__(self, connection: psycopg.Connection, history: History) -> None:
        self._shared = connection
        self.history = history
        self._tables = _TABLES[history.name]
        self.log_table = self._tables.log
        self.version_table = self._tables.version
        super().__init__("", self._tables.applied)
        self.done = read_applied(connection, history.name)

    def connect(self, dburi: str) -> psycopg.Connection:
        return self._shared

    def list_tables(self, **_: object) -> list[str]:
        return _visible_tables(self.connection)

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

    def run(
        self,
        direction: Literal["apply", "rollback"],
        migrations: list[Migration],
        lock_timeout: float = 5.0,
        statement_timeout: float = 600.0,
        applied: Callable[[MigrationId], None] | None = None,
    ) -> list[MigrationId]:
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
        checksums = self._tables.checksums
        if checksums not in tables:
            self.connection.execute(
                sql.SQL("""
                    create table {} (
                        migration_id text not null,
                        checksum text not null,
                        rollback_checksum text not null,
                        applied_at timestamptz not null default now(),
                        is_compatible boolean not null default false,
                        constraint {} primary key (migration_id)
                    )
                """).format(sql.Identifier(checksums), sql.Identifier(f"{checksums}_pkey"))
            )
        elif not self.connection.execute(_HAS_PROMISES, [checksums]).fetchone():
            self.connection.execute(
                sql.SQL("alter table {} add column is_compatible boolean not null default false").format(
                    sql.Identifier(checksums)
                )
            )
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
            raise MigrationFailed(
                file.path, statement, error, transactional=migration.transactional, history=migration.history
            ) from error

    def _mark(self, migration: Migration, direction: Literal["apply", "rollback"]) -> None:
        # Settings of the migration, such as search_path, must not affect this statement or the next migration.
        self.connection.execute("reset role")
        self.connection.execute("reset all")
        pin(self.connection)
        self.log_migration(migration.yoyo, direction)
        checksums = sql.Identifier(self._tables.checksums)
        if direction == "rollback":
            self.unmark_one(migration.yoyo, log=False)
            self.connection.execute(
                sql.SQL("delete from {} where migration_id = %s").format(checksums), [str(migration.id)]
            )
            return
        self.mark_one(migration.yoyo, log=False)
        self.connection.execute(
            sql.SQL("""
                insert into {} (migration_id, checksum, rollback_checksum, is_compatible)
                values (%s, %s, %s, %s)
                on conflict (migration_id) do update
                set checksum = excluded.checksum,
                    rollback_checksum = excluded.rollback_checksum,
                    applied_at = excluded.applied_at,
                    is_compatible = excluded.is_compatible
            """).format(checksums),
            [str(migration.id), migration.apply.checksum, migration.rollback.checksum, migration.is_compatible],
        )
