-- What hand-written code sends, in the form of aiosql; the other drivers get it with placeholders of their own.

-- name: get_tree(tree_id)^
select id, category_id, name, slug, description, short_description, difficulty, estimated_hours, prerequisites, tags,
    version, language, layout_config, theme_config, is_published, is_featured, is_ai_generated, created_at, updated_at,
    created_by, updated_by
from skill_trees
where id = :tree_id

-- name: tree_by_slug(slug)
select id, category_id, name, slug, description, short_description, difficulty, estimated_hours, prerequisites, tags,
    version, language, layout_config, theme_config, is_published, is_featured, is_ai_generated, created_at, updated_at,
    created_by, updated_by
from skill_trees
where slug = :slug

-- name: skills_of_tree(tree_id)
select id, skill_tree_id, parent_skill_id, name, short_name, description, learning_objectives, skill_type, difficulty,
    estimated_minutes, xp_value, dependencies, dependents, position_x, position_y, node_size, content, resources,
    assessments, is_active, is_optional, is_milestone, created_at, updated_at, created_by, updated_by
from skills
where skill_tree_id = :tree_id and is_active
order by position_y, position_x

-- name: skill_progress(user_id, skill_ids)
select id, user_id, skill_id, skill_tree_id, status, progress_percent, time_spent_minutes, attempts_count,
    failed_attempts, completion_method, completion_score, evidence_data, unlocked_at, started_at, last_activity_at,
    completed_at, struggling_indicators, engagement_score, created_at, updated_at
from user_skill_progress
where user_id = :user_id and skill_id = any(:skill_ids)

-- name: tree_progress(user_id, tree_id)
select id, user_id, skill_tree_id, status, progress_percent, skills_completed, total_skills, time_spent_minutes,
    started_at, last_activity_at, completed_at, milestones_reached, current_path, created_at, updated_at
from user_skill_tree_progress
where user_id = :user_id and skill_tree_id = :tree_id

-- name: page_of_trees(most)
select id, category_id, name, slug, description, short_description, difficulty, estimated_hours, prerequisites, tags,
    version, language, layout_config, theme_config, is_published, is_featured, is_ai_generated, created_at, updated_at,
    created_by, updated_by
from skill_trees
where is_published
order by name, id
limit :most

-- name: search_trees(text)
with sought as materialized (
    select search_query('en', :text, true) as query, search_query('en', :text, false) as whole_query
),
found as (
    select id, category_id, name, slug, difficulty, tags, description, query,
        ts_rank(search_document, whole_query) + ts_rank(search_document, query) / 100 as rank
    from sought
    join skill_trees on search_document @@ query
    where is_published
    order by rank desc, name, id
    limit 20
)
select id, category_id, name, slug, difficulty, tags, rank,
    ts_headline('english', left(concat_ws(': ', name, description), 2000), query,
        'StartSel=**, StopSel=**, MaxFragments=2, MaxWords=20, MinWords=5') as snippet
from found
order by rank desc, name, id

-- name: count_progress(user_id, tree_id)^
select count(*) as total, count(p.skill_id) as completed
from skills as s
left join user_skill_progress as p on p.user_id = :user_id and p.skill_id = s.id and p.status = 'COMPLETED'
where s.skill_tree_id = :tree_id and s.is_active and (not s.is_optional or not exists (
    select from skills as r where r.skill_tree_id = :tree_id and r.is_active and not r.is_optional))

-- name: missing(user_id, skill_id)
with recursive missing as (
    select id, name, difficulty, estimated_minutes, dependencies, position_y, position_x
    from skills
    where id = :skill_id
    union
    select s.id, s.name, s.difficulty, s.estimated_minutes, s.dependencies, s.position_y, s.position_x
    from missing as m
    join skills as s on s.id = any(m.dependencies)
    where s.is_active and not exists (
        select from user_skill_progress as p
        where p.user_id = :user_id and p.skill_id = s.id and p.status in ('COMPLETED', 'SKIPPED'))
)
select id, name, difficulty, estimated_minutes, dependencies
from missing
order by position_y, position_x, id

-- name: lock_learner(user_id)
select total_xp, current_level, current_streak, max_streak, last_activity_on, timezone
from user_profiles
where user_id = :user_id
for update

