"""Whether what is derived is what follows from the facts, and mending it where it is not."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from skilltree._async.repository import HOLD_TREE, AsyncRepository, step
from skilltree._drift import (
    INVARIANTS,
    OF_THE_CATALOGUE,
    OF_THE_COUNTS,
    boards_of,
    catalogue_of,
    changes_between,
    learners_of,
    noted,
)
from skilltree.models.doctor import Change, Drift, Fact, FailedRepair, Finding, Repair
from skilltree.models.ids import TreeId, UserId


class AsyncDoctor(AsyncRepository):
    """The invariants of the database: each is a query file that returns what breaks it.

    It reads whole tables, as a role that sees all rows of all learners.
    """

    async def examine(self, *invariants: str) -> list[Finding]:
        """Return what is not as it must be, by all invariants or by those named. Writes nothing."""
        findings = []
        for name in invariants or INVARIANTS:
            _, drifts = await self._executor.run([step("doctor/prepare", {}), step(f"doctor/{name}", {}, Drift)])
            findings += [Finding(invariant=name, **dict(drift)) for drift in drifts]
        return findings

    async def repair(self) -> Repair:
        """Mend what is not as it must be, and return what that changed and what remains.

        Each tree, then each learner, then each leaderboard is one transaction: one that fails is as it was, and does
        not keep the others from being mended. A cycle remains: where to cut it, only its author knows.
        """
        changes: list[Change] = []
        failures: list[FailedRepair] = []
        # What is wrong in the catalogue makes for what is wrong with learners, and that for what is with the counts.
        for tree_id in await self._trees_of(catalogue_of(await self.examine(*OF_THE_CATALOGUE))):
            with noted(failures, f"tree {tree_id}"):
                changes += await self._mend_tree(tree_id)
        for user_id in learners_of(await self.examine()):
            with noted(failures, f"learner {user_id}"):
                changes += await self._mend_learner(user_id)
        for board, starts_on in boards_of(await self.examine(OF_THE_COUNTS)):
            with noted(failures, f"leaderboard {board} {starts_on}"):
                changes += await self._mend_board(board, starts_on)
        return Repair(changes=tuple(changes), failures=tuple(failures), remaining=tuple(await self.examine()))

    async def _trees_of(self, ids: list[UUID]) -> list[TreeId]:
        return await self._values("doctor/trees_of", ids=ids) if ids else []

    async def _mend_tree(self, tree_id: TreeId) -> list[Change]:
        """Cut what is no skill of the tree out of its dependencies, and make dependents their inverse."""
        return await self._mend(
            {"tree_id": tree_id},
            lock=(*HOLD_TREE, "doctor/lock_tree"),
            look="doctor/tree_facts",
            mend=("doctor/mend_edges", "doctor/mend_prerequisites"),
        )

    async def _mend_learner(self, user_id: UserId) -> list[Change]:
        """Derive everything of a learner anew: first the ledger and the skills, last the places on leaderboards."""
        return await self._mend(
            {"user_id": user_id, "skill_id": None, "at": None, "is_listed": None},
            lock=("doctor/lock_learner",),
            look="doctor/learner_facts",
            mend=(
                "doctor/mend_events",
                "doctor/mend_unlocks",
                "doctor/begin_trees",
                "doctor/mend_trees",
                "doctor/mend_profile",
                "doctor/withdraw_awards",
                "doctor/mend_profile",
                "achievements/award",
                "leaderboards/refresh_scores",
            ),
        )

    async def _mend_board(self, board: str, starts_on: str) -> list[Change]:
        """Count the learners of a leaderboard anew."""
        return await self._all(
            Change,
            "doctor/mend_board",
            before=("doctor/lock_board",),
            board=board,
            starts_on=starts_on,
        )

    async def _mend(
        self, params: dict[str, Any], *, lock: Sequence[str], look: str, mend: Sequence[str]
    ) -> list[Change]:
        """Run the queries as one transaction, and return how the facts differ that are looked at before and after."""
        facts = step(look, params, Fact)
        steps = [*(step(name, params) for name in lock), facts, *(step(name, params) for name in mend), facts]
        answers = await self._executor.run(steps)
        return changes_between(answers[len(lock)], answers[-1])
