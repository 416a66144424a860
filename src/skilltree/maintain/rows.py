"""The parts about rows, which the service may do: the trail's partitions, and what has expired."""

from collections.abc import Callable, Sequence

from psycopg.rows import dict_row, scalar_row

from skilltree._core.queries import read
from skilltree._sync.database import Database, Scope
from skilltree._sync.repository import Step
from skilltree.errors import PermissionDenied, SkillTreeError
from skilltree.maintain.outcomes import Options, Outcome, Result, Tell

PARTS = ("partitions", "old partitions", "sessions", "attempts", "tokens")

_UNITS = {"sessions": "ended", "attempts": "deleted", "tokens": "deleted"}


def run(work: Database | Scope, parts: Sequence[str], options: Options, tell: Tell) -> list[Outcome]:
    """Do these parts, and return what was done."""
    outcomes: list[Outcome] = []
    if not parts:
        return outcomes
    due = _due(work, options)
    for part in parts:
        tell(part, 0, due.get(part, 0))
        try:
            outcomes += _outcomes(work, part, due, options, tell)
        except PermissionDenied as error:
            outcomes.append(Outcome(part, None, Result.SKIPPED, str(error)))
        except SkillTreeError as error:
            outcomes.append(Outcome(part, None, Result.FAILED, f"{type(error).__name__}: {error}"))
    work.run([Step(read("maintain/flush_statistics"), {}, None)])
    return outcomes


def _due(work: Database | Scope, options: Options) -> dict[str, int]:
    params = {"idle_for": options.idle_for, "months_ahead": options.months_ahead}
    [[found]] = work.run([Step(read("maintain/due"), params, dict_row)])
    return dict(found)


def _outcomes(work: Database | Scope, part: str, due: dict[str, int], options: Options, tell: Tell) -> list[Outcome]:
    if part == "old partitions":
        return _old_partitions(work, part, options)
    if not due[part]:
        return [Outcome(part, None, Result.NOTHING)]
    if options.dry_run:
        return [Outcome(part, None, Result.DUE, str(due[part]))]
    if part == "partitions":
        made = work.audit.ensure_partitions(months_ahead=options.months_ahead)
        return [Outcome(part, name, Result.DONE, "created") for name in made]
    count = _in_batches(_batch(work, part, options), part, due[part], options, tell)
    return [Outcome(part, None, Result.DONE, f"{count} {_UNITS[part]}")]


def _old_partitions(work: Database | Scope, part: str, options: Options) -> list[Outcome]:
    if options.months_kept is None:
        return [Outcome(part, None, Result.NOTHING, "the whole trail is kept")]
    if options.dry_run:
        return [Outcome(part, None, Result.DUE, f"those before the last {options.months_kept} months, if any")]
    dropped = work.audit.drop_partitions(months_kept=options.months_kept)
    return [Outcome(part, name, Result.DONE, "dropped") for name in dropped] or [Outcome(part, None, Result.NOTHING)]


def _batch(work: Database | Scope, part: str, options: Options) -> Callable[[], int]:
    """Return what does one batch, in a transaction of its own, and says how many rows it has changed."""
    limit = options.batch_size
    match part:
        case "sessions":
            return lambda: work.sessions.expire_idle(options.idle_for, limit=limit)
        case "attempts":
            return lambda: work.accounts.forget_attempts(limit=limit)
        case _:
            step = Step(read("maintain/forget_tokens"), {"limit": limit}, scalar_row)
            return lambda: len(work.run([step])[0])


def _in_batches(batch: Callable[[], int], part: str, total: int, options: Options, tell: Tell) -> int:
    done = 0
    # A batch is not full if nothing is left, or if others hold what is left: it is due in the next run, too.
    while (changed := batch()) and (done := done + changed) and changed == options.batch_size:
        tell(part, done, max(total, done))
    tell(part, done, done)
    return done
