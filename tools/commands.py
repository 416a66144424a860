"""The commands of a checkout: test, check, check-migrations, format, clean; and those of ``budgets``."""

from dataclasses import asdict
from typing import Annotated

import typer

from skilltree import embedded
from skilltree.cli.application import Json, app
from skilltree.cli.terminal import emit_json, out
from tools import checkout, migration_gate
from tools.budgets import commands as budgets

__all__ = ["budgets", "check", "check_migrations", "clean", "format_", "run_tests"]


@app.command("test")
def run_tests(
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments of pytest, after --.")] = None,
    *,
    pg: Annotated[str, typer.Option(help="The PostgreSQL version: 18, 16, or 15 if Debian's is installed.")] = "18",
) -> None:
    """Run the tests on a temporary server."""
    raise typer.Exit(checkout.test(pg, arguments or []))


@app.command("check-migrations")
def check_migrations(*, as_json: Json = False) -> None:
    """Run every migration forward and back on a temporary server. Exit 1 with a list of the faults."""
    with embedded.throw_away() as server:
        problems = migration_gate.check(server)
    if as_json:
        emit_json([asdict(each) for each in problems])
    for each in () if as_json else problems:
        place = f"migrations/{each.file}" + (f":{each.line}" if each.line else "")
        out.print(f"{place}: {each.problem}\n    {each.remedy}", soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    if not as_json:
        out.print("every migration runs forward and back")


@app.command("check")
def check() -> None:
    """Check query files, style, types, generated code, SQL, migrations and the rules of the schema."""
    raise typer.Exit(checkout.check())


@app.command("format")
def format_() -> None:
    """Format everything, and regenerate the sync code, queries/schema.json and schema.sql."""
    raise typer.Exit(checkout.format())


@app.command("clean")
def clean() -> None:
    """Stop the embedded server, and remove its data and build artefacts."""
    checkout.clean()
