"""The audit trail: who changed which row, when, and how."""

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
        """Return a page of the changes of one row, the latest first.

        For a table with learners' data, give ``user_id``, and as ``id`` the skill, tree, achievement, session or day of
        the row; the row's own ``id`` works as long as the row exists. Raises InvalidValue for a table that is not on
        the trail, and for a missing ``user_id``.
        """
        if table not in _BY_ID + _BY_LEARNER:
            raise InvalidValue(
                f"table must be one of {', '.join(_BY_ID + _BY_LEARNER)}, not {shown(table)}", field="table"
            )
        subject_id: UUID = _subject(table, id, user_id)
        return await self.page(
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
        """Create the missing partitions of this month and the next ``months_ahead``, and return their names.

        Only the service and the owner may do this. Raises LockTimeout after waiting five seconds for other sessions.
        """
        return await self.values("audit/ensure_partitions", months_ahead=_months(months_ahead, "months_ahead", 0))

    async def drop_partitions(self, *, months_kept: int) -> list[str]:
        """Drop the partitions older than this month and ``months_kept`` before it, and return their names.

        Their entries are lost. Only the service and the owner may do this. Raises LockTimeout after waiting five
        seconds for other sessions.
        """
        return await self.values("audit/drop_partitions", months_kept=_months(months_kept, "months_kept", 1))


def _subject(table: str, id: UUID | date, user_id: UserId | None) -> UUID:  # noqa: A002 (the column's name)
    """Return the id that the entries of a row are stored under: the learner's, or the row's own."""
    if table in _BY_LEARNER:
        if user_id is None:
            raise InvalidValue(f"history of {table} needs user_id, the learner's id", field="user_id")
        return user_id
    if not isinstance(id, UUID):
        raise InvalidValue(f"history of {table} needs the row's id, a UUID, not {id!r}", field="id")
    return id


def _months(count: int, field: str, least: int) -> int:
    if not isinstance(count, int) or not least <= count <= _MOST_MONTHS:
        raise InvalidValue(f"{field} must be from {least} to {_MOST_MONTHS}, not {count!r}", field=field)
    return count
