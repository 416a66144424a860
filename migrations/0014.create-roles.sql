-- The roles and their privileges. Each role may do what the roles before it may. The application logs in as the last
-- one, which owns nothing and starts as app_user.
--
-- app_user       a learner: reads the catalogue and their own rows, changes what they write about themselves
-- app_engine     the effects of a learner's actions, for that learner only: progress, XP, awards, scores
-- app_service    work across learners: authors, accounts, leaderboards, analytics, administration
-- skilltree_app  the log-in of the application. Give it a password: alter role skilltree_app password '…'
--
-- The role that migrates owns everything, and need not be a superuser. It needs CREATEROLE to create these roles, or
-- membership in app_service if they exist. Roles belong to the whole server, so several databases share them.

do $create_roles$
declare
    wanted record;
begin
    for wanted in
        select
            role.name,
            role.attributes
        from (
            values
            ('app_user', 'nologin'),
            ('app_engine', 'nologin'),
            ('app_service', 'nologin'),
            ('skilltree_app', 'login noinherit')
        ) as role (name, attributes)
    loop
        if not exists (select from pg_roles where pg_roles.rolname = wanted.name) then
            begin
                execute format('create role %I %s', wanted.name, wanted.attributes);
            exception
                -- Another database of this server is being migrated at the same time.
                when duplicate_object or unique_violation then null;
            end;
        end if;
        if exists (
            select from pg_roles
            where pg_roles.rolname = wanted.name
                and (pg_roles.rolsuper or pg_roles.rolbypassrls)
        ) then
            raise exception 'role % bypasses row-level security', wanted.name
                using errcode = 'ST501',
                hint = format('As a superuser, run: alter role %I nosuperuser nobypassrls', wanted.name);
        end if;
    end loop;
end
$create_roles$;

do $grant_roles$
declare
    wanted record;
begin
    for wanted in
        select
            membership.role_name,
            membership.member_name
        from (
            values
            ('app_user', 'app_engine'),
            ('app_engine', 'app_service'),
            ('app_user', 'skilltree_app'),
            ('app_service', 'skilltree_app')
        ) as membership (role_name, member_name)
        where not exists (
            select from pg_auth_members
            where pg_auth_members.roleid = membership.role_name::regrole
                and pg_auth_members.member = membership.member_name::regrole
        )
    loop
        execute format('grant %I to %I', wanted.role_name, wanted.member_name);
    end loop;

    -- Row-level security is forced (0015), so it also applies to the owner. As a member of app_service, the owner sees
    -- all rows.
    if not pg_has_role(current_user, 'app_service', 'usage') then
        begin
            execute format('grant app_service to %I', current_user);
        exception
            when insufficient_privilege then
                raise exception 'role %, which owns the tables, is not a member of app_service', current_user
                    using errcode = 'ST501',
                    hint = format('As the role that created app_service, run: grant app_service to %I', current_user);
        end;
    end if;

    if not exists (
        select from pg_db_role_setting
        where pg_db_role_setting.setrole = 'skilltree_app'::regrole
            and pg_db_role_setting.setdatabase = 0
    ) then
        alter role skilltree_app set role = 'app_user';
        alter role skilltree_app set statement_timeout = '10s';
        alter role skilltree_app set idle_in_transaction_session_timeout = '60s';
        alter role app_service set statement_timeout = '60s';
    end if;
end
$grant_roles$;

do $revoke_from_public$
begin
    execute format('revoke all on database %I from public', current_database());
    execute format(
        'grant connect on database %I to app_user, app_engine, app_service, skilltree_app', current_database()
    );
    -- Bulk loads need a temporary table.
    execute format('grant temporary on database %I to app_service', current_database());
end
$revoke_from_public$;

-- No role has a privilege unless it is granted below. The same holds for objects of later migrations, with one
-- exception: the service may read new tables, within their policies.
revoke all on schema public from public;

grant usage on schema public to app_user;

revoke all on all tables in schema public from public;

