"""What learners have done."""

from skilltree._async.repository import AsyncRepository
from skilltree.errors import SkillNotFound, TreeNotFound
from skilltree.models.base import Page
from skilltree.models.enums import SkillProgressStatus
from skilltree.models.ids import SkillId, TreeId, UserId
from skilltree.models.progress import CalculatedProgress, MissingPrerequisite, SkillProgress, TreeProgress


class AsyncProgress(AsyncRepository):
    """Learners' progress in trees and skills."""

    async def for_skill(self, user_id: UserId, skill_id: SkillId) -> SkillProgress | None:
        """Return one learner's work on one skill, or ``None`` before the first."""
        return await self._find(SkillProgress, "progress/for_skill", user_id=user_id, skill_id=skill_id)

    async def for_tree(self, user_id: UserId, tree_id: TreeId) -> TreeProgress | None:
        """Return one learner's way through one tree, or ``None`` before the start."""
        return await self._find(TreeProgress, "progress/for_tree", user_id=user_id, tree_id=tree_id)

    async def list_for_user(
        self,
        user_id: UserId,
        *,
        status: SkillProgressStatus | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page[SkillProgress]:
        """Return a page of all that a learner has worked on, in the order of the skills' ids."""
        return await self._page(
            SkillProgress,
            "progress/list_for_user",
            order=("skill_id",),
            after=after,
            limit=limit,
            user_id=user_id,
            status=status,
        )

    async def calculate_tree_progress(self, user_id: UserId, tree_id: TreeId) -> CalculatedProgress:
        """Count a learner's progress in a tree now. Raises TreeNotFound."""
        return await self._one(
            CalculatedProgress,
            "progress/calculate_tree_progress",
            missing=TreeNotFound(id=tree_id),
            user_id=user_id,
            tree_id=tree_id,
        )

    async def can_unlock(self, user_id: UserId, skill_id: SkillId) -> bool:
        """Tell whether a learner has satisfied all direct prerequisites of a skill. Raises SkillNotFound."""
        answers = await self._values("progress/can_unlock", user_id=user_id, skill_id=skill_id)
        if not answers:
            raise SkillNotFound(id=skill_id)
        return bool(answers[0])

    async def missing_prerequisites(self, user_id: UserId, skill_id: SkillId) -> list[MissingPrerequisite]:
        """Return what a learner must complete to open a skill, in an order in which to learn it. Raises SkillNotFound.

        What lies behind a prerequisite that is already completed or skipped is not asked for again.
        """
        rows = await self._all(
            MissingPrerequisite, "progress/missing_prerequisites", user_id=user_id, skill_id=skill_id
        )
        if not rows:
            raise SkillNotFound(id=skill_id)
        return rows[:-1]
