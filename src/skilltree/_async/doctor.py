"""Checks of the derived data, and its repair."""

from datetime import date
from uuid import UUID

from skilltree._async.repository import AsyncRepository, AsyncStep
from skilltree._core.invariants import (
    INVARIANTS,
    OF_THE_CATALOGUE,
    OF_THE_COUNTS,
    boards_of,
    catalogue_of,
    changes_between,
    learners_of,
    noted,
)
from skilltree._core.messages import shown
from skilltree._core.server_requirements import refuse_blind
from skilltree.errors import InvalidValue
from skilltree.models.doctor import Change, Drift, Fact, FailedRepair, Finding, Repair
from skilltree.models.enums import Leaderboard
from skilltree.models.ids import TreeId, UserId

_LEARNER_AGAIN = (
    "doctor/mend_account",
    "doctor/mend_places",
    "doctor/mend_time_zone",
    "doctor/mend_events",
    "doctor/mend_event_sources",
    "doctor/mend_days",
    "doctor/mend_unlocks",
    "doctor/begin_trees",
    "doctor/mend_trees",
    "doctor/mend_profile",
    "doctor/restore_awards",
    "doctor/withdraw_awards",
    "doctor/mend_profile",
    "progress/settle",
    "doctor/mend_level",
    "doctor/mend_scores_of_nobody",
    "leaderboards/refresh_scores",
)
"""The queries that compute all derived data of a learner again. Each one relies on the results of those before it."""


class AsyncDoctor(AsyncRepository):
    """The invariants of the database. Each is a query file that returns the rows that break it.

    The checks read whole tables and need a role that sees all rows of all learners.
    """

    async def require_sight(self) -> None:
        """Raise CannotSeeEverything unless this role sees all rows of all tables. Hidden rows would hide faults."""
        refuse_blind(await self.values("doctor/blind_spots"))

    async def examine(self, *invariants: str) -> list[Finding]:
        """Return all findings, or only those of the named invariants. Writes nothing.

        Raises InvalidValue for an unknown name, and CannotSeeEverything if the role does not see all rows.
        """
        findings = []
        if unknown := set(invariants).difference(INVARIANTS):
            raise InvalidValue(f"there is no invariant {shown(unknown.pop())}", field="invariants")
        await self.require_sight()
        for name in invariants or INVARIANTS:
            _, drifts = await self.run(
                self.step("doctor/prepare", {}), self.step(f"doctor/{name}", {}, Drift, is_main=True)
            )
            findings += [Finding(invariant=name, **dict(drift)) for drift in drifts]
        return findings

    async def repair(self) -> Repair:
        """Repair all findings, and return the changes, the failures and the remaining findings.

        Each tree, then each learner, then each leaderboard is repaired in one transaction. A failed one is rolled back
        and does not stop the others. Trees whose skills name each other are repaired together. A cycle remains, because
        only its author knows where to cut it.
        """
        changes: list[Change] = []
        failures: list[FailedRepair] = []
        # In this order, because faults of the catalogue cause faults of learners, and those cause wrong counts.
        for tree_ids in await self._trees_of(catalogue_of(await self.examine(*OF_THE_CATALOGUE))):
            with noted(failures, f"tree {' and '.join(str(tree_id) for tree_id in tree_ids)}"):
                changes += await self._mend_trees(tree_ids)
        for user_id in learners_of(await self.examine()):
            with noted(failures, f"learner {user_id}"):
                changes += await self._mend_learner(user_id)
        for board, starts_on in boards_of(await self.examine(OF_THE_COUNTS)):
            with noted(failures, f"leaderboard {board} {starts_on}"):
                changes += await self._mend_board(board, starts_on)
        return Repair(changes=tuple(changes), failures=tuple(failures), remaining=tuple(await self.examine()))

    async def _trees_of(self, ids: list[UUID]) -> list[list[TreeId]]:
        """Group the trees to repair: trees whose skills name each other form one group."""
        return await self.values("doctor/linked_trees", ids=ids) if ids else []

    async def _mend_trees(self, tree_ids: list[TreeId]) -> list[Change]:
        """Remove dependencies outside the tree, make dependents the inverse of dependencies, and mark trees started."""
        params = {"tree_ids": tree_ids}
        return await self._mend(
            [self.step("trees/lock_learners", {"tree_id": tree_id}) for tree_id in tree_ids]
            + [self.step("doctor/lock_trees", params)],
            self.step("doctor/catalogue_facts", params, Fact, is_main=True),
            [self.step(f"doctor/mend_{what}", params) for what in ("edges", "prerequisites")]
            + [self.step("doctor/mend_begun", {"tree_id": tree_id}) for tree_id in tree_ids],
        )

    async def _mend_learner(self, user_id: UserId) -> list[Change]:
        """Compute all derived data of a learner again."""
        params = {"user_id": user_id, "skill_id": None, "at": None, "is_listed": None}
        return await self._mend(
            [self.step("doctor/hold_trees_of_learner", params), self.step("users/lock_profile", params)],
            self.step("doctor/learner_facts", params, Fact, is_main=True),
            [self.step(name, params) for name in _LEARNER_AGAIN],
        )

    async def _mend_board(self, board: Leaderboard, starts_on: date) -> list[Change]:
        """Count the learners of a leaderboard again."""
        return await self.all(
            Change,
            "doctor/mend_board",
            before=("doctor/lock_board",),
            board=board,
            starts_on=starts_on,
        )

    async def _mend(self, lock: list[AsyncStep], look: AsyncStep, mend: list[AsyncStep]) -> list[Change]:
        """Run the steps as one transaction, and return how the facts before and after the repair differ."""
        answers = await self.run(*lock, look, *mend, look)
        return changes_between(answers[len(lock)], answers[-1])