revoke all on all routines in schema public from public;

revoke all on type
difficulty_level,
skill_type,
tree_progress_status,
skill_progress_status,
completion_method,
achievement_category,
achievement_rarity,
leaderboard,
streak_step
from public;

alter default privileges revoke all on routines from public;

alter default privileges revoke all on types from public;

alter default privileges in schema public grant select on tables to app_service;

-- app_user ------------------------------------------------------------------------------------------------------------

-- The catalogue.
grant select on
skill_categories,
skill_trees,
skills,
achievements,
levels
to app_user;

-- The learner's own rows.
grant select on
user_profiles,
user_skill_tree_progress,
user_skill_progress,
user_achievements,
user_activity_days,
xp_events,
skill_work,
unsatisfied_skills,
tree_standings,
streaks,
achievement_standings
to app_user;

-- Without the hash of the password.
grant select (
    id,
    email,
    username,
    first_name,
    last_name,
    avatar_url,
    is_active,
    email_verified,
    last_login_at,
    created_at,
    updated_at,
    created_by,
    updated_by
) on users to app_user;

-- Without the hash of the token.
grant select (
    user_id,
    id,
    device_info,
    ip_address,
    started_at,
    last_activity_at,
    expires_at,
    ended_at,
    is_active
) on user_sessions to app_user;

-- What learners write about themselves.
grant update (
    username,
    first_name,
    last_name,
    avatar_url,
    updated_at
) on users to app_user;

grant update (
    bio,
    location,
    website,
    timezone,
    day_starts_at,
    learning_goals,
    interests,
    preferences,
    updated_at
) on user_profiles to app_user;

grant usage on type
difficulty_level,
skill_type,
tree_progress_status,
skill_progress_status,
completion_method,
achievement_category,
achievement_rarity,
leaderboard
to app_user;

-- Functions that defaults, checks, views and query files call. Trigger functions need no grant.
grant execute on function
is_id_set(uuid[]),
is_text_list(text[], integer, integer),
fold_name(text),
unseen_in(text, boolean),
own_identifiers(),
timezone_names(text),
canonical_timezone(text),
local_clock(timestamptz, text, integer),
search_configuration(text),
fold_words(text, boolean),
search_document_of(text, text, text),
search_query(text, text, boolean),
topological_levels(uuid[], uuid[]),
find_cycle(uuid[], uuid[]),
distances_from(uuid, uuid[], uuid[]),
way_to(uuid, uuid[], uuid[], uuid[]),
refuse_old_snapshot(),
late_window(),
judge_moment(timestamptz, timestamptz),
streak_goes_on(date, timestamptz, interval, timestamptz, timestamp),
longest_streak(date[], date[]),
leaderboard_moves(bigint, bigint),
add_counts(integer[], integer[])
to app_user;

-- Since version 18, uuidv7() belongs to PostgreSQL itself.
do $grant_uuidv7$
begin
    if to_regprocedure('public.uuidv7()') is not null then
        execute 'grant execute on function public.uuidv7() to app_user';
    end if;
end
$grant_uuidv7$;

-- app_engine ----------------------------------------------------------------------------------------------------------

-- A policy hides the scores of other learners (0015). The counts of leaderboards and the list of started trees are
-- visible to all.
grant select on
user_scores,
leaderboard_counts,
begun_trees,
login_attempts
to app_engine;

-- For a learner's export, which lists unused links. Without the hash of the token.
grant select (
    user_id,
    purpose,
    email,
    created_at,
    expires_at
) on user_tokens to app_engine;

-- Progress can be updated. Rows of the ledger, days and awards can only be inserted.
grant insert, update on
user_skill_tree_progress,
user_skill_progress,
leaderboard_counts
to app_engine;

grant insert on
xp_events,
user_achievements,
begun_trees
to app_engine;

-- Without `excuse`, because only the service may give a day back.
grant insert (
    user_id,
    activity_date,
    minutes,
    learnt_at,
    is_counted
) on user_activity_days to app_engine;

