"""The work of partitioning one table by learner; ``partition`` does it for several."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, LiteralString

from psycopg import sql

from skilltree._core.queries import load
from skilltree.errors import SkillTreeError
from skilltree.migrate.partition_transactions import (
    OLD,
    WORK,
    Connection,
    await_older_transactions,
    discard,
    made,
    retried,
)

Tell = Callable[[str, str, int, int], None]
"""Called with a table, the step, how many rows are done, and about how many there are."""

_BATCH_SECONDS = 0.1
"""How long a batch should take. A client that changes a row of the batch waits for its end."""
_LEAST, _MOST = 100, 20000
_FURTHER_LOCK = sql.Literal("100ms")
"""How long the swap waits for its second and later locks. With the first, clients would find a deadlock after 1 s."""


class CopyDiffers(SkillTreeError):
    """The partitioned copy does not have the table's rows, so it does not take its place."""


@dataclass(frozen=True)
class Table:
    """A table, its size in bytes and its approximate rows, and the reasons why it cannot be partitioned."""

    name: str
    is_partitioned: bool
    rows: int
    bytes: int
    obstacles: tuple[str, ...]
    columns: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Converted:
    """A table that was converted: its rows, and the seconds of the whole work and of the exclusive lock."""

    name: str
    rows: int
    seconds: float
    locked_seconds: float
    attempts: int


