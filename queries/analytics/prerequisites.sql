-- For each active skill and each of its active prerequisites: how many of the learners who started the skill have
-- completed it, by their score in the prerequisite. One JSON array, the smallest difference first.
--
-- No learner's id restricts this query. It counts all learners, and only counts leave the database. A band with fewer
-- than min_group learners is null, and so is the next smallest band, because the sum of all is known. If a hidden band
-- would still have only one possible value, all bands are null. Completions are shown for the shown bands, unless in
-- one band, or in the hidden bands together, fewer than min_group learners have or have not completed the skill. 0
-- identifies nobody, and is shown where it reveals nothing else.
--
-- @role app_service
-- @across figures about groups of learners
-- @budget buffers 94000
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
        coalesce(counted.learners, 0) between 1 and %(min_group)s - 1 as is_few,
        row_number() over (
            partition by edge.skill_id, edge.prerequisite_id
            order by coalesce(counted.learners, 0) >= %(min_group)s desc, counted.learners, band.number
        ) as place
    from edge
    cross join (values (-1, 'none'), (0, '0-49'), (1, '50-69'), (2, '70-89'), (3, '90-100')) as band (number, scores)
    left join counted
        on
            counted.skill_id = edge.skill_id
            and counted.prerequisite_id = edge.prerequisite_id
            and counted.band = band.number
),

-- Among the bands that are large enough, the smallest is hidden with the small ones. The next one reveals most about
-- it.
edge_band as (
    select
        score_band.skill_id,
        score_band.prerequisite_id,
        count(*) filter (where score_band.is_few) as few_bands,
        coalesce(sum(score_band.learners) filter (where score_band.is_few or score_band.place = 1), 0) as left_out,
        min(score_band.learners) filter (where score_band.place = 2 and score_band.learners >= %(min_group)s)
            as next_one
    from score_band
    group by score_band.skill_id, score_band.prerequisite_id
),

-- Each small band has at least one learner, and together they have enough to make the hidden large band smaller than
-- the next one. A small band has at most min_group - 1 learners, and the hidden large band keeps at least min_group.
judged_edge as (
    select
        edge_band.skill_id,
        edge_band.prerequisite_id,
        edge_band.few_bands = 0 as tells_all,
        edge_band.few_bands > 0
        and greatest(edge_band.few_bands, edge_band.left_out - edge_band.next_one + 1)
        < least(edge_band.few_bands * (%(min_group)s - 1), edge_band.left_out - %(min_group)s)
        and edge_band.next_one is not null as tells_some
    from edge_band
),

counted_band as (
    select
        score_band.skill_id,
        score_band.prerequisite_id,
        score_band.band,
        score_band.scores,
        score_band.learners,
        score_band.completed,
        judged_edge.tells_all
        or (
            judged_edge.tells_some
            and not score_band.is_few
            and score_band.place > 1
        ) as has_learners
    from score_band
    inner join judged_edge
        on
            judged_edge.skill_id = score_band.skill_id
            and judged_edge.prerequisite_id = score_band.prerequisite_id
),

-- The hidden bands count as one band: its completions follow from the sum.
split as (
    select
        counted_band.skill_id,
        counted_band.prerequisite_id,
        case when counted_band.has_learners then counted_band.band end as band,
        sum(counted_band.completed) as completed,
        sum(counted_band.learners - counted_band.completed) as not_completed
    from counted_band
    group by
        counted_band.skill_id,
        counted_band.prerequisite_id,
        case when counted_band.has_learners then counted_band.band end
),

split_edge as (
    select
        split.skill_id,
        split.prerequisite_id,
        bool_and(
            split.completed not between 1 and %(min_group)s - 1
            and split.not_completed not between 1 and %(min_group)s - 1
        ) as tells_completed
    from split
    group by split.skill_id, split.prerequisite_id
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
        and split_edge.tells_completed as has_completed
    from counted_band
    inner join split_edge
        on
            split_edge.skill_id = counted_band.skill_id
            and split_edge.prerequisite_id = counted_band.prerequisite_id
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
