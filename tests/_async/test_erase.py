"""Exporting and erasing everything that is stored about a learner."""

import json
import tracemalloc
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from _async.factories import (
    add_achievement,
    add_skills,
    add_user,
    expect_nothing_written,
    expect_refusal,
    rows,
    value,
    wait_for_lock_waiters,
)
from concurrency import concurrently_async, failures, in_background_async
from layout import HELD_UP
from skilltree import AsyncDatabase
from skilltree.errors import (
    InvalidCredentials,
    InvalidToken,
    PermissionDenied,
    ServerUnavailable,
    SessionNotFound,
    UserNotFound,
)
from skilltree.models.enums import Leaderboard

UNKNOWN = UUID(int=0)
HERE = "datname = current_database()"
NOW = datetime.now(UTC)


@pytest.fixture
async def skills(db, tree):
    await add_achievement(db, "Ten points", xp_reward=5)
    return await add_skills(db, tree, "html", "git", css=["html"])


@pytest.fixture
async def grace(db, connection, tree, skills):
    """A learner with data in every table and column that can hold it."""
    grace = await add_user(db, "grace", first_name="Grace", last_name="Hopper", avatar_url="https://grace.example")
    await db.users.update_profile(
        grace.id,
        bio="Rear admiral",
        location="Arlington",
        website="https://cobol.example",
        timezone="America/New_York",
        learning_goals=["find the moth"],
        interests=["nanoseconds"],
        preferences={"emailNotifications": True},
    )
    await db.sessions.start(grace.id, device_info={"userAgent": "Harvard Mark I"}, address="203.0.113.77")
    html, git, css = skills
    await db.progress.record_activity(
        grace.id, html.id, minutes=90, engagement=0.5, struggling_indicators={"note": "stuck on a relay"}
    )
    await db.progress.record_attempt(grace.id, html.id, score=40, failed=True)
    await db.progress.complete_skill(grace.id, html.id, evidence={"type": "text", "content": "moth taped in"})
    await db.progress.complete_skill(grace.id, git.id, at=NOW - timedelta(days=40))
    await db.progress.start_skill(grace.id, css.id)
    await connection.execute('update user_achievements set metadata = \'{"note": "with a moth"}\'')
    await connection.execute("update skill_trees set created_by = %s", [grace.id])
    await connection.execute("update skills set updated_by = %s where key = 'css'", [grace.id])
    return grace


@pytest.fixture
async def app(url):
    """The database, opened with the application's login role."""
    async with AsyncDatabase(f"{url} user=skilltree_app", min_size=1, max_size=4, timeout=10) as app:
        yield app


async def exported(users, user_id):
    """Return the parsed export of a learner."""
    return json.loads(await joined(users.export(user_id)))


async def joined(chunks):
    """Return the chunks joined into one text."""
    text = ""
    async for chunk in chunks:
        text += chunk
    return text


async def tables_containing(connection, *needles):
    """Return the tables of all schemas that contain one of these texts."""
    tables = await rows(
        connection,
        "select relid::regclass::text from pg_stat_user_tables order by 1",
    )
    return [
        table
        for (table,) in tables
        if await value(
            connection,
            f"select exists (select 1 from {table} as row where row::text ilike any(%s))",
            [f"%{needle}%" for needle in needles],
        )
    ]


TRACES = (
    "grace",
    "hopper",
    "admiral",
    "arlington",
    "cobol",
    "new_york",
    "moth",
    "nanoseconds",
    "emailNotifications",
    "harvard",
    "203.0.113.77",
    "relay",
)


# --- export ----------------------------------------------------------------------------------------------------------


