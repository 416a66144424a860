"""Servers and databases that cannot work are refused before anything is written, with the reason."""

import time
from collections.abc import Iterator
from operator import itemgetter
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from skilltree import Database, migrate
from skilltree._core.server_requirements import refuse_unfit
from skilltree.errors import UnfitDatabase
from skilltree.migrate import roles
from skilltree.migrate.drift import drift
from skilltree.migrate.lint import lint
from skilltree.seed import seed


@pytest.fixture
def admin(template) -> Iterator[psycopg.Connection]:
    url = f"host={template.host} user={template.user} dbname=postgres"
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def create_database(admin, template) -> Iterator[object]:
    """Create a database with these options, and return its URL."""
    names: list[str] = []

    def create(options: str = "") -> str:
        names.append(f"preflight_{uuid4().hex[:8]}")
        admin.execute(sql.SQL("create database {} ").format(sql.Identifier(names[-1])) + sql.SQL(options))
        return f"host={template.host} user={template.user} dbname={names[-1]}"

    yield create
    for name in names:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def tables(url: str) -> int:
    with psycopg.connect(url) as connection:
        ((count,),) = connection.execute(
            "select count(*) from pg_class where relkind in ('r', 'p')"
            " and relnamespace::regnamespace::text !~ '^(pg_|info)'"
        ).fetchall()
    return int(count)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP"])
def test_a_database_in_another_encoding_is_refused_and_nothing_is_created(create_database, encoding):
    url = create_database(f"encoding '{encoding}' lc_collate 'C' lc_ctype 'C' template template0")

    for call in (migrate.migrate, migrate.status, drift, lambda url: Database(url).open()):
        with pytest.raises(UnfitDatabase, match=f"encoding {encoding}.* needs UTF8"):
            call(url)

    assert tables(url) == 0


def test_an_old_server_is_refused():
    class Old:
        server_version = 140011
        dbname = "learning"

        def parameter_status(self, param_name: str) -> str | None:
            return {"server_version": "14.11", "server_encoding": "UTF8"}[param_name]

    with pytest.raises(UnfitDatabase, match=r"PostgreSQL 14\.11; SkillTree needs 15"):
        refuse_unfit(Old())


def test_a_schema_with_the_name_of_the_role_is_left_alone(create_database):
    url = create_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("create schema {}").format(sql.Identifier(connection.info.user)))

    migrate.migrate(url)
    with Database(url) as db:
        assert len(list(seed(db))) > 3

    with psycopg.connect(url) as connection:
        places = connection.execute("select distinct schemaname::text from pg_tables where schemaname !~ '^(pg_|info)'")
        assert places.fetchall() == [("public",)]
    assert [each.object for each in drift(url).differences] == ["schema postgres"]


@pytest.mark.parametrize(
    "settings",
    [
        [
            "search_path = nowhere",
            "default_transaction_isolation = serializable",
            "standard_conforming_strings = off",
            "datestyle = 'German, DMY'",
            "intervalstyle = iso_8601",
            "timezone = 'Pacific/Kiritimati'",
            "bytea_output = escape",
        ],
        [
            "search_path = pg_temp, public",
            "extra_float_digits = -5",
            "lc_numeric = 'C'",
            "default_transaction_deferrable = on",
            "plan_cache_mode = force_custom_plan",
            "row_security = on",
        ],
        [
            "search_path = ''",
            "quote_all_identifiers = on",
            "check_function_bodies = off",
            "client_min_messages = error",
            "statement_timeout = '20s'",
            "lock_timeout = '5s'",
        ],
    ],
    ids=itemgetter(0),
)
def test_settings_of_the_database_do_not_affect_migrations(create_database, admin, settings):
    url = create_database()
    name = str(conninfo_to_dict(url)["dbname"])
    for setting in settings:
        admin.execute(sql.SQL("alter database {} set ").format(sql.Identifier(name)) + sql.SQL(setting))

    migrate.migrate(url)

    assert not drift(url)


def test_a_role_that_cannot_create_tables_is_refused(create_database, admin):
    url = create_database()
    role = f"weak_{uuid4().hex[:8]}"
    admin.execute(sql.SQL("create role {} login createrole").format(sql.Identifier(role)))
    try:
        with pytest.raises(UnfitDatabase, match=f"grant create on schema public to {role}"):
            migrate.migrate(make_conninfo(url, user=role))
        assert tables(url) == 0
    finally:
        admin.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def test_a_read_only_database_is_refused(create_database, admin):
    url = create_database()
    name = str(conninfo_to_dict(url)["dbname"])
    admin.execute(sql.SQL("alter database {} set default_transaction_read_only = on").format(sql.Identifier(name)))

    with pytest.raises(UnfitDatabase, match="are read-only here"):
        migrate.migrate(url)


