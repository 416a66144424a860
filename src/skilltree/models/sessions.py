"""Learners' login sessions."""

from datetime import datetime
from ipaddress import IPv4Address, IPv6Address

from pydantic import Field

from skilltree.models.base import Model
from skilltree.models.content import DeviceInfo
from skilltree.models.ids import SessionId, UserId


class Session(Model):
    """A learner's session on one device."""

    id: SessionId
    user_id: UserId
    device_info: DeviceInfo | None
    ip_address: IPv4Address | IPv6Address | None
    started_at: datetime
    last_activity_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    is_active: bool


class StartedSession(Model):
    """A session and its token. Give the token only to the client, and keep it out of logs."""

    session: Session
    token: str = Field(repr=False)
