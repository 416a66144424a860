"""Rows for ``accounts`` about logins and links. They hold secrets that callers must not see."""

from datetime import datetime

from pydantic import Field

from skilltree.models.base import Model
from skilltree.models.ids import UserId


class LoginAttempt(Model):
    """Whether a login may be tried or how many seconds to wait, and the account's password hash."""

    retry_after: int
    user_id: UserId | None
    password_hash: str | None = Field(repr=False)
    is_active: bool


class TokenGrant(Model):
    """The account that a token was issued for."""

    user_id: UserId
    email: str
    expires_at: datetime


class AccountNames(Model):
    """The public names of an account, which its password must not be equal to."""

    email: str
    username: str


class HeldPassword(AccountNames):
    """The password hash of an account."""

    password_hash: str = Field(repr=False)
