-- Take a learner out of the audit trail: what their rows held, and that it was they who did something.
--
-- @role app_service
-- @sample user_id: (select id from users order by id limit 1)
select anonymise_audit(%(user_id)s);
