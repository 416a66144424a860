-- Begin a transaction that works across learners.
--
-- actor_id           who does it; null is nobody in particular
-- statement_timeout  in milliseconds, instead of what is set for the role; null is that
--
-- @sample statement_timeout: null
-- @budget buffers 9
with begun as materialized (
    select begin_as_service(%(actor_id)s::uuid)
)

-- After what is set for the role, which it takes the place of.
select
    set_config(
        'statement_timeout',
        coalesce(%(statement_timeout)s::integer::text, current_setting('statement_timeout')),
        true
    )
from begun;
