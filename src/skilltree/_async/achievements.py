"""What can be earned."""

from collections.abc import Callable, Mapping, Sequence

from pydantic import TypeAdapter
from typing_extensions import Unpack

from skilltree._async.repository import AsyncRepository, step
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
        """Create an achievement. Raises InvalidDocument for criteria that are none, InvalidValue, IdTaken."""
        return await self._one(
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
        """Change an achievement; what is not given stays. Raises AchievementNotFound, InvalidDocument, InvalidValue.

        Who has earned it keeps it, with the XP that it paid. Who is entitled by new criteria earns it with the next
        action, or by ``backfill``.
        """
        return await self._one(
            Achievement,
            "achievements/update",
            missing=AchievementNotFound(id=achievement_id),
            achievement_id=achievement_id,
            changes=changes(_CHANGES, changed),
        )

    async def retire(self, achievement_id: AchievementId) -> Achievement:
        """Let nobody earn an achievement any more; who has it keeps it. Raises AchievementNotFound.

        ``update(achievement_id, is_active=True)`` takes that back.
        """
        return await self.update(achievement_id, is_active=False)

    async def get(self, achievement_id: AchievementId) -> Achievement:
        """Return an achievement, hidden and retired ones too. Raises AchievementNotFound."""
        return await self._one(
            Achievement,
            "achievements/get",
            missing=AchievementNotFound(id=achievement_id),
            achievement_id=achievement_id,
        )

    async def get_many(self, achievement_ids: Sequence[AchievementId]) -> list[Achievement]:
        """Return achievements in the order of these ids, at most 1,000. Raises AchievementNotFound."""
        rows = await self._all(
            Achievement, "achievements/get_many", achievement_ids=several(achievement_ids, "achievement_ids")
        )
        return in_order(rows, achievement_ids, missing=AchievementNotFound)

    async def standings(self, user_id: UserId) -> list[AchievementStanding]:
        """Return how far a learner is toward each achievement, the earned first, then the nearest."""
        return await self._all(AchievementStanding, "achievements/standings", user_id=user_id)

    async def backfill(
        self,
        achievement_id: AchievementId,
        *,
        batch_size: int = 500,
        on_batch: Callable[[BackfillProgress, int], None] | None = None,
    ) -> BackfillProgress:
        """Award an achievement to everyone who was entitled to it before it was made, and what its XP brings.

        Each learner's award is a transaction, and so is the note of how far it has come, after every batch: a run that
        was interrupted goes on there. A finished back-fill begins anew; nobody is awarded twice. ``on_batch`` is told
        after each batch how far it is, and how many learners there are. Raises AchievementNotFound.
        """
        limit = limited(batch_size, "batch_size")
        totals = await self._values("achievements/begin_backfill", achievement_id=achievement_id)
        if not totals:
            raise AchievementNotFound(id=achievement_id)
        while True:
            batch = await self._one(
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
            # A transaction each: the counts of the leaderboards are shared, and are to be held for a moment only.
            learner = {"user_id": user_id, "skill_id": None, "at": None}
            await self._executor.run(
                [
                    step("users/lock_profile", learner),
                    step("progress/settle", learner),
                    step("leaderboards/add_to_scores", learner),
                ]
            )
        place = {"achievement_id": achievement_id, **dict(batch), "due": [*batch.due]}
        _, (progress,) = await self._executor.run(
            [
                step("achievements/advance_backfill", place),
                step("achievements/backfill_progress", place, BackfillProgress),
            ]
        )
        found: BackfillProgress = progress
        return found

    async def for_user(self, user_id: UserId) -> list[UserAchievement]:
        """Return what a learner has earned, the latest first."""
        return await self._all(UserAchievement, "achievements/for_user", user_id=user_id)

    async def list(
        self,
        *,
        category: AchievementCategory | None = None,
        include_hidden: bool = False,
        include_inactive: bool = False,
    ) -> list[Achievement]:
        """Return what can be earned, the common first."""
        return await self._all(
            Achievement,
            "achievements/list",
            category=category,
            include_hidden=include_hidden,
            include_inactive=include_inactive,
        )
