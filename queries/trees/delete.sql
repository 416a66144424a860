-- Delete a tree with its skills and everyone's progress in them; other trees no longer need it.
-- The tree is locked before.
with released_tree as (
    update skill_trees
    set prerequisites = array_remove(skill_trees.prerequisites, %(tree_id)s)
    where
        skill_trees.prerequisites @> array[%(tree_id)s::uuid]
        and skill_trees.id <> %(tree_id)s
    returning skill_trees.id
)

delete from skill_trees
where skill_trees.id = %(tree_id)s
returning
    skill_trees.id,
    (select count(*) from released_tree) as released_trees;
