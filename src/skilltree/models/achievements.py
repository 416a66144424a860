"""Achievements, and how far learners are toward them."""

from datetime import datetime

from pydantic import with_config
from typing_extensions import TypedDict

from skilltree.models.base import CHANGES, Model
from skilltree.models.content import AchievementCriteria, AwardMetadata
from skilltree.models.enums import AchievementCategory, AchievementRarity
from skilltree.models.ids import AchievementId, UserAchievementId, UserId


class Achievement(Model):
    """Something that a learner can earn."""

    id: AchievementId
    name: str
    description: str
    category: AchievementCategory
    criteria: AchievementCriteria
    xp_reward: int
    badge_icon: str | None
    badge_color: str | None
    rarity: AchievementRarity
    is_visible: bool
    is_active: bool
    created_at: datetime
    updated_at: datetime


@with_config(CHANGES)
class AchievementChanges(TypedDict, total=False):
    """The fields of an achievement that can be changed. With ``is_active=False``, nobody earns it any more."""

    name: str
    description: str
    criteria: AchievementCriteria
    category: AchievementCategory
    xp_reward: int
    badge_icon: str | None
    badge_color: str | None
    rarity: AchievementRarity
    is_visible: bool
    is_active: bool


class UserAchievement(Model):
    """An achievement that a learner has earned or is working toward. ``progress`` goes from 0 to 100."""

    id: UserAchievementId
    user_id: UserId
    achievement_id: AchievementId
    name: str
    description: str
    category: AchievementCategory
    rarity: AchievementRarity
    xp_reward: int
    badge_icon: str | None
    badge_color: str | None
    earned_at: datetime
    progress: float
    metadata: AwardMetadata | None


class EarnedAchievement(Model):
    """An achievement just earned, and the XP paid for it: 0 if it was paid before."""

    id: AchievementId
    name: str
    category: AchievementCategory
    rarity: AchievementRarity
    badge_icon: str | None
    badge_color: str | None
    xp: int
    earned_at: datetime


class AchievementStanding(Model):
    """How far a learner is toward an achievement: ``value`` out of ``threshold``. ``progress`` goes from 0 to 100."""

    id: AchievementId
    name: str
    description: str
    category: AchievementCategory
    criteria: AchievementCriteria
    xp_reward: int
    rarity: AchievementRarity
    badge_icon: str | None
    badge_color: str | None
    threshold: int
    value: int
    progress: float
    earned_at: datetime | None


class BackfillBatch(Model):
    """One batch of learners in a backfill: the first and last of them, and those who are entitled to the award."""

    after_user_id: UserId | None
    last_user_id: UserId | None
    learners: int
    due: tuple[UserId, ...]


class BackfillProgress(Model):
    """How far a backfill has come, over all its runs: the learners it has checked and the awards it has made."""

    achievement_id: AchievementId
    learners_seen: int
    awarded: int
    is_finished: bool
