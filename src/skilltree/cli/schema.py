"""The commands about the schema: migrate, rollback, status, drift, lint, check-migrations, psql."""

import os
import shutil
import signal
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from rich.text import Text

from skilltree import embedded, migrate, migration_gate, project
from skilltree.cli.application import Json, LockTimeout, app, own_migrations, project_with_migrations
from skilltree.cli.run import confirm
from skilltree.cli.starter_data import Yes, name_of
from skilltree.cli.terminal import emit, emit_json, emit_table, out
from skilltree.embedded import database_url
from skilltree.migrate import drift as drifting
from skilltree.migrate import lint as linting
from skilltree.migrate.files import CHECKSUMS, titled
from skilltree.migrate.roles import statements

OnlyApplication = Annotated[
    bool, typer.Option("--application", help="Only the application's own migrations, not SkillTree's.")
]


def _row(migration: migrate.MigrationId, outcome: str) -> dict[str, str | None]:
    return {"migration": migration, "history": migration.history, "outcome": outcome}


def _emit(rows: list[dict[str, str | None]], *, as_json: bool) -> None:
    """Print rows. A table names the history only if there are two."""
    if not as_json and all(row["history"] != "application" for row in rows):
        rows = [{name: value for name, value in row.items() if name != "history"} for row in rows]
    emit_table(rows, as_json=as_json)


@app.command("migrate")
def migrate_(*, lock_timeout: LockTimeout = 5, as_json: Json = False) -> None:
    """Apply the pending migrations: SkillTree's, then those of the current folder's project."""
    applied = migrate.migrate(database_url(), application=own_migrations(), lock_timeout=lock_timeout)
    _emit([_row(each, "applied") for each in applied], as_json=as_json)


@app.command("rollback")
def rollback(
    *,
    count: Annotated[int, typer.Option(min=1, help="How many of the latest migrations to roll back.")] = 1,
    everything: Annotated[bool, typer.Option("--all", help="Roll back all migrations.")] = False,
    only_application: OnlyApplication = False,
    yes: Yes = False,
    lock_timeout: LockTimeout = 5,
    as_json: Json = False,
) -> None:
    """Roll back the latest migration, SkillTree's or your own. The data in what it created is lost."""
    url, own = database_url(), project_with_migrations().migrations if only_application else own_migrations()
    states = migrate.status(url, application=own)
    applied = [each for each in states if each.applied_at and (each.history == "application" or not only_application)]
    # Ours come first in the list. So of two with the same time, the application's is the later one.
    applied.sort(key=lambda each: each.applied_at or datetime.min.replace(tzinfo=UTC))
    if applied:
        latest = [titled(each.id, each.history) for each in (applied if everything else applied[-count:])]
        losing = latest[0] if len(latest) == 1 else f"{latest[0]} to {latest[-1]}"
        confirm(f"Roll back {losing} in {name_of(url)}, and lose the data in what they created?", yes=yes)
    undone = migrate.rollback(
        url,
        count=None if everything else count,
        application=own,
        only_application=only_application,
        lock_timeout=lock_timeout,
    )
    _emit([_row(each, "rolled back") for each in undone], as_json=as_json)


def _note(migration: migrate.MigrationStatus) -> str | None:
    if migration.is_ahead:
        return "newer, compatible"
    return None if migration.applied_at else "pending"


@app.command("status")
def status(*, as_json: Json = False) -> None:
    """Show the state of each migration. Exit 1 if one is pending, edited, deleted or newer, or if an object is lost.

    A newer one that is compatible is shown, too, but is no reason for exit 1.
    """
    url, found_project = database_url(), project.find()
    found = migrate.status(url, application=found_project.migrations if found_project else None)
    # Objects can only be missing once all migrations are applied.
    lost = migrate.health(url) if all(migration.applied_at for migration in found) else []
    open_tables = {
        f"table {name}"
        for rule, name in (found_project.lint if found_project else ())
        if rule == "row_security_missing"
    }
    lost = [(name, told) for name, told in lost if name not in open_tables]
    _emit(
        [
            {
                "migration": migration.id,
                "history": migration.history,
                "applied": migration.applied_at.isoformat(timespec="seconds") if migration.applied_at else None,
                "problem": migration.problem or _note(migration),
            }
            for migration in found
        ]
        + [{"migration": name, "history": None, "applied": None, "problem": told} for name, told in lost],
        as_json=as_json,
    )
    if lost or any(migration.problem or migration.applied_at is None for migration in found):
        raise typer.Exit(1)


