-- What follows from what learners did, for a database that holds nothing else: the statements of the data set.

insert into begun_trees (skill_tree_id)
select distinct user_skill_progress.skill_tree_id
from user_skill_progress;

insert into user_skill_tree_progress (
    user_id, skill_tree_id, status, progress_percent, skills_completed, total_skills, time_spent_minutes, started_at,
    last_activity_at, completed_at, milestones_reached
)
select
    work.user_id,
    work.skill_tree_id,
    case
        when work.skills_completed = tree.total_skills then 'COMPLETED'
        -- By what does not change with the hour: the other half of an id is the time.
        when abs(hashtext(right(work.user_id::text, 12) || right(work.skill_tree_id::text, 12))) % 10 = 0 then 'PAUSED'
        else 'IN_PROGRESS'
    end::tree_progress_status,
    100.0 * work.skills_completed / tree.total_skills,
    work.skills_completed,
    tree.total_skills,
    work.time_spent_minutes,
    work.started_at,
    work.last_activity_at,
    case when work.skills_completed = tree.total_skills then work.last_activity_at end,
    work.milestones_reached
from (
    select
        user_skill_progress.user_id,
        user_skill_progress.skill_tree_id,
        count(*) filter (where user_skill_progress.status = 'COMPLETED' and not skills.is_optional) as skills_completed,
        coalesce(
            array_agg(skills.id order by skills.id) filter (
                where user_skill_progress.status = 'COMPLETED' and skills.is_milestone
            ),
            '{}'
        ) as milestones_reached,
        sum(user_skill_progress.time_spent_minutes) as time_spent_minutes,
        min(user_skill_progress.started_at) as started_at,
        max(user_skill_progress.last_activity_at) as last_activity_at
    from user_skill_progress
    inner join skills on skills.id = user_skill_progress.skill_id
    group by user_skill_progress.user_id, user_skill_progress.skill_tree_id
) as work
inner join (
    select
        skills.skill_tree_id,
        count(*) as total_skills
    from skills
    where
        skills.is_active
        and not skills.is_optional
    group by skills.skill_tree_id
) as tree on tree.skill_tree_id = work.skill_tree_id
order by work.started_at;

insert into xp_events (
    user_id, source_kind, source_id, xp, granted_at, granted_on, skill_tree_id, category_id, difficulty, skill_type
)
select
    user_skill_progress.user_id,
    'SKILL',
    user_skill_progress.skill_id,
    skills.xp_value,
    user_skill_progress.completed_at,
    local_clock(user_skill_progress.completed_at, user_profiles.timezone, user_profiles.day_starts_at)::date,
    skills.skill_tree_id,
    skill_trees.category_id,
    skills.difficulty,
    skills.skill_type
from user_skill_progress
inner join user_profiles on user_profiles.user_id = user_skill_progress.user_id
inner join skills on skills.id = user_skill_progress.skill_id
inner join skill_trees on skill_trees.id = skills.skill_tree_id
where user_skill_progress.status = 'COMPLETED'
order by user_skill_progress.completed_at;

insert into user_activity_days (user_id, activity_date, minutes, learnt_at)
select
    user_skill_progress.user_id,
    local_clock(
        user_skill_progress.last_activity_at, user_profiles.timezone, user_profiles.day_starts_at
    )::date as activity_date,
    sum(user_skill_progress.time_spent_minutes),
    min(user_skill_progress.last_activity_at)
from user_skill_progress
inner join user_profiles on user_profiles.user_id = user_skill_progress.user_id
where user_skill_progress.last_activity_at is not null
group by user_skill_progress.user_id, activity_date
order by activity_date;

analyze;

update user_profiles
set
    total_xp = earned.xp,
    skills_completed = earned.skills,
    last_activity_at = earned.last_activity_at,
    current_streak = streak.latest,
    max_streak = streak.longest,
    last_activity_on = streak.latest_on,
    hours_learned = learnt.minutes / 60.0,
    trees_started = begun.trees,
    trees_completed = begun.completed
from (
    select
        xp_events.user_id,
        sum(xp_events.xp) as xp,
        count(*) as skills,
        max(xp_events.granted_at) as last_activity_at
    from xp_events
    group by xp_events.user_id
) as earned
inner join (
    select
        streaks.user_id,
        (array_agg(streaks.days order by streaks.ends_on desc))[1] as latest,
        max(streaks.days) as longest,
        max(streaks.ends_on) as latest_on
    from streaks
    group by streaks.user_id
) as streak on streak.user_id = earned.user_id
inner join (
    select
        user_activity_days.user_id,
        sum(user_activity_days.minutes) as minutes
    from user_activity_days
    group by user_activity_days.user_id
) as learnt on learnt.user_id = earned.user_id
inner join (
    select
        user_skill_tree_progress.user_id,
        count(*) as trees,
        count(*) filter (where user_skill_tree_progress.status = 'COMPLETED') as completed
    from user_skill_tree_progress
    group by user_skill_tree_progress.user_id
) as begun on begun.user_id = earned.user_id
where user_profiles.user_id = earned.user_id;

