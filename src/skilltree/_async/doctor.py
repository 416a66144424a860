"""Whether what is derived is what follows from the facts, and mending it where it is not."""

from datetime import date
from uuid import UUID

from skilltree._async.repository import HOLD_TREE, AsyncRepository, AsyncStep, step
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
"""What derives everything of a learner anew, in this order: each takes what those before it have mended for granted."""


class AsyncDoctor(AsyncRepository):
    """The invariants of the database: each is a query file that returns what breaks it.

    It reads whole tables, as a role that sees all rows of all learners.
    """

    async def require_sight(self) -> None:
        """Raise CannotSeeEverything unless this role sees all rows of all tables: what sees nothing finds no fault."""
        refuse_blind(await self._values("doctor/blind_spots"))

    async def examine(self, *invariants: str) -> list[Finding]:
        """Return what is not as it must be, by all invariants or by those named. Writes nothing.

        Raises InvalidValue for a name that none has, and CannotSeeEverything for a role that does not see all rows.
        """
        findings = []
        if unknown := set(invariants).difference(INVARIANTS):
            raise InvalidValue(f"there is no invariant {shown(unknown.pop())}", field="invariants")
        await self.require_sight()
        for name in invariants or INVARIANTS:
            _, drifts = await self._executor.run([step("doctor/prepare", {}), step(f"doctor/{name}", {}, Drift)])
            findings += [Finding(invariant=name, **dict(drift)) for drift in drifts]
        return findings

    async def repair(self) -> Repair:
        """Mend what is not as it must be, and return what that changed and what remains.

        Each tree, then each learner, then each leaderboard is one transaction: one that fails is as it was, and does
        not keep the others from being mended. Trees whose skills name each other are mended together. A cycle remains:
        where to cut it, only its author knows.
        """
        changes: list[Change] = []
        failures: list[FailedRepair] = []
        # What is wrong in the catalogue makes for what is wrong with learners, and that for what is with the counts.
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
        """Return the trees to be mended: each alone, but for those whose skills name each other."""
        return await self._values("doctor/linked_trees", ids=ids) if ids else []

    async def _mend_trees(self, tree_ids: list[TreeId]) -> list[Change]:
        """Cut what is no skill of the tree out of its dependencies, make dependents their inverse, note it as begun."""
        params = {"tree_ids": tree_ids}
        return await self._mend(
            [step(name, {"tree_id": tree_id}) for tree_id in tree_ids for name in HOLD_TREE]
            + [step("doctor/lock_trees", params)],
            step("doctor/catalogue_facts", params, Fact),
            [step(f"doctor/mend_{what}", params) for what in ("edges", "prerequisites", "begun")],
        )

    async def _mend_learner(self, user_id: UserId) -> list[Change]:
        """Derive everything of a learner anew."""
        params = {"user_id": user_id, "skill_id": None, "at": None, "is_listed": None}
        return await self._mend(
            [step("doctor/lock_learner", params)],
            step("doctor/learner_facts", params, Fact),
            [step(name, params) for name in _LEARNER_AGAIN],
        )

    async def _mend_board(self, board: Leaderboard, starts_on: date) -> list[Change]:
        """Count the learners of a leaderboard anew."""
        return await self._all(
            Change,
            "doctor/mend_board",
            before=("doctor/lock_board",),
            board=board,
            starts_on=starts_on,
        )

    async def _mend(self, lock: list[AsyncStep], look: AsyncStep, mend: list[AsyncStep]) -> list[Change]:
        """Run the steps as one transaction, and return how the facts differ that are looked at before and after."""
        answers = await self._executor.run([*lock, look, *mend, look])
        return changes_between(answers[len(lock)], answers[-1])
