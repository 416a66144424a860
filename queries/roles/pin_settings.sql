-- Set the settings that statements depend on. Return those that could not be set because of a pooler, whether only
-- learners work in this session, whether triggers are disabled, whether the database is distributed, and whether it
-- has the functions.
--
-- names, settings  the settings and their values
-- followed         the settings that a pooler keeps for each client
-- functions        the functions of this version for a cluster
-- backend          the server process announced to the client; a pooler announces one that does not exist
--
-- @sample names: array['DateStyle']
-- @sample settings: array['ISO, MDY']
-- @sample followed: array['DateStyle']
-- @sample functions: '{}'::text[]
-- @sample backend: pg_backend_pid()
-- @budget buffers 8
with wanted as (
    select
        asked.name,
        asked.setting
    from unnest(%(names)s::text[], %(settings)s::text[]) as asked (name, setting)
    where
        current_setting(asked.name, true) <> asked.setting
        -- Citus cannot plan a statement for many shards without its values.
        and (asked.name <> 'plan_cache_mode' or current_setting('citus.shard_count', true) is null)
),

pinned as materialized (
    select
        wanted.name,
        case
            when pg_backend_pid() = %(backend)s::integer or wanted.name = any(%(followed)s::text[])
                then set_config(wanted.name, wanted.setting, false)
        end as setting
    from wanted
)

select
    current_user in ('app_user', 'app_engine') as is_learner,
    -- In a path where only `public` exists, every name is found there.
    coalesce(
        array_agg(pinned.name order by pinned.name) filter (
            where pinned.setting is null
            and (pinned.name <> 'search_path' or current_schemas(false) <> array['public']::name[])
        ),
        '{}'
    ) as loose,
    current_setting('session_replication_role') = 'replica' as is_replica,
    coalesce(current_setting('citus.propagate_set_commands', true) = 'local', false) as is_distributed,
    current_setting('citus.version', true) is not null and not exists (
        select from unnest(%(functions)s::text[]) as function (name)
        where to_regproc(function.name) is null
    ) as has_functions
from pinned;
