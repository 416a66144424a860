-- Delete a learner's enrolments.
--
-- @role app_service
delete from enrolments
where enrolments.user_id = %(user_id)s;
