"""Who changed which row when, from what to what."""

from datetime import date
from uuid import UUID

from skilltree._async.repository import AsyncRepository
from skilltree._core.messages import shown
from skilltree.errors import InvalidValue
from skilltree.models.audit import AuditEntry
from skilltree.models.base import Page
from skilltree.models.ids import UserId

_BY_ID = ("users", "user_profiles", "skill_categories", "skill_trees", "skills", "achievements")
_BY_LEARNER = (
    "user_skill_tree_progress",
    "user_skill_progress",
    "user_sessions",
    "user_achievements",
    "xp_events",
    "user_activity_days",
)
_MOST_MONTHS = 120


class AsyncAudit(AsyncRepository):
    """The audit trail."""

    async def history(
        self,
        table: str,
        id: UUID | date,  # noqa: A002 (the column's name)
        *,
        user_id: UserId | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[AuditEntry]:
        """Return a page of what became of a row, the latest change first.

        A row of a learner's is found by ``user_id`` and the skill, tree, achievement, session or day that it is about,
        or by its ``id`` as long as it stands. Raises InvalidValue for a table that is not on the trail, and for a
        ``user_id`` that is missing.
        """
        if table not in _BY_ID + _BY_LEARNER:
            raise InvalidValue(
                f"table must be one of {', '.join(_BY_ID + _BY_LEARNER)}, not {shown(table)}", field="table"
            )
        subject_id: UUID = _subject(table, id, user_id)
        return await self._page(
            AuditEntry,
            "audit/history",
            order=("occurred_at", "id"),
            after=after,
            limit=limit,
            table_name=table,
            subject_id=subject_id,
            row_key=str(id),
        )

    async def ensure_partitions(self, *, months_ahead: int = 12) -> list[str]:
        """Make the partitions of this month and the next ones, and return the names of those that were missing.

        For the service and for the owner. Raises LockTimeout after waiting for five seconds for those at work.
        """
        return await self._values("audit/ensure_partitions", months_ahead=_months(months_ahead, "months_ahead", 0))

    async def drop_partitions(self, *, months_kept: int) -> list[str]:
        """Lose what is older than this month and so many before it, and return the names of the partitions that went.

        For the service and for the owner. Raises LockTimeout after waiting for five seconds for those at work.
        """
        return await self._values("audit/drop_partitions", months_kept=_months(months_kept, "months_kept", 1))


def _subject(table: str, id: UUID | date, user_id: UserId | None) -> UUID:  # noqa: A002 (the column's name)
    """Return by what the entries of a row are found: the learner, or where it is nobody's the row itself."""
    if table in _BY_LEARNER:
        if user_id is None:
            raise InvalidValue(f"rows of {table} are looked up with user_id, the learner", field="user_id")
        return user_id
    if not isinstance(id, UUID):
        raise InvalidValue(f"rows of {table} are looked up by their id, not {id!r}", field="id")
    return id


def _months(count: int, field: str, least: int) -> int:
    if not isinstance(count, int) or not least <= count <= _MOST_MONTHS:
        raise InvalidValue(f"{field} must be from {least} to {_MOST_MONTHS}, not {count!r}", field=field)
    return count
