-- Keep authors out of a tree, before the learner is locked: an author who holds the tree may be about to lock learners.
--
-- @role app_engine
-- @step how every action on a tree begins
-- @budget buffers 19
select hold_tree_as_learner(%(tree_id)s::uuid);
