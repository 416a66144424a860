-- Delete a skill and everyone's progress in it; skills that needed it no longer do. The skill is locked before.
with released_skill as (
    update skills
    set
        dependencies = array_remove(skills.dependencies, %(skill_id)s),
        dependents = array_remove(skills.dependents, %(skill_id)s)
    where
        (skills.dependencies @> array[%(skill_id)s::uuid] or skills.dependents @> array[%(skill_id)s::uuid])
        and skills.id <> %(skill_id)s
    returning skills.id
)

delete from skills
where skills.id = %(skill_id)s
returning
    skills.id,
    (select count(*) from released_skill) as released_skills;
