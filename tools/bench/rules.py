"""The domain's rules in Python for the ORMs, which load objects and decide in Python."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

BOARDS = ("ALL_TIME", "WEEK", "MONTH")


def is_satisfied(skill_id: UUID, active: Mapping[UUID, Any], work: Mapping[UUID, Any]) -> bool:
    """Return whether a prerequisite is satisfied, so that it does not lock a skill."""
    return skill_id not in active or (skill_id in work and work[skill_id].status in {"COMPLETED", "SKIPPED"})


def is_open(skill: Any, active: Mapping[UUID, Any], work: Mapping[UUID, Any]) -> bool:
    """Return whether all prerequisites of a skill are satisfied."""
    return all(is_satisfied(each, active, work) for each in skill.dependencies)


def missing_before(skill_id: UUID, active: Mapping[UUID, Any], work: Mapping[UUID, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the missing prerequisites of a skill, and the skill itself."""
    todo, seen = [skill_id], {skill_id}
    while todo:
        skill = active[todo.pop()]
        yield skill.id, skill.name, skill.difficulty, skill.estimated_minutes, skill.dependencies
        new = {each for each in skill.dependencies if each not in seen and not is_satisfied(each, active, work)}
        seen |= new
        todo += new


def count_in_tree(progress: Any, skills: list[Any], work: Mapping[UUID, Any]) -> None:
    """Update the count of completed required skills."""
    required = [each for each in skills if not each.is_optional]
    completed = [each for each in required if each.id in work and work[each.id].status == "COMPLETED"]
    progress.total_skills, progress.skills_completed = len(required), len(completed)
    progress.progress_percent = 100.0 * len(completed) / len(required)
    progress.milestones_reached = [each.id for each in completed if each.is_milestone]


def reached(achievement: Any, profile: Any, paid: int) -> int:
    """Return how far a learner is toward an achievement."""
    values: dict[str, int] = {
        "skill_completion_count": paid,
        "xp_threshold": profile.total_xp,
        "streak_days": profile.max_streak,
    }
    return values[str(achievement.criterion)]


def begin_of(board: str, today: date) -> date:
    """Return the first day of a leaderboard's period."""
    starts = {"ALL_TIME": date(1970, 1, 1), "WEEK": today - timedelta(days=today.weekday())}
    return starts.get(board, today.replace(day=1))


def counts_of(score: Any) -> Iterator[tuple[int, int, int, int]]:
    """Yield the places where a score is counted: level, bucket, slot, and the position among the counts."""
    for level in range(6 if score.xp else 0):
        position = (score.xp >> 6 * level) & 63
        if position or not level:
            yield level, score.xp >> 6 * (level + 1), score.user_id.bytes[15] & 7, position


def counted(counts: list[int], position: int, change: int) -> list[int]:
    """Return the counts with one of them changed."""
    return [*counts[:position], counts[position] + change, *counts[position + 1 :]]
