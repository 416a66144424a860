-- What a distributed server (Citus) needs, most of it for the trail. `skilltree distribute` spreads a database over
-- such servers. On any other server, nothing changes.
--
-- Each server has a copy of the accounts and the catalogue, and the triggers of a copy run there, too. They cannot
-- write to tables that are spread over the servers. So the trail of these tables has a table of its own, which is
-- not spread, and only the triggers of the first copy write to it.
--
-- @compatible

-- Empty, unless the database is distributed. The columns are those of audit_log.
create table shared_audit_log (
    subject_id uuid not null,
    occurred_at timestamptz not null default clock_timestamp(),
    id bigint not null generated always as identity,
    constraint shared_audit_log_pkey primary key (subject_id, occurred_at, id),

    table_name text not null,
    action audit_action not null,
    row_keys text[] not null,
    actor_id uuid default coalesce(
        nullif(current_setting('app.actor_id', true), ''), nullif(current_setting('app.current_user_id', true), '')
    )::uuid,
    role_name text not null default coalesce(nullif(current_setting('role'), 'none'), session_user),
    transaction_id xid8 not null default pg_current_xact_id(),
    before jsonb,
    after jsonb
);

create index idx_shared_audit_actor on shared_audit_log (actor_id) where actor_id <> subject_id;

alter table shared_audit_log enable row level security, force row level security;

create policy shared_audit_log_owner on shared_audit_log for all to current_user
using (true)
with check (true);

create policy shared_audit_log_service on shared_audit_log for select to app_service
using (true);

create policy shared_audit_log_own on shared_audit_log for select to app_user
using (subject_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

revoke all on shared_audit_log from app_service;

grant select on shared_audit_log to app_engine, app_service;

-- The whole trail.
create view audit_trail with (security_invoker = true) as
select
    audit_log.subject_id,
    audit_log.occurred_at,
    audit_log.id,
    audit_log.table_name,
    audit_log.action,
    audit_log.row_keys,
    audit_log.actor_id,
    audit_log.role_name,
    audit_log.transaction_id,
    audit_log.before,
    audit_log.after
from audit_log
union all
select
    shared_audit_log.subject_id,
    shared_audit_log.occurred_at,
    shared_audit_log.id,
    shared_audit_log.table_name,
    shared_audit_log.action,
    shared_audit_log.row_keys,
    shared_audit_log.actor_id,
    shared_audit_log.role_name,
    shared_audit_log.transaction_id,
    shared_audit_log.before,
    shared_audit_log.after
from shared_audit_log;

grant select on audit_trail to app_engine, app_service;

-- Whether this server has the first copy of each row: on a distributed server, the coordinator.
create function is_first_copy() returns boolean
language plpgsql stable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if to_regclass('pg_catalog.pg_dist_local_group') is null then
        return true;
    end if;
    return (select pg_dist_local_group.groupid = 0 from pg_dist_local_group);
end
$$;

grant execute on function is_first_copy() to app_user;

-- Lets the triggers of a table write to shared_audit_log, and only those of the first copy; or undoes it. Call it again
-- after audit_table, which makes them as they are on one server.
create procedure share_trail(table_name text, is_shared boolean)
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $procedure$
declare
    change record;
begin
    for change in
        select
            pg_trigger.tgname as name,
            pg_get_functiondef(pg_trigger.tgfoid) as function_definition,
            regexp_replace(
                pg_get_triggerdef(pg_trigger.oid), ' WHEN \(.*\) EXECUTE FUNCTION ', ' EXECUTE FUNCTION '
            ) as definition
        from pg_trigger
        where pg_trigger.tgrelid = table_name::regclass
            and pg_trigger.tgname ~ '_audit_(insert|update|delete)$'
        order by pg_trigger.tgname
    loop
        execute format('drop trigger %I on %I', change.name, table_name);
        execute regexp_replace(
            change.function_definition, 'insert into (shared_)?audit_log ',
            case when is_shared then 'insert into shared_audit_log ' else 'insert into audit_log ' end, 'g'
        );
        execute replace(
            change.definition, ' EXECUTE FUNCTION ',
            case when is_shared then ' WHEN (public.is_first_copy()) EXECUTE FUNCTION ' else ' EXECUTE FUNCTION ' end
        );
    end loop;
end
$procedure$;

revoke all on procedure share_trail(text, boolean) from public;

-- As before, but a sub-select in a choice is now a join, because the planner of Citus fails on such a sub-select.
create or replace view achievement_standings with (security_invoker = true) as
select
    counted.user_id,
    counted.achievement_id,
    counted.threshold,
    case
        when counted.criterion = 'skill_completion_count' then counted.skills
        when counted.criterion = 'xp_threshold' and not counted.is_limited then counted.total_xp
        when counted.criterion = 'xp_threshold' then counted.xp
        when not counted.is_limited then counted.max_streak
        else coalesce(limited.streak, 0)
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
) as counted
left join
    lateral (
        select longest_streak(array_agg(learnt.granted_on), coalesce(joining.days, '{}')) as streak
        from xp_events as learnt
        left join
            (
                select
                    user_activity_days.user_id,
                    array_agg(user_activity_days.activity_date) as days
                from user_activity_days
                where not user_activity_days.is_counted or user_activity_days.excuse is not null
                group by user_activity_days.user_id
            ) as joining
            on joining.user_id = learnt.user_id
        where
            counted.criterion = 'streak_days'
            and counted.is_limited
            and learnt.user_id = counted.user_id
            and learnt.source_kind = 'SKILL'
            and (counted.for_category_id is null or learnt.category_id = counted.for_category_id)
            and (counted.for_tree_id is null or learnt.skill_tree_id = counted.for_tree_id)
            and (counted.for_difficulty is null or learnt.difficulty::text = counted.for_difficulty)
            and (counted.for_skill_type is null or learnt.skill_type::text = counted.for_skill_type)
        group by joining.days
    ) as limited
    on true;

