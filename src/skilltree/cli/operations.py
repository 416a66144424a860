"""The commands that run a database for years: maintain, slow, indexes, monitor, alerts."""

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from skilltree.cli.application import Json, app
from skilltree.cli.run import FAILED, did_you_mean
from skilltree.cli.terminal import document_of, emit_json, emit_table, err
from skilltree.embedded import database_url
from skilltree.maintain import PARTS, MaintenanceRunning, Options, Result, maintain

SKIPPED, RUNNING = 3, 4
"""Exit codes of ``maintain``: a part was skipped because the role may not do it; another run is not finished."""


@app.command("maintain")
def maintain_(
    parts: Annotated[list[str] | None, typer.Argument(help=f"Only these parts, of: {', '.join(PARTS)}.")] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is due, and change nothing.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Repair what the doctor finds.")] = False,
    keep: Annotated[
        int | None, typer.Option(min=1, max=120, help="Months of the trail to keep; older entries are deleted.")
    ] = None,
    behind: Annotated[
        float, typer.Option(min=1, help="How many times autovacuum's own limit a table may be behind.")
    ] = 2.0,
    bloat: Annotated[float, typer.Option(min=0.2, max=1, help="How much of an index may be bloat.")] = 0.5,
    as_json: Json = False,
) -> None:
    """Do the maintenance that is due. Exit 1 for a failure or finding, 3 if the role may not do a part, 4 if another
    run is not finished."""
    if unknown := [part for part in parts or () if part not in PARTS]:
        raise typer.BadParameter(f"there is no part {unknown[0]}{did_you_mean(unknown[0], PARTS)}")
    options = Options(dry_run=dry_run, repair=repair, months_kept=keep, behind=behind, bloat=bloat)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=as_json or not err.is_terminal, transient=True) as bar:
        tasks = {}

        def tell(part: str, done: int, total: int) -> None:
            if part not in tasks:
                tasks[part] = bar.add_task(part, total=None)
            bar.update(tasks[part], completed=done, total=total)

        try:
            outcomes = maintain(database_url(), parts=parts or PARTS, options=options, tell=tell)
        except MaintenanceRunning as error:
            if as_json:
                emit_json(document_of(error))
            else:
                err.print(str(error))
            raise typer.Exit(RUNNING) from error
    emit_table((asdict(each) for each in outcomes), as_json=as_json)
    results = Counter(each.result for each in outcomes)
    if results[Result.FAILED] or results[Result.FOUND]:
        raise typer.Exit(FAILED)
    if results[Result.SKIPPED]:
        raise typer.Exit(SKIPPED)
