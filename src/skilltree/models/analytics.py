"""What authors learn from groups of learners. Shares and rates go from 0 to 1; ``None`` is unknown, or not told.

``is_suppressed`` says that something is not told because too few learners stand behind it.
"""

from typing import Literal

from skilltree.models.base import Model
from skilltree.models.ids import SkillId


class SkillStatistics(Model):
    """How a skill goes for those who began it. The medians are of those who completed it."""

    id: SkillId
    key: str
    name: str
    started: int | None
    completed: int | None
    completion_rate: float | None
    median_minutes: float | None
    median_attempts: float | None
    failure_rate: float | None
    """The share of all attempts that failed."""
    stopped: int | None
    """How many did their last work in the tree here, have not completed it, and have not come back."""
    stopped_share: float | None
    is_suppressed: bool


class Bottleneck(Model):
    """A skill that holds learners up, with what makes up its score, from 0 to 2.

    ``overtime`` is how far the median exceeds the estimate: 0 is in time, 1 is twice the estimate or more.
    ``skills_behind`` counts the active skills that need this one, directly or not.
    """

    id: SkillId
    key: str
    name: str
    started: int
    stopped: int | None
    stopped_share: float | None
    failure_rate: float | None
    median_minutes: float | None
    estimated_minutes: int | None
    overtime: float | None
    skills_behind: int
    score: float
    is_suppressed: bool


class ScoreBand(Model):
    """Those who began a skill with such a score in its prerequisite, and how many of them have completed it."""

    scores: Literal["none", "0-49", "50-69", "70-89", "90-100"]
    learners: int | None
    completed: int | None
    completion_rate: float | None


class PrerequisiteEffect(Model):
    """What a prerequisite does for a skill, by the scores in it.

    ``difference`` lies between the best and the worst completion rate of a band; near 0, the prerequisite does not seem
    to matter. It is ``None`` where fewer than two bands have a rate.
    """

    skill_id: SkillId
    skill_key: str
    skill_name: str
    prerequisite_id: SkillId
    prerequisite_key: str
    prerequisite_name: str
    bands: tuple[ScoreBand, ...]
    difference: float | None
    is_suppressed: bool


class SkillsOfTree(Model):
    """The row that ``analytics/skills`` answers for a tree that exists."""

    skills: tuple[SkillStatistics, ...]


class BottlenecksOfTree(Model):
    """The row that ``analytics/bottlenecks`` answers for a tree that exists."""

    bottlenecks: tuple[Bottleneck, ...]


class PrerequisitesOfTree(Model):
    """The row that ``analytics/prerequisites`` answers for a tree that exists."""

    prerequisites: tuple[PrerequisiteEffect, ...]
