"""The errors that SkillTree raises. Each is a ``SkillTreeError``; the driver's own error is its ``__cause__``."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal
from uuid import UUID

# An error shows at most this many characters of a value (a requested slug can be as long as any text),
_MAX_SHOWN_LENGTH = 200
# … and at most this many problems of a list.
_MAX_LISTED = 100

PasswordFault = Literal["too_short", "too_long", "well_known", "own_name", "unfit"]
"""Why a password is refused. ``unfit`` means that bcrypt cannot hash it; an empty password is one example."""


class SkillTreeError(Exception):
    """Something went wrong in SkillTree."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep every attribute when the error is pickled, so that it can cross to another process."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[SkillTreeError], args: tuple[object, ...], state: dict[str, object]) -> SkillTreeError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


# --- something does not exist -----------------------------------------------------------------------------------------


class NotFound(SkillTreeError):
    """The requested row does not exist."""

    subject: ClassVar[str] = "row"

    def __init__(self, message: str | None = None, /, **key: object) -> None:
        self.key = key
        super().__init__(message)

    def __str__(self) -> str:
        # Formatted on demand: a `get` method builds its error before it knows whether the row exists.
        if not self.key:
            return super().__str__()
        described = ", ".join(f"{name} {str(value)[:_MAX_SHOWN_LENGTH]}" for name, value in self.key.items())
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


# --- a value is not accepted ------------------------------------------------------------------------------------------


class AlreadyExists(SkillTreeError):
    """Another row already has this value."""


class EmailTaken(AlreadyExists):
    """Another account already uses this e-mail address, or one that looks the same."""


class UsernameTaken(AlreadyExists):
    """Another account already uses this user name, or one that looks the same."""


class CategoryNameTaken(AlreadyExists):
    """Another category already has this name."""


class SlugTaken(AlreadyExists):
    """Another category or tree already has this slug."""


class SkillKeyTaken(AlreadyExists):
    """Another skill of this tree already has this key."""


class ProgressExists(AlreadyExists):
    """The learner already has progress in this skill."""


class IdTaken(AlreadyExists):
    """Another row already has this id."""


class StillReferenced(SkillTreeError):
    """Other rows still refer to this row, so that it cannot be deleted. ``table`` holds them.

    ``constraint`` is the foreign key. Nothing was written.
    """

    def __init__(self, message: str | None = None, *, constraint: str | None = None, table: str | None = None) -> None:
        self.constraint = constraint
        self.table = table
        super().__init__(message)


class InvalidValue(SkillTreeError):
    """A value is not allowed. ``field`` names the field, ``constraint`` the database's rule that refused it."""

    def __init__(self, message: str | None = None, *, field: str | None = None, constraint: str | None = None) -> None:
        self.field = field
        self.constraint = constraint
        super().__init__(message)


class ContradictoryProgress(InvalidValue):
    """The status and the times of the progress contradict each other."""


class UnknownTimezone(InvalidValue):
    """The time zone is not in the IANA database. A valid one is, for example, Europe/Lisbon."""


class InvalidName(InvalidValue):
    """A name contains an invisible character, or one that changes how the text around it is shown."""


class InvalidPassword(InvalidValue):
    """The password is not accepted. ``reason`` is a keyword, so that an application can word its own message."""

    def __init__(
        self, message: str | None = None, *, field: str | None = None, reason: PasswordFault | None = None
    ) -> None:
        self.reason = reason
        super().__init__(message, field=field)


class InvalidCredentials(SkillTreeError):
    """The e-mail address or the password is wrong, or the account is inactive."""


class InvalidToken(SkillTreeError):
    """The link is no longer valid: it was used, has expired, or was replaced by a newer one. Request a new one."""


