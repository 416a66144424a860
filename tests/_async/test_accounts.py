"""Authentication: logging in, passwords, and links sent by mail."""

import base64
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import bcrypt
import pytest

from _async.factories import add_session, add_user, case, expect_nothing_written, expect_refusal, rows, value
from concurrency import concurrently_async, failures
from layout import earlier
from skilltree.errors import (
    InvalidCredentials,
    InvalidPassword,
    InvalidToken,
    InvalidValue,
    SessionNotFound,
    SkillTreeError,
    TooManyAttempts,
    UserNotFound,
)

EMAIL, PASSWORD = "ada@example.org", "correct horse"
HOME, ELSEWHERE = "192.0.2.7", "198.51.100.1"


async def log_in(db, password=PASSWORD, email=EMAIL, address=HOME, cost=4):
    return await db.accounts.authenticate(email, password, address=address, bcrypt_cost=cost)


async def fail(db, times=1, **given):
    """Log in with a wrong password this many times, and return the errors."""
    return [await failure(db, **given) for _ in range(times)]


async def failure(db, guess="wrong", **given):
    try:
        await log_in(db, guess, **given)
    except SkillTreeError as error:
        return type(error)
    return None


async def wait(connection, seconds):
    """Age the counted failures by this many seconds."""
    await connection.execute(
        f"update login_attempts set last_failed_at = {earlier('last_failed_at')}", [timedelta(seconds=seconds)]
    )


# --- logging in ------------------------------------------------------------------------------------------------------


async def test_the_owner_of_an_account_logs_in(db, connection, learner):
    user = await log_in(db, email="ADA@example.org")

    assert user.id == learner.id
    assert user.last_login_at is not None
    assert await value(connection, "select last_login_at from users") == user.last_login_at


async def test_every_failed_log_in_gets_the_same_error(db, connection, learner):
    closed = await add_user(db, "grace")
    await db.users.deactivate(closed.id)
    messages = set()

    for email, password in [
        (EMAIL, "wrong"),
        (EMAIL, PASSWORD.upper()),
        ("nobody@example.org", PASSWORD),
        ("not an address", PASSWORD),
        ("", PASSWORD),
        (closed.email, PASSWORD),
    ]:
        with pytest.raises(InvalidCredentials) as refusal:
            await log_in(db, password, email, address=None)
        messages.add(str(refusal.value))
        await wait(connection, 60)

    assert len(messages) == 1
    assert await value(connection, "select count(*) from users where last_login_at is not null") == 0


async def test_an_invalid_password_is_refused_at_once(db, connection, learner, subtests):
    for password in ["", "x" * 73, "nul\0", "\ud800", None, b"correct horse", 5]:
        async with case(subtests, password):
            with pytest.raises(InvalidPassword):
                await log_in(db, password)


async def test_an_invalid_bcrypt_cost_is_refused(db, learner, subtests):
    for cost in [3, 32, "4", None, 4.0, True]:
        async with case(subtests, cost):
            with pytest.raises(InvalidPassword):
                await log_in(db, cost=cost)


async def test_an_invalid_ip_address_is_refused_before_anything_is_counted(db, connection, learner):
    async with expect_refusal(connection, InvalidValue):
        await log_in(db, address="localhost")


async def test_a_password_is_hashed_again_when_the_cost_rises(db, connection, learner):
    before = await value(connection, "select password_hash from users")

    await log_in(db, cost=5)

    after = await value(connection, "select password_hash from users")
    assert (before[:7], after[:7]) == ("$2b$04$", "$2b$05$")
    assert bcrypt.checkpw(PASSWORD.encode(), after.encode())
    await log_in(db, cost=4)
    assert await value(connection, "select password_hash from users") == after


async def test_no_connection_is_held_while_a_password_is_hashed(url, db, learner):
    async with type(db)(url, max_size=1, timeout=1) as small:
        results = await concurrently_async(*[lambda: log_in(small, cost=10)] * 3)

    assert [result.id for result in results] == [learner.id] * 3


async def test_a_log_in_takes_the_same_statements_with_and_without_an_account(proxied, proxy, connection, db):
    await add_user(db)
    counts = []
    for email in (EMAIL, "nobody@example.org"):
        proxy.reset()
        await fail(proxied, email=email)
        counts.append((proxy.round_trips, len(proxy.statements())))

    assert counts[0] == counts[1]
    assert counts[0][0] == 1