def test_a_database_with_disabled_triggers_is_refused(create_database, admin):
    url = create_database()
    name = str(conninfo_to_dict(url)["dbname"])
    admin.execute(sql.SQL("alter database {} set session_replication_role = replica").format(sql.Identifier(name)))

    with pytest.raises(UnfitDatabase, match="no trigger runs"):
        migrate.migrate(url)
    assert tables(url) == 0


def test_a_database_without_the_schema_public_is_refused(create_database):
    url = create_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop schema public")

    with pytest.raises(UnfitDatabase, match="create schema public"):
        migrate.migrate(url)


def test_roles_that_are_missing_and_cannot_be_created_are_reported_first(new_host):
    admin_url = f"host={new_host} user=postgres dbname=postgres"
    role, name = f"weak_{uuid4().hex[:8]}", f"preflight_{uuid4().hex[:8]}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))
        connection.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(role)))
        try:
            url = f"host={new_host} user={role} dbname={name}"
            with pytest.raises(UnfitDatabase, match="may not create roles"):
                migrate.migrate(url)
            assert tables(url) == 0
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


@pytest.fixture
def foreign_roles(new_host) -> Iterator[psycopg.Connection]:
    """A superuser's connection to a server where another deployment has created the roles, and an empty database."""
    with psycopg.connect(f"host={new_host} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute("create role other; create role keeper login")
        connection.execute("create database kept owner keeper")
        connection.execute(roles.statements("other", "postgres"))
        yield connection


@pytest.mark.parametrize("attributes", ["nocreaterole", "createrole"])
def test_an_owner_without_app_service_is_refused_before_anything_is_created(new_host, foreign_roles, attributes):
    foreign_roles.execute(f"alter role keeper {attributes}")
    url = f"host={new_host} user=keeper dbname=kept"
    if attributes == "createrole" and foreign_roles.info.server_version < 160000:
        # Up to 15, a role with CREATEROLE may grant any role.
        assert migrate.migrate(url)
        return

    with pytest.raises(UnfitDatabase, match="keeper lacks rights on roles .*: grant app_service to keeper"):
        migrate.migrate(url)
    assert tables(url) == 0

    foreign_roles.execute("grant app_service to keeper")
    assert migrate.migrate(url)
    assert migrate.health(url) == []


@pytest.mark.parametrize(
    ("done", "told"),
    [
        ("revoke app_engine from app_service", "grant app_engine to app_service"),
        ("alter role app_service bypassrls", "alter role app_service nosuperuser nobypassrls"),
        ("alter role skilltree_app reset all", "alter role skilltree_app set role = app_user"),
        ("alter role keeper noinherit; revoke app_service from keeper", "keeper.* inherit"),
    ],
)
def test_wrong_roles_are_reported_with_the_statements_that_correct_them(new_host, foreign_roles, done, told):
    foreign_roles.execute("grant app_service to keeper")
    foreign_roles.execute(done)
    url = f"host={new_host} user=keeper dbname=kept"
    with psycopg.connect(make_conninfo(url, user="postgres"), autocommit=True) as connection:
        # On 15, a role without INHERIT does not have the privileges of the schema's owner either.
        connection.execute("grant create on schema public to keeper")

    with pytest.raises(UnfitDatabase, match=told) as refused:
        migrate.migrate(url)
    assert tables(url) == 0

    foreign_roles.execute(str(refused.value).partition("As an administrator: ")[2].partition(" (or")[0])
    assert migrate.migrate(url)


def test_timeouts_of_the_role_do_not_cancel_a_migration(create_database, admin, tmp_path):
    url = create_database()
    name = str(conninfo_to_dict(url)["dbname"])
    time_outs = ["idle_in_transaction_session_timeout", "idle_session_timeout"]
    time_outs += ["transaction_timeout"] if admin.info.server_version >= 170000 else []
    for time_out in time_outs:
        admin.execute(
            sql.SQL("alter database {} set {} = '200ms'").format(sql.Identifier(name), sql.Identifier(time_out))
        )
    (tmp_path / "0001.slow.sql").write_text("select pg_sleep(0.3);\n\nselect pg_sleep(0.3);\n")
    (tmp_path / "0001.slow.rollback.sql").write_text("select 1;\n")

    assert migrate.migrate(url, folder=tmp_path, applied=lambda _: time.sleep(0.3)) == ["0001.slow"]
    assert migrate.rollback(url, folder=tmp_path) == ["0001.slow"]


def test_commands_refuse_a_database_with_disabled_triggers(migrated_url):
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute(f"alter database {connection.info.dbname} set session_replication_role = replica")

    for call in (migrate.status, drift, lint, lambda url: Database(url).open()):
        with pytest.raises(UnfitDatabase, match="no trigger runs"):
            call(migrated_url)
