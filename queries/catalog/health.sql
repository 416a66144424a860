-- What a restore, or somebody by hand, has taken from a migrated database: an object, and what is wrong with it.
with
own_table as (
    select
        pg_class.oid,
        pg_class.relname,
        pg_class.relispartition,
        pg_class.relrowsecurity,
        pg_class.relforcerowsecurity
    from pg_class
    inner join pg_class as account
        on
            pg_class.relnamespace = account.relnamespace
            and pg_class.relowner = account.relowner
            and account.relname = 'users'
    where
        pg_class.relnamespace = to_regnamespace('public')
        and pg_class.relkind in ('r', 'p')
        and pg_class.relname not in (
            '_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock', 'skilltree_migrations'
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
        'row-level security is not enabled and forced' as told
    from own_table
    where not (own_table.relrowsecurity and own_table.relforcerowsecurity)
    union all
    select
        'table ' || own_table.relname as object_name,
        'app_service has no policy there' as told
    from own_table
    where
        own_table.relname not in ('leaderboard_counts', 'begun_trees')
        and not own_table.relispartition
        and not exists (
            select from pg_policy
            where
                pg_policy.polrelid = own_table.oid
                and to_regrole('app_service')::oid = any(pg_policy.polroles)
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
        'app_user may read none of it' as told
    from own_table
    where
        own_table.relname in (
            'users', 'user_profiles', 'skill_categories', 'skill_trees', 'skills', 'achievements', 'levels',
            'user_skill_progress', 'user_skill_tree_progress', 'xp_events'
        )
        and has_any_column_privilege(to_regrole('app_user')::oid, own_table.oid, 'select') is false
    union all
    select
        'trigger ' || pg_trigger.tgname || ' on ' || own_table.relname as object_name,
        'is disabled' as told
    from pg_trigger
    inner join own_table on pg_trigger.tgrelid = own_table.oid
    where pg_trigger.tgenabled in ('D', 'R')
    union all
    select
        'trigger ' || wanted.name || '_audit_' || wanted.event || ' on ' || wanted.name as object_name,
        'is missing' as told
    from (
        select
            audited.name,
            change.event
        from
            unnest(array[
                'users', 'user_profiles', 'skill_categories', 'skill_trees', 'skills', 'achievements',
                'user_skill_tree_progress', 'user_skill_progress', 'user_sessions'
            ]) as audited (name)
        cross join unnest(array['insert', 'update', 'delete']) as change (event)
    ) as wanted
    inner join own_table on wanted.name = own_table.relname
    where
        not exists (
            select from pg_trigger
            where
                pg_trigger.tgrelid = own_table.oid
                and pg_trigger.tgname = wanted.name || '_audit_' || wanted.event
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
