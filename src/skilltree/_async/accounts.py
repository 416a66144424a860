"""Logging in, passwords, and links sent by mail."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from skilltree._async.repository import AsyncRepository, M
from skilltree._async.sessions import LONGEST
from skilltree._core.arguments import PasswordLength
from skilltree._core.ip_addresses import Address, address_of, network_of
from skilltree._core.login_rows import AccountNames, HeldPassword, LoginAttempt, TokenGrant
from skilltree._core.passwords import (
    DEFAULT_COST,
    MIN_LENGTH,
    check_password,
    cost_of,
    hash_password,
    require_new_password,
    require_password,
)
from skilltree._core.rows import document, limited
from skilltree._core.tokens import digest, new_secret, read_token, token
from skilltree.errors import (
    ConcurrentUpdate,
    EmailTaken,
    InvalidCredentials,
    InvalidToken,
    TooManyAttempts,
    UnitOfWorkOpen,
    UserNotFound,
)
from skilltree.models.content import DEVICE, DeviceInfo
from skilltree.models.ids import SessionId, UserId
from skilltree.models.sessions import Session, StartedSession
from skilltree.models.users import IssuedToken, User

# How often one login checks the password again because its hash changed meanwhile (a new password or a higher cost).
_MAX_HASHES = 5


class AsyncAccounts(AsyncRepository):
    """Logging in, passwords, and links sent by mail.

    No connection is held while a password is hashed.
    """

    async def authenticate(
        self,
        email: str,
        password: str,
        *,
        address: Address | str | None = None,
        bcrypt_cost: int = DEFAULT_COST,
    ) -> User:
        """Check a login and return the account. A password stored at a lower bcrypt cost is hashed again at this one.

        ``address`` is the IP address of the request; without it, all failed logins count as from one place. A failure
        takes the same time whether or not the account exists. Raises InvalidCredentials, InvalidPassword and
        TooManyAttempts. Raises UnitOfWorkOpen inside a unit of work, because its rollback could undo the count.
        """
        return await self._log_in(
            User,
            "accounts/finish_login",
            email=email,
            password=password,
            network=network_of(address),
            bcrypt_cost=bcrypt_cost,
        )

    async def log_in(
        self,
        email: str,
        password: str,
        *,
        address: Address | str | None = None,
        device_info: DeviceInfo | Mapping[str, object] | None = None,
        valid_for: timedelta = LONGEST,
        bcrypt_cost: int = DEFAULT_COST,
    ) -> StartedSession:
        """Authenticate and start a session in one transaction. A password changed meanwhile starts no session.

        See ``authenticate`` and ``sessions.start`` for the arguments and errors.
        """
        secret = new_secret()
        session = await self._log_in(
            Session,
            "sessions/start",
            before=("accounts/finish_login",),
            email=email,
            password=password,
            network=network_of(address),
            bcrypt_cost=bcrypt_cost,
            id=None,
            token_hash=digest(secret),
            device_info=document(DEVICE, device_info, "device_info"),
            ip_address=address_of(address),
            valid_for=valid_for,
        )
        return StartedSession(session=session, token=token(session.user_id, secret))

    async def change_password(
        self,
        user_id: UserId,
        *,
        current: str,
        new: str,
        keep_session_id: SessionId | None = None,
        min_password_length: PasswordLength = MIN_LENGTH,
        bcrypt_cost: int = DEFAULT_COST,
    ) -> None:
        """Change a password, end all sessions but ``keep_session_id``, and void the account's reset links.

        Wrong guesses of ``current`` are counted, apart from logins. Raises InvalidCredentials if ``current`` is not the
        password; InvalidPassword (see ``users.register``); TooManyAttempts; UnitOfWorkOpen inside a unit of work.
        """
        require_password(current, cost=bcrypt_cost)
        require_new_password(new, min_length=min_password_length)
        held = await self._find_password(user_id)
        if held is not None:
            require_new_password(new, min_length=min_password_length, own_names=(held.email, held.username))
        held = await self._verify_password(user_id, held, current, bcrypt_cost)
        new_hash = await asyncio.to_thread(hash_password, new, cost=bcrypt_cost)
        changed = await self.values(
            "accounts/change_password",
            before=("accounts/hold_attempts", "accounts/lock"),
            email=str(user_id),
            network=None,
            user_id=user_id,
            password_hash=held.password_hash,
            new_hash=new_hash,
            keep_session_id=keep_session_id,
        )
        if not changed:
            raise InvalidCredentials

    async def request_email_verification(
        self, user_id: UserId, *, valid_for: timedelta = timedelta(days=1)
    ) -> IssuedToken:
        """Return a token to mail to the account's address, for ``verify_email``. An older token becomes void.

        Raises UserNotFound, also for an inactive account.
        """
        issued = await self._issue("accounts/request_email_verification", user_id=user_id, valid_for=valid_for)
        if issued is None:
            raise UserNotFound(id=user_id)
        return issued

    async def verify_email(self, token: str) -> User:
        """Mark an e-mail address as verified, with the token that was sent to it. Raises InvalidToken."""
        user_id, token_hash = _parse_token(token)
        return await self.one(
            User, "accounts/verify_email", missing=InvalidToken(), user_id=user_id, token_hash=token_hash
        )

    async def request_email_change(
        self,
        user_id: UserId,
        email: str,
        *,
        current: str,
        valid_for: timedelta = timedelta(days=1),
        bcrypt_cost: int = DEFAULT_COST,
    ) -> IssuedToken:
        """Return a token to mail to a new address, for ``change_email``. The old address stays valid until then.

        ``current`` is the password: an open session alone must not be enough to take over the account. Wrong guesses
        are counted. An older token becomes void. Raises EmailTaken, InvalidValue, InvalidCredentials, InvalidPassword
        and TooManyAttempts; UnitOfWorkOpen inside a unit of work.
        """
        require_password(current, cost=bcrypt_cost)
        await self._verify_password(user_id, await self._find_password(user_id), current, bcrypt_cost)
        issued = await self._issue(
            "accounts/request_email_change",
            before=("accounts/take_back_guesses",),
            user_id=user_id,
            email=email,
            valid_for=valid_for,
        )
        if issued is None:
            raise EmailTaken
        return issued

    async def change_email(self, token: str, *, keep_session_id: SessionId | None = None) -> User:
        """Set an account's new address, with the token that was sent to it. Ends all sessions but ``keep_session_id``.

        The account's other tokens become void. Tell the old address about the change: its owner may not have asked for
        it. Raises InvalidToken; EmailTaken if another account has taken the address meanwhile.
        """
        user_id, token_hash = _parse_token(token)
        return await self.one(
            User,
            "accounts/change_email",
            missing=InvalidToken(),
            before=("accounts/lock",),
            user_id=user_id,
            token_hash=token_hash,
            keep_session_id=keep_session_id,
        )

    async def request_password_reset(
        self, email: str, *, valid_for: timedelta = timedelta(hours=1)
    ) -> IssuedToken | None:
        """Return a token to mail to an address, for ``reset_password``. An older token becomes void.

        Returns ``None`` if no active account has this address, or if it requested a token less than a minute ago. Give
        the same answer in all cases and send the mail afterwards. Otherwise the response time shows who has an account.
        """
        return await self._issue("accounts/request_password_reset", email=email, valid_for=valid_for)

    async def reset_password(
        self,
        token: str,
        new: str,
        *,
        min_password_length: PasswordLength = MIN_LENGTH,
        bcrypt_cost: int = DEFAULT_COST,
    ) -> User:
        """Set a new password with the token that was sent for it, end all sessions, and reset the count of logins.

        Only one of two concurrent calls with the same token succeeds. Raises InvalidToken, and InvalidPassword like
        ``users.register``; after InvalidPassword the token stays valid.
        """
        require_new_password(new, min_length=min_password_length)
        user_id, token_hash = _parse_token(token)
        names = await self.find(AccountNames, "accounts/check_reset", user_id=user_id, token_hash=token_hash)
        if names is None:
            raise InvalidToken
        require_new_password(new, min_length=min_password_length, own_names=(names.email, names.username))
        new_hash = await asyncio.to_thread(hash_password, new, cost=bcrypt_cost)
        return await self.one(
            User,
            "accounts/reset_password",
            missing=InvalidToken(),
            before=("accounts/lock",),
            user_id=user_id,
            token_hash=token_hash,
            new_hash=new_hash,
        )

    async def forget_attempts(self, *, limit: int = 1000) -> int:
        """Delete counted logins older than one day, at most ``limit`` of them, and return how many."""
        return len(await self.values("accounts/forget_attempts", limit=limited(limit, "limit")))

    async def _log_in(
        self,
        model: type[M],
        query: str,
        *,
        before: Sequence[str] = (),
        email: str,
        password: str,
        network: str | None,
        bcrypt_cost: int,
        **given: object,
    ) -> M:
        """Check a password, run the query of a successful login, and return its row."""
        require_password(password, cost=bcrypt_cost)
        attempt = await self._attempt(email, network)
        password_hash = attempt.password_hash
        for _ in range(_MAX_HASHES):
            matches = await asyncio.to_thread(check_password, password, password_hash, cost=bcrypt_cost)
            if not matches or not attempt.is_active or password_hash is None:
                raise InvalidCredentials
            new_hash = None
            if cost_of(password_hash) < bcrypt_cost:
                new_hash = await asyncio.to_thread(hash_password, password, cost=bcrypt_cost)
            found = await self.all(
                model,
                query,
                # Every login locks these rows in the same order, so that two logins cannot deadlock.
                before=("accounts/hold_attempts", *before),
                after=(),
                user_id=attempt.user_id,
                password_hash=password_hash,
                new_hash=new_hash,
                email=email,
                network=network,
                **given,
            )
            if found:
                return found[0]
            # The hash has changed: another password, or the same one at a higher cost.
            held = await self._find_password(attempt.user_id)
            password_hash = None if held is None else held.password_hash
        raise ConcurrentUpdate(f"the password was changed {_MAX_HASHES} times during one login: try again")

    async def _attempt(self, email: str, network: str | None) -> LoginAttempt:
        """Count an attempt as failed before the password is checked. Raises TooManyAttempts during a waiting time."""
        if self._executor.is_unit_of_work:
            raise UnitOfWorkOpen("a password check runs in its own transactions, not inside a unit of work")
        attempt = await self.one(
            LoginAttempt, "accounts/begin_login", before=("accounts/hold_attempts",), email=email, network=network
        )
        if attempt.retry_after:
            raise TooManyAttempts(attempt.retry_after)
        return attempt

    async def _find_password(self, user_id: UserId | None) -> HeldPassword | None:
        return await self.find(HeldPassword, "accounts/password_hash", user_id=user_id)

    async def _verify_password(
        self, user_id: UserId, held: HeldPassword | None, current: str, bcrypt_cost: int
    ) -> HeldPassword:
        """Return the stored password if ``current`` matches it. Wrong guesses are counted."""
        await self._attempt(str(user_id), None)
        password_hash = None if held is None else held.password_hash
        matches = await asyncio.to_thread(check_password, current, password_hash, cost=bcrypt_cost)
        if held is None or not matches:
            raise InvalidCredentials
        return held

    async def _issue(self, query: str, *, before: Sequence[str] = (), **params: Any) -> IssuedToken | None:
        secret = new_secret()
        if not (rows := await self.all(TokenGrant, query, before=before, token_hash=digest(secret), **params)):
            return None
        granted = rows[0]
        return IssuedToken(
            user_id=granted.user_id,
            email=granted.email,
            token=token(granted.user_id, secret),
            expires_at=granted.expires_at,
        )


def _parse_token(text: str) -> tuple[UserId, bytes]:
    parsed = read_token(text)
    if parsed is None:
        raise InvalidToken
    return parsed
