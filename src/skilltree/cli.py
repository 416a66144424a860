"""The command line.

Exit codes: 0 all is well, 1 something is not and is named, 2 the command was misused, or `drift` found some.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar
from uuid import UUID

import typer
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from skilltree import demo as demonstration
from skilltree import dev, embedded, migrate, migration_gate, seed
from skilltree import drift as drifting
from skilltree import lint as linting
from skilltree._drift import INVARIANTS
from skilltree._sync.database import Database
from skilltree.curriculum import parse_file
from skilltree.errors import SkillTreeError, UserNotFound
from skilltree.models.achievements import BackfillProgress
from skilltree.models.doctor import Repair, Subject
from skilltree.models.ids import AchievementId
from skilltree.plans import commands as plans

app = typer.Typer(
    name="skilltree",
    help="A PostgreSQL data layer for skill trees. DATABASE_URL chooses the server; without it, the embedded one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_out = Console(soft_wrap=False)
_err = Console(stderr=True, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

LockTimeout = Annotated[float, typer.Option(min=0, help="Seconds to wait for a lock; 0: for ever.")]

P = ParamSpec("P")
R = TypeVar("R")


def _command(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a command that prints a named error instead of a traceback, and exits 1."""

    def register(function: Callable[P, R]) -> Callable[P, R]:
        @app.command(name)
        @wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except SkillTreeError as error:
                _err.print(f"[bold red]{type(error).__name__}[/]:", str(error), markup=True, highlight=False)
                raise typer.Exit(1) from error

        return guarded

    return register


def _table(rows: Iterable[Mapping[str, str | None]], *, as_json: bool) -> None:
    listed = list(rows)
    if as_json:
        print(json.dumps(listed, indent=2))  # noqa: T201 (what was asked for)
        return
    # The first column says what the row is about, whole, however narrow the terminal.
    table = Table(*(Column(name, no_wrap=not place) for place, name in enumerate(listed[0] if listed else ())))
    for row in listed:
        table.add_row(*(value or "" for value in row.values()))
    _out.print(table if listed else "nothing")


@contextmanager
def _database() -> Iterator[Database]:
    with Database(embedded.database_url(), max_size=2) as db:
        yield db


@_command("demo")
def demo() -> None:
    """Migrate and seed, then let a learner find a tree and see it drawn."""
    url = embedded.database_url()
    migrate.migrate(url)
    with Database(url, max_size=2) as db:
        for _ in seed.seed(db):
            pass
        demonstration.run(db, _out)


@_command("migrate")
def migrate_(*, lock_timeout: LockTimeout = 5, as_json: Json = False) -> None:
    """Apply the migrations that are pending."""
    applied = migrate.migrate(embedded.database_url(), lock_timeout=lock_timeout)
    _table(({"migration": name, "outcome": "applied"} for name in applied), as_json=as_json)


@_command("rollback")
def rollback(
    *,
    count: Annotated[int, typer.Option(min=1, help="How many of the latest migrations.")] = 1,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    lock_timeout: LockTimeout = 5,
    as_json: Json = False,
) -> None:
    """Roll the latest migration back, losing what it made."""
    number = None if everything else count
    undone = migrate.rollback(embedded.database_url(), count=number, lock_timeout=lock_timeout)
    _table(({"migration": name, "outcome": "rolled back"} for name in undone), as_json=as_json)


@_command("status")
def status(*, as_json: Json = False) -> None:
    """Show which migrations are applied; exit 1 when one is pending, edited or deleted."""
    found = migrate.status(embedded.database_url())
    _table(
        (
            {
                "migration": migration.id,
                "applied": migration.applied_at.isoformat(timespec="seconds") if migration.applied_at else None,
                "problem": migration.problem or (None if migration.applied_at else "pending"),
            }
            for migration in found
        ),
        as_json=as_json,
    )
    if any(migration.problem or migration.applied_at is None for migration in found):
        raise typer.Exit(1)


@_command("seed")
def seed_(*, as_json: Json = False) -> None:
    """Write the data to start with; what is there already stays."""
    with _database() as db:
        _table(_seed(db), as_json=as_json)


def _seed(db: Database) -> list[dict[str, str]]:
    return [{"kind": each.kind, "name": each.name, "outcome": each.outcome} for each in seed.seed(db)]


