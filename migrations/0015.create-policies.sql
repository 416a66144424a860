-- Who sees which rows, whatever a statement asks for: a learner sees, and writes, only their own. Without a learner
-- there are no rows, and no error tells of any.
--
-- One expression serves every policy of learners' rows. It has no sub-select, and its comparison is leakproof: it is as
-- good an index condition as the statement's own. The catalogue's policy is `true`: with any other, its full-text and
-- array indexes would not be used, because their operators are not leakproof.
--
-- Row-level security is forced, so that it holds for the owner, too.

alter table users enable row level security, force row level security;

alter table user_profiles enable row level security, force row level security;

alter table user_sessions enable row level security, force row level security;

alter table user_tokens enable row level security, force row level security;

alter table user_skill_tree_progress enable row level security, force row level security;

alter table user_skill_progress enable row level security, force row level security;

alter table user_activity_days enable row level security, force row level security;

alter table xp_events enable row level security, force row level security;

alter table user_achievements enable row level security, force row level security;

alter table user_scores enable row level security, force row level security;

alter table skill_categories enable row level security, force row level security;

alter table skill_trees enable row level security, force row level security;

alter table skills enable row level security, force row level security;

alter table achievements enable row level security, force row level security;

alter table levels enable row level security, force row level security;

alter table leaderboard_counts enable row level security, force row level security;

alter table begun_trees enable row level security, force row level security;

alter table login_attempts enable row level security, force row level security;

alter table achievement_backfills enable row level security, force row level security;

-- What is a learner's own.
create policy users_own on users for all to app_user
using (id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_profiles_own on user_profiles for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_sessions_own on user_sessions for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_tokens_own on user_tokens for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_skill_tree_progress_own on user_skill_tree_progress for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_skill_progress_own on user_skill_progress for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_activity_days_own on user_activity_days for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy xp_events_own on xp_events for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_achievements_own on user_achievements for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_scores_own on user_scores for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

-- Failed log-ins belong to no account. A learner sees those that are counted under their own address or id.
create policy login_attempts_own on login_attempts for select to app_user
using (identifier_hash = any(own_identifiers()));

-- The catalogue.
create policy skill_categories_read on skill_categories for select to app_user using (true);

create policy skill_trees_read on skill_trees for select to app_user using (true);

create policy skills_read on skills for select to app_user using (true);

create policy achievements_read on achievements for select to app_user using (true);

create policy levels_read on levels for select to app_user using (true);

-- These say nothing of any one learner: how many have how many XP, and which trees somebody has begun.
create policy leaderboard_counts_engine on leaderboard_counts for all to app_engine
using (true)
with check (true);

create policy begun_trees_engine on begun_trees for all to app_engine
using (true)
with check (true);

-- The service sees everything. The two tables above it sees as a member of app_engine.
create policy users_service on users for all to app_service
using (true)
with check (true);

create policy user_profiles_service on user_profiles for all to app_service
using (true)
with check (true);

create policy user_sessions_service on user_sessions for all to app_service
using (true)
with check (true);

create policy user_tokens_service on user_tokens for all to app_service
using (true)
with check (true);

create policy user_skill_tree_progress_service on user_skill_tree_progress for all to app_service
using (true)
with check (true);

create policy user_skill_progress_service on user_skill_progress for all to app_service
using (true)
with check (true);

create policy user_activity_days_service on user_activity_days for all to app_service
using (true)
with check (true);

create policy xp_events_service on xp_events for all to app_service
using (true)
with check (true);

create policy user_achievements_service on user_achievements for all to app_service
using (true)
with check (true);

create policy user_scores_service on user_scores for all to app_service
using (true)
with check (true);

create policy skill_categories_service on skill_categories for all to app_service
using (true)
with check (true);

create policy skill_trees_service on skill_trees for all to app_service
using (true)
with check (true);

create policy skills_service on skills for all to app_service
using (true)
with check (true);

create policy achievements_service on achievements for all to app_service
using (true)
with check (true);

create policy levels_service on levels for all to app_service
using (true)
with check (true);

create policy login_attempts_service on login_attempts for all to app_service
using (true)
with check (true);

create policy achievement_backfills_service on achievement_backfills for all to app_service
using (true)
with check (true);

-- The catalogue as whoever is at work may see it. To a learner or a visitor, a draft (a tree that is not published)
-- does not exist, unless they are in it already; authors see all. Query files read trees through this view, since the
-- policy is `true`, and `skilltree check-queries` holds them to it.
--
-- The view is opened up in every plan, so that each index serves it. Whether a learner is in a tree is asked for drafts
-- only, by a function: a sub-select would be planned with every statement that reads a tree (a list of trees took twice
-- as long to plan), and is hardly ever run.

-- Whether the learner at work has begun a tree. Row-level security shows them no other rows.
create function is_in_tree(tree_id uuid) returns boolean
language plpgsql stable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    return exists (
        select from user_skill_tree_progress
        where
            user_skill_tree_progress.user_id = nullif(current_setting('app.current_user_id', true), '')::uuid
            and user_skill_tree_progress.skill_tree_id = is_in_tree.tree_id
    );
end
$$;

grant execute on function is_in_tree(uuid) to app_user;

create view visible_trees with (security_invoker = true) as
select
    skill_trees.id,
    skill_trees.category_id,
    skill_trees.name,
    skill_trees.slug,
    skill_trees.description,
    skill_trees.short_description,
    skill_trees.difficulty,
    skill_trees.estimated_hours,
    skill_trees.prerequisites,
    skill_trees.tags,
    skill_trees.version,
    skill_trees.language,
    skill_trees.layout_config,
    skill_trees.theme_config,
    skill_trees.is_published,
    skill_trees.is_featured,
    skill_trees.is_ai_generated,
    skill_trees.created_at,
    skill_trees.updated_at,
    skill_trees.created_by,
    skill_trees.updated_by,
    skill_trees.search_document
from skill_trees
where
    skill_trees.is_published
    or current_user not in ('app_user', 'app_engine')
    or is_in_tree(skill_trees.id);

grant select on visible_trees to app_user;