async def test_an_export_is_one_document_with_all_data(db, grace, tree, skills):
    held = await exported(db.users, grace.id)

    assert (held["account"]["id"], held["account"]["email"]) == (str(grace.id), "grace@example.org")
    assert (held["profile"]["bio"], held["profile"]["learning_goals"]) == ("Rear admiral", ["find the moth"])
    assert [session["ip_address"] for session in held["sessions"]] == ["203.0.113.77"]
    assert [progress["tree"] for progress in held["tree_progress"]] == [tree.name]
    html = next(progress for progress in held["skill_progress"] if progress["skill"] == "html")
    assert html["evidence_data"] == {"type": "text", "content": "moth taped in"}
    assert html["struggling_indicators"] == {"note": "stuck on a relay"}
    assert [(each["achievement"], each["metadata"]) for each in held["achievements"]] == [
        ("Ten points", {"note": "with a moth"})
    ]
    assert sorted((event["source"], event["xp"]) for event in held["xp_events"]) == [
        ("Ten points", 5),
        ("git", 10),
        ("html", 10),
    ]
    assert sorted(day["minutes"] for day in held["activity_days"]) == [0, 90]
    assert {score["board"] for score in held["scores"]} == {"ALL_TIME", "WEEK", "MONTH"}
    assert [authored["tree"] for authored in held["authored_trees"]] == [tree.name]
    assert [authored["skill"] for authored in held["authored_skills"]] == ["css"]


async def test_an_export_contains_every_stored_text(db, grace):
    text = await joined(db.users.export(grace.id))

    assert [trace for trace in TRACES if trace.lower() not in text.lower()] == []


async def test_an_export_contains_no_hash(db, connection, grace):
    text = await joined(db.users.export(grace.id))

    assert await value(connection, "select password_hash from users where id = %s", grace.id) not in text
    assert "hash" not in text


async def test_times_in_an_export_have_the_form_of_iso_8601(db, grace):
    held = await exported(db.users, grace.id)

    assert datetime.fromisoformat(held["account"]["created_at"]) == grace.created_at


async def test_an_export_of_a_new_learner_has_empty_lists(db, learner):
    held = await exported(db.users, learner.id)

    assert [entry["action"] for entry in held["audit_trail"]] == ["INSERT", "INSERT"]
    assert {
        section: items for section, items in held.items() if section not in {"account", "profile", "audit_trail"}
    } == {
        "achievements": [],
        "activity_days": [],
        "authored_skills": [],
        "authored_trees": [],
        "log_ins": [],
        "scores": [],
        "sessions": [],
        "skill_progress": [],
        "tokens": [],
        "tree_progress": [],
        "xp_events": [],
    }


async def test_learners_export_their_own_data_only(db, app, connection, grace, learner):
    own = await exported(app.as_user(grace.id).users, grace.id)

    assert own == await exported(db.users, grace.id)
    for nobody in (learner.id, None):
        with pytest.raises(UserNotFound):
            await anext(app.as_user(nobody).users.export(grace.id))


async def test_the_service_exports_the_data_of_any_learner(db, app, grace):
    assert await exported(app.as_service().users, grace.id) == await exported(db.users, grace.id)


async def test_an_export_without_a_learner_or_the_service_is_refused(app, grace):
    with pytest.raises(PermissionDenied):
        await exported(app.users, grace.id)


async def test_an_unknown_learner_has_no_export(db, grace):
    with pytest.raises(UserNotFound):
        await exported(db.users, UNKNOWN)


async def test_a_deleted_learner_has_no_export_even_if_their_trees_stay(db, grace):
    await db.users.delete(grace.id)

    with pytest.raises(UserNotFound):
        await exported(db.users, grace.id)


async def test_an_export_in_a_unit_of_work_sees_its_changes(app, grace, skills):
    async with app.as_user(grace.id) as unit:
        await unit.progress.complete_skill(grace.id, skills[2].id)
        held = await exported(unit.users, grace.id)
        # The unit of work has its former role again.
        assert (await unit.users.get(grace.id)).id == grace.id

    assert [event["source"] for event in held["xp_events"]].count("css") == 1


async def test_an_export_is_a_snapshot_while_the_learner_works(db, connection, learner, skills):
    await connection.execute(
        "insert into skills (skill_tree_id, name, key) select %s, repeat('long ', 40), n::text"
        " from generate_series(1, 2000) as n",
        [skills[0].skill_tree_id],
    )
    await connection.execute(
        "insert into user_skill_progress (user_id, skill_id, skill_tree_id)"
        " select %s, id, skill_tree_id from skills where key ~ '^[0-9]'",
        [learner.id],
    )

    async with aclosing(db.users.export(learner.id)) as chunks:
        text = await anext(chunks)
        await db.progress.complete_skill(learner.id, skills[0].id)
        text += await joined(chunks)

    held = json.loads(text)
    assert len(held["skill_progress"]) == 2000
    assert (held["profile"]["total_xp"], held["xp_events"]) == (0, [])


