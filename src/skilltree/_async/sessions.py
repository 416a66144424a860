"""Where learners are logged in."""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address

from skilltree._async.repository import AsyncRepository
from skilltree._rows import document
from skilltree.errors import InvalidValue, SessionNotFound
from skilltree.models.content import DEVICE, DeviceInfo
from skilltree.models.ids import SessionId, UserId
from skilltree.models.sessions import Session


class AsyncSessions(AsyncRepository):
    """Learners' sessions."""

    async def start(
        self,
        user_id: UserId,
        *,
        device_info: DeviceInfo | Mapping[str, object] | None = None,
        address: IPv4Address | IPv6Address | str | None = None,
        id: SessionId | None = None,  # noqa: A002 (the column's name)
    ) -> Session:
        """Start a session. Raises UserNotFound, InvalidDocument, InvalidValue for an address that is none."""
        if isinstance(address, str):
            try:
                address = ip_address(address)
            except ValueError as error:
                raise InvalidValue(f"not an IP address: {address!r}", field="address") from error
        return await self._one(
            Session,
            "sessions/start",
            user_id=user_id,
            id=id,
            device_info=document(DEVICE, device_info, "device_info"),
            ip_address=address,
        )

    async def touch(self, user_id: UserId, session_id: SessionId) -> Session:
        """Note that a session was used just now. Raises SessionNotFound when it has ended."""
        return await self._one(
            Session,
            "sessions/touch",
            missing=SessionNotFound(id=session_id),
            user_id=user_id,
            session_id=session_id,
        )

    async def end(self, user_id: UserId, session_id: SessionId) -> Session:
        """End a session. Raises SessionNotFound when it has ended already."""
        return await self._one(
            Session, "sessions/end", missing=SessionNotFound(id=session_id), user_id=user_id, session_id=session_id
        )

    async def end_all(self, user_id: UserId, *, except_session_id: SessionId | None = None) -> int:
        """End a learner's sessions, all but one if that is given, and return how many."""
        return len(await self._values("sessions/end_all", user_id=user_id, except_session_id=except_session_id))

    async def list_active(self, user_id: UserId) -> list[Session]:
        """Return where a learner is logged in, the latest used first."""
        return await self._all(Session, "sessions/list_active", user_id=user_id)

    async def expire_idle(self, idle_for: timedelta, *, limit: int = 1000) -> int:
        """End sessions of any learner not used for so long, at most ``limit`` of them, and return how many."""
        return len(await self._values("sessions/expire_idle", idle_for=idle_for, limit=limit))
