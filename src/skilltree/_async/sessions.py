"""Learners' login sessions."""

from collections.abc import Mapping
from datetime import timedelta

from skilltree._async.repository import AsyncRepository
from skilltree._core.ip_addresses import Address, address_of
from skilltree._core.rows import document, limited
from skilltree._core.tokens import digest, new_secret, read_token, token
from skilltree.errors import SessionNotFound, UserNotFound
from skilltree.models.content import DEVICE, DeviceInfo
from skilltree.models.ids import SessionId, UserId
from skilltree.models.sessions import Session, StartedSession

LONGEST = timedelta(days=30)
LONGEST_IDLE = timedelta(days=7)


class AsyncSessions(AsyncRepository):
    """Learners' sessions."""

    async def start(
        self,
        user_id: UserId,
        *,
        device_info: DeviceInfo | Mapping[str, object] | None = None,
        address: Address | str | None = None,
        valid_for: timedelta = LONGEST,
        id: SessionId | None = None,  # noqa: A002 (the column's name)
    ) -> StartedSession:
        """Start a session that ends after ``valid_for`` at the latest. Only this call ever returns its token.

        Use it after an authentication of your own; with a password, ``accounts.log_in`` does both. Raises UserNotFound,
        also for an inactive account; InvalidDocument; InvalidValue for an invalid IP address.
        """
        secret = new_secret()
        session = await self.one(
            Session,
            "sessions/start",
            missing=UserNotFound(id=user_id),
            user_id=user_id,
            password_hash=None,
            new_hash=None,
            id=id,
            token_hash=digest(secret),
            device_info=document(DEVICE, device_info, "device_info"),
            ip_address=address_of(address),
            valid_for=valid_for,
        )
        return StartedSession(session=session, token=token(session.user_id, secret))

    async def resume(self, token: str, *, idle_for: timedelta = LONGEST_IDLE) -> Session:
        """Return the session of a token, and record that it is in use. Raises SessionNotFound.

        The session must not have ended nor been idle for ``idle_for``, and the account must be active.
        """
        shown = read_token(token)
        if shown is None:
            raise SessionNotFound
        user_id, token_hash = shown
        return await self.one(
            Session,
            "sessions/resume",
            missing=SessionNotFound(),
            user_id=user_id,
            token_hash=token_hash,
            idle_for=idle_for,
        )

    async def touch(self, user_id: UserId, session_id: SessionId, *, idle_for: timedelta = LONGEST_IDLE) -> Session:
        """Record that a session is in use now. Raises SessionNotFound if it has ended or was idle for ``idle_for``."""
        return await self.one(
            Session,
            "sessions/touch",
            missing=SessionNotFound(id=session_id),
            user_id=user_id,
            session_id=session_id,
            idle_for=idle_for,
        )

    async def end(self, user_id: UserId, session_id: SessionId) -> Session:
        """End a session. Raises SessionNotFound if it has already ended."""
        return await self.one(
            Session, "sessions/end", missing=SessionNotFound(id=session_id), user_id=user_id, session_id=session_id
        )

    async def end_all(self, user_id: UserId, *, except_session_id: SessionId | None = None) -> int:
        """End all sessions of a learner, except one if given, and return how many ended."""
        return len(await self.values("sessions/end_all", user_id=user_id, except_session_id=except_session_id))

    async def list_active(self, user_id: UserId, *, idle_for: timedelta = LONGEST_IDLE) -> list[Session]:
        """Return a learner's sessions that ``resume`` would accept, the latest used first."""
        return await self.all(Session, "sessions/list_active", user_id=user_id, idle_for=idle_for)

    async def expire_idle(self, idle_for: timedelta = LONGEST_IDLE, *, limit: int = 1000) -> int:
        """End sessions that were idle for so long or have expired, at most ``limit`` of them. Returns how many."""
        return len(await self.values("sessions/expire_idle", idle_for=idle_for, limit=limited(limit, "limit")))
