"""The commands about plans: explain, sql, dataset, budgets."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import Connection
from rich.progress import track
from rich.text import Text

from skilltree import embedded, migrate
from skilltree._sql import read
from skilltree._terminal import Terminal, document_of, emit, emit_json, emit_table, err
from skilltree._translation import translated
from skilltree.errors import SkillTreeError
from skilltree.plans import report, script
from skilltree.plans.budget import Checked, check, in_order, path_of, update
from skilltree.plans.compare import changes, measurement, read_measurement
from skilltree.plans.dataset import Size, load
from skilltree.plans.explain import Explained, explain, table_sizes
from skilltree.plans.samples import has_plan, is_about_the_schema, names, unsampled
from skilltree.plans.server import measured, throw_away
from skilltree.plans.show import shown

_out = Terminal(width=None if sys.stdout.isatty() else 120)

Queries = Annotated[list[str], typer.Argument(help="Names of query files, such as trees/load; or all.")]
Given = Annotated[list[str] | None, typer.Option("--set", help="A parameter as name=value, instead of its sample.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write one page with the plans, to be opened in a browser.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Part = Annotated[float, typer.Option("--size", min=0.001, max=10, help="The part of the data set to load.")]


def explain_(
    queries: Queries,
    *,
    given: Given = None,
    custom: Annotated[bool, typer.Option("--custom", help="Show the plan for these values, not any.")] = False,
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Show how the server runs query files, with sample parameters. What they do is taken back."""
    params = _parameters(given)
    with (
        translated(),
        Connection.connect(embedded.database_url(), autocommit=True, prepare_threshold=None) as connection,
    ):
        tried = {name: _explained(connection, name, params, custom=custom) for name in _chosen(queries)}
        sizes = table_sizes(connection)
    found = [each for each in tried.values() if isinstance(each, Explained)]
    failures = {name: each for name, each in tried.items() if isinstance(each, SkillTreeError)}
    if len(tried) == 1 and failures:
        raise next(iter(failures.values()))
    if html:
        report.write(html, [check(each) for each in found], sizes)
    if as_json:
        plans = {each.name: each.json for each in found}
        emit_json(plans | {name: document_of(error) for name, error in failures.items()})
    elif not html:
        for each in found:
            _out.print(shown(each, sizes))
            if each.unknown:
                _out.print(
                    Text(
                        f"▲ {each.name}: nothing was found for {', '.join(each.unknown)}, so that this says little."
                        " See it on data: `skilltree demo` or `skilltree dataset`, or give values with --set.",
                        style="yellow",
                    )
                )
    _fail([] if as_json else [f"{type(error).__name__}: {error}" for error in failures.values()])
    if failures:
        raise typer.Exit(1)


def _explained(
    connection: Connection[Any], name: str, params: Mapping[str, str], *, custom: bool
) -> Explained | SkillTreeError:
    """Return how a query runs, or why it does not, with its name."""
    try:
        with translated():
            return explain(connection, name, params, custom=custom)
    except SkillTreeError as error:
        if not str(error).startswith((name, "there is no query")):
            error.args = (f"{name}: {error}",)
        return error


def sql_(
    query: Annotated[str, typer.Argument(help="The name of a query file, such as trees/load.")],
    *,
    given: Given = None,
    pgbench: Annotated[bool, typer.Option("--pgbench", help="For pgbench -f instead of psql.")] = False,
) -> None:
    """Print a query ready for psql, as one transaction that is rolled back, with sample parameters to edit."""
    with (
        translated(),
        Connection.connect(embedded.database_url(), autocommit=True, prepare_threshold=None) as connection,
    ):
        emit(script.script(connection, query, _parameters(given), pgbench=pgbench), end="")


def fill(url: str, size: float) -> None:
    """Fill a migrated database that has no users with the data set of the budgets, and say what it holds then."""
    with translated(), Connection.connect(url, autocommit=True) as connection:
        for table, rows in load(connection, Size.of(size)).items():
            _out.print(f"{rows:>10,} {table}")


