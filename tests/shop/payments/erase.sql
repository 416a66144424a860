-- Delete a learner's payments.
--
-- @role app_service
delete from payments where payments.user_id = %(user_id)s;
