"""Reads for learners: where they stand, and what to do next."""

from datetime import date, datetime
from typing import Literal

from skilltree.models.achievements import EarnedAchievement
from skilltree.models.base import Model
from skilltree.models.enums import DifficultyLevel, SkillProgressStatus, SkillType, TreeProgressStatus
from skilltree.models.ids import SkillId, TreeId, UserId

UnlockAction = Literal["COMPLETE", "SKIP"]


class UnmetPrerequisite(Model):
    """A prerequisite of a locked skill that the learner has neither completed nor skipped."""

    id: SkillId
    name: str
    status: SkillProgressStatus
    is_optional: bool


class LearningStep(Model):
    """A skill still to complete. Steps of the same ``level`` do not depend on each other; the first level is 0.

    ``remaining_minutes`` is the estimate minus the time already spent, at least 0; it is ``None`` without an estimate.
    ``xp`` is what completing the skill will pay: 0 if it has paid before.
    """

    id: SkillId
    name: str
    status: SkillProgressStatus
    is_optional: bool
    remaining_minutes: int | None
    xp: int
    level: int


class UnlockStep(LearningStep):
    """A skill to complete or skip on the shortest way to an open skill. Skipping pays no XP."""

    action: UnlockAction


class LockExplanation(Model):
    """Why a skill is locked for a learner, and the shortest way to open it.

    ``missing`` holds the unmet prerequisites that the skill itself names; it is empty for work in progress. ``path``
    holds the steps in order, and is empty if the skill is not locked. A SKIPPED skill that is no longer open counts as
    locked. No path leads to an inactive skill: nobody can open it. The totals cover the steps to complete; a step
    without an estimate adds no minutes.
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
    """The remaining steps to a skill, which is the last of them. It is empty once the skill is completed.

    A step without an estimate adds no minutes. Nobody can complete an inactive skill.
    """

    skill_id: SkillId
    name: str
    is_active: bool
    steps: tuple[LearningStep, ...]
    remaining_minutes: int
    remaining_xp: int


class WayToSkill(Model):
    """The row of ``progress/way_to_skill``: one of the two, as asked."""

    lock: LockExplanation | None
    path: LearningPath | None


class NextSkill(Model):
    """A skill to work on now, and the reasons for it.

    ``opens`` counts the skills that completing it would open at once; ``needed_by`` counts all unfinished skills that
    name it. The milestone is the nearest one ahead, at a distance in edges: 0 if it is the skill itself.
    ``difficulty_gap`` is the number of levels above the hardest skill that the learner completed in the tree, at least
    0. ``fits_daily_goal`` is ``None`` without a goal or an estimate.
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
    """A tree that a learner has started and not completed. ``progress_percent`` goes from 0 to 100."""

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
    """A skill that a learner is working on or can start. ``remaining_minutes`` is ``None`` without an estimate."""

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
    """The overview of a learner.

    ``next_level_xp`` is the total XP at which the next level starts; it is ``None`` at the highest level. Streaks are
    in days; the current one is 0 if it has lapsed.
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
    """What a learner did on one day of their own calendar. ``xp`` includes the rewards of achievements.

    A day given back counts in the streak, even if the learner did nothing on it.
    """

    activity_date: date
    minutes: int
    skills_completed: int
    xp: int
    is_given_back: bool