class TooManyAttempts(SkillTreeError):
    """Too many logins have failed. ``retry_after`` is the number of seconds to wait before the next try."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"too many failed logins: try again in {retry_after} s")


class InvalidCursor(InvalidValue):
    """The cursor does not come from this list."""


class InvalidDocument(InvalidValue):
    """A JSON document does not have the required form. ``path`` leads to the faulty value."""

    def __init__(self, message: str, *, field: str, path: tuple[str | int, ...]) -> None:
        self.path = path
        super().__init__(message, field=field)


class InvalidConnectionString(InvalidValue):
    """The connection string is not valid. It is not shown, because it may contain a password."""


class InvalidSettings(SkillTreeError):
    """The settings cannot be used. ``problems`` names each wrong variable or argument, and what it must be."""

    def __init__(self, message: str | None = None, *, problems: tuple[str, ...] = ()) -> None:
        self.problems = problems
        super().__init__("\n  ".join((message or "the settings cannot be used:", *limited(problems))))


class InvalidCurriculum(SkillTreeError):
    """The curriculum cannot be imported. ``problems`` lists every fault. Nothing was written."""

    def __init__(self, message: str, *, problems: tuple[str, ...] = ()) -> None:
        self.problems = problems
        super().__init__("\n  ".join((message, *limited(problems))))


def limited(problems: Sequence[str]) -> list[str]:
    """Return the problems that fit into a message, and a line that counts the others."""
    more = [f"… and {len(problems) - _MAX_LISTED} more"] if len(problems) > _MAX_LISTED else []
    return [*problems[:_MAX_LISTED], *more]


class UnknownCurriculumKeys(InvalidCurriculum):
    """Skills depend on keys that no skill of the tree has. ``unknown`` lists them as (skill, dependency)."""

    def __init__(self, unknown: tuple[tuple[str, str], ...], problems: tuple[str, ...] = ()) -> None:
        self.unknown = unknown
        super().__init__(
            f"{len(unknown)} dependencies are not skills of the tree; correct them, or choose to leave them out:",
            problems=problems or tuple(f"{skill}: {dependency}" for skill, dependency in unknown),
        )


# --- the change would break the graph ---------------------------------------------------------------------------------


class GraphError(SkillTreeError):
    """The change would break the graph. ``ids`` are the skills or trees involved."""

    def __init__(self, message: str | None = None, *, ids: Iterable[UUID | str] = ()) -> None:
        self.ids = tuple(ids)
        super().__init__(message)


class CyclicGraph(GraphError):
    """The change would create a cycle. ``path`` starts and ends with the same item; each item needs the next one."""

    @property
    def path(self) -> tuple[UUID | str, ...]:
        return self.ids


class CyclicDependency(CyclicGraph):
    """Skills would depend on each other in a cycle. ``path`` holds their ids; in a curriculum, their keys."""


class CyclicParents(CyclicGraph):
    """Skills would be each other's parents in a cycle."""


class CyclicPrerequisites(CyclicGraph):
    """Trees would be each other's prerequisites in a cycle."""


class UnknownDependency(GraphError):
    """A dependency is not a skill of the same tree, or a skill is gone that other skills still name."""


class UnknownPrerequisite(GraphError):
    """A prerequisite is not a tree, or a tree is gone that other trees still name."""


class UnknownParent(GraphError):
    """The parent is not a skill of the same tree."""


class OneSidedDependency(GraphError):
    """``dependencies`` and ``dependents`` of two skills do not agree."""


class SkillCannotMove(GraphError):
    """A skill cannot move to another tree."""


class UnsupportedIsolation(GraphError):
    """The graph and learners' progress can only be changed in a READ COMMITTED transaction."""


# --- the learner cannot do this now -----------------------------------------------------------------------------------


class InvalidTransition(SkillTreeError):
    """The status of the skill or tree does not allow this action. Nothing was written."""


