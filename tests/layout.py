"""The layout of the tables on which the run tests: plain, partitioned (``--partitioned``), or on a cluster.

With ``--routed``, one server gets the statements that a cluster gets.
"""

import os

import psycopg

import cluster
from skilltree.migrate.distributed import note_begun_trees, route
from skilltree.migrate.partition import partition

ASKED = "SKILLTREE_TEST_PARTITIONED"
ROUTED = "SKILLTREE_TEST_ROUTED"

CLUSTER = {"citus.propagate_set_commands": "local", "citus.version": "none"}
"""The settings by which a connection takes its server for one of a cluster."""


SHARD = r"_\d{6,}$"
"""What the name of a shard ends with, on a cluster."""

NO_SHARD = f"tgrelid::regclass::text !~ '{SHARD}'"


def lay_out(url: str) -> None:
    """Give a migrated database the layout that the run asks for."""
    if os.environ.get(ASKED):
        partition(url, parts=4)
    if os.environ.get(ROUTED):
        as_on_a_cluster(url)
        with psycopg.connect(url, autocommit=True) as connection:
            for setting, value in CLUSTER.items():
                connection.execute(f"alter role all set {setting} = '{value}'")


def kept_by_refusals(tables):
    """Return the tables that a refused action leaves as they are. On a cluster, it notes the tree as begun."""
    return [each for each in tables if each != "begun_trees" or not (os.environ.get(ROUTED) or cluster.URL)]


def as_on_a_cluster(url: str) -> None:
    """Give a server that is none of a cluster the functions that statements for a cluster call."""
    with psycopg.connect(url, autocommit=True) as connection:
        note_begun_trees(connection)
        route(connection)


_HERE = "datname = current_database() and wait_event_type"
_WAITING = f"select count(*) from pg_stat_activity where {_HERE} = 'Lock'"

HELD_UP = f"state = 'active' and {_HERE} " + ("in ('Lock', 'Extension')" if cluster.URL else "= 'Lock'")
"""Tells a session that waits for a lock. On a cluster, it may wait for another server, where it waits for the lock."""

LOCK_WAITERS = f"select sum(result::integer) from run_command_on_all_nodes($${_WAITING}$$)" if cluster.URL else _WAITING
"""How many sessions wait for a lock, on any server."""


def earlier(column: str, by: str = "%s::interval") -> str:
    """Return the expression of an earlier time. Its functions are immutable, as a cluster wants in an UPDATE."""
    return f"({column} at time zone 'UTC' - {by}) at time zone 'UTC'"
