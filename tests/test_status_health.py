"""``status`` names what a database lacks, and ``roles`` prints the statements that create the roles."""

import json

import psycopg
import pytest
from typer.testing import CliRunner

from skilltree import migrate
from skilltree.cli import app
from skilltree.migrate.roles import statements


@pytest.mark.parametrize(
    ("done", "name", "told"),
    [
        ("alter table skills disable trigger skills_audit_update", "trigger skills_audit_update on skills", "disabled"),
        ("drop trigger skills_audit_update on skills", "trigger skills_audit_update on skills", "missing"),
        ("drop policy users_service on users", "table users", "no policy"),
        ("alter table users no force row level security", "table users", "not enabled and forced"),
        ("alter table users disable row level security", "table users", "not enabled and forced"),
        ("revoke select on achievement_backfills from app_service", "table achievement_backfills", "may not read it"),
        (
            "alter table levels disable row level security, owner to pg_database_owner",
            "table levels",
            "not enabled and forced: alter table levels enable",
        ),
        ("alter table levels owner to pg_database_owner", "table levels", "belongs to pg_database_owner"),
        ("alter table audit_log_default no force row level security", "table audit_log_default", "enabled and forced"),
        ("drop policy login_attempts_service on login_attempts", "table login_attempts", "no policy"),
        (
            "alter policy users_service on users using (is_active)",
            "table users",
            "app_service has no policy there by which it sees all rows",
        ),
        ("drop policy begun_trees_engine on begun_trees", "table begun_trees", "no policy"),
        ("revoke all on user_scores from app_engine", "table user_scores", "neither app_user nor app_engine may read"),
        ("revoke all on user_sessions from app_user, app_engine", "table user_sessions", "neither app_user"),
        ("drop trigger xp_events_audit_delete on xp_events", "trigger xp_events_audit_delete on xp_events", "missing"),
        (
            "drop trigger skills_graph_is_valid on skills",
            "function verify_skill_graph()",
            "is run by no trigger: one is missing",
        ),
        (
            "do $$ begin execute format("
            "'alter role skilltree_app in database %I set session_replication_role = replica', current_database()"
            "); end $$",
            "session_replication_role of skilltree_app",
            "no trigger runs: alter role skilltree_app in database skilltree_test",
        ),
        ("revoke usage on schema public from app_user", "schema public", "app_user may not use it"),
        (
            "alter table skills add constraint skills_small check (xp_value < 0) not valid",
            "constraint skills_small on skills",
            "not validated",
        ),
        (
            "update pg_index set indisvalid = false where indexrelid = 'idx_user_email'::regclass",
            "index idx_user_email",
            "invalid",
        ),
    ],
)
def test_status_names_what_is_missing(migrated_url, done, name, told):
    assert migrate.health(migrated_url) == []
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute(done)

    result = CliRunner().invoke(app, ["status", "--json"], env={"DATABASE_URL": migrated_url})

    assert result.exit_code == 1
    problems = {each["migration"]: each["problem"] for each in json.loads(result.output)}
    assert told in problems[name]


def test_an_owner_without_createrole_can_migrate_after_an_administrator_created_the_roles(new_host):
    admin = f"host={new_host} user=postgres dbname=postgres"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute('create role "Plain owner" login')
        connection.execute('create database "a base" owner "Plain owner"')
        for _ in range(2):
            connection.execute(statements("Plain owner", "a base"))
    url = f"host={new_host} user='Plain owner' dbname='a base'"

    assert migrate.migrate(url)

    assert migrate.health(url) == []
    assert all(state.applied_at for state in migrate.status(url))


SETTINGS = (
    "select setrole::regrole::text, setting from pg_db_role_setting cross join unnest(setconfig) as setting"
    " where setdatabase = 0 order by 1, 2"
)
DEFAULTS = [
    ("app_service", "statement_timeout=60s"),
    ("skilltree_app", "idle_in_transaction_session_timeout=60s"),
    ("skilltree_app", "role=app_user"),
    ("skilltree_app", "statement_timeout=10s"),
]


def test_the_statements_that_create_roles_keep_settings_of_operators(new_host):
    with psycopg.connect(f"host={new_host} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(statements("postgres", "postgres"))
        assert connection.execute(SETTINGS).fetchall() == DEFAULTS
        connection.execute("alter role app_service set statement_timeout = '5min'")
        connection.execute("alter role skilltree_app reset idle_in_transaction_session_timeout")
        connection.execute("alter role skilltree_app set lock_timeout = '3s'")
        changed = connection.execute(SETTINGS).fetchall()

        connection.execute(statements("postgres", "postgres"))

        assert connection.execute(SETTINGS).fetchall() == changed
        assert len(changed) == len(DEFAULTS)


def test_settings_of_an_existing_role_are_kept(new_host):
    with psycopg.connect(f"host={new_host} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute("create role skilltree_app login noinherit")
        connection.execute("alter role skilltree_app set statement_timeout = '30s'")

        connection.execute(statements("postgres", "postgres"))

        assert connection.execute(SETTINGS).fetchall() == [*DEFAULTS[:3], ("skilltree_app", "statement_timeout=30s")]
