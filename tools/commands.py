"""The commands of a checkout: test, check, format, clean."""

from typing import Annotated

import typer

from skilltree.cli.application import app
from skilltree.cli.gate import CHECKS_OF_A_CHECKOUT
from tools import checkout

__all__ = ["clean", "format_", "run_tests"]


# The command `check` runs the checks of an application in its folder, and these in the checkout.
CHECKS_OF_A_CHECKOUT.append(checkout.check)


@app.command("test")
def run_tests(
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments of pytest, after --.")] = None,
    *,
    pg: Annotated[str, typer.Option(help="The PostgreSQL version: 18, 16, or 15 if Debian's is installed.")] = "18",
) -> None:
    """Run the tests on a temporary server."""
    raise typer.Exit(checkout.test(pg, arguments or []))


@app.command("format")
def format_() -> None:
    """Format everything, and regenerate the sync code, queries/schema.json and schema.sql."""
    raise typer.Exit(checkout.format())


@app.command("clean")
def clean() -> None:
    """Stop the embedded server, and remove its data and build artefacts."""
    checkout.clean()
