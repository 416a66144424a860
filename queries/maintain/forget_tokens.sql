-- Delete a batch of links that have expired. Nobody can use them any more.
--
-- @role app_service
-- @across deletes links of all learners
-- @sample limit: 1000
-- @budget buffers 5100
with expired_token as materialized (
    select
        user_tokens.user_id,
        user_tokens.purpose,
        user_tokens.expires_at
    from user_tokens
    where user_tokens.expires_at <= now()
    order by user_tokens.expires_at
    limit %(limit)s
    for update skip locked
)

delete from user_tokens
using expired_token
where
    user_tokens.user_id = expired_token.user_id
    and user_tokens.purpose = expired_token.purpose
    and user_tokens.expires_at = expired_token.expires_at
returning user_tokens.purpose;
