import base64
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege

from _async.factories import add_session, add_user, case, expect_nothing_written, expect_refusal, parameter_id, value
from skilltree import AsyncDatabase
from skilltree.errors import (
    IdTaken,
    InvalidDocument,
    InvalidValue,
    PermissionDenied,
    SessionNotFound,
    UserNotFound,
)

UNKNOWN = UUID(int=0)


async def test_a_new_session_is_active(db, learner):
    session = await add_session(db, learner.id)

    assert (session.user_id, session.is_active, session.ended_at) == (learner.id, True, None)
    assert (session.device_info, session.ip_address) == (None, None)
    assert session.started_at == session.last_activity_at
    assert await db.sessions.list_active(learner.id) == [session]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("192.0.2.7", IPv4Address("192.0.2.7")),
        ("2001:db8::7", IPv6Address("2001:db8::7")),
        (IPv4Address("192.0.2.7"), IPv4Address("192.0.2.7")),
        (IPv6Address("::1"), IPv6Address("::1")),
        ("::ffff:192.0.2.7", IPv6Address("::ffff:192.0.2.7")),
    ],
)
async def test_a_session_stores_ipv4_and_ipv6_addresses(db, learner, given, stored):
    assert (await add_session(db, learner.id, address=given)).ip_address == stored


async def test_a_session_stores_its_device(db, learner):
    own = uuid4()

    session = await add_session(db, learner.id, id=own, device_info={"browser": "Firefox", "userAgent": "x", "dpi": 96})

    assert session.id == own
    assert (session.device_info.browser, session.device_info.user_agent) == ("Firefox", "x")
    assert session.device_info.model_extra == {"dpi": 96}


async def test_an_invalid_address_is_refused(db, connection, learner, subtests):
    for address in ["", "localhost", "192.0.2.256", "192.0.2.0/24", "nul\0", "\ud800", "1"]:
        async with case(subtests, address):
            async with expect_refusal(connection, InvalidValue) as refusal:
                await add_session(db, learner.id, address=address)

            assert refusal.value.field == "address"


@pytest.mark.parametrize(
    "device_info",
    [
        {"browser": 5},
        pytest.param({"dpi": object()}, id="an object"),
        [],
        "Firefox",
    ],
    ids=parameter_id,
)
async def test_an_invalid_device_document_is_refused(db, connection, learner, device_info):
    async with expect_refusal(connection, InvalidValue):
        await add_session(db, learner.id, device_info=device_info)


async def test_an_invalid_device_document_is_refused_with_its_path(db, connection, learner):
    async with expect_refusal(connection, InvalidDocument) as refusal:
        await add_session(db, learner.id, device_info={"userAgent": 5})

    assert (refusal.value.field, refusal.value.path) == ("device_info", ("userAgent",))


async def test_a_session_of_an_unknown_account_is_refused(db, connection):
    async with expect_refusal(connection, UserNotFound):
        await add_session(db, UNKNOWN)


async def test_a_session_id_in_use_is_refused(db, connection, learner):
    session = await add_session(db, learner.id)

    async with expect_refusal(connection, IdTaken):
        await add_session(db, learner.id, id=session.id)


async def test_touching_a_session_updates_its_last_use(db, learner):
    session = await add_session(db, learner.id)

    touched = await db.sessions.touch(learner.id, session.id)

    assert touched.last_activity_at > session.last_activity_at
    assert touched.model_copy(update={"last_activity_at": session.last_activity_at}) == session


async def test_a_session_ends_once(db, connection, learner):
    session = await add_session(db, learner.id)

    ended = await db.sessions.end(learner.id, session.id)

    assert not ended.is_active
    assert ended.ended_at >= ended.started_at
    assert await db.sessions.list_active(learner.id) == []
    async with expect_refusal(connection, SessionNotFound):
        await db.sessions.end(learner.id, session.id)
    async with expect_refusal(connection, SessionNotFound):
        await db.sessions.touch(learner.id, session.id)


async def test_a_session_of_another_learner_cannot_be_used_or_ended(db, connection, learner):
    other = await add_user(db, "grace")
    session = await add_session(db, learner.id)

    async with expect_refusal(connection, SessionNotFound):
        await db.sessions.touch(other.id, session.id)
    async with expect_refusal(connection, SessionNotFound):
        await db.sessions.end(other.id, session.id)


