-- Objects that a restore or a manual change has removed from a migrated database, and what is wrong.
--
-- Missing objects are inferred from existing ones: a policy needs a role that may read, a trigger function needs a
-- trigger. `skilltree drift` finds objects that are missing without such a trace.
with
-- Objects that have the owner of `users`, or policies for a role of the application.
own_table as (
    select
        pg_class.oid,
        pg_class.relname,
        pg_class.relowner,
        account.relowner as wanted_owner,
        pg_class.relispartition,
        pg_class.relrowsecurity,
        pg_class.relforcerowsecurity
    from pg_class
    inner join pg_class as account
        on
            pg_class.relnamespace = account.relnamespace
            and account.relname = 'users'
    where
        pg_class.relnamespace = to_regnamespace('public')
        and pg_class.relkind in ('r', 'p')
        and pg_class.relname !~ '^(_yoyo_|yoyo_lock$|skilltree_(application_)?migrations$)'
        and (
            pg_class.relowner = account.relowner
            or exists (
                select from pg_policy
                cross join unnest(pg_policy.polroles) as policy_role (role_id)
                where
                    pg_policy.polrelid = pg_class.oid
                    and policy_role.role_id in (
                        to_regrole('app_user'), to_regrole('app_engine'), to_regrole('app_service')
                    )
            )
        )
        and not exists (
            select from pg_depend
            where
                pg_depend.classid = 'pg_class'::regclass
                and pg_depend.objid = pg_class.oid
                and pg_depend.deptype = 'e'
        )
),

trigger_function as (
    select
        pg_proc.oid,
        pg_proc.proname,
        regexp_match(pg_proc.proname, '^audit_(insert|update|delete)_of_(.+)$') as audited
    from pg_proc
    where
        pg_proc.pronamespace = to_regnamespace('public')
        and pg_proc.prorettype = 'trigger'::regtype
        and exists (
            select from own_table
            where own_table.wanted_owner = pg_proc.proowner
        )
),

