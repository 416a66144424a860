-- A learner's payments.
select payments.id, payments.amount
from payments
where payments.user_id = %(user_id)s
order by payments.paid_at, payments.id;
