"""What learners have done."""

from datetime import date, datetime
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from skilltree.models.achievements import EarnedAchievement
from skilltree.models.base import Model, describe
from skilltree.models.content import ProgressEvidence, StrugglingIndicators
from skilltree.models.enums import CompletionMethod, DifficultyLevel, SkillProgressStatus, TreeProgressStatus
from skilltree.models.ids import SkillId, SkillProgressId, TreeId, TreeProgressId, UserId


class TreeProgress(Model):
    """One learner's progress in one tree. ``progress_percent`` goes from 0 to 100."""

    id: TreeProgressId
    user_id: UserId
    skill_tree_id: TreeId
    status: TreeProgressStatus
    progress_percent: float
    skills_completed: int
    total_skills: int
    time_spent_minutes: int
    started_at: datetime | None
    last_activity_at: datetime | None
    completed_at: datetime | None
    milestones_reached: tuple[SkillId, ...]
    current_path: tuple[SkillId, ...]
    created_at: datetime
    updated_at: datetime


class SkillWork(Model):
    """What a learner has done in a skill. Percent and score go from 0 to 100, the engagement score from 0 to 1."""

    status: SkillProgressStatus
    progress_percent: float
    time_spent_minutes: int
    attempts_count: int
    failed_attempts: int
    completion_method: CompletionMethod | None
    completion_score: float | None
    evidence_data: ProgressEvidence | None
    unlocked_at: datetime | None
    started_at: datetime | None
    last_activity_at: datetime | None
    completed_at: datetime | None
    struggling_indicators: StrugglingIndicators | None
    engagement_score: float | None


class SkillProgress(SkillWork):
    """One learner's work on one skill.

    ``passing_score_waived`` is true if the owner or the service completed it below the skill's passing score.
    """

    id: SkillProgressId
    user_id: UserId
    skill_id: SkillId
    skill_tree_id: TreeId
    passing_score_waived: bool
    created_at: datetime
    updated_at: datetime


class RestoredStreak(Model):
    """The days given back to a learner, the resulting streaks in days, and the achievements they earned.

    The current streak can still be 0, if it has lapsed since.
    """

    days: tuple[date, ...]
    current_streak: int
    max_streak: int
    achievements: tuple[EarnedAchievement, ...]


class CalculatedProgress(Model):
    """Progress in a tree, computed from its required active skills, or from all active skills if all are optional."""

    total: int
    completed: int
    percent: float


_WHOLE = 100


def _percent_of(given: dict[str, object]) -> float:
    return _WHOLE if given.get("status") == "COMPLETED" else 0


