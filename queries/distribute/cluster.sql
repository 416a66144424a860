-- What `skilltree distribute` needs to know of the server and of the schema.
select
    to_regclass('pg_catalog.pg_dist_partition') is not null as has_citus,
    -- Also without any distributed table: then a dump of a cluster has been restored.
    not exists (
        select from pg_constraint
        where pg_constraint.conname = 'begun_trees_skill_tree_id_fkey'
    ) as is_adjusted,
    (
        select pg_roles.rolsuper
        from pg_roles
        where pg_roles.rolname = current_user
    ) as is_superuser;
