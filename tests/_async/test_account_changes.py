"""Changes that owners make to their accounts: address, names, avatar. Reopening a closed account."""

import psycopg
import pytest

from _async.factories import add_session, add_skills, add_user, expect_refusal, rows, value, wait_for_lock_waiters
from concurrency import concurrently_async, failures, in_background_async
from layout import HELD_UP
from skilltree import AsyncDatabase
from skilltree.errors import (
    EmailTaken,
    InvalidCredentials,
    InvalidName,
    InvalidToken,
    InvalidValue,
    ServerUnavailable,
    SessionNotFound,
    TooManyAttempts,
    UnitOfWorkOpen,
    UsernameTaken,
    UserNotFound,
)

PASSWORD = "correct horse"
NEW = "augusta@example.org"


async def request(db, learner, email=NEW, current=PASSWORD, **given):
    return await db.accounts.request_email_change(learner.id, email, current=current, bcrypt_cost=4, **given)


async def accounts(connection):
    """Return the rows of accounts and links, without the counts of failed guesses."""
    return await rows(connection, "select users::text, user_tokens::text from users full join user_tokens on false")


# --- email addresses -------------------------------------------------------------------------------------------------


async def test_an_address_changes_after_its_owner_uses_the_link_sent_there(db, connection, learner):
    issued = await request(db, learner)
    assert (issued.user_id, issued.email) == (learner.id, NEW)
    assert (await db.users.get(learner.id)).email == "ada@example.org"

    user = await db.accounts.change_email(issued.token)

    assert (user.id, user.email, user.email_verified) == (learner.id, NEW, True)
    assert (await db.accounts.authenticate(NEW, PASSWORD, bcrypt_cost=4)).id == learner.id
    with pytest.raises(InvalidCredentials):
        await db.accounts.authenticate("ada@example.org", PASSWORD, bcrypt_cost=4)
    before, after = (
        await rows(connection, "select before, after from audit_trail where table_name = 'users' and before ? 'email'")
    )[0]
    assert (before["email"], after["email"]) == ("ada@example.org", NEW)


async def test_changing_the_address_ends_other_sessions_and_voids_other_links(db, connection, learner):
    kept = await db.sessions.start(learner.id)
    other = await db.sessions.start(learner.id)
    verification = await db.accounts.request_email_verification(learner.id)
    reset = await db.accounts.request_password_reset(learner.email)
    issued = await request(db, learner)

    await db.accounts.change_email(issued.token, keep_session_id=kept.session.id)

    assert (await db.sessions.resume(kept.token)).id == kept.session.id
    with pytest.raises(SessionNotFound):
        await db.sessions.resume(other.token)
    for use in (
        lambda: db.accounts.change_email(issued.token),
        lambda: db.accounts.verify_email(verification.token),
        lambda: db.accounts.reset_password(reset.token, "battery staple", bcrypt_cost=4),
    ):
        async with expect_refusal(connection, InvalidToken):
            await use()
    assert await value(connection, "select count(*) from user_tokens") == 0


async def test_an_address_in_use_is_refused_at_the_request_and_at_the_change(db, connection, learner):
    issued = await request(db, learner)
    grace = await add_user(db, "grace", email=NEW.upper())

    async with expect_refusal(connection, EmailTaken):
        await db.accounts.change_email(issued.token)
    before = await accounts(connection)
    with pytest.raises(EmailTaken):
        await request(db, learner, email="AUGUSTA@example.org")
    assert await accounts(connection) == before
    await db.users.delete(grace.id)
    assert (await db.accounts.change_email(issued.token)).email == NEW


async def test_an_owner_may_change_the_case_of_their_address(db, learner):
    issued = await request(db, learner, email="Ada@Example.org")

    assert (await db.accounts.change_email(issued.token)).email == "Ada@Example.org"


async def test_one_of_two_accounts_that_change_to_one_address_at_once_is_refused(db, connection, learner):
    grace = await add_user(db, "grace")
    links = [await request(db, each) for each in (learner, grace)]

    results = await concurrently_async(*[lambda link=link: db.accounts.change_email(link.token) for link in links])

    assert [type(failure) for failure in failures(results)] == [EmailTaken]
    assert await value(connection, "select count(*) from users where email = %s", NEW) == 1


async def test_a_wrong_password_changes_no_address_and_counts_as_a_failure(db, connection, learner):
    before = await accounts(connection)

    for _ in range(3):
        with pytest.raises(InvalidCredentials):
            await request(db, learner, current="wrong")
    with pytest.raises(TooManyAttempts):
        await request(db, learner)

    assert await accounts(connection) == before
    async with db.transaction() as unit:
        with pytest.raises(UnitOfWorkOpen):
            await request(unit, learner)


@pytest.mark.parametrize(
    "email", ["", "x", "a b@example.org", "a\u200bb@example.org", "x" * 250 + "@b.cd", "a@b\u00a0c"]
)
async def test_an_invalid_address_is_refused_before_a_mail_is_sent(db, connection, learner, email):
    before = await accounts(connection)

    with pytest.raises(InvalidValue) as refusal:
        await request(db, learner, email=email)

    assert refusal.value.field == "email"
    assert await accounts(connection) == before


GUESSES = "select max(failures) from login_attempts where identifier_hash = sha256(convert_to(%s, 'UTF8'))"


