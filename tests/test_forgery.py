"""Arbitrary SQL in the roles of a learner cannot change another learner's rows or forge anything."""

import json
from uuid import uuid4

import psycopg
import pytest

from _sync.factories import rows
from _sync.row_owners import fingerprint_without_rows_of
from deployment import one_row, try_statement

DENIED = "42501"
READ_ONLY_VIEW = "55000"
# An identity column cannot be set. The check comes before any row is read, so the error reveals nothing.
ALWAYS_GENERATED = "428C9"


def outcome(connection: psycopg.Connection, statement: str) -> tuple[str | None, int | None]:
    """Run a statement. Return its SQLSTATE if it failed, or else the number of changed rows."""
    try:
        return None, connection.execute(statement).rowcount
    except psycopg.Error as error:
        return error.sqlstate, None


# --- writing ---------------------------------------------------------------------------------------------------------


def test_no_statement_changes_another_learners_rows(deployment, role):
    grace = deployment.grace.user_id
    with deployment.superuser() as superuser:
        before = fingerprint_without_rows_of(superuser, deployment.ada.user_id)
        columns = rows(
            superuser,
            "select relname, attname from pg_attribute join pg_class on pg_class.oid = attrelid where attnum > 0"
            " and relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not attisdropped",
        )
        statements = [f"{verb} {table}" for table in deployment.owners for verb in ("truncate", "truncate only")]
        for table, owner in deployment.owned:
            mine = f"where {owner} = '{grace}'"
            statements += [
                f"delete from {table} {mine}",
                f"delete from {table} as theirs using users as own where theirs.{owner} = '{grace}'",
            ]
            statements += [
                f"update {table} set {change} {mine}"
                for name, column in columns
                if name == table
                for change in (f'"{column}" = default', f'"{column}" = "{column}"', f'"{column}" = null')
            ]
        with psycopg.connect(deployment.app_url, autocommit=True) as connection:
            connection.execute(f"set role {role}; set app.current_user_id = '{deployment.ada.user_id}'")
            for statement in statements:
                # Each statement that succeeds is committed.
                state, count = outcome(connection, statement)
                assert (state, count) in {
                    (None, 0),
                    (DENIED, None),
                    (READ_ONLY_VIEW, None),
                    (ALWAYS_GENERATED, None),
                }, statement

        assert fingerprint_without_rows_of(superuser, deployment.ada.user_id) == before


@pytest.mark.parametrize(
    "statement",
    [
        "insert into {t} select * from jsonb_populate_record(null::{t}, %s::jsonb)",
        "insert into {t} select * from jsonb_populate_record(null::{t}, %s::jsonb) returning *",
        "insert into {t} select * from jsonb_populate_record(null::{t}, %s::jsonb) on conflict do nothing",
        "merge into {t} as t using jsonb_populate_record(null::{t}, %s::jsonb) as n on t.{o} = n.{o}"
        " when matched then delete",
        "merge into {t} as t using jsonb_populate_record(null::{t}, %s::jsonb) as n on t.{o} = n.{o}"
        " when matched then update set {o} = n.{o}",
        "merge into {t} as t using jsonb_populate_record(null::{t}, %s::jsonb) as n on t.{o} = n.{o}"
        " when not matched then insert values (n.*)",
        "update {t} set {o} = (jsonb_populate_record(null::{t}, %s::jsonb)).{o}",
    ],
)
def test_used_and_unused_keys_get_the_same_error(deployment, as_ada, statement):
    with deployment.superuser() as superuser:
        for table, owner in deployment.owners.items():
            if owner is None:
                continue
            taken = one_row(superuser, table, owner, deployment.grace.user_id)
            free = json.dumps({**json.loads(taken), owner: str(uuid4())})
            answers = []
            for row in (taken, free):
                state, count, said = try_statement(as_ada, statement.format(t=table, o=owner), row)
                answers.append((state, said.replace(json.loads(row)[owner], "…")))
                assert count == 0, table
                assert state in {None, DENIED, ALWAYS_GENERATED}, (table, said)
            assert answers[0] == answers[1], table


