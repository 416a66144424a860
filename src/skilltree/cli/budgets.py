"""The commands about budgets: budgets, dataset."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import Connection
from rich.progress import track
from rich.text import Text

from skilltree import embedded, migrate
from skilltree._core.driver_errors import translated
from skilltree._core.queries import Query
from skilltree._core.sql_folders import folder
from skilltree.budgets.compare import changes, measurement, read_measurement
from skilltree.budgets.dataset import Size, load
from skilltree.budgets.server import measured, throw_away
from skilltree.cli.application import app, own_migrations, require_embedded
from skilltree.cli.plans import Html, Json, chosen, fail, out, own_queries
from skilltree.cli.starter_data import OnlyDemoData, alone
from skilltree.cli.terminal import emit_json, emit_table, err
from skilltree.errors import SkillTreeError
from skilltree.explain import report
from skilltree.explain.budget import Checked, check, folder_of, in_order, path_of, update
from skilltree.explain.explain import Explained, explain, table_sizes
from skilltree.explain.kept_plans import keep
from skilltree.explain.samples import COMMON, DATASET, names, unsampled
from skilltree.migrate import statements

Part = Annotated[float, typer.Option("--size", min=0.001, max=10, help="The size of the data set; 1 is the full one.")]


@app.command("dataset")
def dataset(*, size: Part = 1, demo_data: OnlyDemoData = False) -> None:
    """Fill a migrated database without users with the large data set, to look at plans."""
    require_embedded("dataset", demo_data=demo_data or None)
    url = embedded.database_url()
    with alone(url):
        fill(url, size)


def fill(url: str, size: float) -> None:
    """Fill a migrated database without users with the data set of the budgets, and print the number of rows."""
    with translated(), Connection.connect(url, autocommit=True) as connection:
        for table, rows in load(connection, Size.of(size)).items():
            out.print(f"{rows:>10,} {table}")


@app.command("budgets")
def budgets(
    queries: Annotated[list[str] | None, typer.Argument(help="Only these query files.")] = None,
    *,
    size: Part = 1,
    rewrite: Annotated[
        bool, typer.Option("--update", help="Write budgets that are missing, exceeded or too large, and plans.json.")
    ] = False,
    here: Annotated[bool, typer.Option("--here", help="Measure on this database as it is: see `dataset`.")] = False,
    compare: Annotated[
        Path | None,
        typer.Option("--compare", exists=True, dir_okay=False, help="The output of --json for another checkout."),
    ] = None,
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Measure the query files on a large data set. Exit 1 if one exceeds its budget or has none.

    With --compare, show the differences instead, and exit 1 if there are any.
    """
    earlier = read_measurement(compare.read_text()) if compare else None
    with translated(), _loaded(size, here=here) as connection:
        sizes = table_sizes(connection)
        asked = chosen(queries or ["all"])
        in_turn = track(in_order(asked), "measuring", console=err, transient=True, disable=not err.is_terminal)
        measured = {each.name: _tried(connection, each, timed=html is not None) for each in in_turn}
        measurements = [measured[each.name] for each in asked]
        failures = [str(each) for each in measurements if isinstance(each, SkillTreeError)]
        checks = [check(each) for each in measurements if isinstance(each, Explained)]
        now = measurement(checks, size=size, version=connection.info.server_version)
    if html:
        report.write(html, checks, sizes)
    if rewrite:
        _rewrite(checks, sizes)
        keep(folder_of(asked[0]), checks, names(asked[0].place))
        fail(failures)
        return
    if as_json:
        emit_json(now)
    if earlier is not None:
        _show_changes(earlier, now)
        return
    if not as_json:
        emit_table(map(_row, checks), as_json=False, styles=["red" if each.breaches else "" for each in checks])
    fail(failures + [str(breach) for each in checks for breach in each.breaches])


@contextmanager
def _loaded(size: float, *, here: bool) -> Iterator[Connection[Any]]:
    if here:
        with measured(embedded.database_url()) as connection:
            yield connection
        return
    with throw_away() as url:
        migrate.migrate(url, application=own_migrations())
        with measured(url) as connection:
            with err.status(f"loading {Size.of(size).progress:,} rows of progress"):
                load(connection, Size.of(size))
                _load_own(connection)
            yield connection


def _load_own(connection: Connection[Any]) -> None:
    """Run the statements with which an application fills its own tables: ``dataset.sql`` among its query files."""
    place = own_queries()
    if place is not None and (file := place / f"{DATASET}.sql").exists():
        for each in statements(file):
            connection.execute(each.text.encode())
        connection.execute("vacuum analyze")


def _tried(connection: Connection[Any], query: Query, *, timed: bool) -> Explained | SkillTreeError:
    """Return how a query runs with its samples, or the error."""
    place = f"{path_of(query)}:1"
    if missing := unsampled(query):
        common = (query.place or folder("queries")) / f"{COMMON}.sql"
        return SkillTreeError(f"{place}: no @sample for {', '.join(missing)}: add it to the header, or to {common}")
    try:
        with translated():
            explained = explain(connection, query, {}, timed=timed)
    except SkillTreeError as error:
        return SkillTreeError(f"{place}: does not run with its samples: {type(error).__name__}: {error}")
    if explained.unknown:
        return SkillTreeError(f"{place}: the sample for {', '.join(explained.unknown)} finds nothing")
    return explained


def _rewrite(checks: Sequence[Checked], sizes: Mapping[str, int]) -> None:
    for each in checks:
        budget = update(each, sizes)
        if budget is not None:
            before = "none" if each.budget is None else f"{each.budget:,}"
            out.print(f"{each.explained.name}: {each.buffers:,} buffers, budget {budget:,}, before {before}")
        for breach in each.breaches:
            if "the plan has" in breach.message:
                err.print(str(breach))


def _show_changes(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    found = list(changes(earlier, now))
    for each in found:
        out.print(Text.assemble((each.name, "bold"), f": {each.what}"))
        for line in each.shape:
            out.print(Text(f"    {line}", style={"-": "red", "+": "green"}.get(line[0], "dim")))
    out.print(f"{len(found)} of {len(now['queries'])} queries differ")
    if found:
        raise typer.Exit(1)


def _row(each: Checked) -> dict[str, str | None]:
    explained = each.explained
    return {
        "query": explained.name,
        "as": explained.role,
        "buffers": f"{each.buffers:,}",
        "of triggers": f"{explained.trigger_buffers:,}" if explained.trigger_buffers else None,
        "budget": "none" if each.budget is None else f"{each.budget:,}",
        "used": f"{each.buffers / each.budget:.0%}" if each.budget else None,
        "ms": f"{explained.seconds * 1000:,.1f}",
    }
