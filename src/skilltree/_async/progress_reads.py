"""Reads of learners' progress. Nothing here writes."""

from datetime import date

from skilltree._async.repository import AsyncRepository
from skilltree._core.rows import limited
from skilltree.errors import InvalidValue, NotFound, SkillNotFound, TreeNotFound, UserNotFound
from skilltree.models.base import Page
from skilltree.models.enums import SkillProgressStatus
from skilltree.models.ids import SkillId, TreeId, UserId
from skilltree.models.progress import CalculatedProgress, MissingPrerequisite, SkillProgress, TreeProgress
from skilltree.models.reading import ActivityDay, Dashboard, LearningPath, LockExplanation, NextSkill, WayToSkill
from skilltree.models.trees import Tree
from skilltree.models.users import User

_MOST_DAYS = 3660


class AsyncProgressReads(AsyncRepository):
    """What a learner has done, can do now, and would have to do first. ``AsyncProgress`` adds the actions."""

    async def for_skill(self, user_id: UserId, skill_id: SkillId) -> SkillProgress | None:
        """Return a learner's work on a skill, or ``None`` if there is none yet."""
        return await self.find(SkillProgress, "progress/for_skill", user_id=user_id, skill_id=skill_id)

    async def for_tree(self, user_id: UserId, tree_id: TreeId) -> TreeProgress | None:
        """Return a learner's progress in a tree, or ``None`` if it is not started."""
        return await self.find(TreeProgress, "progress/for_tree", user_id=user_id, tree_id=tree_id)

    async def list_for_user(
        self,
        user_id: UserId,
        *,
        status: SkillProgressStatus | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page[SkillProgress]:
        """Return a page of a learner's work on skills, in the order of the skills' ids."""
        return await self.page(
            SkillProgress,
            "progress/list_for_user",
            order=("skill_id",),
            after=after,
            limit=limit,
            user_id=user_id,
            status=status,
        )

    async def calculate_tree_progress(self, user_id: UserId, tree_id: TreeId) -> CalculatedProgress:
        """Compute a learner's progress in a tree now. Raises TreeNotFound."""
        return await self.one(
            CalculatedProgress,
            "progress/calculate_tree_progress",
            missing=TreeNotFound(id=tree_id),
            user_id=user_id,
            tree_id=tree_id,
        )

    async def can_unlock(self, user_id: UserId, skill_id: SkillId) -> bool:
        """Return whether a skill is open to a learner: all direct prerequisites are satisfied, or work has started.

        Raises SkillNotFound.
        """
        answers = await self.values("progress/can_unlock", user_id=user_id, skill_id=skill_id)
        if not answers:
            raise SkillNotFound(id=skill_id)
        return bool(answers[0])

    async def missing_prerequisites(self, user_id: UserId, skill_id: SkillId) -> list[MissingPrerequisite]:
        """Return what a learner must complete to open a skill, in the order to learn it. Raises SkillNotFound.

        Anything that is needed only for a completed, skipped or started skill is left out.
        """
        rows = await self.all(MissingPrerequisite, "progress/missing_prerequisites", user_id=user_id, skill_id=skill_id)
        if not rows:
            raise SkillNotFound(id=skill_id)
        return rows[:-1]

    async def explain_lock(self, user_id: UserId, skill_id: SkillId) -> LockExplanation:
        """Explain why a skill is locked for a learner, and how to open it fastest, skipping optional skills.

        Anything that is needed only for a started skill is left out, because started work can go on. Raises
        SkillNotFound, UserNotFound.
        """
        way = await self._way_to_skill(user_id, skill_id, to_open=True)
        if way is None or way.lock is None:
            raise await self._absent(user_id, SkillNotFound(id=skill_id))
        return way.lock

    async def learning_path(self, user_id: UserId, skill_id: SkillId) -> LearningPath:
        """Return the skills a learner still has to complete up to and including this one, prerequisites first.

        Completed and skipped skills are left out, and so is anything that is needed only for them or for a started
        skill. Raises SkillNotFound, UserNotFound.
        """
        way = await self._way_to_skill(user_id, skill_id, to_open=False)
        if way is None or way.path is None:
            raise await self._absent(user_id, SkillNotFound(id=skill_id))
        return way.path

    async def next_skills(self, user_id: UserId, *, tree_id: TreeId | None = None, limit: int = 10) -> list[NextSkill]:
        """Return the skills a learner could work on now, the best first: of one tree, or of all trees IN_PROGRESS.

        Skills in progress come first, then higher scores, and required before optional ones at an equal score. The
        score adds up 10 for each skill that this one opens, 2 for each unfinished skill that needs it, 20 / (1 + steps)
        for a milestone that many steps ahead, 5 if the rest fits into the learner's daily goal, and -5 for each level
        of difficulty above the learner's. Raises TreeNotFound, UserNotFound, InvalidValue.
        """
        found = await self.all(
            NextSkill, "progress/next_skills", user_id=user_id, tree_id=tree_id, limit=limited(limit, "limit")
        )
        if not found:
            await self._check_known(user_id, tree_id)
        return found

    async def dashboard(self, user_id: UserId) -> Dashboard:
        """Return an overview of a learner: profile, trees in progress, open skills, latest achievements.

        It has at most 20 open skills of trees that are not paused, those in progress first. Raises UserNotFound.
        """
        return await self.one(Dashboard, "progress/dashboard", missing=UserNotFound(id=user_id), user_id=user_id)

    async def activity_by_day(self, user_id: UserId, *, since: date, until: date) -> list[ActivityDay]:
        """Return a learner's activity for each day from ``since`` to ``until``, both included, even without activity.

        Days are those of the learner's calendar at the time. Raises UserNotFound, and InvalidValue unless the range has
        1 to 3660 days.
        """
        if not 1 <= (until - since).days + 1 <= _MOST_DAYS:
            raise InvalidValue(
                f"until must be from 0 to {_MOST_DAYS - 1} days after since, not {(until - since).days}", field="until"
            )
        days = await self.all(ActivityDay, "progress/activity_by_day", user_id=user_id, since=since, until=until)
        if not days:
            raise UserNotFound(id=user_id)
        return days

    async def _way_to_skill(self, user_id: UserId, skill_id: SkillId, *, to_open: bool) -> WayToSkill | None:
        return await self.find(WayToSkill, "progress/way_to_skill", user_id=user_id, skill_id=skill_id, to_open=to_open)

    async def _absent(self, user_id: UserId, other: NotFound) -> NotFound:
        """Return the error for a query that found nothing: the learner does not exist, or else the other row."""
        learner = await self.find(User, "users/get", user_id=user_id)
        return UserNotFound(id=user_id) if learner is None else other

    async def _check_known(self, user_id: UserId, tree_id: TreeId | None) -> None:
        """Raise UserNotFound or TreeNotFound if the learner or the tree does not exist."""
        await self.one(User, "users/get", missing=UserNotFound(id=user_id), user_id=user_id)
        if tree_id is not None:
            await self.one(Tree, "trees/get", missing=TreeNotFound(id=tree_id), tree_id=tree_id)