@app.command("drift")
def drift(*, as_json: Json = False) -> None:
    """Show how the database differs from its migrations, as the role that migrates. Exit 2 if it differs."""
    found = drifting.drift(database_url(), application=own_migrations())
    states = (
        ("pending", found.pending),
        ("edited", found.edited),
        ("deleted", found.deleted),
        ("newer than the files", found.newer),
    )
    if as_json:
        migrations = [_row(each, state) for state, ids in states for each in ids]
        emit_json({**asdict(found), "migrations": migrations})
    else:
        for each in found.differences:
            out.print(Text(each.object, style="bold"), soft_wrap=True)
            out.print(*each.lines(), sep="\n", soft_wrap=True)
        for state, ids in states:
            for name in ids:
                out.print(f"{titled(name, name.history)} is {state}", soft_wrap=True)
        if not found:
            out.print("the database matches its migrations")
    if found:
        raise typer.Exit(2)


@app.command("lint")
def lint(*, as_json: Json = False) -> None:
    """Show what in the schema breaks a rule that every schema must keep. Exit 1 if anything does."""
    found = project.find()
    findings = linting.lint(database_url(), {**linting.EXCEPTIONS, **(found.lint if found else {})})
    if findings or as_json:
        emit_table((asdict(each) for each in findings), as_json=as_json)
    else:
        out.print(f"all {len(linting.rules())} rules hold")
    if findings:
        raise typer.Exit(1)


@app.command("check-migrations")
def check_migrations(
    *,
    record: Annotated[
        bool, typer.Option("--record", help="Add the checksums of new files to SHA256SUMS if all is well.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run each migration of the current folder's project forward and back on a temporary server.

    Exit 1 with a list of the faults. In a checkout of SkillTree, the migrations are SkillTree's.
    """
    # A wheel has no list of checksums: its migrations have been checked.
    is_checkout = (migrate.folder() / CHECKSUMS).exists()
    checked = project.find() if is_checkout else project_with_migrations()
    own = checked.migrations if checked else None
    with embedded.throw_away() as server:
        problems = migration_gate.check(server, project=checked if own else None, landing=record)
    place = checked.shown(own) if checked and own else "migrations"
    if as_json:
        emit_json([asdict(each) for each in problems])
    for each in () if as_json else problems:
        where = f"{place}/{each.file}" + (f":{each.line}" if each.line else "")
        out.print(f"{where}: {each.problem}\n    {each.remedy}", soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    if not as_json:
        out.print("every migration runs forward and back")


@app.command("psql")
def psql(
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments of psql, after --.")] = None,
) -> None:
    """Open psql on the database."""
    url = database_url()
    program = shutil.which("psql") or embedded.program("psql")
    # The password goes through the environment, because every user can read a command line.
    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    command = [program, make_conninfo("", **parts), *(arguments or [])]
    with subprocess.Popen(command, env=environment) as session:  # noqa: S603 (psql)
        # Ctrl-C belongs to psql, which cancels the statement and continues.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = session.wait()
        signal.signal(signal.SIGINT, signal.default_int_handler)
    raise typer.Exit(code)


@app.command("roles")
def roles(
    *,
    owner: Annotated[str, typer.Option(help="The role that migrates.")] = "skilltree_owner",
    database: Annotated[str, typer.Option(help="The database.")] = "skilltree",
) -> None:
    """Print the SQL that creates the roles, for an administrator if the role that migrates may not create roles."""
    emit(statements(owner, database), end="")
