"""SQL that creates the roles, for an administrator. It does the same as migration 0014."""

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
-- Once it has a role to begin as, what is set for the roles is an operator's, and stays.
do $$
declare
    wanted record;
begin
    if exists (
        select from pg_db_role_setting
        cross join unnest(pg_db_role_setting.setconfig) as setting
        where pg_db_role_setting.setrole = 'skilltree_app'::regrole
            and pg_db_role_setting.setdatabase = 0
            and setting ~ '^role='
    ) then
        return;
    end if;
    alter role skilltree_app set role = 'app_user';
    for wanted in
        select default_setting.role_name, default_setting.name, default_setting.setting
        from (
            values
            ('skilltree_app', 'statement_timeout', '10s'),
            ('skilltree_app', 'idle_in_transaction_session_timeout', '60s'),
            ('app_service', 'statement_timeout', '60s')
        ) as default_setting (role_name, name, setting)
        where not exists (
            select from pg_db_role_setting
            cross join unnest(pg_db_role_setting.setconfig) as setting
            where pg_db_role_setting.setrole = default_setting.role_name::regrole
                and pg_db_role_setting.setdatabase = 0
                and starts_with(setting, default_setting.name || '=')
        )
    loop
        execute format('alter role %I set %I = %L', wanted.role_name, wanted.name, wanted.setting);
    end loop;
end
$$;
"""


def statements(owner: str, database: str) -> str:
    """Return the SQL that creates the roles for a database and its owner.

    Running it again changes nothing, not even settings of the roles that an operator has changed since.
    """
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
        "revoke all on database {database} from public;\n"
        "grant connect on database {database} to app_user, app_engine, app_service, skilltree_app;\n"
        "grant temporary on database {database} to app_service;\n"
        "grant connect, temporary on database {database} to {owner};\n"
    ).format(owner=sql.Identifier(owner), database=sql.Identifier(database))
    return f"{made}{_FIXED}{granted.as_string()}"
