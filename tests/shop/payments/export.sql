-- A learner's payments, for the export.
select 'payments' as section, json_build_object('amount', payments.amount, 'note', payments.note)::text as item
from payments
where payments.user_id = %(user_id)s
order by payments.paid_at, payments.id;
