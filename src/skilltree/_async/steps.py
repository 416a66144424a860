"""Sending statements on one connection: alone, together in a pipeline, or one by one if there is a COPY."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncCursor
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import tuple_row

from skilltree._async.connection import AsyncPinnedConnection
from skilltree._async.repository import AsyncStep
from skilltree._core.driver_errors import translated
from skilltree._core.exchange import Statement
from skilltree._core.queries import read
from skilltree._core.roles import ANYBODY, Actor, require_role
from skilltree._core.routed import routed
from skilltree._core.scopes import require_scope, writes
from skilltree._core.sockets import has_input


async def run_steps(connection: AsyncPinnedConnection, steps: Sequence[AsyncStep], actor: Actor) -> list[list[Any]]:
    """Run the statements as one transaction, or inside the open one, and return the rows of each."""
    with translated(steps):
        steps = allowed(connection, steps, actor)
        # Inside a transaction, its settings are already made.
        if (
            actor is ANYBODY
            and len(steps) == 1
            and steps[0].rows is None
            and (not connection.must_carry or connection.pgconn.transaction_status != TransactionStatus.IDLE)
        ):
            return [await _executed(connection.cursor_of(steps[0].query), steps[0])]
        if has_rows(steps):
            return await _run_in_turn(connection, steps, actor)
        return await _run_together(connection, steps, actor)


def allowed(connection: AsyncPinnedConnection, steps: Sequence[AsyncStep], actor: Actor) -> Sequence[AsyncStep]:
    """Return the statements as this connection sends them.

    Raises PermissionDenied for statements that this actor may not run, or that need one.
    """
    require_role(steps, actor)
    if actor is ANYBODY and connection.is_learner:
        require_scope(steps)
    return [step._replace(query=routed(step.query)) for step in steps] if connection.is_routed else steps


def beginning_for(connection: AsyncPinnedConnection, actor: Actor) -> list[Statement[AsyncCursor[Any]]]:
    """Return the statements that make the settings of a new transaction, and set the actor it works for."""
    statements: list[Statement[AsyncCursor[Any]]] = []
    if connection.carried is not None:
        query = read("roles/set_settings")
        statements.append(
            Statement(connection.cursor_of(query), query.numbered, query.values(connection.carried), is_read=False)
        )
    if actor.begin is not None:
        begin = actor.begin
        statements.append(
            Statement(connection.cursor_of(begin), begin.numbered, begin.values(actor.params), is_read=False)
        )
    return statements


async def _executed(cursor: AsyncCursor[Any], step: AsyncStep) -> list[Any]:
    """Run a statement, and return its rows if it has a row factory."""
    if step.row_factory is not None:
        cursor.row_factory = step.row_factory
    await cursor.execute(step.query.numbered, step.query.values(step.params))
    return await _result_of(step, cursor)


async def _result_of(step: AsyncStep, cursor: AsyncCursor[Any]) -> list[Any]:
    """Return what a step gives: its rows, their number, or nothing. The cursor keeps none of it."""
    if step.row_factory is not None:
        return await AsyncPinnedConnection.fetched(cursor)
    count = max(cursor.rowcount, 0)
    AsyncPinnedConnection.release(cursor)
    return [count] if step.counts else []


def has_rows(steps: Sequence[AsyncStep]) -> bool:
    """Return whether a step sends COPY rows. Their iterator may be used up after one run."""
    return any(step.rows is not None for step in steps)


async def _run_together(connection: AsyncPinnedConnection, steps: Sequence[AsyncStep], actor: Actor) -> list[list[Any]]:
    """Send all statements before waiting for any result. Without an open transaction, send begin and commit, too."""
    is_open = connection.pgconn.transaction_status != TransactionStatus.IDLE
    if is_open and not connection.closed and has_input(connection.fileno()):
        # The server has probably closed the connection. An empty statement raises its reason; a pipeline would not.
        await connection.execute("")
    # Without BEGIN and COMMIT, what is sent up to a sync is one transaction, too. Only SkillTree's reads do without:
    # psycopg does not expect an error after the last statement, as a deferred check raises it, and an application's
    # query may call a function that writes without saying so.
    is_of_application = any(step.query.place is not None for step in steps)
    is_explicit = not is_open and (
        connection.carried is not None or connection.is_distributed or is_of_application or writes(steps)
    )
    cursors = cursors_of(connection, steps)
    statements = statements_of(steps, cursors)
    if not is_open:
        statements[:0] = beginning_for(connection, actor)
    if is_explicit:
        other = connection.cursor()
        statements = [
            Statement(other, connection.begin, is_read=False),
            *statements,
            Statement(other, b"commit", is_read=False),
        ]
    try:
        await connection.exchange(statements)
        return await received(steps, cursors)
    except BaseException as error:
        if connection.pgconn.pipeline_status != PipelineStatus.OFF or (is_open and not isinstance(error, Exception)):
            # Interrupted with results pending, or in the middle of an action: the connection is in no usable state.
            await connection.close()
        elif not is_open and not connection.closed:
            await connection.rollback()
        raise


def cursors_of(connection: AsyncPinnedConnection, steps: Sequence[AsyncStep]) -> list[AsyncCursor[Any]]:
    """Return a cursor for each step. They are different, because each keeps its result until all have theirs."""
    cursors: list[AsyncCursor[Any]] = []
    for each in steps:
        cursor = connection.cursor_of(each.query)
        if cursor in cursors:
            cursor = connection.cursor()
        cursor.row_factory = each.row_factory or tuple_row
        cursors.append(cursor)
    return cursors


def statements_of(steps: Sequence[AsyncStep], cursors: Sequence[AsyncCursor[Any]]) -> list[Statement[AsyncCursor[Any]]]:
    """Return what to send for each step."""
    return [
        Statement(
            cursor,
            step.query.numbered,
            step.query.values(step.params),
            is_read=step.row_factory is not None or step.counts,
        )
        for step, cursor in zip(steps, cursors, strict=True)
    ]


async def received(steps: Sequence[AsyncStep], cursors: Sequence[AsyncCursor[Any]]) -> list[list[Any]]:
    """Return the rows of statements that have all been answered."""
    return [await _result_of(each, cursor) for each, cursor in zip(steps, cursors, strict=True)]


async def _run_in_turn(connection: AsyncPinnedConnection, steps: Sequence[AsyncStep], actor: Actor) -> list[list[Any]]:
    """Run the statements one by one as one transaction, because a COPY cannot be part of a pipeline."""
    is_open = connection.pgconn.transaction_status != TransactionStatus.IDLE
    results: list[list[Any]] = []
    async with connection.transaction():
        if not is_open:
            for statement in beginning_for(connection, actor):
                await statement.cursor.execute(statement.text, statement.values)
        for each in steps:
            async with connection.cursor() as cursor:
                if each.rows is None:
                    results.append(await _executed(cursor, each))
                else:
                    async with cursor.copy(each.query.numbered) as copy:
                        if types := each.query.types:
                            copy.set_types(types)
                        for row in each.rows:
                            await copy.write_row(row)
                    results.append([cursor.rowcount] if each.counts else [])
    return results
