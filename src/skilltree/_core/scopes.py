"""Finds statements about users. Without a learner or the service, they would silently return nothing."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

from skilltree._core.queries import Query, read
from skilltree._core.rows import Params
from skilltree.errors import ScopeMissing

_TABLES = (
    "users",
    "user_profiles",
    "user_sessions",
    "user_tokens",
    "user_skill_tree_progress",
    "user_skill_progress",
    "user_achievements",
    "user_activity_days",
    "user_scores",
    "xp_events",
    "leaderboard_counts",
    "begun_trees",
    "login_attempts",
    "achievement_backfills",
)
_OF_SOMEBODY = re.compile(rf"\b(?:{'|'.join(_TABLES)})\b")
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_LOCKS = re.compile(r"\b(?:hold_|pg_(?:try_)?advisory_)\w*\(|\bfor (?:no key |key )?(?:share|update)\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(?:insert|update|delete|merge|truncate|call|copy)\b", re.IGNORECASE)


class _Step(Protocol):
    @property
    def query(self) -> Query: ...

    @property
    def params(self) -> Params: ...


def require_scope(steps: Sequence[_Step]) -> None:
    """Raise ScopeMissing for a statement about a user. Statements about the catalogue need no scope."""
    for step in steps:
        query = step.query
        # With user_id=None, such a statement is only about the catalogue.
        is_catalogue = "user_id" in query.parameters and step.params["user_id"] is None
        if not is_catalogue and _is_about_somebody(query.name, query.place):
            raise ScopeMissing(
                f"{query.name} reads or writes users' rows: use db.as_user(user_id) for a learner's own work, "
                "or db.as_service() for work across learners",
                sqlstate="42501",
            )


def writes(steps: Sequence[_Step]) -> bool:
    """Return whether one of the statements may write: its text shows it, or its header (``@writes``)."""
    return any(_may_write(step.query.name, step.query.place) for step in steps)


def locks(steps: Sequence[_Step]) -> bool:
    """Return whether one of the statements takes locks by a function (``hold_…``, ``pg_advisory_…``)."""
    return any(_may_lock(step.query.name, step.query.place) for step in steps)


# By name and folder, which are quicker to look up than a whole query.
@cache
def _is_about_somebody(name: str, place: Path | None) -> bool:
    """Return whether a statement is about users' rows. An application's tables show only by the parameter."""
    query = read(name, place)
    if place is not None and "user_id" in query.parameters:
        return True
    return query.role == "app_service" or _OF_SOMEBODY.search(_code(query)) is not None


@cache
def _may_write(name: str, place: Path | None) -> bool:
    query = read(name, place)
    return writes_by_its_text(query) or any(each.word == "writes" for each in query.directives)


@cache
def _may_lock(name: str, place: Path | None) -> bool:
    return _LOCKS.search(_code(read(name, place))) is not None


def writes_by_its_text(query: Query) -> bool:
    """Return whether the text of a statement shows that it may write. A function that it calls may write, too."""
    return _WRITES.search(_code(query)) is not None


def _code(query: Query) -> str:
    return _COMMENT.sub("", query.statement.decode())