-- Citus cannot bring back a table with an identity column. The new sequence goes on where the old one ends.
create sequence audit_entries;

select setval('audit_entries', last_value, is_called)
from audit_log_id_seq;

-- Nobody but the triggers inserts, and they leave the id to its default.
-- squawk-ignore ban-alter-identity
alter table audit_log alter column id drop identity;

alter table audit_log alter column id set default nextval('audit_entries');

alter sequence audit_entries owned by audit_log.id;

-- Citus makes a sequence on each server only for the default of a column. The trigger that stamps a skill uses it.
alter table skills alter column graph_change set default array[0, 0, nextval('skill_graph_changes')];

-- Citus locks the copies of a table that it writes, for which the right to insert is not enough.
grant update on begun_trees to app_engine;

create or replace function drop_audit_partitions(months_kept integer) returns setof text
language plpgsql
set search_path = pg_catalog, public, pg_temp
set lock_timeout = '5s'
as $$
declare
    first_kept constant timestamp := date_trunc('month', now() at time zone 'UTC')
        - make_interval(months => months_kept);
    partition_name text;
begin
    perform pg_advisory_xact_lock(hashtextextended('partitions of audit_log', 0));
    for partition_name in
        select pg_class.relname
        from pg_inherits
        inner join pg_class on pg_class.oid = pg_inherits.inhrelid
        where pg_inherits.inhparent = 'audit_log'::regclass
            and pg_class.relname < to_char(first_kept, '"audit_log_"YYYY"_"MM')
            and pg_class.relname <> 'audit_log_default'
        order by pg_class.relname
    loop
        execute format('drop table %I', partition_name);
        return next partition_name;
    end loop;
    delete from shared_audit_log where shared_audit_log.occurred_at < first_kept at time zone 'UTC';
    delete from audit_log_default where audit_log_default.occurred_at < first_kept at time zone 'UTC';
end
$$;

create or replace function anonymise_audit(learner uuid, nobody uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
set row_security = on
as $$
declare
    -- Each asks for itself: Citus plans no question about both a learner's rows and those of all servers.
    is_there constant boolean := exists (select 1 from users where users.id = learner);
    is_placeholder constant boolean := exists (
        select 1 from users
        where users.id = nobody
            and not users.is_active
            and users.email = 'deleted-' || nobody || '@deleted.invalid'
            and users.password_hash = '$2b$04$' || repeat('.', 53)
    );
    is_deleted constant boolean := exists (
        select 1 from audit_trail
        where audit_trail.subject_id = learner
            and audit_trail.occurred_at > now() - interval '1 day'
            and audit_trail.transaction_id = pg_current_xact_id()
            and audit_trail.table_name = 'users'
            and audit_trail.action = 'DELETE'
    );
    is_created constant boolean := exists (
        select 1 from audit_trail
        where audit_trail.subject_id = nobody
            and audit_trail.occurred_at > now() - interval '1 day'
            and audit_trail.transaction_id = pg_current_xact_id()
            and audit_trail.table_name = 'users'
            and audit_trail.action = 'INSERT'
    );
begin
    if is_there or not is_deleted then
        raise exception 'the audit trail of account % cannot be removed: this transaction does not delete it', learner
            using errcode = 'ST401', hint = 'Use users.erase or users.delete.';
    end if;
    if nobody is not null and not (is_placeholder and is_created) then
        raise exception
            'the audit trail of account % cannot be removed: it is no placeholder created in this transaction', nobody
            using errcode = 'ST401', hint = 'Use users.erase.';
    end if;

    delete from audit_log where audit_log.subject_id in (learner, nobody);

    update audit_log
    set actor_id = null
    where audit_log.actor_id = learner
        and audit_log.actor_id <> audit_log.subject_id;

    delete from shared_audit_log where shared_audit_log.subject_id in (learner, nobody);

    update shared_audit_log
    set actor_id = null
    where shared_audit_log.actor_id = learner
        and shared_audit_log.actor_id <> shared_audit_log.subject_id;

    insert into audit_log (subject_id, table_name, action, row_keys, after)
    values (
        '00000000-0000-0000-0000-000000000000', 'users', 'ANONYMISE', '{00000000-0000-0000-0000-000000000000}',
        jsonb_build_object(
            'account_hash', encode(sha256(convert_to(learner::text, 'UTF8')), 'hex'),
            'is_kept', nobody is not null
        )
    );
end
$$;
