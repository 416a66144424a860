import json
from contextlib import contextmanager

import psycopg
import pytest
from typer.testing import CliRunner

from skilltree.cli import app
from skilltree.migrate import lint

# A mistake, and its finding: rule, object, part of the message.
MISTAKES = [
    (
        "create table open_to_all (id integer)",
        "row_security_missing", "open_to_all", "no row-level security",
    ),
    (
        "alter table skills disable row level security",
        "row_security_missing", "skills", "no row-level security",
    ),
    (
        "alter table users no force row level security",
        "row_security_missing", "users", "does not hold for the owner",
    ),
    (
        "create table events (at date) partition by range (at);"
        "alter table events enable row level security; alter table events force row level security;"
        "create policy events_read on events for select to app_user using (true);"
        "create table events_first partition of events for values from ('2026-01-01') to ('2026-02-01')",
        "row_security_missing", "events_first", "no row-level security",
    ),
    (
        "drop policy levels_read on levels; drop policy levels_service on levels",
        "row_security_without_policy", "levels", "nobody sees a row",
    ),
    (
        "create table notes (user_id uuid primary key);"
        "alter table notes enable row level security, force row level security;"
        "create policy notes_own on notes for all to app_user"
        " using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)"
        " with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)",
        "row_security_hides_rows", "notes", "app_service has no policy",
    ),
    (
        "create policy loose on skills for insert to app_service with check (true);"
        "create policy looser on skills for update to app_user using (true)",
        "policy_without_check", "policy looser on skills", "without a check",
    ),
    (
        "create policy loose on skills for all to app_user using (is_active)",
        "policy_without_check", "policy loose on skills", "without a check",
    ),
    (
        "create policy all_scores on user_scores for select to app_user using (true)",
        "policy_of_any_learner", "policy all_scores on user_scores", "the rows of others",
    ),
    (
        "create policy all_scores on user_scores for insert to app_engine with check (xp > 0)",
        "policy_of_any_learner", "policy all_scores on user_scores", "the rows of others",
    ),
    (
        "create policy all_scores on user_scores for update to app_user"
        " using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid) with check (true)",
        "policy_of_any_learner", "policy all_scores on user_scores", "the rows of others",
    ),
    (
        "create policy anybody on levels for select using (true)",
        "policy_for_everybody", "policy anybody on levels", "every role",
    ),
    (
        "create function lost() returns integer language plpgsql as 'begin return 1; end'",
        "search_path_not_fixed", "lost()", "the caller's",
    ),
    (
        "alter function find_cycle(uuid[], uuid[]) reset all",
        "search_path_not_fixed", "find_cycle(uuid[],uuid[])", "the caller's",
    ),
    (
        "alter function find_cycle(uuid[], uuid[]) set search_path = pg_catalog, public",
        "search_path_not_fixed", "find_cycle(uuid[],uuid[])", "a temporary table hides",
    ),
    (
        "alter function find_cycle(uuid[], uuid[]) set search_path = pg_temp, public, pg_temp",
        "search_path_not_fixed", "find_cycle(uuid[],uuid[])", "a temporary table hides",
    ),
    (
        "create function mighty() returns integer language plpgsql security definer"
        " set search_path = pg_catalog, pg_temp set row_security = on as 'begin return 1; end'",
        "security_definer", "mighty()", "rights of its owner",
    ),
    (
        "alter function audit_update_of_skills() reset row_security",
        "row_security_not_fixed", "audit_update_of_skills()", "row_security = off",
    ),
    (
        "drop index idx_achievement_users",
        "foreign_key_without_index", "constraint user_achievements_achievement_id_fkey on user_achievements",
        "no index begins",
    ),
    (
        "drop index idx_achievement_users;"
        "create index partial on user_achievements (achievement_id) where progress = 100",
        "foreign_key_without_index", "constraint user_achievements_achievement_id_fkey on user_achievements",
        "no index begins",
    ),
    ("grant select on skills to public", "granted_to_public", "skills", "everybody may select"),
    ("grant update (bio) on user_profiles to public", "granted_to_public", "user_profiles.bio", "everybody may update"),
    ("grant usage on schema public to public", "granted_to_public", "schema public", "everybody may usage"),
    (
        "grant execute on function find_cycle(uuid[], uuid[]) to public",
        "granted_to_public", "find_cycle(uuid[],uuid[])", "everybody may execute",
    ),
    ("grant usage on type leaderboard to public", "granted_to_public", "type leaderboard", "everybody may usage"),
    (
        "grant usage on sequence skill_graph_changes to public",
        "granted_to_public", "skill_graph_changes", "everybody may usage",
    ),
    (
        "do $$ begin execute format('grant temporary on database %I to public', current_database()); end $$",
        "granted_to_public", "database {database}", "everybody may temporary",
    ),
    (
        "alter default privileges grant select on tables to public",
        "granted_to_public", "what postgres adds later (r)", "everybody may select",
    ),
    (
        "alter default privileges grant execute on routines to public",
        "public_by_default", "what postgres adds later", "everybody may use the routines",
    ),
    (
        "alter default privileges grant usage on types to public",
        "public_by_default", "what postgres adds later", "everybody may use the types",
    ),
    (
        "alter table user_scores add constraint score_moment unique (reached_at)",
        "key_without_learner", "score_moment", "does not begin with user_id",
    ),
    (
        "create unique index session_handle on user_sessions (id, user_id)",
        "key_without_learner", "session_handle", "does not begin with user_id",
    ),
    (
        "create index again on user_sessions (user_id)",
        "index_twice", "again", "serves the same look-ups",
    ),
    (
        "create index idx_zz on user_profiles (last_activity_at)",
        "index_twice", "idx_zz", "idx_profile_activity serves the same",
    ),
    (
        "create table theirs (id integer); alter table theirs owner to app_service",
        "owned_by_application", "table theirs", "app_service owns it",
    ),
    ("create view plain as select user_id from user_profiles", "view_of_owner", "plain", "what its owner sees"),
    (
        "alter view streaks set (security_invoker = false)",
        "view_of_owner", "streaks", "what its owner sees",
    ),
    (
        "create materialized view kept as select user_id from user_profiles",
        "view_of_owner", "kept", "what its owner saw",
    ),
    ("create sequence short as integer", "sequence_too_small", "short", "ends at 2147483647"),
    (
        "alter table skills add constraint later check (xp_value > 1) not valid",
        "not_valid", "constraint later on skills", "need not meet it",
    ),
]  # fmt: skip