class PrerequisitesNotMet(InvalidTransition):
    """The skill or tree is locked: these prerequisites are still missing.

    ``missing`` lists them as (id, name) in the order to learn them: each one comes after its own prerequisites.
    """

    def __init__(self, message: str | None = None, *, missing: Iterable[tuple[UUID, str]] = ()) -> None:
        self.missing = tuple(missing)
        super().__init__(message)

    @property
    def ids(self) -> tuple[UUID, ...]:
        """The ids of the missing prerequisites, in the order to learn them."""
        return tuple(prerequisite_id for prerequisite_id, _ in self.missing)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the missing prerequisites, in the order to learn them."""
        return tuple(name for _, name in self.missing)


class SkillInactive(InvalidTransition):
    """The skill is inactive: nobody can work on it. Its author can activate it again."""


class SkillNotOptional(InvalidTransition):
    """Only an optional skill can be skipped."""


class AlreadyCompleted(InvalidTransition):
    """This is already completed. Reset it to start again."""


class TreeNotStarted(InvalidTransition):
    """The tree is not in progress. Start it first."""


class TreePaused(InvalidTransition):
    """The tree is paused. Resume it instead of starting it."""


class AssessmentNotPassed(InvalidTransition):
    """The best score is below the skill's passing score. Record the attempt, and try again."""


# --- the server failed ------------------------------------------------------------------------------------------------


class DatabaseFailure(SkillTreeError):
    """The server failed to run a statement, and the data is not the reason. ``sqlstate`` holds its code.

    Each subclass says three things: whether the connection is still usable (``is_connection_unfit``), whether the
    pool's other connections have the same problem (``are_others_unfit``), and whether the failed statement surely did
    nothing, so that a call outside a unit of work is retried (``is_retried``).
    """

    is_connection_unfit: ClassVar[bool] = False
    are_others_unfit: ClassVar[bool] = False
    is_retried: ClassVar[bool] = False

    def __init__(self, message: str | None = None, *, sqlstate: str | None = None) -> None:
        self.sqlstate = sqlstate
        super().__init__(message)


class ServerUnavailable(DatabaseFailure):
    """The server cannot be reached, or the connection broke."""

    is_connection_unfit = True


class OutcomeUnknown(ServerUnavailable):
    """The connection broke during the commit: the work may be written or not. Check before you try again."""


class IdleTimeout(ServerUnavailable):
    """The server closed the connection because it was idle for longer than idle_session_timeout."""

    advice: ClassVar[str] = "set the pool's max_idle below the server's idle_session_timeout"
    is_retried = True


class UnitOfWorkTimeout(ServerUnavailable):
    """The server ended the unit of work because it stayed open too long. Nothing was written."""

    advice: ClassVar[str] = (
        "move slow work, such as calls to other services, out of the block, or raise "
        "idle_in_transaction_session_timeout or transaction_timeout for the role"
    )


class ServerExhausted(DatabaseFailure):
    """The server has run out of disk, memory or what its settings allow. Nothing was written."""

    advice: ClassVar[str] = (
        "free disk or memory on the server, or raise the setting that the message names, then try again: "
        "docs/runbook.md, What the machine runs out of"
    )


class ServerReadOnly(DatabaseFailure):
    """The server does not accept changes now: it is a standby or read-only. Nothing was written."""

    advice: ClassVar[str] = (
        "after a failover, let the URL lead to the new primary: list several hosts with target_session_attrs=read-write"
    )
    is_connection_unfit = True
    are_others_unfit = True
    is_retried = True


class StatementOutdated(DatabaseFailure):
    """A prepared statement no longer matches the database, or the connection has lost it. Nothing was done."""

    advice: ClassVar[str] = (
        "the connection is replaced; with PgBouncer before 1.21, or without max_prepared_statements, "
        "pass prepare_threshold=None"
    )
    is_connection_unfit = True
    are_others_unfit = True
    is_retried = True


class PoolExhausted(DatabaseFailure):
    """Timed out waiting for a free connection of the pool. Make the pool larger or the work shorter."""


class PoolNotOpen(DatabaseFailure):
    """The database is not open. Use it in a ``with`` block, or call ``open()`` first."""


