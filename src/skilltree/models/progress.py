"""What learners have done."""

from datetime import datetime
from typing import Literal

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
    """One learner's work on one skill."""

    id: SkillProgressId
    user_id: UserId
    skill_id: SkillId
    skill_tree_id: TreeId
    created_at: datetime
    updated_at: datetime


class CalculatedProgress(Model):
    """Progress in a tree, counted now: of its required active skills, or of all if every one is optional."""

    total: int
    completed: int
    percent: float


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


class Standing(Model):
    """What a learner has reached. The streaks are in days; the current one is as of the last day of learning."""

    total_xp: int
    level: int
    current_streak: int
    max_streak: int


class Outcome(Standing):
    """What a learner has reached, with the work on one skill and the progress in its tree."""

    progress: SkillProgress | None
    tree_progress: TreeProgress | None


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
