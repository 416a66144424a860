"""The command of the query gate: check-queries."""

from typing import Annotated, Literal

import typer

from skilltree.cli.application import app
from skilltree.cli.terminal import emit
from skilltree.errors import SkillTreeError


class GateMissing(SkillTreeError):
    """The query gate needs pglast: pip install 'skilltree[gate]'."""


@app.command("check-queries")
def check_queries(
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Use queries/schema.json instead of a server.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_github: Annotated[bool, typer.Option("--github", help="Print annotations for GitHub.")] = False,
) -> None:
    """Check every query file against the schema, its method and its model. Exit 1 with a list of the faults."""
    if as_json and as_github:
        raise typer.BadParameter("choose one of --json and --github")
    form: Literal["text", "json", "github"] = "json" if as_json else "github" if as_github else "text"
    raise typer.Exit(run(offline=offline, form=form))


def run(*, offline: bool = False, form: Literal["text", "json", "github"] = "text") -> int:
    """Check the query files against the schema, their methods and their models. Print the faults; return 1 if any.

    With ``offline``, the committed description replaces the server. Raises GateMissing without pglast.
    """
    try:
        from skilltree import gate  # noqa: PLC0415 (pglast is an extra)
        from skilltree.gate import report  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "pglast":
            raise
        raise GateMissing from error
    findings = gate.check_queries(offline=offline)
    if findings or form == "json":
        emit({"text": report.as_text, "json": report.as_json, "github": report.as_github}[form](findings))
    elif form == "text":
        emit("All query files pass.")
    return 1 if findings else 0