# --- too many attempts -----------------------------------------------------------------------------------------------


async def test_after_three_failures_each_attempt_waits_longer(db, connection, learner):
    assert await fail(db, 3) == [InvalidCredentials] * 3

    waits = []
    for _ in range(8):
        with pytest.raises(TooManyAttempts) as refusal:
            await log_in(db)
        waits.append(refusal.value.retry_after)
        await wait(connection, refusal.value.retry_after)
        assert await failure(db) is InvalidCredentials

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_a_log_in_after_the_wait_resets_the_count(db, connection, learner):
    await fail(db, 3)
    await wait(connection, 1)

    await log_in(db)

    assert await fail(db, 4) == [InvalidCredentials] * 3 + [TooManyAttempts]


async def test_an_attempt_that_was_refused_is_not_counted(db, connection, learner):
    await fail(db, 3)

    async with expect_nothing_written(connection):
        await fail(db, 20)


async def test_failures_are_forgotten_after_an_hour(db, connection, learner):
    await fail(db, 3)
    await wait(connection, 3600)

    assert await fail(db, 4) == [InvalidCredentials] * 3 + [TooManyAttempts]


async def test_an_account_that_does_not_exist_is_counted_too(db):
    assert await fail(db, 4, email="nobody@example.org") == [InvalidCredentials] * 3 + [TooManyAttempts]


async def test_an_address_in_another_case_counts_as_the_same_account(db, learner):
    assert await fail(db, 3) == [InvalidCredentials] * 3

    assert await failure(db, email="ADA@EXAMPLE.ORG") is TooManyAttempts


async def test_addresses_of_one_ipv6_network_count_as_one(db, learner):
    for number in range(3):
        await fail(db, address=f"2001:db8::{number}")

    assert await failure(db, address="2001:db8::ffff:1") is TooManyAttempts
    assert await failure(db, address="2001:db8:0:1::1") is InvalidCredentials


async def test_an_ipv4_address_written_as_ipv6_counts_as_the_same(db, learner):
    await fail(db, 3, address=HOME)

    assert await failure(db, address=f"::ffff:{HOME}") is TooManyAttempts
    assert await failure(db, address=f"::ffff:{ELSEWHERE}") is InvalidCredentials


async def test_guesses_from_everywhere_do_not_lock_out_known_addresses_and_lock_out_others_for_a_minute(
    db, connection, learner
):
    await log_in(db, address=HOME)
    for number in range(40):
        await fail(db, 2, address=f"203.0.113.{number}")

    assert await failure(db, address="203.0.113.1") is TooManyAttempts
    assert (await log_in(db, address=HOME)).id == learner.id
    with pytest.raises(TooManyAttempts) as refusal:
        await log_in(db, address=ELSEWHERE)
    await wait(connection, 60)
    assert refusal.value.retry_after <= 60
    assert (await log_in(db, address=ELSEWHERE)).id == learner.id


async def test_guesses_at_many_accounts_from_one_address_must_wait(db, learner):
    await log_in(db, address=HOME)
    for number in range(50):
        await fail(db, email=f"{number}@example.org", address=HOME)

    assert await failure(db, email="0@example.org") is TooManyAttempts
    assert (await log_in(db, address=HOME)).id == learner.id


async def test_log_ins_without_an_address_count_together_per_account_only(db, learner):
    for number in range(60):
        assert await failure(db, email=f"{number}@example.org", address=None) is InvalidCredentials

    assert (await log_in(db, address=None)).id == learner.id


async def test_concurrent_guesses_are_all_counted(db, learner):
    results = await concurrently_async(*[lambda: failure(db)] * 16)

    assert sorted(result.__name__ for result in results) == ["InvalidCredentials"] * 3 + ["TooManyAttempts"] * 13


