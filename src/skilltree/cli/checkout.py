"""The commands of a checkout: test, check, check-migrations, check-queries, format, clean."""

from dataclasses import asdict
from typing import Annotated

import typer

from skilltree import dev, embedded, migration_gate
from skilltree._terminal import emit_json, out
from skilltree.cli._app import Json, app


@app.command("test")
def run_tests(
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments of pytest, after --.")] = None,
    *,
    pg: Annotated[str, typer.Option(help="The version of PostgreSQL: 18, 16, or an installed Debian 15.")] = "18",
) -> None:
    """Run the tests on a throw-away server."""
    raise typer.Exit(dev.test(pg, arguments or []))


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


@app.command("check-queries")
def check_queries(
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Take queries/schema.json for a server.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_github: Annotated[bool, typer.Option("--github", help="Print annotations for GitHub.")] = False,
) -> None:
    """Hold every query file against the schema, its method and its model; exit 1 and say where one does not fit."""
    if as_json and as_github:
        raise typer.BadParameter("choose one of --json and --github")
    raise typer.Exit(dev.check_queries(offline=offline, form="json" if as_json else "github" if as_github else "text"))


@app.command("check")
def check() -> None:
    """Check query files, style, types, generated code, SQL, migrations and the rules of the schema."""
    raise typer.Exit(dev.check())


@app.command("format")
def format_() -> None:
    """Bring everything into the project's style, and write the sync code and queries/schema.json anew."""
    raise typer.Exit(dev.format())


@app.command("clean")
def clean() -> None:
    """Stop the embedded server and remove its data and what builds leave behind."""
    dev.clean()
