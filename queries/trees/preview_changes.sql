-- The effect that importing a curriculum would have on the learners of a tree, without importing it. All learners with
-- progress in the tree count. What counts and what is open is computed from the facts, before and after.
--
-- No learner's id restricts this query. It counts all learners, and only counts leave the database.
--
-- Sets of skills are bit strings here, with one bit per skill. So it is cheap to test for each learner and skill
-- whether all dependencies are satisfied.
--
-- skills         a JSON array, as trees/import_tree takes it
-- prerequisites  slugs of trees; unknown ones are returned
--
-- @role app_service
-- @across counts the learners who would gain or lose
-- @notnull skills.key: every skill of a curriculum has a key
-- @sample prerequisites: '{}'::text[]
-- @sample skills: %(curriculum)s
-- @budget buffers 2100
-- @never Seq Scan on user_skill_progress, user_skill_tree_progress
with tree as (
    select skill_trees.id
    from skill_trees
    where skill_trees.slug = %(slug)s
),

given_skill as materialized (
    select
        given.place,
        given.key,
        given.is_active,
        given.is_optional,
        given.dependencies
    from jsonb_to_recordset(%(skills)s::jsonb) as given (
        place integer,
        key text,
        is_active boolean,
        is_optional boolean,
        dependencies text[]
    )
),

known_skill as materialized (
    select
        skills.id,
        skills.key,
        skills.is_active,
        skills.is_optional,
        skills.dependencies,
        not skills.is_active
        and skills.removed_at is not null
        and skills.dependencies = '{}'
        and skills.dependents = '{}' as is_removed
    from tree
    inner join skills on skills.skill_tree_id = tree.id
),

skill as (
    select
        known_skill.id,
        coalesce(known_skill.key, given_skill.key) as key,
        given_skill.place,
        coalesce(known_skill.is_active, false) as is_active,
        coalesce(given_skill.is_active, false) as will_be_active,
        coalesce(known_skill.is_active and not known_skill.is_optional, false) as is_required,
        coalesce(given_skill.is_active and not given_skill.is_optional, false) as will_be_required,
        coalesce(known_skill.is_removed, true) and given_skill.key is not null as is_added,
        not known_skill.is_removed and given_skill.key is null as is_removed,
        not known_skill.is_removed and not known_skill.is_active and given_skill.is_active as is_activated,
        not known_skill.is_removed and known_skill.is_active and not given_skill.is_active as is_deactivated
    from known_skill
    full join given_skill on given_skill.key = known_skill.key
),

counted_skill as materialized (
    select
        skill.id,
        skill.key,
        skill.place,
        skill.is_active,
        skill.will_be_active,
        skill.is_active and (skill.is_required or not bool_or(skill.is_required) over ()) as is_counted,
        skill.will_be_active
        and (skill.will_be_required or not bool_or(skill.will_be_required) over ()) as will_be_counted,
        repeat('0', count(*) over ()::integer)::bit varying as none,
        set_bit(
            repeat('0', count(*) over ()::integer)::bit varying, row_number() over (order by skill.key)::integer - 1, 1
        ) as itself
    from skill
),

needed_skill as (
    select
        known_skill.key,
        bit_or(prerequisite.itself) as skills
    from known_skill
    cross join unnest(known_skill.dependencies) as dependency (id)
    inner join counted_skill as prerequisite on prerequisite.id = dependency.id
    where prerequisite.is_active
    group by known_skill.key
),

skill_to_be_needed as (
    select
        given_skill.key,
        bit_or(prerequisite.itself) as skills
    from given_skill
    cross join unnest(given_skill.dependencies) as dependency (key)
    inner join counted_skill as prerequisite on prerequisite.key = dependency.key
    where prerequisite.will_be_active
    group by given_skill.key
),

-- Only these skills can open or close.
regated_skill as materialized (
    select
        counted_skill.key,
        counted_skill.place,
        counted_skill.none,
        counted_skill.itself,
        counted_skill.is_active,
        counted_skill.will_be_active,
        coalesce(needed_skill.skills, counted_skill.none) as needed,
        coalesce(skill_to_be_needed.skills, counted_skill.none) as will_be_needed
    from counted_skill
    left join needed_skill on needed_skill.key = counted_skill.key
    left join skill_to_be_needed on skill_to_be_needed.key = counted_skill.key
    where
        counted_skill.is_active <> counted_skill.will_be_active
        or (counted_skill.is_active and needed_skill.skills is distinct from skill_to_be_needed.skills)
),

