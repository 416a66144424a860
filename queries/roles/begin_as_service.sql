-- Begin a transaction that works across learners.
--
-- actor_id           who does it; null is nobody in particular
-- statement_timeout  in milliseconds, instead of what is set for the role; null is that
--
-- @sample statement_timeout: null
-- @budget buffers 9
select
    begin_as_service(%(actor_id)s::uuid),
    case
        when %(statement_timeout)s::integer is not null
            then set_config('statement_timeout', %(statement_timeout)s::integer::text, true)
    end;
