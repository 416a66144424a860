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
    pg: Annotated[str, typer.Option(help="The version of PostgreSQL: 18, 16, or an installed Debian 15.")] = "18",
) -> None:
    """Run the tests on a throw-away server."""
    raise typer.Exit(checkout.test(pg, arguments or []))


@app.command("check-migrations")
def check_migrations(*, as_json: Json = False) -> None:
    """Try every migration forward and back on a throw-away server; exit 1 and name the file when one is wrong."""
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
        out.print("every migration goes forward and back")


@app.command("check")
def check() -> None:
    """Check query files, style, types, generated code, SQL, migrations and the rules of the schema."""
    raise typer.Exit(checkout.check())


@app.command("format")
def format_() -> None:
    """Bring everything into the project's style, and write the sync code, queries/schema.json and schema.sql anew."""
    raise typer.Exit(checkout.format())


@app.command("clean")
def clean() -> None:
    """Stop the embedded server and remove its data and what builds leave behind."""
    checkout.clean()
