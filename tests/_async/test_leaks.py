"""A pool of one connection: however the work of one learner ends, nothing of it is there for who comes next."""

import pytest

from _async.method_calls import add_course, add_sample_learner
from _async.scope_endings import ENDINGS, check_nothing_leaks
from skilltree import AsyncDatabase


@pytest.fixture
async def two_learners(db):
    course = await add_course(db)
    return await add_sample_learner(db, "ada", course), await add_sample_learner(db, "grace", course)


@pytest.mark.parametrize("end", ENDINGS)
async def test_nothing_is_left_of_work_that_ends(db, app_url, connection, two_learners, end):
    ada, grace = two_learners

    async with AsyncDatabase(app_url, min_size=1, max_size=1, timeout=0.5, statement_timeout=1) as single:
        for _ in range(3):  # so that the statements are also prepared
            await ENDINGS[end](single, connection, ada)
            await check_nothing_leaks(single, ada, grace, statement_timeout="1s")
        assert single.statistics()["pool_size"] == 1

    assert await db.doctor.examine() == []
