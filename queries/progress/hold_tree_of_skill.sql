-- Keep authors out of a skill's tree: as progress/hold_tree.
--
-- @role app_engine
-- @step how every action on a skill begins
-- @budget buffers 19
select hold_tree_as_learner(tree_of_skill(%(skill_id)s::uuid));
