-- Lock learners out of a tree before its import, as trees/lock_learners, and all other authors. Its slug has been
-- locked before, so that nobody else can create the tree meanwhile.
--
-- @role app_service
-- @step the first steps of import_tree
-- @budget buffers 15
select hold_tree_as_author(tree_of_slug(%(slug)s), true);
