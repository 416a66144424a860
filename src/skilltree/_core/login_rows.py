"""What the database answers about log-ins and links, for ``accounts`` alone: it holds what no caller may see."""

from datetime import datetime

from pydantic import Field

from skilltree.models.base import Model
from skilltree.models.ids import UserId


class LoginAttempt(Model):
    """Whether a log-in may be tried, or in how many seconds; and what to check the password against."""

    retry_after: int
    user_id: UserId | None
    password_hash: str | None = Field(repr=False)
    is_active: bool


class TokenGrant(Model):
    """An account for which a token was kept."""

    user_id: UserId
    email: str
    expires_at: datetime


class AccountNames(Model):
    """What everybody knows of an account, and no password must be."""

    email: str
    username: str


class HeldPassword(AccountNames):
    """What the password of an account is checked against."""

    password_hash: str = Field(repr=False)
