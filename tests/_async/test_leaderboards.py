"""Leaderboards: exact ranks computed from counts."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from _async.factories import add_skills, add_tree, add_user, expect_refusal, rows, value
from concurrency import concurrently_async
from skilltree.errors import InvalidValue
from skilltree.models.enums import Leaderboard

# The same ranks as those of the query, by counting everyone above.
RANKS = """
    select rank() over (order by xp desc), user_id
    from user_scores
    where board = %s and is_listed
    order by xp desc, reached_at, user_id
"""


async def add_learners(db, *names):
    return [await add_user(db, name) for name in names]


async def add_priced(db, tree, **prices):
    return [await db.skills.create(tree.id, name=name, key=name, xp_value=xp) for name, xp in prices.items()]


async def complete(db, learner, *skills, at=None):
    for skill in skills:
        await db.progress.complete_skill(learner.id, skill.id, at=at)


def summary(places):
    return [(place.rank, place.username, place.xp) for place in places]


async def test_learners_with_equal_xp_share_a_rank_and_the_earlier_is_listed_first(db, tree):
    html, css, sql = await add_priced(db, tree, html=10, css=20, sql=30)
    ada, ben, cem, dia = await add_learners(db, "ada", "ben", "cem", "dia")
    await complete(db, dia, html)
    await complete(db, cem, sql)
    await complete(db, ben, html, css)
    await complete(db, ada, html, css, sql)

    places = await db.leaderboards.top()

    assert summary(places) == [(1, "ada", 60), (2, "cem", 30), (2, "ben", 30), (4, "dia", 10)]
    assert [await db.leaderboards.rank(learner.id) for learner in (ada, ben, cem, dia)] == [1, 2, 2, 4]


async def test_a_learner_without_xp_has_no_rank(db, tree, learner):
    await add_skills(db, tree, "html")
    await db.progress.start_tree(learner.id, tree.id)

    assert await db.leaderboards.rank(learner.id) is None
    assert await db.leaderboards.around(learner.id) == []
    assert await db.leaderboards.top() == []


async def test_a_skill_worth_0_xp_puts_nobody_on_a_leaderboard(db, tree, learner):
    (free,) = await add_priced(db, tree, free=0)
    await complete(db, learner, free)

    assert await db.leaderboards.rank(learner.id) is None


async def test_weeks_start_on_monday_and_months_on_the_first_in_utc(db, tree, learner):
    html, css, sql = await add_priced(db, tree, html=10, css=20, sql=40)
    sunday = datetime(2025, 8, 31, 23, 59, tzinfo=UTC)
    monday = datetime(2025, 9, 1, 0, 0, tzinfo=UTC)
    await complete(db, learner, html, at=sunday)
    await complete(db, learner, css, at=monday)
    await complete(db, learner, sql, at=monday + timedelta(days=8))

    async def xp(board, at):
        return [place.xp for place in await db.leaderboards.top(board=board, at=at)]

    assert await xp(Leaderboard.WEEK, sunday) == [10]
    assert await xp(Leaderboard.WEEK, monday) == [20]
    assert await xp(Leaderboard.MONTH, sunday) == [10]
    assert await xp(Leaderboard.MONTH, monday) == [60]
    assert await xp(Leaderboard.ALL_TIME, None) == [70]
    assert await xp(Leaderboard.WEEK, None) == []


async def test_around_shows_neighbours_with_their_exact_ranks(db, tree):
    prices = {f"s{xp}": xp for xp in (5, 10, 10.5, 20)}
    skills = await add_priced(db, tree, **{name: int(xp) for name, xp in prices.items()})
    learners = await add_learners(db, *(f"u{number:02}" for number in range(12)))
    for number, learner in enumerate(learners):
        await complete(db, learner, *skills[: number // 3 + 1])

    places = await db.leaderboards.around(learners[5].id, n=4)

    # u03 to u05 have 15 XP; u06 to u08 have 25 and rank above them; u09 to u11 have 45.
    assert summary(places) == [
        (4, "u07", 25),
        (4, "u08", 25),
        (7, "u03", 15),
        (7, "u04", 15),
        (7, "u05", 15),
        (10, "u00", 5),
        (10, "u01", 5),
        (10, "u02", 5),
    ]


async def test_ranks_equal_one_plus_the_learners_above(db, connection, tree):
    chance = random.Random(7)  # noqa: S311 (not for secrets)
    worth = [1, 5, 63, 64, 65, 640, 4095, 4096, 100_000, 999_999]
    skills = await add_priced(db, tree, **{f"s{xp}": xp for xp in worth})
    learners = await add_learners(db, *(f"u{number}" for number in range(40)))
    for learner in learners:
        await complete(db, learner, *chance.sample(skills, chance.randint(1, 4)))

    for board in Leaderboard:
        expected = await rows(connection, RANKS, board)
        for place, (rank, user_id) in enumerate(expected):
            assert await db.leaderboards.rank(user_id, board=board) == rank
            neighbours = expected[max(place - 3, 0) : place + 4]
            found = await db.leaderboards.around(user_id, n=3, board=board)
            assert [(each.rank, each.user_id) for each in found] == neighbours
        assert [(each.rank, each.user_id) for each in await db.leaderboards.top(1000, board=board)] == expected


async def test_a_learner_can_leave_and_rejoin_all_leaderboards(db, connection, tree):
    html, css = await add_priced(db, tree, html=10, css=20)
    ada, ben = await add_learners(db, "ada", "ben")
    await complete(db, ada, css, at=datetime(2025, 3, 1, tzinfo=UTC))
    await complete(db, ben, html)

    await db.users.update_profile(ada.id, is_on_leaderboard=False)
    away = await db.leaderboards.top(), await db.leaderboards.rank(ada.id), await db.leaderboards.rank(ben.id)
    await complete(db, ada, html)
    await db.users.update_profile(ada.id, is_on_leaderboard=True)

    assert (summary(away[0]), away[1], away[2]) == ([(1, "ben", 10)], None, 1)
    assert summary(await db.leaderboards.top()) == [(1, "ada", 30), (2, "ben", 10)]
    past = await db.leaderboards.top(board=Leaderboard.MONTH, at=datetime(2025, 3, 9, tzinfo=UTC))
    assert summary(past) == [(1, "ada", 20)]


@pytest.mark.parametrize("leave", ["deactivate", "delete"])
async def test_closed_and_deleted_accounts_leave_the_leaderboards(db, connection, tree, leave):
    html, css = await add_priced(db, tree, html=10, css=20)
    ada, ben = await add_learners(db, "ada", "ben")
    await complete(db, ada, css)
    await complete(db, ben, html)

    await getattr(db.users, leave)(ada.id)

    assert summary(await db.leaderboards.top()) == [(1, "ben", 10)]
    assert await db.leaderboards.rank(ben.id) == 1
    counted = "select sum(c) from leaderboard_counts, unnest(counts) as c where board = 'ALL_TIME' and level = 0"
    assert await value(connection, counted) == 1


async def test_ranks_stay_exact_after_concurrent_completions(db, connection, tree):
    skills = await add_priced(db, tree, **{f"s{number}": 7 for number in range(6)})
    learners = await add_learners(db, *(f"u{number}" for number in range(16)))

    completions = [(each, skill) for skill in skills for each in learners[:12]] + [
        (each, skills[0]) for each in learners
    ]
    await concurrently_async(
        *(lambda each=each, skill=skill: db.progress.complete_skill(each.id, skill.id) for each, skill in completions)
    )

    expected = await rows(connection, RANKS, "ALL_TIME")
    assert len(expected) == 16
    for rank, user_id in expected:
        assert await db.leaderboards.rank(user_id) == rank


@pytest.mark.parametrize("n", [0, -1, 1001])
async def test_a_number_of_places_out_of_range_is_refused(db, connection, learner, n):
    async with expect_refusal(connection, InvalidValue, match="n must be from 1 to 1000"):
        await db.leaderboards.top(n)
    async with expect_refusal(connection, InvalidValue, match="n must be from 1 to 1000"):
        await db.leaderboards.around(learner.id, n=n)


async def test_xp_of_achievements_counts_on_leaderboards(db, tree, learner):
    (html,) = await add_priced(db, tree, html=10)
    await db.achievements.create(
        name="First", description="One", criteria={"type": "skill_completion_count", "threshold": 1}, xp_reward=25
    )

    await complete(db, learner, html)

    assert summary(await db.leaderboards.top(board=Leaderboard.WEEK)) == [(1, "ada", 35)]


async def test_reading_a_leaderboard_takes_one_round_trip(db, proxied, proxy, tree, learner):
    (html,) = await add_priced(db, tree, html=10)
    await complete(db, learner, html)
    proxy.reset()

    await proxied.leaderboards.around(learner.id)

    assert proxy.round_trips == 1


async def test_scores_of_trees_are_separate(db, learner):
    web, data = await add_tree(db, "web"), await add_tree(db, "data")
    (html,) = await add_priced(db, web, html=10)
    (sql,) = await add_priced(db, data, sql=20)

    await complete(db, learner, html, sql)

    assert summary(await db.leaderboards.top()) == [(1, "ada", 30)]