async def test_expired_counts_are_deleted_in_batches(db, connection, learner):
    await log_in(db, address=HOME)
    for number in range(3):
        await fail(db, email=f"{number}@example.org", address=ELSEWHERE)
    await wait(connection, 25 * 3600)

    assert await db.accounts.forget_attempts(limit=2) == 2
    await db.accounts.forget_attempts()

    assert await rows(connection, "select network from login_attempts") == [(HOME,)]
    await connection.execute("update login_attempts set succeeded_at = now() - interval '181 days'")
    assert await db.accounts.forget_attempts() == 1


async def test_counts_hold_no_email_address(db, connection, learner):
    await fail(db, email="secret@example.org")

    assert "secret" not in str(await rows(connection, "select login_attempts::text from login_attempts"))


# --- changing a password ---------------------------------------------------------------------------------------------


async def change(db, learner, current=PASSWORD, new="battery staple", **given):
    await db.accounts.change_password(learner.id, current=current, new=new, bcrypt_cost=4, **given)


async def test_a_changed_password_works_at_once_and_ends_other_sessions(db, learner):
    kept, other = [await add_session(db, learner.id) for _ in range(2)]

    await change(db, learner, keep_session_id=kept.id)

    assert [session.id for session in await db.sessions.list_active(learner.id)] == [kept.id]
    assert other.id != kept.id
    assert (await log_in(db, "battery staple")).id == learner.id
    assert await failure(db, PASSWORD) is InvalidCredentials


async def test_changing_a_password_needs_the_current_one(db, connection, learner):
    await add_session(db, learner.id)
    stranger = learner.model_copy(update={"id": UUID(int=0)})
    kept = "select password_hash, user_sessions.is_active, ended_at from users join user_sessions on user_id = users.id"
    before = await rows(connection, kept)

    for given in ({"current": "wrong"}, {"learner": stranger}):
        with pytest.raises(InvalidCredentials):
            await change(db, **{"learner": learner, **given})
    for given in ({"new": ""}, {"new": "x" * 73}):
        async with expect_refusal(connection, InvalidPassword):
            await change(db, **{"learner": learner, **given})

    assert await rows(connection, kept) == before


async def test_one_of_two_concurrent_password_changes_is_refused(db, learner):
    results = await concurrently_async(
        lambda: change(db, learner, new="the first one"), lambda: change(db, learner, new="the second one")
    )

    assert {type(result) for result in results} == {type(None), InvalidCredentials}


# --- links sent by mail ----------------------------------------------------------------------------------------------


async def test_an_address_is_verified_by_the_link_sent_to_it(db, learner):
    issued = await db.accounts.request_email_verification(learner.id)

    verified = await db.accounts.verify_email(issued.token)

    assert (issued.user_id, issued.email) == (learner.id, EMAIL)
    assert verified.email_verified
    with pytest.raises(InvalidToken):
        await db.accounts.verify_email(issued.token)


async def test_a_link_does_not_verify_an_address_set_later(db, connection, learner):
    verification = await db.accounts.request_email_verification(learner.id)
    reset = await db.accounts.request_password_reset(EMAIL)
    await connection.execute("update users set email = 'new@example.org'")

    with pytest.raises(InvalidToken):
        await db.accounts.verify_email(verification.token)
    with pytest.raises(InvalidToken):
        await db.accounts.reset_password(reset.token, "battery staple", bcrypt_cost=4)
    assert not await value(connection, "select email_verified from users")
    assert await failure(db, "battery staple", email="new@example.org") is InvalidCredentials


async def test_a_link_sets_a_new_password(db, connection, learner):
    started = await db.sessions.start(learner.id)
    await fail(db, 4)
    issued = await db.accounts.request_password_reset(EMAIL.upper())

    user = await db.accounts.reset_password(issued.token, "battery staple", bcrypt_cost=4)

    assert (user.id, issued.email) == (learner.id, EMAIL)
    assert (await log_in(db, "battery staple")).id == learner.id
    with pytest.raises(SessionNotFound):
        await db.sessions.resume(started.token)
    with pytest.raises(InvalidToken):
        await db.accounts.reset_password(issued.token, "once again", bcrypt_cost=4)


async def test_only_the_hash_of_a_link_is_stored(db, connection, learner):
    issued = await db.accounts.request_password_reset(EMAIL)

    secret = base64.urlsafe_b64decode(issued.token)[16:]
    assert len(secret) == 32
    assert await value(connection, "select token_hash from user_tokens") == sha256(secret).digest()
    assert issued.token not in repr(issued)