class ForkedProcess(DatabaseFailure):
    """The unit of work was opened before a fork and belongs to the parent process. Open another one here."""


class OtherEventLoop(DatabaseFailure):
    """The database is open in another event loop that still runs. Make another AsyncDatabase for this one."""


class UnitOfWorkEnded(DatabaseFailure):
    """The unit of work has ended. Open another one with ``transaction()``."""


class UnitOfWorkBroken(DatabaseFailure):
    """An earlier statement of this unit of work failed or was cancelled: it accepts no more statements.

    Leave the block and start again. Put work that may fail into a savepoint: ``unit.transaction()``.
    """


class UnitOfWorkBusy(DatabaseFailure):
    """Another task or thread has a savepoint open in this unit of work. Wait until it ends, or open another unit."""


class UnitOfWorkOpen(DatabaseFailure):
    """A unit of work is already open here. Call ``as_user()`` or ``as_service()`` again for another one."""


class StatementTimeout(DatabaseFailure):
    """The statement timed out, and the server cancelled it."""


class LockTimeout(DatabaseFailure):
    """Timed out waiting for a lock that another session holds."""


class TreeBusy(LockTimeout):
    """Timed out waiting for somebody else's change of this tree. Nothing was written: try again in a moment."""


class ConcurrentUpdate(DatabaseFailure):
    """The work conflicted with concurrent work (deadlock or serialization failure). Nothing was written: try again."""

    is_retried = True


class PermissionDenied(DatabaseFailure):
    """The role has no permission to do this."""

    advice: ClassVar[str] = "use db.as_user(…) for one learner's work and db.as_service() for work across learners"


class ScopeMissing(PermissionDenied):
    """The login role sees no learner's rows. Use ``db.as_user(user_id)`` for a learner, or ``db.as_service()``."""


class CannotSeeEverything(PermissionDenied):
    """This role does not see every row, so it cannot tell whether the data is correct. Nothing was done."""


class SchemaOutdated(DatabaseFailure):
    """The database lacks a table, column, type or function. Run the migrations."""


class RowMismatch(SkillTreeError):
    """A row does not match its model: the query file and the model disagree."""


class InvalidStoredDocument(RowMismatch):
    """A stored JSON document does not have the form that SkillTree reads today.

    ``row`` holds the ids of its row, and ``path`` leads to the faulty value. Every method that reads the document fails
    until it is corrected: write a valid one with the update method, which works whatever is stored.
    """

    def __init__(self, message: str, *, row: dict[str, str], path: tuple[str | int, ...]) -> None:
        self.row = row
        self.path = path
        super().__init__(message)


# --- an application's own queries and repositories --------------------------------------------------------------------


class InvalidRepository(SkillTreeError):
    """A repository, or a class that attaches repositories, cannot be used as it is declared."""


class QueryFileNotFound(SkillTreeError):
    """There is no such query file."""


class MissingParameter(SkillTreeError):
    """A query file needs a parameter that is not given. Nothing was sent."""


class NotTogether(SkillTreeError):
    """A call cannot be sent together with others."""


# --- the command line ------------------------------------------------------------------------------------------------


class EmbeddedServerMissing(SkillTreeError):
    """No DATABASE_URL is set, and the embedded server is not installed: pip install 'skilltree[embedded]'."""


class UnfitDatabase(SkillTreeError):
    """SkillTree cannot use this server, database or role as it is set up. Nothing was written."""


class EmbeddedDataUnplaced(SkillTreeError):
    """No server is chosen, and no folder is set for an embedded server's data."""


class YamlMissing(SkillTreeError):
    """YAML files need PyYAML, which is not installed: pip install 'skilltree[yaml]'."""


class EmbeddedServerFailed(SkillTreeError):
    """The embedded server did not start."""


class MigrationError(SkillTreeError):
    """The migrations could not be applied or rolled back."""
