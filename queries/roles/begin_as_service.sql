-- Begin a transaction that works across learners.
--
-- actor_id           the actor that the audit trail names; null names nobody
-- statement_timeout  in milliseconds, instead of the setting of the role; null keeps that
--
-- @sample statement_timeout: null
-- @budget buffers 10
with begun as materialized (
    select begin_as_service(%(actor_id)s::uuid)
)

-- After the role's settings, because it overrides them.
select
    set_config(
        'statement_timeout',
        coalesce(%(statement_timeout)s::integer::text, current_setting('statement_timeout')),
        true
    )
from begun;