def budgets(
    queries: Annotated[list[str] | None, typer.Argument(help="Only these query files.")] = None,
    *,
    size: Part = 1,
    rewrite: Annotated[
        bool, typer.Option("--update", help="Write the budgets that are missing or do not fit.")
    ] = False,
    here: Annotated[bool, typer.Option("--here", help="Measure on the database as it is: see `dataset`.")] = False,
    compare: Annotated[
        Path | None,
        typer.Option("--compare", exists=True, dir_okay=False, help="What --json printed for another checkout."),
    ] = None,
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Measure the query files on a large data set; exit 1 when one does not keep to its budget, or has none.

    With --compare, show what differs instead, and exit 1 when something does.
    """
    earlier = read_measurement(compare.read_text()) if compare else None
    with translated(), _loaded(size, here=here) as connection:
        sizes = table_sizes(connection)
        chosen = _chosen(queries or ["all"])
        in_turn = track(in_order(chosen), "measuring", console=err, transient=True, disable=not err.is_terminal)
        measured = {name: _tried(connection, name, timed=html is not None) for name in in_turn}
        measurements = [measured[name] for name in chosen]
        failures = [str(each) for each in measurements if isinstance(each, SkillTreeError)]
        checks = [check(each) for each in measurements if isinstance(each, Explained)]
        now = measurement(checks, size=size, version=connection.info.server_version)
    if html:
        report.write(html, checks, sizes)
    if rewrite:
        _rewrite(checks, sizes)
        _fail(failures)
        return
    if as_json:
        emit_json(now)
    if earlier is not None:
        _show_changes(earlier, now)
        return
    if not as_json:
        emit_table(map(_row, checks), as_json=False, styles=["red" if each.breaches else "" for each in checks])
    _fail(failures + [str(breach) for each in checks for breach in each.breaches])


@contextmanager
def _loaded(size: float, *, here: bool) -> Iterator[Connection[Any]]:
    if here:
        with measured(embedded.database_url()) as connection:
            yield connection
        return
    with throw_away() as url:
        migrate.migrate(url)
        with measured(url) as connection:
            with err.status(f"loading {Size.of(size).progress:,} rows of progress"):
                load(connection, Size.of(size))
            yield connection


def _tried(connection: Connection[Any], name: str, *, timed: bool) -> Explained | SkillTreeError:
    """Return how a query runs with its samples, or why it does not."""
    if missing := unsampled(read(name)):
        return SkillTreeError(f"{path_of(name)}:1: no @sample for {', '.join(missing)}; see queries/samples.sql")
    try:
        with translated():
            explained = explain(connection, name, {}, timed=timed)
    except SkillTreeError as error:
        return SkillTreeError(f"{path_of(name)}:1: does not run with its samples: {type(error).__name__}: {error}")
    if explained.unknown:
        return SkillTreeError(f"{path_of(name)}:1: the sample for {', '.join(explained.unknown)} finds nothing")
    return explained


def _fail(problems: Sequence[str]) -> None:
    """Print what is wrong, and exit 1 when anything is."""
    for problem in problems:
        err.print(problem)
    if problems:
        raise typer.Exit(1)


def _rewrite(checks: Sequence[Checked], sizes: Mapping[str, int]) -> None:
    for each in checks:
        budget = update(each, sizes)
        if budget is not None:
            before = "none" if each.budget is None else f"{each.budget:,}"
            _out.print(f"{each.explained.name}: {each.buffers:,} buffers, budget {budget:,}, before {before}")
        for breach in each.breaches:
            if "the plan has" in breach.message:
                err.print(str(breach))


def _show_changes(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    found = list(changes(earlier, now))
    for each in found:
        _out.print(Text.assemble((each.name, "bold"), f": {each.what}"))
        for line in each.shape:
            _out.print(Text(f"    {line}", style={"-": "red", "+": "green"}.get(line[0], "dim")))
    _out.print(f"{len(found)} of {len(now['queries'])} queries differ")
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


def _chosen(queries: Sequence[str]) -> list[str]:
    if "all" not in queries:
        return list(queries)
    return [name for name in names() if has_plan(read(name)) and not is_about_the_schema(name)]


def _parameters(given: Sequence[str] | None) -> dict[str, str]:
    params = dict(each.split("=", 1) for each in given or () if "=" in each)
    if len(params) < len(given or ()):
        raise typer.BadParameter("parameters are given as name=value")
    return params
