"""What a learner is told about where they stand, and where to go from there."""

from datetime import date, datetime
from typing import Literal

from skilltree.models.achievements import EarnedAchievement
from skilltree.models.base import Model
from skilltree.models.enums import DifficultyLevel, SkillProgressStatus, SkillType, TreeProgressStatus
from skilltree.models.ids import SkillId, TreeId, UserId

UnlockAction = Literal["COMPLETE", "SKIP"]


class UnmetPrerequisite(Model):
    """A skill that a locked one names, and that the learner has neither completed nor skipped."""

    id: SkillId
    name: str
    status: SkillProgressStatus
    is_optional: bool


class LearningStep(Model):
    """A skill still to complete. Steps of one ``level`` do not need each other; the first level is 0.

    ``remaining_minutes`` is the estimate without the time already spent, at least 0, and ``None`` where nobody has
    estimated. ``xp`` is what completing it will pay: 0 where it has paid before.
    """

    id: SkillId
    name: str
    status: SkillProgressStatus
    is_optional: bool
    remaining_minutes: int | None
    xp: int
    level: int


class UnlockStep(LearningStep):
    """A skill to complete, or to skip, on the shortest way to an open skill. Skipping pays no XP."""

    action: UnlockAction


class LockExplanation(Model):
    """Why a skill is locked to a learner, and the shortest way to open it.

    ``missing`` are the prerequisites that the skill itself names: of work under way, none. ``path`` holds all
    that is to be done, in this order, and is empty when the skill is not locked. A SKIPPED skill that is no longer open
    is locked. A skill that is not active
    is open to nobody: no path leads to it. The totals are of the steps to complete; one without an estimate adds no
    minutes.
    """

    skill_id: SkillId
    name: str
    is_active: bool
    status: SkillProgressStatus
    is_locked: bool
    missing: tuple[UnmetPrerequisite, ...]
    path: tuple[UnlockStep, ...]
    remaining_minutes: int
    xp: int


class LearningPath(Model):
    """The remaining way to a skill, that skill last; empty once it is completed.

    A step without an estimate adds no minutes. Nobody can complete a skill that is not active.
    """

    skill_id: SkillId
    name: str
    is_active: bool
    steps: tuple[LearningStep, ...]
    remaining_minutes: int
    remaining_xp: int


class NextSkill(Model):
    """A skill to work on now, and what speaks for it.

    ``opens`` counts the skills that would open at once if it were completed, ``needed_by`` all unfinished ones that
    name it. The milestone is the nearest one ahead, so many edges away, 0 if it is the skill itself. ``difficulty_gap``
    is how many levels it is above the hardest skill that the learner has completed in the tree, 0 where it is none.
    ``fits_daily_goal`` is ``None`` without a goal or an estimate.
    """

    id: SkillId
    skill_tree_id: TreeId
    name: str
    status: SkillProgressStatus
    skill_type: SkillType
    difficulty: DifficultyLevel
    is_optional: bool
    remaining_minutes: int | None
    xp: int
    opens: int
    needed_by: int
    milestone_id: SkillId | None
    milestone_name: str | None
    milestone_distance: int | None
    difficulty_gap: int
    fits_daily_goal: bool | None
    score: float
    reasons: tuple[str, ...]


class TreeUnderWay(Model):
    """A tree that a learner has begun and not completed. ``progress_percent`` goes from 0 to 100."""

    id: TreeId
    name: str
    slug: str
    status: TreeProgressStatus
    progress_percent: float
    skills_completed: int
    total_skills: int
    time_spent_minutes: int
    last_activity_at: datetime | None


class OpenSkill(Model):
    """A skill that a learner is working on, or can start. ``remaining_minutes`` is ``None`` without an estimate."""

    id: SkillId
    skill_tree_id: TreeId
    name: str
    status: SkillProgressStatus
    skill_type: SkillType
    difficulty: DifficultyLevel
    is_optional: bool
    is_milestone: bool
    remaining_minutes: int | None


class Dashboard(Model):
    """Where a learner stands.

    ``next_level_xp`` is the total at which the next level begins, ``None`` at the highest. The streaks are in days, the
    current one 0 when it has lapsed.
    """

    user_id: UserId
    username: str
    total_xp: int
    current_level: int
    next_level_xp: int | None
    current_streak: int
    max_streak: int
    skills_completed: int
    hours_learned: float
    trees: tuple[TreeUnderWay, ...]
    open_skills: tuple[OpenSkill, ...]
    recent_achievements: tuple[EarnedAchievement, ...]


class ActivityDay(Model):
    """What a learner did on one day of their own calendar. ``xp`` has the rewards of achievements in it.

    A day given back is one that counts in a streak though nothing, perhaps, was learnt on it.
    """

    activity_date: date
    minutes: int
    skills_completed: int
    xp: int
    is_given_back: bool
