"""A pool of one connection: however the work of one learner ends, nothing of it is there for who comes next."""

import pytest

from _async.calls import add_belongings, add_course
from _async.ends import ENDS, check_nothing_is_left
from skilltree import AsyncDatabase


@pytest.fixture
async def people(db):
    course = await add_course(db)
    return await add_belongings(db, "ada", course), await add_belongings(db, "grace", course)


@pytest.mark.parametrize("end", ENDS)
async def test_nothing_is_left_of_work_that_ends(db, app_url, connection, people, end):
    ada, grace = people

    async with AsyncDatabase(app_url, min_size=1, max_size=1, timeout=0.5, statement_timeout=1) as single:
        for _ in range(3):  # so that the statements are also prepared
            await ENDS[end](single, connection, ada)
            await check_nothing_is_left(single, ada, grace, statement_timeout="1s")
        assert single.statistics()["pool_size"] == 1

    assert await db.doctor.examine() == []
