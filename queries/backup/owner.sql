-- The role that migrates: the owner of the tables. Without the table, nothing.
--
-- @role app_service
select pg_roles.rolname::text as role_name
from pg_class
inner join pg_roles on pg_class.relowner = pg_roles.oid
where pg_class.oid = to_regclass('public.users');
