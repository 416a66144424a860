"""Several calls of repositories in one transaction and one network round trip.

A call is made until it runs its statements, and left there. The statements of all calls are sent together. Then each
call is made again, and is handed its rows.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from skilltree._async.repository import AsyncExecutor, AsyncRepository, AsyncStep
from skilltree._core.own_queries import Hooks
from skilltree._core.scopes import writes
from skilltree.errors import NotTogether

_Call = Callable[[Any], Awaitable[Any]]
_Repositories = Mapping[str, type[AsyncRepository]]


class _Recorded(BaseException):
    """A call has run its first statements."""


class _At:
    """What a call is given: the repositories, each on the executor of this call."""

    def __init__(self, repositories: _Repositories, executor: AsyncExecutor) -> None:
        self._repositories, self._executor = repositories, executor

    def __getattr__(self, name: str) -> AsyncRepository:
        if name not in self._repositories:
            raise NotTogether(f"a call of together() can use repositories, and {name} is none")
        made = vars(self)[name] = self._repositories[name](self._executor)
        return made


class _Recorder(AsyncExecutor):
    """Takes the first statements of a call instead of running them."""

    is_unit_of_work = True

    def __init__(self, hooks: Hooks) -> None:
        self.hooks = hooks
        self.steps: list[AsyncStep] | None = None

    async def run(self, steps: Sequence[AsyncStep]) -> NoReturn:
        if self.steps is not None:
            # What the call runs on its way out, for example in a finally clause, comes after its first statements.
            raise _Recorded
        for each in steps:
            if each.rows is not None:
                raise NotTogether(f"{each.query.name} is a COPY, which cannot be sent with other calls")
        self.steps = [*steps]
        raise _Recorded

    def stream(self, step: AsyncStep) -> AsyncGenerator[Any]:
        raise NotTogether(f"{step.query.name} is read as a stream, which cannot be sent with other calls")


class _Player(AsyncExecutor):
    """Hands a call the rows of its first statements, and runs the others."""

    is_unit_of_work = True

    def __init__(self, results: list[list[Any]], rest: AsyncExecutor) -> None:
        self._results: list[list[Any]] | None = results or None
        self._rest = rest
        self.hooks = rest.hooks

    async def run(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        if self._results is not None:
            results, self._results = self._results, None
            return results
        if not self._rest.is_unit_of_work and writes(steps):
            raise NotTogether(
                f"{steps[0].query.name} writes after a first round trip that only reads: nothing was written;"
                " use together() of a unit of work"
            )
        return await self._rest.run(steps)

    def stream(self, step: AsyncStep) -> AsyncGenerator[Any]:
        return self._rest.stream(step)


async def run_together(executor: AsyncExecutor, repositories: _Repositories, calls: Sequence[_Call]) -> tuple[Any, ...]:
    """Make the calls as one transaction, and return their results."""
    recorded = [await _recorded(call, repositories, executor.hooks) for call in calls]

    async def finish(rows: list[list[Any]], rest: AsyncExecutor) -> tuple[Any, ...]:
        found, start = [], 0
        for call, steps in zip(calls, recorded, strict=True):
            own = rows[start : (start := start + len(steps))]
            found.append(await call(_At(repositories, _Player(own, rest))))
        return tuple(found)

    return await executor.run_then([step for steps in recorded for step in steps], finish)


async def _recorded(call: _Call, repositories: _Repositories, hooks: Hooks) -> list[AsyncStep]:
    """Return the first statements of a call. Raises NotTogether if they are not the same each time."""
    first, again = await _steps_of(call, repositories, hooks), await _steps_of(call, repositories, hooks)
    if [(step.query, step.params) for step in first] != [(step.query, step.params) for step in again]:
        names = ", ".join(dict.fromkeys(step.query.name for step in (first or again)))
        raise NotTogether(f"{names}: the call sends other values each time, so it cannot be sent with other calls")
    return first


async def _steps_of(call: _Call, repositories: _Repositories, hooks: Hooks) -> list[AsyncStep]:
    recorder = _Recorder(hooks)
    with suppress(_Recorded):
        await call(_At(repositories, recorder))
    return recorder.steps or []
