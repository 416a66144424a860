-- The accounts that were erased or deleted, as the SHA-256 of their ids in hexadecimal, oldest first.
--
-- `is_kept` says whether progress was kept under another id (users.erase), or not (users.delete).
--
-- @role app_service
select
    audit_trail.after ->> 'account_hash' as account_hash,
    (audit_trail.after ->> 'is_kept')::boolean as is_kept,
    audit_trail.occurred_at as erased_at
from audit_trail
where
    audit_trail.subject_id = '00000000-0000-0000-0000-000000000000'
    and audit_trail.action = 'ANONYMISE'
    and audit_trail.after is not null
order by audit_trail.occurred_at, audit_trail.id;
