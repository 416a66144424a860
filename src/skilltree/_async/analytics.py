"""What authors learn from how their trees are learnt."""

from skilltree._async.repository import AsyncRepository


class AsyncAnalytics(AsyncRepository):
    """Figures about groups of learners, never about one."""
