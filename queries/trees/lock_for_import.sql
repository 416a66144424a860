-- Hold a tree that is about to be imported, whether it exists or not, and the name of its category, so that the next
-- statements see the latest of both. It reads no table: a plan that begins with an empty one would not take the locks.
--
-- @role app_service
-- @step how import_tree begins
-- @sample category_slug: 'a-new-slug'
-- @budget buffers 10
select
    pg_advisory_xact_lock(hashtextextended('import category ' || %(category_slug)s, 0)),
    pg_advisory_xact_lock(hashtextextended('edit tree ' || %(slug)s, 0));