total as (
    select
        count(*) filter (where counted_skill.is_counted) as skills,
        count(*) filter (where counted_skill.will_be_counted) as skills_to_be
    from counted_skill
),

learner as materialized (
    select
        user_skill_tree_progress.user_id,
        user_skill_tree_progress.status,
        count(*) filter (
            where skill_work.status = 'COMPLETED' and counted_skill.is_counted
        ) as completed,
        count(*) filter (
            where skill_work.status = 'COMPLETED' and counted_skill.will_be_counted
        ) as will_be_completed,
        count(*) filter (
            where
            skill_work.status = 'COMPLETED'
            and counted_skill.is_active
            and not counted_skill.will_be_active
        ) as lost,
        bit_or(counted_skill.itself) filter (
            where skill_work.is_satisfied
        ) as satisfied,
        bit_or(counted_skill.itself) filter (
            where skill_work.is_begun
        ) as begun
    from tree
    inner join user_skill_tree_progress on user_skill_tree_progress.skill_tree_id = tree.id
    left join skill_work
        on
            skill_work.user_id = user_skill_tree_progress.user_id
            and skill_work.skill_tree_id = tree.id
    left join counted_skill on counted_skill.id = skill_work.skill_id
    group by user_skill_tree_progress.user_id, user_skill_tree_progress.status
),

access as (
    select
        learner.user_id,
        regated_skill.key,
        regated_skill.place,
        regated_skill.is_active
        and regated_skill.needed & coalesce(learner.satisfied, regated_skill.none) = regated_skill.needed as is_open,
        regated_skill.will_be_active
        and regated_skill.will_be_needed & coalesce(learner.satisfied, regated_skill.none)
        = regated_skill.will_be_needed as will_be_open
    from learner
    cross join regated_skill
    where regated_skill.itself & coalesce(learner.begun, regated_skill.none) = regated_skill.none
),

opening as materialized (
    select
        access.user_id,
        access.key,
        access.place,
        access.will_be_open
    from access
    where access.is_open <> access.will_be_open
),

skill_impact as (
    select
        opening.key,
        opening.place,
        count(*) filter (where opening.will_be_open) as gain_open,
        count(*) filter (where not opening.will_be_open) as lose_open
    from opening
    group by opening.key, opening.place
),

learner_impact as (
    select
        count(*) as learners,
        count(*) filter (
            where learner.will_be_completed * greatest(total.skills, 1)
            > learner.completed * greatest(total.skills_to_be, 1)
        ) as percent_up,
        count(*) filter (
            where learner.will_be_completed * greatest(total.skills, 1)
            < learner.completed * greatest(total.skills_to_be, 1)
        ) as percent_down,
        count(*) filter (
            where learner.status in ('IN_PROGRESS', 'PAUSED')
            and total.skills_to_be > 0
            and learner.will_be_completed = total.skills_to_be
        ) as gain_completion,
        count(*) filter (where learner.lost > 0) as lose_completion
    from learner
    cross join total
)

select
    learner_impact.learners,
    (
        select count(distinct opening.user_id) from opening
        where opening.will_be_open
    ) as gain_open,
    (
        select count(distinct opening.user_id) from opening
        where not opening.will_be_open
    ) as lose_open,
    learner_impact.percent_up,
    learner_impact.percent_down,
    learner_impact.gain_completion,
    learner_impact.lose_completion,
    (
        select
            coalesce(
                json_agg(
                    json_build_object(
                        'key', skill_impact.key,
                        'gain_open', skill_impact.gain_open,
                        'lose_open', skill_impact.lose_open
                    )
                    order by skill_impact.place nulls last, skill_impact.key
                ),
                '[]'
            )
        from skill_impact
    ) as skills,
    array(
        select skill.key from skill
        where skill.is_added
        order by skill.place
    ) as added,
    array(
        select skill.key from skill
        where skill.is_removed
        order by skill.key
    ) as removed,
    array(
        select skill.key from skill
        where skill.is_activated
        order by skill.place
    ) as activated,
    array(
        select skill.key from skill
        where skill.is_deactivated
        order by skill.place
    ) as deactivated,
    array(
        select given.slug
        from unnest(%(prerequisites)s::text[]) with ordinality as given (slug, place)
        where
            not exists (
                select from skill_trees
                where skill_trees.slug = given.slug
            )
        order by given.place
    ) as unknown_prerequisites
from tree
cross join learner_impact;
