"""Sums that do not fit in 32 bits: XP, scores and ranks, minutes and attempts."""

import random
from datetime import UTC, datetime

import pytest

from _async.factories import add_achievement, add_skills, add_user, rows

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
INTEGER = 2**31 - 1


@pytest.fixture
async def rich(db, connection, learner):
    """A learner with the most XP that fit in 32 bits, from 2,148 events."""
    await connection.execute(
        "insert into xp_events (user_id, source_kind, source_id, xp, granted_at)"
        " select %s, 'SKILL', uuidv7(), least(1000000, %s - 1000000 * n), %s from generate_series(0, 2147) as n",
        [learner.id, INTEGER, NOON],
    )
    await db.doctor.repair()
    return learner


async def test_a_completion_can_take_xp_beyond_32_bits(db, rich, tree):
    html, css = await add_skills(db, tree, "html", "css")
    await db.skills.update(html.id, xp_value=1_000_000)
    await add_achievement(db, "Rich", criteria={"type": "xp_threshold", "threshold": INTEGER}, xp_reward=1_000_000)
    before = (await db.users.get_profile(rich.id)).total_xp

    done = await db.progress.complete_skill(rich.id, html.id, at=NOON)
    await db.progress.record_activity(rich.id, css.id, minutes=1, at=NOON)

    total = INTEGER + 2_000_000
    [place] = await db.leaderboards.top(10)
    [standing] = await db.achievements.standings(rich.id)
    assert before == INTEGER
    assert (done.xp_awarded, done.total_xp, place.xp, standing.value) == (2_000_000, total, total, total)
    assert await db.leaderboards.rank(rich.id) == 1
    assert await db.doctor.examine() == []


async def test_the_doctor_computes_sums_beyond_32_bits(db, connection, rich):
    await connection.execute("update user_profiles set total_xp = 5")
    await connection.execute("delete from user_scores")
    await connection.execute("delete from leaderboard_counts")
    await connection.execute(
        "insert into xp_events (user_id, source_kind, source_id, xp, granted_at)"
        " select %s, 'SKILL', uuidv7(), 1000000, %s from generate_series(1, 1000)",
        [rich.id, NOON],
    )

    repair = await db.doctor.repair()

    assert repair.remaining == ()
    assert (await db.users.get_profile(rich.id)).total_xp == INTEGER + 1_000_000_000


async def test_ranks_are_exact_for_any_xp(db, connection):
    chance = random.Random(5)  # noqa: S311 (not for secrets)
    limits = (10, 64, 4096, 2**31, 2**36, 2**36 + 5, 2**42, 2**60, 2**63 - 1)
    scores = sorted({chance.randrange(1, limit) for limit in limits for _ in range(6)} | {2**31, 2**36, 2**63 - 1, 1})
    learners = [await add_user(db, f"learner{number}") for number in range(len(scores))]
    for learner, xp in zip(learners, scores, strict=True):
        await connection.execute(
            "insert into user_scores (user_id, board, starts_on, xp, reached_at, is_listed)"
            " values (%s, 'ALL_TIME', 'epoch', %s, %s, true)",
            [learner.id, xp, NOON],
        )
        await connection.execute(
            "insert into leaderboard_counts (board, starts_on, level, bucket, slot, counts)"
            " select 'ALL_TIME', 'epoch', level, bucket, get_byte(uuid_send(%s), 15) & 7, changes"
            " from leaderboard_moves(null, %s)"
            " on conflict (board, starts_on, level, bucket, slot) do update"
            " set counts = add_counts(leaderboard_counts.counts, excluded.counts)",
            [learner.id, xp],
        )

    ranks = [await db.leaderboards.rank(learner.id) for learner in learners]
    around = await db.leaderboards.around(learners[20].id, n=10)

    assert ranks == list(range(len(scores), 0, -1))
    assert [place.rank for place in around] == list(range(ranks[20] - 10, ranks[20] + 11))
    assert await db.doctor.examine("leaderboard_counts") == []


@pytest.mark.parametrize(
    ("before", "after"),
    [(0, 2**31), (2**31 - 1, 2**31), (2**36 - 1, 2**36), (2**62, 2**63 - 1), (None, 2**63 - 1), (2**40, None)],
)
async def test_leaderboard_counts_return_when_a_score_returns(connection, before, after):
    there = "select level, bucket, changes from leaderboard_moves(%s::bigint, %s::bigint) order by 1, 2"

    forward, backward = await rows(connection, there, before, after), await rows(connection, there, after, before)

    assert forward
    assert [(level, bucket, [-one for one in changes]) for level, bucket, changes in forward] == backward


async def test_minutes_and_attempts_can_exceed_32_bits(db, learner, tree):
    html, css = await add_skills(db, tree, "html", "css")
    imported = {
        "user_id": learner.id,
        "time_spent_minutes": INTEGER,
        "attempts_count": INTEGER,
        "status": "IN_PROGRESS",
    }
    imported |= {"failed_attempts": INTEGER, "started_at": NOON}
    await db.progress.import_rows([imported | {"skill_id": skill.id} for skill in (html, css)])
    await db.doctor.repair()

    worked = await db.progress.record_activity(learner.id, html.id, minutes=1440, at=NOON)
    tried = await db.progress.record_attempt(learner.id, html.id, failed=True, at=NOON)

    assert worked.tree_progress.time_spent_minutes == 2 * INTEGER + 1440
    assert worked.progress.time_spent_minutes == INTEGER + 1440
    assert (tried.progress.attempts_count, tried.progress.failed_attempts) == (INTEGER + 1, INTEGER + 1)
    assert await db.doctor.examine() == []


async def test_the_minutes_of_a_day_can_exceed_32_bits(db, connection, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    await db.progress.record_activity(learner.id, html.id, minutes=1440, at=NOON)
    await connection.execute("update user_activity_days set minutes = %s", [INTEGER])
    await connection.execute("update user_profiles set hours_learned = %s / 60.0", [INTEGER])

    await db.progress.record_activity(learner.id, html.id, minutes=1440, at=NOON)

    [day] = await db.progress.activity_by_day(learner.id, since=NOON.date(), until=NOON.date())
    assert day.minutes == INTEGER + 1440
    assert (await db.users.get_profile(learner.id)).hours_learned * 60 == pytest.approx(INTEGER + 1440)
    assert await db.doctor.examine() == []


async def test_the_threshold_of_a_level_can_exceed_32_bits(db, connection, rich):
    await connection.execute("update levels set min_xp = 3000000000 where level = 100")
    await connection.execute("update user_profiles set current_level = 99")
    try:
        assert (await db.progress.dashboard(rich.id)).next_level_xp == 3_000_000_000
        await db.doctor.repair()
        assert await db.doctor.examine() == []
    finally:
        await connection.execute("update levels set min_xp = 495000 where level = 100")
