"""What learners have done."""

from datetime import date, datetime
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from skilltree.models.achievements import EarnedAchievement
from skilltree.models.base import Model
from skilltree.models.content import ProgressEvidence, StrugglingIndicators
from skilltree.models.enums import CompletionMethod, DifficultyLevel, SkillProgressStatus, TreeProgressStatus
from skilltree.models.ids import SkillId, SkillProgressId, TreeId, TreeProgressId, UserId


class TreeProgress(Model):
    """One learner's way through one tree. ``progress_percent`` goes from 0 to 100."""

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

    ``passing_score_waived`` tells that the owner or the service completed it below the skill's passing score.
    """

    id: SkillProgressId
    user_id: UserId
    skill_id: SkillId
    skill_tree_id: TreeId
    passing_score_waived: bool
    created_at: datetime
    updated_at: datetime


class RestoredStreak(Model):
    """The days that have been given back, and what they make of the learner's streaks.

    The current streak is 0 when it has lapsed all the same. The achievements are those earned by it.
    """

    days: tuple[date, ...]
    current_streak: int
    max_streak: int
    achievements: tuple[EarnedAchievement, ...]


class CalculatedProgress(Model):
    """Progress in a tree, counted now: of its required active skills, or of all if every one is optional."""

    total: int
    completed: int
    percent: float


_WHOLE = 100


def _percent_of(given: dict[str, object]) -> float:
    return _WHOLE if given.get("status") == "COMPLETED" else 0


class ProgressImport(BaseModel):
    """A learner's work on a skill as another system knows it, to be imported. Ranges are those of ``SkillWork``.

    Where no ``progress_percent`` is given, it is 100 for what is COMPLETED, else 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

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
            raise ValueError("completed_at is given for what is COMPLETED, and for nothing else")
        if self.status != "SKIPPED" and (self.status == "COMPLETED") != (self.progress_percent == _WHOLE):
            raise ValueError("progress_percent is 100 for what is COMPLETED, and less for what is not")
        if self.failed_attempts > self.attempts_count:
            raise ValueError("failed_attempts cannot be more than attempts_count")
        moments = [moment for moment in (self.unlocked_at, self.started_at, self.completed_at) if moment is not None]
        if moments != sorted(moments):
            raise ValueError("unlocked_at, started_at and completed_at must follow each other in this order")
        return self


class ImportResult(Model):
    """How many rows were imported; or none, and what is wrong with which of them, counted from 1."""

    rows: int
    outcome: Literal["USER_NOT_FOUND", "SKILL_NOT_FOUND", "NOT_OPTIONAL", "IN_FUTURE", "TOO_OLD", "EXISTS"] | None
    position: int | None
    user_id: UserId | None
    skill_id: SkillId | None


class MissingPrerequisite(Model):
    """A skill to complete first. ``is_direct`` tells whether the locked skill names it itself."""

    id: SkillId
    name: str
    difficulty: DifficultyLevel
    estimated_minutes: int | None
    is_direct: bool
    level: int


class MissingTree(Model):
    """A tree to complete first. ``is_direct`` tells whether the locked tree names it itself."""

    id: TreeId
    name: str
    is_direct: bool
    level: int


class UnlockedSkill(Model):
    """A skill that has opened."""

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
    """What the statement of an action answers: whether it was done, or why not."""

    outcome: ActionOutcome
    unlocked: tuple[UnlockedSkill, ...] = ()
    passing_score: float | None = None


class CompletionResult(ActionResult):
    """What the statement that completes a skill answers: also what the learner had reached before."""

    total_xp: int | None
    level: int | None


class PathResult(ActionResult):
    """What the statement that sets a path answers: whether it was done, or why not and for which skill."""

    skill_id: SkillId | None


class Standing(Model):
    """What a learner has reached. The streaks are in days; the current one is as of the last day of learning."""

    total_xp: int
    level: int
    current_streak: int
    max_streak: int


class Outcome(Standing):
    """What an action left: where the learner stands, the work on its skill, the progress in its tree, the awards."""

    progress: SkillProgress | None
    tree_progress: TreeProgress | None
    achievements: tuple[EarnedAchievement, ...]


class SkillOutcome(Model):
    """What came of an action on a skill.

    ``progress`` and ``tree_progress`` are ``None`` where there is nothing to show, as after the reset of a skill never
    begun. ``xp_awarded`` is all that the action brought, the rewards of achievements among it.
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
    """What came of the completion of a skill. ``already_completed`` tells that it was one before: it awards nothing."""

    progress: SkillProgress
    tree_progress: TreeProgress
    already_completed: bool
