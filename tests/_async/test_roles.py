"""Work as a learner, as the service, or as nobody. test_strangers.py shows what each role may not do."""

from datetime import date, timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from _async.factories import (
    add_achievement,
    add_skills,
    add_tree,
    add_user,
    expect_nothing_written,
    expect_refusal,
    rows,
    value,
    wait_for_lock_waiters,
)
from concurrency import in_background_async
from skilltree import AsyncDatabase
from skilltree.errors import (
    ConcurrentUpdate,
    InvalidValue,
    PermissionDenied,
    PrerequisitesNotMet,
    ScopeMissing,
    StatementTimeout,
    UnitOfWorkEnded,
    UnitOfWorkOpen,
    UserNotFound,
)

# Fields that differ between two learners who have done the same work.
PERSONAL = {"id", "user_id", "username", "email", "bio"}


@pytest.fixture
async def course(db):
    """A tree of four skills, and achievements that pay enough for a second level."""
    tree = await add_tree(db)
    html, css, layout, extra = await add_skills(db, tree, "html", "css", layout=["html", "css"], extra=["html"])
    await db.skills.update(html.id, xp_value=90)
    await db.skills.update(extra.id, is_optional=True)
    await db.skills.update(layout.id, is_milestone=True)
    await add_achievement(db, "Ninety", criteria={"type": "xp_threshold", "threshold": 90}, xp_reward=10)
    await add_achievement(db, "Two", criteria={"type": "skill_completion_count", "threshold": 2}, xp_reward=5)
    return tree.id, html.id, css.id, layout.id, extra.id


async def do_everything(db, service, learner, course):
    """Do everything that a learner can do, and return the results without identifying values."""
    tree, html, css, layout, extra = course
    progress = db.progress
    today = date.today()  # noqa: DTZ011 (one day more or less does not matter)
    with pytest.raises(PrerequisitesNotMet) as locked:
        await progress.start_skill(learner, layout)
    came = [
        locked.value.names,
        await progress.start_tree(learner, tree),
        await progress.start_skill(learner, html),
        await progress.record_activity(learner, html, minutes=45, engagement=0.5, struggling_indicators={"n": 1}),
        await progress.record_attempt(learner, html, score=40, failed=True),
        await progress.explain_lock(learner, layout),
        await progress.complete_skill(learner, html, score=80, evidence={"type": "text", "content": "Done"}),
        await progress.complete_skill(learner, html, score=90),
        await progress.skip_skill(learner, extra),
        await progress.pause_tree(learner, tree),
        await progress.resume_tree(learner, tree),
        await progress.complete_skill(learner, css),
        await progress.reset_skill(learner, css),
        await progress.complete_skill(learner, css),
        await progress.next_skills(learner),
        await progress.learning_path(learner, layout),
        await progress.complete_skill(learner, layout),
        await progress.calculate_tree_progress(learner, tree),
        await progress.for_skill(learner, html),
        await progress.for_tree(learner, tree),
        await progress.list_for_user(learner),
        await progress.activity_by_day(learner, since=today - timedelta(1), until=today + timedelta(1)),
        await db.achievements.standings(learner),
        await db.achievements.for_user(learner),
        await db.users.update_profile(learner, bio="Learns", is_on_leaderboard=False),
        await service.leaderboards.rank(learner),
        await db.users.update_profile(learner, is_on_leaderboard=True),
        await service.leaderboards.rank(learner),
        await progress.dashboard(learner),
        await db.trees.load("web", learner),
        await db.users.get_profile(learner),
    ]
    return [without_identity(found) for found in came]


def without_identity(found):
    """Return a result without times and without fields that differ between learners."""
    if hasattr(found, "model_dump"):
        return without_identity(found.model_dump(mode="json"))
    if isinstance(found, list | tuple):
        # Rows of one transaction come in any order.
        return sorted((without_identity(each) for each in found), key=repr)
    if isinstance(found, dict):
        return {
            key: without_identity(each)
            for key, each in found.items()
            if key not in PERSONAL and not key.endswith("_at")
        }
    return found


async def role(unit):
    """Return the role of a unit of work and its learner."""
    return await (
        await unit._connection.execute("select current_user, current_setting('app.current_user_id', true)")
    ).fetchone()


# --- allowed ---------------------------------------------------------------------------------------------------------