async def test_a_large_export_is_never_in_memory_as_a_whole(db, connection, learner):
    await connection.execute(
        "insert into xp_events (user_id, source_kind, source_id, xp)"
        " select %s, 'SKILL', gen_random_uuid(), 1 from generate_series(1, 20000)",
        [learner.id],
    )

    size, longest, events = 0, 0, 0
    tracemalloc.start()
    async for chunk in db.users.export(learner.id):
        size, longest, events = size + len(chunk), max(longest, len(chunk)), events + chunk.count('"source_id"')
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert events == 20000
    assert (size > 6_000_000, longest < 100_000, peak < 1_500_000) == (True, True, True)


async def test_an_abandoned_export_returns_its_connection(db, connection, grace):
    for _ in range(20):
        async with aclosing(db.users.export(grace.id)) as chunks:
            assert (await anext(chunks)).startswith('{"account": {')

    assert db.statistics()["lent"] == 0
    assert await value(connection, f"select count(*) from pg_stat_activity where {HERE} and state ~ 'transaction'") == 0


async def test_an_export_on_a_broken_connection_raises(db, connection, grace):
    with pytest.raises(ServerUnavailable):
        async with db.transaction() as unit:
            await rows(
                connection,
                f"select pg_terminate_backend(pid) from pg_stat_activity where {HERE} and state ~ 'transaction'",
            )
            await exported(unit.users, grace.id)


# --- erase -----------------------------------------------------------------------------------------------------------


async def test_nothing_in_the_database_identifies_an_erased_learner(db, connection, grace):
    ids = [each for (each,) in await rows(connection, "select id::text from user_skill_progress")]
    created = await value(connection, "select to_char(created_at, 'SS.US') from users where id = %s", grace.id)
    traces = (*TRACES, str(grace.id), *ids, created)
    # The search finds the traces before the erasure.
    assert {"users", "user_profiles", "user_sessions", "skill_trees", "skills"} <= set(
        await tables_containing(connection, *traces)
    )

    await db.users.erase(grace.id)

    assert await tables_containing(connection, *traces) == []
    with pytest.raises(UserNotFound):
        await db.users.get(grace.id)
    assert await db.users.find_by_email("grace@example.org") is None


async def test_an_erased_learners_progress_stays_under_another_id(db, connection, grace, tree, skills):
    sums = (
        "select (select sum(xp) from xp_events), (select sum(total_xp) from user_profiles),"
        " (select sum(minutes) from user_activity_days), (select sum(hours_learned) from user_profiles),"
        " (select array_agg(status::text order by skill_id) from user_skill_progress),"
        " (select array_agg(row(skills_completed, progress_percent)::text) from user_skill_tree_progress),"
        " (select count(*) from user_achievements), (select array_agg(xp order by board, starts_on) from user_scores)"
    )
    before = await rows(connection, sums)

    await db.users.erase(grace.id)

    assert await rows(connection, sums) == before
    [(username, email, is_active, hash_)] = await rows(
        connection, "select username, email, is_active, password_hash from users"
    )
    assert (username[:8], email, is_active) == ("deleted-", f"{username}@deleted.invalid", False)
    assert hash_ == "$2b$04$" + "." * 53
    assert await db.doctor.examine() == []


async def test_an_erased_learners_achievement_stays_earned_when_it_becomes_harder(db, connection, learner, skills):
    criteria = {"type": "skill_completion_count", "threshold": 1}
    achievement = await add_achievement(db, criteria=criteria, xp_reward=5)
    await db.progress.complete_skill(learner.id, skills[0].id)
    await db.users.erase(learner.id)

    await db.achievements.update(achievement.id, criteria={**criteria, "threshold": 99})

    assert await db.doctor.examine() == []
    kept = "select metadata from user_achievements where achievement_id = %s"
    assert await value(connection, kept, achievement.id) == {"criteria": criteria}


async def test_times_in_what_stays_are_truncated_to_days(db, connection, grace):
    await db.users.erase(grace.id)

    times = await rows(
        connection,
        "select table_name, column_name from information_schema.columns inner join information_schema.tables"
        " using (table_schema, table_name) where table_schema = 'public' and table_type = 'BASE TABLE'"
        " and data_type = 'timestamp with time zone' and table_name ~ '^(users$|user_|xp_)'",
    )
    assert len(times) > 15
    for table, column in times:
        odd = f"select count(*) from {table} where {column} <> date_trunc('day', {column}, 'UTC')"
        assert (table, column, await value(connection, odd)) == (table, column, 0)


