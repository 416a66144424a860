"""Attacks on accounts: one guess for each of many accounts, log-ins rolled back, sessions that are just starting."""

from contextlib import AsyncExitStack

import pytest

from _async.factories import add_user, expect_refusal, rows, wait_for_lock_waiters
from concurrency import concurrently_async, failures, in_background_async
from skilltree.errors import InvalidCredentials, SessionNotFound, TooManyAttempts, UnitOfWorkOpen, UserNotFound
from skilltree.passwords import hash_password

EMAIL, PASSWORD, NEW = "ada@example.org", "correct horse", "battery staple"
HOME, ELSEWHERE = "192.0.2.7", "198.51.100.1"


async def log_in(db, password=PASSWORD, email=EMAIL, address=HOME):
    return await db.accounts.authenticate(email, password, address=address, bcrypt_cost=4)


async def failure(db, **given):
    with pytest.raises((InvalidCredentials, TooManyAttempts)) as refusal:
        await log_in(db, "wrong", **given)
    return type(refusal.value)


# --- guesses ---------------------------------------------------------------------------------------------------------


async def test_one_guess_at_each_of_many_accounts_from_one_address_must_wait(db):
    found = [await failure(db, email=f"nobody{number}@example.org") for number in range(60)]

    assert found == [InvalidCredentials] * 50 + [TooManyAttempts] * 10


async def test_one_guess_from_each_of_many_addresses_at_one_account_must_wait(db, learner):
    found = [await failure(db, address=f"2001:db8:0:{number:x}::1") for number in range(30)]

    assert found == [InvalidCredentials] * 20 + [TooManyAttempts] * 10


async def test_a_failed_log_in_counts_even_if_the_unit_of_work_rolls_back(db, connection, learner):
    async with expect_refusal(connection, UnitOfWorkOpen), db.transaction() as unit:
        await log_in(unit, "wrong")
    async with expect_refusal(connection, UnitOfWorkOpen), db.as_service() as unit:
        await unit.accounts.change_password(learner.id, current=PASSWORD, new=NEW, bcrypt_cost=4)


async def test_guesses_of_the_current_password_must_wait_but_do_not_block_log_ins(db, connection, learner):
    for _ in range(3):
        with pytest.raises(InvalidCredentials):
            await db.accounts.change_password(learner.id, current="wrong", new=NEW, bcrypt_cost=4)

    with pytest.raises(TooManyAttempts):
        await db.accounts.change_password(learner.id, current=PASSWORD, new=NEW, bcrypt_cost=4)
    assert (await log_in(db)).id == learner.id


async def test_an_invalid_hash_lets_nobody_log_in_and_reveals_nothing(db, connection, learner):
    await connection.execute("update users set password_hash = '$2b$04$' || repeat('a', 53)")

    assert await failure(db) is InvalidCredentials


async def test_concurrent_log_ins_from_one_address_do_not_deadlock(db, learner):
    others = [await add_user(db, f"learner{number}") for number in range(6)]

    for _ in range(5):
        results = await concurrently_async(*[lambda user=user: log_in(db, email=user.email) for user in others * 2])
        assert failures(results) == []

    assert db.statistics()["retries"] == 0


# --- sessions that are just starting ---------------------------------------------------------------------------------


async def test_a_session_that_is_just_starting_ends_when_the_password_changes(db, connection, learner):
    async with AsyncExitStack() as until_changed, db.transaction() as unit:
        await unit.sessions.start(learner.id)
        changed = await until_changed.enter_async_context(
            in_background_async(
                lambda: db.accounts.change_password(learner.id, current=PASSWORD, new=NEW, bcrypt_cost=4)
            )
        )
        await wait_for_lock_waiters(connection)

    assert changed.exception() is None
    assert await db.sessions.list_active(learner.id) == []


async def test_a_session_that_is_just_starting_ends_when_the_password_is_reset(db, connection, learner):
    link = await db.accounts.request_password_reset(EMAIL)

    async with AsyncExitStack() as until_reset, db.transaction() as unit:
        await unit.sessions.start(learner.id)
        reset = await until_reset.enter_async_context(
            in_background_async(lambda: db.accounts.reset_password(link.token, NEW, bcrypt_cost=4))
        )
        await wait_for_lock_waiters(connection)

    assert reset.exception() is None
    assert await db.sessions.list_active(learner.id) == []


async def start(db, password=PASSWORD, cost=4):
    return await db.accounts.log_in(EMAIL, password, address=HOME, bcrypt_cost=cost)


async def test_log_in_starts_a_session_and_counts_failures_as_authenticate_does(db, connection, learner):
    await connection.execute("update users set last_login_at = null")

    started = await start(db, cost=5)

    assert started.session.user_id == learner.id
    assert str(started.session.ip_address) == HOME
    assert await db.sessions.resume(started.token) == started.session
    assert await rows(connection, "select last_login_at is null, left(password_hash, 7) from users") == [
        (False, "$2b$05$")
    ]
    for _ in range(3):
        with pytest.raises(InvalidCredentials):
            await start(db, "wrong")
    with pytest.raises(TooManyAttempts):
        await start(db)
    assert await db.sessions.list_active(learner.id) == [started.session]


async def test_no_session_starts_with_a_password_that_is_being_changed(db, connection, learner):
    async with AsyncExitStack() as until_started, db.transaction() as unit:
        await unit._connection.execute("update users set password_hash = $1", [hash_password(NEW, cost=4)])
        started = await until_started.enter_async_context(in_background_async(lambda: start(db)))
        await wait_for_lock_waiters(connection)

    assert isinstance(started.exception(), InvalidCredentials)
    assert await rows(connection, "select from user_sessions") == []


async def test_a_session_that_log_in_is_creating_ends_when_the_password_changes(db, connection, learner):
    async with AsyncExitStack() as until_done, db.transaction() as unit:
        # The log-in has checked the password. It waits while it holds the lock on its account.
        await unit._connection.execute("lock table user_sessions in share mode")
        started = await until_done.enter_async_context(in_background_async(lambda: start(db)))
        await wait_for_lock_waiters(connection)
        changed = await until_done.enter_async_context(
            in_background_async(
                lambda: db.accounts.change_password(learner.id, current=PASSWORD, new=NEW, bcrypt_cost=4)
            )
        )
        await wait_for_lock_waiters(connection, 2)

    assert (started.exception(), changed.exception()) == (None, None)
    with pytest.raises(SessionNotFound):
        await db.sessions.resume(started.result().token)


async def test_no_session_starts_for_an_account_that_is_being_closed(db, connection, learner):
    async with AsyncExitStack() as until_started, db.transaction() as unit:
        await unit.users.deactivate(learner.id)
        started = await until_started.enter_async_context(in_background_async(lambda: db.sessions.start(learner.id)))
        await wait_for_lock_waiters(connection)

    assert isinstance(started.exception(), UserNotFound)
    assert await rows(connection, "select from user_sessions") == []


async def test_no_session_starts_for_a_closed_account(db, connection, learner):
    await db.users.deactivate(learner.id)

    async with expect_refusal(connection, UserNotFound):
        await db.sessions.start(learner.id)
