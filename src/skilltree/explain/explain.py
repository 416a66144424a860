"""EXPLAIN of the query files. All their changes are rolled back."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, sql

from skilltree._core.queries import Query
from skilltree._core.session_settings import PINNED
from skilltree.errors import SkillTreeError
from skilltree.explain import plan
from skilltree.explain.samples import SampledStatement, has_plan, not_found, sampled, unsampled

_RUN = b"explain (analyze, buffers, settings, format json) "
_RUN_UNTIMED = b"explain (analyze, buffers, settings, timing off, format json) "
_PLAN = b"explain (format json) "
_LONG = 1.0
# The blocks that the statement and its triggers access, counted within the transaction.
_TOUCHED = """
select coalesce(sum(pg_stat_get_xact_blocks_fetched(pg_class.oid)), 0)
from pg_class
where pg_class.relnamespace in ('public'::regnamespace, 'pg_toast'::regnamespace)
"""
_SIZES = """
select relname, greatest(reltuples, 0)::bigint
from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
"""


class Explained(NamedTuple):
    """How a query ran: its plan as PostgreSQL reports it, and the shared buffers that it touched.

    ``buffers`` counts those of the statement, without planning. ``trigger_buffers`` counts those of foreign keys and
    triggers, deferred ones included. ``unknown`` lists the parameters whose samples found no row.
    """

    query: Query
    role: str
    params: Mapping[str, object]
    unknown: Sequence[str]
    json: plan.Json
    trigger_buffers: int

    @property
    def name(self) -> str:
        """Return the query's name."""
        return self.query.name

    @property
    def plan(self) -> plan.Json:
        """Return the top node of the plan."""
        top: plan.Json = self.json["Plan"]
        return top

    @property
    def buffers(self) -> int:
        """Return the buffers of the statement itself."""
        return plan.buffers(self.plan)

    @property
    def seconds(self) -> float:
        """Return the execution time in seconds."""
        return float(self.json["Execution Time"]) / 1000


def explain(
    connection: Connection[Any],
    query: Query,
    given: Mapping[str, str],
    *,
    custom: bool = False,
    timed: bool = True,
) -> Explained:
    """Run a query under EXPLAIN (ANALYZE, BUFFERS) with its samples, as the role it needs, and roll it back.

    It runs twice unless it takes longer than a second, and the second run counts, so that functions are compiled and
    catalogues cached as in a normal session. The plan is the generic one, as on a connection of the pool; with
    ``custom``, the one for these values. Without ``timed``, nodes have no times and the query runs faster. Raises
    NotFound, InvalidValue, and SkillTreeError for a command without a plan.
    """
    explained = _explain_once(connection, query, given, custom=custom, timed=timed)
    if explained.seconds > _LONG:
        return explained
    return _explain_once(connection, query, given, custom=custom, timed=timed)


def estimated(connection: Connection[Any], query: Query, given: Mapping[str, str]) -> tuple[str, plan.Json]:
    """Return the role and the top node of the generic plan of a query, without running it or what comes before it.

    So it also works for a statement that writes in a read-only session. Raises what ``explain`` raises.
    """
    with connection.transaction(force_rollback=True):
        *before, last = sampled(connection, query, given)
        if not has_plan(last.query):
            raise SkillTreeError(f"{query.name} is a command without a plan")
        for step in before:
            if step.query.name.startswith("roles/"):
                connection.execute(step.query.statement, step.params)
        role = _scalar(connection, "select current_user")
        (json,) = _scalar(connection, _PLAN + _prepared(connection, last, custom=False))
    return str(role), json["Plan"]


def looked_at(explained: Explained, sizes: Mapping[str, int]) -> list[str]:
    """Return what is remarkable in a plan, with the node that each remark is about."""
    return [f"{node.title}: {each}" for node in plan.nodes(explained.plan) for each in plan.findings(node, sizes)]


def table_sizes(connection: Connection[Any]) -> dict[str, int]:
    """Return the planner's estimate of the number of rows of each table."""
    return dict(connection.execute(_SIZES).fetchall())


def _explain_once(
    connection: Connection[Any], query: Query, given: Mapping[str, str], *, custom: bool, timed: bool
) -> Explained:
    with connection.transaction(force_rollback=True):
        *before, last = sampled(connection, query, given)
        if not has_plan(last.query):
            raise SkillTreeError(f"{query.name} is a command without a plan")
        try:
            for step in before:
                connection.execute(step.query.statement, step.params)
            role = _scalar(connection, "select current_user")
            statement = _prepared(connection, last, custom=custom)
            _, planning = _touched(connection, _PLAN + statement)
            json, touched = _touched(connection, (_RUN if timed else _RUN_UNTIMED) + statement)
        except psycopg.Error as error:
            if empty := [*not_found(last), *(name for name in unsampled(query) if name not in given)]:
                error.add_note(f"no sample was found for {', '.join(empty)}: write one (@sample), or give --set")
            raise
        triggered = 0
        if plan.writes(json["Plan"]):
            # Planning also reads the tables, unless the plan is cached already.
            triggered = touched - plan.buffers(json["Plan"]) - (planning if custom else 0)
    unknown = [] if given else not_found(last)
    return Explained(query, str(role), last.params, unknown, json, max(triggered, 0))


def _touched(connection: Connection[Any], explain: bytes) -> tuple[plan.Json, int]:
    """Return the output of EXPLAIN, and the buffers of tables and indexes it touched, deferred triggers included."""
    before = _scalar(connection, _TOUCHED)
    (json,) = _scalar(connection, explain)
    connection.execute("set constraints all immediate")
    return json, int(_scalar(connection, _TOUCHED) - before)


def _prepared(connection: Connection[Any], step: SampledStatement, *, custom: bool) -> bytes:
    """Prepare the statement, and return how to execute it: with a plan for these values, or with the one for all."""
    mode = "force_custom_plan" if custom else PINNED["plan_cache_mode"]
    connection.execute("select set_config('plan_cache_mode', %s, true)", (mode,))
    connection.execute("deallocate all")
    connection.execute(b"prepare explained as " + step.query.numbered)
    values = sql.SQL(", ").join(map(sql.Literal, step.query.values(step.params)))
    execute = sql.SQL("execute explained ({})" if step.query.parameters else "execute explained").format(values)
    return execute.as_bytes(connection)


def _scalar(connection: Connection[Any], statement: Any) -> Any:
    row = connection.execute(statement).fetchone()
    return row[0] if row else None
