-- Lock learners out of a skill's tree before an edit: nobody acts in it until the commit. As trees/lock_learners.
--
-- @role app_service
-- @step the first step of edits that change what counts or gates
-- @budget buffers 30
select hold_tree_as_author(tree_of_skill(%(skill_id)s::uuid));
