-- Loses the trail of accounts and the catalogue that was written while the database was distributed. Run `skilltree
-- undistribute` before: it keeps this trail.

create or replace function anonymise_audit(learner uuid, nobody uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
set row_security = on
as $$
begin
    if exists (select from users where users.id = learner)
        or not exists (
            select from audit_log
            where audit_log.subject_id = learner
                and audit_log.occurred_at > now() - interval '1 day'
                and audit_log.transaction_id = pg_current_xact_id()
                and audit_log.table_name = 'users'
                and audit_log.action = 'DELETE'
        )
    then
        raise exception 'the audit trail of account % cannot be removed: this transaction does not delete it', learner
            using errcode = 'ST401', hint = 'Use users.erase or users.delete.';
    end if;
    if nobody is not null
        and not exists (
            select from users
            inner join audit_log on audit_log.subject_id = users.id
            where users.id = nobody
                and not users.is_active
                and users.email = 'deleted-' || nobody || '@deleted.invalid'
                and users.password_hash = '$2b$04$' || repeat('.', 53)
                and audit_log.occurred_at > now() - interval '1 day'
                and audit_log.transaction_id = pg_current_xact_id()
                and audit_log.table_name = 'users'
                and audit_log.action = 'INSERT'
        )
    then
        raise exception
            'the audit trail of account % cannot be removed: it is no placeholder created in this transaction', nobody
            using errcode = 'ST401', hint = 'Use users.erase.';
    end if;

    delete from audit_log where audit_log.subject_id in (learner, nobody);

    update audit_log
    set actor_id = null
    where audit_log.actor_id = learner
        and audit_log.actor_id <> audit_log.subject_id;

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
    delete from audit_log_default where audit_log_default.occurred_at < first_kept at time zone 'UTC';
end
$$;

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
        else (
            select
                coalesce(
                    longest_streak(
                        array_agg(xp_events.granted_on),
                        array(
                            select user_activity_days.activity_date
                            from user_activity_days
                            where
                                user_activity_days.user_id = counted.user_id
                                and (not user_activity_days.is_counted or user_activity_days.excuse is not null)
                        )
                    ),
                    0
                )
            from xp_events
            where
                xp_events.user_id = counted.user_id
                and xp_events.source_kind = 'SKILL'
                and (counted.for_category_id is null or xp_events.category_id = counted.for_category_id)
                and (counted.for_tree_id is null or xp_events.skill_tree_id = counted.for_tree_id)
                and (counted.for_difficulty is null or xp_events.difficulty::text = counted.for_difficulty)
                and (counted.for_skill_type is null or xp_events.skill_type::text = counted.for_skill_type)
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

revoke update on begun_trees from app_engine;

alter table skills alter column graph_change set default '{}';

alter table audit_log alter column id drop default;

-- Nobody but the triggers inserts, and they leave the id to its default.
-- squawk-ignore ban-alter-identity
alter table audit_log alter column id add generated always as identity;

select setval('audit_log_id_seq', last_value, is_called)
from audit_entries;

drop sequence audit_entries;

drop procedure share_trail(text, boolean);

drop function is_first_copy();

drop view audit_trail;

drop table shared_audit_log;
