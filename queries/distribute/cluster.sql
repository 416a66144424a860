-- What `skilltree distribute` needs to know of the server and of the schema.
select
    to_regclass('pg_catalog.pg_dist_partition') is not null as has_citus,
    -- Also without any distributed table: then a dump of a cluster has been restored.
    to_regclass('public.begun_trees') is not null
    and not exists (
        select from pg_constraint
        where
            pg_constraint.conrelid = to_regclass('public.begun_trees')
            and pg_constraint.contype = 'f'
    ) as is_adjusted,
    (
        select pg_roles.rolsuper
        from pg_roles
        where pg_roles.rolname = current_user
    ) as is_superuser;
