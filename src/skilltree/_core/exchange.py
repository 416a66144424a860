"""Sends several statements to the server at once, and reads all of their results: one round trip, and one wait.

psycopg's own pipeline sends each statement by itself, waits each time until the socket can be written to, and sends the
sync by itself, too. That takes longer than the server needs to read a row by its key.
"""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from psycopg import BaseConnection, Error
from psycopg._cursor_base import BaseCursor
from psycopg._preparing import Key, Prepare
from psycopg._queries import PostgresQuery
from psycopg.abc import PQGen
from psycopg.generators import fetch_many, send
from psycopg.pq import ConnStatus
from psycopg.pq.abc import PGresult

C = TypeVar("C", bound=BaseCursor[Any, Any])


class Statement(NamedTuple, Generic[C]):
    """A statement, the values of its parameters, and the cursor that takes its result if that is read."""

    cursor: C
    text: bytes
    values: Sequence[object] = ()
    is_read: bool = True


class _Sent(NamedTuple):
    """What the server will answer, with what psycopg remembers of a statement that it may prepare."""

    cursor: BaseCursor[Any, Any]
    is_read: bool
    key: Key | None = None
    prepare: Prepare = Prepare.NO
    name: bytes = b""


def exchange(connection: BaseConnection[Any], statements: Sequence[Statement[C]]) -> PQGen[None]:
    """Return the steps for ``connection.wait``. Without BEGIN, the statements are one transaction.

    Raises the error of the first statement that fails. The server ignores those after it.
    """
    queries: list[PostgresQuery] = []
    for cursor, text, values, _ in statements:
        yield from cursor._start_query(text)
        queries.append(cursor._convert_query(text, values))
        cursor._last_query = text
    pgconn = connection.pgconn
    pgconn.enter_pipeline_mode()
    sent: list[_Sent] = []
    for statement, query in zip(statements, queries, strict=True):
        sent += _sent(connection, statement, query)
    pgconn.pipeline_sync()
    yield from send(pgconn)
    failure: Error | None = None
    for each in sent:
        try:
            _take(connection, each, (yield from fetch_many(pgconn)))
        except Error as error:
            failure = failure or error
        if failure is not None and pgconn.status == ConnStatus.BAD:
            # What the server said before it closed the connection, if anything.
            raise failure
    yield from fetch_many(pgconn)
    pgconn.exit_pipeline_mode()
    if failure is not None:
        # A statement after the one that failed is not prepared, but psycopg takes it for prepared.
        connection._prepared.clear()
        raise failure
    yield from connection._prepared.maintain_gen(connection)


def _sent(connection: BaseConnection[Any], statement: Statement[C], query: PostgresQuery) -> list[_Sent]:
    """Hand a statement to libpq, which keeps it until it is told to send, and return the answers to expect."""
    sent: list[_Sent] = []
    cursor = statement.cursor
    prepare, name = cursor._get_prepared(query)
    if prepare is Prepare.NO:
        cursor._execute_send(query, force_extended=True)
    else:
        if prepare is Prepare.SHOULD:
            cursor._send_prepare(name, query)
            sent.append(_Sent(cursor, is_read=False))
        cursor._send_query_prepared(name, query)
    key = connection._prepared.maybe_add_to_cache(query, prepare, name)
    return [*sent, _Sent(cursor, statement.is_read, key, prepare, name)]


def _take(connection: BaseConnection[Any], sent: _Sent, results: list[PGresult]) -> None:
    """Give a cursor its result if that is read. Raises the error that the server tells."""
    if sent.key is not None:
        connection._prepared.validate(sent.key, sent.prepare, sent.name, results)
    sent.cursor._check_results(results)
    if sent.is_read:
        sent.cursor._set_results(results)
