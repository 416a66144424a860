"""The configuration of PgBouncer, and the SQL that lets it look up passwords. ``docs/pooling.md`` is its page."""

from pathlib import Path

from psycopg import sql
from psycopg.conninfo import make_conninfo

LOOKUP_DATABASE = "postgres"
"""Where passwords are looked up. Not in the application's database, in which `skilltree drift` finds nothing then.

Before 1.19, PgBouncer can do it only there.
"""

PREPARED_STATEMENTS = 200
"""How many prepared statements PgBouncer keeps for each connection: more than there are query files in hot use."""

_LOOKUP = """\
-- The role of PgBouncer, and the only thing that it may do: look up the password of a role of the application, as the
-- server stores it. For a superuser, in the database {database}. It can be run again. Then set the role's password:
-- \\password pgbouncer
do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'pgbouncer') then
        create role pgbouncer login noinherit connection limit 10;
    end if;
end
$$;
create schema if not exists pgbouncer;
-- Whoever had created the schema before could replace the function.
alter schema pgbouncer owner to current_user;
create or replace function pgbouncer.look_up(inout name text, out secret text)
returns setof record
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select pg_authid.rolname, pg_authid.rolpassword
    from pg_catalog.pg_authid
    where pg_authid.rolname = $1
        and pg_authid.rolcanlogin
        and not (pg_authid.rolsuper or pg_authid.rolreplication or pg_authid.rolbypassrls)
        and pg_catalog.pg_has_role(pg_authid.oid, 'app_user', 'member')
        and coalesce(pg_authid.rolvaliduntil > pg_catalog.now(), true)
$$;
alter function pgbouncer.look_up(text) owner to current_user;
revoke all on schema pgbouncer from public;
revoke all on function pgbouncer.look_up(text) from public;
grant connect on database {database} to pgbouncer;
grant usage on schema pgbouncer to pgbouncer;
grant execute on function pgbouncer.look_up(text) to pgbouncer;
"""


def configuration(
    *,
    host: str,
    port: int,
    listen: str,
    database: str,
    pool_size: int,
    clients: int,
    auth_file: Path,
    prepares: bool,
) -> str:
    """Return a pgbouncer.ini. With ``prepares``, for 1.21 and newer; without, for any version since 1.18."""
    server = make_conninfo("", host=host, port=port)
    version = "1.21 or newer" if prepares else "1.18 or newer. Clients: prepare_threshold=None"
    lookup = f"""\
; Where passwords are looked up.
lookup = {make_conninfo(server, dbname=LOOKUP_DATABASE)} pool_size=2
"""
    prepared = f"""\
; Clients prepare statements by name, and PgBouncer prepares them again on each connection that lacks them.
max_prepared_statements = {PREPARED_STATEMENTS}
auth_dbname = lookup
"""
    return f"""\
; PgBouncer {version}. Written by `skilltree pgbouncer`.

[databases]
{database} = {make_conninfo(server, dbname=database)}
{lookup if prepares else ""}
[pgbouncer]
; Other addresses only with client_tls_sslmode = require and a certificate.
listen_addr = {listen}
listen_port = 6432
; Each transaction may get another connection. SkillTree keeps nothing in a session.
pool_mode = transaction
; Connections to the server for each role: about two for each of its cores, and fewer than its max_connections.
default_pool_size = {pool_size}
max_client_conn = {clients}
; A client that waits longer gets an error. It should be near the time-out of the client's own pool.
query_wait_timeout = 30
; Passwords are looked up on the server, so that a new one needs no change here. The file has only that of pgbouncer.
auth_type = scram-sha-256
auth_file = {auth_file}
auth_user = pgbouncer
{prepared if prepares else ""}auth_query = select name, secret from pgbouncer.look_up($1)
"""  # noqa: S608 (the operator's own words, in a file for the operator)


def lookup(database: str) -> str:
    """Return the SQL for the role of PgBouncer, which may look up the passwords of the application's roles."""
    return sql.SQL(_LOOKUP).format(database=sql.Identifier(database)).as_string()