async def test_a_learner_gets_the_same_results_under_the_roles_as_the_owner(app, db, course):
    as_owner = await add_user(db, "ada")
    as_learner = await add_user(app.as_service(), "grace")

    expected = await do_everything(db, db, as_owner.id, course)
    found = await do_everything(app.as_user(as_learner.id), app.as_service(), as_learner.id, course)

    assert found == expected
    profile = await app.as_user(as_learner.id).users.get_profile(as_learner.id)
    assert (profile.total_xp, profile.current_level, profile.current_streak, profile.skills_completed) == (125, 2, 1, 3)
    top = await app.as_service().leaderboards.top()
    assert {(place.user_id, place.xp, place.rank) for place in top} == {(as_owner.id, 125, 1), (as_learner.id, 125, 1)}
    assert await app.as_service().doctor.examine() == []


async def test_a_unit_of_work_gives_a_learner_the_same_results_as_single_calls(app, db, course):
    alone, together = await add_user(db, "ada"), await add_user(db, "grace")

    expected = await do_everything(app.as_user(alone.id), app.as_service(), alone.id, course)
    async with app.as_user(together.id) as unit:
        # The leaderboards of the service do not show the uncommitted unit of work.
        found = await do_everything(unit, db, together.id, course)

    ranks = [index for index, (one, other) in enumerate(zip(found, expected, strict=True)) if one != other]
    assert [(expected[index], found[index]) for index in ranks] == [(1, None)]
    assert await db.doctor.examine() == []


async def test_the_service_can_edit_a_tree_that_learners_work_in(app, learner, course):
    tree, html, css, layout, _ = course
    await app.as_user(learner.id).progress.complete_skill(learner.id, html)

    async with app.as_service() as unit:
        await unit.skills.remove_dependency(layout, css)
        await unit.skills.delete(css)

    assert await app.as_user(learner.id).progress.can_unlock(learner.id, layout)
    assert (await app.as_user(learner.id).progress.for_tree(learner.id, tree)).total_skills == 2
    assert await app.as_service().doctor.examine() == []


async def test_the_service_can_backfill_an_achievement(app, learner, course):
    await app.as_user(learner.id).progress.complete_skill(learner.id, course[1])
    late = await add_achievement(app.as_service(), "Late", criteria={"type": "xp_threshold", "threshold": 50})

    given = await app.as_service().achievements.backfill(late.id)

    assert given.is_finished
    assert "Late" in [earned.name for earned in await app.as_user(learner.id).achievements.for_user(learner.id)]


async def test_a_visitor_reads_the_catalogue_only(app, learner, course):
    visitor = app.as_user(None)

    tree = await visitor.trees.load("web", learner.id)
    assert {skill.name for skill in tree.skills} == {"html", "css", "layout", "extra"}
    with pytest.raises(UserNotFound):
        await visitor.users.get(learner.id)
    async with visitor as unit:
        assert await role(unit) == ("app_engine", "")


async def test_a_call_without_a_scope_has_the_rights_of_a_visitor(app, connection, learner, course):
    with pytest.raises(ScopeMissing):
        await app.users.get(learner.id)
    async with app._pool.connection() as nobody:
        assert await value(nobody, "select count(*) from users") == 0
    async with expect_refusal(connection, PermissionDenied, match="use db.as_user"):
        await app.progress.start_tree(learner.id, course[0])
    async with expect_refusal(connection, PermissionDenied), app.transaction() as unit:
        await add_user(unit, "grace")


# --- refused ---------------------------------------------------------------------------------------------------------


async def test_service_methods_are_refused_to_a_learner_before_anything_is_sent(app, connection, learner):
    async with expect_refusal(connection, PermissionDenied) as refusal:
        await app.as_user(learner.id).leaderboards.top()

    assert str(refusal.value) == (
        "leaderboards/top works across learners; "
        "use db.as_user(…) for one learner's work and db.as_service() for work across learners"
    )
    assert refusal.value.sqlstate == "42501"


async def test_a_method_refused_for_its_role_leaves_the_unit_of_work_usable(app, learner):
    async with app.as_user(learner.id) as unit:
        with pytest.raises(PermissionDenied):
            await unit.trees.publish(UUID(int=0))
        await unit.users.update_profile(learner.id, bio="Still here")

    assert (await app.as_user(learner.id).users.get_profile(learner.id)).bio == "Still here"


