"""The command that generates code of an application: unasync."""

from pathlib import Path
from typing import Annotated

import typer

from skilltree import project
from skilltree.cli.application import app
from skilltree.cli.terminal import emit
from skilltree.unasync import generate


@app.command("unasync")
def unasync(
    source: Annotated[
        Path | None, typer.Argument(metavar="FROM", help="The folder of async code.", file_okay=False, exists=True)
    ] = None,
    target: Annotated[
        Path | None, typer.Argument(metavar="TO", help="The folder of sync code.", file_okay=False)
    ] = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if something is not up to date.")
    ] = False,
) -> None:
    """Generate sync code from async code: the folders FROM and TO, or those of [tool.skilltree] in pyproject.toml."""
    found = project.find()
    if (source is None) != (target is None):
        raise typer.BadParameter("give both folders, FROM and TO")
    folders = found.unasync if found is not None else ()
    if source is not None and target is not None:
        folders = ((source.resolve(), target.resolve()),)
    if not folders:
        raise typer.BadParameter(f"give the folders FROM and TO, or name them in {project.FILE}: unasync = {{…}}")
    root = found.root if found is not None else Path.cwd()
    stale = [
        line for one, other in folders for line in generate(one, other, check=check, by="skilltree unasync", root=root)
    ]
    for line in stale:
        emit(line)
    if check and stale:
        raise typer.Exit(1)
