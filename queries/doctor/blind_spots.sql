-- The reasons why this role does not see every row of every table, each with the statement that removes it. No rows if
-- it sees all. Rows are hidden from a role that is not a member of app_service, or after a restore without roles,
-- grants or policies.
--
-- @role app_service
-- @notnull blind_spot: built from names
-- @step doctor.require_sight, status, drift and lint find with it what a role does not see
-- @budget buffers 600
select distinct
    case
        when current_user in ('app_user', 'app_engine')
            then current_user || ' sees what is one learner''s own: connect as the role that migrates'
        when to_regrole('app_service') is null
            then
                'the role app_service is missing (run what `skilltree roles` prints, then restore once more: what was '
                || 'granted to it is lost, too)'
        when not has_schema_privilege(pg_namespace.oid, 'usage')
            then
                pg_class.relname || ': ' || current_user || ' may not use the schema (grant app_service to '
                || quote_ident(current_user) || '; grant usage on schema public to app_user)'
        when
            not has_table_privilege(pg_class.oid, 'select')
            and has_table_privilege(to_regrole('app_service')::oid, pg_class.oid, 'select')
            then
                pg_class.relname || ': ' || current_user || ' may not read it (grant app_service to '
                || quote_ident(current_user) || ')'
        when not has_table_privilege(pg_class.oid, 'select')
            then
                pg_class.relname || ': ' || current_user || ' may not read it (grant select on '
                || quote_ident(pg_class.relname) || ' to app_service)'
        when
            exists (
                select from pg_policy
                where
                    pg_policy.polrelid = pg_class.oid
                    and to_regrole('app_service')::oid = any(pg_policy.polroles)
                    and pg_get_expr(pg_policy.polqual, pg_policy.polrelid) = 'true'
            )
            and not coalesce(pg_has_role(to_regrole('app_service')::oid, 'usage'), false)
            then
                pg_class.relname || ': row-level security hides rows of it from ' || current_user
                || ' (grant app_service to ' || quote_ident(current_user) || ')'
        else
            pg_class.relname || ': row-level security hides rows of it from ' || current_user
            || ' (create policy ' || quote_ident(pg_class.relname || '_service') || ' on '
            || quote_ident(pg_class.relname) || ' for all to app_service using (true) with check (true))'
    end as blind_spot
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
-- Our objects have the same owner as the table of accounts.
inner join pg_class as account on pg_namespace.oid = account.relnamespace and account.relname = 'users'
where
    pg_namespace.nspname = 'public'
    and pg_class.relkind in ('r', 'p')
    and not pg_class.relispartition
    and pg_class.relowner = account.relowner
    and pg_class.relname !~ '^(_yoyo_|yoyo_lock$|skilltree_(application_)?migrations$)'
    and (
        not has_schema_privilege(pg_namespace.oid, 'usage')
        or not has_table_privilege(pg_class.oid, 'select')
        or (
            row_security_active(pg_class.oid)
            and (
                not exists (
                    select from pg_policy
                    where
                        pg_policy.polrelid = pg_class.oid
                        and pg_policy.polpermissive
                        and pg_policy.polcmd in ('r', '*')
                        and pg_get_expr(pg_policy.polqual, pg_policy.polrelid) = 'true'
                        and exists (
                            select from unnest(pg_policy.polroles) as role_id
                            where role_id = 0 or pg_has_role(role_id, 'usage')
                        )
                )
                or exists (
                    select from pg_policy
                    where
                        pg_policy.polrelid = pg_class.oid
                        and not pg_policy.polpermissive
                        and pg_policy.polcmd in ('r', '*')
                )
            )
        )
    )
    -- A role that sees no table gets one row.
    and (has_schema_privilege(pg_namespace.oid, 'usage') or pg_class.oid = account.oid)
order by blind_spot;