class ProgressImport(BaseModel):
    """A learner's work on a skill, as imported from another system. The ranges are those of ``SkillWork``.

    ``progress_percent`` defaults to 100 for COMPLETED, and to 0 for every other status.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, json_schema_extra=describe)

    user_id: UserId
    skill_id: SkillId
    status: Literal["AVAILABLE", "IN_PROGRESS", "COMPLETED", "SKIPPED"]
    progress_percent: float = Field(default_factory=_percent_of, ge=0, le=100)
    time_spent_minutes: int = Field(default=0, ge=0, lt=2**31)
    attempts_count: int = Field(default=0, ge=0, lt=2**31)
    failed_attempts: int = Field(default=0, ge=0, lt=2**31)
    completion_method: CompletionMethod | None = None
    completion_score: float | None = Field(default=None, ge=0, le=100)
    evidence_data: ProgressEvidence | None = None
    unlocked_at: AwareDatetime | None = None
    started_at: AwareDatetime | None = None
    last_activity_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None
    struggling_indicators: StrugglingIndicators | None = None
    engagement_score: float | None = Field(default=None, ge=0, le=1)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.status == "COMPLETED") != (self.completed_at is not None):
            raise ValueError("completed_at is required for a COMPLETED skill, and not allowed for any other")
        if self.status != "SKIPPED" and (self.status == "COMPLETED") != (self.progress_percent == _WHOLE):
            raise ValueError("progress_percent must be 100 for a COMPLETED skill, and less for any other")
        if self.failed_attempts > self.attempts_count:
            raise ValueError("failed_attempts cannot be more than attempts_count")
        moments = [moment for moment in (self.unlocked_at, self.started_at, self.completed_at) if moment is not None]
        if moments != sorted(moments):
            raise ValueError("unlocked_at, started_at and completed_at must be in chronological order")
        return self


class ImportResult(Model):
    """The number of imported rows, or 0 and the faults of the rows, which are numbered from 1."""

    rows: int
    outcome: Literal["USER_NOT_FOUND", "SKILL_NOT_FOUND", "NOT_OPTIONAL", "IN_FUTURE", "TOO_OLD", "EXISTS"] | None
    position: int | None
    user_id: UserId | None
    skill_id: SkillId | None


class MissingPrerequisite(Model):
    """A skill to complete first. ``is_direct`` is true if the locked skill itself names it."""

    id: SkillId
    name: str
    difficulty: DifficultyLevel
    estimated_minutes: int | None
    is_direct: bool
    level: int


class MissingTree(Model):
    """A tree to complete first. ``is_direct`` is true if the locked tree itself names it."""

    id: TreeId
    name: str
    is_direct: bool
    level: int


class UnlockedSkill(Model):
    """A skill that the action opened."""

    id: SkillId
    name: str


ActionOutcome = Literal[
    "DONE",
    "REPEATED",
    "USER_NOT_FOUND",
    "SKILL_NOT_FOUND",
    "TREE_NOT_FOUND",
    "IN_FUTURE",
    "TOO_OLD",
    "INVALID_MINUTES",
    "INVALID_SCORE",
    "SCORE_MISSING",
    "SKILL_INACTIVE",
    "ALREADY_COMPLETED",
    "NOT_OPTIONAL",
    "NOT_PASSED",
    "NOT_STARTED",
    "PAUSED",
    "LOCKED",
]


class ActionResult(Model):
    """The row that an action's statement returns: whether the action was done, or why not."""

    outcome: ActionOutcome
    unlocked: tuple[UnlockedSkill, ...] = ()
    passing_score: float | None = None


class CompletionResult(ActionResult):
    """The row that the statement returns which completes a skill. The other fields are ``None`` unless it was done."""

    total_xp_before: int | None
    level_before: int | None
    total_xp: int | None
    level: int | None
    current_streak: int | None
    max_streak: int | None
    progress: SkillProgress | None
    tree_progress: TreeProgress | None
    achievements: tuple[EarnedAchievement, ...]


class PathResult(ActionResult):
    """The row that the statement returns which sets a path: whether it was set, or why not and for which skill."""

    skill_id: SkillId | None


class Standing(Model):
    """What a learner has reached. Streaks are in days; the current one is as of the last day of learning."""

    total_xp: int
    level: int
    current_streak: int
    max_streak: int


class Outcome(Standing):
    """What an action returns: the learner's results, the progress in the skill and its tree, and the new awards."""

    progress: SkillProgress | None
    tree_progress: TreeProgress | None
    achievements: tuple[EarnedAchievement, ...]


class SkillOutcome(Model):
    """The result of an action on a skill.

    ``progress`` and ``tree_progress`` are ``None`` where no row exists, for example after the reset of a skill that was
    never started. ``xp_awarded`` is all XP that the action paid, rewards of achievements included.
    """

    progress: SkillProgress | None
    tree_progress: TreeProgress | None
    unlocked: tuple[UnlockedSkill, ...]
    achievements: tuple[EarnedAchievement, ...]
    xp_awarded: int
    total_xp: int
    level_before: int
    level_after: int
    current_streak: int
    max_streak: int


class Completion(SkillOutcome):
    """The result of completing a skill. If ``already_completed``, the skill was completed before: nothing is paid."""

    progress: SkillProgress
    tree_progress: TreeProgress
    already_completed: bool
