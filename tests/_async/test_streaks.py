"""Streaks across the date line, attempts to earn days by changing time zones, and restored streaks."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest

from _async.factories import add_achievement, add_skills, add_user, expect_refusal, rows, value
from skilltree.errors import InvalidValue, PermissionDenied, UserNotFound

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
WEST, EAST = "Pacific/Honolulu", "Pacific/Kiritimati"
"""Two zones that show the same time on two dates."""


@pytest.fixture
async def skill(db, tree):
    (html,) = await add_skills(db, tree, "html")
    return html


async def learn(db, learner, skill, at, zone=None, **changed):
    """Spend a minute on a skill, perhaps in another zone. Return the current and the longest streak."""
    if zone is not None or changed:
        await db.users.update_profile(learner.id, **({} if zone is None else {"timezone": zone}), **changed)
    done = await db.progress.record_activity(learner.id, skill.id, minutes=1, at=at)
    return done.current_streak, done.max_streak


def clock(zone, *when):
    """Return the moment at which clocks of a zone show this time."""
    return datetime(*when, tzinfo=ZoneInfo(zone)).astimezone(UTC)


async def is_healthy(db):
    return await db.doctor.examine() == []


# --- the date line ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "there", "hours"),
    [
        ("Pacific/Honolulu", "Pacific/Kiritimati", 12),
        ("Pacific/Honolulu", "Pacific/Kiritimati", 24),
        # The evenings before and after the flight are two calendar days apart.
        ("America/Los_Angeles", "Pacific/Auckland", 28),
        ("America/Los_Angeles", "Australia/Sydney", 30),
        ("America/Los_Angeles", "Asia/Tokyo", 32),
    ],
)
async def test_a_streak_survives_a_date_skipped_by_travel(db, connection, learner, skill, here, there, hours):
    evening = clock(here, 2025, 10, 20, 20)
    for day in range(3):
        await learn(db, learner, skill, evening + timedelta(days=day), here)

    arrived = await learn(db, learner, skill, evening + timedelta(days=2, hours=hours), there)
    later = await learn(db, learner, skill, evening + timedelta(days=3, hours=hours))

    assert (arrived, later) == ((4, 4), (5, 5))
    days = await rows(connection, "select activity_date, is_counted, minutes from user_activity_days order by 1")
    assert [(day.day, counted) for day, counted, _ in days] == [
        *((number, True) for number in (20, 21, 22)),
        (23, False),
        *((number, True) for number in (24, 25)),
    ]
    assert await is_healthy(db)


async def test_a_streak_is_reported_as_long_as_learning_would_continue_it(db, learner, skill):
    now = datetime.now(UTC)
    await learn(db, learner, skill, now - timedelta(hours=12), WEST)
    await db.users.update_profile(learner.id, timezone=EAST)

    read = (await db.users.get_profile(learner.id)).current_streak
    board = (await db.progress.dashboard(learner.id)).current_streak

    assert (read, board) == (1, 1)


async def test_a_short_journey_does_not_hide_a_missed_day(db, learner, skill):
    await learn(db, learner, skill, clock("Europe/Lisbon", 2025, 6, 1, 20), "Europe/Lisbon")

    streak = await learn(db, learner, skill, clock("Europe/Madrid", 2025, 6, 3, 7), "Europe/Madrid")

    assert streak == (1, 1)


async def test_a_long_journey_does_not_hide_a_missed_day(db, learner, skill):
    evening = clock(WEST, 2025, 10, 20, 20)
    await learn(db, learner, skill, evening, WEST)

    streak = await learn(db, learner, skill, evening + timedelta(hours=36, minutes=1), EAST)

    assert streak == (1, 1)


async def test_a_streak_survives_a_date_skipped_by_a_country(db, learner, skill):
    await learn(db, learner, skill, clock("Pacific/Apia", 2011, 12, 29, 20), "Pacific/Apia")

    # Samoa had no 30 December 2011.
    streak = await learn(db, learner, skill, clock("Pacific/Apia", 2011, 12, 31, 20))

    assert streak == (2, 2)


async def test_a_limited_streak_survives_a_date_skipped_by_travel(db, connection, learner, tree):
    skills = await add_skills(db, tree, "a", "b", "c")
    within = {"type": "streak_days", "threshold": 3, "additionalParams": {"treeId": str(tree.id)}}
    await add_achievement(db, "Three here", criteria=within)
    evening = clock(WEST, 2025, 10, 20, 20)
    await db.users.update_profile(learner.id, timezone=WEST)
    first = [
        await db.progress.complete_skill(learner.id, skill.id, at=evening + timedelta(days=day))
        for day, skill in enumerate(skills[:2])
    ]
    await db.users.update_profile(learner.id, timezone=EAST)

    arrived = await db.progress.complete_skill(learner.id, skills[2].id, at=evening + timedelta(days=1, hours=12))

    assert [each.achievements for each in first] == [(), ()]
    assert (arrived.current_streak, arrived.max_streak) == (3, 3)
    assert [earned.name for earned in arrived.achievements] == ["Three here"]
    assert await is_healthy(db)


# --- changing zones earns no days ------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["record_activity", "record_attempt", "complete_skill"])
@pytest.mark.parametrize(
    "zones",
    [
        ["Etc/GMT+12", "UTC", EAST],
        [EAST, "UTC", "Etc/GMT+12"],
        ["UTC", EAST, "Etc/GMT+12"],
        [WEST, EAST] * 6,
        [EAST, WEST] * 6,
    ],
)
async def test_one_session_in_many_zones_counts_as_two_days_at_most(db, learner, tree, zones, act):
    skills = await add_skills(db, tree, *(f"skill {number}" for number in range(len(zones))))
    # At half past ten in UTC, there are three dates on Earth.
    now = datetime(2025, 10, 21, 10, 30, tzinfo=UTC)
    given = {"minutes": 1} if act == "record_activity" else {}

    for number, (zone, skill) in enumerate(zip(zones, skills, strict=True)):
        for start in (12, 0):
            await db.users.update_profile(learner.id, timezone=zone, day_starts_at=start)
            await getattr(db.progress, act)(learner.id, skill.id, at=now + timedelta(minutes=number), **given)

    assert (await db.users.get_profile(learner.id)).max_streak == 2
    assert await is_healthy(db)


async def test_changing_zones_every_hour_adds_one_day_at_most(db, learner, skill):
    zones = ["Etc/GMT+12", "UTC", EAST, WEST]
    start = datetime(2025, 10, 21, 0, 30, tzinfo=UTC)

    for hour in range(0, 24 * 5, 3):
        _, longest = await learn(
            db, learner, skill, start + timedelta(hours=hour), zones[hour // 3 % 4], day_starts_at=hour % 13
        )
        assert longest <= hour / 24 + 2 + 2 / 24

    assert await is_healthy(db)


async def test_travelling_around_the_earth_adds_no_day(db, learner, skill):
    moment = clock("Europe/London", 2025, 10, 1, 20)
    around = ["Europe/London", "Asia/Kolkata", "Asia/Tokyo", EAST, WEST, "America/New_York"]

    # Eastward, each leg takes some hours less than a day. Three times around the Earth gain three days.
    for leg in range(18):
        zone = around[leg % 6]
        streak, _ = await learn(db, learner, skill, moment, zone)
        days_on_earth = (moment - clock("Europe/London", 2025, 10, 1, 20)) / timedelta(days=1)
        assert streak <= days_on_earth + 2 + 2 / 24
        moment += timedelta(hours=20)


@pytest.mark.parametrize(
    "zone", ["UTC", EAST, "Etc/GMT+12", "Europe/Lisbon", "Australia/Lord_Howe", "Antarctica/Troll"]
)
@pytest.mark.parametrize("start", [0, 3, 12])
async def test_a_learner_who_does_not_travel_gets_every_day(db, learner, skill, zone, start):
    # Across a clock change: first late in one day, then early in the last, as close together as possible.
    first = clock(zone, 2025, 3, 27, 23, 59) + timedelta(hours=start)
    moments = [first, *(clock(zone, 2025, 3, day, 12) + timedelta(hours=start) for day in (28, 29, 30, 31))]
    moments += [clock(zone, 2025, 4, day, start, 1) for day in range(1, 12)]

    await db.users.update_profile(learner.id, timezone=zone, day_starts_at=start)
    streaks = [await learn(db, learner, skill, moment) for moment in moments]

    assert [streak for streak, _ in streaks] == list(range(1, len(moments) + 1))


# --- restoring -------------------------------------------------------------------------------------------------------


async def test_a_restored_day_counts_in_the_streak_and_nowhere_else(db, connection, learner, skill):
    for day in (0, 1, 3):
        await learn(db, learner, skill, NOON + timedelta(days=day))
    before = await db.users.get_profile(learner.id)

    restored = await db.progress.restore_streak(learner.id, [date(2025, 3, 12)], reason="The server was down.")

    after = await db.users.get_profile(learner.id)
    [day] = await db.progress.activity_by_day(learner.id, since=date(2025, 3, 12), until=date(2025, 3, 12))
    assert (restored.days, restored.max_streak, restored.current_streak) == ((date(2025, 3, 12),), 4, 0)
    assert (before.max_streak, after.max_streak) == (2, 4)
    assert (after.hours_learned, after.total_xp) == (before.hours_learned, before.total_xp)
    assert after.last_activity_on == before.last_activity_on
    assert (day.minutes, day.xp, day.is_given_back) == (0, 0, True)
    assert await learn(db, learner, skill, NOON + timedelta(days=4)) == (5, 5)
    assert await is_healthy(db)


async def test_a_lapsed_streak_continues_when_all_missed_days_are_restored(db, learner, skill):
    now = datetime.now(UTC)
    for ago in (5, 4):
        await learn(db, learner, skill, now - timedelta(days=ago))
    missed = [(now - timedelta(days=ago)).date() for ago in (1, 2, 3)]

    restored = await db.progress.restore_streak(learner.id, missed, reason="ill")

    assert (restored.days, restored.current_streak) == (tuple(sorted(missed)), 5)
    assert (await db.users.get_profile(learner.id)).current_streak == 5
    assert await learn(db, learner, skill, now) == (6, 6)


async def test_restoring_a_streak_awards_what_it_earns(db, learner, skill):
    await add_achievement(db, "Three", criteria={"type": "streak_days", "threshold": 3}, xp_reward=25)
    for day in (0, 2):
        await learn(db, learner, skill, NOON + timedelta(days=day))

    restored = await db.progress.restore_streak(learner.id, [date(2025, 3, 11)], reason="down")

    assert [earned.name for earned in restored.achievements] == ["Three"]
    assert (await db.users.get_profile(learner.id)).total_xp == 25
    assert await db.leaderboards.rank(learner.id) == 1
    assert await is_healthy(db)


async def test_a_restored_day_joins_days_of_a_limited_streak_without_counting(db, learner, tree):
    skills = await add_skills(db, tree, "a", "b", "c", "d")
    within = {"type": "streak_days", "threshold": 3, "additionalParams": {"treeId": str(tree.id)}}
    await add_achievement(db, "Three here", criteria=within)
    for skill, day in zip(skills, (0, 2), strict=False):
        await db.progress.complete_skill(learner.id, skill.id, at=NOON + timedelta(days=day))

    restored = await db.progress.restore_streak(learner.id, [date(2025, 3, 11)], reason="down")
    third = await db.progress.complete_skill(learner.id, skills[2].id, at=NOON + timedelta(days=3))

    assert (restored.max_streak, restored.achievements) == (3, ())
    assert [earned.name for earned in third.achievements] == ["Three here"]
    assert await is_healthy(db)


async def test_the_trail_shows_who_restored_a_day_and_why(db, learner, skill):
    author = await add_user(db, "author")
    await learn(db, learner, skill, NOON)

    async with db.as_service(author.id) as service:
        await service.progress.restore_streak(learner.id, [date(2025, 3, 11)], reason="The server was down.")

    history = (await db.audit.history("user_activity_days", date(2025, 3, 11), user_id=learner.id)).items
    assert [(entry.action, entry.actor_id) for entry in history] == [("UPDATE", author.id), ("INSERT", None)]
    assert history[0].after == {"is_counted": True, "excuse": "The server was down."}


async def test_restoring_a_day_of_activity_changes_nothing(db, connection, learner, skill):
    await learn(db, learner, skill, NOON)

    restored = await db.progress.restore_streak(learner.id, [date(2025, 3, 10)], reason="down")

    assert restored.days == ()
    assert await value(connection, "select excuse from user_activity_days") is None


async def test_learning_on_a_restored_day_counts_once(db, connection, learner, skill):
    for day in (0, 2):
        await learn(db, learner, skill, NOON + timedelta(days=day))
    await db.progress.restore_streak(learner.id, [date(2025, 3, 11)], reason="down")

    late = await learn(db, learner, skill, NOON + timedelta(days=1))

    assert late == (3, 3)
    assert await rows(
        connection, "select minutes, is_counted, excuse from user_activity_days order by activity_date"
    ) == [
        (1, True, None),
        (1, True, "down"),
        (1, True, None),
    ]
    assert await is_healthy(db)


async def test_days_that_cannot_be_restored_are_refused(db, connection, learner, subtests):
    far = datetime.now(UTC).date() + timedelta(days=3)
    for days, reason in [
        ([far], "soon"),
        ([date(2025, 3, 11), far], "soon"),
        ([], "none"),
        ([date(2025, 3, 11)], ""),
        ([date(2025, 3, 11)], " "),
        ([date(1999, 12, 31), date(2025, 3, 11)], "long ago"),
        ([date(2025, 3, 11)], "x" * 501),
        ([date(2025, 1, 1) - timedelta(days=n) for n in range(367)], "a year"),
        (["2025-03-11"], "text"),
        (date(2025, 3, 11), "one"),
    ]:
        with subtests.test(days=days, reason=reason[:10]):
            async with expect_refusal(connection, InvalidValue):
                await db.progress.restore_streak(learner.id, days, reason=reason)
    async with expect_refusal(connection, UserNotFound):
        await db.progress.restore_streak(UUID(int=7), [date(2025, 3, 11)], reason="nobody")


async def test_a_learner_cannot_restore_their_own_streak(app, connection, learner):
    async with expect_refusal(connection, PermissionDenied):
        async with app.as_user(learner.id) as mine:
            await mine.progress.restore_streak(learner.id, [date(2025, 3, 11)], reason="please")


@pytest.mark.parametrize("role", ["app_user", "app_engine"])
async def test_no_role_of_a_learner_can_restore_a_day(app_url, connection, learner, role):
    async with expect_refusal(connection, psycopg.errors.InsufficientPrivilege):
        async with await psycopg.AsyncConnection.connect(app_url) as raw:
            await raw.execute("select begin_as_user(%s)", [learner.id])
            await raw.execute("select set_config('role', %s, true)", [role])
            await raw.execute(
                "insert into user_activity_days (user_id, activity_date, excuse) values (%s, '2025-03-11', 'me')",
                [learner.id],
            )


# --- the doctor ------------------------------------------------------------------------------------------------------


async def test_the_doctor_counts_streaks_from_stored_days_whatever_the_current_zone(db, connection, learner, skill):
    evening = clock(WEST, 2025, 10, 20, 20)
    for day in range(3):
        await learn(db, learner, skill, evening + timedelta(days=day), WEST)
    await learn(db, learner, skill, evening + timedelta(days=2, hours=12), EAST)
    await db.progress.restore_streak(learner.id, [date(2025, 10, 19)], reason="down")
    await db.users.update_profile(learner.id, timezone="UTC", day_starts_at=5)
    good = await rows(connection, "select current_streak, max_streak, streak_started_at from user_profiles")
    await connection.execute("update user_profiles set current_streak = 1, max_streak = 9, streak_started_at = now()")

    found = {(each.invariant, each.what) for each in await db.doctor.examine()}
    repair = await db.doctor.repair()

    assert found == {("streak", "current_streak"), ("streak", "max_streak"), ("streak", "streak_started_at")}
    assert repair.remaining == ()
    assert await rows(connection, "select current_streak, max_streak, streak_started_at from user_profiles") == good
