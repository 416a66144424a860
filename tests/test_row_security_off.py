"""Sessions with ``row_security = off``, as in scripts of pg_dump: functions that run as the owner still work."""

from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from deployment import Deployment
from skilltree import Database

WRITES = {
    "users": "update users set first_name = 'Augusta' where id = %(user_id)s",
    "user_profiles": "update user_profiles set bio = 'numbers' where user_id = %(user_id)s",
    "skills": "update skills set name = name || '!' where id = (select min(id::text)::uuid from skills)",
    "skill_trees": "update skill_trees set name = name || '!' where id = (select min(id::text)::uuid from skill_trees)",
    "skill_categories": "update skill_categories set name = name || '!'",
    "achievements": "update achievements set xp_reward = xp_reward + 1",
    "user_skill_progress": "update user_skill_progress set time_spent_minutes = 7 where user_id = %(user_id)s",
    "user_sessions": "delete from user_sessions where user_id = %(user_id)s",
    "xp_events": "delete from xp_events where user_id = %(user_id)s",
    "user_achievements": "delete from user_achievements where user_id = %(user_id)s",
    "user_activity_days": "delete from user_activity_days where user_id = %(user_id)s",
}


def entries(connection: psycopg.Connection[Any], table: str) -> int:
    [[count]] = connection.execute(
        "select count(*) from audit_log where table_name = %s and transaction_id = pg_current_xact_id()", [table]
    ).fetchall()
    return int(count)


@pytest.fixture(params=["superuser", "bypassrls"])
def restorer(request: pytest.FixtureRequest, deployment: Deployment):
    """A connection of a role that bypasses row-level security and owns nothing."""
    with psycopg.connect(deployment.url) as connection:
        if request.param == "bypassrls":
            connection.execute("create role restorer bypassrls")
            connection.execute("grant usage on schema public to restorer")
            connection.execute("grant all on all tables in schema public to restorer")
            connection.execute("grant all on all sequences in schema public to restorer")
            connection.execute("grant execute on all functions in schema public to restorer")
            connection.execute("grant usage on type skill_progress_status, audit_action to restorer")
            connection.execute("set local role restorer")
        connection.execute("set local row_security = off")
        yield connection
        connection.rollback()


@pytest.mark.parametrize("table", WRITES)
def test_a_write_is_audited_with_row_security_off(restorer, deployment, table):
    with restorer.cursor() as cursor:
        cursor.execute(WRITES[table], {"user_id": deployment.ada.user_id})
        assert cursor.rowcount > 0

    assert entries(restorer, table) > 0


def test_the_trail_is_anonymised_with_row_security_off(restorer, deployment):
    restorer.execute("delete from users where id = %s", [deployment.ada.user_id])

    restorer.execute("select anonymise_audit(%s, null)", [deployment.ada.user_id])

    [[left]] = restorer.execute(
        "select count(*) from audit_log where subject_id = %s", [deployment.ada.user_id]
    ).fetchall()
    assert left == 0


@pytest.mark.parametrize("role", ["migrator", "app_service", "app_engine", "app_user"])
def test_a_role_under_row_level_security_gets_an_error_and_writes_nothing(deployment, role):
    url = deployment.owner_url if role == "migrator" else make_conninfo(deployment.app_url, options=f"-c role={role}")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set row_security = off")

        with pytest.raises(
            psycopg.errors.InsufficientPrivilege, match='row-level security policy for table "user_profi'
        ):
            connection.execute(WRITES["user_profiles"], {"user_id": deployment.ada.user_id})


@pytest.mark.parametrize("role", ["migrator", "app_service", "app_user"])
def test_the_library_works_for_a_role_with_row_security_off(deployment, role):
    with deployment.superuser() as connection:
        name = "migrator" if role == "migrator" else "skilltree_app"
        connection.execute(f"alter role {name} set row_security = off")
    try:
        with Database(deployment.owner_url if role == "migrator" else deployment.app_url) as db:
            scope = {"migrator": db, "app_service": db.as_service(), "app_user": db.as_user(deployment.ada.user_id)}[
                role
            ]
            assert scope.users.update_profile(deployment.ada.user_id, bio=f"as {role}").bio == f"as {role}"
    finally:
        with deployment.superuser() as connection:
            connection.execute(f"alter role {name} reset row_security")