async def test_an_unknown_session_is_not_found(db, learner):
    with pytest.raises(SessionNotFound):
        await db.sessions.touch(learner.id, UNKNOWN)
    with pytest.raises(SessionNotFound):
        await db.sessions.end(learner.id, UNKNOWN)


async def test_all_sessions_of_a_learner_end_at_once(db, learner):
    other = await add_user(db, "grace")
    kept = await add_session(db, other.id)
    for _ in range(3):
        await add_session(db, learner.id)

    assert await db.sessions.end_all(learner.id) == 3
    assert await db.sessions.end_all(learner.id) == 0
    assert await db.sessions.list_active(learner.id) == []
    assert await db.sessions.list_active(other.id) == [kept]


async def test_all_sessions_but_one_end_at_once(db, learner):
    kept = await add_session(db, learner.id)
    await add_session(db, learner.id)

    assert await db.sessions.end_all(learner.id, except_session_id=kept.id) == 1
    assert await db.sessions.list_active(learner.id) == [kept]


async def test_active_sessions_are_listed_most_recently_used_first(db, learner):
    first = await add_session(db, learner.id)
    second = await add_session(db, learner.id)
    first = await db.sessions.touch(learner.id, first.id)

    assert await db.sessions.list_active(learner.id) == [first, second]
    assert await db.sessions.list_active(UNKNOWN) == []


async def test_a_session_that_could_not_be_resumed_is_not_touched(db, connection, learner):
    session = await add_session(db, learner.id)
    await connection.execute("update user_sessions set last_activity_at = now() - interval '7 days'")

    async with expect_refusal(connection, SessionNotFound):
        await db.sessions.touch(learner.id, session.id)
    assert (await db.sessions.touch(learner.id, session.id, idle_for=timedelta(days=8))).id == session.id


async def test_a_session_that_could_not_be_resumed_is_not_listed(db, connection, learner):
    first, second = await db.sessions.start(learner.id), await db.sessions.start(learner.id)
    await connection.execute(
        "update user_sessions set last_activity_at = now() - interval '7 days' where id = %s", [first.session.id]
    )

    assert await db.sessions.list_active(learner.id) == [second.session]
    with pytest.raises(SessionNotFound):
        await db.sessions.resume(first.token)
    assert len(await db.sessions.list_active(learner.id, idle_for=timedelta(days=8))) == 2
    assert (await db.sessions.resume(first.token, idle_for=timedelta(days=8))).id == first.session.id


async def test_idle_sessions_of_all_learners_expire_longest_unused_first(db, connection, learner):
    other = await add_user(db, "grace")
    sessions = [await add_session(db, user.id) for user in (learner, other, learner)]
    for hours, session in enumerate(sessions, start=1):
        await connection.execute(
            "update user_sessions set last_activity_at = now() - make_interval(hours => %s) where id = %s",
            [hours, session.id],
        )

    assert await db.sessions.expire_idle(timedelta(minutes=90), limit=1) == 1
    assert {left.id for left in await db.sessions.list_active(learner.id)} == {sessions[0].id}
    assert await db.sessions.expire_idle(timedelta(minutes=90)) == 1
    assert await db.sessions.expire_idle(timedelta(minutes=90)) == 0
    assert await value(connection, "select count(*) from user_sessions where is_active = (ended_at is null)") == 3


async def test_a_session_being_touched_does_not_expire(db, connection, learner):
    session = await add_session(db, learner.id)
    await connection.execute("update user_sessions set last_activity_at = now() - interval '1 day'")

    async with db.transaction() as unit:
        await unit.sessions.touch(learner.id, session.id)
        expired = await db.sessions.expire_idle(timedelta(hours=1))

    assert expired == 0
    assert await db.sessions.expire_idle(timedelta(hours=1)) == 0


@pytest.mark.parametrize(
    "given",
    [{"limit": -1}, {"limit": "all"}, {"idle_for": "long ago"}],
    ids=parameter_id,
)
async def test_an_invalid_idle_time_is_refused(db, connection, learner, given):
    await add_session(db, learner.id)

    async with expect_refusal(connection, InvalidValue):
        await db.sessions.expire_idle(**{"idle_for": timedelta(hours=1), **given})


# --- tokens ----------------------------------------------------------------------------------------------------------


async def test_a_token_resumes_its_session(db, learner):
    started = await db.sessions.start(learner.id, address="192.0.2.7")

    resumed = await db.sessions.resume(started.token)

    assert resumed == started.session


