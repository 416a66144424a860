-- Keep the sums of an erased learner's payments under the new id.
--
-- @role app_service
insert into payments (user_id, id, course_id, amount, paid_at)
select %(nobody_id)s::uuid, gen_random_uuid(), payments.course_id, payments.amount, date_trunc('day', payments.paid_at)
from payments
where payments.user_id = %(user_id)s and %(nobody_id)s::uuid is not null;
