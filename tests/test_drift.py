import json
import shutil
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from skilltree import embedded, errors, migrate
from skilltree.cli import app
from skilltree.migrate import drift as drifting
from skilltree.migrate.drift import Difference, drift

LATEST = max(file.stem for file in migrate.folder().glob("*.sql") if ".rollback" not in file.name)


@pytest.fixture
def url(migrated_url, monkeypatch):
    """The URL of a migrated database. It is compared on its own server, which is the fastest way."""
    monkeypatch.setattr(embedded, "SUPPORTED_VERSIONS", ())
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        # Cloning does not copy privileges on a database.
        name = connection.info.dbname
        connection.execute(f"revoke all on database {name} from public")
        connection.execute(f"grant connect on database {name} to app_user, app_engine, app_service, skilltree_app")
        connection.execute(f"grant temporary on database {name} to app_service")
    return migrated_url


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_migrated_database_has_no_drift(url):
    found = drift(url)

    assert not found
    assert found == drifting.Drift([], [], [], [])


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("create table notes (id integer)", "table public.notes"),
        ("alter table skills add column code text", "column public.skills.code"),
        ("alter table skills alter column name drop not null", "column public.skills.name"),
        ("alter table skills alter column xp_value type bigint", "column public.skills.xp_value"),
        ("drop index idx_skill_position", "index public.idx_skill_position"),
        ("alter table skills drop constraint skills_key_length", "constraint skills_key_length on public.skills"),
        ("alter table skills disable trigger skills_graph_is_valid", "trigger skills_graph_is_valid on public.skills"),
        ("create or replace function set_updated_at() returns trigger language plpgsql"
         " set search_path = pg_catalog, public as 'begin return new; end'", "function public.set_updated_at()"),
        ("alter policy levels_read on levels using (level > 1)", "policy levels_read on public.levels"),
        ("drop policy levels_read on levels", "policy levels_read on public.levels"),
        ("alter table users no force row level security", "table public.users"),
        ("grant select on users to app_engine", "grants on table public.users"),
        ("grant update (email) on users to app_engine", "grants on table column public.users.email"),
        ("grant execute on function set_updated_at() to public", "grants on function public.set_updated_at()"),
        ("alter default privileges in schema public grant select on tables to app_user",
         "grants on default acl for role postgres in schema public on tables"),
        ("alter type leaderboard add value 'DAY'", "type public.leaderboard"),
        ("alter sequence skill_graph_changes increment 2", "sequence public.skill_graph_changes"),
        ("comment on table skills is 'by hand'", "comment on table public.skills"),
        ("grant create on schema public to app_service", "grants on schema public"),
        ("do $$ begin execute format('grant create on database %I to app_service', current_database()); end $$",
         "grants on the database"),
    ],
)  # fmt: skip
def test_a_manual_change_is_named(url, change, name):
    run(url, change)

    found = drift(url)

    assert name in [each.object for each in found.differences]
    assert all(each.expected != each.found and each.lines() for each in found.differences)
    assert found == drifting.Drift(found.differences, [], [], [])


def test_data_and_later_partitions_are_not_drift(url, tmp_path):
    folder = Path(shutil.copytree(migrate.folder(), tmp_path / "migrations"))
    (folder / "9999.events.sql").write_text("create table events (at date) partition by range (at);")
    (folder / "9999.events.rollback.sql").write_text("drop table events;")
    migrate.migrate(url, folder=folder)
    run(
        url,
        "create table events_first partition of events for values from ('2026-01-01') to ('2026-02-01')",
        "create index events_first_at on events_first (at)",
        "insert into events values ('2026-01-02')",
    )

    assert not drift(url, folder=folder)


def test_pending_edited_and_deleted_migrations_are_named_but_are_not_drift(url, tmp_path):
    folder = Path(shutil.copytree(migrate.folder(), tmp_path / "migrations"))
    (folder / "9998.gone.sql").write_text("create schema gone;")
    (folder / "9998.gone.rollback.sql").write_text("drop schema gone;")
    migrate.migrate(url, folder=folder)
    for file in folder.glob("9998*"):
        file.unlink()
    (folder / "9999.later.sql").write_text("create table later (id integer);")
    (folder / "9999.later.rollback.sql").write_text("drop table later;")
    first = folder / f"{LATEST}.rollback.sql"
    first.write_text(first.read_text() + "-- More.\n")

    found = drift(url, folder=folder)

    assert (found.pending, found.edited, found.deleted) == (["9999.later"], [LATEST], ["9998.gone"])
    assert found.differences == [Difference("schema gone", None, "")]


def test_differences_are_shown_line_by_line():
    changed = Difference("function f()", "begin\n    return 1;\nend", "begin\n    return 2;\nend")

    assert changed.lines() == ["-     return 1;", "+     return 2;"]
    assert Difference("schema a", None, "").lines() == ["+ (is there)"]
    assert Difference("column a.b", "1 text", None).lines() == ["- 1 text"]


def test_a_changed_application_role_is_found_by_comparing_with_a_new_server(tmp_path):
    with embedded.throw_away() as url:
        migrate.migrate(url)
        # Operators may set how long a statement takes.
        run(url, "alter role app_service set statement_timeout = '5min'")
        before = drift(url)
        run(
            url,
            "alter role app_user createdb",
            "alter role skilltree_app inherit",
            "grant pg_read_all_data to app_service",
            "alter role skilltree_app set role = 'app_service'",
        )

        after = drift(url)

    assert not before
    assert [each.object for each in after.differences] == [
        "role app_service",
        "role app_user",
        "role skilltree_app",
        "settings of role skilltree_app",
    ]


def test_the_owner_may_have_another_name(tmp_path):
    with embedded.throw_away() as server:
        run(server, "create role keeper createdb createrole login", "create database kept owner keeper")
        url = make_conninfo(server, user="keeper", dbname="kept")
        migrate.migrate(url)

        assert not drift(url)


def test_a_role_that_cannot_create_databases_gets_a_message(url):
    name = f"drift_{uuid4().hex}"
    run(
        url,
        f"create role {name}",
        f"grant app_service to {name}",
        f"grant select on all tables in schema public to {name}",
    )
    try:
        with pytest.raises(errors.MigrationError, match=f"no server to compare with: {name} may not create databases"):
            drift(make_conninfo(url, options=f"-c role={name}"))
    finally:
        run(url, f"drop owned by {name}", f"drop role {name}")


def test_the_command_exits_2_and_shows_what_differs(url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", url)
    equal = CliRunner().invoke(app, ["drift"])
    run(url, "alter table skills alter column xp_value type bigint", "create schema other")

    plain = CliRunner().invoke(app, ["drift"])
    as_json = CliRunner().invoke(app, ["drift", "--json"])

    assert (equal.exit_code, plain.exit_code, as_json.exit_code) == (0, 2, 2)
    assert "matches its migrations" in equal.output
    for part in ("column public.skills.xp_value\n- ", "\n+ ", "schema other\n+ (is there)\n"):
        assert part in plain.output
    assert [each["object"] for each in json.loads(as_json.output)["differences"]] == [
        "column public.skills.xp_value",
        "schema other",
    ]
