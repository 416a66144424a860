-- Keep authors out of all trees of a learner before a repair, as progress/hold_tree does for an action.
--
-- @role app_service
-- @step the first step of repairing a learner
-- @budget buffers 510
select hold_trees_of_learner(%(user_id)s::uuid);
