"""Who changed what."""

from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from skilltree.models.base import Model
from skilltree.models.enums import AuditAction


class AuditEntry(Model):
    """One change of one row.

    Of an update, ``before`` and ``after`` hold the columns that changed; of an insert, ``after`` is the row as it came,
    and of a delete ``before`` as it went. What follows from other data is left out, and of what is secret it says no
    more than that it changed. ``actor_id`` is for whom it was done, if anybody, and ``role_name`` the database's role.
    Entries of one transaction share ``transaction_id``, which another server, on which they are restored, counts anew.
    Of a row in a ledger, the first entry has the number 0 and neither: it is the row itself.
    """

    id: int
    occurred_at: datetime
    table_name: str
    subject_id: UUID
    row_key: str
    action: AuditAction
    actor_id: UUID | None
    role_name: str | None
    transaction_id: int | None
    before: dict[str, JsonValue] | None
    after: dict[str, JsonValue] | None
