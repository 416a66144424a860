"""The layout of the tables on which the run tests: plain, partitioned (``--partitioned``), or on a cluster."""

import os

import cluster
from skilltree.migrate.partition import partition

ASKED = "SKILLTREE_TEST_PARTITIONED"


SHARD = r"_\d{6,}$"
"""What the name of a shard ends with, on a cluster."""

NO_SHARD = f"tgrelid::regclass::text !~ '{SHARD}'"


def lay_out(url: str) -> None:
    """Give a migrated database the layout that the run asks for."""
    if os.environ.get(ASKED):
        partition(url, parts=4)


_WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"

LOCK_WAITERS = f"select sum(result::integer) from run_command_on_all_nodes($${_WAITING}$$)" if cluster.URL else _WAITING
"""How many sessions wait for a lock, on any server."""


def earlier(column: str, by: str = "%s::interval") -> str:
    """Return the expression of an earlier time. Its functions are immutable, as a cluster wants in an UPDATE."""
    return f"({column} at time zone 'UTC' - {by}) at time zone 'UTC'"