problem as (
    select
        'role ' || wanted.name as object_name,
        'is missing: run what `skilltree roles` prints' as told
    from unnest(array['app_user', 'app_engine', 'app_service', 'skilltree_app']) as wanted (name)
    where to_regrole(wanted.name) is null
    union all
    select
        'role ' || wanted.member_name as object_name,
        'is no member of ' || wanted.role_name || ': run what `skilltree roles` prints' as told
    from (
        values
        ('app_user', 'app_engine'),
        ('app_engine', 'app_service'),
        ('app_user', 'skilltree_app'),
        ('app_service', 'skilltree_app')
    ) as wanted (role_name, member_name)
    where
        to_regrole(wanted.role_name) is not null
        and to_regrole(wanted.member_name) is not null
        and not exists (
            select from pg_auth_members
            where
                pg_auth_members.roleid = to_regrole(wanted.role_name)
                and pg_auth_members.member = to_regrole(wanted.member_name)
        )
    union all
    select
        'schema public' as object_name,
        'app_user may not use it: grant usage on schema public to app_user' as told
    from own_table
    where
        own_table.relname = 'users'
        and has_schema_privilege(to_regrole('app_user')::oid, to_regnamespace('public')::oid, 'usage') is false
    union all
    select
        'table ' || own_table.relname as object_name,
        'row-level security is not enabled and forced: alter table ' || quote_ident(own_table.relname)
        || ' enable row level security, force row level security' as told
    from own_table
    where not (own_table.relrowsecurity and own_table.relforcerowsecurity)
    union all
    select
        'table ' || own_table.relname as object_name,
        'belongs to ' || own_table.relowner::regrole::text || ', and the accounts to '
        || own_table.wanted_owner::regrole::text || ': alter table ' || quote_ident(own_table.relname) || ' owner to '
        || own_table.wanted_owner::regrole::text as told
    from own_table
    where own_table.relowner <> own_table.wanted_owner
    union all
    select
        'table ' || own_table.relname as object_name,
        'app_service has no policy there by which it sees all rows' as told
    from own_table
    where
        not own_table.relispartition
        and to_regrole('app_service') is not null
        and not exists (
            select from pg_policy
            cross join unnest(pg_policy.polroles) as policy_role (role_id)
            where
                pg_policy.polrelid = own_table.oid
                and pg_policy.polpermissive
                and pg_policy.polcmd in ('r', '*')
                and pg_get_expr(pg_policy.polqual, pg_policy.polrelid) = 'true'
                and (
                    policy_role.role_id = 0
                    or pg_has_role(to_regrole('app_service')::oid, policy_role.role_id, 'usage')
                )
        )
    union all
    select
        'table ' || own_table.relname as object_name,
        'app_service may not read it' as told
    from own_table
    where
        not own_table.relispartition
        and has_table_privilege(to_regrole('app_service')::oid, own_table.oid, 'select') is false
    union all
    select
        'table ' || own_table.relname as object_name,
        'neither app_user nor app_engine may read any of it' as told
    from own_table
    where
        exists (
            select from pg_policy
            cross join unnest(pg_policy.polroles) as policy_role (role_id)
            where
                pg_policy.polrelid = own_table.oid
                and policy_role.role_id in (to_regrole('app_user'), to_regrole('app_engine'))
        )
        and has_any_column_privilege(to_regrole('app_user')::oid, own_table.oid, 'select') is false
        and has_any_column_privilege(to_regrole('app_engine')::oid, own_table.oid, 'select') is not true
    union all
    select
        'trigger ' || pg_trigger.tgname || ' on ' || own_table.relname as object_name,
        'is disabled' as told
    from pg_trigger
    inner join own_table on pg_trigger.tgrelid = own_table.oid
    where pg_trigger.tgenabled in ('D', 'R')
    union all
    select
        case
            when trigger_function.audited is null then 'function ' || trigger_function.oid::regprocedure::text
            else
                'trigger ' || trigger_function.audited[2] || '_audit_' || trigger_function.audited[1] || ' on '
                || trigger_function.audited[2]
        end as object_name,
        case
            when trigger_function.audited is null then 'is run by no trigger: one is missing'
            else 'is missing'
        end as told
    from trigger_function
    where
        not exists (
            select from pg_trigger
            where pg_trigger.tgfoid = trigger_function.oid
        )
    union all
    select
        'session_replication_role of '
        || case when pg_db_role_setting.setrole = 0 then 'all roles' else pg_db_role_setting.setrole::regrole::text end
            as object_name,
        'is replica, so that no trigger runs: alter '
        || case
            when pg_db_role_setting.setrole = 0 then 'database ' || quote_ident(current_database())
            when pg_db_role_setting.setdatabase = 0 then 'role ' || pg_db_role_setting.setrole::regrole::text
            else
                'role ' || pg_db_role_setting.setrole::regrole::text || ' in database '
                || quote_ident(current_database())
        end
        || ' reset session_replication_role' as told
    from pg_db_role_setting
    inner join pg_database
        on
            pg_database.datname = current_database()
            and pg_db_role_setting.setdatabase in (0, pg_database.oid)
    where
        'session_replication_role=replica' = any(pg_db_role_setting.setconfig)
        and (
            pg_db_role_setting.setrole in (0, to_regrole('skilltree_app'))
            or exists (
                select from own_table
                where pg_db_role_setting.setrole = own_table.wanted_owner
            )
        )
    union all
    select
        'index ' || pg_index.indexrelid::regclass::text as object_name,
        'is invalid: reindex index concurrently, or drop it and make it again' as told
    from pg_index
    inner join own_table on pg_index.indrelid = own_table.oid
    where not pg_index.indisvalid
    union all
    select
        'constraint ' || pg_constraint.conname || ' on ' || own_table.relname as object_name,
        'is not validated: alter table … validate constraint' as told
    from pg_constraint
    inner join own_table on pg_constraint.conrelid = own_table.oid
    where not pg_constraint.convalidated
    union all
    select
        'table ' || to_char(now() at time zone 'UTC', '"audit_log_"YYYY"_"MM') as object_name,
        'the trail has no partition for this month: skilltree audit' as told
    from own_table
    where
        own_table.relname = 'audit_log'
        and not exists (
            select from own_table as partition
            where partition.relname = to_char(now() at time zone 'UTC', '"audit_log_"YYYY"_"MM')
        )
)

select
    problem.object_name,
    problem.told
from problem
order by
    problem.object_name,
    problem.told;
