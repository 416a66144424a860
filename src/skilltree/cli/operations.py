"""The commands for what is done at intervals: maintain, slow, indexes."""

from collections import Counter
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from skilltree.cli.application import Json, app
from skilltree.cli.plans import own_queries
from skilltree.cli.run import FAILED, did_you_mean
from skilltree.cli.terminal import document_of, emit_json, emit_table, err, out
from skilltree.embedded import database_url
from skilltree.errors import SkillTreeError
from skilltree.maintain import PARTS, MaintenanceRunning, Options, Result, maintain
from skilltree.monitor import connect, report
from skilltree.monitor.plans import plan_of
from skilltree.monitor.review import review
from skilltree.monitor.statements import OTHER

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


class By(StrEnum):
    """The orders of ``slow``."""

    TOTAL = "total"
    MEAN = "mean"
    LONGEST = "longest"
    BUFFERS = "buffers"


_ORDERS = {By.TOTAL: "seconds", By.MEAN: "mean_seconds", By.LONGEST: "longest_seconds", By.BUFFERS: "buffers"}


class StatisticsMissing(SkillTreeError):
    """The server does not count statements, or does not show them to this role."""


@app.command("slow")
def slow(
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many query files to show.")] = 10,
    by: Annotated[By, typer.Option(help="Which time is compared, or the buffers.")] = By.TOTAL,
    plans: Annotated[bool, typer.Option("--plans/--no-plans", help="Show the plan of each file.")] = True,
    as_json: Json = False,
) -> None:
    """Show the query files that take the most time, with their plans. Nothing is run or changed."""
    own = own_queries()
    with connect(database_url(), name="skilltree slow") as connection:
        [statements] = report(connection, ["statements"], queries=own)
        if statements.problem:
            raise StatisticsMissing(statements.problem)
        worst = sorted(statements.rows, key=lambda row: row[_ORDERS[by]] or 0, reverse=True)[:limit]
        shown = [
            {**row, "plan": plan_of(connection, str(row["query"]), own) if plans and row["query"] != OTHER else None}
            for row in worst
        ]
    if as_json:
        emit_json(shown)
        return
    emit_table(
        (
            {
                "query": str(row["query"]),
                "calls": f"{row['calls']:,}",
                "total": f"{row['seconds']:,.1f} s",
                "mean": f"{row['mean_seconds'] * 1000:,.2f} ms",
                "longest": f"{row['longest_seconds'] * 1000:,.1f} ms",
                "buffers": f"{row['buffers_per_call']:,}",
                "budget": f"{row['budget']:,}" if row["budget"] else "",
                "": "broken" if (row["budget_ratio"] or 0) > 1 else "",
            }
            for row in shown
        ),
        as_json=False,
    )
    for row in shown:
        if row["plan"]:
            out.print(Text(f"\n{row['query']}", style="bold"), *row["plan"], sep="\n", soft_wrap=True)


@app.command("indexes")
def indexes(*, as_json: Json = False) -> None:
    """Review the indexes, once a quarter: unused, redundant, invalid, bloated, and perhaps missing ones."""
    with connect(database_url(), name="skilltree indexes") as connection:
        found = review(connection)
    since = f"{found.since:%Y-%m-%d}" if found.since else None
    if as_json:
        emit_json({"counted_since": since, "advice": [asdict(each) for each in found.advice]})
        return
    emit_table((asdict(each) for each in found.advice), as_json=False)
    out.print(f"uses are counted since {since or 'this database was created'}")
