"""The application to which the command modules add their commands."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from skilltree import __version__, embedded, project
from skilltree._core.driver_errors import translated
from skilltree._sync.database import Database, Scope
from skilltree.cli.run import Commands
from skilltree.cli.terminal import emit
from skilltree.errors import SkillTreeError

app = typer.Typer(
    name="skilltree",
    cls=Commands,
    help="A PostgreSQL data layer for skill trees. DATABASE_URL chooses the server; without it, the embedded one.",
    epilog="Exit codes: 0 success; 1 failure, or a finding; 2 wrong usage, or `drift` found a difference;"
    " 3 and 4 of `maintain`: the role may not do a part, or another run is not finished;"
    " 130 interrupted; 141 the reader of the output stopped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Help and errors are plain text without markup.
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
LockTimeout = Annotated[float, typer.Option(min=0, help="Seconds to wait for a lock; 0 means no limit.")]
DemoData = Annotated[
    bool | None,
    typer.Option("--demo-data/--no-demo-data", help="Include made-up learners, also on a server of your own."),
]


class NoOwnMigrations(SkillTreeError):
    """There is no project with migrations of its own here."""


class NotEmbedded(SkillTreeError):
    """The server is not an embedded one, and this command writes made-up data."""


def own_migrations() -> Path | None:
    """Return the folder of the application's migrations: that of the current folder's project, if it has one."""
    found = project.find()
    return found.migrations if found else None


def project_with_migrations() -> project.Project:
    """Return the project of the current folder. Raises NoOwnMigrations if it has none, or no migrations."""
    found = project.find()
    if found is None or found.migrations is None:
        raise NoOwnMigrations(
            f"there are no migrations of your own in {Path.cwd()}: name their folder in {project.FILE}, as migrations ="
            ' "…" in [tool.skilltree]'
        )
    return found


def _print_version(asked: bool) -> None:
    if asked:
        emit(f"skilltree {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    data: Annotated[
        Path | None,
        typer.Option(help="The folder of the embedded server's data, instead of SKILLTREE_DATA.", file_okay=False),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Handle the options that all commands share."""
    if data is not None:
        os.environ[embedded.DATA] = str(data.absolute())


@contextmanager
def operator() -> Iterator[Database | Scope]:
    """Open the database for an operator: as the login role, or as the service for the application's login role.

    Raises CannotSeeEverything for a role that does not see all rows.
    """
    with Database(embedded.database_url(), max_size=2) as db:
        with translated(), db._pool.connection() as connection:
            is_learner = connection.is_learner
        work = db.as_service() if is_learner else db
        work.doctor.require_sight()
        yield work


def require_embedded(what: str, *, demo_data: bool | None) -> None:
    """Raise NotEmbedded for a server that is not embedded, unless an option says what to write there."""
    if os.environ.get("DATABASE_URL") and demo_data is None:
        raise NotEmbedded(
            f"{what} writes made-up data, and DATABASE_URL is not an embedded server. Nothing was done."
            " Use --demo-data to write it there."
        )
