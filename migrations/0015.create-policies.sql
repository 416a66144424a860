-- The policies: they decide which rows a role sees, whatever the statement is. Learners see and write only their own
-- rows. Without a learner, no row is visible, and no error shows that there are any.
--
-- All policies on learners' rows use the same expression. It has no sub-select, and its comparison is leakproof, so it
-- can be an index condition. The catalogue's policy is `true`. With any other policy, its full-text and array indexes
-- would not be used, because their operators are not leakproof.
--
-- Row-level security is forced, so that it also applies to the owner.

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

-- The learner's own rows.
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

-- Failed log-ins belong to no account. Learners see those that are counted for their own address or id.
create policy login_attempts_own on login_attempts for select to app_user
using (identifier_hash = any(own_identifiers()));

-- The catalogue.
create policy skill_categories_read on skill_categories for select to app_user using (true);

create policy skill_trees_read on skill_trees for select to app_user using (true);

create policy skills_read on skills for select to app_user using (true);

create policy achievements_read on achievements for select to app_user using (true);

create policy levels_read on levels for select to app_user using (true);

-- These two tables show nothing about a single learner: the counts of leaderboards, and the trees that somebody has
-- started.
create policy leaderboard_counts_engine on leaderboard_counts for all to app_engine
using (true)
with check (true);

create policy begun_trees_engine on begun_trees for all to app_engine
using (true)
with check (true);

-- The service sees all rows. As a member of app_engine, it also sees the two tables above.
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

-- The trees that the current role may see. Learners and visitors see a draft (a tree that is not published) only if
-- they are already in it; authors see all trees. The policy is `true`, so query files read trees through this view.
-- `skilltree check-queries` ensures that they do.
--
-- The planner expands the view, so that every index can be used. A function asks whether a learner is in a tree, and
-- only for drafts. A sub-select would hardly ever run, but would be planned with every statement that reads a tree (a
-- list of trees took twice as long to plan).

-- Whether the learner of this transaction has progress in a tree.
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