@pytest.mark.parametrize("nobody", ["", "ada", 7, b"", UUID])
async def test_an_invalid_learner_id_is_refused(app, nobody):
    with pytest.raises(InvalidValue, match="user_id must be a UUID or None"):
        app.as_user(nobody)
    with pytest.raises(InvalidValue, match="actor_id must be a UUID or None"):
        app.as_service(nobody)


async def test_a_scope_opens_one_unit_of_work_at_a_time(app, learner):
    scope = app.as_user(learner.id)

    async with scope as unit:
        with pytest.raises(UnitOfWorkOpen):
            async with scope:
                pass
        assert await unit.users.get(learner.id)
    with pytest.raises(UnitOfWorkEnded):
        await unit.users.get(learner.id)
    async with scope as again:
        assert await again.users.get(learner.id)


# --- units of work ---------------------------------------------------------------------------------------------------


async def test_the_service_can_name_an_actor(app, learner):
    async with app.as_service(learner.id) as unit:
        assert await role(unit) == ("app_service", "")
        actor = await unit._connection.execute("select current_setting('app.actor_id')")
        assert await actor.fetchone() == (str(learner.id),)


async def test_a_savepoint_rolls_back_writes_of_the_engine_and_the_learner_goes_on(app, learner, course):
    _, html, css, *_ = course

    async with app.as_user(learner.id) as unit:
        await unit.progress.start_skill(learner.id, css)
        with pytest.raises(InvalidValue):
            async with unit.transaction() as inner:
                await inner.progress.complete_skill(learner.id, html)
                await inner.progress.record_activity(learner.id, css, minutes=2**31)
        await unit.users.update_profile(learner.id, bio="On")
        assert await role(unit) == ("app_engine", str(learner.id))

    profile = await app.as_user(learner.id).users.get_profile(learner.id)
    assert (profile.bio, profile.total_xp, profile.trees_started) == ("On", 0, 1)


@pytest.mark.parametrize("fault", ["\ud800", object()])
async def test_a_failed_statement_leaves_the_role_of_the_unit_of_work(app, learner, course, fault):
    async with app.as_user(learner.id) as unit:
        with pytest.raises(InvalidValue):
            await unit.progress.start_skill(learner.id, fault)
        await unit.users.update_profile(learner.id, bio="On")
        assert await role(unit) == ("app_engine", str(learner.id))

    assert (await app.as_user(learner.id).users.get_profile(learner.id)).bio == "On"


async def test_concurrent_units_of_work_of_two_learners_stay_separate(app, db, course):
    ada, grace = await add_user(db, "ada"), await add_user(db, "grace")
    # The first learner of a tree locks it exclusively.
    await app.as_user(ada.id).progress.start_tree(ada.id, course[0])

    async with app.as_user(ada.id) as hers, app.as_user(grace.id) as theirs, app.as_service() as service:
        await hers.progress.start_skill(ada.id, course[1])
        await theirs.progress.start_skill(grace.id, course[2])
        for unit in (hers, theirs):
            with pytest.raises(UserNotFound):
                await unit.users.get((grace if unit is hers else ada).id)
        assert {await role(hers), await role(theirs), await role(service)} == {
            ("app_engine", str(ada.id)),
            ("app_engine", str(grace.id)),
            ("app_service", ""),
        }


# --- round trips and time limits -------------------------------------------------------------------------------------


async def test_a_call_in_a_scope_takes_one_round_trip(proxy, learner, course):
    url = make_conninfo(proxy.url, user="skilltree_app")
    async with AsyncDatabase(url, min_size=1, max_size=1) as proxied:
        calls = [
            lambda: proxied.as_user(learner.id).users.get(learner.id),
            lambda: proxied.as_user(learner.id).trees.load("web", learner.id),
            lambda: proxied.as_user(learner.id).progress.complete_skill(learner.id, course[1]),
            lambda: proxied.as_user(learner.id).progress.reset_skill(learner.id, course[1]),
            lambda: proxied.as_user(None).trees.list(),
            lambda: proxied.as_service().leaderboards.top(),
            lambda: proxied.as_service(learner.id).skills.update(course[1], xp_value=5),
        ]
        for call in calls * 7:  # often enough for statements to be prepared
            proxy.reset()
            await call()
            assert proxy.round_trips == 1