-- name: skill_to_complete(user_id, skill_id)
select s.skill_tree_id, s.xp_value, s.difficulty, s.skill_type, t.category_id, s.dependents, p.status, (
        select count(*) from skills as d where d.id = any(s.dependencies) and d.is_active and not exists (
            select from user_skill_progress as q
            where q.user_id = :user_id and q.skill_id = d.id and q.status in ('COMPLETED', 'SKIPPED'))) as missing
from skills as s
join skill_trees as t on t.id = s.skill_tree_id
left join user_skill_progress as p on p.skill_id = s.id and p.user_id = :user_id
where s.id = :skill_id and s.is_active

-- name: complete(user_id, skill_id, tree_id)
insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, progress_percent, completion_method,
    unlocked_at, started_at, last_activity_at, completed_at)
values (:user_id, :skill_id, :tree_id, 'COMPLETED', 100, 'MANUAL', now(), now(), now(), now())
on conflict (user_id, skill_id) do update set status = 'COMPLETED', progress_percent = 100,
    completion_method = 'MANUAL', last_activity_at = now(), completed_at = now()
returning id, user_id, skill_id, skill_tree_id, status, progress_percent, time_spent_minutes, attempts_count,
    failed_attempts, completion_method, completion_score, evidence_data, unlocked_at, started_at, last_activity_at,
    completed_at, struggling_indicators, engagement_score, created_at, updated_at

-- name: pay(user_id, skill_id, xp, day, tree_id, category_id, difficulty, skill_type)!
insert into xp_events (user_id, source_kind, source_id, xp, granted_on, skill_tree_id, category_id, difficulty,
    skill_type)
values (:user_id, 'SKILL', :skill_id, :xp, :day, :tree_id, :category_id, :difficulty, :skill_type)
on conflict do nothing

-- name: unlock(user_id, dependents)
with opened as (
    insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, unlocked_at)
    select :user_id::uuid, d.id, d.skill_tree_id, 'AVAILABLE', now()
    from skills as d
    where d.id = any(:dependents::uuid[]) and d.is_active and not exists (
        select from skills as n where n.id = any(d.dependencies) and n.is_active and not exists (
            select from user_skill_progress as q
            where q.user_id = :user_id::uuid and q.skill_id = n.id and q.status in ('COMPLETED', 'SKIPPED')))
    on conflict (user_id, skill_id) do nothing
    returning skill_id
)
select s.id, s.name
from opened as o
join skills as s on s.id = o.skill_id
order by s.position_y, s.position_x, s.id

-- name: count_in_tree(user_id, tree_id)
insert into user_skill_tree_progress (user_id, skill_tree_id, status, total_skills, skills_completed, progress_percent,
    milestones_reached, started_at, last_activity_at)
select :user_id::uuid, :tree_id::uuid, 'IN_PROGRESS', count(*), count(p.skill_id),
    100.0 * count(p.skill_id) / count(*),
    coalesce(array_agg(s.id) filter (where s.is_milestone and p.skill_id is not null), '{}'), now(), now()
from skills as s
left join user_skill_progress as p on p.user_id = :user_id::uuid and p.skill_id = s.id and p.status = 'COMPLETED'
where s.skill_tree_id = :tree_id::uuid and s.is_active and not s.is_optional
on conflict (user_id, skill_tree_id) do update set total_skills = excluded.total_skills,
    skills_completed = excluded.skills_completed, progress_percent = excluded.progress_percent,
    milestones_reached = excluded.milestones_reached, last_activity_at = excluded.last_activity_at
returning id, user_id, skill_tree_id, status, progress_percent, skills_completed, total_skills, time_spent_minutes,
    started_at, last_activity_at, completed_at, milestones_reached, current_path, created_at, updated_at

-- name: note_day(user_id, day)!
insert into user_activity_days (user_id, activity_date, learnt_at) values (:user_id, :day, now()) on conflict do nothing

