"""The repositories of a database, working as one learner or as the service."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic

from typing_extensions import TypeVar

from skilltree._async.repositories import AsyncRepositories
from skilltree._async.repository import AsyncExecutor, AsyncStep
from skilltree._async.unit import AsyncUnitOfWork
from skilltree._core.roles import Actor
from skilltree.errors import UnitOfWorkOpen

if TYPE_CHECKING:
    from skilltree._async.database import AsyncDatabase

T = TypeVar("T")
U_co = TypeVar("U_co", bound=AsyncUnitOfWork, default=AsyncUnitOfWork, covariant=True)


class AsyncScope(AsyncRepositories, Generic[U_co]):
    """The repositories for one learner or for the service: one transaction per call, or one unit of work for many.

    ``await db.as_user(user_id).progress.complete_skill(user_id, skill_id)`` is a transaction in one network round trip;
    ``async with db.as_user(user_id) as unit:`` opens a unit of work.
    """

    def __init__(self, database: "AsyncDatabase[Any, U_co]", actor: Actor) -> None:
        super().__init__()
        self._database = database
        self._actor = actor
        self._open: AbstractAsyncContextManager[U_co] | None = None
        # A lock, because several threads may enter at the same time.
        self._taken = Lock()

    async def run(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        return await self._database._run(steps, self._actor)

    async def run_then(
        self, steps: Sequence[AsyncStep], finish: Callable[[list[list[Any]], AsyncExecutor], Awaitable[T]]
    ) -> T:
        return await self._database._run_then(steps, finish, self._actor, self)

    def stream(self, step: AsyncStep) -> AsyncGenerator[Any]:
        return self._database._stream(step, self._actor)

    def transaction(self) -> AbstractAsyncContextManager[U_co]:
        """Open a unit of work, as ``Database.transaction()`` does."""
        return self._database._unit_of_work(self._actor)

    async def __aenter__(self) -> U_co:
        if not self._taken.acquire(blocking=False):
            raise UnitOfWorkOpen
        self._open = self.transaction()
        try:
            return await self._open.__aenter__()
        except BaseException:
            self._open = None
            self._taken.release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        unit, self._open = self._open, None
        if unit is not None:
            self._taken.release()
            await unit.__aexit__(kind, error, traceback)
