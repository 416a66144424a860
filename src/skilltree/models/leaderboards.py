"""Who has learnt the most."""

from datetime import datetime

from skilltree.models.base import Model
from skilltree.models.ids import UserId


class LeaderboardPlace(Model):
    """A learner's place. Equal XP share a ``rank``; ``reached_at`` is when the learner had as many."""

    rank: int
    user_id: UserId
    username: str
    avatar_url: str | None
    xp: int
    reached_at: datetime