class Work:
    """The work on one table. Without ``parts``, a partitioned table becomes a plain one again."""

    def __init__(self, connection: Connection, table: Table, parts: int, attempts: int, tell: Tell) -> None:
        self._connection, self._table, self._parts, self._attempts = connection, table, parts, attempts
        self._tell = tell
        self._names = {
            "work": sql.Identifier(WORK),
            "old_schema": sql.Identifier(OLD),
            "table": sql.Identifier("public", table.name),
            "copy": sql.Identifier(WORK, table.name),
            "mirror": sql.Identifier(WORK, f"mirror_{table.name}"),
            "columns": sql.SQL(", ").join(map(sql.Identifier, table.columns)),
            "name": sql.Literal(table.name),
        }

    def run(self) -> Converted:
        """Do what is left to do."""
        begun = time.monotonic()
        if not self._is_mirrored():
            self._prepare()
        self._copy()
        self._analyze()
        await_older_transactions(self._connection, partial(self._tell, self._table.name, "wait for transactions"))
        rows = self._verify()
        seconds, attempts = retried(self._connection, self._attempts, self._swap, vacuumed=self._place)
        discard(self._connection, OLD, self._attempts)
        return Converted(self._table.name, rows, time.monotonic() - begun, seconds, attempts)

    def _run(self, text: LiteralString, params: Mapping[str, object] | None = None, /, **more: sql.Composable) -> Any:
        return self._connection.execute(made(text, **self._names, **more), params)

    def _is_mirrored(self) -> bool:
        row = self._run(
            "select exists (select from pg_trigger where tgrelid = {regclass}::regclass"
            " and tgname = 'skilltree_partition_mirror') as is_there",
            regclass=sql.Literal(self._place),
        ).fetchone()
        return bool(row["is_there"])

    def _is_copy_there(self) -> bool:
        row = self._run("select to_regclass({copy_name}) is not null as is_there", copy_name=self._copy_name).fetchone()
        if not row["is_there"]:
            return False
        if self._run("select exists (select from {copy}) as has_rows").fetchone()["has_rows"]:
            raise CopyDiffers(
                f"the copy of {self._table.name} has not followed the table: run `skilltree partition --abandon`, then"
                " start again. The table itself is unchanged"
            )
        return True

    @property
    def _place(self) -> str:
        return f"public.{self._table.name}"

    @property
    def _copy_name(self) -> sql.Literal:
        return sql.Literal(f"{WORK}.{self._table.name}")

    def _definitions(self, phase: str) -> list[str]:
        return [row["statement"] for row in self._definition_rows(phase)]

    def _definition_rows(self, phase: str) -> list[dict[str, Any]]:
        rows = self._connection.execute(load("partition/definitions"), {"name": self._table.name}).fetchall()
        return [row for row in rows if row["phase"] == phase]

    def _execute(self, statements: list[str]) -> None:
        for statement in statements:
            self._connection.execute(statement.encode())

    def _prepare(self) -> None:
        """Create the empty copy, and the trigger that writes every change to both."""
        if not self._is_copy_there():
            retried(self._connection, self._attempts, self._create)
        for row in self._definition_rows("reference"):
            work = partial(self._execute, [row["statement"]])
            retried(self._connection, self._attempts, work, vacuumed=row["locked_table"])
        retried(self._connection, self._attempts, self._mirror, vacuumed=self._place)

    def _create(self) -> None:
        self._run("create schema if not exists {work}")
        self._run("create table if not exists {work}.copied (table_name text primary key, up_to uuid)")
        layout = sql.SQL(" partition by hash (user_id)" if self._parts else "")
        self._run("create table {copy} (like {table} including all excluding indexes){layout}", layout=layout)
        for number, name in enumerate(self._partitions()):
            partition_ = {"partition": sql.Identifier(WORK, name), "policy": sql.Identifier(f"{name}_owner")}
            place = {"modulus": sql.Literal(self._parts), "remainder": sql.Literal(number)}
            self._run(
                "create table {partition} partition of {copy}"
                " for values with (modulus {modulus}, remainder {remainder})",
                **partition_,
                **place,
            )
            # Nobody is granted anything on a partition: it is used through its table.
            self._run("alter table {partition} enable row level security, force row level security", **partition_)
            self._run(
                "create policy {policy} on {partition} to current_user using (true) with check (true)", **partition_
            )
        self._run("alter table {copy} enable row level security, force row level security")
        self._execute(self._definitions("copy"))
        self._execute(self._definitions("rename"))

    def _mirror(self) -> None:
        keys = sql.SQL(" and ").join(made("copied.{0} = old.{0}", sql.Identifier(key)) for key in self._table.keys)
        old, new = (
            sql.SQL(", ").join(made("{}.{}", sql.SQL(row), sql.Identifier(column)) for column in self._table.columns)
            for row in ("old", "new")
        )
        self._run(
            """
            create function {mirror}() returns trigger
            language plpgsql security definer
            set search_path = pg_catalog, public, pg_temp
            set row_security = on
            as $body$
            begin
                if tg_op <> 'INSERT' then
                    delete from {copy} as copied where {keys};
                    -- At these levels, a row that was copied after the snapshot cannot be seen. The insert finds it,
                    -- and fails with serialization_failure, so that the client tries again.
                    if
                        not found
                        and current_setting('transaction_isolation') in ('repeatable read', 'serializable')
                    then
                        insert into {copy} ({columns}) values ({old}) on conflict do nothing;
                        delete from {copy} as copied where {keys};
                    end if;
                end if;
                if tg_op <> 'DELETE' then
                    insert into {copy} ({columns}) values ({new});
                end if;
                return null;
            end
            $body$
            """,
            keys=keys,
            old=old,
            new=new,
        )
        self._run("revoke all on function {mirror}() from public")
        self._run(
            "create trigger skilltree_partition_mirror after insert or update or delete on {table}"
            " for each row execute function {mirror}()"
        )
        # Also for sessions in which triggers are off, as those that load data or replicate.
        self._run("alter table {table} enable always trigger skilltree_partition_mirror")
        self._run(
            "insert into {work}.copied (table_name) values ({name}) on conflict (table_name) do update set up_to = null"
        )

    def _partitions(self) -> list[str]:
        return [f"{self._table.name}_p{number:02}" for number in range(self._parts)]

    def _bound(self, above: object, limit: int) -> tuple[object, int]:
        """Return the last learner of the next batch, and its approximate rows."""
        row = self._run(
            """
            select (array_agg(batch.user_id order by batch.user_id desc))[1] as bound, count(*) as rows
            from (
                select user_id from {table}
                where %(above)s::uuid is null or user_id > %(above)s::uuid
                order by user_id
                limit %(limit)s
            ) as batch
            """,
            {"above": above, "limit": limit},
        ).fetchone()
        return row["bound"], row["rows"]

    def _ranges(self, above: object, step: str) -> Iterator[tuple[object, object]]:
        limit, done = 1000, 0
        while True:
            bound, rows = self._bound(above, limit)
            if bound is None:
                break
            begun = time.monotonic()
            yield above, bound
            took = max(time.monotonic() - begun, 0.001)
            limit = int(min(max(limit * min(_BATCH_SECONDS / took, 2), _LEAST), _MOST))
            above, done = bound, done + rows
            self._tell(self._table.name, step, done, max(self._table.rows, done))

    def _copy(self) -> None:
        row = self._run("select up_to from {work}.copied where table_name = {name}").fetchone()
        for above, bound in self._ranges(row["up_to"], "copy"):

            def batch(above: object = above, bound: object = bound) -> None:
                # The lock makes a change of a row wait until its copy can be changed, too.
                self._run(
                    """
                    insert into {copy} ({columns})
                    select {columns} from {table}
                    where user_id <= %(bound)s::uuid and (%(above)s::uuid is null or user_id > %(above)s::uuid)
                    for share
                    on conflict do nothing
                    """,
                    {"above": above, "bound": bound},
                )
                self._run("update {work}.copied set up_to = %(bound)s where table_name = {name}", {"bound": bound})

            retried(self._connection, self._attempts, batch)

    def _analyze(self) -> None:
        with self._connection.transaction():
            # No client waits behind this, but it waits for autovacuum, which gives way only after a second.
            self._connection.execute("set local lock_timeout = 0")
            self._run("analyze {copy}")

    def _verify(self) -> int:
        """Compare all rows, in statements that see both tables at one moment, and return how many there are."""
        total, last = 0, None
        for above, bound in self._ranges(None, "compare"):
            total += self._compared(above, bound)
            last = bound
        return total + self._compared(last, None)

    def _compared(self, above: object, bound: object) -> int:
        row = self._run(
            """
            select
                (select row(count(*), sum(hashtextextended(original::text, 0)::numeric))::text
                from {table} as original
                where (%(above)s::uuid is null or user_id > %(above)s::uuid)
                    and (%(bound)s::uuid is null or user_id <= %(bound)s::uuid)) as expected,
                (select row(count(*), sum(hashtextextended(copied::text, 0)::numeric))::text
                from {copy} as copied
                where (%(above)s::uuid is null or user_id > %(above)s::uuid)
                    and (%(bound)s::uuid is null or user_id <= %(bound)s::uuid)) as found
            """,
            {"above": above, "bound": bound},
        ).fetchone()
        if row["expected"] != row["found"]:
            raise CopyDiffers(
                f"the copy of {self._table.name} differs between the learners {above} and {bound}: run `skilltree"
                " partition --abandon`, then start again. The table itself is unchanged"
            )
        return int(row["expected"][1:].partition(",")[0])

    def _swap(self) -> float:
        """Let the copy take the table's place, and return how many seconds exclusive locks were held."""
        drops, remakes = self._definitions("drop"), self._definitions("swap")
        locks = [*self._definitions("lock"), f"lock table {self._place} in access exclusive mode"]
        self._execute(locks[:1])
        begun = time.monotonic()
        self._run("set local lock_timeout = {timeout}", timeout=_FURTHER_LOCK)
        self._execute(locks[1:])
        self._run("create schema if not exists {old_schema}")
        self._run("drop trigger skilltree_partition_mirror on {table}")
        self._run("drop function {mirror}()")
        self._execute(drops)
        # The partitions of a table that becomes a plain one stay where they are until they are dropped with it.
        self._run("alter table {table} set schema {old_schema}")
        self._run("alter table {copy} set schema public")
        for name in self._partitions_there():
            self._run("alter table {partition} set schema public", partition=sql.Identifier(WORK, name))
        self._execute(remakes)
        self._run("delete from {work}.copied where table_name = {name}")
        return time.monotonic() - begun

    def _partitions_there(self) -> list[str]:
        # An interrupted run may have been asked for another number of them.
        rows = self._connection.execute(
            "select pg_class.relname from pg_inherits inner join pg_class on pg_inherits.inhrelid = pg_class.oid"
            " where pg_inherits.inhparent = %s::regclass order by pg_class.relname",
            [self._place],
        )
        return [row["relname"] for row in rows.fetchall()]
