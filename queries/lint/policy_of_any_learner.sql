-- Policies by which learners see or write rows of other learners. A table with a column user_id has such rows.
select
    format('policy %s on %s', pg_policy.polname, pg_policy.polrelid::regclass) as object_name,
    'it lets a learner use the rows of others' as problem,
    'alter policy … using (user_id = nullif(current_setting(''app.current_user_id'', true), '''')::uuid), the same in'
    || ' with check; or add an exception that says why all may see them' as remedy
from pg_policy
inner join pg_attribute on pg_policy.polrelid = pg_attribute.attrelid
where
    pg_attribute.attname = 'user_id'
    and not pg_attribute.attisdropped
    and pg_policy.polpermissive
    and exists (
        select from unnest(pg_policy.polroles) as policy_role (role_id)
        where policy_role.role_id in (0, to_regrole('app_user')::oid, to_regrole('app_engine')::oid)
    )
    -- An expression that is not given holds for no command of its own.
    and exists (
        select from (values (pg_policy.polqual), (pg_policy.polwithcheck)) as condition (tree)
        where pg_get_expr(condition.tree, pg_policy.polrelid) !~ 'app\.current_user_id'
    )
order by object_name;