async def test_only_the_hash_of_a_token_is_stored(db, connection, learner):
    started = await db.sessions.start(learner.id)

    secret = base64.urlsafe_b64decode(started.token)[16:]
    assert len(secret) == 32
    assert await value(connection, "select token_hash from user_sessions") == sha256(secret).digest()
    assert started.token not in repr(started)
    assert not hasattr(started.session, "token_hash")


async def test_tokens_are_all_different(db, learner):
    tokens = {(await db.sessions.start(learner.id)).token for _ in range(10)}

    assert len({token[22:] for token in tokens}) == 10


async def test_an_invalid_token_resumes_no_session(db, connection, learner, subtests):
    token = (await db.sessions.start(learner.id)).token
    other = await add_user(db, "grace")
    stolen = base64.urlsafe_b64encode(other.id.bytes + base64.urlsafe_b64decode(token)[16:]).decode()

    for wrong in [
        "",
        "x",
        token[:-4],
        f"{token}AAAA",
        token.swapcase(),
        stolen,
        "é" * 64,
        "\ud800",
        "\0",
        None,
        5,
        b"x",
    ]:
        async with case(subtests, wrong):
            async with expect_refusal(connection, SessionNotFound):
                await db.sessions.resume(wrong)


@pytest.mark.parametrize(
    "change",
    [
        "update user_sessions set expires_at = now()",
        "update user_sessions set last_activity_at = now() - interval '7 days'",
        "update user_sessions set is_active = false, ended_at = now()",
        "update users set is_active = false",
    ],
)
async def test_an_ended_session_is_not_resumed(db, connection, learner, change):
    started = await db.sessions.start(learner.id)
    await connection.execute(change)

    async with expect_refusal(connection, SessionNotFound):
        await db.sessions.resume(started.token)


async def test_the_caller_sets_how_long_a_session_may_be_idle(db, connection, learner):
    started = await db.sessions.start(learner.id)
    await connection.execute("update user_sessions set last_activity_at = now() - interval '1 hour'")

    with pytest.raises(SessionNotFound):
        await db.sessions.resume(started.token, idle_for=timedelta(minutes=59))
    assert await db.sessions.resume(started.token, idle_for=timedelta(minutes=61))


async def test_the_last_use_of_a_session_is_updated_once_a_minute(db, connection, learner):
    started = await db.sessions.start(learner.id)

    async with expect_nothing_written(connection):
        await db.sessions.resume(started.token)
    await connection.execute("update user_sessions set last_activity_at = now() - interval '61 seconds'")
    resumed = await db.sessions.resume(started.token)

    assert resumed.last_activity_at >= started.session.last_activity_at
    assert await value(connection, "select last_activity_at from user_sessions") == resumed.last_activity_at


async def test_a_session_expires_even_if_it_is_in_use(db, connection, learner):
    started = await db.sessions.start(learner.id, valid_for=timedelta(hours=1))
    assert started.session.expires_at - started.session.started_at == timedelta(hours=1)
    await connection.execute("update user_sessions set expires_at = now()")

    assert await db.sessions.list_active(learner.id) == []
    with pytest.raises(SessionNotFound):
        await db.sessions.touch(learner.id, started.session.id)
    assert await db.sessions.expire_idle() == 1
    assert not await value(connection, "select is_active from user_sessions")


async def test_a_learner_lists_and_ends_sessions_without_access_to_token_hashes(url, db, learner):
    other = await add_user(db, "grace")
    others = await add_session(db, other.id)
    first, second = [await add_session(db, learner.id) for _ in range(2)]

    async with AsyncDatabase(make_conninfo(url, user="skilltree_app")) as application:
        me = application.as_user(learner.id)
        assert {session.id for session in await me.sessions.list_active(learner.id)} == {first.id, second.id}
        assert not (await me.sessions.end(learner.id, first.id)).is_active
        assert await me.sessions.list_active(other.id) == []
        with pytest.raises(SessionNotFound):
            await me.sessions.end(other.id, others.id)
        assert await me.sessions.end_all(other.id) == 0
        with pytest.raises(PermissionDenied):
            await me.sessions.start(learner.id)

    async with await AsyncConnection.connect(url) as connection:
        await connection.execute("select begin_as_user(%s)", [learner.id])
        with pytest.raises(InsufficientPrivilege):
            await connection.execute("select token_hash from user_sessions")
