"""The page of the audit trail: who changed one row, when and how."""

from datetime import date
from uuid import UUID

from skilltree._core.messages import shown
from skilltree.errors import InvalidValue
from skilltree.models.ids import UserId
from skilltree.studio.visit import Shown, Visit, required_uuid, uuid_or_none

TABLES = {
    "skill_trees": "the tree's id",
    "skills": "the skill's id",
    "skill_categories": "the category's id",
    "achievements": "the achievement's id",
    "users": "the account's id",
    "user_profiles": "the account's id",
    "user_skill_tree_progress": "the tree's id, with the learner",
    "user_skill_progress": "the skill's id, with the learner",
    "user_sessions": "the session's id, with the learner",
    "user_achievements": "the achievement's id, with the learner",
    "xp_events": "the id of the skill or achievement, with the learner",
    "user_activity_days": "the day as YYYY-MM-DD, with the learner",
}
"""The tables on the trail, and what identifies a row of each."""

_PAGE_SIZE = 25


def trail(visit: Visit) -> Shown:
    """Show the history of one row, the latest change first."""
    table, key, learner = visit.text("table"), visit.text("id"), visit.text("learner")
    page = None
    if key:
        page = visit.unit.audit.history(
            table,
            _key(table, key),
            user_id=UserId(required_uuid(learner, "learner")) if learner else None,
            after=visit.optional("after"),
            limit=_PAGE_SIZE,
        )
    return Shown("trail.html", {"tables": TABLES, "table": table, "id": key, "learner": learner, "page": page})


def _key(table: str, text: str) -> UUID | date:
    found = uuid_or_none(text)
    if found is not None:
        return found
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidValue(f"id must be {TABLES.get(table, 'an id')}, not {shown(text)}", field="id")
