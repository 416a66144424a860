"""All repositories on one executor."""

from skilltree._async.accounts import AsyncAccounts
from skilltree._async.achievements import AsyncAchievements
from skilltree._async.analytics import AsyncAnalytics
from skilltree._async.audit import AsyncAudit
from skilltree._async.categories import AsyncCategories
from skilltree._async.doctor import AsyncDoctor
from skilltree._async.json_reads import AsyncJson
from skilltree._async.leaderboards import AsyncLeaderboards
from skilltree._async.progress import AsyncProgress
from skilltree._async.repository import AsyncExecutor
from skilltree._async.sessions import AsyncSessions
from skilltree._async.skills import AsyncSkills
from skilltree._async.trees import AsyncTrees
from skilltree._async.users import AsyncUsers


class AsyncRepositories(AsyncExecutor):
    """Every repository, on any executor."""

    def __init__(self) -> None:
        self.users = AsyncUsers(self)
        self.accounts = AsyncAccounts(self)
        self.categories = AsyncCategories(self)
        self.trees = AsyncTrees(self)
        self.skills = AsyncSkills(self)
        self.progress = AsyncProgress(self)
        self.achievements = AsyncAchievements(self)
        self.leaderboards = AsyncLeaderboards(self)
        self.analytics = AsyncAnalytics(self)
        self.sessions = AsyncSessions(self)
        self.audit = AsyncAudit(self)
        self.doctor = AsyncDoctor(self)

    @property
    def json(self) -> AsyncJson:
        """The read methods of the repositories, with their answers as JSON."""
        return AsyncJson(self)