async def test_a_request_that_fails_takes_back_no_guesses(db, url, connection, learner):
    await request(db, learner)
    with pytest.raises(InvalidCredentials):
        await request(db, learner, current="wrong")

    async with await psycopg.AsyncConnection.connect(url) as other:
        await other.execute("select from user_tokens for update")
        async with in_background_async(lambda: request(db, learner)) as asked:
            await wait_for_lock_waiters(connection)
            await rows(connection, f"select pg_terminate_backend(pid) from pg_stat_activity where {HELD_UP}")

    assert isinstance(asked.exception(), ServerUnavailable)
    assert await value(connection, GUESSES, str(learner.id)) == 2


async def test_only_the_later_of_two_links_requested_at_once_is_valid(db, connection, learner):
    with pytest.raises(InvalidCredentials):
        await request(db, learner, current="wrong")

    links = await concurrently_async(*[lambda: request(db, learner)] * 2)

    assert failures(links) == []
    assert await value(connection, GUESSES, str(learner.id)) == 0
    changes = await concurrently_async(*[lambda link=link: db.accounts.change_email(link.token) for link in links])
    assert [type(failure) for failure in failures(changes)] == [InvalidToken]


async def test_a_link_becomes_void_with_a_newer_link_or_with_time(db, connection, learner):
    first, second = [await request(db, learner) for _ in range(2)]
    async with expect_refusal(connection, InvalidToken):
        await db.accounts.change_email(first.token)
    await connection.execute("update user_tokens set expires_at = now()")
    async with expect_refusal(connection, InvalidToken):
        await db.accounts.change_email(second.token)


async def test_failures_counted_for_the_old_address_are_forgotten(db, connection, learner):
    with pytest.raises(InvalidCredentials):
        await db.accounts.authenticate(learner.email, "wrong", address="192.0.2.7", bcrypt_cost=4)
    issued = await request(db, learner)

    await db.accounts.change_email(issued.token)

    left = await value(
        connection,
        "select count(*) from login_attempts"
        " where identifier_hash = sha256(convert_to(fold_name('ada@example.org'), 'UTF8'))",
    )
    assert left == 0


# --- names and avatar ------------------------------------------------------------------------------------------------


async def test_a_learner_changes_names_and_avatar(db, connection, learner, app_url):
    async with AsyncDatabase(app_url, min_size=1, max_size=1) as app:
        users = app.as_user(learner.id).users
        user = await users.update_account(
            learner.id, first_name="Augusta", last_name="King", avatar_url="https://example.org/zoë.png"
        )
        renamed = await app.as_user(learner.id).users.update_account(learner.id, username="augusta", last_name=None)

    assert (user.first_name, user.last_name, user.username) == ("Augusta", "King", "ada")
    assert (renamed.first_name, renamed.last_name, renamed.username) == ("Augusta", None, "augusta")
    assert renamed.avatar_url == "https://example.org/zoë.png"
    assert (await db.users.get(learner.id)) == renamed
    trail = await rows(
        connection, "select after, actor_id from audit_trail where table_name = 'users' and action = 'UPDATE'"
    )
    assert [(after["first_name"] if "first_name" in after else after["username"], actor) for after, actor in trail] == [
        ("Augusta", learner.id),
        ("augusta", learner.id),
    ]


async def test_no_learner_changes_the_names_of_another_learner(db, connection, learner, app_url):
    grace = await add_user(db, "grace")

    async with AsyncDatabase(app_url, min_size=1, max_size=1) as app, expect_refusal(connection, UserNotFound):
        await app.as_user(grace.id).users.update_account(learner.id, first_name="Eve")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, InvalidValue),
        ({"username": "GRACE"}, UsernameTaken),
        ({"username": "a\u202eda"}, InvalidName),
        ({"username": ""}, InvalidValue),
        ({"username": None}, InvalidValue),
        ({"first_name": "x" * 101}, InvalidValue),
        ({"last_name": "A\u202ea"}, InvalidName),
        ({"avatar_url": "javascript:alert(1)"}, InvalidValue),
        ({"avatar_url": "https://example.org/a b.png"}, InvalidValue),
        ({"avatar_url": "https://" + "x" * 2048}, InvalidValue),
        ({"email": "other@example.org"}, InvalidValue),
        ({"is_active": False}, InvalidValue),
    ],
    ids=str,
)
async def test_invalid_names_of_an_account_are_refused(db, connection, learner, given, error):
    await add_user(db, "grace")

    async with expect_refusal(connection, error):
        await db.users.update_account(learner.id, **given)


# --- reopening -------------------------------------------------------------------------------------------------------


async def test_a_closed_account_can_be_reopened(db, learner, tree):
    [skill] = await add_skills(db, tree, "html")
    await db.progress.complete_skill(learner.id, skill.id)
    started = await db.sessions.start(learner.id)
    await db.users.deactivate(learner.id)

    user = await db.users.reactivate(learner.id)

    assert user.is_active
    assert (await db.accounts.authenticate(learner.email, PASSWORD, bcrypt_cost=4)).id == learner.id
    assert [place.user_id for place in await db.leaderboards.top()] == [learner.id]
    with pytest.raises(SessionNotFound):
        await db.sessions.resume(started.token)
    assert await db.doctor.examine() == []


async def test_the_placeholder_of_an_erased_account_is_not_reopened(db, connection, learner):
    await db.users.erase(learner.id)
    nobody = await value(connection, "select id from users")

    async with expect_refusal(connection, UserNotFound):
        await db.users.reactivate(nobody)


async def test_the_session_that_changed_the_address_goes_on(db, learner):
    kept = await add_session(db, learner.id)
    issued = await request(db, learner)

    await db.accounts.change_email(issued.token, keep_session_id=kept.id)

    assert [session.id for session in await db.sessions.list_active(learner.id)] == [kept.id]
