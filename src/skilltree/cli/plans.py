"""The commands about plans: explain, sql."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg import Connection
from rich.text import Text

from skilltree import embedded, project
from skilltree._core.driver_errors import translated
from skilltree._core.queries import Query, read
from skilltree.cli.application import app
from skilltree.cli.terminal import Terminal, document_of, emit, emit_json, err
from skilltree.errors import SkillTreeError
from skilltree.explain import report, script
from skilltree.explain.budget import check
from skilltree.explain.explain import Explained, explain, table_sizes
from skilltree.explain.samples import find, has_plan, is_about_the_schema, names, unsampled
from skilltree.explain.terminal import shown

out = Terminal(width=None if sys.stdout.isatty() else 120)

Queries = Annotated[list[str], typer.Argument(help="Names of query files, such as trees/load, or all.")]
Given = Annotated[list[str] | None, typer.Option("--set", help="A parameter as name=value, to replace its sample.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write an HTML page with the plans.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("explain")
def explain_(
    queries: Queries,
    *,
    given: Given = None,
    custom: Annotated[bool, typer.Option("--custom", help="Show the custom plan instead of the generic one.")] = False,
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Show how the server runs query files with sample parameters. Changes are rolled back."""
    params = _parameters(given)
    with (
        translated(),
        Connection.connect(embedded.database_url(), autocommit=True, prepare_threshold=None) as connection,
    ):
        tried = {query.name: _explained(connection, query, params, custom=custom) for query in chosen(queries)}
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
            out.print(shown(each, sizes))
            for doubt in _doubts(each, params):
                out.print(Text(f"▲ {each.name}: {doubt}", style="yellow"))
    fail([] if as_json else [f"{type(error).__name__}: {error}" for error in failures.values()])
    if failures:
        raise typer.Exit(1)


def _doubts(explained: Explained, given: Mapping[str, str]) -> Iterator[str]:
    """Yield why a plan may differ from those of real use."""
    if missing := [name for name in unsampled(explained.query) if name not in given]:
        yield (
            f"no sample for {', '.join(missing)}, so that this plan is for null. Write one in the file (@sample), or"
            " give values with --set."
        )
    if explained.unknown:
        yield (
            f"the samples of {', '.join(explained.unknown)} found no row, so that this plan means little. Use a"
            " database with data (`skilltree demo`, or `skilltree dataset` in a checkout), or give values with --set."
        )


def _explained(
    connection: Connection[Any], query: Query, params: Mapping[str, str], *, custom: bool
) -> Explained | SkillTreeError:
    """Return how a query runs, or the error, with the query's name."""
    try:
        with translated():
            return explain(connection, query, params, custom=custom)
    except SkillTreeError as error:
        notes = getattr(error.__cause__, "__notes__", [])
        error.args = ("; ".join([str(error), *notes]),)
        if not str(error).startswith((query.name, "there is no query")):
            error.args = (f"{query.name}: {error}",)
        return error


@app.command("sql")
def sql_(
    query: Annotated[str, typer.Argument(help="The name of a query file, such as trees/load.")],
    *,
    given: Given = None,
    pgbench: Annotated[bool, typer.Option("--pgbench", help="Write the script for pgbench -f instead.")] = False,
) -> None:
    """Print a query as a script for psql: one transaction that is rolled back, with sample parameters to edit."""
    with (
        translated(),
        Connection.connect(embedded.database_url(), autocommit=True, prepare_threshold=None) as connection,
    ):
        emit(script.script(connection, find(query, own_queries()), _parameters(given), pgbench=pgbench), end="")


def fail(problems: Sequence[str]) -> None:
    """Print the problems, and exit 1 if there are any."""
    for problem in problems:
        err.print(problem)
    if problems:
        raise typer.Exit(1)


def chosen(queries: Sequence[str]) -> list[Query]:
    """Return the query files of these names. ``all`` are those of the current folder's application, or SkillTree's."""
    place = own_queries()
    if "all" not in queries:
        return [find(name, place) for name in queries]
    found = [read(name, place) for name in names(place)]
    return [each for each in found if has_plan(each) and (place is not None or not is_about_the_schema(each.name))]


def own_queries() -> Path | None:
    """Return the folder of the query files of the application that the current folder belongs to."""
    own = project.find()
    return own.queries if own else None


def _parameters(given: Sequence[str] | None) -> dict[str, str]:
    params = dict(each.split("=", 1) for each in given or () if "=" in each)
    if len(params) < len(given or ()):
        raise typer.BadParameter("a parameter must have the form name=value")
    return params
