-- What a learner has paid, for users.export.
select
    'payments' as section,
    json_build_object(
        'id', payments.id,
        'course', courses.title,
        'cents', payments.cents,
        'currency', payments.currency,
        'paid_at', payments.paid_at
    )::text as item
from payments
inner join courses on courses.id = payments.course_id
where payments.user_id = %(user_id)s
order by payments.paid_at, payments.id;
