-- The types of the schema: the enums of the domain, and the small functions that defaults, checks and triggers call.
--
-- Two rules hold for every function of the schema. It sets its own search_path, with pg_temp last. If pg_temp is not
-- listed, PostgreSQL searches it first, and a temporary table could hide the table that the function means. And it is
-- written in PL/pgSQL, because a distributed PostgreSQL cannot call SQL functions with parameters everywhere.

create type difficulty_level as enum ('BEGINNER', 'INTERMEDIATE', 'ADVANCED', 'EXPERT');

create type skill_type as enum ('KNOWLEDGE', 'PRACTICAL', 'PROJECT', 'ASSESSMENT', 'MILESTONE');

create type tree_progress_status as enum ('NOT_STARTED', 'IN_PROGRESS', 'COMPLETED', 'PAUSED');

create type skill_progress_status as enum ('LOCKED', 'AVAILABLE', 'IN_PROGRESS', 'COMPLETED', 'SKIPPED');

create type completion_method as enum ('MANUAL', 'ASSESSMENT', 'PROJECT', 'TIME_BASED', 'EXTERNAL');

create type achievement_category as enum ('PROGRESS', 'STREAK', 'EXPLORATION', 'MASTERY', 'SOCIAL', 'TIME');

create type achievement_rarity as enum ('COMMON', 'UNCOMMON', 'RARE', 'LEGENDARY');

-- The leaderboards: all time, an ISO week, a month.
create type leaderboard as enum ('ALL_TIME', 'WEEK', 'MONTH');

-- Ids are UUIDs of version 7, which are ordered by time. PostgreSQL 18 has uuidv7(). Older servers get it here, by RFC
-- 9562, section 5.7, with method 3 of section 6.2: 48 bits of milliseconds, then 12 bits of the fraction of a
-- millisecond. So the ids of a session are in the order in which they were created.
do $create_uuidv7$
begin
    if to_regprocedure('pg_catalog.uuidv7()') is null then
        execute $uuidv7$
            create function uuidv7() returns uuid
            language plpgsql volatile parallel safe
            set search_path = pg_catalog, pg_temp
            as $body$
            declare
                microseconds bigint := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
                id bytea := uuid_send(gen_random_uuid());
                fraction integer := ((microseconds % 1000) * 4096 / 1000)::integer;
            begin
                id := overlay(id placing substring(int8send(microseconds / 1000) from 3) from 1 for 6);
                id := set_byte(id, 6, 112 | (fraction >> 8));
                id := set_byte(id, 7, fraction & 255);
                return encode(id, 'hex')::uuid;
            end
            $body$
        $uuidv7$;
    end if;
end
$create_uuidv7$;

-- Query files set `updated_at` themselves. This trigger sets it if a statement written by hand does not, or sets a time
-- other than now. It allows a difference of a minute, because on a distributed server (Citus) the trigger of a
-- reference table runs on every node, and the clocks of the nodes differ.
create function set_updated_at() returns trigger
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
begin
    new.updated_at := now();
    return new;
end
$$;

-- For tables with an author and a last editor. Both come from the context of the transaction (begin_as_user,
-- begin_as_service). Values that a client gives count only without a context, for example when a dump is restored. The
-- author of an erased account has been removed, and stays removed.
create function set_authorship() returns trigger
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
    actor constant uuid := coalesce(
        nullif(current_setting('app.actor_id', true), ''), nullif(current_setting('app.current_user_id', true), '')
    )::uuid;
begin
    if tg_op = 'UPDATE' then
        if
            new.updated_at = old.updated_at
            or new.updated_at not between now() - interval '1 minute' and now() + interval '1 minute'
        then
            new.updated_at := now();
        end if;
        if actor is not null and new.created_by is not null then
            new.created_by := old.created_by;
        end if;
    elsif actor is not null then
        new.created_by := actor;
    end if;
    new.updated_by := coalesce(actor, new.updated_by);
    return new;
end
$$;

-- Whether an array is a set of ids: one dimension, no null, no duplicate.
--
-- A check of an array runs whenever any column of its row changes. Most arrays are empty or have one item, and are
-- checked without a query (two empty arrays take 2 microseconds instead of 17).
create function is_id_set(ids uuid[]) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if cardinality(ids) = 0 then
        return true;
    end if;
    return array_ndims(ids) = 1
        and array_position(ids, null) is null
        and (cardinality(ids) = 1 or (select count(distinct id) = cardinality(ids) from unnest(ids) as id));
end
$$;

-- Whether an array is a list of short texts, such as tags: one dimension, no null, no empty text, none over the limit.
create function is_text_list(items text[], most_items integer, most_characters integer) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if cardinality(items) = 0 then
        return true;
    end if;
    return array_ndims(items) = 1
        and cardinality(items) <= most_items
        and array_position(items, null) is null
        and not exists (
            select from unnest(items) as item where char_length(item) not between 1 and most_characters
        );
end
$$;
