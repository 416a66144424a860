"""What can go wrong, by name. Every error is a ``SkillTreeError``; the driver's own is its ``__cause__``."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal
from uuid import UUID

# A slug that is asked for may be as long as texts can be.
_MOST_SHOWN = 200
_MOST_LISTED = 100

PasswordFault = Literal["too_short", "too_long", "well_known", "own_name", "unfit"]
"""Why a password is refused: ``unfit`` is what no bcrypt hash can be made of, such as an empty one."""


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
    """Another account has this e-mail address, or one that looks the same."""


class UsernameTaken(AlreadyExists):
    """Another account has this user name, or one that looks the same."""


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


class InvalidName(InvalidValue):
    """A name holds a character that nobody sees, or that changes how the rest is shown."""


class InvalidPassword(InvalidValue):
    """The password cannot be taken. ``reason`` says why in a word, for messages of the application's own."""

    def __init__(
        self, message: str | None = None, *, field: str | None = None, reason: PasswordFault | None = None
    ) -> None:
        self.reason = reason
        super().__init__(message, field=field)


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


class InvalidConnectionString(InvalidValue):
    """The connection string cannot be used. It is not shown, because it may hold a password."""


class InvalidCurriculum(SkillTreeError):
    """A curriculum cannot be imported: ``problems`` lists every fault, the message the first. Nothing was written."""

    def __init__(self, message: str, *, problems: tuple[str, ...] = ()) -> None:
        self.problems = problems
        super().__init__("\n  ".join((message, *limited(problems))))


def limited(problems: Sequence[str]) -> list[str]:
    """Return as many of the problems as a message shows, and how many more there are."""
    more = [f"… and {len(problems) - _MOST_LISTED} more"] if len(problems) > _MOST_LISTED else []
    return [*problems[:_MOST_LISTED], *more]