ROLE_MISTAKES = [
    ("alter role app_user bypassrls", "app_user", "sees through row-level security"),
    ("alter role app_service superuser", "app_service", "superuser"),
    ("alter role app_engine login", "app_engine", "may log in"),
    ("alter role skilltree_app inherit", "skilltree_app", "all of its rights at once"),
    ("alter role skilltree_app createrole", "skilltree_app", "may create roles"),
    ("grant pg_read_all_data to app_user", "app_user", "member of pg_read_all_data"),
    ("grant app_engine to app_user with admin option", "app_user", "member of app_engine"),
]


@pytest.fixture
def url(migrated_url):
    """The URL of a migrated database, with the privileges on the database that cloning does not copy."""
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute(f"revoke all on database {connection.info.dbname} from public")
    return migrated_url


@contextmanager
def changed(url, *statements):
    """Run statements in a transaction and roll it back, because roles belong to the whole server."""
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement)
        yield connection
        connection.rollback()


def test_the_schema_follows_all_rules_and_every_exception_is_needed(url):
    assert lint.lint(url) == []


def test_every_exception_has_a_reason():
    assert [key for key, reason in lint.EXCEPTIONS.items() if len(reason.split()) < 4] == []


@pytest.mark.parametrize(("mistake", "rule", "name", "problem"), MISTAKES, ids=lambda part: str(part)[:50])
def test_a_mistake_is_found_by_its_rule(url, mistake, rule, name, problem):
    with changed(url, mistake) as connection:
        database = connection.info.dbname
        found = lint.examine(connection)

    [finding] = [each for each in found if each.rule == rule]
    assert finding.object == name.format(database=database)
    assert problem in finding.problem
    assert finding.remedy


@pytest.mark.parametrize(("mistake", "name", "problem"), ROLE_MISTAKES, ids=lambda part: str(part)[:50])
def test_an_application_role_with_too_many_rights_is_found(url, mistake, name, problem):
    # Grants with admin option must not form a circle.
    with changed(url, "revoke app_user from app_engine", mistake) as connection:
        found = lint.examine(connection)

    [finding] = [each for each in found if each.rule == "role_too_strong"]
    assert finding.object == name
    assert problem in finding.problem


def test_an_index_that_could_not_be_built_is_found(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("insert into skill_categories (name, slug) values ('a', 'a'), ('b', 'b')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("create unique index concurrently half on skill_categories (sort_order)")

    [finding] = [each for each in lint.lint(url) if each.rule == "not_valid"]
    assert finding.object == "half"


def test_every_rule_is_tested_by_a_mistake():
    assert sorted({rule for _, rule, *_ in MISTAKES} | {"role_too_strong"}) == lint.rules()


@pytest.mark.parametrize(
    "harmless",
    [
        "create unique index other_order on user_sessions (user_id, last_activity_at)",
        "create index backwards on user_profiles (last_activity_at desc)",
        "create index partial on user_profiles (last_activity_at) where is_on_leaderboard",
        "create view mine with (security_invoker = on) as select user_id from user_profiles",
        "alter table skills add constraint unique_name unique (skill_tree_id, name)",
    ],
)
def test_correct_objects_are_not_reported(url, harmless):
    with changed(url, harmless) as connection:
        assert lint.examine(connection) == []


def test_an_exception_is_respected_and_an_unneeded_one_is_reported(url):
    exceptions = {**lint.EXCEPTIONS, ("sequence_too_small", "short"): "it never grows"}

    with changed(url, "create sequence short as integer") as connection:
        held = lint.examine(connection, exceptions)
    [stale] = lint.lint(url, exceptions)

    assert held == []
    assert (stale.rule, stale.object, stale.problem) == (
        "sequence_too_small", "short", "the exception is no longer needed",
    )  # fmt: skip


def test_the_command_exits_1_and_names_its_findings(url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", url)
    clean = CliRunner().invoke(app, ["lint"])
    with psycopg.connect(url) as connection:
        connection.execute("create table open_to_all (id integer)")

    found = CliRunner().invoke(app, ["lint", "--json"])

    assert (clean.exit_code, found.exit_code) == (0, 1)
    assert "rules hold" in clean.output
    [finding] = json.loads(found.output)
    assert (finding["rule"], finding["object"]) == ("row_security_missing", "open_to_all")


def test_settings_of_the_database_change_no_finding(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"alter database {connection.info.dbname} set quote_all_identifiers = on")
    assert lint.lint(url) == []
