"""A role from which row-level security hides rows never gets the answer that all is well."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from deployment import Deployment
from skilltree import Database, migrate
from skilltree.cli import app
from skilltree.errors import CannotSeeEverything

OPERATORS = {
    "a role with select on every table": "grant usage on schema public to operator;"
    " grant select on all tables in schema public to operator;"
    " grant execute on all functions in schema public to operator",
    "who may read some tables": "grant usage on schema public to operator; grant select on users, skills to operator",
    "a role with pg_read_all_data": "grant pg_read_all_data to operator;"
    " grant execute on all functions in schema public to operator",
    "a role without privileges": "",
    "a learner": "grant app_user to operator",
    "a member of app_service without inherit": "alter role operator noinherit; grant app_service to operator;"
    " grant usage on schema public to operator; grant select on all tables in schema public to operator",
}


@pytest.fixture
def operator_url(deployment: Deployment) -> Iterator[str]:
    with deployment.superuser() as connection:
        connection.execute("create role operator login; grant connect, temporary on database learning to operator")
        yield make_conninfo(deployment.url, user="operator")
        connection.execute("drop owned by operator; drop role operator")


def run(url: str, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*arguments], env={"DATABASE_URL": url})
    return result.exit_code, result.output


@pytest.mark.parametrize("grants", OPERATORS.values(), ids=OPERATORS)
def test_the_doctor_refuses_a_role_that_does_not_see_all_rows(deployment, operator_url, grants):
    with deployment.superuser() as connection:
        if grants:
            connection.execute(grants)

    with Database(operator_url) as blind:
        for call in (blind.doctor.examine, blind.doctor.repair):
            with pytest.raises(CannotSeeEverything, match="(users|user_profiles): .*grant app_service to operator"):
                call()


@pytest.mark.parametrize(
    "command", [["doctor"], ["doctor", "--repair"], ["export-learner", "ada@example.org"], ["audit"]]
)
def test_commands_fail_for_a_role_that_does_not_see_all_rows(deployment, operator_url, command):
    with deployment.superuser() as connection:
        connection.execute(OPERATORS["a role with select on every table"])

    code, said = run(operator_url, *command)

    assert code == 1
    assert "CannotSeeEverything" in said


@pytest.mark.parametrize("command", ["status", "drift", "lint"])
@pytest.mark.parametrize("who", ["a role without privileges", "a role with select on every table"])
def test_schema_commands_fail_for_a_role_that_does_not_see_all_rows(deployment, operator_url, command, who):
    if OPERATORS[who]:
        with deployment.superuser() as connection:
            connection.execute(OPERATORS[who])

    code, said = run(operator_url, command)

    assert code == 1
    assert "PermissionDenied" in said or "CannotSeeEverything" in said


@pytest.mark.parametrize(
    "grants",
    ["grant app_service to operator", "alter role operator bypassrls; grant pg_read_all_data to operator"],
)
def test_the_doctor_works_for_a_role_that_sees_all_rows(deployment, operator_url, grants):
    with deployment.superuser() as connection:
        connection.execute(grants)

    with Database(operator_url) as db:
        db.doctor.require_sight()


def test_the_doctor_works_for_the_owner_and_the_service(deployment):
    with Database(deployment.owner_url) as own, Database(deployment.app_url) as db:
        own.doctor.require_sight()
        db.as_service().doctor.require_sight()


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        (
            "drop policy users_service on users",
            "users: row-level security hides .*create policy users_service on users",
        ),
        (
            "revoke select on achievement_backfills from app_service",
            "achievement_backfills: app_service may not read it .*grant select on achievement_backfills to app_service",
        ),
        (
            "create policy active_only on skills as restrictive for select using (is_active)",
            "skills: row-level security hides",
        ),
    ],
)
def test_a_half_restored_database_is_reported(migrated_url, lost, told):
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute(lost)

    with (
        Database(make_conninfo(migrated_url, user="skilltree_app")) as db,
        pytest.raises(CannotSeeEverything, match=told),
    ):
        db.as_service().doctor.examine()


@pytest.mark.parametrize("command", [["status"], ["lint"], ["drift"], ["doctor"]])
def test_a_database_without_app_service_is_reported(new_host, command):
    with psycopg.connect(f"host={new_host} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute("create role keeper login createrole")
        connection.execute("grant create on schema public to keeper")
        migrate.migrate(f"host={new_host} user=keeper dbname=postgres")
        connection.execute("drop owned by app_service")
        connection.execute("drop role app_service")

    code, said = run(f"host={new_host} user=keeper dbname=postgres", *command)

    assert code == 1
    assert "CannotSeeEverything" in said
    assert said.count("app_service is missing") == 1
    assert "skilltree roles" in said


@pytest.mark.parametrize("command", ["status", "lint", "drift"])
def test_the_application_is_not_advised_to_grant_app_service_to_learners(deployment, command):
    code, said = run(deployment.app_url, command)

    assert code == 1
    assert "CannotSeeEverything" in said
    assert "connect as the role that migrates" in said
    assert "grant app_service to app_user" not in said


@pytest.mark.parametrize("command", [["migrate"], ["reset", "--yes", "--demo-data"]])
def test_a_role_that_cannot_read_the_migrations_is_told_to_connect_as_their_owner(deployment, command):
    code, output = run(deployment.app_url, *command)

    assert code == 1
    assert "may not read the list of applied migrations: connect as the role that migrates" in " ".join(output.split())
    assert "as_user" not in output
