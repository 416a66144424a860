-- Set the positions of many skills of a tree; of none, if one of them does not exist.
--
-- @role app_service
-- @sample skill_ids: %(first_skill_ids)s
-- @sample xs: array[100, 300]::double precision[]
-- @sample ys: array[0, 0]::double precision[]
-- @budget buffers 410
with given as (
    select
        position.skill_id,
        position.x,
        position.y
    from unnest(%(skill_ids)s::uuid[], %(xs)s::double precision[], %(ys)s::double precision[])
        as position (skill_id, x, y)
),

known as (
    select skills.id
    from skills
    inner join given on given.skill_id = skills.id
    where skills.skill_tree_id = %(tree_id)s
)

update skills
set
    position_x = given.x,
    position_y = given.y,
    is_placed = true,
    updated_at = now()
from given
where
    skills.id = given.skill_id
    and skills.skill_tree_id = %(tree_id)s
    and (select count(*) from known) = (select count(*) from given)
returning skills.id;