-- Each award brings XP, by which another threshold may be reached.
do $award$
begin
    create temporary table due on commit drop as
    select
        achievement_standings.user_id,
        achievement_standings.achievement_id,
        achievement_standings.value
    from achievement_standings
    where achievement_standings.value >= achievement_standings.threshold;
    while exists (select from due) loop
        insert into user_achievements (user_id, achievement_id, earned_at, metadata)
        select
            due.user_id,
            due.achievement_id,
            user_profiles.last_activity_at,
            jsonb_build_object('criteria', achievements.criteria, 'value', due.value)
        from due
        inner join user_profiles on user_profiles.user_id = due.user_id
        inner join achievements on achievements.id = due.achievement_id;

        insert into xp_events (user_id, source_kind, source_id, xp, granted_at, granted_on)
        select
            due.user_id,
            'ACHIEVEMENT',
            due.achievement_id,
            achievements.xp_reward,
            user_profiles.last_activity_at,
            user_profiles.last_activity_on
        from due
        inner join user_profiles on user_profiles.user_id = due.user_id
        inner join achievements on achievements.id = due.achievement_id;

        update user_profiles
        set total_xp = user_profiles.total_xp + reward.xp
        from (
            select
                due.user_id,
                sum(achievements.xp_reward) as xp
            from due
            inner join achievements on achievements.id = due.achievement_id
            group by due.user_id
        ) as reward
        where user_profiles.user_id = reward.user_id;

        truncate due;
        insert into due (user_id, achievement_id, value)
        select
            user_profiles.user_id,
            achievements.id,
            user_profiles.total_xp
        from user_profiles
        inner join achievements on achievements.threshold <= user_profiles.total_xp
        left join user_achievements
            on
                user_achievements.user_id = user_profiles.user_id
                and user_achievements.achievement_id = achievements.id
        where
            achievements.criterion = 'xp_threshold'
            and user_achievements.user_id is null;
    end loop;
end
$award$;

update user_profiles
set current_level = reached.level
from (
    select
        profile.user_id,
        max(levels.level) as level
    from user_profiles as profile
    inner join levels on levels.min_xp <= profile.total_xp
    group by profile.user_id
) as reached
where user_profiles.user_id = reached.user_id;

insert into user_scores (user_id, board, starts_on, xp, reached_at, is_listed)
select
    xp_events.user_id,
    period.board,
    period.starts_on,
    sum(xp_events.xp),
    max(xp_events.granted_at),
    bool_and(users.is_active and user_profiles.is_on_leaderboard)
from xp_events
inner join users on users.id = xp_events.user_id
inner join user_profiles on user_profiles.user_id = xp_events.user_id
cross join
    lateral (
        values
        ('ALL_TIME'::leaderboard, date 'epoch'),
        ('WEEK', date_trunc('week', xp_events.granted_at at time zone 'UTC')::date),
        ('MONTH', date_trunc('month', xp_events.granted_at at time zone 'UTC')::date)
    ) as period (board, starts_on)
where xp_events.xp > 0
group by xp_events.user_id, period.board, period.starts_on;

-- Log-ins that failed, by account, by network, and both: networks have tried more than one account.
insert into login_attempts (identifier_hash, network, failures, last_failed_at, succeeded_at)
select
    case when counted.by_account then sha256(convert_to(lower(users.email), 'UTF8')) else ''::bytea end,
    case when counted.by_network then '198.51.100.' || tried.number % 250 || '/' || tried.number % 40 else '' end,
    count(*),
    max(now() - interval '1 hour' * (tried.number % 700)),
    max(case when counted.by_account then users.last_login_at end)
from (
    select
        id,
        email,
        last_login_at,
        row_number() over (order by id) as place
    from users
) as users
cross join lateral (values (users.place), (users.place * 7 + 3)) as tried (number)
cross join (values (true, true), (true, false), (false, true)) as counted (by_account, by_network)
group by 1, 2;

-- Links that nobody has used: to verify an address, and, of every tenth account, to set a password.
insert into user_tokens (user_id, purpose, token_hash, email, created_at, expires_at)
select
    users.id,
    wanted.purpose,
    sha256(convert_to(users.id || wanted.purpose, 'UTF8')),
    users.email,
    users.last_login_at,
    users.last_login_at + interval '1 day'
from users
cross join (values ('EMAIL_VERIFICATION'), ('PASSWORD_RESET')) as wanted (purpose)
where
    case wanted.purpose
        when 'EMAIL_VERIFICATION' then not users.email_verified
        else abs(hashtext(users.id::text)) % 10 = 0
    end;

-- The trail of a year, of what is not its own record: trees begun, sessions started, and skills that were edited thrice.
insert into audit_log (subject_id, occurred_at, table_name, action, row_keys, actor_id, role_name, before, after)
select
    user_skill_tree_progress.user_id,
    user_skill_tree_progress.started_at,
    'user_skill_tree_progress',
    'INSERT'::audit_action,
    array[user_skill_tree_progress.skill_tree_id::text],
    user_skill_tree_progress.user_id,
    'app_engine',
    null::jsonb,
    null::jsonb
from user_skill_tree_progress
union all
select
    user_sessions.user_id,
    user_sessions.started_at,
    'user_sessions',
    'INSERT',
    array[user_sessions.id::text],
    user_sessions.user_id,
    'app_service',
    null,
    null
from user_sessions
union all
select
    skills.id,
    now() - interval '100 days' * edit.number,
    'skills',
    'UPDATE',
    array[skills.id::text],
    null,
    'app_service',
    jsonb_build_object('name', skills.name || ' ' || edit.number),
    jsonb_build_object('name', skills.name || ' ' || edit.number - 1)
from skills
cross join generate_series(1, 3) as edit (number)
order by 2;

select count(*) from ensure_audit_partitions(1);
