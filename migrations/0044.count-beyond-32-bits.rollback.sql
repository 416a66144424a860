-- Fails where a number has outgrown 32 bits: such learners would have to lose something first. Loses nothing else.

drop view achievement_standings;

drop view tree_standings;

drop function leaderboard_moves(bigint, bigint);

alter table user_profiles alter column total_xp type integer;

alter table user_scores alter column xp type integer;

alter table levels alter column min_xp type integer;

alter table leaderboard_counts alter column bucket type integer;

alter table user_activity_days alter column minutes type integer;

alter table user_skill_progress
alter column time_spent_minutes type integer,
alter column attempts_count type integer,
alter column failed_attempts type integer;

alter table user_skill_tree_progress alter column time_spent_minutes type integer;

alter table leaderboard_counts drop constraint leaderboard_counts_level_range;

alter table leaderboard_counts add constraint leaderboard_counts_level_range check (level between 0 and 5);

-- What changes in the counts when a learner who had `before` XP has `after`: a row for each row of leaderboard_counts,
-- with -1 and 1 at their places among 64. Null is not to be counted. Above the level where both fall into one place,
-- nothing changes; and the first place of a row above level 0 is not kept, since nobody asks what lies left of it.
create function leaderboard_moves(before integer, after integer)
returns table (level integer, bucket integer, changes integer[])
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
declare
    nothing constant integer[] := array_fill(0, array[64]);
begin
    for node in 0 .. 5 loop
        exit when before >> (6 * node) = after >> (6 * node);
        level := node;
        if before is not null and (node = 0 or (before >> (6 * node)) & 63 > 0) then
            bucket := (before::bigint >> (6 * node + 6))::integer;
            changes := nothing;
            changes[((before >> (6 * node)) & 63) + 1] := -1;
            if after::bigint >> (6 * node + 6) = bucket and (node = 0 or (after >> (6 * node)) & 63 > 0) then
                changes[((after >> (6 * node)) & 63) + 1] := 1;
                return next;
                continue;
            end if;
            return next;
        end if;
        if after is not null and (node = 0 or (after >> (6 * node)) & 63 > 0) then
            bucket := (after::bigint >> (6 * node + 6))::integer;
            changes := nothing;
            changes[((after >> (6 * node)) & 63) + 1] := 1;
            return next;
        end if;
    end loop;
end
$$;

-- A learner's progress in a tree. Required active skills count, or all active ones where every one is optional. What
-- there is is counted once for a tree, and what is done from the learner's own work: not every skill for every learner.
create view tree_standings with (security_invoker = true) as
select
    counted.user_id,
    counted.skill_tree_id,
    counted.total_skills,
    counted.skills_completed,
    coalesce(
        100.0 * counted.skills_completed / nullif(counted.total_skills, 0), 0
    )::double precision as progress_percent,
    counted.milestones_reached,
    counted.time_spent_minutes
from (
    select
        user_skill_tree_progress.user_id,
        user_skill_tree_progress.skill_tree_id,
        coalesce(nullif(tree.required_skills, 0), tree.active_skills, 0)::integer as total_skills,
        coalesce(
            case when tree.required_skills > 0 then work.required_skills else work.active_skills end, 0
        )::integer as skills_completed,
        coalesce(work.milestones_reached, '{}') as milestones_reached,
        coalesce(work.time_spent_minutes, 0)::integer as time_spent_minutes
    from user_skill_tree_progress
    left join (
        select
            skills.skill_tree_id,
            count(*) filter (where not skills.is_optional) as required_skills,
            count(*) as active_skills
        from skills
        where skills.is_active
        group by skills.skill_tree_id
    ) as tree on tree.skill_tree_id = user_skill_tree_progress.skill_tree_id
    left join (
        select
            user_skill_progress.user_id,
            user_skill_progress.skill_tree_id,
            count(*) filter (
                where user_skill_progress.status = 'COMPLETED' and skills.is_active and not skills.is_optional
            ) as required_skills,
            count(*) filter (
                where user_skill_progress.status = 'COMPLETED' and skills.is_active
            ) as active_skills,
            array_agg(skills.id order by skills.id) filter (
                where user_skill_progress.status = 'COMPLETED' and skills.is_active and skills.is_milestone
            ) as milestones_reached,
            sum(user_skill_progress.time_spent_minutes) as time_spent_minutes
        from user_skill_progress
        inner join skills on skills.id = user_skill_progress.skill_id
        group by user_skill_progress.user_id, user_skill_progress.skill_tree_id
    ) as work
        on
            work.user_id = user_skill_tree_progress.user_id
            and work.skill_tree_id = user_skill_tree_progress.skill_tree_id
) as counted;

-- How far a learner is toward each achievement. Skills, and XP and days within a limit, are counted from the ledger.
create view achievement_standings with (security_invoker = true) as
select
    counted.user_id,
    counted.achievement_id,
    counted.threshold,
    case
        when counted.criterion = 'skill_completion_count' then counted.skills
        when counted.criterion = 'xp_threshold' and not counted.is_limited then counted.total_xp
        when counted.criterion = 'xp_threshold' then counted.xp
        when not counted.is_limited then counted.max_streak
        else (
            select coalesce(max(run.days), 0)
            from (
                select count(*) as days
                from (
                    select
                        xp_events.granted_on,
                        xp_events.granted_on - dense_rank() over (order by xp_events.granted_on)::integer as run
                    from xp_events
                    where
                        xp_events.user_id = counted.user_id
                        and xp_events.source_kind = 'SKILL'
                        and (counted.for_category_id is null or xp_events.category_id = counted.for_category_id)
                        and (counted.for_tree_id is null or xp_events.skill_tree_id = counted.for_tree_id)
                        and (counted.for_difficulty is null or xp_events.difficulty::text = counted.for_difficulty)
                        and (counted.for_skill_type is null or xp_events.skill_type::text = counted.for_skill_type)
                    group by xp_events.granted_on
                ) as learnt_day
                group by learnt_day.run
            ) as run
        )
    end as value
from (
    select
        user_profiles.user_id,
        user_profiles.total_xp,
        user_profiles.max_streak,
        achievements.id as achievement_id,
        achievements.criterion,
        achievements.threshold,
        achievements.is_limited,
        achievements.for_category_id,
        achievements.for_tree_id,
        achievements.for_difficulty,
        achievements.for_skill_type,
        coalesce(sum(paid.skills), 0) as skills,
        coalesce(sum(paid.xp), 0) as xp
    from user_profiles
    cross join achievements
    left join (
        select
            xp_events.user_id,
            xp_events.category_id,
            xp_events.skill_tree_id,
            xp_events.difficulty,
            xp_events.skill_type,
            count(*) as skills,
            sum(xp_events.xp) as xp
        from xp_events
        where xp_events.source_kind = 'SKILL'
        group by
            xp_events.user_id,
            xp_events.category_id,
            xp_events.skill_tree_id,
            xp_events.difficulty,
            xp_events.skill_type
    ) as paid
        on
            paid.user_id = user_profiles.user_id
            and (achievements.for_category_id is null or paid.category_id = achievements.for_category_id)
            and (achievements.for_tree_id is null or paid.skill_tree_id = achievements.for_tree_id)
            and (achievements.for_difficulty is null or paid.difficulty::text = achievements.for_difficulty)
            and (achievements.for_skill_type is null or paid.skill_type::text = achievements.for_skill_type)
    group by user_profiles.user_id, achievements.id
) as counted;

grant execute on function leaderboard_moves(integer, integer) to app_user;

grant select on tree_standings, achievement_standings to app_user;

revoke select on tree_standings, achievement_standings from app_service;
