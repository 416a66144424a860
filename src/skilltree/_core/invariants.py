"""The names of the invariants, and how to read findings and facts."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from uuid import UUID

from skilltree.errors import PoolExhausted, ServerUnavailable, SkillTreeError
from skilltree.models.doctor import Change, Fact, FailedRepair, Finding
from skilltree.models.enums import Leaderboard
from skilltree.models.ids import UserId

INVARIANTS = (
    "dependents_are_inverse",
    "no_dependency_cycle",
    "no_parent_cycle",
    "no_prerequisite_cycle",
    "no_orphan",
    "row_has_owner",
    "begun_tree_is_noted",
    "levels_climb",
    "account_has_profile",
    "progress_is_in_its_tree",
    "completed_skill_has_event",
    "event_says_for_what",
    "event_has_day",
    "event_has_award",
    "xp_total",
    "level",
    "time_zone",
    "streak",
    "profile_counts",
    "tree_progress",
    "unlocked_where_due",
    "award_is_entitled",
    "award_is_due",
    "leaderboard_scores",
    "leaderboard_counts",
)
"""The queries below ``queries/doctor/`` that return the rows that break an invariant."""

OF_THE_CATALOGUE = ("dependents_are_inverse", "no_orphan", "begun_tree_is_noted")
"""The invariants by which the catalogue is repaired. A cycle is not: only its author knows where to cut it."""

OF_THE_COUNTS = "leaderboard_counts"


def catalogue_of(findings: Iterable[Finding]) -> list[UUID]:
    """Return the trees and skills with findings."""
    return sorted(
        {finding.subject_id for finding in findings if finding.user_id is None and finding.subject_id is not None}
    )


def learners_of(findings: Iterable[Finding]) -> list[UserId]:
    """Return the learners with findings."""
    return sorted({finding.user_id for finding in findings if finding.user_id is not None})


def boards_of(findings: Iterable[Finding]) -> list[tuple[Leaderboard, date]]:
    """Return the leaderboards with wrong counts, each with the first day of its period."""
    named = {finding.what.partition(":")[0].partition(" ") for finding in findings}
    return sorted((Leaderboard(board), date.fromisoformat(starts_on)) for board, _, starts_on in named)


def changes_between(before: Iterable[Fact], after: Iterable[Fact]) -> list[Change]:
    """Return the differences between the facts before and after a repair."""
    was, now = (
        {(fact.subject_kind, fact.user_id, fact.subject_id, fact.what): fact.value for fact in facts}
        for facts in (before, after)
    )
    return [
        Change(
            subject_kind=kind,
            user_id=user_id,
            subject_id=subject_id,
            what=what,
            before=was.get((kind, user_id, subject_id, what)),
            after=now.get((kind, user_id, subject_id, what)),
        )
        for kind, user_id, subject_id, what in {**was, **now}
        if was.get((kind, user_id, subject_id, what)) != now.get((kind, user_id, subject_id, what))
    ]


@contextmanager
def noted(failures: list[FailedRepair], subject: str) -> Iterator[None]:
    """Record an error of the block, except one that the next repair would hit, too."""
    try:
        yield
    except (ServerUnavailable, PoolExhausted):
        raise
    except SkillTreeError as error:
        failures.append(FailedRepair(subject=subject, error=f"{type(error).__name__}: {error}"))
