-- Remove ids from the prerequisites of some trees that are not trees.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 10
update skill_trees
set
    prerequisites = array(
        select prerequisite.id
        from unnest(skill_trees.prerequisites) with ordinality as prerequisite (id, place)
        inner join skill_trees as known on known.id = prerequisite.id
        order by prerequisite.place
    ),
    updated_at = now()
where
    skill_trees.id = any(%(tree_ids)s::uuid[])
    and exists (
        select from unnest(skill_trees.prerequisites) as prerequisite (id)
        left join skill_trees as known on known.id = prerequisite.id
        where known.id is null
    )
returning skill_trees.id;