@_command("reset")
def reset(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, as_json: Json = False) -> None:
    """Lose all data: roll every migration back, apply them all, seed."""
    url = embedded.database_url()
    where = conninfo_to_dict(url)
    if not yes:
        typer.confirm(f"Lose all data of {where.get('dbname')} on {where.get('host', 'this machine')}?", abort=True)
    migrate.rollback(url, count=None)
    migrate.migrate(url)
    with Database(url, max_size=2) as db:
        _table(_seed(db), as_json=as_json)


_command("explain")(plans.explain_)
_command("sql")(plans.sql_)
_command("dataset")(plans.dataset)
_command("budgets")(plans.budgets)


@_command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A curriculum file.")],
    *,
    leave_out_unknown: Annotated[bool, typer.Option(help="Leave out dependencies that name no skill.")] = False,
    publish: Annotated[bool, typer.Option(help="Publish the trees.")] = False,
    as_json: Json = False,
) -> None:
    """Import the trees of a curriculum file, all or none."""
    rows = []
    with _database() as db, db.transaction() as unit:
        for tree in parse_file(file.read_bytes()).trees:
            report = unit.trees.import_tree(tree, leave_out_unknown=leave_out_unknown)
            if publish:
                unit.trees.publish(report.tree_id)
            counts = ("added", "changed", "removed", "left_out", "relative_links")
            numbers = {name: str(len(getattr(report, name))) for name in counts}
            rows.append({"tree": tree.slug} | numbers | {"unchanged": str(report.unchanged)})
    _table(rows, as_json=as_json)


@_command("export")
def export(slug: Annotated[str, typer.Argument(help="The slug of a tree.")]) -> None:
    """Print a tree as a curriculum file."""
    with _database() as db:
        tree = db.trees.export_tree(slug)
    print(json.dumps({"trees": [tree.to_form()]}, indent=2, ensure_ascii=False))  # noqa: T201 (what was asked for)


@_command("export-learner")
def export_learner(email: Annotated[str, typer.Argument(help="The learner's e-mail address.")]) -> None:
    """Print all that is held on a learner as one JSON document."""
    with _database() as db:
        learner = db.users.find_by_email(email)
        if learner is None:
            raise UserNotFound(email=email)
        for chunk in db.users.export(learner.id):
            print(chunk, end="")  # noqa: T201 (what was asked for)


@_command("backfill")
def backfill(
    achievement: Annotated[UUID, typer.Argument(help="The id of an achievement.")],
    *,
    batch_size: Annotated[int, typer.Option(min=1, max=1000, help="Learners to look at between two notes.")] = 500,
    as_json: Json = False,
) -> None:
    """Award an achievement to everyone entitled before it was made. Interrupted, it goes on where it stopped."""
    with _database() as db, Progress(console=_err, disable=as_json) as bar:
        task = bar.add_task("learners", total=None)

        def show(progress: BackfillProgress, learners: int) -> None:
            bar.update(task, completed=progress.learners_seen, total=learners)

        done = db.achievements.backfill(AchievementId(achievement), batch_size=batch_size, on_batch=show)
    _table([{"learners": str(done.learners_seen), "awarded": str(done.awarded)}], as_json=as_json)


@_command("doctor")
def doctor(
    *,
    mend: Annotated[bool, typer.Option("--repair", help="Mend it, and show what that changed.")] = False,
    as_json: Json = False,
) -> None:
    """Recompute everything that is derived; show what has drifted, and exit 1 when something has."""
    with _database() as db:
        repair = db.doctor.repair() if mend else None
        findings = repair.remaining if repair else db.doctor.examine()
    if as_json:
        shown = repair.model_dump(mode="json") if repair else [each.model_dump(mode="json") for each in findings]
        print(json.dumps(shown, indent=2))  # noqa: T201 (what was asked for)
    else:
        if repair:
            _show_repair(repair)
        if findings:
            _table(
                (
                    {"drifted": each.invariant, **_subject(each), "expected": each.expected, "found": each.found}
                    for each in findings
                ),
                as_json=False,
            )
        else:
            _out.print(f"all {len(INVARIANTS)} invariants hold")
    if findings:
        raise typer.Exit(1)


@_command("drift")
def drift(*, as_json: Json = False) -> None:
    """Show how the database differs from what its migrations make, as the role that migrates; exit 2 when it does."""
    found = drifting.drift(embedded.database_url())
    if as_json:
        print(json.dumps(asdict(found), indent=2))  # noqa: T201 (what was asked for)
    else:
        for each in found.differences:
            _out.print(each.object, style="bold", markup=False, highlight=False, soft_wrap=True)
            _out.print(*each.lines(), sep="\n", markup=False, highlight=False, soft_wrap=True)
        for state, names in (("pending", found.pending), ("edited", found.edited), ("deleted", found.deleted)):
            for name in names:
                _out.print(f"{name} is {state}", highlight=False)
        if not found:
            _out.print("the database is what its migrations make")
    if found:
        raise typer.Exit(2)


