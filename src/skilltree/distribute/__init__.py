"""Turns a database into a distributed one (Citus), and back: all in one transaction, so that an interruption undoes it.

Catalogue and accounts become reference tables, of which each server has a copy. The tables of learners are spread over
the servers by the learner. While it runs, nobody else can use the tables.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from skilltree import migrate
from skilltree._core.driver_errors import translated
from skilltree._core.queries import load
from skilltree.distribute.layout import OF_LEARNERS, ON_COORDINATOR, ROLES, SETTINGS, SHARED
from skilltree.errors import SkillTreeError, UnfitDatabase
from skilltree.migrate.connection import pin, refuse_unwritable
from skilltree.migrate.distributed import ASKING, AUDITED, adjust, fit_functions, reword
from skilltree.migrate.partition import partitioned

__all__ = ["Distributed", "Step", "distribute", "plan", "undistribute"]

Connection = psycopg.Connection[Any]
Tell = Callable[[str, int, int], None]

_PLACES = {
    **dict.fromkeys(SHARED, "a copy on each server"),
    **dict.fromkeys(ON_COORDINATOR, "the coordinator"),
    **{name: f"spread by {column}" for name, column in OF_LEARNERS.items()},
}
_ALL = tuple(_PLACES)


class Distributed(SkillTreeError):
    """The database is already distributed, or it is not, or in another way than this version does it."""


@dataclass(frozen=True)
class Step:
    """What becomes of a table: where it goes, how many rows it has (an estimate), and their bytes with indexes."""

    table: str
    place: str
    rows: int
    bytes: int


def plan(url: str, *, back: bool = False) -> list[Step]:
    """Return what ``distribute`` would do, or ``undistribute`` with ``back``. Raises as they do. Writes nothing."""
    with _connected(url) as connection:
        _require(connection, url, back=back)
        found = {row["table_name"]: row for row in _rows(connection, "rows", tables=[*_ALL])}
    return [
        Step(name, "one server" if back else _PLACES[name], found[name]["row_count"], found[name]["bytes"])
        for name in _ALL
    ]


def distribute(url: str, *, lock_timeout: float = 5.0, tell: Tell = lambda table, done, total: None) -> list[Step]:
    """Distribute the database of a coordinator, in one transaction, and return what was done.

    Then ends the other sessions of the database, because a session that began before does not tell the other servers
    for which learner it works. Pools connect again by themselves.

    ``tell`` is called with each table, and how many are done. Raises UnfitDatabase without Citus, on a worker, without
    workers, with pending migrations, or for a role that is no superuser; Distributed if tables are distributed already;
    and LockTimeout if another session uses a table for longer than ``lock_timeout`` seconds.
    """
    steps = plan(url)
    with _connected(url) as connection, translated(), connection.transaction():
        _begin(connection, lock_timeout)
        grants = [row["statement"] for row in _rows(connection, "view_grants")]
        adjust(connection)
        with _without_followers(connection):
            for number, name in enumerate(SHARED):
                tell(name, number, len(_ALL))
                connection.execute("select create_reference_table(%s::regclass)", [name])
            for number, name in enumerate(ON_COORDINATOR, len(SHARED)):
                tell(name, number, len(_ALL))
                connection.execute("select citus_add_local_table_to_metadata(%s::regclass)", [name])
            for number, (name, column) in enumerate(OF_LEARNERS.items(), len(SHARED) + len(ON_COORDINATOR)):
                tell(name, number, len(_ALL))
                first = next(iter(OF_LEARNERS))
                connection.execute(
                    "select create_distributed_table(%s::regclass, %s, colocate_with => %s)",
                    [name, column, "default" if name == first else first],
                )
        fit_functions(connection)
        _run(connection, [*grants, *_set_up(connection)])
    with _connected(url) as connection:
        _rows(connection, "end_sessions")
    tell("", len(_ALL), len(_ALL))
    return steps


def undistribute(url: str, *, lock_timeout: float = 5.0, tell: Tell = lambda table, done, total: None) -> list[Step]:
    """Bring all rows back to the coordinator, in one transaction, and return what was done.

    Also gives a restored dump of a cluster the schema of one server. Then ends the other sessions of the database, as
    ``distribute`` does: they send what a cluster gets. The roles may still log in, because other databases of the
    cluster may need that. Raises as ``distribute``, but needs no workers, and Distributed if the database is not.
    """
    steps = plan(url, back=True)
    with _connected(url) as connection, translated(), connection.transaction():
        _begin(connection, lock_timeout)
        grants = [row["statement"] for row in _rows(connection, "view_grants")]
        with _without_followers(connection):
            done = 0
            while left := _distributed(connection):
                name = next(each for each in reversed(_ALL) if each in left)
                tell(name, done, len(_ALL))
                connection.execute("select undistribute_table(%s::regclass, cascade_via_foreign_keys => true)", [name])
                done = len(_ALL) - len(_distributed(connection))
        _readjust(connection)
        _run(connection, [*grants, *(f"alter database {{}} reset {setting}" for setting in SETTINGS)])
    with _connected(url) as connection:
        _rows(connection, "end_sessions")
    tell("", len(_ALL), len(_ALL))
    return steps


def _readjust(connection: Connection) -> None:
    for function in ASKING:
        connection.execute(f"alter function {function} reset citus.allow_nested_distributed_execution")
    connection.execute(
        "delete from begun_trees where not exists (select from skill_trees where id = begun_trees.skill_tree_id)"
    )
    connection.execute(
        "alter table begun_trees add constraint begun_trees_skill_tree_id_fkey"
        " foreign key (skill_tree_id) references skill_trees (id) on delete cascade"
    )
    for table in AUDITED:
        connection.execute("call share_trail(%s, false)", [table])
    reword(connection, back=True)
    for row in _rows(connection, "routed_functions"):
        connection.execute(f"drop function {row['function_name']}")


def _rows(connection: Connection, name: str, **params: object) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load(f"distribute/{name}"), params or None).fetchall()


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    with (
        translated(),
        psycopg.connect(
            url, autocommit=True, client_encoding="utf8", application_name="skilltree distribute"
        ) as connection,
    ):
        # Citus reports what it copies, and that workers get a function only with its table, as notices.
        connection.execute("set client_min_messages = error")
        pin(connection)
        yield connection


def _require(connection: Connection, url: str, *, back: bool) -> None:
    """Raise UnfitDatabase or Distributed unless the database can be distributed, or brought back."""
    refuse_unwritable(connection)
    [cluster] = _rows(connection, "cluster")
    if not cluster["has_citus"]:
        raise UnfitDatabase(
            "the extension citus is not in this database: install it on all servers, run `create extension citus`, and"
            " add the workers with citus_add_node"
        )
    if not cluster["is_superuser"]:
        raise UnfitDatabase("Citus lets only a superuser distribute tables with triggers: connect as one")
    [nodes] = _rows(connection, "nodes")
    if not nodes["is_coordinator"]:
        raise UnfitDatabase("this server is a worker: connect to the coordinator")
    found = _distributed(connection)
    if not back and not found and cluster["is_adjusted"]:
        raise Distributed(
            "the schema is that of a cluster, but no table is distributed, as after the restore of a dump: run"
            " `skilltree undistribute` first"
        )
    if not back and not nodes["knows_coordinator"]:
        raise UnfitDatabase("the coordinator is not one of its nodes: run select citus_set_coordinator_host(…)")
    if not back and not nodes["workers"]:
        raise UnfitDatabase("the cluster has no active worker: add one with select citus_add_node(…)")
    if pending := [each.id for each in migrate.status(url) if each.applied_at is None or each.problem]:
        raise UnfitDatabase(f"migration {pending[0]} is pending, edited or deleted: run `skilltree migrate` first")
    if not back and (names := partitioned(url)):
        raise UnfitDatabase(f"{', '.join(names)} have partitions: run `skilltree partition --undo` first")
    if back and not found and not cluster["is_adjusted"]:
        raise Distributed("the database is not distributed")
    if not back and found == _PLACES:
        raise Distributed("the database is already distributed. Nothing was done")
    if not back and found:
        raise Distributed(
            f"{', '.join(sorted(found))} {'is' if len(found) == 1 else 'are'} distributed already, in another way:"
            " run `skilltree undistribute` first"
        )


def _distributed(connection: Connection) -> dict[str, str]:
    """Return our tables that are distributed, and where they are."""
    return {row["table_name"]: _place(row) for row in _rows(connection, "tables") if row["table_name"] in _ALL}


def _place(row: dict[str, Any]) -> str:
    if row["column_name"] is not None:
        return f"spread by {row['column_name']}"
    return "a copy on each server" if row["has_copies"] else "the coordinator"


def _begin(connection: Connection, lock_timeout: float) -> None:
    connection.execute("select set_config('lock_timeout', %s, true)", [f"{round(lock_timeout * 1000)}ms"])
    for setting, value in SETTINGS.items():
        connection.execute("select set_config(%s, %s, true)", [setting, value])
    # As one step, so that nobody writes between two of them, and no two sessions wait for each other.
    connection.execute(
        sql.SQL("lock table {} in access exclusive mode").format(sql.SQL(", ").join(map(sql.Identifier, _ALL)))
    )


@contextmanager
def _without_followers(connection: Connection) -> Iterator[None]:
    """Drop for a block what cannot move with a table. Rows that are copied would fire the triggers."""
    functions = _rows(connection, "row_functions")
    for each in functions:
        connection.execute(each["drop_statement"].encode())
    triggers = _rows(connection, "triggers", tables=[*_ALL])
    for each in triggers:
        connection.execute(
            sql.SQL("drop trigger {} on {}").format(
                sql.Identifier(each["trigger_name"]), sql.Identifier(each["table_name"])
            )
        )
    yield
    for each in triggers:
        connection.execute(each["definition"].encode())
    for each in functions:
        for statement in (each["definition"], each["revocation"], *each["grants"]):
            connection.execute(statement.encode())


def _set_up(connection: Connection) -> list[str]:
    roles = connection.execute(
        "select rolname::text as name from pg_roles where rolname = any(%s) and not rolcanlogin order by 1", [[*ROLES]]
    )
    return [
        *(f"alter role {name} login" for (name,) in roles),
        *(f"alter database {{}} set {setting} = '{value}'" for setting, value in SETTINGS.items()),
    ]


def _run(connection: Connection, statements: list[str]) -> None:
    database = sql.Identifier(connection.info.dbname)
    for statement in statements:
        connection.execute(sql.SQL(statement).format(database))
