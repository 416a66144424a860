"""Rankings of learners by XP."""

from datetime import datetime

from skilltree.models.base import Model
from skilltree.models.ids import UserId


class LeaderboardPlace(Model):
    """A learner's place. Learners with equal XP share a ``rank``; ``reached_at`` is when this learner reached it."""

    rank: int
    user_id: UserId
    username: str
    avatar_url: str | None
    xp: int
    reached_at: datetime