async def test_only_an_open_account_can_reset_its_password(db, connection, learner):
    async with expect_nothing_written(connection):
        assert await db.accounts.request_password_reset("nobody@example.org") is None
    await db.users.deactivate(learner.id)
    async with expect_nothing_written(connection):
        assert await db.accounts.request_password_reset(EMAIL) is None
    async with expect_refusal(connection, UserNotFound):
        await db.accounts.request_email_verification(learner.id)


async def test_a_newer_link_voids_the_older_one_but_not_within_a_minute(db, connection, learner):
    first = await db.accounts.request_password_reset(EMAIL)
    assert await db.accounts.request_password_reset(EMAIL) is None
    await connection.execute(f"update user_tokens set created_at = {earlier('created_at')}", ["61 seconds"])
    second = await db.accounts.request_password_reset(EMAIL)

    with pytest.raises(InvalidToken):
        await db.accounts.reset_password(first.token, "the first one", bcrypt_cost=4)
    await db.accounts.reset_password(second.token, "the second one", bcrypt_cost=4)


async def test_a_link_expires(db, connection, learner):
    verification = await db.accounts.request_email_verification(learner.id)
    reset = await db.accounts.request_password_reset(EMAIL)
    await connection.execute("update user_tokens set expires_at = now()")

    async with expect_refusal(connection, InvalidToken):
        await db.accounts.verify_email(verification.token)
    async with expect_refusal(connection, InvalidToken):
        await db.accounts.reset_password(reset.token, "battery staple", bcrypt_cost=4)


async def test_a_link_works_for_its_purpose_only(db, connection, learner):
    verification = await db.accounts.request_email_verification(learner.id)
    reset = await db.accounts.request_password_reset(EMAIL)

    async with expect_refusal(connection, InvalidToken):
        await db.accounts.verify_email(reset.token)
    async with expect_refusal(connection, InvalidToken):
        await db.accounts.reset_password(verification.token, "battery staple", bcrypt_cost=4)


async def test_a_changed_password_voids_the_links_that_would_change_it(db, learner):
    issued = await db.accounts.request_password_reset(EMAIL)
    await change(db, learner)

    with pytest.raises(InvalidToken):
        await db.accounts.reset_password(issued.token, "once again", bcrypt_cost=4)


async def test_one_of_two_concurrent_uses_of_a_link_is_refused(db, learner):
    issued = await db.accounts.request_password_reset(EMAIL)

    results = await concurrently_async(
        *[lambda: db.accounts.reset_password(issued.token, "battery staple", bcrypt_cost=4)] * 6
    )

    assert [type(failure) for failure in failures(results)] == [InvalidToken] * 5


async def test_an_invalid_password_does_not_use_up_a_link(db, learner):
    issued = await db.accounts.request_password_reset(EMAIL)

    with pytest.raises(InvalidPassword):
        await db.accounts.reset_password(issued.token, "", bcrypt_cost=4)
    await db.accounts.reset_password(issued.token, "battery staple", bcrypt_cost=4)


async def test_an_invalid_token_is_refused_as_void(db, connection, learner, subtests):
    for wrong in ["", "x", "A" * 64, "A" * 65, "é" * 64, "\ud800", None, 5, b"x"]:
        async with case(subtests, wrong):
            async with expect_refusal(connection, InvalidToken):
                await db.accounts.verify_email(wrong)
            async with expect_refusal(connection, InvalidToken):
                await db.accounts.reset_password(wrong, "battery staple", bcrypt_cost=4)


async def test_closing_an_account_ends_its_sessions_and_voids_its_links(db, connection, learner):
    started = await db.sessions.start(learner.id)
    issued = await db.accounts.request_password_reset(EMAIL)

    await db.users.deactivate(learner.id)

    assert await value(connection, "select count(*) from user_sessions where is_active") == 0
    assert await value(connection, "select count(*) from user_tokens") == 0
    await connection.execute("update users set is_active = true")
    with pytest.raises(SessionNotFound):
        await db.sessions.resume(started.token)
    with pytest.raises(InvalidToken):
        await db.accounts.reset_password(issued.token, "once again", bcrypt_cost=4)
