-- Who sees what, and writes it: whatever a statement asks for, a learner's is only what is their own. Without a learner
-- there is nothing, neither to see nor to tell an error from. Forced, so that it holds for the owner, too.
--
-- The expression is that of every policy, without a sub-select, and its comparison is leakproof: it is an index
-- condition as good as the statement's own. The catalogue's is `true`, because nothing else would leave its full-text
-- and array indexes in use.

alter table users enable row level security;

alter table users force row level security;

alter table user_profiles enable row level security;

alter table user_profiles force row level security;

alter table user_sessions enable row level security;

alter table user_sessions force row level security;

alter table user_skill_tree_progress enable row level security;

alter table user_skill_tree_progress force row level security;

alter table user_skill_progress enable row level security;

alter table user_skill_progress force row level security;

alter table user_achievements enable row level security;

alter table user_achievements force row level security;

alter table user_activity_days enable row level security;

alter table user_activity_days force row level security;

alter table xp_events enable row level security;

alter table xp_events force row level security;

alter table user_scores enable row level security;

alter table user_scores force row level security;

alter table skill_categories enable row level security;

alter table skill_categories force row level security;

alter table skill_trees enable row level security;

alter table skill_trees force row level security;

alter table skills enable row level security;

alter table skills force row level security;

alter table achievements enable row level security;

alter table achievements force row level security;

alter table levels enable row level security;

alter table levels force row level security;

alter table leaderboard_counts enable row level security;

alter table leaderboard_counts force row level security;

alter table begun_trees enable row level security;

alter table begun_trees force row level security;

alter table achievement_backfills enable row level security;

alter table achievement_backfills force row level security;

create policy users_own on users for all to app_user
using (id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_profiles_own on user_profiles for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_sessions_own on user_sessions for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_skill_tree_progress_own on user_skill_tree_progress for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_skill_progress_own on user_skill_progress for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_achievements_own on user_achievements for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_activity_days_own on user_activity_days for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy xp_events_own on xp_events for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_scores_own on user_scores for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

-- How many have how much, and which trees somebody has begun, is about nobody.
create policy leaderboard_counts_engine on leaderboard_counts for all to app_engine
using (true)
with check (true);

create policy begun_trees_engine on begun_trees for all to app_engine
using (true)
with check (true);

create policy skill_categories_read on skill_categories for select to app_user using (true);

create policy skill_trees_read on skill_trees for select to app_user using (true);

create policy skills_read on skills for select to app_user using (true);

create policy achievements_read on achievements for select to app_user using (true);

create policy levels_read on levels for select to app_user using (true);

create policy users_service on users for all to app_service
using (true)
with check (true);

create policy user_profiles_service on user_profiles for all to app_service
using (true)
with check (true);

create policy user_sessions_service on user_sessions for all to app_service
using (true)
with check (true);

create policy user_skill_tree_progress_service on user_skill_tree_progress for all to app_service
using (true)
with check (true);

create policy user_skill_progress_service on user_skill_progress for all to app_service
using (true)
with check (true);

create policy user_achievements_service on user_achievements for all to app_service
using (true)
with check (true);

create policy user_activity_days_service on user_activity_days for all to app_service
using (true)
with check (true);

create policy xp_events_service on xp_events for all to app_service
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

create policy achievement_backfills_service on achievement_backfills for all to app_service
using (true)
with check (true);
