"""Turns the driver's errors into SkillTree's.

What our functions raise has an SQLSTATE of our own. What a constraint refuses is known by the constraint's name, and
everything else by PostgreSQL's SQLSTATE.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol
from uuid import UUID

import psycopg
import psycopg_pool

from skilltree._core.limits import LIMITS, refused
from skilltree._core.sqlstates import BY_CLASS, BY_SQLSTATE, CONSTRAINTS, REFUSALS, STALE_PLAN
from skilltree.errors import (
    AchievementNotFound,
    AlreadyExists,
    CategoryNameTaken,
    CategoryNotFound,
    ContradictoryProgress,
    DatabaseFailure,
    EmailTaken,
    GraphError,
    IdTaken,
    InvalidRepository,
    InvalidValue,
    PermissionDenied,
    PoolExhausted,
    PoolNotOpen,
    ProgressExists,
    SchemaOutdated,
    ServerUnavailable,
    SkillKeyTaken,
    SkillNotFound,
    SkillTreeError,
    SlugTaken,
    StatementOutdated,
    StillReferenced,
    TreeNotFound,
    UnknownParent,
    UsernameTaken,
    UserNotFound,
)

BY_CONSTRAINT: dict[str, type[SkillTreeError]] = {
    "idx_user_email": EmailTaken,
    "idx_user_username": UsernameTaken,
    "unique_category_name": CategoryNameTaken,
    "idx_category_slug": SlugTaken,
    "idx_tree_slug": SlugTaken,
    "unique_skill_key": SkillKeyTaken,
    "users_pkey": IdTaken,
    "skill_categories_pkey": IdTaken,
    "skill_trees_pkey": IdTaken,
    "skills_pkey": IdTaken,
    "unique_skill_id_tree": IdTaken,
    "unique_tree_id_language": IdTaken,
    "achievements_pkey": IdTaken,
    "user_sessions_pkey": IdTaken,
    "unique_user_skill_progress": ProgressExists,
    "user_skill_progress_completed_at_agrees": ContradictoryProgress,
    "user_skill_progress_started_at_agrees": ContradictoryProgress,
    "user_skill_progress_unlocked_at_agrees": ContradictoryProgress,
    "user_skill_progress_passing_score_waived_agrees": ContradictoryProgress,
    "user_skill_tree_progress_completed_at_agrees": ContradictoryProgress,
    "user_skill_tree_progress_started_at_agrees": ContradictoryProgress,
    "skill_trees_category_id_fkey": CategoryNotFound,
    "skills_skill_tree_id_fkey": TreeNotFound,
    "skills_language_fkey": TreeNotFound,
    "skills_parent_skill_id_fkey": UnknownParent,
    "user_profiles_user_id_fkey": UserNotFound,
    "user_sessions_user_id_fkey": UserNotFound,
    "user_tokens_user_id_fkey": UserNotFound,
    "user_skill_progress_user_id_fkey": UserNotFound,
    "user_skill_progress_skill_id_fkey": SkillNotFound,
    "user_skill_tree_progress_user_id_fkey": UserNotFound,
    "user_skill_tree_progress_skill_tree_id_fkey": TreeNotFound,
    "user_achievements_user_id_fkey": UserNotFound,
    "user_achievements_achievement_id_fkey": AchievementNotFound,
    "xp_events_user_id_fkey": UserNotFound,
    "user_activity_days_user_id_fkey": UserNotFound,
    "user_scores_user_id_fkey": UserNotFound,
    "achievement_backfills_achievement_id_fkey": AchievementNotFound,
    "begun_trees_skill_tree_id_fkey": TreeNotFound,
}

_OF_APPLICATIONS: dict[str, type[SkillTreeError]] = {}

# The statement does not accept a parameter's type: no such operator or function, wrong type, no such cast.
_WRONG_TYPES = frozenset({"42883", "42804", "42846"})
# 42883 also means a missing function, which is a fault of the schema. Only the source function tells them apart.
_OPERATOR_LOOKUP = "op_error"
# A privilege is missing, and not a policy.
_PRIVILEGE_CHECK = "aclcheck_error"
_GRANT = "; what is your own must be granted to the role, in a migration"
# A search with dozens of operators in a row, which the server reports as an internal error.
_QUERY_PARSER = "pushOpStack"
# Values that never reach the server: a NUL, an object that is no SQL value, an invalid connection string.
_REFUSED_BY_DRIVER = (psycopg.DataError, psycopg.ProgrammingError)
# The server crashes after this, for example if the disk has no room for its log. It restarts if it can.
_PANIC = "PANIC"
_LONGEST_MESSAGE = 1000
_TAKEN = frozenset({"23505", "23P01"})
_REFERENCED = frozenset({"23001", "23503"})
_QUOTES_OF_A_NEW_ROW = 4
_QUOTED = re.compile(r'["«»„“”「」『』]')
# What a name may end in: the number of a shard, that of a learner's partition as `skilltree partition` names it, and
# any number, as an application may name its partitions.
_SHARD = re.compile(r"_\d{6,}$")
_PARTITION = re.compile(r"_p\d{2,}$")
_NUMBER = re.compile(r"_\d+$")


def from_driver(  # noqa: PLR0911 (a list of cases)
    error: psycopg.Error, params: Sequence[Mapping[str, object]] = ()
) -> SkillTreeError:
    """Return SkillTree's error for a driver's error. ``params`` let the message show the refused value."""
    # The server repeats the refused value in full, however long it is.
    message = (error.diag.message_primary or str(error) or type(error).__name__)[:_LONGEST_MESSAGE]
    state = error.sqlstate or ""
    if error.diag.severity_nonlocalized == _PANIC:
        return ServerUnavailable(f"the server has crashed: {message}", sqlstate=state)
    if state in REFUSALS:
        return _from_refusal(error, message, state)
    if state.startswith("23"):
        return _from_constraint(error, message, params)
    if state == "42883" and error.diag.source_function != _OPERATOR_LOOKUP:
        return SchemaOutdated(message, sqlstate=state)
    if error.diag.source_function == _QUERY_PARSER:
        return InvalidValue("the search has too many operators in a row", field="text")
    if state.startswith(("22", "54")) or state in _WRONG_TYPES or (not state and isinstance(error, _REFUSED_BY_DRIVER)):
        return InvalidValue(message)
    if state == "42501":
        grant = _GRANT if error.diag.source_function == _PRIVILEGE_CHECK else ""
        return PermissionDenied(f"{message}; {PermissionDenied.advice}{grant}", sqlstate=state)
    if named := _of_the_server(error, state):
        advice = getattr(named, "advice", None)
        return named(f"{message}; {advice}" if advice else message, sqlstate=state)
    if isinstance(error, psycopg_pool.PoolClosed):
        return PoolNotOpen()
    if isinstance(error, psycopg_pool.TooManyRequests):
        return PoolExhausted()
    if not state and isinstance(error, psycopg.OperationalError):
        return ServerUnavailable(message)
    return DatabaseFailure(message, sqlstate=state or None)


def is_unanswered(error: BaseException | None) -> bool:
    """Return whether the server did not say what has become of the work, so that it may be committed.

    After a PANIC it does not know itself: the commit may already be in the log.
    """
    return isinstance(error, psycopg.Error) and (error.sqlstate is None or error.diag.severity_nonlocalized == _PANIC)


def _of_the_server(error: psycopg.Error, state: str) -> type[DatabaseFailure] | None:
    """Return the error for a state of the server or the connection, or ``None`` for any other SQLSTATE."""
    if (state, error.diag.source_function) == STALE_PLAN:
        return StatementOutdated
    return BY_SQLSTATE.get(state) or BY_CLASS.get(state[:2])


def _from_refusal(error: psycopg.Error, message: str, state: str) -> SkillTreeError:
    """Return the error for an SQLSTATE of our own. A Citus worker passes on only SQLSTATE, message, detail and hint."""
    kind = REFUSALS[state]
    detail = error.diag.message_detail or ""
    told = ". ".join(filter(None, (message, error.diag.message_hint)))
    if issubclass(kind, GraphError):
        return kind(told, ids=[UUID(text) for text in json.loads(detail)] if detail.startswith("[") else [])
    if issubclass(kind, InvalidValue):
        field = json.loads(detail)["field"] if detail.startswith("{") else None
        return kind(told, field=field, constraint=CONSTRAINTS.get(state))
    if issubclass(kind, DatabaseFailure):
        return kind(told, sqlstate=state)
    return kind(f"{told} {detail[:_LONGEST_MESSAGE]}".rstrip())


def _from_constraint(error: psycopg.Error, message: str, params: Sequence[Mapping[str, object]]) -> SkillTreeError:
    if error.sqlstate == "23502":
        column = error.diag.column_name or next(iter(re.findall(r'"(\w+)"', message)), None)
        return InvalidValue(f"{column} must have a value", field=column)
    constraint, table, message = _violated(error, message)
    kind = BY_CONSTRAINT.get(constraint) or _OF_APPLICATIONS.get(constraint)
    if kind is None:
        return _from_unknown(error, message, params, constraint, table)
    if issubclass(kind, InvalidValue):
        return kind(constraint=constraint)
    if issubclass(kind, GraphError):
        return kind()
    return kind(f"{kind.__doc__} {error.diag.message_detail or ''}".rstrip())


def _violated(error: psycopg.Error, message: str) -> tuple[str, str, str]:
    """Return the names of the violated constraint and of its table, and the message without the number of a shard.

    On partitioned tables, both names end in the number of the partition. On a distributed server (Citus), they end in
    that of a shard, and from a worker, only the message has them. A check constraint has its name on every shard.
    """
    constraint, table = error.diag.constraint_name or "", error.diag.table_name or ""
    is_given = bool(constraint and table)
    # All words, because the quotes around a name depend on the server's language.
    words = [table, constraint] if is_given else re.findall(r"\w+", message)
    shard = next(filter(None, map(_SHARD.search, words[:1] if is_given else words)), None)
    number = next((found[0] for found in (_PARTITION.search(table), shard) if found), "")
    bare = [word.removesuffix(number) for word in words]
    names = [*words, *bare, *(_NUMBER.sub("", word) for word in words)]
    if known := [name for name in names if name in {*BY_CONSTRAINT, *LIMITS, *_OF_APPLICATIONS}]:
        constraint = known[0]
    elif is_given:
        constraint = bare[1]
    elif shard:
        ours = [name for name in bare if name not in words]
        constraint = next((name for name in bare if any(name.startswith(f"{each}_") for each in ours)), ours[-1])
    tables = names[::2] if is_given else names
    table = max((name for name in tables if constraint.startswith(f"{name}_")), key=len, default="")
    return constraint, table, message.replace(number, "") if shard else message


def _from_unknown(
    error: psycopg.Error, message: str, params: Sequence[Mapping[str, object]], constraint: str, table: str
) -> SkillTreeError:
    """Return the error for a check constraint, or for a constraint of an application's table."""
    table = table or _PARTITION.sub("", error.diag.table_name or "")
    if error.sqlstate in _TAKEN:
        return AlreadyExists(f"another row{table and f' of {table}'} already has this value ({constraint})")
    if error.sqlstate in _REFERENCED and _is_of_other_rows(error, message):
        told = f"rows of {table} still refer to this row ({constraint})"
        return StillReferenced(told, constraint=constraint, table=table)
    field = constraint.removeprefix(f"{table}_").rpartition("_")[0]
    # The detail is left out because it shows the whole row, secrets included.
    return InvalidValue(
        refused(constraint, field, params) or message, field=field or None, constraint=constraint or None
    )


