"""A pool of one connection: however the work of one learner ends, the next user of the connection sees none of it."""

import pytest

from _async.method_calls import add_course, add_sample_learner
from _async.scope_endings import ENDINGS, check_nothing_leaks
from skilltree import AsyncDatabase


@pytest.fixture
async def two_learners(db):
    course = await add_course(db)
    return await add_sample_learner(db, "ada", course), await add_sample_learner(db, "grace", course)


@pytest.mark.parametrize("end", ENDINGS)
async def test_nothing_leaks_after_the_work_of_a_learner_ends(db, app_url, connection, two_learners, end):
    ada, grace = two_learners

    async with AsyncDatabase(app_url, min_size=1, max_size=1, timeout=0.5, statement_timeout=1) as single:
        for _ in range(3):  # often enough for statements to be prepared
            await ENDINGS[end](single, connection, ada)
            await check_nothing_leaks(single, ada, grace, statement_timeout="1s")
        assert single.statistics()["pool_size"] == 1

    assert await db.doctor.examine() == []
