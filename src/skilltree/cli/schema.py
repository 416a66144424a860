"""The commands about the schema: migrate, rollback, status, drift, lint, psql."""

import os
import shutil
import signal
import subprocess
from dataclasses import asdict
from typing import Annotated

import typer
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from rich.text import Text

from skilltree import embedded, migrate
from skilltree.cli.application import Json, LockTimeout, app
from skilltree.cli.run import confirm
from skilltree.cli.starter_data import Yes, name_of
from skilltree.cli.terminal import emit, emit_json, emit_table, out
from skilltree.embedded import database_url
from skilltree.migrate import drift as drifting
from skilltree.migrate import lint as linting
from skilltree.migrate.roles import statements


@app.command("migrate")
def migrate_(*, lock_timeout: LockTimeout = 5, as_json: Json = False) -> None:
    """Apply the pending migrations."""
    applied = migrate.migrate(database_url(), lock_timeout=lock_timeout)
    emit_table(({"migration": name, "outcome": "applied"} for name in applied), as_json=as_json)


@app.command("rollback")
def rollback(
    *,
    count: Annotated[int, typer.Option(min=1, help="How many of the latest migrations to roll back.")] = 1,
    everything: Annotated[bool, typer.Option("--all", help="Roll back all migrations.")] = False,
    yes: Yes = False,
    lock_timeout: LockTimeout = 5,
    as_json: Json = False,
) -> None:
    """Roll back the latest migration. The data in what it created is lost."""
    url = database_url()
    applied = [each.id for each in migrate.status(url) if each.applied_at]
    if applied:
        latest = applied if everything else applied[-count:]
        losing = latest[0] if len(latest) == 1 else f"{latest[0]} to {latest[-1]}"
        confirm(f"Roll back {losing} in {name_of(url)}, and lose the data in what they created?", yes=yes)
    undone = migrate.rollback(url, count=None if everything else count, lock_timeout=lock_timeout)
    emit_table(({"migration": name, "outcome": "rolled back"} for name in undone), as_json=as_json)


@app.command("status")
def status(*, as_json: Json = False) -> None:
    """Show the state of each migration. Exit 1 if one is pending, edited or deleted, or if an object is lost."""
    url = database_url()
    found = migrate.status(url)
    # Objects can only be missing once all migrations are applied.
    lost = migrate.health(url) if all(migration.applied_at for migration in found) else []
    emit_table(
        [
            {
                "migration": migration.id,
                "applied": migration.applied_at.isoformat(timespec="seconds") if migration.applied_at else None,
                "problem": migration.problem or (None if migration.applied_at else "pending"),
            }
            for migration in found
        ]
        + [{"migration": name, "applied": None, "problem": told} for name, told in lost],
        as_json=as_json,
    )
    if lost or any(migration.problem or migration.applied_at is None for migration in found):
        raise typer.Exit(1)


@app.command("drift")
def drift(*, as_json: Json = False) -> None:
    """Show how the database differs from its migrations, as the role that migrates. Exit 2 if it differs."""
    found = drifting.drift(database_url())
    if as_json:
        emit_json(asdict(found))
    else:
        for each in found.differences:
            out.print(Text(each.object, style="bold"), soft_wrap=True)
            out.print(*each.lines(), sep="\n", soft_wrap=True)
        for state, names in (("pending", found.pending), ("edited", found.edited), ("deleted", found.deleted)):
            for name in names:
                out.print(f"{name} is {state}", soft_wrap=True)
        if not found:
            out.print("the database matches its migrations")
    if found:
        raise typer.Exit(2)


@app.command("lint")
def lint(*, as_json: Json = False) -> None:
    """Show what in the schema breaks a rule that every schema must keep. Exit 1 if anything does."""
    findings = linting.lint(database_url())
    if findings or as_json:
        emit_table((asdict(each) for each in findings), as_json=as_json)
    else:
        out.print(f"all {len(linting.rules())} rules hold")
    if findings:
        raise typer.Exit(1)


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
