"""Behind PgBouncer in transaction mode, clients share a server connection, and no learner sees another's rows."""

import asyncio
import os
import socket
from collections.abc import Iterator

import psycopg
import pytest

from _async.scope_endings import ENDINGS, check_nothing_leaks
from _sync.method_calls import SampleLearner, add_course, add_sample_learner
from pgbouncer import KNOWS_PREPARED, needs_pgbouncer, pgbouncer
from skilltree import AsyncDatabase, Database
from skilltree.errors import ScopeMissing, ServerUnavailable, UserNotFound

pytestmark = needs_pgbouncer


@pytest.fixture
def two_learners(migrated_url: str) -> tuple[SampleLearner, SampleLearner]:
    with Database(migrated_url) as db:
        course = add_course(db)
        return add_sample_learner(db, "ada", course), add_sample_learner(db, "grace", course)


@pytest.fixture
def short_time_limit(migrated_url: str) -> None:
    """Limit a learner's statements to a second on the server. PgBouncer does not pass on a limit of the client."""
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'alter role skilltree_app in database "{name}" set statement_timeout = 1000')


@pytest.fixture(params=["unprepared", "prepared"])
def pooled(
    request: pytest.FixtureRequest, migrated_url: str, short_time_limit: None
) -> Iterator[tuple[str, int | None]]:
    """The URL of a PgBouncer with one server connection, and the number of runs before a statement is prepared."""
    prepares = request.param == "prepared"
    with pgbouncer(migrated_url, prepares=prepares) as url:
        yield url, 5 if prepares else None


@pytest.mark.parametrize("end", ENDINGS)
async def test_nothing_leaks_after_the_work_of_a_learner_ends(migrated_url, pooled, two_learners, end):
    url, prepare_threshold = pooled
    ada, grace = two_learners

    async with (
        AsyncDatabase(url, max_size=1, timeout=0.5, prepare_threshold=prepare_threshold) as db,
        await psycopg.AsyncConnection.connect(migrated_url, autocommit=True) as connection,
    ):
        for _ in range(3 if end == "by a time out" else 7):
            await ENDINGS[end](db, connection, ada)
            await check_nothing_leaks(db, ada, grace, statement_timeout="1s")

    with Database(migrated_url) as owner:
        assert owner.doctor.examine() == []


@pytest.mark.parametrize("says_so", [True, False], ids=["closed", "disconnected"])
async def test_nothing_leaks_after_a_client_disconnects_during_its_work(migrated_url, pooled, two_learners, says_so):
    url, _ = pooled
    ada, grace = two_learners

    async with AsyncDatabase(url, max_size=1, timeout=5, prepare_threshold=None) as db:
        for _ in range(5):
            client = psycopg.connect(url, autocommit=True, prepare_threshold=None)
            client.execute("begin")
            client.execute("select begin_as_user(%s)", [ada.user_id])
            found = client.execute("select count(*) from users").fetchone()
            assert found == (1,)
            if not says_so:
                end = socket.socket(fileno=os.dup(client.fileno()))
                end.shutdown(socket.SHUT_RDWR)
                end.close()
            client.close()
            await check_nothing_leaks(db, ada, grace, statement_timeout="1s")


async def test_learners_who_share_a_connection_see_their_own_rows_only(pooled, two_learners):
    url, prepare_threshold = pooled
    if not KNOWS_PREPARED:
        prepare_threshold = None

    async def work(learner: SampleLearner, other: SampleLearner) -> None:
        async with AsyncDatabase(url, max_size=2, timeout=20, prepare_threshold=prepare_threshold) as db:
            for _ in range(25):
                me = db.as_user(learner.user_id)
                assert (await me.users.get(learner.user_id)).email == learner.email
                with pytest.raises(UserNotFound):
                    await me.users.get(other.user_id)
                with pytest.raises(ScopeMissing):
                    await db.users.get(learner.user_id)
                async with db.as_user(learner.user_id) as unit:
                    await unit.progress.record_activity(learner.user_id, learner.begun_id, minutes=1)
                    assert await unit.progress.for_skill(other.user_id, other.begun_id) is None

    ada, grace = two_learners
    await asyncio.gather(work(ada, grace), work(grace, ada))


async def test_a_statement_timeout_given_to_the_client_is_refused(pooled):
    url, _ = pooled
    with pytest.raises(ServerUnavailable, match="unsupported startup parameter"):
        await AsyncDatabase(url, statement_timeout=1).open()
