"""Achievements, and who has earned them."""

from collections.abc import Callable, Mapping, Sequence

from pydantic import TypeAdapter
from typing_extensions import Unpack

from skilltree._async.repository import AsyncRepository
from skilltree._core.rows import changes, document, in_order, limited, several
from skilltree.errors import AchievementNotFound
from skilltree.models.achievements import (
    Achievement,
    AchievementChanges,
    AchievementStanding,
    BackfillBatch,
    BackfillProgress,
    UserAchievement,
)
from skilltree.models.content import CRITERIA, AchievementCriteria
from skilltree.models.enums import AchievementCategory, AchievementRarity
from skilltree.models.ids import AchievementId, UserId

_CHANGES = TypeAdapter(AchievementChanges)


class AsyncAchievements(AsyncRepository):
    """Achievements and who has earned them."""

    async def create(
        self,
        *,
        name: str,
        description: str,
        criteria: AchievementCriteria | Mapping[str, object],
        category: AchievementCategory = AchievementCategory.PROGRESS,
        xp_reward: int = 0,
        badge_icon: str | None = None,
        badge_color: str | None = None,
        rarity: AchievementRarity = AchievementRarity.COMMON,
        is_visible: bool = True,
        id: AchievementId | None = None,  # noqa: A002 (the column's name)
    ) -> Achievement:
        """Create an achievement. Raises InvalidDocument for invalid criteria, InvalidValue, IdTaken."""
        return await self.one(
            Achievement,
            "achievements/create",
            id=id,
            name=name,
            description=description,
            category=category,
            criteria=document(CRITERIA, criteria, "criteria"),
            xp_reward=xp_reward,
            badge_icon=badge_icon,
            badge_color=badge_color,
            rarity=rarity,
            is_visible=is_visible,
        )

    async def update(self, achievement_id: AchievementId, **changed: Unpack[AchievementChanges]) -> Achievement:
        """Change the given fields. Raises AchievementNotFound, InvalidDocument, InvalidValue.

        Learners who have earned it keep it and its XP. Learners who meet the new criteria earn it with their next
        action, or by ``backfill``.
        """
        return await self.one(
            Achievement,
            "achievements/update",
            missing=AchievementNotFound(id=achievement_id),
            achievement_id=achievement_id,
            changes=changes(_CHANGES, changed),
        )

    async def retire(self, achievement_id: AchievementId) -> Achievement:
        """Stop learners from earning an achievement. Those who have it keep it. Raises AchievementNotFound.

        ``update(achievement_id, is_active=True)`` undoes this.
        """
        return await self.update(achievement_id, is_active=False)

    async def get(self, achievement_id: AchievementId) -> Achievement:
        """Return an achievement, even a hidden or retired one. Raises AchievementNotFound."""
        return await self.one(
            Achievement,
            "achievements/get",
            missing=AchievementNotFound(id=achievement_id),
            achievement_id=achievement_id,
        )

    async def get_many(self, achievement_ids: Sequence[AchievementId]) -> list[Achievement]:
        """Return achievements in the order of these ids, at most 1,000. Raises AchievementNotFound."""
        rows = await self.all(
            Achievement, "achievements/get_many", achievement_ids=several(achievement_ids, "achievement_ids")
        )
        return in_order(rows, achievement_ids, missing=AchievementNotFound)

    async def standings(self, user_id: UserId) -> list[AchievementStanding]:
        """Return how far a learner is toward each achievement: earned ones first, then the nearest."""
        return await self.all(AchievementStanding, "achievements/standings", user_id=user_id)

    async def backfill(
        self,
        achievement_id: AchievementId,
        *,
        batch_size: int = 500,
        on_batch: Callable[[BackfillProgress, int], None] | None = None,
    ) -> BackfillProgress:
        """Award an achievement, and the XP it pays, to every learner who already meets its criteria.

        Each award is one transaction. The position is saved after every batch, and an interrupted run continues there.
        A finished backfill starts again from the beginning; nobody is awarded twice. After each batch, ``on_batch`` is
        called with the progress and the total number of learners. Raises AchievementNotFound.
        """
        limit = limited(batch_size, "batch_size")
        totals = await self.values("achievements/begin_backfill", achievement_id=achievement_id)
        if not totals:
            raise AchievementNotFound(id=achievement_id)
        while True:
            batch = await self.one(
                BackfillBatch,
                "achievements/next_backfill_batch",
                achievement_id=achievement_id,
                limit=limit,
            )
            progress = await self._backfill(achievement_id, batch)
            if on_batch is not None:
                on_batch(progress, totals[0])
            if progress.is_finished:
                return progress

    async def _backfill(self, achievement_id: AchievementId, batch: BackfillBatch) -> BackfillProgress:
        for user_id in batch.due:
            # One short transaction per learner, because all learners share the leaderboards' count rows.
            learner = {"user_id": user_id, "skill_id": None, "at": None}
            await self.run(
                self.step("users/lock_profile", learner),
                self.step("progress/settle", learner, is_main=True),
                self.step("leaderboards/add_to_scores", learner),
            )
        found = await self.values("achievements/count_awards", achievement_id=achievement_id, due=[*batch.due])
        awards: int = found[0]
        place = {
            "achievement_id": achievement_id,
            "after_user_id": batch.after_user_id,
            "last_user_id": batch.last_user_id,
            "learners": batch.learners,
            "awards": awards,
        }
        _, (progress,) = await self.run(
            self.step("achievements/advance_backfill", place),
            self.step("achievements/backfill_progress", place, BackfillProgress),
        )
        return progress

    async def for_user(self, user_id: UserId) -> list[UserAchievement]:
        """Return the achievements that a learner has earned, the latest first."""
        return await self.all(UserAchievement, "achievements/for_user", user_id=user_id)

    async def list(
        self,
        *,
        category: AchievementCategory | None = None,
        include_hidden: bool = False,
        include_inactive: bool = False,
    ) -> list[Achievement]:
        """Return the achievements that can be earned, the common ones first."""
        return await self.all(
            Achievement,
            "achievements/list",
            category=category,
            include_hidden=include_hidden,
            include_inactive=include_inactive,
        )
