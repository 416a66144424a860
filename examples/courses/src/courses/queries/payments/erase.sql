-- Keep a learner's payments for the books, without the learner.
--
-- @role app_service
update payments
set user_id = null
where payments.user_id = %(user_id)s;
