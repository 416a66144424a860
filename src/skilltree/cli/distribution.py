"""The commands that spread a database over the servers of a cluster (Citus): distribute, undistribute."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import Progress

from skilltree import distribute as distribution
from skilltree.cli.application import Json, LockTimeout, app
from skilltree.cli.terminal import emit_table, err
from skilltree.embedded import database_url

Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without this option, show what would be done.")]


@app.command("distribute")
def distribute_(*, yes: Yes = False, lock_timeout: LockTimeout = 5, as_json: Json = False) -> None:
    """Spread the database over the servers of a Citus cluster, in one transaction: all of it, or nothing.

    Nobody else can use the tables meanwhile. Take a backup before.
    """
    _show(distribution.distribute, back=False, yes=yes, lock_timeout=lock_timeout, as_json=as_json)


@app.command("undistribute")
def undistribute(*, yes: Yes = False, lock_timeout: LockTimeout = 5, as_json: Json = False) -> None:
    """Bring the database back to the coordinator, in one transaction: all of it, or nothing."""
    _show(distribution.undistribute, back=True, yes=yes, lock_timeout=lock_timeout, as_json=as_json)


def _show(
    work: Callable[..., list[distribution.Step]], *, back: bool, yes: bool, lock_timeout: float, as_json: bool
) -> None:
    url = database_url()
    if not yes:
        steps = distribution.plan(url, back=back)
    else:
        with Progress(console=err, disable=as_json) as bar:
            task = bar.add_task("tables")

            def tell(table: str, done: int, total: int) -> None:
                bar.update(task, description=table or "tables", completed=done, total=total)

            steps = work(url, lock_timeout=lock_timeout, tell=tell)
    emit_table(
        (
            {
                **{name: str(value) for name, value in asdict(step).items()},
                "outcome": "done" if yes else "to do (--yes does it)",
            }
            for step in steps
        ),
        as_json=as_json,
    )
