"""The application that the modules of commands add theirs to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from skilltree import __version__, embedded
from skilltree._core.driver_errors import translated
from skilltree._sync.database import Database, Scope
from skilltree.cli.run import Commands
from skilltree.cli.terminal import emit
from skilltree.errors import SkillTreeError

app = typer.Typer(
    name="skilltree",
    cls=Commands,
    help="A PostgreSQL data layer for skill trees. DATABASE_URL chooses the server; without it, the embedded one.",
    epilog="Exit codes: 0 all is well; 1 something is not, and is named; 2 misuse, or `drift` found some;"
    " 130 interrupted; 141 nobody reads on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Help and errors as plain text: nothing in them is markup.
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
LockTimeout = Annotated[float, typer.Option(min=0, help="Seconds to wait for a lock; 0: for ever.")]
DemoData = Annotated[
    bool | None,
    typer.Option("--demo-data/--no-demo-data", help="With made-up learners, also on a server that is not embedded."),
]


class NotEmbedded(SkillTreeError):
    """The server is not an embedded one, and this writes made-up data."""


def _print_version(asked: bool) -> None:
    if asked:
        emit(f"skilltree {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    data: Annotated[
        Path | None,
        typer.Option(help="Where the embedded server keeps its data; or SKILLTREE_DATA.", file_okay=False),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take what all commands have in common."""
    if data is not None:
        os.environ[embedded.DATA] = str(data.absolute())


@contextmanager
def operator() -> Iterator[Database | Scope]:
    """Open the database to work on: as who logs in, or for the log-in of the application as the service.

    Raises CannotSeeEverything for a role that does not see all rows.
    """
    with Database(embedded.database_url(), max_size=2) as db:
        with translated(), db._pool.connection() as connection:
            is_learner = connection.is_learner
        work = db.as_service() if is_learner else db
        work.doctor.require_sight()
        yield work


def require_embedded(what: str, *, demo_data: bool | None) -> None:
    """Raise NotEmbedded for a server that somebody runs, unless it was said what to write there."""
    if os.environ.get("DATABASE_URL") and demo_data is None:
        raise NotEmbedded(
            f"{what} writes made-up data, and DATABASE_URL is not the embedded server. Nothing was done."
            " Say --demo-data if that is what you want there."
        )
