"""Checks that older query files still run after a migration, so that old code works while new code is deployed."""

import io
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg import Connection
from psycopg.pq import ExecStatus

from skilltree._core.queries import numbered
from skilltree.errors import MigrationError
from skilltree.migrate.files import Problem
from skilltree.migration_gate.example_rows import columns

_HEADER = re.compile(rb"(?:--[^\n]*\n)*")


@dataclass(frozen=True)
class Promise:
    """What a migration must not change: the results of each query, and the required columns of each table."""

    queries: Mapping[str, bytes]
    answers: dict[str, str]
    tables: set[str]
    required: set[tuple[str, str]]


def queries_before(migration: Path, queries: Path | None) -> dict[str, bytes]:
    """Return the query files of the commit before the one that added a migration, or of the last commit.

    Those of the last release before it (a tag such as ``v1.2.0``) are added where they differ: their code is what runs
    beside the new one. ``queries`` is their folder. Raises MigrationError if git does not have them, as in a shallow
    clone.
    """
    if queries is None:
        return {}
    added = _git(migration, migration.parent, "log", "-1", "--diff-filter=A", "--format=%H", "--", migration.name)
    commit = f"{added.decode().strip()}^" if added else "HEAD"
    found = _queries_of(commit, migration, queries)
    tags = _git(migration, queries, "tag", "--list", "v*", "--merged", commit, "--sort=-creatordate").decode().split()
    released = _queries_of(tags[0], migration, queries) if tags else {}
    return found | {f"{name} of {tags[0]}": text for name, text in released.items() if text != found.get(name)}


def _queries_of(commit: str, migration: Path, queries: Path) -> dict[str, bytes]:
    if not _git(migration, queries, "ls-tree", commit, "./"):
        return {}
    # In a folder, git archives only that folder.
    archive = _git(migration, queries, "archive", commit)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        members = [member for member in files if member.name.endswith(".sql")]
        found = {member.name: files.extractfile(member) for member in members}
        return {name.removesuffix(".sql"): file.read() for name, file in found.items() if file is not None}


def _git(file: Path, folder: Path, *arguments: str) -> bytes:
    git = shutil.which("git")
    if git is None:
        raise MigrationError(f"git is needed to check that {file.name} is compatible with the queries before it")
    result = subprocess.run([git, *arguments], cwd=folder, capture_output=True, check=False)  # noqa: S603 (git)
    if result.returncode:
        raise MigrationError(
            f"git does not have the queries from before {file.name}: git {arguments[0]}:"
            f" {result.stderr.decode().strip()}. In a shallow clone: git fetch --unshallow"
        )
    return result.stdout


def promise(connection: Connection, queries: Mapping[str, bytes]) -> Promise:
    """Return what must not change from now on. Queries that do not run now promise nothing."""
    answers = {name: _describe(connection, query) for name, query in queries.items()}
    tables = columns(connection)
    return Promise(
        queries,
        {name: answer for name, (answer, error) in answers.items() if error is None},
        set(tables),
        _required(connection),
    )


def incompatibilities(connection: Connection, migration: Path, promised: Promise) -> Iterator[Problem]:
    """Return what would break old code."""
    remedy = "keep it until no old code runs any more, or remove -- @compatible from the header"
    for name, before in promised.answers.items():
        after, error = _describe(connection, promised.queries[name])
        if error is not None:
            yield Problem(migration.name, None, f"the older {_file(name)} no longer runs: {error}", remedy)
        elif after != before:
            yield Problem(migration.name, None, f"the older {_file(name)} returns {after}, not {before}", remedy)
    for table, column in sorted(_required(connection) - promised.required):
        if table in promised.tables:
            problem = f"old code does not know that {table}.{column} must have a value"
            yield Problem(migration.name, None, problem, f"give it a default; or {remedy}")


def _file(name: str) -> str:
    path, of, tag = name.partition(" of ")
    return f"{path}.sql{of}{tag}"


def _required(connection: Connection) -> set[tuple[str, str]]:
    return {
        (table, column.name) for table, found in columns(connection).items() for column in found if column.is_required
    }


def _describe(connection: Connection, query: bytes) -> tuple[str, str | None]:
    """Return the types of a query's parameters and columns as text, or why it cannot be prepared."""
    server = connection.pgconn
    statement, names = numbered(_HEADER.sub(b"", query, count=1))
    prepared = server.prepare(b"", statement)
    if prepared.status != ExecStatus.COMMAND_OK:
        return "", prepared.error_message.decode().splitlines()[0].removeprefix("ERROR:").strip()
    described = server.describe_prepared(b"")
    parameters = [(name, described.param_type(number)) for number, name in enumerate(names)]
    returned = [((described.fname(at) or b"").decode(), described.ftype(at)) for at in range(described.nfields)]
    types: dict[int, str] = dict(
        connection.execute(
            "select oid::bigint, format_type(oid, null) from unnest(%s::bigint[]) as oid",
            [[oid for _, oid in parameters + returned]],
        ).fetchall()
    )
    return "{} for {}".format(
        *(", ".join(f"{name} {types[oid]}" for name, oid in described) for described in (returned, parameters))
    ), None