async def test_a_unit_of_work_in_a_scope_takes_no_more_round_trips_than_any(proxy, learner, course):
    async def round_trips(unit_of_work):
        proxy.reset()
        async with unit_of_work as unit:
            await unit.users.get(learner.id)
            await unit.progress.record_activity(learner.id, course[1], minutes=1)
        return proxy.round_trips

    async with AsyncDatabase(proxy.url, min_size=1, max_size=1) as owner:
        plain = await round_trips(owner.transaction())
    async with AsyncDatabase(make_conninfo(proxy.url, user="skilltree_app"), min_size=1, max_size=1) as proxied:
        assert plain == 4
        assert await round_trips(proxied.as_user(learner.id)) == plain
        assert await round_trips(proxied.as_service()) == plain


async def test_a_serialization_failure_in_a_learners_call_is_retried(app_url, app, connection, url, learner):
    options = r"-c default_transaction_isolation=repeatable\ read"
    async with AsyncDatabase(make_conninfo(app_url, options=options), max_size=1) as strict:
        async with await psycopg.AsyncConnection.connect(url) as other:
            await other.execute("update user_profiles set location = 'Paris'")
            change = in_background_async(
                lambda: strict.as_user(learner.id).users.update_profile(learner.id, bio="Twice")
            )
            async with change as changed:
                await wait_for_lock_waiters(connection)
                await other.commit()
        assert strict.statistics()["retries"] == 1
        assert (changed.result().bio, changed.result().location) == ("Twice", "Paris")

        async with await psycopg.AsyncConnection.connect(url) as other:
            await other.execute("update user_profiles set location = 'Oslo'")
            change = in_background_async(lambda: in_a_unit_of_work(strict, learner))
            async with change as changed:
                await wait_for_lock_waiters(connection)
                await other.commit()
        assert isinstance(changed.exception(), ConcurrentUpdate)


async def in_a_unit_of_work(db, learner):
    async with db.as_user(learner.id) as unit:
        await unit.users.update_profile(learner.id, bio="Once")


# A learner's statements have the time limit of the login role.
@pytest.mark.parametrize("role", ["skilltree_app", "app_service"])
async def test_a_statement_has_the_time_limit_of_its_role(app, app_url, connection, url, learner, role):
    def work_of(db):
        return db.as_service() if role == "app_service" else db.as_user(learner.id)

    # The setting is limited to this database, because roles belong to the whole server.
    setting = f"alter role {role} in database {await value(connection, 'select current_database()')}"
    await connection.execute(f"{setting} set statement_timeout = '100ms'")
    try:
        async with (
            AsyncDatabase(app_url) as hurried,
            await psycopg.AsyncConnection.connect(url) as other,
            expect_nothing_written(connection),
        ):
            scope = work_of(hurried)
            await other.execute("select from user_profiles where user_id = %s for update", [learner.id])
            with pytest.raises(StatementTimeout):
                await scope.users.update_profile(learner.id, bio="Late")
            with pytest.raises(StatementTimeout):
                await scope.users.update_profile(learner.id, is_on_leaderboard=False)
            async with scope as unit:
                with pytest.raises(StatementTimeout):
                    async with unit.transaction():
                        await unit.users.update_profile(learner.id, bio="Late")
    finally:
        await connection.execute(f"{setting} reset statement_timeout")

    scope = work_of(app)
    async with scope as unit:
        assert await unit._connection.execute("show statement_timeout") is not None
        limits = await (await unit._connection.execute("show statement_timeout")).fetchone()
    assert limits == {"skilltree_app": ("10s",), "app_service": ("1min",)}[role]
    assert await rows(connection, "show statement_timeout") == [("0",)]


async def test_the_applications_time_limit_holds_in_every_scope(app_url, learner):
    async with AsyncDatabase(app_url, statement_timeout=3) as db:
        for scope in (db, db.as_user(learner.id), db.as_user(None), db.as_service(), db.as_service(learner.id)):
            async with scope.transaction() as unit:
                limit = await unit._connection.execute("show statement_timeout")
                assert await limit.fetchone() == ("3s",)


async def test_a_statement_ends_at_the_applications_time_limit_in_every_scope(app_url, url, learner):
    async with (
        AsyncDatabase(app_url, statement_timeout=0.1) as db,
        await psycopg.AsyncConnection.connect(url) as other,
    ):
        await other.execute("lock table skill_categories")
        for scope in (db, db.as_user(learner.id), db.as_service()):
            with pytest.raises(StatementTimeout):
                await scope.categories.list()
