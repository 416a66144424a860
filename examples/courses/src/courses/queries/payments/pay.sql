-- Record what a learner pays for a course: its price.
--
-- @sample payment_id: gen_random_uuid()
insert into payments (id, user_id, course_id, cents, currency)
select %(payment_id)s, %(user_id)s, courses.id, courses.price_cents, 'EUR'
from courses
where courses.id = %(course_id)s
returning payments.id, payments.course_id, payments.cents, payments.currency, payments.paid_at;
