-- Lock a tree before its import, whether it exists or not, and the name of its category, so that the next statements
-- see the latest state of both. It reads no table: a plan that starts with an empty table would not take the locks.
--
-- @role app_service
-- @step the first step of import_tree
-- @sample category_slug: 'a-new-slug'
-- @budget buffers 10
select
    pg_advisory_xact_lock(hashtextextended('import category ' || %(category_slug)s, 0)),
    pg_advisory_xact_lock(hashtextextended('edit tree ' || %(slug)s, 0));
