-- What a learner has paid, latest first.
select
    payments.id,
    payments.course_id,
    payments.cents,
    payments.currency,
    payments.paid_at
from payments
where payments.user_id = %(user_id)s
order by payments.paid_at desc, payments.id;
