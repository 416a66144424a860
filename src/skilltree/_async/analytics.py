"""Statistics about groups of learners, for authors."""

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
    """Statistics about groups of learners, never about one learner.

    A figure based on fewer than ``min_group`` learners is ``None``. A figure that would reveal such a small one is
    ``None``, too. If fewer than ``min_group`` learners have *not* completed a skill, that hides the count and the rate
    of completion, and every count among those learners. Hidden score bands also hide the smallest other band, or all
    bands. So no hidden count can be computed from the returned ones. A count of 0 is returned because it describes
    nobody, and so is the count of all learners. A median that is not based on the counted learners is rounded down.

    This protects the result of one call, and of calls to ``skills`` and ``bottlenecks`` that differ only in
    ``min_group``. A caller who chooses the time or ``idle_days`` freely can compare two results and learn about single
    learners; so can one who combines a skill's figures with those of its prerequisites. If authors must not know what
    single learners did, fix the time and ``idle_days`` of these calls.
    """

    async def skills(self, tree_id: TreeId, *, min_group: int = 5, idle_days: int = 14) -> list[SkillStatistics]:
        """Return the statistics of each active skill of a tree, top to bottom, left to right.

        A learner has stopped at a skill that is their last work in the tree, that they have not completed, after
        ``idle_days`` days without work in the tree. Raises TreeNotFound, InvalidValue.
        """
        found = await self.one(
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
        """Return the active skills of a tree that hold up the most learners, the worst first.

        The score is (0.5 · stopped share + 0.3 · failure rate + 0.2 · overtime) · (1 + share of the other active skills
        that depend on it); a ``None`` counts as 0. Skills started by fewer than ``min_group`` learners and skills with
        a score of 0 are left out. Raises TreeNotFound, InvalidValue.
        """
        found = await self.one(
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
        """Return the completion rates of skills by the score in each prerequisite, the smallest difference first.

        The first ones seem to make no difference; those that cannot be judged come last. Raises TreeNotFound,
        InvalidValue.
        """
        found = await self.one(
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
