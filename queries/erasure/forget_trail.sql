-- Take an erased learner out of the audit trail, and with them what this transaction has added to it. Of who had no
-- account, there is none of nobody's either.
--
-- nobody_id  whose their rows are from now on
--
-- @role app_service
-- @across the account that stays, which is nobody's
-- @after erasure/keep_account
-- @budget buffers 240
-- @never Seq Scan on users
select anonymise_audit(%(user_id)s, users.id)
from users
where users.id = %(nobody_id)s;
