-- Make other edits of many skills of the tree wait. They wait here before they lock any skill, so they do not deadlock.
--
-- @role app_service
-- @step the second step of edits that must know all edges of the skill
-- @budget buffers 20
select hold_edits(tree_of_skill(%(skill_id)s::uuid));
