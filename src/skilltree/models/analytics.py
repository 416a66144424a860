"""Statistics about groups of learners, for authors. Shares and rates go from 0 to 1.

``None`` means unknown or suppressed. ``is_suppressed`` is true where too few learners contribute to a figure.
"""

from typing import Literal

from skilltree.models.base import Model
from skilltree.models.ids import SkillId


class SkillStatistics(Model):
    """How learners fare in a skill, among those who started it. The medians cover those who completed it."""

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
    """How many learners last worked in the tree on this skill, did not complete it and have not returned."""
    stopped_share: float | None
    is_suppressed: bool


class Bottleneck(Model):
    """A skill that holds learners up. ``score`` goes from 0 to 2; the other fields show how it comes about.

    ``overtime`` is how far the median time exceeds the estimate: 0 is within it, 1 is twice the estimate or more.
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
    """The learners of a skill whose score in its prerequisite is in this band, and how many completed the skill."""

    scores: Literal["none", "0-49", "50-69", "70-89", "90-100"]
    learners: int | None
    completed: int | None
    completion_rate: float | None


class PrerequisiteEffect(Model):
    """How much a prerequisite helps with a skill, by the scores in the prerequisite.

    ``difference`` is the distance between the best and the worst completion rate of a band. Near 0, the prerequisite
    seems to make no difference. It is ``None`` where fewer than two bands have a rate.
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
    """The row that ``analytics/skills`` returns for an existing tree."""

    skills: tuple[SkillStatistics, ...]


class BottlenecksOfTree(Model):
    """The row that ``analytics/bottlenecks`` returns for an existing tree."""

    bottlenecks: tuple[Bottleneck, ...]


class PrerequisitesOfTree(Model):
    """The row that ``analytics/prerequisites`` returns for an existing tree."""

    prerequisites: tuple[PrerequisiteEffect, ...]
