"""The server that is backed up: its facts, and whether it is set up for it."""

from dataclasses import dataclass

import psycopg
from psycopg.rows import dict_row

from skilltree._core.driver_errors import translated
from skilltree._core.queries import load
from skilltree._core.urls import checked_url
from skilltree.backup.failures import ServerUnsuitable
from skilltree.backup.folder import Facts
from skilltree.migrate.distributed import is_distributed

_FIRST_WITH_INCREMENTS = 17


@dataclass(frozen=True)
class Source:
    """A server, and what can be backed up there."""

    facts: Facts
    is_standby: bool
    has_wal_summaries: bool
    sees_all: bool
    may_replicate: bool
    is_distributed: bool
    tablespaces: tuple[str, ...]
    roles: tuple[str, ...]

    def require_sight(self) -> None:
        """Raise ServerUnsuitable unless the role sees all rows, whatever policies there are."""
        if not self.sees_all:
            raise ServerUnsuitable(
                "this role does not see all rows of all tables. As an administrator: alter role … bypassrls;"
                " grant pg_read_all_data to …"
            )

    def require_fit(self) -> None:
        """Raise ServerUnsuitable unless a backup of the whole server can be taken here."""
        self.require_sight()
        if self.is_distributed:
            raise ServerUnsuitable(
                "the database is distributed, and this would copy one server only: docs/distributed.md says how to back"
                " up all servers at the same moment"
            )
        if self.is_standby:
            raise ServerUnsuitable(
                "the server is a standby: take the backup from the primary, because it marks the moment at which the"
                " tables are counted"
            )
        if not self.may_replicate:
            raise ServerUnsuitable(
                "this role may not copy the server's files. As an administrator: alter role … replication"
            )
        if self.tablespaces:
            raise ServerUnsuitable(
                f"the server has tablespaces ({', '.join(self.tablespaces)}), which these commands do not back up: use"
                " pgBackRest or Barman (docs/backup.md)"
            )

    def require_increments(self) -> None:
        """Raise ServerUnsuitable unless incremental backups can be taken here."""
        if self.facts.version < _FIRST_WITH_INCREMENTS:
            raise ServerUnsuitable(
                f"PostgreSQL {self.facts.version} has no incremental backups (17 and later have): take a full one"
            )
        if not self.has_wal_summaries:
            raise ServerUnsuitable(
                "incremental backups need summaries of the write-ahead log. As an administrator: alter system set"
                " summarize_wal = on; select pg_reload_conf(); then take a full backup first"
            )


def look(url: str) -> Source:
    """Return what can be backed up on the server of this URL."""
    checked_url(url)
    with translated(), psycopg.connect(url, autocommit=True, client_encoding="utf8") as connection:
        with connection.cursor(row_factory=dict_row) as cursor:
            [found] = cursor.execute(load("backup/server")).fetchall()
        roles = tuple(name for (name,) in connection.execute(load("backup/roles")))
        distributed = is_distributed(connection)
    return Source(
        Facts(**{name: found[name] for name in Facts.model_fields}),
        found["is_standby"],
        found["has_wal_summaries"],
        found["sees_all"],
        found["may_replicate"],
        distributed,
        tuple(found["tablespaces"]),
        roles,
    )