@_command("lint")
def lint(*, as_json: Json = False) -> None:
    """Show what of the schema breaks a rule that every schema must keep, and exit 1 when something does."""
    findings = linting.lint(embedded.database_url())
    if findings or as_json:
        _table((asdict(each) for each in findings), as_json=as_json)
    else:
        _out.print(f"no rule is broken, of {len(linting.rules())}")
    if findings:
        raise typer.Exit(1)


def _show_repair(repair: Repair) -> None:
    if repair.changes:
        _table(
            ({**_subject(each), "before": each.before, "after": each.after} for each in repair.changes), as_json=False
        )
    for failure in repair.failures:
        _err.print(f"{failure.subject} could not be mended: {failure.error}", markup=False, highlight=False)


def _subject(each: Subject) -> dict[str, str]:
    """Return what is spoken of, as two columns."""
    parts = [each.subject_kind, each.subject_id, "of" if each.subject_id and each.user_id else "", each.user_id]
    return {"subject": " ".join(str(part) for part in parts if part), "what": each.what}


@_command("audit")
def audit(
    *,
    ahead: Annotated[int, typer.Option(min=0, max=120, help="Months to have partitions for, after this one.")] = 12,
    keep: Annotated[
        int | None, typer.Option(min=1, max=120, help="Months to keep before this one; older ones are lost.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the partitions of the audit trail for the months to come, and drop those that are old enough."""
    with _database() as db:
        made = db.audit.ensure_partitions(months_ahead=ahead)
        dropped = [] if keep is None else db.audit.drop_partitions(months_kept=keep)
    outcomes = [(name, "made") for name in made] + [(name, "dropped") for name in dropped]
    _table(({"partition": name, "outcome": outcome} for name, outcome in outcomes), as_json=as_json)


@_command("psql")
def psql(
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments of psql, after --.")] = None,
) -> None:
    """Open psql on the database."""
    url = embedded.database_url()
    program = shutil.which("psql") or embedded.program("psql")
    # The password goes through the environment: a command line can be read by everybody.
    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    command = [program, make_conninfo("", **parts), *(arguments or [])]
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603 (psql)


@_command("test")
def run_tests(
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments of pytest, after --.")] = None,
    *,
    pg: Annotated[str, typer.Option(help="The version of PostgreSQL: 18, 16, or an installed Debian 15.")] = "18",
) -> None:
    """Run the tests on a throw-away server."""
    raise typer.Exit(dev.test(pg, arguments or []))


@_command("check-migrations")
def check_migrations(*, as_json: Json = False) -> None:
    """Try every migration forward and back on a throw-away server; exit 1 and name the file when one is wrong."""
    with embedded.throw_away() as server:
        problems = migration_gate.check(server)
    if as_json:
        print(json.dumps([asdict(each) for each in problems], indent=2))  # noqa: T201 (what was asked for)
    for each in () if as_json else problems:
        place = f"migrations/{each.file}" + (f":{each.line}" if each.line else "")
        _out.print(f"{place}: {each.problem}\n    {each.remedy}", markup=False, highlight=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    if not as_json:
        _out.print("every migration goes forward and back")


@_command("check-queries")
def check_queries(
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Take queries/schema.json for a server.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_github: Annotated[bool, typer.Option("--github", help="Print annotations for GitHub.")] = False,
) -> None:
    """Hold every query file against the schema, its method and its model; exit 1 and say where one does not fit."""
    if as_json and as_github:
        raise typer.BadParameter("choose one of --json and --github")
    raise typer.Exit(dev.check_queries(offline=offline, form="json" if as_json else "github" if as_github else "text"))


@_command("check")
def check() -> None:
    """Check query files, style, types, generated code, SQL, migrations and the rules of the schema."""
    raise typer.Exit(dev.check())


@_command("format")
def format_() -> None:
    """Bring everything into the project's style, and write the sync code and queries/schema.json anew."""
    raise typer.Exit(dev.format())


@_command("clean")
def clean() -> None:
    """Stop the embedded server and remove its data and what builds leave behind."""
    dev.clean()