-- name: award(user_id, xp, streak, day)
with earned as (
    insert into user_achievements (user_id, achievement_id, metadata)
    select :user_id::uuid, a.id, jsonb_build_object('value', r.value, 'criteria', a.criteria)
    from achievements as a
    cross join lateral (
        select case a.criterion
            when 'skill_completion_count' then (
                select count(*) from xp_events as e where e.user_id = :user_id::uuid and e.source_kind = 'SKILL')
            when 'xp_threshold' then :xp::integer
            else :streak::integer end as value) as r
    where a.is_active and not a.is_limited and a.threshold <= r.value
        and not exists (
            select from user_achievements as u where u.user_id = :user_id::uuid and u.achievement_id = a.id)
    on conflict do nothing
    returning achievement_id, earned_at
),
paid as (
    insert into xp_events (user_id, source_kind, source_id, xp, granted_on)
    select :user_id::uuid, 'ACHIEVEMENT', a.id, a.xp_reward, :day::date
    from earned as e
    join achievements as a on a.id = e.achievement_id
    returning source_id, xp
)
select a.id, a.name, a.category, a.rarity, a.badge_icon, a.badge_color, p.xp, e.earned_at
from paid as p
join earned as e on e.achievement_id = p.source_id
join achievements as a on a.id = p.source_id
order by a.id

-- name: update_profile(user_id, xp, streak, day)
update user_profiles set total_xp = :xp,
    current_level = (select max(level) from levels where min_xp <= :xp), current_streak = :streak,
    max_streak = greatest(max_streak, :streak), last_activity_on = :day, last_activity_at = now(),
    last_activity_offset = (now() at time zone timezone) - (now() at time zone 'UTC'),
    streak_started_at = case when :streak > 1 or last_activity_on = :day then streak_started_at else now() end,
    skills_completed = skills_completed + 1, trees_started = (
        select count(*) from user_skill_tree_progress as t
        where t.user_id = :user_id and t.status <> 'NOT_STARTED')
where user_id = :user_id
returning total_xp, current_level, current_streak, max_streak

-- name: add_scores(user_id, gain)!
with period as (
    select b.board::leaderboard as board, b.starts_on, o.xp as before
    from (values ('ALL_TIME', date 'epoch'), ('WEEK', date_trunc('week', now() at time zone 'UTC')::date),
        ('MONTH', date_trunc('month', now() at time zone 'UTC')::date)) as b (board, starts_on)
    left join user_scores as o
        on o.user_id = :user_id::uuid and o.board = b.board::leaderboard and o.starts_on = b.starts_on
),
saved as (
    insert into user_scores (user_id, board, starts_on, xp, reached_at, is_listed)
    select :user_id::uuid, board, starts_on, coalesce(before, 0) + :gain::integer, now(), true from period
    on conflict (user_id, board, starts_on) do update set xp = excluded.xp, reached_at = excluded.reached_at
)
insert into leaderboard_counts (board, starts_on, level, bucket, slot, counts)
select board, starts_on, m.level, m.bucket, get_byte(uuid_send(:user_id::uuid), 15) & 7, m.changes
from period, leaderboard_moves(before, coalesce(before, 0) + :gain::integer) as m
order by board, starts_on, m.level, m.bucket
on conflict (board, starts_on, level, bucket, slot) do update
set counts = add_counts(leaderboard_counts.counts, excluded.counts)

-- name: make_room()!
create temporary table brought (
    user_id uuid, skill_id uuid, status skill_progress_status, progress_percent double precision,
    time_spent_minutes integer, attempts_count integer, completion_method completion_method, unlocked_at timestamptz,
    started_at timestamptz, last_activity_at timestamptz, completed_at timestamptz
) on commit drop

-- name: take_over()!
insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, progress_percent, time_spent_minutes,
    attempts_count, completion_method, unlocked_at, started_at, last_activity_at, completed_at)
select b.user_id, b.skill_id, s.skill_tree_id, b.status, b.progress_percent, b.time_spent_minutes, b.attempts_count,
    b.completion_method, b.unlocked_at, b.started_at, b.last_activity_at, b.completed_at
from brought as b
join skills as s on s.id = b.skill_id

-- name: add_progress(user_id, skill_id, tree_id, status, progress_percent, time_spent_minutes, attempts_count, completion_method, unlocked_at, started_at, last_activity_at, completed_at)*!
insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, progress_percent, time_spent_minutes,
    attempts_count, completion_method, unlocked_at, started_at, last_activity_at, completed_at)
values (:user_id, :skill_id, :tree_id, :status, :progress_percent, :time_spent_minutes, :attempts_count,
    :completion_method, :unlocked_at, :started_at, :last_activity_at, :completed_at)
