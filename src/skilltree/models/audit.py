"""The audit trail: who changed what."""

from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from skilltree.models.base import Model
from skilltree.models.enums import AuditAction


class AuditEntry(Model):
    """One change of one row.

    After an update, ``before`` and ``after`` hold only the changed columns. After an insert, ``after`` holds the new
    row; after a delete, ``before`` holds the old one. Derived columns are left out. A secret column appears only as
    changed, without its values.

    ``actor_id`` is the user on whose behalf the change was made, if any; ``role_name`` is the database role. Entries of
    one transaction share a ``transaction_id``; a restored server starts counting it again. The first entry of a ledger
    row has number 0, and neither ``before`` nor ``after``: the ledger row itself is the record.
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