async def test_an_erased_learner_leaves_the_leaderboards(db, connection, grace, learner, skills):
    await db.progress.complete_skill(learner.id, skills[0].id)
    ahead = await db.leaderboards.rank(learner.id)

    await db.users.erase(grace.id)

    assert (ahead, await db.leaderboards.rank(learner.id)) == (2, 1)
    for board in Leaderboard:
        assert [place.user_id for place in await db.leaderboards.top(board=board)] == [learner.id]
    assert await db.doctor.examine() == []


async def test_an_erasure_does_not_change_other_learners(db, connection, grace, learner, skills):
    await db.progress.complete_skill(learner.id, skills[0].id)
    await db.sessions.start(learner.id)
    before = await exported(db.users, learner.id)

    await db.users.erase(grace.id)

    assert await exported(db.users, learner.id) == before


async def test_address_and_username_of_an_erased_learner_can_be_used_again(db, grace):
    await db.users.erase(grace.id)

    again = await add_user(db, "grace")

    assert again.id != grace.id
    assert (await exported(db.users, again.id))["xp_events"] == []


async def test_an_erased_learner_cannot_be_erased_again(db, connection, grace):
    await db.users.erase(grace.id)

    async with expect_refusal(connection, UserNotFound):
        await db.users.erase(grace.id)
    async with expect_refusal(connection, UserNotFound):
        await db.users.erase(UNKNOWN)


async def test_only_the_service_erases_and_it_may_act_for_a_learner(app, connection, grace):
    async with expect_refusal(connection, PermissionDenied):
        await app.as_user(grace.id).users.erase(grace.id)

    await app.as_service(grace.id).users.erase(grace.id)

    assert await tables_containing(connection, *TRACES, str(grace.id)) == []


async def test_an_erasure_keeps_its_administrator_as_actor_but_not_the_learner(app, grace, learner):
    actor = "select current_user, current_setting('app.actor_id')"

    async with app.as_service(learner.id) as unit:
        await unit.users.erase(grace.id)
        assert await rows(unit._open_connection(), actor) == [("app_service", str(learner.id))]
    async with app.as_service(learner.id) as unit:
        await unit.users.erase(learner.id)
        assert await rows(unit._open_connection(), actor) == [("app_service", "")]


async def test_an_erasure_is_rolled_back_with_its_unit_of_work(db, connection, grace):
    async with expect_nothing_written(connection):
        with pytest.raises(ZeroDivisionError):
            async with db.transaction() as unit:
                await unit.users.erase(grace.id)
                raise ZeroDivisionError


async def test_an_erasure_on_a_broken_connection_is_rolled_back(url, db, connection, grace):
    async with expect_nothing_written(connection):
        async with await psycopg.AsyncConnection.connect(url) as author:
            # The erasure reaches this row after it has copied everything.
            await author.execute("select from skills where key = 'css' for update")
            async with in_background_async(lambda: db.users.erase(grace.id)) as erasure:
                await wait_for_lock_waiters(connection)
                await rows(connection, f"select pg_terminate_backend(pid) from pg_stat_activity where {HELD_UP}")

    assert isinstance(erasure.exception(), ServerUnavailable)


async def test_an_erasure_takes_one_round_trip(proxied, proxy, grace):
    await proxied.users.erase(grace.id)

    assert proxy.round_trips == 1


async def test_two_concurrent_erasures_erase_once(db, connection, grace):
    results = await concurrently_async(*[lambda: db.users.erase(grace.id)] * 4)

    assert sorted(type(result).__name__ for result in results) == ["NoneType", *["UserNotFound"] * 3]
    assert await value(connection, "select count(*) from users") == 1
    assert await db.doctor.examine() == []


async def test_an_erasure_waits_for_the_learners_current_action(db, connection, grace, skills):
    async with AsyncExitStack() as afterwards:
        async with db.transaction() as unit:
            await unit.progress.complete_skill(grace.id, skills[2].id)
            erasure = await afterwards.enter_async_context(in_background_async(lambda: db.users.erase(grace.id)))
            await wait_for_lock_waiters(connection)

    assert failures([erasure.exception()]) == []
    assert await value(connection, "select sum(xp) from xp_events") == 35
    assert await tables_containing(connection, *TRACES, str(grace.id)) == []
    assert await db.doctor.examine() == []


