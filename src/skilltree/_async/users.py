"""Accounts and profiles."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from uuid import UUID, uuid4

from psycopg.rows import scalar_row
from pydantic import TypeAdapter
from typing_extensions import Unpack

from skilltree._async.repository import AsyncRepository, step
from skilltree._core.arguments import PasswordLength
from skilltree._core.learner_export import HeldDocument
from skilltree._core.passwords import DEFAULT_COST, MIN_LENGTH, HashedPassword, hash_password, require_new_password
from skilltree._core.rows import changes, in_order, several
from skilltree.errors import UserNotFound
from skilltree.models.ids import UserId
from skilltree.models.users import AccountChanges, HeldItem, ProfileChanges, User, UserProfile

_ACCOUNT_CHANGES = TypeAdapter(AccountChanges)
_PROFILE_CHANGES = TypeAdapter(ProfileChanges)

_ERASURE = (
    "erasure/forget_actor",
    "doctor/hold_trees_of_learner",
    "users/lock_profile",
    # Again, for the trees that the learner joined before the learner was locked.
    "doctor/hold_trees_of_learner",
    "erasure/keep_account",
    "erasure/keep_profile",
    "erasure/keep_tree_progress",
    "erasure/keep_skill_progress",
    "erasure/keep_achievements",
    "erasure/keep_activity_days",
    "erasure/keep_xp_events",
    "erasure/forget_author",
    "erasure/forget_attempts",
)
"""The steps of an erasure. Data not kept by one of them, also that of future tables, is deleted with the account."""


class AsyncUsers(AsyncRepository):
    """Accounts and their profiles."""

    async def register(
        self,
        *,
        email: str,
        username: str,
        password: str | HashedPassword,
        first_name: str | None = None,
        last_name: str | None = None,
        avatar_url: str | None = None,
        timezone: str = "UTC",
        id: UserId | None = None,  # noqa: A002 (the column's name)
        min_password_length: PasswordLength = MIN_LENGTH,
        bcrypt_cost: int = DEFAULT_COST,
    ) -> User:
        """Create an account with its profile.

        A password needs at least ``min_password_length`` characters of any kind and at most 72 bytes, and must not be a
        well-known one or the account's own name or address. A HashedPassword is stored as it is. Names and addresses
        must not look like another account's: case, Unicode form and spaces make no difference. Raises EmailTaken,
        UsernameTaken, InvalidName, InvalidPassword, UnknownTimezone.
        """
        if isinstance(password, HashedPassword):
            password_hash = password.value
        else:
            require_new_password(password, min_length=min_password_length, own_names=(email, username))
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

    async def get_many(self, user_ids: Sequence[UserId]) -> list[User]:
        """Return accounts in the order of these ids, at most 1,000, in one statement. Raises UserNotFound."""
        rows = await self._all(User, "users/get_many", user_ids=several(user_ids, "user_ids"))
        return in_order(rows, user_ids, missing=UserNotFound)

    async def find_by_email(self, email: str) -> User | None:
        """Return the account with this address or one that looks the same, or ``None``."""
        return await self._find(User, "users/find_by_email", email=email)

    async def find_by_username(self, username: str) -> User | None:
        """Return the account with this user name or one that looks the same, or ``None``."""
        return await self._find(User, "users/find_by_username", username=username)

    async def get_profile(self, user_id: UserId) -> UserProfile:
        """Return a learner's profile. Raises UserNotFound."""
        return await self._one(UserProfile, "users/get_profile", missing=UserNotFound(id=user_id), user_id=user_id)

    async def get_profiles(self, user_ids: Sequence[UserId]) -> list[UserProfile]:
        """Return profiles in the order of these ids, at most 1,000, in one statement. Raises UserNotFound."""
        rows = await self._all(UserProfile, "users/get_profiles", user_ids=several(user_ids, "user_ids"))
        return in_order(rows, user_ids, missing=UserNotFound, key="user_id")

    async def update_profile(self, user_id: UserId, **changed: Unpack[ProfileChanges]) -> UserProfile:
        """Change the given fields of a learner's profile. Raises UserNotFound, InvalidValue."""
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

    async def update_account(self, user_id: UserId, **changed: Unpack[AccountChanges]) -> User:
        """Change the given fields: the names of an account or its avatar. An old user name is free at once.

        Use ``accounts.request_email_change`` for the address. Raises UserNotFound, UsernameTaken, InvalidName,
        InvalidValue.
        """
        return await self._one(
            User,
            "users/update_account",
            missing=UserNotFound(id=user_id),
            user_id=user_id,
            changes=changes(_ACCOUNT_CHANGES, changed),
        )

    async def mark_email_verified(self, user_id: UserId) -> User:
        """Mark an account's e-mail address as verified. Raises UserNotFound."""
        return await self._one(User, "users/mark_email_verified", missing=UserNotFound(id=user_id), user_id=user_id)

    async def deactivate(self, user_id: UserId) -> User:
        """Deactivate an account and keep its progress. It is logged out and on no leaderboard. Raises UserNotFound."""
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

    async def reactivate(self, user_id: UserId) -> User:
        """Reactivate an account: its owner can log in and is back on the leaderboards. Raises UserNotFound."""
        return await self._one(
            User,
            "users/reactivate",
            missing=UserNotFound(id=user_id),
            before=("users/lock_profile",),
            after=("leaderboards/refresh_scores",),
            user_id=user_id,
            is_listed=None,
        )

    async def delete(self, user_id: UserId) -> None:
        """Delete an account, its progress and every trace of its identity. Raises UserNotFound."""
        deleted = await self._values(
            "users/delete",
            before=(
                "erasure/forget_actor",
                "users/lock_profile",
                "erasure/forget_author",
                "erasure/forget_attempts",
                "leaderboards/refresh_scores",
            ),
            after=("erasure/forget_trail",),
            user_id=user_id,
            nobody_id=None,
            is_listed=False,
        )
        if not deleted:
            raise UserNotFound(id=user_id)

    async def export(self, user_id: UserId) -> AsyncGenerator[str]:
        """Yield all stored data about a learner, as the chunks of one JSON document (docs/learner-data.md).

        Secrets are left out: hashes of passwords and tokens, and the counts of failed logins. The data comes from one
        statement and so is consistent, while others go on working. A connection is in use until the last chunk is read
        or the generator is closed. Raises UserNotFound before the first chunk.
        """
        document = HeldDocument()
        async with aclosing(self._stream(HeldItem, "users/export", user_id=user_id)) as items:
            async for held in items:
                if chunk := document.add(held):
                    yield chunk
        if document.is_empty:
            raise UserNotFound(id=user_id)
        yield document.end()

    async def erase(self, user_id: UserId) -> None:
        """Erase a learner's identity for good: who they were, what they wrote and where they logged in.

        What they achieved stays under a new id that leads to nobody, and without times of day, so that totals and
        completion rates do not change. It is on no leaderboard. The address and user name are free again. Raises
        UserNotFound, also for an account that was already erased.
        """
        nobody_id: UUID = uuid4()
        params = {"user_id": user_id, "nobody_id": nobody_id}
        steps = [step(query, params) for query in _ERASURE]
        # As late as possible, because all learners share the leaderboards' count rows.
        for each in (nobody_id, user_id):
            steps.append(step("leaderboards/refresh_scores", {"user_id": each, "is_listed": False}))
        steps.append(step("users/delete", {"user_id": user_id})._replace(row_factory=scalar_row))
        steps.append(step("erasure/forget_trail", params, is_main=True))
        *_, deleted, _ = await self._executor.run(steps)
        if not deleted:
            raise UserNotFound(id=user_id)
