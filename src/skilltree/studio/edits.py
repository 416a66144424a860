"""Edits through repository methods, each on behalf of an actor, with a preview before it and its trail after it.

A preview makes the edit in a transaction that is rolled back, so that it shows what the database itself would do. The
form of a preview carries a proof: what is saved is exactly what was shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from skilltree._sync.database import Database
from skilltree._sync.unit import UnitOfWork
from skilltree.errors import InvalidValue, NotFound
from skilltree.models.audit import AuditEntry
from skilltree.models.ids import UserId
from skilltree.studio.access import Access
from skilltree.studio.edit_kinds import KINDS, Edit, Row
from skilltree.studio.visit import Shown, Visit, address, find_user, required_uuid

_MOST_ENTRIES = 20


class _RolledBack(Exception):
    """Ends the transaction of a preview."""


class Editor:
    """The edits, with a database of their own that may write."""

    def __init__(self, url: str, access: Access, *, timeout: float) -> None:
        self._access = access
        self._database = Database(url, max_size=2, statement_timeout=timeout)

    def open(self) -> None:
        """Connect."""
        self._database.open()

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def form(self, visit: Visit) -> Shown:
        """Show the form of an edit with the present values of its row."""
        name = str(visit.request.path_params["name"])
        edit = _edit(name)
        given = {field.name: field.default for field in edit.fields}
        id_ = required_uuid(visit.text("id"), "id")
        subject = edit.subject(visit.unit, id_)
        return self._shown(name, edit, {"id": str(id_), "actor": visit.text("actor"), **given, **subject})

    def submit(self, name: str, form: Mapping[str, str]) -> Shown:
        """Preview an edit, or save it after its preview. Raises what the repository refuses."""
        edit = _edit(name)
        given = {key: form.get(key, "").strip() for key in ("id", "actor", *(field.name for field in edit.fields))}
        is_final = form.get("step") == "save"
        if is_final and not self._access.is_signature_of(form.get("proof", ""), _text(name, given)):
            raise InvalidValue("these values were not previewed: preview them first", field="proof")
        actor_id = self._actor(given["actor"])
        id_ = required_uuid(given["id"], "id")
        rows = edit.rows(id_, given)
        preview: dict[str, Any] = {}
        try:
            with self._database.as_service(actor_id).transaction() as unit:
                subject = edit.subject(unit, id_)["subject"]
                before = {entry.id for entry in _history(unit, rows)}
                preview["told"] = edit.apply(unit, id_, given)
                preview["entries"] = [entry for entry in _history(unit, rows) if entry.id not in before]
                _keep_only(is_final=is_final)
        except _RolledBack:
            preview["proof"] = self._access.signature_of(_text(name, given))
            return self._shown(name, edit, {"subject": subject, **given}, **preview)
        first = rows[0]
        return Shown(
            "redirect", {"to": address("/trail", None, table=first.table, id=first.key, learner=first.learner)}
        )

    def _actor(self, given: str) -> UserId:
        if not given:
            raise InvalidValue("actor must name an account: who makes this change?", field="actor")
        with self._database.as_service().transaction() as unit:
            return find_user(unit, given).id

    def _shown(self, name: str, edit: Edit, given: Mapping[str, str], **preview: Any) -> Shown:
        shown = {"told": None, "entries": (), "proof": None, **preview}
        return Shown("edit.html", {"name": name, "edit": edit, "given": given, **shown})


def _keep_only(*, is_final: bool) -> None:
    """End the transaction of a preview."""
    if not is_final:
        raise _RolledBack


def _edit(name: str) -> Edit:
    if name not in KINDS:
        raise NotFound(f"there is no edit {name}; there are {', '.join(KINDS)}")
    return KINDS[name]


def _history(unit: UnitOfWork, rows: Sequence[Row]) -> list[AuditEntry]:
    return [
        entry
        for row in rows
        for entry in unit.audit.history(row.table, row.key, user_id=row.learner, limit=_MOST_ENTRIES).items
    ]


def _text(name: str, given: Mapping[str, str]) -> str:
    return repr((name, sorted(given.items())))
