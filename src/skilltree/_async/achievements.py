"""What can be earned."""

from collections.abc import Mapping

from skilltree._async.repository import AsyncRepository
from skilltree._rows import document
from skilltree.models.achievements import Achievement, UserAchievement
from skilltree.models.content import CRITERIA, AchievementCriteria
from skilltree.models.enums import AchievementCategory, AchievementRarity
from skilltree.models.ids import AchievementId, UserId


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

    async def for_user(self, user_id: UserId) -> list[UserAchievement]:
        """Return what a learner has earned or is on the way to, the latest first."""
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
