"""Sends several statements to the server at once, and reads all of their results: one round trip, and one wait.

psycopg's own pipeline sends each statement by itself, waits each time until the socket can be written to, and sends the
sync by itself, too. That takes longer than the server needs to read a row by its key.
"""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from psycopg import BaseConnection, Error
from psycopg._cursor_base import BaseCursor
from psycopg._pipeline_base import BasePipeline
from psycopg.abc import PQGen
from psycopg.generators import send
from psycopg.pq import ConnStatus

C = TypeVar("C", bound=BaseCursor[Any, Any])


class Statement(NamedTuple, Generic[C]):
    """A statement, the values of its parameters, and the cursor that takes its result."""

    cursor: C
    text: bytes
    values: Sequence[object] = ()


def exchange(connection: BaseConnection[Any], statements: Sequence[Statement[C]]) -> PQGen[None]:
    """Return the steps for ``connection.wait``. Without BEGIN, the statements are one transaction.

    Raises the error of the first statement that fails. The server ignores those after it.
    """
    queries = []
    for cursor, text, values in statements:
        yield from cursor._start_query(text)
        queries.append(cursor._convert_query(text, values))
        cursor._last_query = text
    pipeline = connection._pipeline = BasePipeline(connection)
    pgconn = connection.pgconn
    pgconn.enter_pipeline_mode()
    try:
        for statement, query in zip(statements, queries, strict=True):
            yield from statement.cursor._maybe_prepare_gen(query)
        # libpq keeps what it is told in memory until `send`.
        for tell in pipeline.command_queue:
            tell()
        pipeline.command_queue.clear()
        pgconn.pipeline_sync()
        pipeline.result_queue.append(None)
        yield from send(pgconn)
        yield from pipeline._fetch_gen(flush=False)
    except Error:
        # A statement after the one that failed is not prepared, but psycopg takes it for prepared.
        connection._prepared.clear()
        raise
    finally:
        connection._pipeline = None
        if not pipeline.result_queue and pgconn.status != ConnStatus.BAD:
            pgconn.exit_pipeline_mode()
    yield from connection._prepared.maintain_gen(connection)
