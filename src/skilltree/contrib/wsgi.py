"""The database of a synchronous application, and who sends a request. No framework is needed for it."""

import atexit
import os
from concurrent.futures import ThreadPoolExecutor

from skilltree import Database, Observer, Settings
from skilltree._sync.database import Scope
from skilltree.contrib.problems import NotReady, SessionExpired, unready
from skilltree.contrib.requests import Visitor
from skilltree.errors import SessionNotFound, SkillTreeError


class WsgiDatabase:
    """One database for an application. It opens at its first use in a process, and closes when the process ends.

    WSGI does not tell an application when its server starts or ends, and some servers fork after they have loaded it.
    """

    def __init__(
        self, settings: Settings, kind: type[Database] = Database, *, observer: Observer | None = None
    ) -> None:
        self.settings = settings
        self._database = settings.database(kind, observer=observer)
        self._is_open = False
        self._probe = ThreadPoolExecutor(1, "skilltree-ready")
        self._process = os.getpid()

    def database(self) -> Database:
        """Return the database, open."""
        if not self._is_open:
            self._database.open()
            self._is_open = True
            atexit.register(self._database.close)
        return self._database

    def visitor(self, token: str | None) -> Visitor[Scope]:
        """Return who has this token. Raises SessionExpired."""
        database = self.database()
        if token is None:
            return Visitor(None, None, database.as_user(None))
        try:
            session = database.as_service().sessions.resume(token)
        except SessionNotFound:
            raise SessionExpired from None
        return Visitor(session.user_id, session, database.as_user(session.user_id))

    def ready(self) -> None:
        """Ask the server, as a visitor and through the pool that requests use. Raises an error that means 503.

        It is SchemaOutdated if a migration is pending without which the catalogue cannot be read.
        """
        if self._process != os.getpid():
            # A fork copies no threads.
            self._probe, self._process = ThreadPoolExecutor(1, "skilltree-ready"), os.getpid()
        # A thread, because the wait for a connection may be longer than the probe's.
        asked = self._probe.submit(self._ask)
        try:
            asked.result(self.settings.ready_timeout)
        except TimeoutError:
            asked.cancel()
            raise NotReady from None
        except SkillTreeError as error:
            raise unready(error) from error

    def _ask(self) -> None:
        self.database().as_user(None).trees.list(limit=1)
