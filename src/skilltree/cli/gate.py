"""The commands of the query gate: check-queries, check, new-query."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from skilltree import project
from skilltree.cli.application import app
from skilltree.cli.terminal import emit
from skilltree.errors import SkillTreeError

if TYPE_CHECKING:
    from skilltree.gate import Finding, Subject


class GateMissing(SkillTreeError):
    """The query gate needs pglast: pip install 'skilltree[gate]'."""


class NoProject(SkillTreeError):
    """No pyproject.toml of this folder or one above it has [tool.skilltree]: see docs/own-queries.md."""


class Form(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"
    JUNIT = "junit"


class Target(StrEnum):
    """The server that the files are checked for."""

    POSTGRESQL = "postgresql"
    CITUS = "citus"


CHECKS_OF_A_CHECKOUT: list[Callable[[], int]] = []
"""What `check` does outside of an application, in SkillTree's own checkout."""

Offline = Annotated[bool, typer.Option("--offline", help="Use the committed schema.json instead of a server.")]
Printed = Annotated[Form, typer.Option("--format", help="How to print the findings.")]


@app.command("check-queries")
def check_queries(
    *,
    offline: Offline = False,
    form: Printed = Form.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    as_github: Annotated[bool, typer.Option("--github", help="The same as --format github.")] = False,
) -> None:
    """Check every query file of SkillTree against the schema, its method and its model. Exit 1 with the faults."""
    if as_json and as_github:
        raise typer.BadParameter("choose one of --json and --github")
    form = Form.JSON if as_json else Form.GITHUB if as_github else form
    raise typer.Exit(run(offline=offline, form=form))


@app.command("check")
def check(
    *,
    offline: Offline = False,
    form: Printed = Form.TEXT,
    write: Annotated[bool, typer.Option("--write", help="First write schema.json, which --offline uses.")] = False,
    target: Annotated[
        Target, typer.Option(help="citus: find what a distributed server refuses, by the files alone.")
    ] = Target.POSTGRESQL,
) -> None:
    """Check the query files of this folder's application by the same gate as SkillTree's. Exit 1 with the faults."""
    if target is Target.CITUS:
        raise typer.Exit(_check_for_citus(form))
    if project.find() is None and CHECKS_OF_A_CHECKOUT:
        raise typer.Exit(max(each() for each in CHECKS_OF_A_CHECKOUT))
    raise typer.Exit(check_application(offline=offline, form=form, write=write))


@app.command("new-query")
def new_query(
    name: Annotated[str, typer.Argument(help="The name of a query file that you have written, such as courses/enrol.")],
    *,
    write: Annotated[bool, typer.Option("--write", help="Write new files instead of printing their text.")] = False,
) -> None:
    """Print the model, the method and a test for a query file of the application of this folder."""
    subject = _application()
    from skilltree.gate.new_query import draft  # noqa: PLC0415 (pglast is an extra)

    made = draft(subject, name)
    if write:
        for path in made.write(subject.root):
            emit(f"{subject.shown(path)} is written")
    else:
        emit(made.shown(), end="")


def check_application(*, offline: bool = False, form: Form = Form.TEXT, write: bool = False) -> int:
    """Check the query files of the application of this folder. Print the faults; return 1 if any."""
    subject = _application()
    if write:
        from skilltree.gate import write_description  # noqa: PLC0415 (pglast is an extra)

        write_description(subject)
    return run(subject, offline=offline, form=form)


def _application() -> "Subject":
    own = project.find()
    if own is None:
        raise NoProject
    require_gate()
    from skilltree.gate import application  # noqa: PLC0415 (pglast is an extra)

    return application(own)


def require_gate() -> None:
    """Raise GateMissing without pglast."""
    try:
        import skilltree.gate  # noqa: F401, PLC0415 (pglast is an extra)
    except ModuleNotFoundError as error:
        if error.name != "pglast":
            raise
        raise GateMissing from error


def run(subject: "Subject | None" = None, *, offline: bool = False, form: Form = Form.TEXT) -> int:
    """Check query files against the schema, their methods and their models. Print the faults; return 1 if any.

    With ``offline``, the committed description replaces the server. Raises GateMissing without pglast.
    """
    require_gate()
    from skilltree import gate  # noqa: PLC0415 (pglast is an extra)

    subject = subject or gate.skilltree()
    findings = gate.check_queries(subject, offline=offline)
    _print(findings, form, [each.path for each in gate.read_queries(subject).values()])
    if form is Form.TEXT and not findings:
        emit("All query files pass.")
    return 1 if findings else 0


def _check_for_citus(form: Form) -> int:
    """Check query files and migrations for Citus: the application's, or SkillTree's own in its checkout."""
    require_gate()
    from skilltree import gate  # noqa: PLC0415 (pglast is an extra)
    from skilltree.gate import citus  # noqa: PLC0415

    is_ours = project.find() is None and CHECKS_OF_A_CHECKOUT
    subject = gate.skilltree() if is_ours else _application()
    findings = citus.check_citus(subject)
    _print(findings, form, [*citus.checked_files(subject)])
    if form is Form.TEXT and not findings:
        split = citus.split_statements(subject)
        emit("All query files and migrations are fit for Citus.")
        if split:
            emit(f"Run part by part, because they insert in CTEs: {', '.join(split)}.")
    return 1 if findings else 0


def _print(findings: "Sequence[Finding]", form: Form, checked: Sequence[str]) -> None:
    from skilltree.gate import report  # noqa: PLC0415 (pglast is an extra)

    match form:
        case Form.JSON:
            emit(report.as_json(findings))
        case Form.SARIF:
            emit(report.as_sarif(findings))
        case Form.JUNIT:
            emit(report.as_junit(findings, checked))
        case Form.GITHUB if findings:
            emit(report.as_github(findings))
        case Form.TEXT if findings:
            emit(report.as_text(findings))
