"""Rankings of learners by XP."""

from datetime import datetime

from skilltree._async.repository import AsyncRepository
from skilltree._core.rows import limited
from skilltree.models.enums import Leaderboard
from skilltree.models.ids import UserId
from skilltree.models.leaderboards import LeaderboardPlace


class AsyncLeaderboards(AsyncRepository):
    """Rankings by XP: of all time, of an ISO week or of a month. Weeks and months are in UTC for everybody.

    Equal XP share a rank (1, 2, 2, 4), and the learner who reached them first is listed first. ``at`` is a time in the
    week or month; the default is now. Three groups are on no leaderboard: learners without XP in the period, learners
    whose profile has ``is_on_leaderboard=False``, and inactive accounts.
    """

    async def top(
        self, n: int = 10, *, board: Leaderboard = Leaderboard.ALL_TIME, at: datetime | None = None
    ) -> list[LeaderboardPlace]:
        """Return the first ``n`` places."""
        return await self.all(LeaderboardPlace, "leaderboards/top", board=board, at=at, limit=limited(n, "n"))

    async def around(
        self,
        user_id: UserId,
        *,
        n: int = 5,
        board: Leaderboard = Leaderboard.ALL_TIME,
        at: datetime | None = None,
    ) -> list[LeaderboardPlace]:
        """Return a learner's place with up to ``n`` places above and below; an empty list if there is no place."""
        return await self.all(
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
        """Return a learner's rank, or ``None`` for a learner who is not on the leaderboard."""
        ranks: list[int] = await self.values("leaderboards/rank", user_id=user_id, board=board, at=at)
        return ranks[0] if ranks else None
