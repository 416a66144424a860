"""The commands about learners and derived data: export-learner, backfill, doctor, audit."""

from typing import Annotated
from uuid import UUID

import typer
from rich.progress import Progress

from skilltree._core.invariants import INVARIANTS
from skilltree._core.terminal_text import escaped
from skilltree.cli.application import Json, app, operator
from skilltree.cli.terminal import emit, emit_json, emit_table, err, out
from skilltree.errors import UserNotFound
from skilltree.models.achievements import BackfillProgress
from skilltree.models.doctor import Repair, Subject
from skilltree.models.ids import AchievementId


@app.command("export-learner")
def export_learner(email: Annotated[str, typer.Argument(help="The learner's e-mail address.")]) -> None:
    """Print all stored data about a learner as one JSON document."""
    with operator() as db:
        learner = db.users.find_by_email(email)
        if learner is None:
            raise UserNotFound(email=email)
        for chunk in db.users.export(learner.id):
            emit(escaped(chunk), end="")


@app.command("backfill")
def backfill(
    achievement: Annotated[UUID, typer.Argument(help="The id of an achievement.")],
    *,
    batch_size: Annotated[
        int, typer.Option(min=1, max=1000, help="Learners in a batch; progress is saved after each.")
    ] = 500,
    as_json: Json = False,
) -> None:
    """Award an achievement to all learners who already meet its criteria. An interrupted run can be continued."""
    with operator() as db, Progress(console=err, disable=as_json) as bar:
        task = bar.add_task("learners", total=None)

        def show(progress: BackfillProgress, learners: int) -> None:
            bar.update(task, completed=progress.learners_seen, total=learners)

        done = db.achievements.backfill(AchievementId(achievement), batch_size=batch_size, on_batch=show)
    emit_table([{"learners": str(done.learners_seen), "awarded": str(done.awarded)}], as_json=as_json)


@app.command("doctor")
def doctor(
    *,
    mend: Annotated[bool, typer.Option("--repair", help="Repair the findings, and show the changes.")] = False,
    as_json: Json = False,
) -> None:
    """Compute all derived data again, and show where it differs. Exit 1 if it does."""
    with operator() as db:
        repair = db.doctor.repair() if mend else None
        findings = repair.remaining if repair else db.doctor.examine()
    if as_json:
        emit_json(repair.model_dump(mode="json") if repair else [each.model_dump(mode="json") for each in findings])
    else:
        if repair:
            _show_repair(repair)
        if findings:
            emit_table(
                (
                    {"drifted": each.invariant, **_subject(each), "expected": each.expected, "found": each.found}
                    for each in findings
                ),
                as_json=False,
            )
        else:
            out.print(f"all {len(INVARIANTS)} invariants hold")
    if findings:
        raise typer.Exit(1)


def _show_repair(repair: Repair) -> None:
    if repair.changes:
        emit_table(
            ({**_subject(each), "before": each.before, "after": each.after} for each in repair.changes), as_json=False
        )
    for failure in repair.failures:
        err.print(f"{failure.subject} could not be repaired: {failure.error}")


def _subject(each: Subject) -> dict[str, str]:
    """Return the subject of a finding as two columns."""
    parts = [each.subject_kind, each.subject_id, "of" if each.subject_id and each.user_id else "", each.user_id]
    return {"subject": " ".join(str(part) for part in parts if part), "what": each.what}


@app.command("audit")
def audit(
    *,
    ahead: Annotated[int, typer.Option(min=0, max=120, help="How many months after this one need partitions.")] = 12,
    keep: Annotated[
        int | None, typer.Option(min=1, max=120, help="Months before this one to keep; older entries are deleted.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create the audit trail's partitions for the coming months, and drop old ones."""
    with operator() as db:
        made = db.audit.ensure_partitions(months_ahead=ahead)
        dropped = [] if keep is None else db.audit.drop_partitions(months_kept=keep)
    outcomes = [(name, "made") for name in made] + [(name, "dropped") for name in dropped]
    emit_table(({"partition": name, "outcome": outcome} for name, outcome in outcomes), as_json=as_json)
