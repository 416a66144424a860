"""A deleted account leaves nothing that identifies its owner. No other part of the audit trail can be anonymised."""

from uuid import uuid4

import psycopg
import pytest

from _async.factories import add_achievement, add_skills, add_user, expect_nothing_written, rows, value
from _async.test_erase import TRACES, exported, grace, skills, tables_containing
from skilltree import AsyncDatabase
from skilltree.errors import InvalidCredentials, UnitOfWorkBroken, UserNotFound

__all__ = ["grace", "skills"]


async def test_nothing_identifies_a_deleted_account(db, connection, grace):
    with pytest.raises(InvalidCredentials):
        await db.accounts.authenticate(grace.email, "wrong", address="198.51.100.1", bcrypt_cost=4)
    await db.accounts.authenticate(grace.email, "correct horse", address="203.0.113.77", bcrypt_cost=4)
    await db.accounts.request_password_reset(grace.email)
    issued = await db.accounts.request_email_change(
        grace.id, "grace.murray@example.org", current="correct horse", bcrypt_cost=4
    )
    await db.accounts.change_email(issued.token)
    other = await add_user(db, "other")
    await db.as_service(grace.id).users.update_account(other.id, first_name="Other")
    # The month of an entry determines its partition.
    await connection.execute("update audit_log set occurred_at = now() - interval '5 years' where id % 2 = 0")

    await db.as_service(other.id).users.delete(grace.id)

    assert await tables_containing(connection, *TRACES, str(grace.id)) == []
    trail = await rows(connection, "select actor_id from audit_trail where action = 'ANONYMISE'")
    assert trail == [(other.id,)]
    assert await db.doctor.examine() == []
    with pytest.raises(UserNotFound):
        await exported(db.users, grace.id)


async def test_deleting_ones_own_account_leaves_no_actor_on_the_trail(db, connection, grace):
    await db.as_service(grace.id).users.delete(grace.id)

    assert await tables_containing(connection, str(grace.id)) == []


async def test_deleting_an_unknown_account_writes_nothing(db, connection, learner):
    async with expect_nothing_written(connection):
        with pytest.raises(UserNotFound):
            await db.users.delete(uuid4())


async def test_a_deletion_that_is_rolled_back_leaves_the_trail_unchanged(db, connection, learner):
    async with expect_nothing_written(connection):
        with pytest.raises(ZeroDivisionError):
            async with db.transaction() as unit:
                await unit.users.delete(learner.id)
                raise ZeroDivisionError


async def test_a_new_account_with_a_deleted_id_has_its_own_trail(db, connection, learner):
    await db.users.delete(learner.id)

    again = await add_user(db, id=learner.id)

    trail = await rows(connection, "select table_name, action::text from audit_trail where subject_id = %s", again.id)
    assert sorted(trail) == [("user_profiles", "INSERT"), ("users", "INSERT")]


async def test_the_service_cannot_anonymise_the_trail_of_other_rows(db, connection, learner, tree, app_url, subtests):
    [skill, gone] = await add_skills(db, tree, "html", "css")
    achievement = await add_achievement(db, "First")
    await db.skills.delete(gone.id)
    deleted = await add_user(db, "deleted")
    await db.users.delete(deleted.id)
    await add_user(db, "deleted", id=deleted.id)
    nobody = "null::uuid"

    async with AsyncDatabase(app_url, min_size=1, max_size=1) as app:
        for what, learner_id, nobody_id in [
            ("a learner", learner.id, nobody),
            ("a skill", skill.id, nobody),
            ("a skill that is gone", gone.id, nobody),
            ("a tree", tree.id, nobody),
            ("a category", tree.category_id, nobody),
            ("an achievement", achievement.id, nobody),
            ("an account that came again", deleted.id, nobody),
            ("an unknown id", uuid4(), nobody),
            ("something beside", uuid4(), f"'{skill.id}'"),
        ]:
            with subtests.test(what):
                async with expect_nothing_written(connection):
                    with pytest.raises(UnitOfWorkBroken):
                        async with app.as_service() as unit:
                            with pytest.raises(psycopg.DatabaseError, match="cannot be removed"):
                                await unit._connection.execute(f"select anonymise_audit('{learner_id}', {nobody_id})")


async def test_on_one_server_only_a_whole_erasure_removes_entries(db, connection, learner, app_url):
    async with AsyncDatabase(app_url, min_size=1, max_size=1) as app, expect_nothing_written(connection):
        with pytest.raises(UnitOfWorkBroken):
            async with app.as_service() as unit:
                await unit._connection.execute(f"delete from users where id = '{learner.id}'")
                with pytest.raises(psycopg.DatabaseError, match="cannot be removed"):
                    await unit._connection.execute(f"select forget_entries('{learner.id}', '{learner.id}', null)")


async def test_deleting_an_account_leaves_the_trail_of_others(db, connection, learner, tree):
    [skill] = await add_skills(db, tree, "html")
    before = "select count(*) from audit_trail where subject_id = %s"
    entries = await value(connection, before, skill.id)

    with pytest.raises(psycopg.DatabaseError, match="no placeholder"):
        async with await psycopg.AsyncConnection.connect(db._url) as other:
            await other.execute("update skills set name = 'covered' where id = %s", [skill.id])
            await other.execute("delete from users where id = %s", [learner.id])
            await other.execute("select anonymise_audit(%s, %s)", [learner.id, skill.id])

    assert await value(connection, before, skill.id) == entries
    assert (await db.users.get(learner.id)).id == learner.id


async def test_learners_export_their_own_log_ins_only(db, learner, app_url):
    other = await add_user(db, "grace")
    for email, address in ((learner.email, "192.0.2.7"), (other.email, "198.51.100.1")):
        with pytest.raises(InvalidCredentials):
            await db.accounts.authenticate(email, "wrong", address=address, bcrypt_cost=4)

    async with AsyncDatabase(app_url, min_size=1, max_size=1) as app:
        own = await exported(app.as_user(learner.id).users, learner.id)
    held = await exported(db.users, learner.id)

    assert [each["network"] for each in own["log_ins"]] == [each["network"] for each in held["log_ins"]]
    assert {each["network"] for each in own["log_ins"]} == {"", "192.0.2.7"}
