-- Enrol a learner in the course that a payment of theirs is for.
insert into enrolments (user_id, course_id, payment_id)
select payments.user_id, payments.course_id, payments.id
from payments
where
    payments.id = %(payment_id)s
    and payments.user_id = %(user_id)s
returning enrolments.user_id, enrolments.course_id, enrolments.payment_id, enrolments.enrolled_at;
