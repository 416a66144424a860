-- Import the rows in the temporary table, all or none. If rows are wrong, import none, and return the first wrong row
-- with what is wrong.
--
-- @role app_service
-- @after progress/begin_import
-- @across each row names its learner
-- @setup insert into pg_temp.imported_progress (
--     position, user_id, skill_id, status, progress_percent, time_spent_minutes, attempts_count, failed_attempts,
--     completed_at
--     )
--     select row_number() over (order by user_id, skill_id), user_id, skill_id, 'COMPLETED', 100, 5, 0, 0, now()
--     from user_profiles cross join unnest(%(first_skill_ids)s::uuid[]) as skill_id
--     where trees_started = 0 order by user_id, skill_id limit 1000
-- @budget buffers 47000
-- @never Seq Scan on user_skill_progress, users
with
-- Whether the earliest or the latest time is wrong. Only then is each row checked: a call for each row takes a fifth of
-- the whole time.
suspicion as materialized (
    select
        judge_moment(
            max(
                greatest(
                    imported_progress.unlocked_at,
                    imported_progress.started_at,
                    imported_progress.last_activity_at,
                    imported_progress.completed_at
                )
            ),
            null
        ) is not null
        or judge_moment(
            min(
                least(
                    imported_progress.unlocked_at,
                    imported_progress.started_at,
                    imported_progress.last_activity_at,
                    imported_progress.completed_at
                )
            ),
            null
        ) is not null as is_founded
    from pg_temp.imported_progress
),

known as materialized (
    select
        user_skill_progress.user_id,
        user_skill_progress.skill_id
    from pg_temp.imported_progress as imported
    inner join user_skill_progress
        on
            user_skill_progress.user_id = imported.user_id
            and user_skill_progress.skill_id = imported.skill_id
),

fault as (
    select
        imported.position,
        imported.user_id,
        imported.skill_id,
        case
            when users.id is null then 'USER_NOT_FOUND'
            when skills.id is null then 'SKILL_NOT_FOUND'
            when imported.status = 'SKIPPED' and not skills.is_optional then 'NOT_OPTIONAL'
            when imported.moment_fault is not null then imported.moment_fault
            else 'EXISTS'
        end as outcome
    from (
        select
            imported_progress.position,
            imported_progress.user_id,
            imported_progress.skill_id,
            imported_progress.status,
            (
                select
                    coalesce(
                        judge_moment(
                            greatest(
                                imported_progress.unlocked_at,
                                imported_progress.started_at,
                                imported_progress.last_activity_at,
                                imported_progress.completed_at
                            ),
                            null
                        ),
                        judge_moment(
                            least(
                                imported_progress.unlocked_at,
                                imported_progress.started_at,
                                imported_progress.last_activity_at,
                                imported_progress.completed_at
                            ),
                            null
                        )
                    )
                from suspicion
                where suspicion.is_founded
            ) as moment_fault,
            row_number() over (
                partition by imported_progress.user_id, imported_progress.skill_id
                order by imported_progress.position
            ) as occurrence
        from pg_temp.imported_progress
    ) as imported
    left join users on users.id = imported.user_id
    left join skills on skills.id = imported.skill_id
    left join known
        on
            known.user_id = imported.user_id
            and known.skill_id = imported.skill_id
    where
        users.id is null
        or skills.id is null
        or (imported.status = 'SKIPPED' and not skills.is_optional)
        or imported.moment_fault is not null
        or known.skill_id is not null
        or imported.occurrence > 1
    order by imported.position
    limit 1
),

accepted as (
    select
        imported.user_id,
        imported.skill_id,
        skills.skill_tree_id,
        imported.status,
        imported.progress_percent,
        imported.time_spent_minutes,
        imported.attempts_count,
        imported.failed_attempts,
        imported.completion_method,
        imported.completion_score,
        imported.evidence_data,
        imported.unlocked_at,
        imported.started_at,
        imported.last_activity_at,
        imported.completed_at,
        imported.struggling_indicators,
        imported.engagement_score
    from pg_temp.imported_progress as imported
    inner join skills on skills.id = imported.skill_id
    where
        not exists (select from fault)
),

-- Refused rows are deleted, so that the later steps find none.
forgotten as (
    delete from pg_temp.imported_progress
    where exists (select from fault)
    returning imported_progress.position
),

begun_tree as (
    insert into begun_trees (skill_tree_id)
    select distinct accepted.skill_tree_id
    from accepted
    order by accepted.skill_tree_id
    on conflict (skill_tree_id) do nothing
    returning begun_trees.skill_tree_id
),

imported_row as (
    insert into user_skill_progress (
        user_id,
        skill_id,
        skill_tree_id,
        status,
        progress_percent,
        time_spent_minutes,
        attempts_count,
        failed_attempts,
        completion_method,
        completion_score,
        evidence_data,
        unlocked_at,
        started_at,
        last_activity_at,
        completed_at,
        struggling_indicators,
        engagement_score
    )
    select
        accepted.user_id,
        accepted.skill_id,
        accepted.skill_tree_id,
        accepted.status,
        accepted.progress_percent,
        accepted.time_spent_minutes,
        accepted.attempts_count,
        accepted.failed_attempts,
        accepted.completion_method,
        accepted.completion_score,
        accepted.evidence_data,
        accepted.unlocked_at,
        accepted.started_at,
        accepted.last_activity_at,
        accepted.completed_at,
        accepted.struggling_indicators,
        accepted.engagement_score
    from accepted
    returning user_skill_progress.user_id
)

select
    written.rows,
    fault.outcome,
    fault.position,
    fault.user_id,
    fault.skill_id
from (select count(*)::integer as rows from imported_row) as written
left join fault on true;
