"""The connection of an operator: its settings, its rights, and the check that it sees every row."""

import psycopg

from skilltree._core.queries import load
from skilltree._core.server_requirements import refuse_blind, refuse_replica
from skilltree.errors import UnfitDatabase

SEARCH_PATH = "public, pg_temp"
"""The search path for names in migrations and query files, whatever a role or database sets. The temporary schema
comes last, so that a temporary table never hides one of ours."""


def pin(connection: psycopg.Connection, search_path: str = SEARCH_PATH) -> None:
    """Pin the session settings that migrations, definitions and the driver depend on."""
    connection.execute(
        """
        select
            set_config('search_path', %s, false),
            set_config('default_transaction_isolation', 'read committed', false),
            set_config('standard_conforming_strings', 'on', false),
            set_config('quote_all_identifiers', 'off', false),
            set_config('datestyle', 'ISO, MDY', false),
            set_config('intervalstyle', 'postgres', false),
            set_config('timezone', 'UTC', false)
        """,
        [search_path],
    )
    # Waiting for others or for a long migration must not end the session. Older servers lack some of these settings.
    connection.execute(
        """
        select set_config(pg_settings.name, '0', false)
        from pg_settings
        where pg_settings.name in (
            'transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout'
        )
        """
    )


def refuse_unwritable(connection: psycopg.Connection) -> None:
    """Raise UnfitDatabase unless this role can create what the migrations create."""
    [[role, in_recovery, is_replica, is_read_only, has_schema, may_create, may_make_roles, roles_are_there]] = (
        connection.execute(
            """
        select
            current_user,
            pg_is_in_recovery(),
            current_setting('session_replication_role') = 'replica',
            current_setting('transaction_read_only')::boolean,
            to_regnamespace('public') is not null,
            coalesce(has_schema_privilege(to_regnamespace('public')::oid, 'create'), false),
            pg_roles.rolsuper or pg_roles.rolcreaterole,
            (
                select count(*) = 4
                from pg_roles
                where pg_roles.rolname in ('app_user', 'app_engine', 'app_service', 'skilltree_app')
            )
        from pg_roles
        where pg_roles.rolname = current_user
        """
        ).fetchall()
    )
    if in_recovery:
        raise UnfitDatabase("the server is a standby, which accepts no writes: migrate on the primary")
    refuse_replica(is_replica=is_replica)
    if is_read_only:
        raise UnfitDatabase(
            f"transactions of {role} are read-only here (default_transaction_read_only): set it to off, or use another"
            " role"
        )
    if not has_schema:
        raise UnfitDatabase("the database has no schema public: create schema public")
    if not may_create:
        raise UnfitDatabase(
            f"{role} may not create tables in the schema public: grant create on schema public to {role}"
        )
    if not (may_make_roles or roles_are_there):
        raise UnfitDatabase(
            f"{role} may not create roles, and SkillTree's roles do not exist. As an administrator, run the output of"
            " `skilltree roles`"
        )
    obstacles = [statement for (statement,) in connection.execute(load("catalog/role_obstacles"))]
    if obstacles:
        raise UnfitDatabase(
            f"{role} lacks rights on roles that another role created. As an administrator: {'; '.join(obstacles)}"
            " (or run the output of `skilltree roles`)"
        )


def require_sight(connection: psycopg.Connection) -> None:
    """Raise CannotSeeEverything, with statements that help, unless this role sees every row.

    Raises UnfitDatabase if triggers are switched off.
    """
    for (is_replica,) in connection.execute("select current_setting('session_replication_role') = 'replica'"):
        refuse_replica(is_replica=is_replica)
    refuse_blind([spot for (spot,) in connection.execute(load("doctor/blind_spots"))])
