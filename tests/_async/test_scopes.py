"""The application's login role sees no learner's rows. Calls that need a learner or the service raise without one."""

from datetime import UTC, datetime

import pytest

from _async.factories import add_tree, expect_refusal, value
from skilltree.errors import PermissionDenied, ScopeMissing, UserNotFound


@pytest.mark.parametrize(
    "call",
    [
        lambda db, learner: db.users.get(learner.id),
        lambda db, learner: db.users.find_by_email(learner.email),
        lambda db, learner: db.users.get_profile(learner.id),
        lambda db, learner: db.users.update_profile(learner.id, bio="Mine"),
        lambda db, learner: db.progress.dashboard(learner.id),
        lambda db, learner: db.progress.list_for_user(learner.id),
        lambda db, learner: db.sessions.list_active(learner.id),
        lambda db, learner: db.achievements.for_user(learner.id),
        lambda db, learner: db.leaderboards.top(),
        lambda db, learner: db.trees.load("web", learner.id),
    ],
)
async def test_a_call_about_a_learner_needs_a_scope(app, connection, learner, tree, call):
    async with expect_refusal(
        connection, ScopeMissing, match=r"use db\.as_user\(user_id\).*db\.as_service\(\)"
    ) as told:
        await call(app, learner)
    async with expect_refusal(connection, ScopeMissing), app.transaction() as unit:
        await call(unit, learner)

    assert isinstance(told.value, PermissionDenied)
    assert told.value.sqlstate == "42501"


async def test_a_stream_about_a_learner_needs_a_scope(app, learner):
    with pytest.raises(ScopeMissing):
        await anext(app.users.export(learner.id))


async def test_the_catalogue_needs_no_scope(app, db):
    tree = await add_tree(db)

    assert [category.id for category in await app.categories.list()] == [tree.category_id]
    assert (await app.trees.get(tree.id)).slug == "web"
    assert (await app.trees.load("web")).slug == "web"
    assert [found.slug for found in (await app.trees.list()).items] == ["web"]
    async with app.transaction() as unit:
        assert (await unit.trees.get(tree.id)).slug == "web"


async def test_a_call_in_a_scope_works(app, learner):
    assert (await app.as_user(learner.id).users.get(learner.id)).id == learner.id
    assert (await app.as_service().users.get(learner.id)).id == learner.id
    with pytest.raises(UserNotFound):
        await app.as_user(None).users.get(learner.id)


async def test_the_owner_needs_no_scope(db, connection, learner):
    assert (await db.users.get(learner.id)).created_at < datetime.now(UTC)
    assert await value(connection, "select count(*) from users") == 1
