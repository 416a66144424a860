"""EXPLAIN of the query files. What they do is taken back."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from psycopg import Connection, sql

from skilltree._core.session_settings import PINNED
from skilltree.errors import SkillTreeError
from skilltree.explain import plan
from skilltree.explain.samples import SampledStatement, has_plan, not_found, sampled

_RUN = b"explain (analyze, buffers, settings, format json) "
_RUN_UNTIMED = b"explain (analyze, buffers, settings, timing off, format json) "
_PLAN = b"explain (format json) "
_LONG = 1.0
# What the statement and its triggers read and write, while one transaction counts on.
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
    """How a query ran: its plan as PostgreSQL tells it, and the shared buffers it touched.

    ``buffers`` are those of the statement, without planning; ``trigger_buffers`` those of foreign keys and triggers,
    also of the ones deferred to the end of the transaction. ``unknown`` are the parameters whose samples found nothing.
    """

    name: str
    role: str
    params: Mapping[str, object]
    unknown: Sequence[str]
    json: plan.Json
    trigger_buffers: int

    @property
    def plan(self) -> plan.Json:
        """Return the top node."""
        top: plan.Json = self.json["Plan"]
        return top

    @property
    def buffers(self) -> int:
        """Return the buffers of the statement itself."""
        return plan.buffers(self.plan)

    @property
    def seconds(self) -> float:
        """Return how long it ran."""
        return float(self.json["Execution Time"]) / 1000


def explain(
    connection: Connection[Any],
    name: str,
    given: Mapping[str, str],
    *,
    custom: bool = False,
    timed: bool = True,
) -> Explained:
    """Run a query under EXPLAIN (ANALYZE, BUFFERS) as the role it needs, with its samples, and take it back.

    It runs twice, unless it takes longer than a second, and the second run counts: as in a session that has compiled
    the functions and read the catalogues. The plan is the generic one, as on a connection of the pool; ``custom`` shows
    the one for these values. Not ``timed`` has no times of single nodes, and runs faster. Raises NotFound,
    InvalidValue, and SkillTreeError for a command without a plan.
    """
    explained = _explain_once(connection, name, given, custom=custom, timed=timed)
    if explained.seconds > _LONG:
        return explained
    return _explain_once(connection, name, given, custom=custom, timed=timed)


def looked_at(explained: Explained, sizes: Mapping[str, int]) -> list[str]:
    """Return what is worth a look in a plan, each with the node it is about."""
    return [f"{node.title}: {each}" for node in plan.nodes(explained.plan) for each in plan.findings(node, sizes)]


def table_sizes(connection: Connection[Any]) -> dict[str, int]:
    """Return how many rows the tables have, as the planner thinks."""
    return dict(connection.execute(_SIZES).fetchall())


def _explain_once(
    connection: Connection[Any], name: str, given: Mapping[str, str], *, custom: bool, timed: bool
) -> Explained:
    with connection.transaction(force_rollback=True):
        *before, last = sampled(connection, name, given)
        if not has_plan(last.query):
            raise SkillTreeError(f"{name} is a command that has no plan")
        for step in before:
            connection.execute(step.query.statement, step.params)
        role = _scalar(connection, "select current_user")
        statement = _prepared(connection, last, custom=custom)
        _, planning = _touched(connection, _PLAN + statement)
        json, touched = _touched(connection, (_RUN if timed else _RUN_UNTIMED) + statement)
        triggered = 0
        if plan.writes(json["Plan"]):
            # Planning reads the tables, too, unless the plan is there already.
            triggered = touched - plan.buffers(json["Plan"]) - (planning if custom else 0)
    unknown = [] if given else not_found(last)
    return Explained(name, str(role), last.params, unknown, json, max(triggered, 0))


def _touched(connection: Connection[Any], explain: bytes) -> tuple[plan.Json, int]:
    """Return what EXPLAIN tells, and how many buffers of tables and indexes were touched, by deferred triggers too."""
    before = _scalar(connection, _TOUCHED)
    (json,) = _scalar(connection, explain)
    connection.execute("set constraints all immediate")
    return json, int(_scalar(connection, _TOUCHED) - before)


def _prepared(connection: Connection[Any], step: SampledStatement, *, custom: bool) -> bytes:
    """Prepare the statement, and return what executes it: with a plan for these values, or with that for all."""
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
