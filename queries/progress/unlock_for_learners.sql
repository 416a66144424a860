-- Unlock the skills of an edited tree that the edit has opened to its learners. It checks the skills that this
-- transaction has changed, and those that depend on them. The tree has been locked before.
--
-- skill_id, slug, tree_id  one of them identifies the tree
--
-- @role app_service
-- @step runs after an edit that changes what gates
-- @across updates all learners of a tree
-- @after skills/change_dependencies
-- @sample skill_id: %(last_skill_id)s
-- @sample change: 'REMOVE'
-- @sample prerequisite_ids: (select dependencies[:1] from skills where id = %(skill_id)s)
-- @sample tree_id: null
-- @sample slug: null
-- @budget buffers 980
-- @never Seq Scan on user_skill_progress, users
with edit as materialized (
    -- On a distributed server, each server has its own now().
    select now() as written_at
),

tree as (
    select skills.skill_tree_id as id
    from skills
    where skills.id = %(skill_id)s
    union all
    select skill_trees.id
    from skill_trees
    where skill_trees.slug = %(slug)s
    union all
    select skill_trees.id
    from skill_trees
    where skill_trees.id = %(tree_id)s
),

touched_skill as (
    select skills.id
    from tree
    inner join skills on skills.skill_tree_id = tree.id
    cross join edit
    where skills.updated_at = edit.written_at
),

edge as (
    select
        skills.id as skill_id,
        skills.skill_tree_id,
        prerequisite.id as prerequisite_id,
        count(*) over (partition by skills.id) as prerequisites
    from tree
    inner join skills on skills.skill_tree_id = tree.id
    cross join unnest(skills.dependencies) as dependency (id)
    inner join skills as prerequisite on prerequisite.id = dependency.id
    where
        skills.is_active
        and prerequisite.is_active
        and (
            skills.id in (select touched_skill.id from touched_skill)
            or skills.dependencies && array(select touched_skill.id from touched_skill)
        )
),

opened as (
    select
        skill_work.user_id,
        edge.skill_id,
        edge.skill_tree_id
    from edge
    inner join skill_work on skill_work.skill_id = edge.prerequisite_id
    where skill_work.is_satisfied
    group by skill_work.user_id, edge.skill_id, edge.skill_tree_id, edge.prerequisites
    having count(*) = edge.prerequisites
),

gained as (
    select
        opened.user_id,
        opened.skill_id,
        opened.skill_tree_id
    from opened
    where not exists (
        select from user_skill_progress
        where
            user_skill_progress.user_id = opened.user_id
            and user_skill_progress.skill_id = opened.skill_id
            and user_skill_progress.status <> 'LOCKED'
    )
),

-- Without learners whose accounts are just being deleted.
account as (
    select users.id
    from users
    where users.id = any(array(select gained.user_id from gained))
    order by users.id
    for key share
)

insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, unlocked_at)
select
    gained.user_id,
    gained.skill_id,
    gained.skill_tree_id,
    'AVAILABLE' as status,
    now() as unlocked_at
from gained
inner join account on account.id = gained.user_id
order by gained.user_id, gained.skill_id
on conflict (user_id, skill_id) do update
    set
        status = excluded.status,
        unlocked_at = least(user_skill_progress.started_at, excluded.unlocked_at),
        updated_at = excluded.updated_at
    where user_skill_progress.status = 'LOCKED'
returning user_skill_progress.user_id;