def _is_of_other_rows(error: psycopg.Error, message: str) -> bool:
    """Return whether a foreign key refused a deletion, not a new row. Then the message names one table more."""
    return error.sqlstate == "23001" or len(_QUOTED.findall(message)) > _QUOTES_OF_A_NEW_ROW


def declare_refusals(repository: str, refusals: Mapping[str, object]) -> None:
    """Let constraints of an application's tables raise errors of its own. Raises InvalidRepository."""
    for constraint, kind in refusals.items():
        known = BY_CONSTRAINT.get(constraint) or _OF_APPLICATIONS.get(constraint)
        if not (isinstance(kind, type) and issubclass(kind, SkillTreeError)):
            raise InvalidRepository(f"{repository}: refusals: the error of {constraint} must be a SkillTreeError")
        if known is not None and (known.__module__, known.__qualname__) != (kind.__module__, kind.__qualname__):
            raise InvalidRepository(f"{repository}: refusals: {constraint} already raises {known.__name__}")
    _OF_APPLICATIONS.update({name: kind for name, kind in refusals.items() if isinstance(kind, type)})


class _Sent(Protocol):
    @property
    def params(self) -> Mapping[str, object]: ...


class _Translated:
    def __init__(self, steps: Sequence[_Sent]) -> None:
        self._steps = steps

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, psycopg.Error):
            raise from_driver(error, [step.params for step in self._steps]) from error
        if self._steps and isinstance(error, (UnicodeEncodeError, OverflowError)):
            raise InvalidValue(f"a value cannot be sent: {error.args[-1]}") from error


_TRANSLATED = _Translated(())


def translated(steps: Sequence[_Sent] | None = None) -> AbstractContextManager[None]:
    """Turn the driver's errors into SkillTree's. The driver's error stays as ``__cause__``."""
    return _TRANSLATED if steps is None else _Translated(steps)
