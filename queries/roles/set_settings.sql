-- Set the settings that statements depend on until the transaction ends, in a session that others also use.
--
-- @sample names: array['search_path']
-- @sample settings: array['public, pg_temp']
-- @budget buffers 8
select set_config(asked.name, asked.setting, true)
from unnest(%(names)s::text[], %(settings)s::text[]) as asked (name, setting)
order by asked.name;