class UnknownCurriculumKeys(InvalidCurriculum):
    """Skills depend on keys that no skill of the tree has: ``unknown`` lists all, as (skill, dependency)."""

    def __init__(self, unknown: tuple[tuple[str, str], ...], problems: tuple[str, ...] = ()) -> None:
        self.unknown = unknown
        super().__init__(
            f"{len(unknown)} dependencies name no skill of the tree; correct them or ask for them to be left out:",
            problems=problems or tuple(f"{skill}: {dependency}" for skill, dependency in unknown),
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
    """The server refused a statement for a reason that is no fault of the data. ``sqlstate`` says which.

    Of each kind it is known whether the connection can be used again (``is_connection_unfit``), whether the others of
    the pool are in the same state (``are_others_unfit``), and whether what failed was not executed, so that a call
    of its own is tried again (``is_retried``).
    """

    is_connection_unfit: ClassVar[bool] = False
    are_others_unfit: ClassVar[bool] = False
    is_retried: ClassVar[bool] = False

    def __init__(self, message: str | None = None, *, sqlstate: str | None = None) -> None:
        self.sqlstate = sqlstate
        super().__init__(message)


class ServerUnavailable(DatabaseFailure):
    """The server cannot be reached, or the connection to it broke."""

    is_connection_unfit = True


class OutcomeUnknown(ServerUnavailable):
    """The connection broke while work was committed: it is written, or it is not. Look before you try again."""


class IdleTimeout(ServerUnavailable):
    """The server closed the connection because it was idle for longer than idle_session_timeout allows."""

    advice: ClassVar[str] = "give the pool a max_idle below the server's idle_session_timeout"
    is_retried = True


class UnitOfWorkTimeout(ServerUnavailable):
    """The server ended the unit of work because it was open for too long. Nothing was written."""

    advice: ClassVar[str] = (
        "do what takes long, such as calling other services, outside of the block, or raise "
        "idle_in_transaction_session_timeout or transaction_timeout for the role"
    )


class ServerReadOnly(DatabaseFailure):
    """The server takes no changes now: it is a standby, or was made read-only. Nothing was written."""

    advice: ClassVar[str] = (
        "after a failover, let the URL lead to the new primary: several hosts with target_session_attrs=read-write"
    )
    is_connection_unfit = True
    are_others_unfit = True
    is_retried = True


class StatementOutdated(DatabaseFailure):
    """A prepared statement does not fit the database any more, or is gone from the connection. Nothing was done."""

    advice: ClassVar[str] = (
        "the connection is replaced; behind PgBouncer older than 1.21, or without max_prepared_statements, "
        "pass prepare_threshold=None"
    )
    is_connection_unfit = True
    are_others_unfit = True
    is_retried = True


class PoolExhausted(DatabaseFailure):
    """Every connection of the pool stayed in use for longer than the time-out. Use a larger pool or shorter work."""


class PoolNotOpen(DatabaseFailure):
    """The database was not opened, or is closed. Use it in a ``with`` block, or call ``open()`` first."""


class ForkedProcess(DatabaseFailure):
    """The unit of work was opened before a fork, and belongs to the other process. Open another in this process."""


class OtherEventLoop(DatabaseFailure):
    """The database is open in another event loop that still runs. Make another AsyncDatabase for this one."""


class UnitOfWorkEnded(DatabaseFailure):
    """The unit of work has ended. Open another with ``transaction()``."""


class UnitOfWorkBroken(DatabaseFailure):
    """An earlier statement of this unit of work failed or was broken off: nothing more can be done in it.

    Leave the block, and begin anew. What may fail goes into a savepoint: ``unit.transaction()``.
    """


class UnitOfWorkBusy(DatabaseFailure):
    """Another task or thread has a savepoint open in this unit of work. Wait for its end, or open another unit."""


class UnitOfWorkOpen(DatabaseFailure):
    """A unit of work is open here already. Call ``as_user()`` or ``as_service()`` again for another."""


class StatementTimeout(DatabaseFailure):
    """The statement was cancelled because it took longer than allowed."""


class LockTimeout(DatabaseFailure):
    """A lock could not be had in the time allowed."""


class TreeBusy(LockTimeout):
    """Somebody was at work in the tree for longer than authors wait. Nothing was written: try again in a moment."""


class ConcurrentUpdate(DatabaseFailure):
    """The work met a concurrent one (deadlock or serialization failure). Nothing was written: try again."""

    is_retried = True


class PermissionDenied(DatabaseFailure):
    """The role may not do this."""

    advice: ClassVar[str] = "use db.as_user(…) for a learner's own work, and db.as_service() for work across learners"


class ScopeMissing(PermissionDenied):
    """Who logged in sees nobody's rows. Say for whom: ``db.as_user(user_id)`` for a learner, or ``db.as_service()``."""


class CannotSeeEverything(PermissionDenied):
    """This role does not see every row, so that it cannot tell whether all is well. Nothing was done."""


class SchemaOutdated(DatabaseFailure):
    """The database lacks a table, column, type or function. Run the migrations."""


class RowMismatch(SkillTreeError):
    """A row does not fit its model: the query file and the model disagree."""


class InvalidStoredDocument(RowMismatch):
    """A stored JSON document is not of the form in which it is read today.

    ``row`` has the ids of the row that holds it, ``path`` leads to the fault. Nothing that reads the document works
    until it is changed: an update with one of the right form is taken, whatever stands there.
    """

    def __init__(self, message: str, *, row: dict[str, str], path: tuple[str | int, ...]) -> None:
        self.row = row
        self.path = path
        super().__init__(message)


# --- the command line ------------------------------------------------------------------------------------------------


class EmbeddedServerMissing(SkillTreeError):
    """No DATABASE_URL is set and the embedded server is not installed: pip install 'skilltree[embedded]'."""


class UnfitDatabase(SkillTreeError):
    """SkillTree cannot work with this server, this database or this role as they are. Nothing was written."""


class EmbeddedDataUnplaced(SkillTreeError):
    """No server is chosen, and nobody has said where an embedded one keeps its data."""


class YamlMissing(SkillTreeError):
    """YAML is read and written by PyYAML, which is not installed: pip install 'skilltree[yaml]'."""


class EmbeddedServerFailed(SkillTreeError):
    """The embedded server does not start."""


class MigrationError(SkillTreeError):
    """The migrations could not be applied or rolled back."""
