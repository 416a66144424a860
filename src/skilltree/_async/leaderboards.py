"""Who has learnt the most."""

from datetime import datetime

from skilltree._async.repository import AsyncRepository
from skilltree._core.rows import limited
from skilltree.models.enums import Leaderboard
from skilltree.models.ids import UserId
from skilltree.models.leaderboards import LeaderboardPlace


class AsyncLeaderboards(AsyncRepository):
    """Rankings by XP: of all time, of an ISO week, of a month (both of UTC, the same for everyone).

    Equal XP share a rank (1, 2, 2, 4), and who had them first is listed first. ``at`` is a moment of the week or month;
    now when it is not given. Learners without XP in the period, those who do not want to be shown
    (``is_on_leaderboard`` of the profile) and closed accounts are on no leaderboard.
    """

    async def top(
        self, n: int = 10, *, board: Leaderboard = Leaderboard.ALL_TIME, at: datetime | None = None
    ) -> list[LeaderboardPlace]:
        """Return the first places."""
        return await self._all(LeaderboardPlace, "leaderboards/top", board=board, at=at, limit=limited(n, "n"))

    async def around(
        self,
        user_id: UserId,
        *,
        n: int = 5,
        board: Leaderboard = Leaderboard.ALL_TIME,
        at: datetime | None = None,
    ) -> list[LeaderboardPlace]:
        """Return a learner's place with ``n`` above and ``n`` below; nothing when the learner has none."""
        return await self._all(
            LeaderboardPlace,
            "leaderboards/around",
            user_id=user_id,
            board=board,
            at=at,
            limit=limited(n, "n"),
        )

    async def rank(
        self, user_id: UserId, *, board: Leaderboard = Leaderboard.ALL_TIME, at: datetime | None = None
    ) -> int | None:
        """Return a learner's rank, or ``None`` when the learner is not on the leaderboard."""
        ranks: list[int] = await self._values("leaderboards/rank", user_id=user_id, board=board, at=at)
        return ranks[0] if ranks else None
