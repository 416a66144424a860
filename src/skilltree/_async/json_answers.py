"""The base of ``db.json``: a repository's own method runs, on rows that PostgreSQL wrote as JSON text."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, ClassVar

from psycopg.rows import scalar_row

from skilltree._async.repository import AsyncExecutor, AsyncRepository, AsyncStep
from skilltree._core.json_text import Unwritable, dumped, json_bytes, json_rows
from skilltree._core.queries import read


class AsyncJsonExecutor(AsyncExecutor):
    """Runs the queries of ``queries/json`` instead of those that it is given."""

    def __init__(self, executor: AsyncExecutor) -> None:
        self._executor = executor

    async def run(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        return await self._executor.run([_as_json(step) for step in steps])

    def stream(self, step: AsyncStep) -> AsyncGenerator[Any]:
        return self._executor.stream(_as_json(step))


class AsyncJsonAnswers:
    """The read methods of one repository, with JSON as their answer."""

    repository: ClassVar[type[AsyncRepository]]

    def __init__(self, executor: AsyncExecutor) -> None:
        self._executor = executor
        self._reads = self.repository(AsyncJsonExecutor(executor))

    async def _answer(self, method: Callable[..., Any], *args: object, **kwargs: object) -> bytes:
        """Return what a method of the repository returns, as JSON. PostgreSQL writes it where it can."""
        try:
            return json_bytes(await method(self._reads, *args, **kwargs))
        except Unwritable:
            # The models accept the value, or raise the error that says why not.
            return await self._dump(method, *args, **kwargs)

    async def _dump(self, method: Callable[..., Any], *args: object, **kwargs: object) -> bytes:
        """Return the dump of the models that a method of the repository returns."""
        return dumped(await method(self.repository(self._executor), *args, **kwargs))


def _as_json(step: AsyncStep) -> AsyncStep:
    # A plain value, such as a rank, is already what JSON holds.
    if step.row_factory is None or step.row_factory is scalar_row:
        return step
    return step._replace(query=read(f"json/{step.query.name}"), row_factory=json_rows)