OF_THE_ACCOUNT = ("users.avatar_url", "users.first_name", "users.last_name", "users.updated_at", "users.username")
"""Columns that owners of an account can change. A trigger corrects a moment of change other than now."""


def test_a_learner_can_write_only_the_columns_about_themselves(deployment):
    may = (
        "select relname || '.' || attname from pg_attribute join pg_class on pg_class.oid = attrelid where attnum > 0"
        " and relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v') and not attisdropped"
        " and has_column_privilege(%s, pg_class.oid, attname, %s) order by 1"
    )
    whole = (
        "select relname || ' ' || privilege from pg_class"
        " cross join unnest(array['delete', 'truncate', 'references', 'trigger']) as privilege"
        " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')"
        " and has_table_privilege(%s, pg_class.oid, privilege) order by 1"
    )

    with deployment.superuser() as superuser:
        updated = [name for (name,) in rows(superuser, may, "app_user", "update")]
        assert [name.removeprefix("user_profiles.") for name in updated] == [
            "bio", "day_starts_at", "interests", "learning_goals", "location", "preferences", "timezone", "updated_at",
            "website", *OF_THE_ACCOUNT,
        ]  # fmt: skip
        for privilege in ("insert", "references"):
            assert rows(superuser, may, "app_user", privilege) == []
        assert rows(superuser, whole, "app_user") == []
        assert rows(superuser, whole, "app_engine") == [("user_scores delete",)]
        by_engine = {name for (name,) in rows(superuser, may, "app_engine", "update")}

    of_the_ledger = {name for name in by_engine if name.startswith(("xp_events.", "user_achievements.", "users."))}
    assert of_the_ledger == set(OF_THE_ACCOUNT)
    assert not {name for name in by_engine if name.startswith(("skill", "achievement", "levels."))}


# --- everything else -------------------------------------------------------------------------------------------------

POWERS = (
    "set local role postgres",
    "set local role migrator",
    "set session authorization postgres",
    "alter role app_user bypassrls",
    "alter role skilltree_app superuser",
    "grant app_service to app_user",
    "create role intruder",
    "grant select on users to public",
    "alter table users disable row level security",
    "alter table users no force row level security",
    "alter table users owner to app_user",
    "drop policy users_own on users",
    "create policy everybody on users using (true)",
    "alter policy users_own on users using (true)",
    "create rule spy as on select to users do instead select 1",
    "create trigger spy before update on user_profiles for each row execute function set_updated_at()",
    "create index on users (email)",
    "create statistics of_people on email, username from users",
    "drop table users",
    "create schema intruder",
    "create table public.copies as select 1",
    "create view public.copies as select 1",
    "create temp table copies as select 1",
    "create temp view copies as select 1",
    "create function public.spy(text) returns boolean language sql as 'select true'",
    "create function pg_temp.spy(text) returns boolean language plpgsql cost 0.0001"
    " as 'begin raise notice ''%'', $1; return true; end'",
    "create type pg_temp.spy as (a text)",
    "create sequence pg_temp.spy",
    "create or replace function begin_as_user(user_id uuid, is_acting boolean default false)"
    " returns void language sql as ''",
    "alter function begin_as_user(uuid, boolean) reset search_path",
    "alter default privileges for role migrator grant select on tables to public",
    "create publication everything for all tables",
    "copy users to '/tmp/users'",
    "copy users to program 'cat'",
    "copy user_profiles from '/etc/passwd'",
    "select pg_read_file('/etc/passwd')",
    "select pg_ls_dir('.')",
    "select pg_reload_conf()",
    "set session_replication_role = replica",
    "select nextval('skill_graph_changes')",
    "select setval('skill_graph_changes', 1)",
    "select last_value from skill_graph_changes",
    "refresh materialized view users",
    "lock table users in access exclusive mode",
)


@pytest.mark.parametrize("statement", POWERS)
def test_no_administrative_statement_is_allowed(as_ada, statement):
    state, _, said = try_statement(as_ada, statement)

    # 42809: the server first checks that users is a materialized view, and it is not.
    assert state in {DENIED, "42809"}, said