async def test_a_learner_can_do_nothing_during_their_erasure(db, connection, grace, skills):
    work = (
        lambda: db.progress.complete_skill(grace.id, skills[2].id),
        lambda: db.sessions.start(grace.id),
        lambda: db.users.update_profile(grace.id, bio="Still there"),
    )

    async with AsyncExitStack() as afterwards:
        async with db.transaction() as unit:
            await unit.users.erase(grace.id)
            working = await afterwards.enter_async_context(in_background_async(lambda: concurrently_async(*work)))
            await wait_for_lock_waiters(connection, 3)

    assert [type(result) for result in working.result()] == [UserNotFound] * 3
    assert await tables_containing(connection, *TRACES, str(grace.id), "Still there") == []
    assert await db.doctor.examine() == []


async def test_an_export_is_complete_even_if_the_learner_is_erased_meanwhile(db, grace):
    before = await exported(db.users, grace.id)

    async with db.transaction() as unit, aclosing(unit.users.export(grace.id)) as chunks:
        first = await anext(chunks)
        await db.users.erase(grace.id)
        text = first + await joined(chunks)

    assert json.loads(text) == before


async def test_a_concurrent_edit_of_a_tree_counts_the_erased_progress(db, connection, grace, tree):
    async with AsyncExitStack() as afterwards:
        async with db.transaction() as author:
            await author.skills.create(tree.id, name="js")
            erasure = await afterwards.enter_async_context(in_background_async(lambda: db.users.erase(grace.id)))
            await wait_for_lock_waiters(connection)

    assert failures([erasure.exception()]) == []
    assert await value(connection, "select total_skills from user_skill_tree_progress") == 4
    assert await db.doctor.examine() == []


async def test_erasures_while_learners_work_cause_no_drift(db, connection, grace, tree, skills):
    html, git, css = skills
    learners = [await add_user(db, f"learner{number}") for number in range(5)]
    for learner in learners:
        await db.progress.complete_skill(learner.id, html.id)
    work = [
        lambda: db.skills.create(tree.id, name="js"),
        lambda: db.skills.update(git.id, is_optional=True),
        *[lambda each=each: db.progress.complete_skill(each.id, css.id) for each in (grace, *learners)],
        *[lambda each=each: db.users.erase(each.id) for each in (grace, *learners[:3])],
        lambda: db.progress.complete_skill(grace.id, git.id),
    ]

    results = await concurrently_async(*work)

    assert {type(failure) for failure in failures(results)} <= {UserNotFound}
    assert await value(connection, "select count(*) from users where username like 'deleted-%%'") == 4
    assert await tables_containing(connection, *TRACES, *[str(each.id) for each in learners[:3]]) == []
    assert await db.doctor.examine() == []


async def test_a_backfill_resumes_after_a_learner_who_was_erased(db, connection, grace, learner):
    achievement = await add_achievement(db, "Late")
    await connection.execute(
        "insert into achievement_backfills (achievement_id, after_user_id) values (%s, %s)",
        [achievement.id, max(grace.id, learner.id)],
    )

    await db.users.erase(max(grace.id, learner.id))

    place = await value(connection, "select after_user_id from achievement_backfills")
    assert place == min(grace.id, learner.id)


async def test_an_erased_learner_cannot_log_in_and_leaves_no_count(db, connection, learner):
    with pytest.raises(InvalidCredentials):
        await db.accounts.authenticate(learner.email, "wrong", address="192.0.2.7", bcrypt_cost=4)
    token = (await db.sessions.start(learner.id)).token
    reset = await db.accounts.request_password_reset(learner.email)

    await db.users.erase(learner.id)

    with pytest.raises(InvalidCredentials):
        await db.accounts.authenticate(learner.email, "correct horse", bcrypt_cost=4)
    with pytest.raises(SessionNotFound):
        await db.sessions.resume(token)
    with pytest.raises(InvalidToken):
        await db.accounts.reset_password(reset.token, "once again", bcrypt_cost=4)
    assert await value(connection, "select count(*) from login_attempts where network = '192.0.2.7'") == 1
