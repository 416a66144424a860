"""What an operator's connection must be: its settings, its rights, and that it sees every row."""

import psycopg

from skilltree._core.queries import load
from skilltree._core.server_requirements import refuse_blind, refuse_replica
from skilltree.errors import UnfitDatabase

SEARCH_PATH = "public, pg_temp"
"""Where the names in migrations and query files are looked up, whatever is set for a role or a database. What is
temporary comes last: a temporary table never takes the place of one of ours."""


def pin(connection: psycopg.Connection, search_path: str = SEARCH_PATH) -> None:
    """Set for the session what migrations, definitions and the driver depend on, whatever is set for anybody else."""
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
    # What waits for others meanwhile, or for a long migration, is not to be cut off. Older servers do not know all.
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
    """Raise UnfitDatabase unless the role of this connection can make what the migrations make."""
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
        raise UnfitDatabase("the server is a standby, which takes no writes: migrate on the primary")
    refuse_replica(is_replica=is_replica)
    if is_read_only:
        raise UnfitDatabase(
            f"transactions of {role} only read here (default_transaction_read_only): set it to off, or use another role"
        )
    if not has_schema:
        raise UnfitDatabase("the database has no schema public: create schema public")
    if not may_create:
        raise UnfitDatabase(
            f"{role} may not create tables in the schema public: grant create on schema public to {role}"
        )
    if not (may_make_roles or roles_are_there):
        raise UnfitDatabase(
            f"{role} may not create roles, and those of SkillTree are not there. As an administrator, run what"
            " `skilltree roles` prints"
        )
    obstacles = [statement for (statement,) in connection.execute(load("catalog/role_obstacles"))]
    if obstacles:
        raise UnfitDatabase(
            f"{role} cannot migrate with the roles that others have made. As an administrator: {'; '.join(obstacles)}"
            " (or run what `skilltree roles` prints)"
        )


def require_sight(connection: psycopg.Connection) -> None:
    """Raise CannotSeeEverything unless the role of this connection sees every row, with the statements that mend it.

    Raises UnfitDatabase where triggers are switched off.
    """
    for (is_replica,) in connection.execute("select current_setting('session_replication_role') = 'replica'"):
        refuse_replica(is_replica=is_replica)
    refuse_blind([spot for (spot,) in connection.execute(load("doctor/blind_spots"))])
