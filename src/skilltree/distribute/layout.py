"""Where each table is on a distributed server."""

SHARED = (
    "skill_categories",
    "skill_trees",
    "skills",
    "achievements",
    "levels",
    "users",
    "achievement_backfills",
    "user_tokens",
)
"""Reference tables: each server has a copy. Tables that others refer to come first."""

ON_COORDINATOR = ("login_attempts", "leaderboard_counts", "begun_trees")
"""Tables that only the coordinator has, because many sessions write to them at once. A change of copies locks the whole
table until the commit: learners would wait for each other, and log-ins would deadlock."""

OF_LEARNERS = {
    "user_profiles": "user_id",
    "user_skill_tree_progress": "user_id",
    "user_skill_progress": "user_id",
    "user_achievements": "user_id",
    "user_sessions": "user_id",
    "user_activity_days": "user_id",
    "xp_events": "user_id",
    "user_scores": "user_id",
    "audit_log": "subject_id",
}
"""Distributed tables, and the column that says on which server a row is. All rows of a learner are on one server."""

ROLES = ("app_user", "app_engine", "app_service")
"""The coordinator connects to the workers as the current role, so that these must be allowed to log in."""

SETTINGS = {
    # What SET LOCAL sets is passed on to the workers: the learner, the actor, the timeouts.
    "citus.propagate_set_commands": "local",
    # Citus knows no trigger on a table of its own to be safe. Ours touch rows of the same learner only.
    "citus.enable_unsafe_triggers": "on",
    # One connection to each worker, so that a statement sees what others of its transaction have written.
    "citus.multi_shard_modify_mode": "sequential",
    # The application sets it for its own sessions, not for those between the servers. Compiling took 0.5 s a statement.
    "jit": "off",
}
"""Settings of the database."""

LOCAL = ("shared_audit_log",)
"""Tables of the coordinator, which the other servers have, too, but empty."""
