"""Accounts and profiles."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from uuid import UUID, uuid4

from psycopg.rows import scalar_row
from pydantic import TypeAdapter
from typing_extensions import Unpack

from skilltree._async.repository import AsyncRepository, AsyncStep
from skilltree._core.arguments import PasswordLength
from skilltree._core.learner_export import HeldDocument
from skilltree._core.passwords import DEFAULT_COST, MIN_LENGTH, HashedPassword, hash_password, require_new_password
from skilltree._core.rows import Params, changes, in_order, rows_of, several
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


_DELETION = ("erasure/forget_actor", "users/lock_profile", "erasure/forget_author", "erasure/forget_attempts")
"""The first steps of the deletion of an account."""


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
        return await self.one(
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
        return await self.one(User, "users/get", missing=UserNotFound(id=user_id), user_id=user_id)

    async def get_many(self, user_ids: Sequence[UserId]) -> list[User]:
        """Return accounts in the order of these ids, at most 1,000, in one statement. Raises UserNotFound."""
        rows = await self.all(User, "users/get_many", user_ids=several(user_ids, "user_ids"))
        return in_order(rows, user_ids, missing=UserNotFound)

    async def find_by_email(self, email: str) -> User | None:
        """Return the account with this address or one that looks the same, or ``None``."""
        return await self.find(User, "users/find_by_email", email=email)

    async def find_by_username(self, username: str) -> User | None:
        """Return the account with this user name or one that looks the same, or ``None``."""
        return await self.find(User, "users/find_by_username", username=username)

    async def get_profile(self, user_id: UserId) -> UserProfile:
        """Return a learner's profile. Raises UserNotFound."""
        return await self.one(UserProfile, "users/get_profile", missing=UserNotFound(id=user_id), user_id=user_id)

    async def get_profiles(self, user_ids: Sequence[UserId]) -> list[UserProfile]:
        """Return profiles in the order of these ids, at most 1,000, in one statement. Raises UserNotFound."""
        rows = await self.all(UserProfile, "users/get_profiles", user_ids=several(user_ids, "user_ids"))
        return in_order(rows, user_ids, missing=UserNotFound, key="user_id")

    async def update_profile(self, user_id: UserId, **changed: Unpack[ProfileChanges]) -> UserProfile:
        """Change the given fields of a learner's profile. Raises UserNotFound, InvalidValue."""
        moves = "is_on_leaderboard" in changed
        return await self.one(
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
        return await self.one(
            User,
            "users/update_account",
            missing=UserNotFound(id=user_id),
            user_id=user_id,
            changes=changes(_ACCOUNT_CHANGES, changed),
        )

    async def mark_email_verified(self, user_id: UserId) -> User:
        """Mark an account's e-mail address as verified. Raises UserNotFound."""
        return await self.one(User, "users/mark_email_verified", missing=UserNotFound(id=user_id), user_id=user_id)

    async def deactivate(self, user_id: UserId) -> User:
        """Deactivate an account and keep its progress. It is logged out and on no leaderboard. Raises UserNotFound."""
        return await self.one(
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
        return await self.one(
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
        params = {"user_id": user_id, "nobody_id": None, "is_listed": False}
        await self._end_account(
            [
                *(self.step(query, params) for query in _DELETION),
                *self._own_erasure(params),
                self.step("leaderboards/refresh_scores", params),
            ],
            params,
        )

    async def export(self, user_id: UserId) -> AsyncGenerator[str]:
        """Yield all stored data about a learner, as the chunks of one JSON document (docs/learner-data.md).

        Secrets are left out: hashes of passwords and tokens, and the counts of failed logins. The data comes from one
        statement and so is consistent, while others go on working; the sections of an application's repositories
        follow, from statements of their own. A connection is in use until the last chunk is read or the generator is
        closed. Raises UserNotFound before the first chunk.
        """
        document = HeldDocument()
        params = {"user_id": user_id}
        async with aclosing(self.stream(HeldItem, "users/export", **params)) as items:
            async for held in items:
                if chunk := document.add(held):
                    yield chunk
        if document.is_empty:
            raise UserNotFound(id=user_id)
        for query in self._executor.hooks.exports:
            step = AsyncStep(query, params, rows_of(HeldItem, query))
            async with aclosing(self._executor.stream(step)) as items:
                async for held in items:
                    if chunk := document.add_own(held, query.file):
                        yield chunk
        yield document.end()

    async def erase(self, user_id: UserId) -> None:
        """Erase a learner's identity for good: who they were, what they wrote and where they logged in.

        What they achieved stays under a new id that leads to nobody, and without times of day, so that totals and
        completion rates do not change. It is on no leaderboard. The address and user name are free again. Raises
        UserNotFound, also for an account that was already erased.
        """
        nobody_id: UUID = uuid4()
        params = {"user_id": user_id, "nobody_id": nobody_id}
        steps = [*(self.step(query, params) for query in _ERASURE), *self._own_erasure(params)]
        # As late as possible, because all learners share the leaderboards' count rows.
        for each in (nobody_id, user_id):
            steps.append(self.step("leaderboards/refresh_scores", {"user_id": each, "is_listed": False}))
        await self._end_account(steps, params)

    def _own_erasure(self, params: Params) -> list[AsyncStep[None]]:
        """Return the steps that erase a learner's rows in an application's tables."""
        return [AsyncStep(query, params, None) for query in self._executor.hooks.erases]

    async def _end_account(self, steps: list[AsyncStep[None]], params: Params) -> None:
        """Run the steps, and delete the account with what refers to it. Raises UserNotFound."""
        delete = AsyncStep(self.step("users/delete", params).query, params, scalar_row, is_main=True)
        forget = [self.step("erasure/forget_entries", params), self.step("erasure/forget_trail", params)]
        *_, deleted, _, _ = await self.run(*steps, delete, *forget)
        if not deleted:
            raise UserNotFound(id=params["user_id"])
