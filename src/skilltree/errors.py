"""What can go wrong, by name. Every error is a ``SkillTreeError``; the driver's own is its ``__cause__``."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import ClassVar
from uuid import UUID

import psycopg
import psycopg_pool


class SkillTreeError(Exception):
    """Something went wrong in SkillTree."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


# --- what was asked for is not there ---------------------------------------------------------------------------------


class NotFound(SkillTreeError):
    """What was asked for does not exist."""

    subject: ClassVar[str] = "row"

    def __init__(self, message: str | None = None, /, **key: object) -> None:
        self.key = key
        described = ", ".join(f"{name} {value}" for name, value in key.items())
        super().__init__(message or (f"there is no {self.subject} with {described}" if key else None))


class UserNotFound(NotFound):
    """The user does not exist."""

    subject = "user"


class CategoryNotFound(NotFound):
    """The category does not exist."""

    subject = "category"


class TreeNotFound(NotFound):
    """The tree does not exist."""

    subject = "tree"


class SkillNotFound(NotFound):
    """The skill does not exist."""

    subject = "skill"


class AchievementNotFound(NotFound):
    """The achievement does not exist."""

    subject = "achievement"


class SessionNotFound(NotFound):
    """The session does not exist, or has ended."""

    subject = "active session"


# --- what was given cannot be taken ----------------------------------------------------------------------------------


class AlreadyExists(SkillTreeError):
    """Another row has this value already."""


class EmailTaken(AlreadyExists):
    """Another account has this e-mail address (upper and lower case are the same)."""


class UsernameTaken(AlreadyExists):
    """Another account has this user name."""


class CategoryNameTaken(AlreadyExists):
    """Another category has this name."""


class SlugTaken(AlreadyExists):
    """Another category or tree has this slug."""


class SkillKeyTaken(AlreadyExists):
    """Another skill of this tree has this key."""


class IdTaken(AlreadyExists):
    """Another row has this id."""


class InvalidValue(SkillTreeError):
    """A value is not allowed: ``field`` says which, ``constraint`` which rule of the database refused it."""

    def __init__(self, message: str | None = None, *, field: str | None = None, constraint: str | None = None) -> None:
        self.field = field
        self.constraint = constraint
        super().__init__(message)


class UnknownTimezone(InvalidValue):
    """The time zone is not one of the IANA database, such as Europe/Lisbon."""


class InvalidPassword(InvalidValue):
    """The password cannot be hashed."""


class InvalidCursor(InvalidValue):
    """The cursor is not one that this list returned."""


class InvalidDocument(InvalidValue):
    """A JSON document does not have the form it must have: ``path`` leads to the fault."""

    def __init__(self, message: str, *, field: str, path: tuple[str | int, ...]) -> None:
        self.path = path
        super().__init__(message, field=field)


class InvalidCurriculum(SkillTreeError):
    """A curriculum cannot be imported: ``problems`` lists every fault. Nothing was written."""

    def __init__(self, message: str, *, problems: tuple[str, ...] = ()) -> None:
        self.problems = problems
        super().__init__("\n  ".join((message, *problems)))


class UnknownCurriculumKeys(InvalidCurriculum):
    """Skills depend on keys that no skill of the tree has: ``unknown`` lists all, as (skill, dependency)."""

    def __init__(self, unknown: tuple[tuple[str, str], ...]) -> None:
        self.unknown = unknown
        super().__init__(
            f"{len(unknown)} dependencies name no skill of the tree; correct them or ask for them to be left out:",
            problems=tuple(f"{skill}: {dependency}" for skill, dependency in unknown),
        )


# --- what would break the graph --------------------------------------------------------------------------------------


class GraphError(SkillTreeError):
    """The change would break the graph. ``ids`` are the skills or trees concerned."""

    def __init__(self, message: str | None = None, *, ids: Iterable[UUID | str] = ()) -> None:
        self.ids = tuple(ids)
        super().__init__(message)


class CyclicGraph(GraphError):
    """The change would close a cycle. ``path`` starts and ends with the same one; each needs the next."""

    @property
    def path(self) -> tuple[UUID | str, ...]:
        return self.ids


class CyclicDependency(CyclicGraph):
    """Skills would depend on each other in a cycle. ``path`` holds their ids, or in a curriculum their keys."""


class CyclicParents(CyclicGraph):
    """Skills would be each other's parents in a cycle."""


class CyclicPrerequisites(CyclicGraph):
    """Trees would be each other's prerequisites in a cycle."""


class UnknownDependency(GraphError):
    """A dependency is not a skill of the same tree, or a skill is gone that others still name."""


class UnknownPrerequisite(GraphError):
    """A prerequisite is not a tree, or a tree is gone that others still name."""


class UnknownParent(GraphError):
    """The parent is not a skill of the same tree."""


class OneSidedDependency(GraphError):
    """``dependencies`` and ``dependents`` of two skills do not agree."""


class SkillCannotMove(GraphError):
    """A skill cannot move to another tree."""


class UnsupportedIsolation(GraphError):
    """The graph can only be edited in a READ COMMITTED transaction."""


# --- what the server could not do ------------------------------------------------------------------------------------


class DatabaseFailure(SkillTreeError):
    """The server refused a statement for a reason that is no fault of the data. ``sqlstate`` says which."""

    def __init__(self, message: str | None = None, *, sqlstate: str | None = None) -> None:
        self.sqlstate = sqlstate
        super().__init__(message)


class ServerUnavailable(DatabaseFailure):
    """The server cannot be reached, or the connection to it broke."""


class PoolExhausted(DatabaseFailure):
    """Every connection of the pool stayed in use for longer than the time-out. Use a larger pool or shorter work."""


