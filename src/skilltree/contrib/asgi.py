"""The database of an asynchronous application, and who sends a request. No framework is needed for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from skilltree import AsyncDatabase, Observer, Settings
from skilltree._async.database import AsyncScope
from skilltree.contrib.problems import NotReady, SessionExpired, unready
from skilltree.contrib.requests import Visitor
from skilltree.errors import SessionNotFound, SkillTreeError


class AsgiDatabase:
    """One database for an application. It opens at its first use in a process, unless it is opened before."""

    def __init__(
        self, settings: Settings, kind: type[AsyncDatabase] = AsyncDatabase, *, observer: Observer | None = None
    ) -> None:
        self.settings = settings
        self._database = settings.async_database(kind, observer=observer)
        self._is_open = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open the pool for a block. Raises ServerUnavailable if the server cannot be reached."""
        async with self._database:
            self._is_open = True
            yield

    async def database(self) -> AsyncDatabase:
        """Return the database, open."""
        if not self._is_open:
            await self._database.open()
            self._is_open = True
        return self._database

    async def visitor(self, token: str | None) -> Visitor[AsyncScope]:
        """Return who has this token. Raises SessionExpired."""
        database = await self.database()
        if token is None:
            return Visitor(None, None, database.as_user(None))
        try:
            session = await database.as_service().sessions.resume(token)
        except SessionNotFound:
            raise SessionExpired from None
        return Visitor(session.user_id, session, database.as_user(session.user_id))

    async def ready(self) -> None:
        """Ask the server, as a visitor and through the pool that requests use. Raises an error that means 503.

        It is SchemaOutdated if a migration is pending without which the catalogue cannot be read.
        """
        try:
            async with asyncio.timeout(self.settings.ready_timeout):
                await (await self.database()).as_user(None).trees.list(limit=1)
        except TimeoutError:
            raise NotReady from None
        except SkillTreeError as error:
            raise unready(error) from error
