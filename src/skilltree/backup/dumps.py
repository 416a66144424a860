"""Logical dumps of one database, with pg_dump and pg_restore: for another version, or another server."""

from datetime import UTC, datetime

import psycopg

from skilltree._core.driver_errors import translated
from skilltree._core.queries import load
from skilltree._core.urls import checked_url
from skilltree.backup import erasures, programs, take
from skilltree.backup.application import NONE, Application
from skilltree.backup.census import Census, differences, prepare, sums
from skilltree.backup.failures import NotEmpty, RestoreDiffers, RolesMissing
from skilltree.backup.folder import Folder, Record, sha256_of
from skilltree.backup.source import look


def dump(url: str, folder: Folder) -> Record:
    """Dump the database, with a census of the same snapshot. It counts only once it is verified."""
    source = look(url)
    source.require_sight()
    folder.belong_to(source.facts)
    with (
        folder.alone("backups") as lock,
        folder.unfinished("dump") as place,
        translated(),
        psycopg.connect(url, client_encoding="utf8") as connection,
    ):
        started = datetime.now(UTC)
        prepare(connection)
        connection.commit()
        connection.execute("begin isolation level repeatable read")
        [[snapshot, now]] = connection.execute("select pg_export_snapshot(), clock_timestamp()").fetchall()
        file = place / "dump"
        program = programs.at_least("pg_dump", version=source.facts.version)
        command = [program, "--format", "custom", "--encoding", "utf8", "--snapshot", snapshot, "--file", str(file)]
        programs.run(command, url=url, lock=lock)
        record = Record(
            name=place.name,
            kind="dump",
            started_at=started,
            finished_at=datetime.now(UTC),
            server=source.facts,
            sha256=sha256_of(file),
            roles=source.roles,
            size=file.stat().st_size,
            census=Census(taken_at=now, position=0, flushed=0, in_flight=(), tables=dict(sums(connection))),
        )
        reader = programs.at_least("pg_restore", version=source.facts.version)
        programs.run([reader, "--file", "/dev/null", str(file)], lock=lock)
        folder.finish(place, record)
    erasures.collect(url, folder)
    return record


def into(folder: Folder, record: Record, url: str, *, application: Application = NONE) -> int:
    """Restore a dump into an empty database, erase again who was erased, and return how many these were.

    Raises NotEmpty and RolesMissing before anything is written, and RestoreDiffers if the tables are not what was
    dumped. If pg_restore fails, the database stays empty. StillReferenced comes after the restore: call
    ``erasures.repeat`` with the application.
    """
    checked_url(url)
    take.verify(folder, record)
    with translated(), psycopg.connect(url, autocommit=True, client_encoding="utf8") as connection:
        prepare(connection)
        if found := [name for (name,) in connection.execute(load("backup/leftovers"))]:
            raise NotEmpty(f"the database is not empty: it has {', '.join(found)}. Restore into a new database")
        known = {name for (name,) in connection.execute("select pg_roles.rolname from pg_roles")}
        database = connection.info.dbname
    if missing := [name for name in record.roles if name not in known]:
        raise RolesMissing(_what_to_create(missing, record, database))
    program = programs.at_least("pg_restore", version=record.server.version)
    programs.run([program, "--single-transaction", "--exit-on-error", str(folder.content(record))], url=url)
    with translated(), psycopg.connect(url, autocommit=True, client_encoding="utf8") as connection:
        prepare(connection)
        told = differences(record.census.tables, dict(sums(connection)))
    if told:
        raise RestoreDiffers(f"{record.name} was restored, but {'; '.join(told)}")
    return erasures.repeat(url, folder, application)


def _what_to_create(missing: list[str], record: Record, database: str) -> str:
    ours = {"app_user", "app_engine", "app_service", "skilltree_app"}
    others = [name for name in missing if name not in ours]
    owner = next((name for name in record.roles if name not in ours), record.server.superuser)
    steps = [f"create role {name} login" for name in others]
    if ours & set(missing):
        steps.append(f"the output of `skilltree roles --owner {owner} --database {database}`")
    return f"the server lacks the roles {', '.join(missing)}. As an administrator, run first: {'; then '.join(steps)}"
