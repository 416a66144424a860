"""Accounts and profiles."""

import asyncio

from pydantic import TypeAdapter
from typing_extensions import Unpack

from skilltree._async.repository import AsyncRepository
from skilltree._rows import changes
from skilltree.errors import UserNotFound
from skilltree.models.ids import UserId
from skilltree.models.users import ProfileChanges, User, UserProfile
from skilltree.passwords import DEFAULT_COST, hash_password

_PROFILE_CHANGES = TypeAdapter(ProfileChanges)


class AsyncUsers(AsyncRepository):
    """Accounts and their profiles."""

    async def register(
        self,
        *,
        email: str,
        username: str,
        password: str,
        first_name: str | None = None,
        last_name: str | None = None,
        avatar_url: str | None = None,
        timezone: str = "UTC",
        id: UserId | None = None,  # noqa: A002 (the column's name)
        bcrypt_cost: int = DEFAULT_COST,
    ) -> User:
        """Create an account with its profile. Raises EmailTaken, UsernameTaken, InvalidPassword, UnknownTimezone."""
        password_hash = await asyncio.to_thread(hash_password, password, cost=bcrypt_cost)
        return await self._one(
            User,
            "users/register",
            id=id,
            email=email,
            username=username,
            password_hash=password_hash,
            first_name=first_name,
            last_name=last_name,
            avatar_url=avatar_url,
            timezone=timezone,
        )

    async def get(self, user_id: UserId) -> User:
        """Return an account. Raises UserNotFound."""
        return await self._one(User, "users/get", missing=UserNotFound(id=user_id), user_id=user_id)

    async def find_by_email(self, email: str) -> User | None:
        """Return the account with this address, written in any case."""
        return await self._find(User, "users/find_by_email", email=email)

    async def find_by_username(self, username: str) -> User | None:
        """Return the account with this user name."""
        return await self._find(User, "users/find_by_username", username=username)

    async def get_profile(self, user_id: UserId) -> UserProfile:
        """Return a learner's profile. Raises UserNotFound."""
        return await self._one(UserProfile, "users/get_profile", missing=UserNotFound(id=user_id), user_id=user_id)

    async def update_profile(self, user_id: UserId, **changed: Unpack[ProfileChanges]) -> UserProfile:
        """Change what a learner says of themselves; what is not given stays. Raises UserNotFound, InvalidValue."""
        moves = "is_on_leaderboard" in changed
        return await self._one(
            UserProfile,
            "users/update_profile",
            missing=UserNotFound(id=user_id),
            before=("users/lock_profile", "users/show_on_leaderboard") if moves else (),
            after=("leaderboards/refresh_scores",) if moves else (),
            user_id=user_id,
            is_listed=None,
            changes=changes(_PROFILE_CHANGES, changed),
        )

    async def mark_email_verified(self, user_id: UserId) -> User:
        """Note that the e-mail address has been shown to be its owner's. Raises UserNotFound."""
        return await self._one(User, "users/mark_email_verified", missing=UserNotFound(id=user_id), user_id=user_id)

    async def deactivate(self, user_id: UserId) -> User:
        """Close an account, keeping what was learnt. It is logged out and off the leaderboards. Raises UserNotFound."""
        return await self._one(
            User,
            "users/deactivate",
            missing=UserNotFound(id=user_id),
            before=("users/lock_profile",),
            after=("leaderboards/refresh_scores", "sessions/end_all", "accounts/void_tokens"),
            user_id=user_id,
            is_listed=None,
            except_session_id=None,
        )

    async def delete(self, user_id: UserId) -> None:
        """Delete an account with its profile, progress, achievements and sessions. Raises UserNotFound."""
        deleted = await self._values(
            "users/delete",
            before=("users/lock_profile", "leaderboards/refresh_scores"),
            user_id=user_id,
            is_listed=False,
        )
        if not deleted:
            raise UserNotFound(id=user_id)
