"""Runs a query file as a viewpoint: in a read-only transaction of a connection of its own, with two limits.

The connection is closed afterwards, so that nothing of the run remains in a session that pages use.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from psycopg import Connection, RawCursor
from psycopg.pq import ExecStatus

from skilltree._core.driver_errors import translated
from skilltree._core.queries import Query
from skilltree._core.scopes import writes_by_its_text
from skilltree.errors import ServerReadOnly, SkillTreeError
from skilltree.explain.explain import Explained, estimated, explain, table_sizes
from skilltree.explain.plan import Json
from skilltree.explain.samples import has_plan, sampled
from skilltree.studio.viewpoint import Viewpoint

MOST_ROWS = 200
_MOST_CHARACTERS = 2_000
_CUT = " …"
_HIDDEN = "(secret)"


class WritesRefused(SkillTreeError):
    """The query file writes, and Studio runs only what reads."""


class Result(NamedTuple):
    """The rows of a run, as text like psql's; ``None`` is null."""

    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str | None]]
    has_more: bool
    role: str
    milliseconds: float


class Planned(NamedTuple):
    """A plan, measured or only estimated, and the number of rows of each table."""

    role: str
    json: Json
    explained: Explained | None
    sizes: Mapping[str, int]


def is_secret(name: str) -> bool:
    """Return whether a column or parameter holds a hash of a password or token, which Studio does not show."""
    return name.endswith("_hash")


def writes(query: Query) -> bool:
    """Return whether a query file may write, by its text and header. The server decides: it refuses every write."""
    return writes_by_its_text(query) or any(each.word == "writes" for each in query.directives)


def run(url: str, query: Query, params: Mapping[str, str | None], view: Viewpoint, *, timeout: float) -> Result:
    """Run a query file with these parameters, given as PostgreSQL writes them. Raises what the server refuses.

    Raises WritesRefused, before anything is sent, for a query that writes, and for a command without rows.
    """
    if writes(query) or not has_plan(query):
        raise WritesRefused(f"{query.name} writes, or is a command without rows. Studio shows its plan only.")
    with _connection(url) as connection, translated():
        connection.execute("begin read only")
        if view.actor.begin is not None:
            begin = view.actor.begin
            connection.execute(begin.numbered, begin.values({"statement_timeout": None, **view.actor.params}))
        _limit(connection, timeout)
        role = _text(connection, "select current_user")
        began = time.perf_counter()
        connection.execute(b"declare studio no scroll cursor for " + query.numbered, query.values(params))
        cursor = connection.execute(f"fetch {MOST_ROWS + 1} from studio".encode())
        took = (time.perf_counter() - began) * 1000
        return _result(cursor, role, took)


def plan(url: str, query: Query, given: Mapping[str, str], *, timeout: float) -> Planned:
    """Return the plan of a query file: measured if it reads, else estimated. Other parameters are samples."""
    with _connection(url, raw=False) as connection, translated():
        _limit(connection, timeout)
        sizes = table_sizes(connection)
        try:
            with translated():
                explained = explain(connection, query, given)
        except ServerReadOnly:
            role, json = estimated(connection, query, given)
            return Planned(role, json, None, sizes)
        return Planned(explained.role, explained.plan, explained, sizes)


def sample_values(url: str, query: Query, *, timeout: float) -> dict[str, str]:
    """Return the values of the samples that a query file has for its parameters, without secrets and nulls."""
    with _connection(url, raw=False) as connection, translated():
        _limit(connection, timeout)
        connection.execute("begin read only")
        given = {name: "" for name in query.parameters if is_secret(name)}
        found = sampled(connection, query, given)[-1].params
        values = {
            name: connection.execute("select %s::text", (value,)).fetchone() if value is not None else None
            for name, value in found.items()
            if not is_secret(name)
        }
    return {name: str(row[0]) for name, row in values.items() if row is not None}


@contextmanager
def _connection(url: str, *, raw: bool = True) -> Iterator[Connection[Any]]:
    with translated():
        connection: Connection[Any] = Connection.connect(
            url,
            autocommit=True,
            prepare_threshold=None,
            client_encoding="utf8",
            connect_timeout=10,
            application_name="skilltree studio",
        )
    try:
        if raw:
            connection.cursor_factory = RawCursor
        yield connection
    finally:
        connection.close()


def _limit(connection: Connection[Any], timeout: float) -> None:
    """Limit the time of each statement. The connection is closed after the run, so the session's setting is enough."""
    milliseconds = round(timeout * 1000)
    connection.execute(f"select set_config('statement_timeout', '{milliseconds}', false)".encode())


def _result(cursor: Any, role: str, milliseconds: float) -> Result:
    found = cursor.pgresult
    if found is None or found.status != ExecStatus.TUPLES_OK:
        raise SkillTreeError("the query file returned no rows to show")
    columns = [(each.name, each.type_display) for each in cursor.description]
    count = min(found.ntuples, MOST_ROWS)
    # The server's own text: psycopg cannot load every value, such as an infinite date.
    rows = [
        [_cell(name, found.get_value(row, column)) for column, (name, _) in enumerate(columns)] for row in range(count)
    ]
    return Result(columns, rows, found.ntuples > MOST_ROWS, role, milliseconds)


def _cell(name: str, value: bytes | None) -> str | None:
    if value is None:
        return None
    if is_secret(name):
        return _HIDDEN
    text = value.decode("utf8", "replace")
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + _CUT


def _text(connection: Connection[Any], statement: str) -> str:
    row = connection.execute(statement.encode()).fetchone()
    return str(row[0]) if row else ""
