-- For each active skill and each of its active prerequisites: how many of those who began the skill have completed it,
-- by their score in the prerequisite; one JSON array, the smallest difference first.
--
-- No learner's id restricts this query: it is about all of them, and only what it counts leaves the database. A band
-- with fewer than min_group learners is null, and so is what has been completed in one where fewer than that have, or
-- have not. Wherever that leaves something out, the smallest other band is left out as well, because one figure that
-- is missing can be worked out from the others and their sum. 0 is nobody's figure, and is said.
--
-- @role app_service
-- @across figures about groups of learners
-- @budget buffers 82000
-- @never Seq Scan on user_skill_progress
with active_skill as (
    select
        skills.id,
        skills.key,
        skills.name,
        skills.dependencies,
        skills.position_y,
        skills.position_x,
        skills.sort_order
    from skills
    where
        skills.skill_tree_id = %(tree_id)s
        and skills.is_active
),

edge as (
    select
        active_skill.id as skill_id,
        prerequisite.id as prerequisite_id
    from active_skill
    cross join unnest(active_skill.dependencies) as dependency (id)
    inner join active_skill as prerequisite on prerequisite.id = dependency.id
),

started_skill as (
    select
        user_skill_progress.user_id,
        user_skill_progress.skill_id,
        user_skill_progress.status = 'COMPLETED' as is_completed
    from user_skill_progress
    where
        user_skill_progress.skill_tree_id = %(tree_id)s
        and (user_skill_progress.status in ('IN_PROGRESS', 'COMPLETED') or user_skill_progress.started_at is not null)
),

scored_skill as (
    select
        user_skill_progress.user_id,
        user_skill_progress.skill_id,
        width_bucket(user_skill_progress.completion_score, array[50, 70, 90]::double precision[]) as band
    from user_skill_progress
    where
        user_skill_progress.skill_tree_id = %(tree_id)s
        and user_skill_progress.completion_score is not null
),

counted as (
    select
        edge.skill_id,
        edge.prerequisite_id,
        coalesce(scored_skill.band, -1) as band,
        count(*) as learners,
        count(*) filter (where started_skill.is_completed) as completed
    from edge
    inner join started_skill on started_skill.skill_id = edge.skill_id
    left join scored_skill
        on
            scored_skill.user_id = started_skill.user_id
            and scored_skill.skill_id = edge.prerequisite_id
    group by edge.skill_id, edge.prerequisite_id, coalesce(scored_skill.band, -1)
),

score_band as (
    select
        edge.skill_id,
        edge.prerequisite_id,
        band.number as band,
        band.scores,
        coalesce(counted.learners, 0) as learners,
        coalesce(counted.completed, 0) as completed,
        coalesce(counted.learners, 0) not between 1 and %(min_group)s - 1 as is_group,
        coalesce(counted.completed, 0) not between 1 and %(min_group)s - 1
        and coalesce(counted.learners - counted.completed, 0) not between 1 and %(min_group)s - 1 as is_split_in_groups
    from edge
    cross join (values (-1, 'none'), (0, '0-49'), (1, '50-69'), (2, '70-89'), (3, '90-100')) as band (number, scores)
    left join counted
        on
            counted.skill_id = edge.skill_id
            and counted.prerequisite_id = edge.prerequisite_id
            and counted.band = band.number
),

-- The first of edge_groups is the smallest band that could be told.
counted_band as (
    select
        score_band.skill_id,
        score_band.prerequisite_id,
        score_band.band,
        score_band.scores,
        score_band.learners,
        score_band.completed,
        score_band.is_split_in_groups,
        score_band.is_group
        and (
            bool_and(score_band.is_group) over edge_bands
            or score_band.learners = 0
            or row_number() over edge_groups > 1
        ) as has_learners
    from score_band
    window
        edge_bands as (partition by score_band.skill_id, score_band.prerequisite_id),
        edge_groups as (
            partition by score_band.skill_id, score_band.prerequisite_id
            order by score_band.is_group and score_band.learners > 0 desc, score_band.learners, score_band.band
        )
),

tellable_band as (
    select
        counted_band.skill_id,
        counted_band.prerequisite_id,
        counted_band.band,
        counted_band.scores,
        counted_band.learners,
        counted_band.completed,
        counted_band.has_learners,
        counted_band.has_learners
        and counted_band.is_split_in_groups
        and (
            bool_and(counted_band.is_split_in_groups or not counted_band.has_learners) over edge_bands
            or counted_band.learners = 0
            or row_number() over edge_groups > 1
        ) as has_completed
    from counted_band
    window
        edge_bands as (partition by counted_band.skill_id, counted_band.prerequisite_id),
        edge_groups as (
            partition by counted_band.skill_id, counted_band.prerequisite_id
            order by
                counted_band.has_learners and counted_band.is_split_in_groups and counted_band.learners > 0 desc,
                counted_band.learners,
                counted_band.band
        )
),

told_band as (
    select
        tellable_band.skill_id,
        tellable_band.prerequisite_id,
        tellable_band.band,
        tellable_band.scores,
        case when tellable_band.has_learners then tellable_band.learners end as learners,
        case when tellable_band.has_completed then tellable_band.completed end as completed,
        case
            when tellable_band.has_completed
                then tellable_band.completed::double precision / nullif(tellable_band.learners, 0)
        end as completion_rate,
        not(tellable_band.has_learners and tellable_band.has_completed) as is_suppressed
    from tellable_band
),

effect as (
    select
        told_band.skill_id,
        told_band.prerequisite_id,
        json_agg(
            json_build_object(
                'scores', told_band.scores,
                'learners', told_band.learners,
                'completed', told_band.completed,
                'completion_rate', told_band.completion_rate
            )
            order by told_band.band
        ) as bands,
        case
            when count(told_band.completion_rate) > 1
                then max(told_band.completion_rate) - min(told_band.completion_rate)
        end as difference,
        bool_or(told_band.is_suppressed) as is_suppressed
    from told_band
    group by told_band.skill_id, told_band.prerequisite_id
)

select
    (
        select
            coalesce(
                json_agg(
                    prerequisite_effect
                    order by
                        effect.difference nulls last,
                        active_skill.position_y,
                        active_skill.position_x,
                        active_skill.sort_order,
                        active_skill.id,
                        prerequisite.position_y,
                        prerequisite.position_x,
                        prerequisite.sort_order,
                        prerequisite.id
                ),
                '[]'
            )
        from effect
        inner join active_skill on active_skill.id = effect.skill_id
        inner join active_skill as prerequisite on prerequisite.id = effect.prerequisite_id
        cross join lateral (
            select
                active_skill.id as skill_id,
                active_skill.key as skill_key,
                active_skill.name as skill_name,
                prerequisite.id as prerequisite_id,
                prerequisite.key as prerequisite_key,
                prerequisite.name as prerequisite_name,
                effect.bands,
                effect.difference,
                effect.is_suppressed
        ) as prerequisite_effect
    ) as prerequisites
from skill_trees
where skill_trees.id = %(tree_id)s;
