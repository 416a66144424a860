-- What `skilltree distribute` needs to know of the server.
select
    to_regclass('pg_catalog.pg_dist_partition') is not null as has_citus,
    (
        select pg_roles.rolsuper
        from pg_roles
        where pg_roles.rolname = current_user
    ) as is_superuser;
