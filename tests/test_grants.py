"""The privileges of each role according to the system catalogs. The setup needs no superuser."""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from _sync.factories import rows, value
from skilltree import Database, migrate
from skilltree.errors import UnfitDatabase
from skilltree.seed import TEST_EMAIL, seed

TO_PUBLIC = """
    select kind, name, acl.privilege_type
    from (
        select 'database' as kind, datname::text as name, coalesce(datacl, acldefault('d', datdba)) as acl
        from pg_database where datname = current_database()
        union all
        select 'schema', nspname, coalesce(nspacl, acldefault('n', nspowner))
        from pg_namespace where nspname not in ('pg_catalog', 'information_schema') and nspname !~ '^pg_toast'
        union all
        select 'relation', relname, coalesce(relacl, acldefault('r', relowner))
        from pg_class where relnamespace = 'public'::regnamespace
        union all
        select 'column', attrelid::regclass || '.' || attname, attacl
        from pg_attribute join pg_class on pg_class.oid = attrelid where relnamespace = 'public'::regnamespace
        union all
        select 'routine', pg_proc.oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner))
        from pg_proc where pronamespace = 'public'::regnamespace
        union all
        -- The type of a table's rows and that of an array go with the table and with what it is an array of.
        select 'type', typname, coalesce(typacl, acldefault('T', typowner))
        from pg_type where typnamespace = 'public'::regnamespace and typrelid = 0 and typcategory <> 'A'
        union all
        select 'what is added', defaclobjtype::text, defaclacl from pg_default_acl
        union all
        select 'parameter', parname, paracl from pg_parameter_acl
        union all
        select 'large object', oid::text, coalesce(lomacl, acldefault('L', lomowner)) from pg_largeobject_metadata
    ) as given
    cross join aclexplode(given.acl) as acl
    where acl.grantee = 0
    order by 1, 2, 3
"""

ATTRIBUTES = "rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication"

OWNED = "select count(*) from pg_shdepend where refobjid = %s::regrole and deptype = 'o'"

GRANTED = """
    select distinct privilege, relname ~ 'yoyo|migration' as is_of_migrations
    from pg_class
    cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) as privilege
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
        and has_table_privilege(%s, pg_class.oid, privilege)
    order by 1
"""


def test_public_has_no_privileges(deployment):
    with deployment.superuser() as superuser:
        assert rows(superuser, TO_PUBLIC) == []


def test_objects_of_later_migrations_have_no_grants_by_default(deployment):
    with psycopg.connect(deployment.owner_url) as owner:
        owner.execute("create table later (user_id uuid, secret text)")
        owner.execute("create view later_seen as select secret from later")
        owner.execute("create sequence later_number")
        owner.execute("create type later_kind as enum ('ONE')")
        owner.execute("create domain later_name as text")
        owner.execute("create function later_work() returns integer language sql as 'select 1'")
        owner.execute("create procedure later_order() language sql as ''")

        assert rows(owner, TO_PUBLIC) == []
        for role in ("app_user", "app_engine", "skilltree_app"):
            assert not value(owner, f"select has_any_column_privilege('{role}', 'later', 'select, insert, update')")
            assert not value(owner, f"select has_table_privilege('{role}', 'later_seen', 'select')")
            assert not value(owner, f"select has_function_privilege('{role}', 'later_work()', 'execute')")
            assert not value(owner, f"select has_sequence_privilege('{role}', 'later_number', 'usage, select')")
            assert not value(owner, f"select has_type_privilege('{role}', 'later_kind', 'usage')")
        assert not value(owner, "select has_any_column_privilege('app_service', 'later', 'insert, update')")
        owner.rollback()


@pytest.mark.parametrize("role", ["app_user", "app_engine", "app_service", "skilltree_app"])
def test_no_application_role_owns_objects_or_has_server_attributes(deployment, role):
    with deployment.superuser() as superuser:
        assert rows(superuser, f"select {ATTRIBUTES} from pg_roles where rolname = %s", role) == [(False,) * 5]
        assert value(superuser, OWNED, role) == 0
        assert not value(superuser, "select has_schema_privilege(%s, 'public', 'create')", role)
        assert not value(superuser, "select has_database_privilege(%s, current_database(), 'create')", role)
        may_make_tables = value(superuser, "select has_database_privilege(%s, current_database(), 'temp')", role)
        assert may_make_tables == (role == "app_service")


def test_the_application_logs_in_with_its_weakest_role(deployment):
    memberships = (
        "select member.rolname, role.rolname from pg_auth_members"
        " join pg_roles as role on role.oid = roleid join pg_roles as member on member.oid = pg_auth_members.member"
        " where member.rolname in ('skilltree_app', 'app_user', 'app_engine', 'app_service') order by 1, 2"
    )

    with deployment.superuser() as superuser, psycopg.connect(deployment.app_url) as application:
        assert rows(superuser, memberships) == [
            ("app_engine", "app_user"),
            ("app_service", "app_engine"),
            ("skilltree_app", "app_service"),
            ("skilltree_app", "app_user"),
        ]
        assert rows(superuser, "select rolname from pg_roles where rolcanlogin and rolname ~ '^app_'") == []
        assert not value(superuser, "select rolinherit from pg_roles where rolname = 'skilltree_app'")
        assert rows(application, "select current_user, session_user") == [("app_user", "skilltree_app")]
        # Not even after it resets its default role.
        application.execute("set role none")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute("select from public.skills")


def test_the_service_reads_and_writes_all_data_but_not_the_migration_tables(deployment):
    with deployment.superuser() as superuser:
        granted = rows(superuser, GRANTED, "app_service")

    assert granted == [("delete", False), ("insert", False), ("select", False), ("update", False)]


def test_an_owner_without_superuser_can_migrate_seed_examine_and_roll_back(deployment):
    with deployment.superuser() as superuser:
        superuser.execute("create role tenant login")
        superuser.execute("grant app_service to tenant")
        superuser.execute("create database tenancy owner tenant")
    url = make_conninfo(deployment.url, user="tenant", dbname="tenancy")
    try:
        applied = migrate.migrate(url)
        with Database(url) as owner, Database(make_conninfo(url, user="skilltree_app")) as app:
            list(seed(owner))
            learner = owner.users.find_by_email(TEST_EMAIL)
            tree = app.trees.load("practical-postgresql")
            first = next(skill for skill in tree.skills if not skill.dependencies)
            assert app.as_user(learner.id).progress.complete_skill(learner.id, first.id).xp_awarded > 0
            assert owner.doctor.examine() == app.as_service().doctor.examine() == []

        assert migrate.rollback(url, count=None) == applied[::-1]

        # Another database uses the same roles, and it must keep working.
        with Database(deployment.app_url) as app:
            assert app.as_user(deployment.ada.user_id).users.get(deployment.ada.user_id).username == "ada"
    finally:
        with deployment.superuser() as superuser:
            superuser.execute("drop database tenancy with (force)")
            superuser.execute("drop role tenant")


def test_an_owner_without_app_service_gets_a_message(deployment):
    with deployment.superuser() as superuser:
        superuser.execute("create role outsider login")
        superuser.execute("create database outside owner outsider")
    try:
        with pytest.raises(UnfitDatabase, match="grant app_service to outsider"):
            migrate.migrate(make_conninfo(deployment.url, user="outsider", dbname="outside"))
    finally:
        with deployment.superuser() as superuser:
            superuser.execute("drop database outside with (force)")
            superuser.execute("drop role outsider")
