"""Who has learnt the most."""

from skilltree._async.repository import AsyncRepository


class AsyncLeaderboards(AsyncRepository):
    """Rankings by XP: of all time, of an ISO week, of a month."""
