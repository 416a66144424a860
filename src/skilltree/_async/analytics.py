"""What authors learn from how their trees are learnt."""

from skilltree._async.repository import AsyncRepository
from skilltree._core.rows import MOST_PER_PAGE
from skilltree.errors import InvalidValue, TreeNotFound
from skilltree.models.analytics import (
    Bottleneck,
    BottlenecksOfTree,
    PrerequisiteEffect,
    PrerequisitesOfTree,
    SkillsOfTree,
    SkillStatistics,
)
from skilltree.models.ids import TreeId

_LEAST_GROUP = 3
_MOST_DAYS = 3650


class AsyncAnalytics(AsyncRepository):
    """Figures about groups of learners, never about one.

    A figure behind which stand fewer than ``min_group`` learners is ``None``, and so is one from which such a figure
    would follow by logic: the count and the rate of completion when fewer than that have *not* completed a skill, and
    then all that is counted among those; of score bands, the smallest other one with those that are too small, or all
    of them. No count that is left out can be worked out from what is told. A count of 0 is told, because it is
    nobody's, and so is one of all. A median of learners who are not counted is rounded down.

    That holds for what one call returns, and for calls that differ in ``min_group`` alone of ``skills`` and
    ``bottlenecks``. Whoever may ask at any moment, and with any ``idle_days``, can set one answer against another, and
    who knows that nobody gets to a skill without its prerequisites can compare the two: fix both where authors do not
    know what single learners did.
    """

    async def skills(self, tree_id: TreeId, *, min_group: int = 5, idle_days: int = 14) -> list[SkillStatistics]:
        """Return how each active skill of a tree goes, top to bottom, left to right.

        A learner has stopped at a skill after ``idle_days`` without work in the tree, if the last was on this skill
        and has not completed it. Raises TreeNotFound, InvalidValue.
        """
        found = await self._one(
            SkillsOfTree,
            "analytics/skills",
            missing=TreeNotFound(id=tree_id),
            tree_id=tree_id,
            min_group=_within("min_group", min_group, _LEAST_GROUP),
            idle_days=_within("idle_days", idle_days, 1, _MOST_DAYS),
        )
        return [*found.skills]

    async def bottlenecks(
        self, tree_id: TreeId, *, limit: int = 10, min_group: int = 5, idle_days: int = 14
    ) -> list[Bottleneck]:
        """Return the active skills of a tree that hold most learners up, worst first.

        The score is (0.5 · stopped share + 0.3 · failure rate + 0.2 · overtime) · (1 + share of the other active skills
        that lie behind it); what is ``None`` counts as 0. Skills that fewer than ``min_group`` learners have begun,
        and those with a score of 0, are left out. Raises TreeNotFound, InvalidValue.
        """
        found = await self._one(
            BottlenecksOfTree,
            "analytics/bottlenecks",
            missing=TreeNotFound(id=tree_id),
            tree_id=tree_id,
            limit=_within("limit", limit, 1, MOST_PER_PAGE),
            min_group=_within("min_group", min_group, _LEAST_GROUP),
            idle_days=_within("idle_days", idle_days, 1, _MOST_DAYS),
        )
        return [*found.bottlenecks]

    async def prerequisites(self, tree_id: TreeId, *, min_group: int = 5) -> list[PrerequisiteEffect]:
        """Return how often skills are completed by the score in each prerequisite, the smallest difference first.

        What comes first does not seem to matter; what cannot be judged comes last. Raises TreeNotFound, InvalidValue.
        """
        found = await self._one(
            PrerequisitesOfTree,
            "analytics/prerequisites",
            missing=TreeNotFound(id=tree_id),
            tree_id=tree_id,
            min_group=_within("min_group", min_group, _LEAST_GROUP),
        )
        return [*found.prerequisites]


def _within(field: str, value: int, least: int, most: int = 1_000_000) -> int:
    if not least <= value <= most:
        raise InvalidValue(f"{field} must be from {least} to {most}, not {value}", field=field)
    return value
