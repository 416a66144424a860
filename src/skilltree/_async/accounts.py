"""Who somebody is: logging in, passwords, and links sent by mail."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

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

# How many hashes of one account a log-in checks: it changes when a password, or the cost of one, changes meanwhile.
_MOST_HASHES = 5


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
        """Return the account that somebody logs in to, and store its password at this cost if it was at a lower one.

        ``address`` is where the request comes from: without it, all who fail are counted as one. What goes wrong takes
        as long whether or not there is such an account. Raises InvalidCredentials, InvalidPassword, TooManyAttempts;
        UnitOfWorkOpen within a unit of work, whose end could undo what was counted.
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
        """Authenticate, and start a session in the same transaction: a password changed meanwhile starts none.

        See ``authenticate`` and ``sessions.start``, and what they raise.
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
        """Change a password and end the sessions, but for one that may go on; reset links are void.

        Guesses of the current one are counted, apart from log-ins. Raises InvalidCredentials when ``current`` is not
        the password, or not any more; InvalidPassword (see ``users.register``), TooManyAttempts; UnitOfWorkOpen within
        a unit of work.
        """
        require_password(current, cost=bcrypt_cost)
        require_new_password(new, min_length=min_password_length)
        held = await self._held(user_id)
        if held is not None:
            require_new_password(new, min_length=min_password_length, own_names=(held.email, held.username))
        held = await self._proven(user_id, held, current, bcrypt_cost)
        new_hash = await asyncio.to_thread(hash_password, new, cost=bcrypt_cost)
        changed = await self._values(
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
        """Return what to mail to an account's address for ``verify_email``. An older link becomes void.

        Raises UserNotFound, also for an account that is not in use.
        """
        issued = await self._issue("accounts/request_email_verification", user_id=user_id, valid_for=valid_for)
        if issued is None:
            raise UserNotFound(id=user_id)
        return issued

    async def verify_email(self, token: str) -> User:
        """Note that an address is its owner's, by the link that was sent there. Raises InvalidToken."""
        user_id, token_hash = _shown(token)
        return await self._one(
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
        """Return what to mail to a new address for ``change_email``; the old one stays the account's until then.

        ``current`` is the password, guesses of which are counted: a session somebody has found is no reason to hand the
        account over. An older link becomes void. Raises EmailTaken, InvalidValue, InvalidCredentials, InvalidPassword,
        TooManyAttempts; UnitOfWorkOpen within a unit of work.
        """
        require_password(current, cost=bcrypt_cost)
        await self._proven(user_id, await self._held(user_id), current, bcrypt_cost)
        issued = await self._issue(
            "accounts/request_email_change",
            user_id=user_id,
            email=email,
            valid_for=valid_for,
        )
        if issued is None:
            raise EmailTaken
        return issued

    async def change_email(self, token: str, *, keep_session_id: SessionId | None = None) -> User:
        """Give an account its new address, by the link that was sent there. All sessions end but one that may go on.

        Other links of the account are void. Tell the old address: who reads it may not have asked for this. Raises
        InvalidToken; EmailTaken when somebody else has the address meanwhile.
        """
        user_id, token_hash = _shown(token)
        return await self._one(
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
        """Return what to mail to an address for ``reset_password``; an older link becomes void.

        ``None`` when there is no such account in use, or it asked less than a minute ago. Answer the same in any case,
        and send the mail after the answer: otherwise the time that it takes tells who has an account.
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
        """Set a new password by a link that was sent for it, end all sessions, and count log-ins anew.

        Of two who use the same link one is refused. Raises InvalidToken, and InvalidPassword as
        ``users.register`` does; the link is good for another try then.
        """
        require_new_password(new, min_length=min_password_length)
        user_id, token_hash = _shown(token)
        names = await self._find(AccountNames, "accounts/check_reset", user_id=user_id, token_hash=token_hash)
        if names is None:
            raise InvalidToken
        require_new_password(new, min_length=min_password_length, own_names=(names.email, names.username))
        new_hash = await asyncio.to_thread(hash_password, new, cost=bcrypt_cost)
        return await self._one(
            User,
            "accounts/reset_password",
            missing=InvalidToken(),
            before=("accounts/lock",),
            user_id=user_id,
            token_hash=token_hash,
            new_hash=new_hash,
        )

    async def forget_attempts(self, *, limit: int = 1000) -> int:
        """Forget counted log-ins of more than a day ago, at most ``limit`` of them, and return how many."""
        return len(await self._values("accounts/forget_attempts", limit=limited(limit, "limit")))

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
        """Check a password, and return what comes of a log-in that succeeds."""
        require_password(password, cost=bcrypt_cost)
        attempt = await self._attempt(email, network)
        password_hash = attempt.password_hash
        for _ in range(_MOST_HASHES):
            matches = await asyncio.to_thread(check_password, password, password_hash, cost=bcrypt_cost)
            if not matches or not attempt.is_active or password_hash is None:
                raise InvalidCredentials
            new_hash = None
            if cost_of(password_hash) < bcrypt_cost:
                new_hash = await asyncio.to_thread(hash_password, password, cost=bcrypt_cost)
            found = await self._all(
                model,
                query,
                # In the order in which all hold them: two who log in at once do not meet in a deadlock.
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
            # The hash is another one meanwhile: of another password, or of the same one at a higher cost.
            held = await self._held(attempt.user_id)
            password_hash = None if held is None else held.password_hash
        raise ConcurrentUpdate(f"the password was changed {_MOST_HASHES} times during one log-in: try again")

    async def _attempt(self, email: str, network: str | None) -> LoginAttempt:
        """Count an attempt as failed before it is made. Raises TooManyAttempts when it has to wait."""
        if self._executor.is_unit_of_work:
            raise UnitOfWorkOpen("a password is checked in transactions of its own, not within a unit of work")
        attempt = await self._one(
            LoginAttempt, "accounts/begin_login", before=("accounts/hold_attempts",), email=email, network=network
        )
        if attempt.retry_after:
            raise TooManyAttempts(attempt.retry_after)
        return attempt

    async def _held(self, user_id: UserId | None) -> HeldPassword | None:
        return await self._find(HeldPassword, "accounts/password_hash", user_id=user_id)

    async def _proven(self, user_id: UserId, held: HeldPassword | None, current: str, bcrypt_cost: int) -> HeldPassword:
        """Return what is held on an account to who knows its password; guesses are counted."""
        await self._attempt(str(user_id), None)
        password_hash = None if held is None else held.password_hash
        matches = await asyncio.to_thread(check_password, current, password_hash, cost=bcrypt_cost)
        if held is None or not matches:
            raise InvalidCredentials
        return held

    async def _issue(self, query: str, **params: object) -> IssuedToken | None:
        secret = new_secret()
        granted = await self._find(TokenGrant, query, token_hash=digest(secret), **params)
        if granted is None:
            return None
        return IssuedToken(
            user_id=granted.user_id,
            email=granted.email,
            token=token(granted.user_id, secret),
            expires_at=granted.expires_at,
        )


def _shown(text: str) -> tuple[UserId, bytes]:
    shown = read_token(text)
    if shown is None:
        raise InvalidToken
    return shown
