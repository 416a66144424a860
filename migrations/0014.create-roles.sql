-- Who works on the data, and with what rights. Each role may do what the roles before it may. The last one is what the
-- application logs in as: it owns nothing, and begins as the least of them.
--
-- app_user       a learner: reads the catalogue and what is their own, changes what they say of themselves
-- app_engine     what follows from a learner's actions, for that learner: progress, XP, awards, scores
-- app_service    work across learners: authors, accounts, leaderboards, analytics, administration
-- skilltree_app  the log-in of the application. Give it a password: alter role skilltree_app password '…'
--
-- The role that migrates owns everything, and need not be a superuser. It needs CREATEROLE to create these roles, or
-- membership of app_service where they exist. Roles belong to the whole server, so several databases share them.

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

    -- The owner is held by row-level security, too, because it is forced (0015). As the service, it sees everything.
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
    -- Bulk loads go through a temporary table.
    execute format('grant temporary on database %I to app_service', current_database());
end
$revoke_from_public$;

-- Nothing is anybody's until somebody is given it. The same goes for what later migrations add, but for this: the
-- service reads new tables, within their policies.
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

-- Not the hash of the password.
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

-- Not the hash of the token.
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

-- What learners say of themselves.
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

-- What defaults, checks, views and query files call. Functions of triggers are called by nobody else.
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

-- PostgreSQL's own since version 18.
do $grant_uuidv7$
begin
    if to_regprocedure('public.uuidv7()') is not null then
        execute 'grant execute on function public.uuidv7() to app_user';
    end if;
end
$grant_uuidv7$;

-- app_engine ----------------------------------------------------------------------------------------------------------

-- The scores of all others are behind a policy (0015); how many have how many XP, and which trees are begun, are not.
grant select on
user_scores,
leaderboard_counts,
begun_trees,
login_attempts
to app_engine;

-- For a learner's export, which tells of links that are under way. Not the hash, which would let them be used.
grant select (
    user_id,
    purpose,
    email,
    created_at,
    expires_at
) on user_tokens to app_engine;

-- Progress changes. The ledger, the days and the awards are only added to.
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

-- Not `excuse`: whoever acts for a learner cannot give a day back.
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

-- Numbers the changes of the graph.
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

-- How a unit of work takes its role. The first statement of a transaction calls one of these; nothing of it is left at
-- the end. A learner's transaction sees only that learner's rows; `is_acting` says whether it also writes what follows
-- from the learner's actions. In one of the service, `actor_id` is who the audit trail names.
--
-- A distributed PostgreSQL passes on to other servers what EXECUTE sets by SET LOCAL, and not what set_config sets. So
-- the role is set by set_config: connections to other servers are made as that role. It stays for the transaction,
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

-- A learner's statements have the time that is set for the log-in. Those of the service have what is set for its role
-- (alter role app_service set statement_timeout = '5min'). The server heeds such a setting only for the role that logs
-- in, so this function looks it up.
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
    -- A setting for this database is applied last: it comes before one for all databases.
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
