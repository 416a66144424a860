"""Maps SQLSTATEs to errors: our own, which the migrations raise, and those of the server and the connection.

The class of the error decides whether the connection is kept and whether the work is retried.
"""

from skilltree.errors import (
    ConcurrentUpdate,
    CyclicDependency,
    CyclicParents,
    CyclicPrerequisites,
    DatabaseFailure,
    IdleTimeout,
    InvalidName,
    InvalidValue,
    LockTimeout,
    OneSidedDependency,
    OutcomeUnknown,
    SchemaOutdated,
    ServerExhausted,
    ServerReadOnly,
    ServerUnavailable,
    SkillCannotMove,
    SkillNotFound,
    SkillTreeError,
    StatementOutdated,
    StatementTimeout,
    TreeBusy,
    UnfitDatabase,
    UnitOfWorkBroken,
    UnitOfWorkTimeout,
    UnknownDependency,
    UnknownPrerequisite,
    UnknownTimezone,
    UnsupportedIsolation,
)

REFUSALS: dict[str, type[SkillTreeError]] = {
    "ST101": InvalidName,
    "ST102": UnknownTimezone,
    "ST103": InvalidValue,  # a setting or an argument of a function
    "ST201": CyclicDependency,
    "ST202": CyclicParents,
    "ST203": CyclicPrerequisites,
    "ST204": UnknownDependency,
    "ST205": UnknownPrerequisite,
    "ST206": OneSidedDependency,
    "ST207": SkillCannotMove,
    "ST208": SkillNotFound,  # in a learner's path
    "ST301": UnsupportedIsolation,
    "ST302": TreeBusy,
    "ST401": DatabaseFailure,  # the audit trail would lose entries
    "ST501": UnfitDatabase,  # a role, while migrating
}
"""SQLSTATEs of our own. ``docs/errors.md`` lists them for other clients."""

CONSTRAINTS = {
    "ST101": "users_names_seen",
    "ST102": "user_profiles_timezone_known",
}
"""The value of ``InvalidValue.constraint`` for our own SQLSTATEs."""

BY_SQLSTATE: dict[str, type[DatabaseFailure]] = {
    "08007": OutcomeUnknown,  # transaction_resolution_unknown
    "25006": ServerReadOnly,  # read_only_sql_transaction
    "25P02": UnitOfWorkBroken,  # in_failed_sql_transaction
    "25P03": UnitOfWorkTimeout,  # idle_in_transaction_session_timeout
    "25P04": UnitOfWorkTimeout,  # transaction_timeout
    "26000": StatementOutdated,  # invalid_sql_statement_name: the statement was deallocated
    "40001": ConcurrentUpdate,  # serialization_failure
    "40003": OutcomeUnknown,  # statement_completion_unknown
    "40P01": ConcurrentUpdate,  # deadlock_detected
    "42703": SchemaOutdated,  # undefined_column
    "42704": SchemaOutdated,  # undefined_object
    "42P01": SchemaOutdated,  # undefined_table
    "42P05": StatementOutdated,  # duplicate_prepared_statement: prepared by a pooler's other client
    "53300": ServerUnavailable,  # too_many_connections
    "55P03": LockTimeout,  # lock_not_available
    "57014": StatementTimeout,  # query_canceled
    "57P01": ServerUnavailable,  # admin_shutdown
    "57P02": ServerUnavailable,  # crash_shutdown
    "57P03": ServerUnavailable,  # cannot_connect_now
    "57P04": ServerUnavailable,  # database_dropped
    "57P05": IdleTimeout,  # idle_session_timeout
}

BY_CLASS: dict[str, type[DatabaseFailure]] = {
    "08": ServerUnavailable,  # connection_exception
    "53": ServerExhausted,  # insufficient_resources: disk_full, out_of_memory, configuration_limit_exceeded
}
"""The errors of SQLSTATE classes (the first two characters), for states that are not listed above."""

STALE_PLAN = ("0A000", "RevalidateCachedQuery")
"""The SQLSTATE and source function of a plan whose result type has changed. The SQLSTATE alone is too general."""
