"""A database on the Citus cluster that SKILLTREE_CITUS names: the URL of its coordinator."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from skilltree import distribute, migrate
from skilltree.errors import ConcurrentUpdate

URL = os.environ.get("SKILLTREE_CITUS")

REFUSALS = {"XX000", "42704"} if URL else set()
"""SQLSTATEs with which Citus refuses what it cannot plan: an internal error, the type of a view's row."""

DEADLOCKS = (ConcurrentUpdate,) if URL else ()
"""What may end a call that changes accounts or the catalogue beside others: Citus locks these tables as a whole."""

_ANOTHER = "known gap: with the id of a learner on another server, a draft is an error (docs/distributed.md)"
_BEGUN = "known gap: a deleted tree may stay begun (docs/distributed.md)"
_DEADLOCK = "Citus may end the other session"
_ONE = "about one server"
_SESSIONS = "counts sessions, of which Citus has its own"
_PLAN = "plan, buffers or catalogue of one server"
_SETTING = "a setting of the client's session, which reaches only the coordinator"
_ISOLATION = "Citus has only read committed"
_TURNS = "leaves two changes of the catalogue open at once, which a cluster makes in turn"

LEFT_OUT = {
    "test_audit.py::test_erasing_finds_all_entries_through_an_index": _PLAN,
    "test_audit.py::test_reading_a_history_stays_cheap_on_a_long_trail": _PLAN,
    "test_audit.py::test_the_history_of_an_activity_day_is_found_by_its_date": _SETTING,
    "test_database.py::test_a_caller_does_not_notice_that_the_server_closed_its_connection": _SESSIONS,
    "test_database.py::test_a_closed_database_can_be_opened_again": _SESSIONS,
    "test_database.py::test_a_closed_database_leaves_no_connection": _SESSIONS,
    "test_database.py::test_a_deadlock_in_a_unit_of_work_raises": _DEADLOCK,
    "test_database.py::test_a_statement_is_retried_after_a_deadlock_and_counted": _DEADLOCK,
    "test_database.py::test_a_wait_for_a_lock_that_takes_too_long_raises_lock_timeout": _SETTING,
    "test_database.py::test_many_callers_share_a_small_pool": _SESSIONS,
    "test_database.py::test_the_options_of_a_url_are_kept_beside_a_statement_timeout": _SETTING,
    "test_deleted.py::test_on_one_server_only_a_whole_erasure_removes_entries": _ONE,
    "test_doctor.py::test_a_learner_who_cannot_be_repaired_does_not_stop_other_repairs": "several commands at once",
    "test_drafts.py::test_an_unpublished_tree_is_hidden_from_other_learners": _ANOTHER,
    "test_erase.py::test_erasures_while_learners_work_cause_no_drift": "calls may end with ConcurrentUpdate",
    "test_fairness.py::test_waiting_callers_keep_waiting_while_the_server_has_too_many_clients": _SESSIONS,
    "test_graph.py::test_one_of_two_concurrent_halves_of_a_prerequisite_cycle_is_refused": _TURNS,
    "test_graph.py::test_one_of_two_halves_of_a_cycle_committed_at_the_same_time_is_refused": _TURNS,
    "test_graph.py::test_one_of_two_halves_of_a_parent_cycle_committed_at_the_same_time_is_refused": _TURNS,
    "test_graph.py::test_specification_fault_accepts_a_cycle_from_two_concurrent_transactions": _TURNS,
    "test_graph.py::test_two_concurrent_halves_of_a_prerequisite_cycle_are_not_both_accepted": _TURNS,
    "test_hostile.py": "copies each table beside it",
    "test_isolation.py::test_no_system_view_shows_another_learner": _PLAN,
    "test_policies.py::test_a_search_uses_its_index_under_row_level_security": _PLAN,
    "test_observer.py::test_a_retried_call_is_one_span_with_an_event_for_each_retry": _DEADLOCK,
    "test_own_repositories.py": "an application's tables are made by several commands at once",
    "test_progress_races.py::test_completions_while_two_authors_edit_their_tree_have_all_effects": _BEGUN,
    "test_progress_rules.py::test_the_window_for_late_reports_can_be_any_interval": _SETTING,
    "test_policies.py::test_a_learners_own_rows_are_found_through_an_index": _PLAN,
    "test_routed_twins.py::test_a_function_that_a_migration_words_otherwise_is_named": _ONE,
    "test_routed_twins.py::test_twins_return_and_write_the_same": _ONE,
    "test_routed_twins.py::test_without_a_function_of_this_version_the_files_themselves_are_sent": _ONE,
    "test_waiting_authors.py::test_the_doctor_reports_a_busy_tree_and_repairs_the_others": "a volatile function",
    "test_roles.py::test_a_serialization_failure_in_a_learners_call_is_retried": _ISOLATION,
}
"""Tests, or whole files, that say nothing on a cluster, or fail there for a known reason.

Those that only need one are marked.
"""


def left_out(node: str) -> str | None:
    """Return why a test is not run on a cluster, if it is not."""
    test = node.partition("[")[0].rpartition("/")[2]
    return LEFT_OUT.get(test) or LEFT_OUT.get(test.partition("::")[0])


@contextmanager
def database(name: str, *, distributed: bool = True) -> Iterator[str]:
    """Yield the URL of a migrated database of this name. All servers of the cluster get one."""
    assert URL is not None
    with psycopg.connect(URL, autocommit=True) as connection:
        nodes = connection.execute(
            "select nodename, nodeport from pg_dist_node where isactive and noderole = 'primary' order by groupid desc"
        ).fetchall()
    url = make_conninfo(URL, dbname=name)
    try:
        for host, port in nodes:
            _drop(make_conninfo(URL, host=host, port=port), name)
            with psycopg.connect(make_conninfo(URL, host=host, port=port), autocommit=True) as connection:
                connection.execute("set citus.enable_create_database_propagation = off")
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            with psycopg.connect(make_conninfo(url, host=host, port=port), autocommit=True) as connection:
                connection.execute("create extension citus")
        with psycopg.connect(url, autocommit=True) as connection:
            # Two for each of two workers, because each test deletes the rows of all of them.
            connection.execute(sql.SQL("alter database {} set citus.shard_count = 4").format(sql.Identifier(name)))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("select citus_set_coordinator_host(%s, %s)", nodes[-1])
            for node in nodes[:-1]:
                connection.execute("select citus_add_node(%s, %s)", node)
        migrate.migrate(url)
        if distributed:
            distribute.distribute(url)
        yield url
    finally:
        for host, port in nodes:
            _drop(make_conninfo(URL, host=host, port=port), name)


@contextmanager
def empty_database(name: str) -> Iterator[str]:
    """Yield the URL of an empty database of the coordinator alone."""
    assert URL is not None
    _drop(URL, name)
    with psycopg.connect(URL, autocommit=True) as connection:
        connection.execute("set citus.enable_create_database_propagation = off")
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    try:
        yield make_conninfo(URL, dbname=name)
    finally:
        _drop(URL, name)


def set_everywhere(url: str, setting: str, value: str) -> None:
    """Set a setting of the database on all servers. An empty value is the default."""
    with psycopg.connect(url, autocommit=True) as connection:
        command = sql.SQL("alter database {} set {} = {}").format(
            sql.Identifier(connection.info.dbname), sql.SQL(setting), value
        )
        if URL is None:
            connection.execute(command)
        else:
            connection.execute("select run_command_on_all_nodes(%s)", [command.as_string(connection)])


def _drop(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set citus.enable_create_database_propagation = off")
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
