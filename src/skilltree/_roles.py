"""The roles, as an administrator makes them where who migrates may not: the same as migration 0020 makes."""

from psycopg import sql

_ROLES = (
    ("app_user", "nologin"),
    ("app_engine", "nologin"),
    ("app_service", "nologin"),
    ("skilltree_app", "login noinherit"),
)
_FIXED = """\
grant app_user to app_engine;
grant app_engine to app_service;
grant app_user, app_service to skilltree_app;
alter role skilltree_app set role = 'app_user';
alter role skilltree_app set statement_timeout = '10s';
alter role skilltree_app set idle_in_transaction_session_timeout = '60s';
alter role app_service set statement_timeout = '60s';
"""


def statements(owner: str, database: str) -> str:
    """Return the SQL that makes the roles for a database and who migrates it. Run again, it changes nothing."""
    made = "".join(
        f"""\
do $$
begin
    if not exists (select from pg_roles where rolname = '{name}') then
        create role {name} {attributes};
    end if;
end
$$;
"""
        for name, attributes in _ROLES
    )
    granted = sql.SQL(
        "grant app_service to {owner};\n"
        "grant connect on database {database} to app_user, app_engine, app_service, skilltree_app;\n"
        "grant temporary on database {database} to app_service;\n"
        "grant connect, temporary on database {database} to {owner};\n"
    ).format(owner=sql.Identifier(owner), database=sql.Identifier(database))
    return f"{made}{_FIXED}{granted.as_string()}"
