"""By SQL of one's own, as the roles of a learner's work: nothing of another's is written, and nothing is forged."""

import json
from uuid import uuid4

import psycopg
import pytest

from _sync.factories import rows
from _sync.whose import without_rows_of
from estate import attempt, one_row

DENIED = "42501"
READ_ONLY_VIEW = "55000"
# Refused before anything is looked at, so that it tells nothing: the number of an entry is the server's to give.
ALWAYS_GENERATED = "428C9"


def outcome(connection: psycopg.Connection, statement: str) -> tuple[str | None, int | None]:
    """Run a statement; return its SQLSTATE if it failed, and else how many rows it changed."""
    try:
        return None, connection.execute(statement).rowcount
    except psycopg.Error as error:
        return error.sqlstate, None


# --- writing ---------------------------------------------------------------------------------------------------------


def test_nothing_of_another_learners_is_changed_by_any_verb(estate, role):
    grace = estate.grace.user_id
    with estate.superuser() as superuser:
        before = without_rows_of(superuser, estate.ada.user_id)
        columns = rows(
            superuser,
            "select relname, attname from pg_attribute join pg_class on pg_class.oid = attrelid where attnum > 0"
            " and relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not attisdropped",
        )
        statements = [f"{verb} {table}" for table in estate.owners for verb in ("truncate", "truncate only")]
        for table, owner in estate.owned:
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
        with psycopg.connect(estate.app_url, autocommit=True) as connection:
            connection.execute(f"set role {role}; set app.current_user_id = '{estate.ada.user_id}'")
            for statement in statements:
                # Each is committed, if it comes to that.
                state, count = outcome(connection, statement)
                assert (state, count) in {
                    (None, 0),
                    (DENIED, None),
                    (READ_ONLY_VIEW, None),
                    (ALWAYS_GENERATED, None),
                }, statement

        assert without_rows_of(superuser, estate.ada.user_id) == before


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
def test_a_key_that_is_taken_is_refused_as_one_that_is_free(estate, as_ada, statement):
    with estate.superuser() as superuser:
        for table, owner in estate.owners.items():
            if owner is None:
                continue
            taken = one_row(superuser, table, owner, estate.grace.user_id)
            free = json.dumps({**json.loads(taken), owner: str(uuid4())})
            answers = []
            for row in (taken, free):
                state, count, said = attempt(as_ada, statement.format(t=table, o=owner), row)
                answers.append((state, said.replace(json.loads(row)[owner], "…")))
                assert count == 0, table
                assert state in {None, DENIED, ALWAYS_GENERATED}, (table, said)
            assert answers[0] == answers[1], table


OF_THE_ACCOUNT = ("users.avatar_url", "users.first_name", "users.last_name", "users.updated_at", "users.username")
"""What owners of an account change of it themselves, and when: a trigger corrects any other moment than now."""


def test_a_learner_writes_what_they_say_of_themselves_and_nothing_else(estate):
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

    with estate.superuser() as superuser:
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
    "create or replace function begin_as_user(user_id uuid) returns void language sql as ''",
    "alter function begin_as_user(uuid) reset search_path",
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
def test_no_power_over_the_database_is_within_reach(as_ada, statement):
    state, _, said = attempt(as_ada, statement)

    # 42809: users is no materialized view, which is looked at first.
    assert state in {DENIED, "42809"}, said