class PoolNotOpen(DatabaseFailure):
    """The database was not opened, or is closed. Use it in a ``with`` block, or call ``open()`` first."""


class UnitOfWorkEnded(DatabaseFailure):
    """The unit of work has ended. Open another with ``transaction()``."""


class StatementTimeout(DatabaseFailure):
    """The statement was cancelled because it took longer than allowed."""


class LockTimeout(DatabaseFailure):
    """A lock could not be had in the time allowed."""


class ConcurrentUpdate(DatabaseFailure):
    """The work met a concurrent one (deadlock or serialization failure). Nothing was written: try again."""


class PermissionDenied(DatabaseFailure):
    """The role may not do this."""


class SchemaOutdated(DatabaseFailure):
    """The database lacks a table, column, type or function. Run the migrations."""


class RowMismatch(SkillTreeError):
    """A row does not fit its model: the query file and the model disagree, or a stored document is damaged."""


# --- the command line ------------------------------------------------------------------------------------------------


class EmbeddedServerMissing(SkillTreeError):
    """No DATABASE_URL is set and the embedded server is not installed: pip install 'skilltree[embedded]'."""


class MigrationError(SkillTreeError):
    """The migrations could not be applied or rolled back."""


_BY_CONSTRAINT: dict[str, type[SkillTreeError]] = {
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
    "achievements_pkey": IdTaken,
    "user_sessions_pkey": IdTaken,
    "user_profiles_timezone_known": UnknownTimezone,
    "skill_trees_category_id_fkey": CategoryNotFound,
    "skills_skill_tree_id_fkey": TreeNotFound,
    "skills_parent_skill_id_fkey": UnknownParent,
    "user_profiles_user_id_fkey": UserNotFound,
    "user_sessions_user_id_fkey": UserNotFound,
    "user_skill_progress_user_id_fkey": UserNotFound,
    "user_skill_progress_skill_id_fkey": SkillNotFound,
    "user_skill_tree_progress_user_id_fkey": UserNotFound,
    "user_skill_tree_progress_skill_tree_id_fkey": TreeNotFound,
    "user_achievements_user_id_fkey": UserNotFound,
    "user_achievements_achievement_id_fkey": AchievementNotFound,
    "xp_events_user_id_fkey": UserNotFound,
    "skills_dependencies_acyclic": CyclicDependency,
    "skills_parents_acyclic": CyclicParents,
    "skill_trees_prerequisites_acyclic": CyclicPrerequisites,
    "skills_dependencies_exist": UnknownDependency,
    "skill_trees_prerequisites_exist": UnknownPrerequisite,
    "skills_dependents_inverse": OneSidedDependency,
    "skills_tree_fixed": SkillCannotMove,
    "skills_graph_isolation": UnsupportedIsolation,
    "skill_trees_graph_isolation": UnsupportedIsolation,
}

_BY_SQLSTATE: dict[str, type[DatabaseFailure]] = {
    "40001": ConcurrentUpdate,
    "40P01": ConcurrentUpdate,
    "42501": PermissionDenied,
    "42703": SchemaOutdated,
    "42704": SchemaOutdated,
    "42883": SchemaOutdated,
    "42P01": SchemaOutdated,
    "55P03": LockTimeout,
    "57014": StatementTimeout,
    "57P01": ServerUnavailable,
    "57P02": ServerUnavailable,
    "57P03": ServerUnavailable,
    "53300": ServerUnavailable,
    "53400": ServerUnavailable,
}


def from_driver(error: psycopg.Error) -> SkillTreeError:  # noqa: PLR0911 (a list of cases)
    """Return the named error for one of the driver's."""
    message = error.diag.message_primary or str(error) or type(error).__name__
    state = error.sqlstate or ""
    if state.startswith("23") or error.diag.constraint_name in _BY_CONSTRAINT:
        return _from_constraint(error, message)
    if state.startswith("22"):
        return InvalidValue(message)
    if state in _BY_SQLSTATE:
        return _BY_SQLSTATE[state](message, sqlstate=state)
    if isinstance(error, psycopg_pool.PoolClosed):
        return PoolNotOpen()
    if isinstance(error, psycopg_pool.TooManyRequests):
        return PoolExhausted()
    if state.startswith("08") or (not state and isinstance(error, psycopg.OperationalError)):
        return ServerUnavailable(message, sqlstate=state or None)
    if not state and isinstance(error, psycopg.DataError):
        return InvalidValue(message)
    return DatabaseFailure(message, sqlstate=state or None)


def _from_constraint(error: psycopg.Error, message: str) -> SkillTreeError:
    constraint = error.diag.constraint_name or ""
    named = _BY_CONSTRAINT.get(constraint)
    detail = error.diag.message_detail or ""
    if named is None:
        if error.sqlstate == "23502":
            return InvalidValue(f"{error.diag.column_name} must have a value", field=error.diag.column_name)
        field = constraint.removeprefix(f"{error.diag.table_name}_").rpartition("_")[0]
        return InvalidValue(f"{message} ({detail})" if detail else message, field=field or None, constraint=constraint)
    if issubclass(named, GraphError):
        ids = [UUID(text) for text in json.loads(detail)] if detail.startswith("[") else []
        return named(". ".join(filter(None, (message, error.diag.message_hint))), ids=ids)
    if issubclass(named, InvalidValue):
        return named(f"{message}. {error.diag.message_hint or ''}".rstrip(), constraint=constraint)
    return named(f"{named.__doc__} {detail}".rstrip())


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into named ones; the driver's stays as ``__cause__``."""
    try:
        yield
    except psycopg.Error as error:
        raise from_driver(error) from error
