"""The rules of the gate for Citus: what happens there, and what to write instead.

docs/distributed.md lists them, and says which were tried on a cluster.
"""

from dataclasses import dataclass

from skilltree.gate.report import Finding


@dataclass(frozen=True)
class Rule:
    """What happens on Citus, as the end of a sentence, and what to write instead."""

    happens: str
    instead: str


RULES = {
    # One learner, one server.
    "learner_not_given": Rule(
        "is not tied to the learner's parameter in its own query, so that Citus asks every server",
        "add user_id = %(user_id)s there, or a join on the user_id of a table that has it; a CTE does not pass it on."
        ' If the statement is about many learners, add "-- @across why" to the header',
    ),
    "learner_in_sub_select": Rule(
        "is compared with a sub-select that holds the learner, so that Citus asks every server",
        "compare with the parameter itself, %(user_id)s",
    ),
    "outer_join_not_on_learner": Rule(
        "is joined on something other than the learner's parameter, from which Citus does not know the server",
        "add user_id = %(user_id)s to its ON",
    ),
    "outer_join_on_parameter": Rule(
        "is joined by an outer join whose ON has another parameter; if that is null, Citus forgets whose rows it reads,"
        " and the server crashes",
        "compare with a column of another table, or with (select %(parameter)s)",
    ),
    "learner_changed": Rule(
        "gets another learner, which Citus refuses: the row would have to move to another server",
        "delete the row, and insert another one",
    ),
    # Many learners.
    "join_not_on_learner": Rule(
        "is not joined to the other learners' tables on user_id, which Citus refuses",
        "add an equality of both user_id",
    ),
    "correlated_not_on_learner": Rule(
        "is in a sub-select that refers to a query around it, but not by the user_id of a learners' table there, which"
        " Citus refuses",
        "join it, or compute it before, grouped by user_id",
    ),
    "recursion_over_learners": Rule(
        "is read for many learners beside a recursive CTE, which Citus refuses",
        "put WITH RECURSIVE into a sub-select of its own that reads only the catalogue",
    ),
    "grouping_sets": Rule(
        "has grouping sets over many learners, which Citus refuses", "group in a materialized CTE, and combine it after"
    ),
    "values_not_immutable": Rule(
        "is no immutable function, and stands in VALUES of a query over many learners, which Citus refuses",
        "compute it in a sub-select, or use unnest",
    ),
    # Locks.
    "advisory_lock_beside_table": Rule(
        "takes an advisory lock on the server of the rows, so that it excludes nobody elsewhere",
        "call it where only parameters, materialized CTEs and temporary tables are read",
    ),
    "row_lock_across_learners": Rule(
        "is locked (FOR UPDATE, FOR SHARE) for many learners, which Citus refuses",
        "repeat the condition in the UPDATE, or lock one learner's rows, with the parameter",
    ),
    "row_lock_beside_result": Rule(
        "locks rows (FOR UPDATE, FOR SHARE) and reads another CTE, whose result Citus then misreads: invalid input"
        ' syntax, "PGCOPY"',
        "read the other CTE as an array: id = any(array(select …))",
    ),
    "locked_result_in_sub_select": Rule(
        "locks rows of a table with copies (FOR UPDATE, FOR SHARE), and a query without tables reads its result in a"
        " sub-select, where Citus finds no rows and only warns",
        "read it once, in FROM: as an array, from (select array_agg(id) as ids from …)",
    ),
    "read_after_change": Rule(
        "is read after another CTE has changed it, because Citus runs this statement part by part: the rows are the"
        " changed ones, not those of before",
        "read them in a materialized CTE that stands before the change",
    ),
    "table_lock": Rule(
        "is locked as a whole by LOCK TABLE: for all learners, on all servers",
        "take an advisory lock by a function, where no table is read",
    ),
    # Modifications.
    "merge": Rule("is changed by MERGE, which Citus refuses", "write INSERT … ON CONFLICT, or UPDATE and INSERT"),
    "view_changed": Rule("is a view, which Citus does not change", "change the table"),
    "volatile_in_update": Rule(
        "is volatile and stands in an UPDATE or DELETE, which Citus refuses",
        "compute it in a materialized CTE or before, and use the value",
    ),
    "stable_on_columns": Rule(
        "is not known as immutable and takes a column in an UPDATE or DELETE, which Citus refuses",
        "compute it in a materialized CTE",
    ),
    "choice_not_immutable": Rule(
        "is not known as immutable and stands in CASE or COALESCE of a modification, which Citus refuses",
        "compute it in a materialized CTE",
    ),
    "returning_not_immutable": Rule(
        "is not known as immutable and stands in RETURNING, which Citus refuses", "compute it in a CTE around it"
    ),
    "conflict_not_immutable": Rule(
        "is not known as immutable and stands in ON CONFLICT, which Citus refuses",
        "insert the value, and write excluded.…",
    ),
    "values_with_sub_select": Rule("stands in VALUES of an INSERT, which Citus refuses", "write INSERT … SELECT"),
    "copies_from_learners": Rule(
        "is read where a table is changed of which each server has a copy, which Citus refuses",
        "read it in a statement of its own, and pass the result as a parameter",
    ),
    "insert_from_itself": Rule(
        "is inserted into from itself with RETURNING, which Citus sends wrongly: missing FROM-clause entry",
        "read it in a materialized CTE",
    ),
    "updated_at_not_set": Rule(
        "is updated without updated_at, which the trigger sets to another time on each server",
        "set updated_at = now(), or excluded.updated_at after ON CONFLICT",
    ),
    "row_as_argument": Rule(
        "takes the row of a table, of whose type the other servers have no such function",
        "pass columns, or to_jsonb(table)",
    ),
    "time_of_another_server": Rule(
        "is compared for equality with the current time, which in a read is that of the row's server, and in a"
        " modification that of the coordinator",
        "write the time from a CTE that selects now(), and compare with now() of such a CTE",
    ),
    # Sessions and messages.
    "role_by_set": Rule(
        "changes the role by SET, which Citus passes on, but connections to other servers are made as that role",
        "call set_config('role', …, true) in a function",
    ),
    "setting_by_function": Rule(
        "sets the learner or actor by set_config, which Citus does not send to the other servers",
        "run SET LOCAL by EXECUTE in a PL/pgSQL function",
    ),
    "several_statements": Rule(
        "holds several statements, which Citus refuses in one message", "keep one statement in a file"
    ),
    # The schema.
    "table_without_place": Rule(
        "has no place in the layout, so that queries that join it are refused",
        "add it to skilltree/distribute/layout.py",
    ),
    "key_without_learner": Rule(
        "does not have the learner's column, so that no server alone can keep it unique", "add the learner's column"
    ),
    "copy_refers_to_learner": Rule(
        "refers from a table of which each server has a copy to a learner's table, which Citus refuses",
        "leave the foreign key out, or give the table the learner's column",
    ),
    "reference_without_learner": Rule(
        "refers to a learner's row by other columns than the learner's, which Citus refuses",
        "refer by the learner's column and the others",
    ),
    "column_with_constraint": Rule(
        "is altered by ADD CONSTRAINT together with other changes, which Citus refuses",
        "write a statement for each change",
    ),
    "policy_with_sub_select": Rule(
        "has a sub-select, with which Citus cannot plan modifications",
        "compare with nullif(current_setting('app.current_user_id', true), '')::uuid",
    ),
    "sql_function_with_parameters": Rule(
        "is an SQL function with parameters that uses a table, which Citus cannot plan", "write it in PL/pgSQL"
    ),
    "table_name_in_trigger": Rule(
        "reads TG_TABLE_NAME or the like, which is the name of a shard", "pass the name as an argument of the trigger"
    ),
    "function_asks_learners": Rule(
        "is called by a view and reads learners' tables, which Citus refuses on the server of a learner",
        "name it in ASKING of migrate/distributed.py if it reads rows of the same learner only, else join the table",
    ),
    "trigger_of_copy_writes": Rule(
        "writes rows in a trigger of a table of which each server has a copy, so that each server writes them",
        "write them in the query file, and let the trigger verify",
    ),
    "trigger_writes_copies": Rule(
        "is written by a trigger of a learner's table, but each server has a copy of it, which a shard cannot change",
        "write it in the query file",
    ),
    "insert_from_transition_table": Rule(
        "inserts from a transition table, which Citus does not find: could not find named tuplestore",
        "loop over the transition table, and insert with VALUES",
    ),
    "row_lock_in_trigger": Rule(
        "locks rows in a trigger, which are only those of one shard or copy", "take an advisory lock"
    ),
    "sequence_without_column": Rule(
        "is used by a function, but is the default of no column, so that the other servers do not have it",
        "make it part of a column's default",
    ),
}


def finding(rule: str, path: str, line: int, what: str) -> Finding:
    """Return a finding, whose field is the name of the rule."""
    return Finding(path, line, rule, f"{what} {RULES[rule].happens}", RULES[rule].instead)
