"""Turns the row that an action's statement returns into models and named errors."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from skilltree._core.documents import plain
from skilltree._core.messages import path_shown
from skilltree._core.rows import document
from skilltree.errors import (
    AlreadyCompleted,
    AssessmentNotPassed,
    ConcurrentUpdate,
    InvalidValue,
    PrerequisitesNotMet,
    ProgressExists,
    SkillInactive,
    SkillNotFound,
    SkillNotOptional,
    SkillTreeError,
    TreeNotFound,
    TreeNotStarted,
    TreePaused,
    UserNotFound,
)
from skilltree.models.content import EVIDENCE, STRUGGLING
from skilltree.models.progress import (
    ActionResult,
    CompletionResult,
    ImportResult,
    MissingPrerequisite,
    MissingTree,
    Outcome,
    ProgressImport,
    Standing,
)

_NAMES_SHOWN = 12
DONE = frozenset({"DONE", "REPEATED"})
"""The outcomes of an action that is done, now or by an earlier call."""

_DOCUMENTS: dict[str, TypeAdapter[Any]] = {"evidence_data": EVIDENCE, "struggling_indicators": STRUGGLING}


def locked(kind: str, id: UUID, missing: Sequence[MissingPrerequisite | MissingTree]) -> PrerequisitesNotMet:  # noqa: A002
    """Return the error that lists the skills or trees to complete first, in order."""
    names = ", ".join(each.name for each in missing[:_NAMES_SHOWN])
    more = f" and {len(missing) - _NAMES_SHOWN} more" if len(missing) > _NAMES_SHOWN else ""
    return PrerequisitesNotMet(
        f"{kind} {id} is locked: complete {names}{more} first, in this order",
        missing=[(each.id, each.name) for each in missing],
    )


def unsettled(kind: str, id: UUID, *, attempts: int) -> ConcurrentUpdate:  # noqa: A002
    """Return the error for a row that concurrent work changes at every attempt."""
    return ConcurrentUpdate(
        f"{kind} {id} changed during each of {attempts} attempts, so that no reason for the refusal was found: "
        "try again"
    )


def refusal(result: ActionResult, *, user_id: UUID, **subject: UUID) -> SkillTreeError:
    """Return the error for a refused action."""
    what = " ".join(f"{name.removesuffix('_id')} {id}" for name, id in subject.items())  # noqa: A001
    errors: dict[str, SkillTreeError] = {
        "USER_NOT_FOUND": UserNotFound(id=user_id),
        "SKILL_NOT_FOUND": SkillNotFound(id=subject.get("skill_id")),
        "TREE_NOT_FOUND": TreeNotFound(id=subject.get("tree_id")),
        "IN_FUTURE": InvalidValue("at is in the future", field="at"),
        "TOO_OLD": InvalidValue("at is too far in the past: see docs/progress.md", field="at"),
        "INVALID_MINUTES": InvalidValue("minutes must be a whole number from 0 to 1440", field="minutes"),
        "INVALID_SCORE": InvalidValue("score must be from 0 to 100", field="score"),
        "SCORE_MISSING": InvalidValue("score is required to complete an assessment", field="score"),
        "SKILL_INACTIVE": SkillInactive(f"{what} is inactive: nobody can work on it"),
        "ALREADY_COMPLETED": AlreadyCompleted(f"{what} is already completed: reset it to start again"),
        "NOT_OPTIONAL": SkillNotOptional(f"{what} is required: only an optional skill can be skipped"),
        "NOT_PASSED": AssessmentNotPassed(
            f"the best score in {what} is below {result.passing_score:g}: record an attempt that reaches it"
            if result.passing_score is not None
            else None
        ),
        "NOT_STARTED": TreeNotStarted(f"{what} is not in progress: start it first"),
        "PAUSED": TreePaused(f"{what} is paused: resume it instead of starting it"),
    }
    return errors[result.outcome]


def imported(rows: Iterable[ProgressImport | Mapping[str, object]]) -> Iterator[tuple[object, ...]]:
    """Yield the values of each row for COPY, its number first. Raises InvalidValue for an invalid row."""
    for position, given in enumerate(rows, start=1):
        try:
            row = given if isinstance(given, ProgressImport) else ProgressImport.model_validate(plain(given))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            where = path_shown(*first["loc"])
            message = ": ".join(filter(None, (f"row {position}", where, path_shown(first["msg"]))))
            raise InvalidValue(message, field=where or None) from error
        except ValueError as error:
            raise InvalidValue(f"row {position}: {error}") from error
        values = row.__dict__.copy()
        for name, adapter in _DOCUMENTS.items():
            if values[name] is not None:
                values[name] = document(adapter, values[name], name)
        yield (position, *values.values())


def import_refusal(result: ImportResult) -> SkillTreeError:
    """Return the error for the first row that cannot be imported."""
    where = f"row {result.position}: "
    errors: dict[str | None, SkillTreeError] = {
        "USER_NOT_FOUND": UserNotFound(f"{where}there is no user with id {result.user_id}"),
        "SKILL_NOT_FOUND": SkillNotFound(f"{where}there is no skill with id {result.skill_id}"),
        "NOT_OPTIONAL": SkillNotOptional(f"{where}skill {result.skill_id} is required: it cannot be SKIPPED"),
        "IN_FUTURE": InvalidValue(f"{where}a time is in the future"),
        "TOO_OLD": InvalidValue(f"{where}a time is before the year 2000"),
        "EXISTS": ProgressExists(
            f"{where}user {result.user_id} already has progress in skill {result.skill_id}, or in an earlier row"
        ),
    }
    return errors[result.outcome]


def completed(result: CompletionResult) -> dict[str, Any]:
    """Return the fields of a Completion that was done."""
    return {
        "progress": result.progress,
        "tree_progress": result.tree_progress,
        "unlocked": result.unlocked,
        "achievements": result.achievements,
        "xp_awarded": (result.total_xp or 0) - (result.total_xp_before or 0),
        "total_xp": result.total_xp,
        "level_before": result.level_before,
        "level_after": result.level,
        "current_streak": result.current_streak,
        "max_streak": result.max_streak,
    }


def outcome_of(result: ActionResult, before: Standing, after: Outcome) -> dict[str, Any]:
    """Return the fields of a SkillOutcome."""
    return {
        "progress": after.progress,
        "tree_progress": after.tree_progress,
        "unlocked": result.unlocked,
        "achievements": after.achievements,
        "xp_awarded": after.total_xp - before.total_xp,
        "total_xp": after.total_xp,
        "level_before": before.level,
        "level_after": after.level,
        "current_streak": after.current_streak,
        "max_streak": after.max_streak,
    }
