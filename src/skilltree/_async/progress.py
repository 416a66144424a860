"""Learners' actions on trees and skills, and the import of progress from another system."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any

from psycopg.rows import scalar_row

from skilltree._async.progress_reads import AsyncProgressReads
from skilltree._core.progress_outcomes import (
    DONE,
    completed,
    import_refusal,
    imported,
    locked,
    outcome_of,
    refusal,
    unsettled,
)
from skilltree._core.rows import Params, document
from skilltree._core.value_checks import Range
from skilltree.errors import InvalidValue, UserNotFound
from skilltree.models.content import EVIDENCE, STRUGGLING, ProgressEvidence, StrugglingIndicators
from skilltree.models.enums import CompletionMethod, SkillProgressStatus, TreeProgressStatus
from skilltree.models.ids import SkillId, TreeId, UserId
from skilltree.models.progress import (
    ActionResult,
    Completion,
    CompletionResult,
    ImportResult,
    MissingTree,
    Outcome,
    PathResult,
    ProgressImport,
    RestoredStreak,
    SkillOutcome,
    Standing,
    TreeProgress,
)
from skilltree.models.users import UserProfile

# How often an action is tried again because the reason for its refusal is gone by the time it is looked up.
_ATTEMPTS = 5
_MOST_DAYS_BACK = 366

Reason = Annotated[str, Range(1, 500)]


class AsyncProgress(AsyncProgressReads):
    """Learners' progress in trees and skills.

    An action and all its consequences are one transaction in one network round trip. ``at`` is the time of the action,
    for a client that was offline; the default is now. Every action raises UserNotFound, SkillNotFound or TreeNotFound,
    and InvalidTransition if the status does not allow it: see docs/progress.md.
    """

    async def start_tree(self, user_id: UserId, tree_id: TreeId, *, at: datetime | None = None) -> TreeProgress:
        """Start a tree. Raises PrerequisitesNotMet while its prerequisite trees are not completed."""
        return await self._act_on_tree("start_tree", user_id, tree_id, at=at)

    async def pause_tree(self, user_id: UserId, tree_id: TreeId) -> TreeProgress:
        """Pause a tree. Work on one of its skills resumes it."""
        return await self._act_on_tree("set_tree_status", user_id, tree_id, status=TreeProgressStatus.PAUSED)

    async def resume_tree(self, user_id: UserId, tree_id: TreeId) -> TreeProgress:
        """Resume a paused tree."""
        return await self._act_on_tree("set_tree_status", user_id, tree_id, status=TreeProgressStatus.IN_PROGRESS)

    async def reset_tree(self, user_id: UserId, tree_id: TreeId) -> TreeProgress:
        """Delete all work on a tree. XP, achievements and streaks stay; completing a skill again pays nothing."""
        return await self._act_on_tree("reset_tree", user_id, tree_id)

    async def set_current_path(self, user_id: UserId, tree_id: TreeId, skill_ids: Sequence[SkillId]) -> TreeProgress:
        """Set the path that a learner has chosen through a started tree (``current_path``). An empty one removes it.

        The path is for the application; no action depends on it. A skill leaves the path when it is deleted or
        deactivated, and a reset of the tree removes the path. Raises TreeNotStarted; SkillNotFound for a skill of
        another tree; SkillInactive; InvalidValue for a duplicate.
        """
        if len({*skill_ids}) < len(skill_ids):
            raise InvalidValue("skill_ids must not contain duplicates", field="skill_ids")
        params = {"user_id": user_id, "tree_id": tree_id, "current_path": [*skill_ids]}
        _, _, (result,), progress = await self.run(
            self.step("progress/hold_tree", params),
            self.step("progress/lock_learner", params),
            self.step("progress/set_current_path", params, PathResult, is_main=True),
            self.step("progress/for_tree", params, TreeProgress),
        )
        if result.outcome not in DONE:
            subject = {"tree_id": tree_id} if result.skill_id is None else {"skill_id": result.skill_id}
            raise refusal(result, user_id=user_id, **subject)
        return progress[0]

    async def start_skill(self, user_id: UserId, skill_id: SkillId, *, at: datetime | None = None) -> SkillOutcome:
        """Start a skill. Raises PrerequisitesNotMet, AlreadyCompleted, SkillInactive."""
        return await self._work_on_skill(user_id, skill_id, is_learning=False, at=at)

    async def record_activity(
        self,
        user_id: UserId,
        skill_id: SkillId,
        *,
        minutes: int,
        engagement: float | None = None,
        struggling_indicators: StrugglingIndicators | Mapping[str, object] | None = None,
        at: datetime | None = None,
    ) -> SkillOutcome:
        """Record time spent on a skill, and start the skill if needed. ``minutes`` is 0 to 1440, ``engagement`` 0 to 1.

        The latest engagement is kept; struggling indicators are merged into the stored ones. Raises
        PrerequisitesNotMet, SkillInactive, InvalidValue, InvalidDocument.
        """
        return await self._work_on_skill(
            user_id,
            skill_id,
            minutes=minutes,
            engagement=engagement,
            struggling_indicators=document(STRUGGLING, struggling_indicators, "struggling_indicators"),
            at=at,
        )

    async def record_attempt(
        self,
        user_id: UserId,
        skill_id: SkillId,
        *,
        score: float | None = None,
        failed: bool = False,
        at: datetime | None = None,
    ) -> SkillOutcome:
        """Record an attempt at a skill's test, and start the skill if needed. The best score, 0 to 100, is kept.

        An attempt does not complete the skill; ``complete_skill`` does. Raises PrerequisitesNotMet, SkillInactive,
        InvalidValue.
        """
        return await self._work_on_skill(user_id, skill_id, attempts=1, score=score, failed=failed, at=at)

    async def complete_skill(
        self,
        user_id: UserId,
        skill_id: SkillId,
        *,
        method: CompletionMethod = CompletionMethod.MANUAL,
        score: float | None = None,
        evidence: ProgressEvidence | Mapping[str, object] | None = None,
        at: datetime | None = None,
    ) -> Completion:
        """Complete a skill exactly once, with all consequences. ``score`` goes from 0 to 100.

        If the skill is already completed, the first completion is returned, the best score is raised if this one is
        higher, and nothing is awarded; this takes a second transaction. A skill with a passing score needs a score that
        reaches it, given here or by an earlier attempt. Raises PrerequisitesNotMet, SkillInactive, AssessmentNotPassed,
        InvalidValue, InvalidDocument.
        """
        params = {
            "user_id": user_id,
            "skill_id": skill_id,
            "method": method,
            "score": score,
            "evidence": document(EVIDENCE, evidence, "evidence"),
            "at": at,
        }
        for _ in range(_ATTEMPTS):
            # The third statement also counts the tree and settles the action.
            _, _, (result,), _ = await self.run(
                self.step("progress/hold_tree_of_skill", params),
                self.step("progress/lock_learner", params),
                self.step("progress/complete_skill", params, CompletionResult, is_main=True),
                self.step("leaderboards/add_to_scores", params),
            )
            if result.outcome == "DONE":
                return Completion(**completed(result), already_completed=False)
            if result.outcome != "REPEATED":
                await self._refuse(result, user_id, skill_id)
            elif (completion := await self._repeat(result, params)) is not None:
                return completion
        raise unsettled("skill", skill_id, attempts=_ATTEMPTS)

    async def skip_skill(self, user_id: UserId, skill_id: SkillId, *, at: datetime | None = None) -> SkillOutcome:
        """Skip an optional skill: it no longer holds up the skills that depend on it. Raises SkillNotOptional."""
        return SkillOutcome(**await self._act_on_skill("skip_skill", user_id, skill_id, at=at))

    async def reset_skill(self, user_id: UserId, skill_id: SkillId) -> SkillOutcome:
        """Delete all work on a skill. XP, achievements and streaks stay; completing it again pays nothing."""
        return SkillOutcome(**await self._act_on_skill("reset_skill", user_id, skill_id, at=None))

    async def _work_on_skill(self, user_id: UserId, skill_id: SkillId, **given: object) -> SkillOutcome:
        """Work on a skill. Values that are not given change nothing."""
        nothing = {"minutes": None, "engagement": None, "struggling_indicators": None, "score": None}
        work = {"is_learning": True, "attempts": 0, "failed": False, **nothing, **given}
        return SkillOutcome(**await self._act_on_skill("work_on_skill", user_id, skill_id, **work))

    async def _act_on_skill(self, action: str, user_id: UserId, skill_id: SkillId, **given: object) -> dict[str, Any]:
        """Run an action on a skill with all its consequences, and return the fields of its outcome."""
        params = {
            "user_id": user_id,
            "skill_id": skill_id,
            "tree_id": None,
            **given,
        }
        for _ in range(_ATTEMPTS):
            _, before, (result,), _, settled, _ = await self.run(
                self.step("progress/hold_tree_of_skill", params),
                self.step("progress/lock_learner", params, Standing),
                self.step(f"progress/{action}", params, ActionResult, is_main=True),
                self.step("progress/refresh_tree", params),
                self.step("progress/settle", params, Outcome),
                self.step("leaderboards/add_to_scores", params),
            )
            if result.outcome in DONE:
                return outcome_of(result, before[0], settled[0])
            await self._refuse(result, user_id, skill_id)
        raise unsettled("skill", skill_id, attempts=_ATTEMPTS)

    async def _repeat(self, result: ActionResult, params: Params) -> Completion | None:
        """Return the earlier completion with the best score, or ``None`` if the skill has been reset meanwhile."""
        _, before, _, settled = await self.run(
            self.step("progress/hold_tree_of_skill", params),
            self.step("progress/lock_learner", params, Standing),
            self.step("progress/raise_score", params, is_main=True),
            self.step("progress/settle", params, Outcome),
        )
        if not settled or settled[0].progress is None or settled[0].progress.status != SkillProgressStatus.COMPLETED:
            return None
        return Completion(**outcome_of(result, before[0], settled[0]), already_completed=True)

    async def _refuse(self, result: ActionResult, user_id: UserId, skill_id: SkillId) -> None:
        """Raise the error for a refused action, unless the skill has opened meanwhile."""
        if result.outcome != "LOCKED":
            raise refusal(result, user_id=user_id, skill_id=skill_id)
        if missing := await self.missing_prerequisites(user_id, skill_id):
            raise locked("skill", skill_id, missing)

    async def _act_on_tree(self, action: str, user_id: UserId, tree_id: TreeId, **given: object) -> TreeProgress:
        """Run an action on a tree, and return the learner's progress in the tree."""
        params = {"user_id": user_id, "tree_id": tree_id, "skill_id": None, "at": None, **given}
        for _ in range(_ATTEMPTS):
            _, _, (result,), _, progress = await self.run(
                self.step("progress/hold_tree", params),
                self.step("progress/lock_learner", params),
                self.step(f"progress/{action}", params, ActionResult, is_main=True),
                self.step("progress/refresh_tree", params),
                self.step("progress/for_tree", params, TreeProgress),
            )
            if result.outcome in DONE:
                return progress[0]
            if result.outcome != "LOCKED":
                raise refusal(result, user_id=user_id, tree_id=tree_id)
            if missing := await self.all(MissingTree, "progress/missing_trees", user_id=user_id, tree_id=tree_id):
                raise locked("tree", tree_id, missing)
        raise unsettled("tree", tree_id, attempts=_ATTEMPTS)

    async def restore_streak(self, user_id: UserId, days: list[date], *, reason: Reason) -> RestoredStreak:
        """Count missed days in a learner's streaks, and award the achievements that follow.

        Nothing else changes: no minutes, and no XP except for those achievements. Days that already count stay as they
        are. The learner can read ``reason`` (1 to 500 characters); the audit trail keeps it with the actor. Only the
        service may do this. Raises UserNotFound, and InvalidValue for a future day or one before the year 2000.
        """
        if not 1 <= len(days) <= _MOST_DAYS_BACK:
            raise InvalidValue(f"days must be from 1 to {_MOST_DAYS_BACK}, not {len(days)}", field="days")
        if not reason.strip():
            raise InvalidValue("reason must not be blank", field="reason")
        params = {"user_id": user_id, "days": days, "reason": reason, "skill_id": None, "at": None}
        _, noted, given_back, _, settled, _, profiles = await self.run(
            self.step("users/lock_profile", params),
            self.step("progress/note_missed_days", params, ActionResult),
            self.step("progress/give_days_back", params, is_main=True)._replace(row_factory=scalar_row),
            self.step("progress/recount_streak", params),
            self.step("progress/settle", params, Outcome),
            self.step("leaderboards/add_to_scores", params),
            self.step("users/get_profile", params, UserProfile),
        )
        if not noted:
            raise UserNotFound(id=user_id)
        if noted[0].outcome == "TOO_OLD":
            raise InvalidValue("days must not be before the year 2000", field="days")
        if noted[0].outcome not in DONE:
            raise InvalidValue("days must not be in the future", field="days")
        return RestoredStreak(
            days=tuple(sorted(given_back)),
            current_streak=profiles[0].current_streak,
            max_streak=profiles[0].max_streak,
            achievements=settled[0].achievements,
        )

    async def import_rows(self, rows: Iterable[ProgressImport | Mapping[str, object]]) -> int:
        """Import learners' progress from another system with COPY, all rows or none. Returns the number of rows.

        Rows are taken as facts from the year 2000 on, even where a skill is locked. Tree progress and the profile's
        counts are updated at once. Run ``doctor.repair`` afterwards, which works one learner at a time: it derives XP,
        levels, days, open skills, achievements and leaderboard scores. Raises InvalidValue, UserNotFound,
        SkillNotFound, SkillNotOptional and ProgressExists, each with the number of the row.
        """
        *_, (result,), _, _, _, _ = await self.run(
            self.step("progress/end_import", {}),
            self.step("progress/begin_import", {}),
            self.step("progress/copy_rows", {}, rows=imported(rows)),
            self.step("progress/hold_imported_trees", {}),
            self.step("progress/hold_imported_learners", {}),
            self.step("progress/import_rows", {}, ImportResult, is_main=True),
            self.step("progress/begin_imported_trees", {}),
            self.step("progress/refresh_imported_trees", {}),
            self.step("progress/count_imported", {}),
            self.step("progress/end_import", {}),
        )
        if result.outcome is not None:
            raise import_refusal(result)
        written: int = result.rows
        return written
