"""The command that partitions tables by learner."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from skilltree.cli.application import Json, app
from skilltree.cli.run import FAILED, confirm
from skilltree.cli.starter_data import Yes, name_of
from skilltree.cli.terminal import emit_table, err
from skilltree.embedded import database_url
from skilltree.migrate.partition import TABLES, Table, abandon, examine, partition, undo


@app.command("partition")
def partition_(
    tables: Annotated[list[str] | None, typer.Argument(help=f"Only these tables, of: {', '.join(TABLES)}.")] = None,
    *,
    parts: Annotated[int, typer.Option(min=1, max=1024, help="How many partitions each table gets.")] = 16,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the tables and obstacles, and change nothing.")
    ] = False,
    abandoning: Annotated[
        bool, typer.Option("--abandon", help="Remove what an interrupted run has left, instead of going on.")
    ] = False,
    undoing: Annotated[
        bool, typer.Option("--undo", help="Turn partitioned tables into plain ones again, in the same way.")
    ] = False,
    yes: Yes = False,
    lock_timeout: Annotated[
        float, typer.Option(min=0.01, help="Seconds for each attempt to lock a table, while clients wait behind it.")
    ] = 0.5,
    as_json: Json = False,
) -> None:
    """Turn learners' tables into hash partitions by user_id while the application works. A run can be continued."""
    url, chosen = database_url(), tables or list(TABLES)
    if abandoning:
        abandon(url, lock_timeout=lock_timeout)
        return
    found = examine(url, chosen)
    if dry_run:
        emit_table((_row(each) for each in found), as_json=as_json)
        if any(each.obstacles for each in found):
            raise typer.Exit(FAILED)
        return
    if waiting := [each.name for each in found if each.is_partitioned == undoing]:
        what = "Turn into plain tables" if undoing else "Partition"
        confirm(f"{what}: {', '.join(waiting)} in {name_of(url)}? Each is written anew while clients work.", yes=yes)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=as_json or not err.is_terminal, transient=True) as bar:
        tasks = {}

        def tell(table: str, step: str, done: int, total: int) -> None:
            if (table, step) not in tasks:
                tasks[table, step] = bar.add_task(f"{table}: {step}", total=None)
            bar.update(tasks[table, step], completed=done, total=total)

        if undoing:
            converted = undo(url, chosen, lock_timeout=lock_timeout, tell=tell)
        else:
            converted = partition(url, chosen, parts=parts, lock_timeout=lock_timeout, tell=tell)
    emit_table((asdict(each) for each in converted), as_json=as_json)


def _row(table: Table) -> dict[str, str | None]:
    return {
        "table": table.name,
        "state": "partitioned" if table.is_partitioned else "plain",
        "rows": str(table.rows),
        "bytes": str(table.bytes),
        "obstacles": "; ".join(table.obstacles) or None,
    }
