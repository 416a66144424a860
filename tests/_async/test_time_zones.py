"""Time zones: the stored names, zones that a server no longer knows, and the hour at which a learner's day starts."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from _async.factories import add_skills, add_user, expect_refusal, rows, value
from skilltree.errors import InvalidValue

GONE = "Europe/Atlantis"


async def forget(connection, learner, zone=GONE):
    """Give a learner a zone that the server does not know, as after a restore on another server."""
    await connection.execute("alter table user_profiles disable trigger user_profiles_refuse_unknown_timezone")
    await connection.execute("update user_profiles set timezone = %s where user_id = %s", [zone, learner.id])
    await connection.execute("alter table user_profiles enable trigger user_profiles_refuse_unknown_timezone")


async def zone_of(db, learner):
    return (await db.users.get_profile(learner.id)).timezone


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("US/Pacific", "America/Los_Angeles"),
        ("us/pacific", "America/Los_Angeles"),
        ("US/Pacific-New", "America/Los_Angeles"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("Iceland", "Atlantic/Reykjavik"),
        ("Africa/Asmera", "Africa/Asmara"),
        ("europe/lisbon", "Europe/Lisbon"),
        ("AMERICA/ARGENTINA/BUENOS_AIRES", "America/Argentina/Buenos_Aires"),
        ("etc/gmt+5", "Etc/GMT+5"),
        ("utc", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Zulu", "UTC"),
        ("posix/Europe/Lisbon", "Europe/Lisbon"),
        # A place keeps its name even if the IANA database has made it a link to another zone.
        ("Europe/Amsterdam", "Europe/Amsterdam"),
        ("Europe/Oslo", "Europe/Oslo"),
    ],
)
async def test_a_zone_is_stored_under_its_current_name(db, learner, given, stored):
    newcomer = await add_user(db, "grace", timezone=given)

    changed = await db.users.update_profile(learner.id, timezone=given)

    assert (await zone_of(db, newcomer), changed.timezone) == (stored, stored)


async def test_every_current_name_maps_to_itself_and_is_known_to_the_server(connection):
    names = await rows(
        connection,
        """
        select pg_timezone_names.name, canonical_timezone(pg_timezone_names.name)
        from pg_timezone_names
        where (timezone_names(pg_timezone_names.name))[1] = pg_timezone_names.name
            and pg_timezone_names.name not in ('Factory', 'localtime', 'posixrules')
            and pg_timezone_names.name ~ '^(America|Europe|Asia|Pacific)/[A-M]'
        limit 5
        """,
    )

    assert names
    assert all(name == canonical for name, canonical in names)


async def test_an_old_name_and_its_current_name_show_the_same_time(connection):
    differing = await rows(
        connection,
        """
        select distinct old.name, canonical.name
        from pg_timezone_names as old
        inner join pg_timezone_names as canonical on canonical.name = (timezone_names(old.name))[1]
        cross join generate_series(timestamptz '2005-01-15', '2025-12-15', '1 month') as moment
        where old.name <> canonical.name
            and timezone(old.name, moment) <> timezone(canonical.name, moment)
        """,
    )

    # In 2024 these zones, which had named only hours and rules, became links to places.
    assert {name for name, _ in differing} <= {"CET", "EET", "EST", "HST", "MET", "MST", "WET"}


async def test_a_name_unknown_to_the_server_is_looked_up_under_older_names(connection):
    names = await value(connection, "select timezone_names('Europe/Kyiv')")

    assert names[0] == "Europe/Kyiv"
    assert "Europe/Kiev" in names


# --- zones unknown to the server -------------------------------------------------------------------------------------


async def test_an_unknown_zone_is_treated_as_utc(db, connection, learner, tree):
    html, css = await add_skills(db, tree, "html", "css")
    await forget(connection, learner)
    at = datetime(2025, 6, 1, 23, 59, tzinfo=UTC)

    await db.progress.record_activity(learner.id, html.id, minutes=5, at=at)
    await db.progress.record_attempt(learner.id, html.id, score=50, at=at + timedelta(minutes=2))
    done = await db.progress.complete_skill(learner.id, css.id, at=at + timedelta(days=1))

    assert (done.current_streak, done.max_streak) == (2, 2)
    assert (await db.progress.dashboard(learner.id)).max_streak == 2
    days = await db.progress.activity_by_day(learner.id, since=date(2025, 6, 1), until=date(2025, 6, 2))
    assert [day.minutes for day in days] == [5, 0]
    assert [day.skills_completed for day in days] == [0, 1]


async def test_a_profile_with_an_unknown_zone_can_be_changed(db, connection, learner):
    await forget(connection, learner)

    profile = await db.users.update_profile(learner.id, bio="Still here.", day_starts_at=2)

    assert (profile.bio, profile.day_starts_at, profile.timezone) == ("Still here.", 2, GONE)


async def test_learners_can_work_with_an_unknown_zone(app, db, connection, learner):
    await forget(connection, learner)

    async with app.as_user(learner.id) as mine:
        await mine.users.update_profile(learner.id, bio="Still here.")
        profile = await mine.users.get_profile(learner.id)

    assert (profile.bio, profile.timezone, profile.current_streak) == ("Still here.", GONE, 0)


@pytest.mark.parametrize(
    ("stored", "mended"),
    [(GONE, "UTC"), ("US/Pacific", "America/Los_Angeles"), ("Europe/lisbon", "Europe/Lisbon"), ("FOO3", "UTC")],
)
async def test_the_doctor_reports_and_repairs_unknown_and_outdated_zones(db, connection, learner, stored, mended):
    await add_user(db, "grace", timezone="Europe/Lisbon")
    await forget(connection, learner, stored)

    found = await db.doctor.examine()
    repair = await db.doctor.repair()

    assert [(each.invariant, each.user_id, each.what, each.expected, each.found) for each in found] == [
        ("time_zone", learner.id, "timezone", mended, stored)
    ]
    assert [(each.user_id, each.what, each.before, each.after) for each in repair.changes] == [
        (learner.id, "timezone", stored, mended)
    ]
    assert repair.remaining == ()
    assert await zone_of(db, learner) == mended


def test_query_files_apply_a_stored_zone_only_through_its_function():
    applied = re.compile(r"at time zone (?!'UTC')|\btimezone\([^)]*\.timezone", re.IGNORECASE)
    checkout = Path(__file__).parents[2]

    found = [
        str(path.relative_to(checkout))
        for path in [*checkout.glob("queries/**/*.sql"), *checkout.glob("src/**/*.sql")]
        if applied.search(path.read_text())
    ]

    assert found == []


async def test_views_and_functions_apply_a_stored_zone_only_through_its_function(connection):
    found = await rows(
        connection,
        r"""
        select proname from pg_proc
        where pronamespace = 'public'::regnamespace and prosrc ~* '(at time zone|\mtimezone\()(?! *''UTC'')'
        union all
        select viewname from pg_views
        where schemaname = 'public' and definition ~* '(at time zone|\mtimezone\()(?! *''UTC'')'
        order by 1
        """,
    )

    assert found == [("local_clock",)]


# --- the start of a day ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "moments", "days"),
    [
        # Until 3 in the morning, it is still the day before.
        ("UTC", ["2025-06-01 22:00", "2025-06-03 00:30", "2025-06-03 22:00"], [1, 2, 3]),
        ("UTC", ["2025-06-02 02:59", "2025-06-02 03:00"], [1, 2]),
        # 3 o'clock on the clock, in a night of 23 hours and in one of 25.
        ("Europe/Lisbon", ["2025-03-30 01:59", "2025-03-30 02:00"], [29, 30]),
        ("Europe/Lisbon", ["2025-10-26 02:59", "2025-10-26 03:00"], [25, 26]),
        ("America/New_York", ["2025-03-09 06:59", "2025-03-09 07:00"], [8, 9]),
        ("Pacific/Auckland", ["2025-06-01 14:59", "2025-06-01 15:00"], [1, 2]),
    ],
)
async def test_a_day_starts_at_the_hour_that_the_learner_set(db, connection, learner, tree, zone, moments, days):
    (html,) = await add_skills(db, tree, "html")
    await db.users.update_profile(learner.id, timezone=zone, day_starts_at=3)

    for moment in moments:
        at = datetime.fromisoformat(f"{moment}+00:00")
        await db.progress.record_activity(learner.id, html.id, minutes=1, at=at)

    noted = await rows(connection, "select activity_date from user_activity_days order by activity_date")
    assert [day.day for (day,) in noted] == days
    assert (await db.users.get_profile(learner.id)).max_streak == len(days)


async def test_a_day_can_start_between_midnight_and_noon(db, connection, learner):
    assert (await db.users.get_profile(learner.id)).day_starts_at == 0
    for hour in (0, 12):
        assert (await db.users.update_profile(learner.id, day_starts_at=hour)).day_starts_at == hour
    for hour in (-1, 13, 2.5, None, "03:00"):
        async with expect_refusal(connection, InvalidValue):
            await db.users.update_profile(learner.id, day_starts_at=hour)


async def test_learners_set_the_start_of_their_own_day(app, learner):
    async with app.as_user(learner.id) as mine:
        profile = await mine.users.update_profile(learner.id, day_starts_at=4)

    assert profile.day_starts_at == 4


async def test_a_streak_lapses_when_the_learners_day_is_over(db, connection, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    now = datetime.now(UTC)
    await db.progress.record_activity(learner.id, html.id, minutes=1, at=now - timedelta(hours=25))
    await connection.execute("update user_profiles set last_activity_on = last_activity_on - 1")
    lapsed = await db.users.get_profile(learner.id)

    # For some hours in between, it is still the day after.
    hours = [await db.users.update_profile(learner.id, day_starts_at=hour) for hour in range(13)]

    boards = await db.progress.dashboard(learner.id)
    assert lapsed.current_streak == 0
    assert [each.current_streak for each in hours] == sorted(each.current_streak for each in hours)
    assert boards.current_streak == hours[-1].current_streak == (await db.users.get_profile(learner.id)).current_streak
