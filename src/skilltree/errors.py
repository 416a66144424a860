"""What can go wrong, by name. Every error is a ``SkillTreeError``; the driver's own is its ``__cause__``."""

from collections.abc import Iterable
from typing import ClassVar
from uuid import UUID

# A slug that is asked for may be as long as texts can be.
_MOST_SHOWN = 200
_MOST_LISTED = 100


class SkillTreeError(Exception):
    """Something went wrong in SkillTree."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle whole, whatever arguments a subclass takes: errors cross to other processes."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[SkillTreeError], args: tuple[object, ...], state: dict[str, object]) -> SkillTreeError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


# --- what was asked for is not there ---------------------------------------------------------------------------------


class NotFound(SkillTreeError):
    """What was asked for does not exist."""

    subject: ClassVar[str] = "row"

    def __init__(self, message: str | None = None, /, **key: object) -> None:
        self.key = key
        super().__init__(message)

    def __str__(self) -> str:
        # Put together when it is asked for: a method that gets has its error ready before it knows.
        if not self.key:
            return super().__str__()
        described = ", ".join(f"{name} {str(value)[:_MOST_SHOWN]}" for name, value in self.key.items())
        return f"there is no {self.subject} with {described}"


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


class ProgressExists(AlreadyExists):
    """The learner has progress in this skill already."""


class IdTaken(AlreadyExists):
    """Another row has this id."""


class InvalidValue(SkillTreeError):
    """A value is not allowed: ``field`` says which, ``constraint`` which rule of the database refused it."""

    def __init__(self, message: str | None = None, *, field: str | None = None, constraint: str | None = None) -> None:
        self.field = field
        self.constraint = constraint
        super().__init__(message)


class ContradictoryProgress(InvalidValue):
    """The status and the moments of progress contradict each other."""


class UnknownTimezone(InvalidValue):
    """The time zone is not one of the IANA database, such as Europe/Lisbon."""


class InvalidPassword(InvalidValue):
    """The password cannot be hashed."""


class InvalidCredentials(SkillTreeError):
    """The e-mail address and the password do not belong together, or the account is not in use."""


class InvalidToken(SkillTreeError):
    """The link is void: used already, too old, or replaced by a newer one. Ask for another."""


class TooManyAttempts(SkillTreeError):
    """Too many log-ins have failed. ``retry_after`` says in how many seconds to try again."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"too many log-ins have failed: try again in {retry_after} s")


class InvalidCursor(InvalidValue):
    """The cursor is not one that this list returned."""


class InvalidDocument(InvalidValue):
    """A JSON document does not have the form it must have: ``path`` leads to the fault."""

    def __init__(self, message: str, *, field: str, path: tuple[str | int, ...]) -> None:
        self.path = path
        super().__init__(message, field=field)


class InvalidCurriculum(SkillTreeError):
    """A curriculum cannot be imported: ``problems`` lists every fault, the message the first. Nothing was written."""

    def __init__(self, message: str, *, problems: tuple[str, ...] = ()) -> None:
        self.problems = problems
        more = [f"and {len(problems) - _MOST_LISTED} more"] if len(problems) > _MOST_LISTED else []
        super().__init__("\n  ".join((message, *problems[:_MOST_LISTED], *more)))


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
    """The graph, and the progress of learners, can only be changed in a READ COMMITTED transaction."""


# --- what a learner cannot do now -------------------------------------------------------------------------------------


class InvalidTransition(SkillTreeError):
    """The skill or tree is in a status from which this makes no sense. Nothing was written."""


class PrerequisitesNotMet(InvalidTransition):
    """The skill or tree is locked: these prerequisites are still missing.

    ``missing`` lists them, each after all that it needs itself: the order in which to learn them.
    """

    def __init__(self, message: str | None = None, *, missing: Iterable[tuple[UUID, str]] = ()) -> None:
        self.missing = tuple(missing)
        super().__init__(message)

    @property
    def ids(self) -> tuple[UUID, ...]:
        """The ids of what is missing."""
        return tuple(id for id, _ in self.missing)  # noqa: A001 (what it is)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what is missing."""
        return tuple(name for _, name in self.missing)


class SkillInactive(InvalidTransition):
    """The skill is not in use any more: nobody can work on it. Its author can activate it again."""


class SkillNotOptional(InvalidTransition):
    """Only an optional skill can be skipped."""


class AlreadyCompleted(InvalidTransition):
    """It is completed already. Reset it first to begin again."""


class TreeNotStarted(InvalidTransition):
    """The tree is not under way. Start it first."""


class TreePaused(InvalidTransition):
    """The tree is paused. Resume it instead of starting it."""


class AssessmentNotPassed(InvalidTransition):
    """The best score is lower than the skill's passing score. Record the attempt, and try again."""


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


class UnitOfWorkOpen(DatabaseFailure):
    """A unit of work is open here already. Call ``as_user()`` or ``as_service()`` again for another."""


class StatementTimeout(DatabaseFailure):
    """The statement was cancelled because it took longer than allowed."""


class LockTimeout(DatabaseFailure):
    """A lock could not be had in the time allowed."""


class ConcurrentUpdate(DatabaseFailure):
    """The work met a concurrent one (deadlock or serialization failure). Nothing was written: try again."""


class PermissionDenied(DatabaseFailure):
    """The role may not do this."""

    advice: ClassVar[str] = "use db.as_user(…) for a learner's own work, and db.as_service() for work across learners"


class SchemaOutdated(DatabaseFailure):
    """The database lacks a table, column, type or function. Run the migrations."""


class RowMismatch(SkillTreeError):
    """A row does not fit its model: the query file and the model disagree, or a stored document is damaged."""


# --- the command line ------------------------------------------------------------------------------------------------


class EmbeddedServerMissing(SkillTreeError):
    """No DATABASE_URL is set and the embedded server is not installed: pip install 'skilltree[embedded]'."""


class MigrationError(SkillTreeError):
    """The migrations could not be applied or rolled back."""