grant update (minutes) on user_activity_days to app_engine;

grant insert, update, delete on user_scores to app_engine;

grant update (
    is_on_leaderboard,
    total_xp,
    current_level,
    current_streak,
    max_streak,
    streak_started_at,
    last_activity_at,
    last_activity_on,
    last_activity_offset,
    skills_completed,
    hours_learned,
    trees_started,
    trees_completed
) on user_profiles to app_engine;

grant update (
    is_active,
    ended_at
) on user_sessions to app_engine;

grant usage on type streak_step to app_engine;

grant execute on function
next_day(integer, timestamptz, integer, date, timestamptz, interval, timestamptz, timestamp),
late_day(date[], timestamptz[], boolean[], date, timestamptz),
tree_of_skill(uuid),
hold_tree_as_learner(uuid)
to app_engine;

-- app_service ---------------------------------------------------------------------------------------------------------

grant select, insert, update, delete on
users,
user_profiles,
user_sessions,
login_attempts,
user_tokens,
skill_categories,
skill_trees,
skills,
achievements,
achievement_backfills,
levels,
user_skill_tree_progress,
user_skill_progress,
user_achievements,
user_activity_days,
xp_events,
user_scores,
leaderboard_counts,
begun_trees
to app_service;

-- The sequence numbers the changes of the graph.
grant usage on sequence skill_graph_changes to app_service;

grant execute on function
late_window(),
judge_moment(timestamptz, timestamptz),
tree_of_slug(text),
hold_trees_of_learner(uuid),
hold_learner(uuid),
hold_session(uuid, uuid),
hold_off_learners(uuid),
wait_briefly(),
hold_edits(uuid),
hold_tree_as_author(uuid, boolean)
to app_service;

-- units of work -------------------------------------------------------------------------------------------------------

-- These functions set the role of a unit of work. The first statement of a transaction calls one of them, and the
-- settings end with the transaction. A learner's transaction sees only that learner's rows. With `is_acting`, it also
-- writes what follows from the learner's actions. In a transaction of the service, `actor_id` is the actor in the audit
-- trail.
--
-- A distributed PostgreSQL passes on to its workers what EXECUTE sets by SET LOCAL, but not what set_config sets. The
-- role is set by set_config, because connections to the workers are made as that role. A transaction has one role,
-- because rows that one role has written are refused to another until the commit.
create function begin_as_user(user_id uuid, is_acting boolean default false) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform set_config('role', case when is_acting then 'app_engine' else 'app_user' end, true);
    execute format('set local app.current_user_id = %L', coalesce(user_id::text, ''));
    execute 'set local app.actor_id = ''''';
end
$$;

-- A learner's statements have the timeouts of the log-in role. Those of the service have the timeouts of app_service
-- (alter role app_service set statement_timeout = '5min'). The server applies such settings only to the role that logs
-- in, so this function reads and applies them.
create function begin_as_service(actor_id uuid) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
    wanted text;
begin
    perform set_config('role', 'app_service', true);
    execute 'set local app.current_user_id = ''''';
    execute format('set local app.actor_id = %L', coalesce(actor_id::text, ''));
    -- A setting for this database overrides one for all databases, so it is applied last.
    for wanted in
        select setting
        from pg_db_role_setting
        cross join unnest(pg_db_role_setting.setconfig) as setting
        where
            pg_db_role_setting.setrole = 'app_service'::regrole
            and pg_db_role_setting.setdatabase in (
                0, (select pg_database.oid from pg_database where pg_database.datname = current_database())
            )
            and setting ~ '^(statement|lock)_timeout='
        order by pg_db_role_setting.setdatabase
    loop
        execute format('set local %I = %L', split_part(wanted, '=', 1), split_part(wanted, '=', 2));
    end loop;
end
$$;

grant execute on function
begin_as_user(uuid, boolean),
begin_as_service(uuid)
to app_user;
