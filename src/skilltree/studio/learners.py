"""The pages of learners: the list, and one learner with ledger, streak, achievements and sessions."""

from datetime import UTC, date, datetime, timedelta
from typing import Literal
from uuid import UUID

from skilltree._core.pages import page_of, page_params
from skilltree._core.queries import read
from skilltree.models.base import Model
from skilltree.models.ids import UserId
from skilltree.models.reading import TreeUnderWay
from skilltree.studio.database import rows
from skilltree.studio.visit import Shown, Visit, find_user

_PAGE_SIZE = 50
_LEDGER_SIZE = 25
_MOST_TREES = 200
_DAYS = 28


class Learner(Model):
    """A row of ``studio/learners``."""

    id: UserId
    username: str
    email: str
    is_active: bool
    created_at: datetime
    total_xp: int | None
    current_level: int | None


class StartedTree(TreeUnderWay):
    """A row of ``studio/trees_of_learner``, which also has the completed trees."""


class Payment(Model):
    """A row of ``studio/ledger``: XP that were paid, and for what."""

    id: UUID
    source_kind: Literal["SKILL", "ACHIEVEMENT"]
    source_id: UUID
    name: str | None
    xp: int
    granted_at: datetime
    granted_on: date


def learners(visit: Visit) -> Shown:
    """Show the accounts, or lead to the one that was looked for."""
    text = visit.text("q")
    if text:
        return Shown("redirect", {"to": visit.link(f"/learners/{find_user(visit.unit, text).id}")})
    order = ("id",)
    params = page_params(Learner, order, visit.optional("after"), _PAGE_SIZE)
    page = page_of(Learner, order, rows(visit.unit, read("studio/learners"), Learner, params), _PAGE_SIZE)
    return Shown("learners.html", {"page": page})


def learner(visit: Visit) -> Shown:
    """Show what is stored about a learner."""
    user_id = UserId(visit.path_id())
    unit = visit.unit
    user = unit.users.get(user_id)
    profile = unit.users.get_profile(user_id)
    order = ("granted_at", "id")
    params = {"user_id": user_id, **page_params(Payment, order, visit.optional("after"), _LEDGER_SIZE)}
    payments = rows(unit, read("studio/ledger"), Payment, params)
    today = datetime.now(UTC).date()
    return Shown(
        "learner.html",
        {
            "user": user,
            "profile": profile,
            "trees": rows(
                unit, read("studio/trees_of_learner"), StartedTree, {"user_id": user_id, "limit": _MOST_TREES}
            ),
            "ledger": page_of(Payment, order, payments, _LEDGER_SIZE),
            "is_first_page": visit.optional("after") is None,
            "days": unit.progress.activity_by_day(user_id, since=today - timedelta(days=_DAYS - 1), until=today)[::-1],
            "achievements": unit.achievements.for_user(user_id),
            "sessions": unit.sessions.list_active(user_id),
        },
    )
